//! The shipped rules: they compile without a warning, and do what the example regency would expect.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use sahut_domain::decision::{Basis, Decision, Doubt};
use sahut_domain::inquiry::{Kind, Priority};
use sahut_routing::{Input, RuleSet};

use crate::regency::{Shipped, code, rendered};

static LEBONG: LazyLock<Shipped> = LazyLock::new(|| Shipped::read("lebong"));
static RULES: LazyLock<RuleSet> = LazyLock::new(|| LEBONG.compile());

fn decide(text: &str) -> Decision {
    RULES.decide(&Input::of(text))
}

#[test]
fn there_is_nothing_to_complain_about() {
    for regency in ["kabupaten", "lebong"] {
        let rules = Shipped::read(regency).compile();
        assert!(rules.warnings().is_empty(), "{regency}: {}", rendered(rules.warnings()));
    }
}

#[test]
fn both_regencies_have_the_same_words_for_the_same_duties() {
    let duties = |regency: &str| {
        let sources = Shipped::read(regency).sources.into_iter();
        let mut duties: Vec<String> =
            sources.filter(|source| source.path.contains("/duties/")).map(|source| source.text).collect();
        duties.sort();
        duties
    };
    assert_eq!(duties("kabupaten"), duties("lebong"));
}

#[test]
fn offices_that_have_several_duties_get_all_of_them() {
    for (text, office) in [
        ("jalan kabupaten ke kebun kami berlubang, mohon diperbaiki", "puprhub"),
        ("lampu lalu lintas di simpang tiga mati, kendaraan semrawut", "puprhub"),
        ("tolong, ada sarang tawon di atap rumah", "satpolpp"),
        ("warung remang-remang buka sampai pagi, meresahkan", "satpolpp"),
        ("pupuk subsidi tidak ada di kios, tolong pak", "disperkan"),
        ("mau tanya, kapan bantuan bibit ikan dibagikan", "disperkan"),
        ("stok cadangan pangan di gudang kosong, rawan pangan", "dkp"),
        ("biyoa pdam coa ngalir uyo", "pdam"),
    ] {
        let decision = decide(text);
        assert_eq!(decision.office, Some(code(office)), "{text}: {decision:?}");
        assert!(!decision.needs_triage(), "{text}");
    }
}

#[test]
fn a_district_is_found_by_its_place() {
    let decision = decide("petugas kantor camat Topos tidak ada di tempat, tolong");
    assert_eq!((decision.office, decision.place.as_deref()), (Some(code("kec-topos")), Some("Topos")));

    let decision = decide("pelayanan di kecamatan lambat sekali, pak camat tidak pernah ada");
    assert_eq!((decision.basis, decision.doubt), (Basis::Triage, Some(Doubt::NoPlace)));
}

#[test]
fn words_of_a_place_say_nothing_about_the_matter() {
    let decision = decide("jalan rusak parah di Pasar Muara Aman, mohon diperbaiki");
    assert_eq!((decision.office, decision.scores.len()), (Some(code("puprhub")), 1));
    let suppressed = decision.suppressed.iter().map(|found| (found.phrase.as_str(), found.by.as_str()));
    assert!(suppressed.collect::<Vec<_>>().contains(&("pasar", "pasar muara aman")));
}

#[test]
fn a_national_road_is_named_and_its_landslide_still_told() {
    let decision = decide("jalan lintas Curup - Muara Aman (jalan nasional) longsor");
    assert!(decision.tell.is_some_and(|tell| tell.contains("Jalan Nasional")));
    assert!(decision.scores.iter().any(|score| score.office == code("bpbd")));
}

#[test]
fn an_address_does_not_outweigh_the_matter() {
    for (text, office) in [
        ("jalan rusak di Desa Suka Negeri RT 02 RW 01 Kecamatan Topos, warga mohon diperbaiki", "puprhub"),
        ("lampu jalan mati di Dusun II Desa Ajai Siang Kecamatan Topos, mohon bantuannya", "puprhub"),
        ("sampah menumpuk di depan kantor Camat Amen, tolong diangkut", "dlh"),
        ("kenapa bantuan pkh warga desa Talang Ratu Kecamatan Rimbo Pengadang belum cair", "dinsos"),
    ] {
        assert_eq!(decide(text).office, Some(code(office)), "{text}: {:?}", decide(text));
    }
}

#[test]
fn what_is_not_ours_is_named() {
    for (text, outside) in [
        ("listrik padam dari tadi malam di Muara Aman, kapan nyala", "PLN"),
        (
            "jalan nasional dekat Tubei berlubang dalam, tolong diperbaiki",
            "Balai jalan nasional (pemerintah pusat)",
        ),
        ("jalan di Curup rusak parah, kapan diperbaiki", "Kabupaten Rejang Lebong"),
    ] {
        let decision = decide(text);
        assert_eq!(decision.doubt, Some(Doubt::NotOurs), "{text}: {decision:?}");
        assert_eq!(decision.outside.as_deref(), Some(outside), "{text}");
        assert_eq!(decision.office, Some(code("kominfo")), "{text}");
        assert!(decision.tell.is_some(), "{text}");
    }
    let decision = decide("jalan menuju Curup dari Topos rusak parah, kapan diperbaiki");
    assert_eq!(decision.office, Some(code("puprhub")));
}

