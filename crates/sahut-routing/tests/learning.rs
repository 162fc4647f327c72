//! What an instance learns from the decisions of its people.

#![cfg(test)]

use proptest::prelude::*;
use sahut_domain::decision::{Basis, Decision, Doubt};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_domain::{Language, Timestamp};
use sahut_routing::{Input, Lesson, Model, RuleSet, Source, Taught, Trial, explain};

const RULES: &str = r#"
[[kind]]
kind = "complaint"
strong = ["mohon", "rusak"]

[[kind]]
kind = "noise"
strong = ["hehe"]

[[kind]]
kind = "spam"
strong = ["slot gacor"]

[[outside]]
name = "PLN"
strong = ["listrik padam"]
"#;

const DUTIES: [(&str, &str); 4] = [
    ("pupr", "strong = [\"jalan rusak\"]\nnormal = [\"gelap\"]"),
    ("dishub", "strong = [\"lampu merah\"]\nnormal = [\"gelap\"]"),
    ("dinsos", "strong = [\"bansos\"]"),
    ("kecamatan", "strong = [\"camat\"]"),
];

fn office(code: &str) -> OfficeCode {
    OfficeCode::parse(code).unwrap()
}

fn rules() -> RuleSet {
    let mut sources = vec![Source { path: "gate.toml".to_owned(), text: RULES.to_owned() }];
    for (duty, phrases) in DUTIES {
        let district = if duty == "kecamatan" { "district = true\n" } else { "" };
        let text = format!("duty = \"{duty}\"\n{district}[[topic]]\nname = \"{duty}\"\n{phrases}\n");
        sources.push(Source { path: format!("{duty}.toml"), text });
    }
    let kind = |code: &str| if code == "kecamatan" { OfficeKind::District } else { OfficeKind::Technical };
    let offices: Vec<_> = DUTIES
        .iter()
        .map(|(code, _)| (office(code), kind(code)))
        .chain([(office("kominfo"), OfficeKind::Technical)])
        .collect();
    RuleSet::compile(&sources, &offices, &office("kominfo")).unwrap()
}

/// People gave dark streets to the transport office, and everything else to whom the rules named.
const TAUGHT: &[(&str, &str)] = &[
    ("mohon gang kami gelap, lampunya mati semua", "dishub"),
    ("mohon penerangan gang mati, gelap sekali", "dishub"),
    ("mohon lampunya mati di gang melati", "dishub"),
    ("mohon gang mawar gelap, lampunya tidak nyala", "dishub"),
    ("mohon jalan rusak di dusun dua", "pupr"),
    ("mohon jalan rusak dekat pasar", "pupr"),
    ("mohon bansos bulan ini belum turun", "dinsos"),
    ("mohon listrik padam sejak semalam", "PLN"),
];

fn lessons() -> Vec<Lesson<'static>> {
    let lesson = |(text, seat): &(&'static str, &'static str)| Lesson {
        input: Input::of(text),
        taught: Taught::Seat(seat),
        at: Timestamp::UNIX_EPOCH,
    };
    TAUGHT.iter().map(lesson).collect()
}

fn taught() -> RuleSet {
    let mut rules = rules();
    let model = Model::learn(&rules, &lessons());
    rules.teach(model, 7);
    rules
}

fn decide(rules: &RuleSet, text: &str) -> Decision {
    rules.decide(&Input::of(text))
}

#[test]
fn what_the_rules_left_open_goes_where_people_sent_its_like() {
    let text = "mohon gang kenanga gelap, lampunya mati";
    assert_eq!(decide(&rules(), text).doubt, Some(Doubt::Tie), "two offices have this word");
    let decision = decide(&taught(), text);
    assert_eq!(decision.office, Some(office("dishub")));
    let told = explain(&decision, &ToString::to_string, Language::English);
    assert!(told.contains("(model 7): dishub"), "{told}");
    assert!(told.contains("‘lampunya’") || told.contains("‘gang’"), "{told}");
    let learned = decision.learned.unwrap();
    let total: f64 = learned.shares.iter().map(|share| share.share).sum();
    assert!((0.9..=1.001).contains(&total), "{total}");
    for word in learned.words {
        assert_eq!(text.get(word.span.0..word.span.1), Some(word.word.as_str()));
    }
}

#[test]
fn an_office_that_no_lesson_names_is_still_found_by_its_rules() {
    let decision = decide(&taught(), "mohon pak camat hadir");
    assert_eq!(decision.office, Some(office("kecamatan")));
    assert_eq!(decision.basis, Basis::Topics);
}

