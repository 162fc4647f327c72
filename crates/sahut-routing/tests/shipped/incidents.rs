//! Which messages are taken for ones about the same happening.

use sahut_domain::office::OfficeKind;
use sahut_routing::{Alike, Input, RuleSet, Setting, Sketch, Source};

use crate::dev_sets::rows;
use crate::regency::{Shipped, code, rendered};

const UNDER_ONE_POST: Setting = Setting { one_post: true, public: true };
const ELSEWHERE: Setting = Setting { one_post: false, public: true };
const CONVERSATIONS: Setting = Setting { one_post: false, public: false };

/// Short and varied, as hundreds of them come when the water stays away.
const FLOOD: [&str; 12] = [
    "air mati min, kapan hidup lagi?",
    "Di tmpt kami air gak ngalir dari subuh, tolong pak",
    "kok air pdam tidak mengalir lagi pak",
    "Air mati lagiii, tolong diperbaiki",
    "air ga ngalir udah 2 hari min, gimana ini",
    "kapan air nyala pak, air tidak keluar sama sekali dari pagi",
    "min air PDAM ngga jalan, mohon infonya",
    "tolong min airnya keruh dan tidak lancar, air mati terus",
    "Mohon penjelasan, gangguan air sampai kapan?",
    "sampe jam berapa air mati min? mau mandi susah",
    "AIR MATI TOTAL!!! tolong segera diperbaiki",
    "pak air belum mengalir dari kemarin, tolong",
];

fn sketch(rules: &RuleSet, text: &str) -> Sketch {
    let owner = code("pdam");
    rules.sketch(text, &rules.decide(&Input { owner: Some(&owner), ..Input::of(text) }))
}

fn alike(rules: &RuleSet, one: &str, other: &str, setting: Setting) -> Alike {
    sketch(rules, one).compare(&sketch(rules, other), setting)
}

fn is_same(alike: Alike) -> bool {
    matches!(alike, Alike::Same(_))
}

#[test]
fn a_flood_under_one_post_is_one_happening_and_nothing_elsewhere() {
    let rules = Shipped::read("lebong").compile();
    let flood = FLOOD.map(|text| sketch(&rules, text));
    let joined = |setting| flood.iter().filter(|one| is_same(one.compare(&flood[0], setting))).count();
    assert!(joined(UNDER_ONE_POST) >= 11, "{} of 12", joined(UNDER_ONE_POST));
    assert_eq!((joined(ELSEWHERE), joined(CONVERSATIONS)), (0, 0), "nobody says where");
}

#[test]
fn the_same_place_joins_and_another_keeps_apart() {
    let rules = Shipped::read("lebong").compile();
    let (one, same) = ("air mati di Topos dari pagi min", "pak di topos air pdam tidak mengalir, tolong");
    assert!(is_same(alike(&rules, one, same, ELSEWHERE)));
    assert_eq!(
        alike(&rules, one, same, CONVERSATIONS),
        Alike::No,
        "a conversation is joined by its text alone"
    );
    assert_eq!(alike(&rules, one, "air mati di Amen dari pagi min", UNDER_ONE_POST), Alike::Apart);
    assert!(
        matches!(alike(&rules, one, FLOOD[0], UNDER_ONE_POST), Alike::Perhaps(_)),
        "whether it is there, nobody says"
    );
    let (lane, another) = ("air mati di rt 2 min dari pagi", "di rt 5 juga air tidak mengalir pak, tolong");
    assert!(is_same(alike(&rules, lane, another, UNDER_ONE_POST)), "one outage has many lanes");
    let street = |name: &str| {
        format!(
            "Mohon perbaikan lampu jalan di Desa {name} yang sudah padam selama dua minggu lebih, gelap sekali pak"
        )
    };
    assert_eq!(alike(&rules, &street("Sukamaju"), &street("Talang Ulu"), ELSEWHERE), Alike::Apart);
    let nowhere = street("Sukamaju").replace(" di Desa Sukamaju", "");
    assert!(
        is_same(alike(&rules, &street("Sukamaju"), &nowhere, ELSEWHERE)),
        "which village, it does not say"
    );
}

#[test]
fn fires_in_two_villages_are_two_also_under_one_post() {
    let rules = Shipped::read("lebong").compile();
    let fire = |village: &str| rules.sketch(village, &rules.decide(&Input::of(village)));
    let (one, other) =
        ("tolong ada kebakaran rumah di desa sukamaju", "pak, desa melati kebakaran! cepat kirim damkar");
    let (one, other) = (fire(one), fire(other));
    assert!(!one.says_again(&other), "another place is another thing");
    assert_eq!(one.compare(&other, UNDER_ONE_POST), Alike::Apart);
    let nowhere = fire("kebakaran pak tolong cepat kirim pemadam");
    assert!(is_same(one.compare(&nowhere, UNDER_ONE_POST)));
    assert!(one.names_more_than(&[&nowhere, &other]));
    assert!(!one.names_more_than(&[&nowhere, &one]));
    assert!(!nowhere.names_more_than(&[]));
}