#[test]
fn whoever_is_outside_has_a_sentence_for_the_citizen() {
    for regency in ["kabupaten", "lebong"] {
        let files = Shipped::read(regency).sources.into_iter().map(|source| source.text.parse().unwrap());
        let files: Vec<toml::Table> = files.collect();
        let sections = |key: &'static str| {
            files
                .iter()
                .filter_map(move |file| file.get(key)?.as_array())
                .flatten()
                .filter_map(toml::Value::as_table)
        };
        let text = |section: &toml::Table, key: &str| {
            section.get(key).and_then(toml::Value::as_str).map(str::to_owned)
        };
        let told = sections("outside").filter(|party| party.contains_key("tell"));
        let told: BTreeSet<String> = told.filter_map(|party| text(party, "name")).collect();
        let governments = sections("place").filter_map(|place| text(place, "outside"));
        let parties = sections("outside").filter_map(|party| text(party, "name")).chain(governments);
        assert_eq!(parties.collect::<BTreeSet<_>>(), told, "{regency}");
    }
}

#[test]
fn the_channel_decides_only_where_nothing_else_does() {
    let dinkes = code("dinkes");
    let on_its_channel = |text| RULES.decide(&Input { owner: Some(&dinkes), ..Input::of(text) });

    let unclear = on_its_channel("tolong dibantu pak, kami sangat kecewa");
    assert_eq!((unclear.office, unclear.basis), (Some(dinkes.clone()), Basis::Owner));

    let clear = on_its_channel("jalan rusak di depan puskesmas, tolong diperbaiki");
    assert_eq!((clear.office, clear.basis), (Some(code("puprhub")), Basis::Topics));
}

#[test]
fn talk_stays_talk_and_an_emergency_jumps_the_queue() {
    for (text, kind) in [
        ("mantap, sukses selalu dinkes", Kind::Thanks),
        ("turut berduka cita", Kind::Noise),
        ("😂😂😂", Kind::Noise),
        ("@teman ayo ke sini", Kind::Noise),
        ("", Kind::Noise),
    ] {
        let decision = decide(text);
        assert_eq!((decision.kind, decision.office, decision.basis), (kind, None, Basis::Nobody), "{text}");
    }
    let decision = decide("tolong ada kebakaran di pasar Muara Aman");
    assert_eq!((decision.kind, decision.priority), (Kind::Emergency, Priority::Emergency));
    assert_eq!(decision.office, Some(code("satpolpp")));
}

#[test]
fn files_may_be_read_in_any_order() {
    let mut backwards = Shipped::read("lebong");
    backwards.sources.reverse();
    backwards.offices.reverse();
    let (one, other) = (&*RULES, backwards.compile());
    for text in [
        "jalan rusak dan sampah menumpuk di pasar",
        "pungli dana desa oleh kades",
        "banjir di perumahan, tolong",
    ] {
        assert_eq!(one.decide(&Input::of(text)), other.decide(&Input::of(text)), "{text}");
    }
}

/// Advertisements as they appear below posts, written by hand.
const ADVERTISEMENTS: [&str; 16] = [
    "Situs slot gacor hari ini gampang menang",
    "S L O T  G A C O R terpercaya",
    "s.l.o.t g.a.c.o.r malam ini",
    "sl0t gac0r maxw1n tiap hari",
    "𝐒𝐋𝐎𝐓 𝐆𝐀𝐂𝐎𝐑 anti rungkad",
    "ｓｌｏｔ ｇａｃｏｒ",
    "ѕlоt gаcоr pasti wd",
    "ꜱʟᴏᴛ ɢᴀᴄᴏʀ maxwin",
    "🅂🄻🄾🅃 🄶🄰🄲🄾🅁",
    "s\u{200b}l\u{200b}o\u{200b}t g\u{200b}a\u{200b}c\u{200b}o\u{200b}r",
    "slot g̷a̷c̷o̷r̷ bonus new member",
    "\u{202e}slot gacor\u{202c} link alternatif",
    "main togel online di bandar togel terpercaya",
    "scatter hitam turun terus, auto wd bosku",
    "dana cepat cair, pinjaman tanpa jaminan, cek bio",
    "sllloooottt gggaaaccooorrr maxwin",
];

#[test]
fn advertisements_are_seen_through() {
    for text in ADVERTISEMENTS {
        assert_eq!(decide(text).kind, Kind::Spam, "{text}");
    }
}

#[test]
fn a_complaint_about_gambling_is_no_advertisement() {
    for text in [
        "website desa kami diretas jadi situs slot gacor, mohon ditindaklanjuti",
        "tolong blokir situs judi online, anak sekolah di Topos kecanduan slot",
        "banyak yang main slot di warung dekat sekolah, meresahkan, mohon ditertibkan",
    ] {
        assert!(decide(text).kind.needs_action(), "{text}");
    }
}

#[test]
fn who_asks_an_office_for_what_another_gives_is_told_where_to_turn() {
    let decision = decide("kartu bpjs saya tidak aktif, mohon dibantu");
    assert_eq!(decision.office, Some(code("dinkes")));
    assert!(decision.tell.is_some_and(|tell| tell.contains("165")));
    assert_eq!(decide("puskesmas di desa kami tutup terus, mohon dicek").tell, None);
}
