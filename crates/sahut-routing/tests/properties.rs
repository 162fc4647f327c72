//! What holds for every text, however it was written.

#![cfg(test)]

use std::sync::LazyLock;
use std::time::Instant;

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

/// Words that nothing else here comes near.
const UNRELATED: &str = r#"
duty = "pesawat"

[[topic]]
name = "antariksa"
strong = ["kwxq", "vqzx kwxq"]
weak = ["zzvk"]
excludes = ["xqqz"]
"#;

static RULES: LazyLock<RuleSet> = LazyLock::new(|| rules(&["dinkes", "kominfo", "pupr"], ""));
static RULES_WITH_UNRELATED: LazyLock<RuleSet> =
    LazyLock::new(|| rules(&["dinkes", "kominfo", "pesawat", "pupr"], UNRELATED));

fn rules(offices: &[&str], more: &str) -> RuleSet {
    let texts = [("gate.toml", GATE), ("pupr.toml", ROADS), ("dinkes.toml", HEALTH), ("more.toml", more)];
    let sources = texts.map(|(path, text)| Source { path: path.to_owned(), text: text.to_owned() });
    let offices: Vec<_> = offices.iter().map(|code| (office(code), OfficeKind::Technical)).collect();
    RuleSet::compile(&sources, &offices, &office("kominfo")).unwrap()
}

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

/// Whatever may arrive: any characters, any bytes as far as they are characters, and rule words in disguise.
fn arriving() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        any::<String>(),
        bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        decorated()
    ]
}

proptest! {
    #[test]
    fn any_text_gets_one_decision_whose_spans_stand_in_it(text in arriving(), subject in prop::option::of(arriving())) {
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
        let known = |office: &OfficeCode| ["dinkes", "kominfo", "pupr"].contains(&office.as_str());
        prop_assert!(decision.office.as_ref().is_none_or(known));
        prop_assert_eq!(decision.basis == Basis::Triage, decision.doubt.is_some());
    }

    #[test]
    fn an_unrelated_office_changes_nothing(text in arriving()) {
        let input = Input::of(&text);
        prop_assert_eq!(RULES.decide(&input), RULES_WITH_UNRELATED.decide(&input));
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

/// Texts that make much work: for the words, for their meaning, for what is inside of what, for what cannot be read.
const HARD: [&str; 9] = [
    "tolong jalan rusak depan puskesmas ",
    "jalan nasional jalan rusak lampu jalan mati? ",
    "s l o t g a c o r dan ",
    "jln berlubng puskesmass ",
    "@dinkes RT @pupr ",
    "a",
    "j\u{336}a\u{336}l\u{336}a\u{336}n\u{336} ",
    "https://contoh.id/",
    "😂🅂\u{200b}",
];

#[test]
fn a_megabyte_takes_no_longer_than_its_parts() {
    const LARGE: usize = 1 << 20;
    const PARTS: usize = 16;
    for piece in HARD {
        let text = |size: usize| piece.repeat(size / piece.len());
        let (part, whole) = (text(LARGE / PARTS), text(LARGE));
        // What else runs on the machine can only slow a try down.
        let keeps_up = || took(&whole, 1) < 4 * took(&part, PARTS);
        assert!((0..3).any(|_| keeps_up()), "{piece:?} takes longer at once than in {PARTS} parts");
    }
}

/// How long this thread works on deciding a text so many times: its processor time where the system tells.
fn took(text: &str, times: usize) -> u128 {
    let worked = || -> Option<u128> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split(' ').next()?.parse().ok()
    };
    let (clock, before) = (Instant::now(), worked());
    (0..times).for_each(|_| drop(RULES.decide(&Input::of(text))));
    worked().zip(before).map_or(clock.elapsed().as_nanos(), |(after, before)| after - before)
}
