//! What people are in danger of, and so who has to come.

use crate::evidence::Evidence;
use crate::phrasebook::{Hit, Meaning};
use crate::ruleset::RuleSet;

/// A danger that a text tells of.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its number in the rules.
    pub(crate) number: usize,
    /// What told of it, with points, in the order of the text.
    pub(crate) words: Vec<(Hit, f64)>,
}

impl Found {
    fn points(&self) -> f64 {
        self.words.iter().map(|(_, points)| points).sum()
    }

    fn begins(&self) -> usize {
        self.words.first().map_or(usize::MAX, |(hit, _)| hit.start)
    }

    fn add(&mut self, hit: Hit, points: f64) {
        if self.words.iter().all(|(other, _)| hit.phrase != other.phrase) {
            self.words.push((hit, points));
        }
    }
}

/// The danger that most is said of. Of two that are equal the one of whose office more is said, then the one named first:
/// people may correct it later; what must not happen is that nobody comes. Of which too little is said to decide anything,
/// such as a beach that is only named, decides nothing here either: the subject does.
pub(crate) fn worst(rules: &RuleSet, evidence: &Evidence) -> Option<Found> {
    let of_office = |found: &Found| {
        let seat = rules.dangers.get(found.number)?.seat;
        evidence.points.get(seat).copied()
    };
    let order = |a: &Found, b: &Found| {
        let points = b.points().total_cmp(&a.points());
        let office = || of_office(b).unwrap_or_default().total_cmp(&of_office(a).unwrap_or_default());
        points.then_with(office).then_with(|| a.begins().cmp(&b.begins())).then(a.number.cmp(&b.number))
    };
    all(rules, evidence).into_iter().filter(|found| found.points() >= rules.weights.least).min_by(order)
}

/// Every danger that is told of. A phrase counts once, and a longer one instead of those inside it.
fn all(rules: &RuleSet, evidence: &Evidence) -> Vec<Found> {
    let mut dangers: Vec<Found> = Vec::new();
    let mut covered = 0;
    for hit in evidence.hits.iter().filter(|hit| !hit.near) {
        let inside = hit.end <= covered;
        for (meaning, points) in &rules.book.phrase(hit.phrase).uses {
            let Meaning::Danger(number) = *meaning else { continue };
            covered = covered.max(hit.end);
            match dangers.iter_mut().find(|danger| danger.number == number) {
                _ if inside => {}
                Some(danger) => danger.add(*hit, *points),
                None => dangers.push(Found { number, words: vec![(*hit, *points)] }),
            }
        }
    }
    dangers
}
