//! What commands tell people: what they look for, what went wrong, and what to do about it.

#![cfg(test)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sahut_testing::Database;
use sahut_tests::{Sahut, Town, or_skip};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

/// An installation whose imported texts are routed, and that has stopped again.
fn routed<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Sahut> {
    let mut sahut = or_skip(Sahut::with_archive())?;
    sahut.import_texts(texts).unwrap();
    sahut.start(&["run"]).unwrap();
    let begun = Instant::now();
    while sahut.json(&["status"]).unwrap()["messages_waiting"] != 0 {
        assert!(begun.elapsed() < PATIENCE, "routing takes too long");
        std::thread::sleep(Duration::from_millis(100));
    }
    sahut.stop();
    Some(sahut)
}

/// Runs a command that has to fail; what it said.
fn refused(sahut: &Sahut, arguments: &[&str]) -> String {
    let finished = sahut.run(arguments).unwrap();
    assert_ne!(finished.code, Some(0), "{arguments:?}: {}", finished.stdout);
    finished.stderr
}

const ROAD: &str = "Mohon jalan rusak di Topos diperbaiki";

#[test]
fn an_office_that_there_is_not_is_told_with_those_that_there_are() {
    let Some(sahut) = routed([ROAD]) else { return };
    for arguments in [&["inquiry", "list", "--office", "x"][..], &["inquiry", "give", "K-2026-1", "x"]] {
        let told = refused(&sahut, arguments);
        assert!(told.contains("there is no office \"x\"") && told.contains("puprhub"), "{told}");
    }
}

#[test]
fn a_list_that_is_cut_says_so_and_goes_on_where_it_stopped() {
    let Some(sahut) = routed([ROAD, "Jembatan putus, tolong pak", "Air PDAM mati sejak kemarin"]) else {
        return;
    };
    let page = sahut.run(&["inquiry", "list", "--limit", "2"]).unwrap();
    assert!(page.stderr.contains("2 dari 3") && page.stderr.contains("--after K-2026-00002"), "{page:?}");
    let rest = sahut.run(&["inquiry", "list", "--limit", "2", "--after", "K-2026-00002"]).unwrap();
    assert!(rest.stdout.contains("K-2026-00003") && rest.stderr.is_empty(), "{rest:?}");
    assert_eq!(sahut.json(&["inquiry", "list", "--all"]).unwrap().as_array().unwrap().len(), 3);
    sahut.done(&["reply", "K-2026-00002", "Sudah ditangani", "--elsewhere"]).unwrap();
    let list = ["inquiry", "list", "--state", "open", "--after", "K-2026-00002"];
    assert!(refused(&sahut, &list).contains("not in this list any more"));
    for list in [["inquiry", "list"], ["aside", "list"], ["incident", "list"], ["incident", "offers"]] {
        for limit in ["--limit=-1", "--limit=9223372036854775807"] {
            assert!(refused(&sahut, &[list[0], list[1], limit]).contains("--limit"), "{list:?}");
        }
    }
}

#[test]
fn an_incident_is_of_two_and_a_list_of_what_was_set_aside_says_that_it_is_cut() {
    let Some(sahut) = routed([ROAD, "Wkwkwk mantap jiwa", "Wkwkwk keren"]) else { return };
    let one = refused(&sahut, &["incident", "join", "K-2026-00001", "K-2026-00001"]);
    assert!(one.contains("two inquiries"), "{one}");
    let page = sahut.run(&["aside", "list", "--limit", "1"]).unwrap();
    assert!(page.stderr.contains("--before"), "{page:?}");
    let whole = sahut.run(&["aside", "list"]).unwrap();
    assert!(whole.stderr.is_empty(), "{whole:?}");
}

