//! What holds for every text, however it was written.

#![cfg(test)]

use std::sync::LazyLock;

use proptest::prelude::*;
use sahut_domain::Language;
use sahut_domain::decision::{Basis, Decision, Match};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_routing::{Input, RuleSet, Source, explain};

const GATE: &str = r#"
landmarks = ["depan"]

[[kind]]
kind = "complaint"
normal = ["tolong", "mohon", "rusak", "mati"]

[[kind]]
kind = "spam"
strong = ["slot gacor"]

[words]
jln = "jalan"
"#;
const ROADS: &str = r#"
duty = "pupr"
names = ["dinas pekerjaan umum"]

[[topic]]
name = "jalan"
strong = ["jalan rusak", "lampu jalan mati"]
normal = ["berlubang"]
weak = ["jalan"]
excludes = ["jalan nasional"]
"#;
const HEALTH: &str = r#"
duty = "dinkes"

[[topic]]
name = "puskesmas"
strong = ["puskesmas", "demam berdarah"]
weak = ["sakit"]
"#;

static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [source("gate.toml", GATE), source("pupr.toml", ROADS), source("dinkes.toml", HEALTH)];
    let offices = ["dinkes", "kominfo", "pupr"].map(|code| (office(code), OfficeKind::Technical));
    RuleSet::compile(&sources, &offices, &office("kominfo")).unwrap()
});

fn office(code: &str) -> OfficeCode {
    OfficeCode::parse(code).unwrap()
}

fn matches(decision: &Decision) -> impl Iterator<Item = &Match> {
    decision.scores.iter().flat_map(|score| &score.matches).chain(&decision.kind_words)
}

/// Texts that hold rule words, decorated in the ways that people and machines decorate words.
fn decorated() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("jalan rusak"),
        Just("jln rusak"),
        Just("puskesmas"),
        Just("tolong"),
        Just("berlubang"),
        Just("slot gacor"),
        Just("depan"),
        Just("@dinkes"),
        Just("https://contoh.id/x"),
        Just("jalan nasional"),
        Just("puskesmass"),
        Just("?"),
    ];
    let decoration = prop_oneof![Just(String::new()), any::<char>().prop_map(String::from), "\\PC{0,4}"];
    prop::collection::vec((word, decoration), 0..12).prop_map(|parts| {
        parts.into_iter().flat_map(|(word, mark)| [word.to_owned(), mark, " ".to_owned()]).collect()
    })
}

proptest! {
    #[test]
    fn any_text_gets_a_decision_whose_spans_stand_in_it(text in prop_oneof![any::<String>(), decorated()], subject in any::<Option<String>>()) {
        let input = Input { subject: subject.as_deref(), ..Input::of(&text) };
        let decision = RULES.decide(&input);
        let whole = input.whole();
        for found in matches(&decision) {
            let written = whole.get(found.span.0..found.span.1);
            prop_assert!(written.is_some_and(|words| !words.is_empty()), "{found:?}");
        }
        for language in Language::ALL {
            prop_assert!(!explain(&decision, &|office| office.to_string(), *language).is_empty());
        }
        prop_assert_eq!(decision.clone(), RULES.decide(&input));
        prop_assert_eq!(decision.basis == Basis::Nobody, !decision.kind.needs_action());
        prop_assert_eq!(decision.office.is_none(), decision.basis == Basis::Nobody);
    }

    #[test]
    fn a_plain_match_is_what_it_claims(before in "[a-z ]{0,30}", after in "[a-z ]{0,30}") {
        let text = format!("{before} Jalan   RUSAK, {after} tolong");
        let decision = RULES.decide(&Input::of(&text));
        let found = matches(&decision).find(|found| found.phrase == "jalan rusak");
        prop_assert_eq!(found.map(|found| &text[found.span.0..found.span.1]), Some("Jalan   RUSAK"));
    }

    #[test]
    fn decoration_of_letters_changes_nothing(marks in prop::collection::vec(0x300_u32..0x36F, 24), upper in any::<bool>()) {
        let plain = "tolong jalan rusak dekat rumah";
        // One mark is a letter in upper case: the iota below.
        let mut marks = marks.into_iter().filter_map(char::from_u32).filter(|mark| *mark != '\u{345}').cycle();
        let zalgo: String = plain.chars().flat_map(|c| [Some(c), c.is_alphabetic().then(|| marks.next()).flatten()]).flatten().collect();
        let zalgo = if upper { zalgo.to_uppercase() } else { zalgo };
        let written = format!("\u{202e}{zalgo}\u{202c}");
        let (one, other) = (RULES.decide(&Input::of(plain)), RULES.decide(&Input::of(&written)));
        prop_assert_eq!((one.office, one.kind, one.margin), (other.office, other.kind, other.margin));
    }
}

#[test]
fn time_stays_in_proportion_to_the_text() {
    let short = "tolong jalan rusak depan puskesmas ".repeat(1_000);
    let long = short.repeat(20);
    let spent = |text: &str| {
        let before = std::time::Instant::now();
        RULES.decide(&Input::of(text));
        before.elapsed().as_secs_f64()
    };
    spent(&short);
    let (one, twenty) = (spent(&short), spent(&long));
    assert!(twenty < one * 200.0, "20 times the text took {:.0} times as long", twenty / one);
}