#[test]
fn what_is_not_ours_is_learned_too() {
    let decision = decide(&taught(), "mohon listrik padam terus");
    assert_eq!((decision.outside.as_deref(), decision.doubt), (Some("PLN"), Some(Doubt::NotOurs)));
}

#[test]
fn brought_back_talk_opens_its_like_and_advertisements_stay_out() {
    let needed = ["wah lampunya hehe", "lampunya lagi hehe", "lampunya kok begitu hehe", "hehe lampunya pak"];
    let idle = ["hehe mantap", "wah hehe keren", "hehe lanjut", "hehe lucu"];
    let lesson = |needed: bool| {
        move |text: &&'static str| Lesson {
            input: Input::of(text),
            taught: Taught::Needed(needed),
            at: Timestamp::UNIX_EPOCH,
        }
    };
    let lessons: Vec<_> = needed.iter().map(lesson(true)).chain(idle.iter().map(lesson(false))).collect();
    let mut rules = rules();
    assert!(!decide(&rules, "hehe lampunya").kind.needs_action());
    rules.teach(Model::learn(&rules, &lessons), 1);
    assert!(decide(&rules, "hehe lampunya").kind.needs_action());
    assert!(!decide(&rules, "hehe keren").kind.needs_action());
    assert!(!decide(&rules, "lampunya slot gacor").kind.needs_action());
}

#[test]
fn whoever_took_over_a_duty_is_given_what_came_of_it_since() {
    let year = |year: i64| Timestamp::from_second(year * 365 * 24 * 60 * 60).unwrap();
    let texts: Vec<String> = (0..40).map(|n| format!("mohon gang {} gelap", n * 7919 % 97)).collect();
    let lessons: Vec<_> = texts
        .iter()
        .enumerate()
        // Four times of five it was one office's, two years ago; of late it is another's.
        .map(|(n, text)| match n % 5 {
            0 => Lesson { input: Input::of(text), taught: Taught::Seat("dishub"), at: year(40) },
            _ => Lesson { input: Input::of(text), taught: Taught::Seat("pupr"), at: year(38) },
        })
        .collect();
    let mut rules = rules();
    rules.teach(Model::learn(&rules, &lessons), 1);
    assert_eq!(decide(&rules, "mohon gang merpati gelap").office, Some(office("dishub")));
    let of_one_year: Vec<_> = lessons.iter().map(|lesson| Lesson { at: year(38), ..*lesson }).collect();
    rules.teach(Model::learn(&rules, &of_one_year), 2);
    assert_ne!(decide(&rules, "mohon gang merpati gelap").office, Some(office("dishub")));
}

#[test]
fn the_same_lessons_make_the_same_model_and_its_bytes_bring_it_back() {
    let rules = rules();
    let model = Model::learn(&rules, &lessons());
    assert_eq!(Model::learn(&rules, &lessons()).to_bytes(), model.to_bytes());
    assert_eq!(Model::from_bytes(&model.to_bytes()), Ok(model));
}

#[test]
fn lessons_without_a_pattern_are_not_put_to_use() {
    let seats = ["pupr", "dishub", "dinsos"];
    let texts: Vec<String> = (0..60).map(|n| format!("mohon jalan rusak nomor {}", n * 7919 % 97)).collect();
    let lessons: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| Lesson {
            input: Input::of(text),
            taught: Taught::Seat(seats[n * 31 % 7 % 3]),
            at: Timestamp::UNIX_EPOCH,
        })
        .collect();
    let trial = Trial::run(&rules(), &lessons, 5);
    let measured = trial.measure(&lessons);
    assert_eq!(measured.lessons, 60);
    assert_eq!(measured.model, measured.rules, "they are twins: none was seen while another was held back");
    assert!(!measured.is_worth_it());
}

#[test]
fn nothing_is_learned_from_nothing() {
    let model = Model::learn(&rules(), &[]);
    assert!(model.is_empty());
    let mut rules = rules();
    rules.teach(model, 1);
    assert_eq!(decide(&rules, "mohon jalan rusak").office, Some(office("pupr")));
}

proptest! {
    #[test]
    fn bytes_of_anything_are_a_model_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0..4000_usize) {
        let mut whole = b"sahut model 1\n".to_vec();
        whole.extend(&bytes);
        let _ = Model::from_bytes(&whole);
        let real = Model::learn(&rules(), &lessons()[..5]).to_bytes();
        let cut = cut.min(real.len() - 1);
        prop_assert!(Model::from_bytes(&real[..cut]).is_err());
    }
}
