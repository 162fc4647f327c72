//! How well the shipped rules do on labelled texts of other places. The texts are private and are not part of the
//! project: where they are absent the tests say so and pass. The floors stand a little below what was measured, so that
//! a change of rules that costs something is noticed.

use std::collections::BTreeMap;
use std::fs;

use sahut_domain::decision::Decision;
use sahut_routing::{Input, RuleSet};

use crate::regency::{Shipped, root};

pub(crate) type Row = BTreeMap<String, String>;

pub(crate) fn rows(name: &str) -> Option<Vec<Row>> {
    let path = root().join("../shared/data").join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: {name} is not here");
        return None;
    };
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next()?.split('\t').collect();
    let row = |line: &str| {
        head.iter().zip(line.split('\t')).map(|(k, v)| ((*k).to_owned(), v.to_owned())).collect()
    };
    Some(lines.map(row).collect())
}

/// The rules of a regency in general: its offices are called like the labels of the sets.
fn rules() -> RuleSet {
    Shipped::read("kabupaten").compile()
}

/// Where a decision points, best first: offices by their codes, others by the label that the sets use.
fn ranking(decision: &Decision) -> Vec<String> {
    let outside = decision.outside.iter().map(|name| format!("luar:{}", name.to_lowercase()));
    outside.chain(decision.scores.iter().map(|score| score.office.to_string())).collect()
}

fn percent(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand rows")]
    let share = part as f64 / whole.max(1) as f64;
    share * 100.0
}

/// Counts of one set.
#[derive(Default)]
struct Tally {
    rows: usize,
    first: usize,
    among_three: usize,
    silent: usize,
    assigned: usize,
    assigned_right: usize,
}

impl Tally {
    fn add(&mut self, decision: &Decision, right: &[&str]) {
        let ranking = ranking(decision);
        let is_right = |office: &String| right.contains(&office.as_str());
        self.rows += 1;
        self.first += usize::from(ranking.first().is_some_and(is_right));
        self.among_three += usize::from(ranking.iter().take(3).any(is_right));
        self.silent += usize::from(ranking.is_empty());
        if !decision.needs_triage() {
            self.assigned += 1;
            self.assigned_right +=
                usize::from(decision.office.as_ref().is_some_and(|o| right.contains(&o.as_str())));
        }
    }

    fn tell(&self, name: &str) {
        println!(
            "{name}: {} rows, first {:.1} %, among three {:.1} %, nothing found {:.1} %; assigned {:.1} %, of these right {:.1} %",
            self.rows,
            percent(self.first, self.rows),
            percent(self.among_three, self.rows),
            percent(self.silent, self.rows),
            percent(self.assigned, self.rows),
            percent(self.assigned_right, self.assigned),
        );
    }
}

#[test]
fn reports_to_a_regency() {
    let Some(rows) = rows("lapor_kab.tsv") else { return };
    let technical = Shipped::read("kabupaten").without("kecamatan").compile();
    for (name, rules, with_districts, first, among_three) in
        [("all", rules(), true, 68.0, 88.0), ("without districts", technical, false, 79.5, 91.5)]
    {
        let mut tally = Tally::default();
        for row in rows.iter().filter(|row| with_districts || row["label"] != "kecamatan") {
            let decision = rules.decide(&Input { subject: Some(&row["title"]), ..Input::of(&row["text"]) });
            tally.add(&decision, &[&row["label"]]);
        }
        tally.tell(&format!("reports to a regency, {name}"));
        assert!(percent(tally.first, tally.rows) >= first);
        assert!(percent(tally.among_three, tally.rows) >= among_three);
    }
}

#[test]
fn short_posts_to_a_city() {
    let Some(rows) = rows("tweet_kota.tsv") else { return };
    let rules = rules();
    let mut tally = Tally::default();
    for row in &rows {
        let right: Vec<&str> = row["accept"].split(',').chain([row["label"].as_str()]).collect();
        // An empty subject keeps the gate open: this set only asks where, not whether.
        tally.add(&rules.decide(&Input { subject: Some(""), ..Input::of(&row["text"]) }), &right);
    }
    tally.tell("short posts to a city");
    assert!(percent(tally.first, tally.rows) >= 84.0);
    assert!(percent(tally.silent, tally.rows) <= 1.5);
}

#[test]
fn does_a_post_need_somebody() {
    let Some(rows) = rows("tweet_perlu_tindakan.tsv") else { return };
    let rules = rules();
    let (mut right, mut complaints, mut found, mut opened) = (0, 0, 0, 0);
    for row in &rows {
        let needs = rules.decide(&Input::of(&row["text"])).kind.needs_action();
        let should = row["label"] == "keluhan";
        right += usize::from(needs == should);
        complaints += usize::from(should);
        opened += usize::from(needs);
        found += usize::from(needs && should);
    }
    let (accuracy, recall) = (percent(right, rows.len()), percent(found, complaints));
    println!(
        "needs somebody: accuracy {accuracy:.1} %, recall {recall:.1} %, precision {:.1} %",
        percent(found, opened)
    );
    assert!(accuracy >= 79.5);
    assert!(recall >= 67.0);
}

#[test]
fn ordinary_talk_mostly_stays_talk() {
    let Some(rows) = rows("ig_pemkot_komentar.tsv") else { return };
    let rules = rules();
    let (mut opened, mut assigned) = (0, 0);
    for row in &rows {
        let decision = rules.decide(&Input::of(&row["komentar"]));
        opened += usize::from(decision.kind.needs_action());
        assigned += usize::from(decision.kind.needs_action() && !decision.needs_triage());
    }
    let (opened, assigned) = (percent(opened, rows.len()), percent(assigned, rows.len()));
    println!("ordinary comments: opened {opened:.1} %, assigned to an office {assigned:.1} %");
    assert!(opened <= 5.0);
    assert!(assigned <= 4.0);
}