#[test]
fn an_inquiry_is_shown_with_its_way_between_offices_and_how_late_it_is() {
    let Some(sahut) = routed([ROAD]) else { return };
    let number = "K-2026-00001";
    sahut.done(&["inquiry", "give", number, "dinkes", "--reason", "salah alamat", "--by", "Sekda"]).unwrap();
    sahut.done(&["inquiry", "give", number, "dinkes", "--by", "Sekda"]).unwrap();
    let told = sahut.done(&["inquiry", "show", number]).unwrap();
    for words in [
        "Tenggat: Selasa 3 Nov 2026 16.00 WIB",
        "belum dijawab, terlambat",
        "waktu kerja",
        "Disposisi Dinas PUPR-Hub → Dinkes, karena: salah alamat  (oleh Sekda)",
        "OPD dinyatakan tepat: Dinkes",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    sahut.done(&["reply", number, "Sudah ditangani", "--elsewhere"]).unwrap();
    let told = sahut.done(&["inquiry", "show", number]).unwrap();
    assert!(told.contains("dijawab") && told.contains(", terlambat "), "{told}");
    assert!(told.contains("“Sudah ditangani”"), "{told}");
}

#[test]
fn an_office_hears_of_the_incident_that_it_is_given_by_an_answered_inquiry() {
    let Some(sahut) = routed([ROAD, "Tolong jalan di Muara Aman berlubang"]) else { return };
    let (first, second) = ("K-2026-00001", "K-2026-00002");
    for number in [first, second] {
        sahut.done(&["inquiry", "give", number, "puprhub"]).unwrap();
    }
    sahut.done(&["incident", "join", first, second]).unwrap();
    sahut.done(&["reply", first, "Sudah ditangani", "--elsewhere"]).unwrap();
    let told = |sahut: &Sahut| {
        let owed = sahut.json(&["outbox", "list"]).unwrap();
        owed.as_array().unwrap().iter().filter(|mail| mail["detail"] == "incident").count()
    };
    let before = told(&sahut);
    sahut.done(&["inquiry", "give", first, "dinkes"]).unwrap();
    assert!(told(&sahut) > before, "the other one owes an answer, and is theirs now");
    let before = told(&sahut);
    sahut.done(&["inquiry", "give", first, "dinkes"]).unwrap();
    assert_eq!(told(&sahut), before, "a confirmation is nothing to mail about");
}

#[test]
fn a_mistaken_closing_is_taken_back() {
    let Some(sahut) = routed([ROAD]) else { return };
    let number = "K-2026-00001";
    assert!(refused(&sahut, &["inquiry", "reopen", number]).contains("is not closed"));
    let told = sahut.done(&["inquiry", "talk", number]).unwrap();
    assert!(told.contains("sahut inquiry reopen K-2026-00001"), "{told}");
    assert!(refused(&sahut, &["inquiry", "give", number, "dinkes"]).contains("inquiry reopen"));
    sahut.done(&["inquiry", "reopen", number, "--by", "Sekda"]).unwrap();
    let told = sahut.done(&["inquiry", "show", number]).unwrap();
    assert!(
        told.contains("Belum ditanggapi") && told.contains("Penutupan dibatalkan  (oleh Sekda)"),
        "{told}"
    );
    // Whether the miss was noticed before the program stopped is not what is asked here.
    let checks: Value = serde_json::from_str(&sahut.run(&["selfcheck", "--json"]).unwrap().stdout).unwrap();
    let kept = |check: &Value| check["broken"] == 0 || check["name"] == "deadline-noticed";
    assert!(checks.as_array().unwrap().iter().all(kept), "{checks}");
}

#[test]
fn a_secret_that_no_channel_asks_for_is_refused_with_those_that_it_asks_for() {
    let Some(mut town) = or_skip(Town::on_sqlite()) else { return };
    town.telegram("kominfo");
    town.facebook("puprhub");
    town.settle().unwrap();
    let set =
        |channel: &str, name: &str| town.sahut.run_with(&["secret", "set", channel, name], "x").unwrap();
    let told = set("tg-kominfo", "tokn");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert!(told.stderr.contains("\"tokn\"") && told.stderr.contains("token"), "{told:?}");
    assert_eq!(set("tg-kominfo", "app_secret").code, Some(2), "another platform's");
    assert_eq!(set("fb-puprhub", "app_secret").code, Some(0), "one that is not needed, and used");
}

#[test]
fn what_was_verified_of_a_backup_is_told_and_what_was_not() {
    let Some(sahut) = or_skip(Sahut::with_archive()) else { return };
    sahut.done(&["backup", "create", "copy.db"]).unwrap();
    let told = sahut.done(&["backup", "verify", "copy.db"]).unwrap();
    assert!(told.contains("whole") && told.contains("copy.db.sha256"), "{told}");
    std::fs::remove_file(sahut.folder().join("copy.db.sha256")).unwrap();
    let told = sahut.done(&["backup", "verify", "copy.db"]).unwrap();
    assert!(!told.contains("whole") && told.contains("NOT verified"), "{told}");
    let restored = sahut.run(&["backup", "restore", "copy.db"]).unwrap();
    assert!(restored.code == Some(0) && restored.stderr.contains("NOT verified"), "{restored:?}");
    sahut.write("copy.db.sha256", "0000  copy.db\n").unwrap();
    assert!(refused(&sahut, &["backup", "verify", "copy.db"]).contains("its checksum differs"));
}

#[test]
fn a_database_server_that_is_not_there_is_named_soon_and_its_password_never() {
    let Some(mut sahut) = or_skip(Sahut::with_archive()) else { return };
    // Nobody listens on this port.
    let address = "postgres://sahut:geheim@127.0.0.1:1/lebong";
    sahut.set("SAHUT__DATABASE__LOCATION", address);
    for arguments in [&["status"][..], &["doctor"], &["migrate"]] {
        let begun = Instant::now();
        let finished = sahut.run(arguments).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(5), "{arguments:?}: {:?}", begun.elapsed());
        let told = finished.stdout + &finished.stderr;
        assert!(told.contains("postgres://127.0.0.1:1/lebong cannot be reached"), "{told}");
        assert!(told.contains("start PostgreSQL") && !told.contains("geheim"), "{told}");
    }
    assert_eq!(sahut.run(&["status"]).unwrap().code, Some(69));
    sahut.launch(&["run"]).unwrap();
    let awaited = || {
        let log = sahut.read("output.log").unwrap();
        log.contains("database.awaited") && log.contains("postgres://127.0.0.1:1/lebong")
    };
    let begun = Instant::now();
    while !awaited() {
        assert!(begun.elapsed() < PATIENCE, "it does not say what it waits for");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!sahut.read("output.log").unwrap().contains('\x1b'), "colours in a file");
}

