//! Deadlines and calendars as people at the command line see them.

#![cfg(test)]

use std::time::{Duration, Instant};

use sahut_tests::{Sahut, or_skip};

const PATIENCE: Duration = Duration::from_mins(1);

const NUMBER: &str = "K-2026-00001";

/// An installation with one complaint of the second of November, routed and stopped again.
fn complained() -> Option<Sahut> {
    let mut sahut = or_skip(Sahut::with_archive())?;
    sahut.import_texts(["Mohon jalan rusak di Topos diperbaiki"]).unwrap();
    sahut.start(&["run"]).unwrap();
    let begun = Instant::now();
    while sahut.json(&["status"]).unwrap()["messages_waiting"] != 0 {
        assert!(begun.elapsed() < PATIENCE, "routing takes too long");
        std::thread::sleep(Duration::from_millis(100));
    }
    sahut.stop();
    Some(sahut)
}

#[test]
fn a_deadline_is_explained_extended_and_counted_again() {
    let Some(sahut) = complained() else { return };
    let told = sahut.done(&["deadlines", "show", NUMBER]).unwrap();
    for words in [
        "Tenggat: Selasa 3 Nov 2026 16.00 WIB",
        "Tenggat penyelesaian: Jumat 20 Nov 2026 16.30 WIB",
        "14 hari kerja",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let extend = [
        "deadlines",
        "extend",
        NUMBER,
        "--promise",
        "resolution",
        "--working-days",
        "30",
        "--reason",
        "suku cadang",
    ];
    let told = sahut.done(&extend).unwrap();
    assert!(told.contains("menunggu keputusan"), "{told}");
    sahut.done(&["deadlines", "grant", NUMBER, "--by", "Sekda"]).unwrap();
    let told = sahut.done(&["deadlines", "show", NUMBER]).unwrap();
    assert!(told.contains("diperpanjang (Sekda: suku cadang)"), "{told}");
    assert!(sahut.run(&["deadlines", "refuse", NUMBER]).unwrap().stderr.contains("nobody asked"));

    let plan = sahut.done(&["deadlines", "recompute", "--dry-run"]).unwrap();
    assert!(plan.contains("0 dari 2"), "nothing has changed: {plan}");
    let policies = sahut.folder().join("regency/policies.toml");
    let text = std::fs::read_to_string(&policies).unwrap();
    std::fs::write(&policies, text.replace("{ working_days = 14 }", "{ working_days = 90 }")).unwrap();
    sahut.done(&["apply", "regency", "--yes"]).unwrap();
    let plan = sahut.done(&["deadlines", "recompute", "--dry-run"]).unwrap();
    assert!(plan.contains("1 dari 2") && plan.contains("Penyelesaian"), "{plan}");
    let refused = sahut.run(&["deadlines", "recompute"]).unwrap();
    assert!(refused.stderr.contains("--yes"), "half of what runs would move: {refused:?}");
    sahut.done(&["deadlines", "recompute", "--yes", "--reason", "keputusan baru", "--by", "Sekda"]).unwrap();
    let told = sahut.done(&["inquiry", "show", NUMBER]).unwrap();
    assert!(told.contains("dihitung ulang (Sekda: keputusan baru)"), "{told}");
}

#[test]
fn an_answer_is_shown_as_a_pause() {
    let Some(sahut) = complained() else { return };
    sahut.done(&["reply", NUMBER, "Sudah ditangani", "--elsewhere"]).unwrap();
    let told = sahut.done(&["inquiry", "show", NUMBER]).unwrap();
    assert!(told.contains("menunggu warga sesudah dijawab"), "{told}");
}

#[test]
fn a_calendar_is_shown_counted_with_and_filled() {
    let Some(sahut) = complained() else { return };
    let shown = sahut.done(&["calendar", "show", "kantor", "--month", "2026-12"]).unwrap();
    assert!(shown.contains("libur: Hari Raya Natal") && shown.contains("07.30–12.00"), "{shown}");
    let counted = sahut.done(&["calendar", "explain", "dinkes", "2026-12-23T10:00", "2d"]).unwrap();
    for words in
        ["hari mulai", "libur: Cuti Bersama Hari Raya Natal", "libur mingguan", "hari kerja ke-2", "Tenggat:"]
    {
        assert!(counted.contains(words), "{words}: {counted}");
    }
    let counted = sahut.json(&["calendar", "explain", "kantor", "2026-12-23T15:30", "450wm"]).unwrap();
    assert_eq!(
        (&counted["worked_seconds"], &counted["to"]),
        (&27_000.into(), &"2026-12-28T08:30:00Z".into())
    );
    assert_eq!(sahut.json(&["calendar", "show", "siaga"]).unwrap()[0]["known_until"], "2027-12-31");
    assert_eq!(sahut.json(&["deadlines", "show", NUMBER]).unwrap()[1]["kind"], "resolution");
    let ics = sahut.folder().join("libur.ics");
    let event = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261130\r\nSUMMARY:Pilkades\r\nEND:VEVENT\r\n";
    std::fs::write(&ics, event).unwrap();
    let printed = sahut.done(&["calendar", "import", ics.to_str().unwrap()]).unwrap();
    assert!(
        printed.contains("{ date = \"2026-11-30\", kind = \"local\", name = \"Pilkades\" },"),
        "{printed}"
    );
    sahut.done(&["calendar", "import", ics.to_str().unwrap(), "--write"]).unwrap();
    sahut.done(&["apply", "regency", "--yes"]).unwrap();
    let shown = sahut.done(&["calendar", "show", "kantor", "--month", "2026-11"]).unwrap();
    assert!(shown.contains("libur: Pilkades"), "{shown}");
}