#[test]
fn a_text_that_is_passed_on_joins_wherever_it_is_written() {
    let rules = Shipped::read("lebong").compile();
    let text =
        "Mohon perbaikan jalan dari pasar sampai jembatan, sudah dua bulan rusak berat dan banyak yang jatuh";
    let again = format!("Assalamualaikum pak. {text}!!");
    assert!(is_same(alike(&rules, text, &again, CONVERSATIONS)));
}

#[test]
fn what_is_somebodys_own_matter_joins_nothing_by_itself() {
    let rules = Shipped::read("lebong").compile();
    let text = |nik: &str| {
        format!("Mohon bantuan, KTP saya dengan NIK {nik} sudah tiga bulan belum selesai juga pak")
    };
    let (one, other) = (text("1707012345678901"), text("1707019876543210"));
    assert!(matches!(alike(&rules, &one, &other, CONVERSATIONS), Alike::Perhaps(_)));
    let (one, other) =
        ("min ktp saya belum jadi", "pak ktp saya belum jadi juga dari bulan lalu, mohon dibantu");
    assert!(!is_same(alike(&rules, one, other, UNDER_ONE_POST)));
    let card =
        |name: &str| format!("Mohon dicek pak, KTP atas nama {name} sudah selesai atau belum, lama sekali");
    assert_eq!(
        alike(&rules, &card("Melati"), &card("Kenanga"), CONVERSATIONS),
        Alike::Apart,
        "somebody else's"
    );
    let lane =
        |n: u8| format!("Mohon jalan rusak di gang nomor {n} segera diperbaiki, sudah lama sekali begitu");
    assert!(!is_same(alike(&rules, &lane(3), &lane(4), ELSEWHERE)), "another lane");
    assert!(!is_same(alike(&rules, "kapan dibuka min?", "kapan dibuka min?", ELSEWHERE)), "who knows what");
}

#[test]
fn a_sketch_is_short_and_reads_back_as_it_was() {
    let rules = Shipped::read("lebong").compile();
    let long = "Jl. Merdeka Desa Ajai Siang RT 2 RW 3 ".repeat(40) + &FLOOD.join(" ");
    for text in FLOOD.into_iter().chain([long.as_str(), ""]) {
        let sketch = sketch(&rules, text);
        let bytes = sketch.to_bytes();
        assert!(bytes.len() <= 231, "{}", bytes.len());
        assert_eq!(Sketch::from_bytes(&bytes), Some(sketch));
        assert_eq!(Sketch::from_bytes(&bytes[..bytes.len() - 1]), None);
    }
    assert_eq!(Sketch::from_bytes(&[9, 0, 0]), None);
}

/// Of three years of reports to another regency, only such as tell of one thing may be joined: 28 pairs were, and
/// by reading them all but one were right.
#[test]
fn few_of_many_reports_are_joined() {
    let rules = Shipped::read("kabupaten").compile();
    let Some(rows) = rows("lapor_kab.tsv") else { return };
    let decided: Vec<_> = rows
        .iter()
        .map(|row| format!("{}\n{}", row["title"], row["text"]))
        .map(|text| (rules.decide(&Input::of(&text)), text))
        .filter(|(decision, _)| decision.kind.needs_action())
        .map(|(decision, text)| (rules.sketch(&text, &decision), decision.office))
        .collect();
    let mut joined = 0;
    for (at, (one, office)) in decided.iter().enumerate() {
        let others = decided[..at].iter().filter(|(_, other)| office == other);
        joined += others.filter(|(other, _)| is_same(one.compare(other, CONVERSATIONS))).count();
    }
    println!("{joined} pairs of {} reports", decided.len());
    assert!((20..=40).contains(&joined), "{joined}");
}

#[test]
fn a_sign_of_an_incident_is_a_phrase_of_its_topic() {
    let rules = |incident: &str| {
        let text = format!(
            "duty = \"pdam\"\n\n[[topic]]\nname = \"air\"\nstrong = [\"air mati\"]\nincidents = [\"{incident}\"]\n"
        );
        let source = Source { path: "rules/pdam.toml".to_owned(), text };
        RuleSet::compile(&[source], &[(code("pdam"), OfficeKind::Company)], &code("pdam"))
    };
    assert!(rules("Air mati").is_ok(), "however it is written");
    let problems = rules("air keruh").unwrap_err();
    assert!(
        rendered(&problems).contains("`air keruh` is not a phrase of this topic"),
        "{}",
        rendered(&problems)
    );
}