#[test]
fn a_database_that_the_server_does_not_have_is_named_at_once() {
    let Some(database) = or_skip(Database::fresh()) else { return };
    let Some(mut sahut) = or_skip(Sahut::with_archive()) else { return };
    let (server, _) = database.url().rsplit_once('/').unwrap();
    sahut.set("SAHUT__DATABASE__LOCATION", &format!("{server}/tidak_ada"));
    let finished = sahut.run(&["status"]).unwrap();
    assert_eq!(finished.code, Some(78), "{finished:?}");
    assert!(finished.stderr.contains("/tidak_ada lets nobody in"), "{finished:?}");
}

#[test]
fn a_reader_that_goes_away_is_nothing_to_complain_about() {
    let Some(sahut) = or_skip(Sahut::new()) else { return };
    let mut program = Command::new(sahut.program());
    program.args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn the_doctor_tells_what_is_held_and_owed_and_whom_no_mail_reaches() {
    let Some(sahut) = routed([ROAD]) else { return };
    sahut.done(&["inquiry", "give", "K-2026-00001", "dinkes"]).unwrap();
    let told = sahut.run(&["doctor"]).unwrap().stdout;
    assert!(told.contains("addresses are examples that nobody reads, such as …@lebong.example"), "{told}");
    assert!(told.contains("mails and 0 answers are owed"), "{told}");
    assert!(!told.contains("are held"), "{told}");
    sahut.done(&["backup", "create", "copy.db"]).unwrap();
    sahut.done(&["backup", "restore", "copy.db"]).unwrap();
    let told = sahut.run(&["doctor"]).unwrap().stdout;
    assert!(told.contains("held since a restore") && told.contains("sahut outbox release"), "{told}");
}

#[test]
fn a_database_that_is_not_there_yet_is_made_by_running() {
    let Some(sahut) = or_skip(Sahut::new()) else { return };
    sahut.done(&["init", "."]).unwrap();
    for arguments in [&["status"][..], &["doctor"]] {
        let finished = sahut.run(arguments).unwrap();
        let told = finished.stdout + &finished.stderr;
        assert!(told.contains("there is no database") && told.contains("`sahut run` makes it"), "{told}");
    }
}

#[test]
fn the_status_tells_what_was_set_aside_and_how_to_look_at_it() {
    let Some(sahut) = routed([ROAD, "Wkwkwk mantap jiwa"]) else { return };
    let told = sahut.done(&["status"]).unwrap();
    assert!(told.contains("1 set aside (`sahut aside list`)"), "{told}");
    assert_eq!(sahut.json(&["status"]).unwrap()["set_aside"], 1);
}

#[test]
fn the_demo_tells_of_a_mail_after_what_it_is_about_and_ends_with_everything_read() {
    let Some(mut sahut) = or_skip(Sahut::new()) else { return };
    sahut.launch(&["demo", "--folder", "town", "--seconds", "5", "--pace", "100"]).unwrap();
    let begun = Instant::now();
    let told = loop {
        let told = sahut.read("output.log").unwrap_or_default();
        if told.contains("Database and files") {
            break told;
        }
        assert!(begun.elapsed() < PATIENCE, "the demo does not end: {told}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(told.contains(" 0 missing, 0 not read yet") && told.contains("messages set aside"), "{told}");
    assert!(told.contains("aside list") && !told.contains("still at work"), "{told}");
    let mut opened = std::collections::BTreeSet::new();
    for line in told.lines() {
        let number = line.split_whitespace().find_map(|word| {
            let word = word.trim_matches(['[', ']']);
            word.starts_with("K-2").then(|| word.to_owned())
        });
        if let Some(number) = number {
            let known = line.trim_start().starts_with('→') || opened.contains(&number);
            assert!(known, "{number} is mailed about before it is told: {told}");
            opened.insert(number);
        }
    }
    assert!(!opened.is_empty());
}

#[test]
fn a_trial_import_counts_what_the_import_would() {
    let Some(sahut) = or_skip(Sahut::with_archive()) else { return };
    let text = "nomor,tanggal,isi\nT-1,2026-11-02,Jalan rusak\nT-2,2026-11-02,Jembatan putus\nT-1,2026-11-02,Jalan rusak\n\
        T-3,kapan,Tidak terbaca\n";
    sahut.write("a.csv", text).unwrap();
    let import = |more: &[&str]| {
        sahut.run(&[&["import", "a.csv", "--channel", "berkas"], more].concat()).unwrap().stdout
    };
    let told = import(&["--dry-run"]);
    assert!(
        told.contains("4 records, of which 2 would be new, 1 are known already and 1 would be refused"),
        "{told}"
    );
    let told = import(&[]);
    assert!(
        told.contains("4 records, of which 2 are new, 1 were known already and 1 were refused"),
        "{told}"
    );
    sahut.write("b.csv", &(text.to_owned() + "T-4,2026-11-02,Lampu mati\n")).unwrap();
    let told = sahut.run(&["import", "b.csv", "--channel", "berkas", "--dry-run"]).unwrap().stdout;
    assert!(
        told.contains("5 records, of which 1 would be new, 3 are known already and 1 would be refused"),
        "{told}"
    );
    assert_eq!(sahut.json(&["status"]).unwrap()["messages"], 2, "nothing was stored");
}

#[test]
fn the_first_set_is_told_in_one_line_and_tried_in_full() {
    let Some(sahut) = or_skip(Sahut::new()) else { return };
    sahut.done(&["init", "."]).unwrap();
    sahut.done(&["migrate"]).unwrap();
    let tried = sahut.done(&["apply", "regency", "--dry-run"]).unwrap();
    assert!(tried.contains("+ offices: kominfo"), "{tried}");
    let told = sahut.done(&["apply", "regency"]).unwrap();
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("40 offices, 1 channels"), "{told}");
    let told = sahut.done(&["routing", "models"]).unwrap();
    assert!(told.contains("trained from 20 on") && told.contains("no model yet"), "{told}");
}
