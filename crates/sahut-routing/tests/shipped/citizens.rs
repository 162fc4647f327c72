//! The demo's citizens, who write to the offices of the example regency on their channels: what is opened, and for whom.

use std::collections::BTreeMap;
use std::fs;

use sahut_domain::decision::Decision;
use sahut_domain::inquiry::Kind;
use sahut_routing::{Input, RuleSet};

use crate::regency::{Shipped, code, root};

/// What a citizen writes, and what it is meant to be.
struct Line {
    direct: bool,
    owner: String,
    office: String,
    kind: Kind,
    text: String,
}

fn lines() -> Vec<Line> {
    let table = fs::read_to_string(root().join("crates/sahut/demo/citizens.tsv")).unwrap();
    let line = |line: &str| {
        let [_, surface, owner, _, _, office, kind, text] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        Line {
            direct: surface != "comment",
            owner: owner.to_owned(),
            office: office.to_owned(),
            kind: kind.parse().unwrap(),
            text: text.to_owned(),
        }
    };
    table.lines().skip(1).map(line).collect()
}

fn decide(rules: &RuleSet, line: &Line) -> Decision {
    rules.decide(&Input { owner: Some(&code(&line.owner)), direct: line.direct, ..Input::of(&line.text) })
}

#[test]
fn who_wants_something_is_heard_and_who_talks_is_left_alone() {
    let rules = Shipped::read("lebong").compile();
    let mut opened: BTreeMap<(bool, &str), (usize, usize)> = BTreeMap::new();
    for line in lines() {
        let sort = match line.kind {
            Kind::Noise | Kind::Thanks | Kind::Spam => "talk",
            kind => kind.as_str(),
        };
        let (open, all) = opened.entry((line.direct, sort)).or_default();
        *open += usize::from(decide(&rules, &line).kind.needs_action());
        *all += 1;
    }
    println!("{opened:?}");
    let percent = |sort| opened.get(&sort).map_or(0, |(open, all)| open * 100 / all);
    assert!(percent((false, "complaint")) >= 90);
    assert!(percent((false, "information")) >= 85);
    assert!(percent((false, "talk")) <= 4);
    assert!(percent((true, "complaint")) >= 90);
    assert!(percent((true, "information")) >= 95);
    assert!(percent((true, "talk")) == 0);
}

#[test]
fn most_come_to_the_office_they_mean() {
    let rules = Shipped::read("lebong").compile();
    let (mut right, mut left, mut all) = (0, 0, 0);
    for line in lines().iter().filter(|line| line.kind.needs_action() && line.office != "-") {
        let decision = decide(&rules, line);
        if !decision.kind.needs_action() {
            continue;
        }
        all += 1;
        left += usize::from(decision.needs_triage());
        right += usize::from(!decision.needs_triage() && decision.office == Some(code(&line.office)));
    }
    println!("{right} of {all} right, {left} left to people");
    assert!(right * 100 >= all * 82, "{right} of {all}");
    assert!(left * 100 <= all * 12, "{left} of {all}");
}
