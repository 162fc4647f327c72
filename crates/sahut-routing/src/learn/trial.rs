//! Whether a model is better than the rules alone, on lessons that it has not seen.

use std::collections::HashMap;

use sahut_domain::decision::{Decision, Learned};

use super::bound::Bound;
use super::school::School;
use super::years::Years;
use super::{Lesson, Model, Taught};
use crate::likeness::Likeness;
use crate::plain::Plain;
use crate::ruleset::RuleSet;

/// Lessons that are more alike than this are held back together: one that was seen must not tell of its twin.
const TWINS: f64 = 0.4;

/// The usual number of parts that lessons are split into.
const PARTS: usize = 5;

/// Values that are tried to make shares honest.
const TEMPERS: [f32; 9] = [0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0];

/// Lessons decided by models that have not seen them.
#[derive(Debug)]
pub struct Trial {
    /// For each lesson the decision with a model.
    pub held_back: Vec<Decision>,
    /// For each lesson the decision by the rules alone.
    pub rules: Vec<Decision>,
    /// What made the shares of those held back honest, all taken together.
    temper: f32,
}

/// How often a first choice was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured {
    /// Lessons that were asked.
    pub lessons: usize,
    /// Right with a model.
    pub model: usize,
    /// Right by the rules alone.
    pub rules: usize,
}

impl Trial {
    /// Splits lessons into so many parts, and decides each part by a model that learned from the others, as of the year
    /// that each is of.
    pub fn run(rules: &RuleSet, lessons: &[Lesson<'_>], parts: usize) -> Self {
        let part = parts_of(rules, lessons, parts);
        let years = Years::of(lessons);
        let mut held_back: Vec<Option<Decision>> = vec![None; lessons.len()];
        for now in 0..parts {
            let mut seen = lessons.to_vec();
            let mut of_part = part.iter().map(|part| *part == now);
            seen.retain(|_| of_part.next() == Some(false));
            let school = School::of(rules, &seen, &years);
            for year in 0..years.count() {
                let bound = Bound::new(school.model(year), 0, rules);
                for ((lesson, part), held) in lessons.iter().zip(&part).zip(&mut held_back) {
                    if *part == now && years.number(lesson.at) == year {
                        *held = Some(rules.decide_with(&lesson.input, Some(&bound)));
                    }
                }
            }
        }
        let alone = |lesson: &Lesson<'_>| rules.decide_with(&lesson.input, None);
        let mut trial = Self {
            held_back: held_back.into_iter().flatten().collect(),
            rules: lessons.iter().map(alone).collect(),
            temper: 1.0,
        };
        trial.make_honest(lessons, &part, parts);
        trial
    }

    /// Makes the shares of each part honest by what the others teach about that, as everything else.
    fn make_honest(&mut self, lessons: &[Lesson<'_>], part: &[usize], parts: usize) {
        let decided = || lessons.iter().zip(&self.held_back);
        let without = |now: usize| {
            let others = decided().zip(part).filter(move |(_, part)| **part != now);
            honest_temper(others.map(|(decided, _)| decided))
        };
        let tempers: Vec<f32> = (0..parts).map(without).collect();
        self.temper = honest_temper(decided());
        for (decision, part) in self.held_back.iter_mut().zip(part) {
            soften(decision, tempers.get(*part).copied().unwrap_or(1.0));
        }
    }

    /// How often each was right about what was taught.
    pub fn measure(&self, lessons: &[Lesson<'_>]) -> Measured {
        let right = |decisions: &[Decision]| {
            lessons
                .iter()
                .zip(decisions)
                .filter(|(lesson, decision)| is_right(lesson.taught, decision))
                .count()
        };
        Measured { lessons: lessons.len(), model: right(&self.held_back), rules: right(&self.rules) }
    }
}

impl Measured {
    /// Whether the model is to be used: right more often than the rules alone.
    pub fn is_worth_it(&self) -> bool {
        self.lessons > 0 && self.model > self.rules
    }
}

impl Model {
    /// Learns from lessons, and measures by holding parts of them back what that is worth. Its shares are made honest by
    /// what was held back.
    pub fn learn_and_measure(rules: &RuleSet, lessons: &[Lesson<'_>]) -> (Self, Measured) {
        let trial = Trial::run(rules, lessons, PARTS);
        let mut model = Self::learn(rules, lessons);
        if let Some(seats) = &mut model.seats {
            seats.temper = trial.temper;
        }
        (model, trial.measure(lessons))
    }
}

fn is_right(taught: Taught<'_>, decision: &Decision) -> bool {
    match taught {
        Taught::Needed(needed) => decision.kind.needs_action() == needed,
        Taught::Seat(seat) => decision.ranking().next() == Some(seat),
    }
}

/// The value under which what was held back is least surprising.
fn honest_temper<'a>(decided: impl Iterator<Item = (&'a Lesson<'a>, &'a Decision)>) -> f32 {
    let asked: Vec<(&str, &Learned)> = decided
        .filter_map(|(lesson, decision)| match lesson.taught {
            Taught::Seat(seat) => Some((seat, decision.learned.as_ref()?)),
            Taught::Needed(_) => None,
        })
        .collect();
    let surprise = |temper: f32| -> f64 {
        let of = |(seat, learned): &(&str, &Learned)| {
            let total: f64 = learned.shares.iter().map(|share| softened(share.share, temper)).sum();
            let right = learned.shares.iter().find(|share| share.seat == *seat)?;
            Some(-(softened(right.share, temper) / total).ln())
        };
        asked.iter().filter_map(of).sum()
    };
    TEMPERS.into_iter().min_by(|a, b| surprise(*a).total_cmp(&surprise(*b))).unwrap_or(1.0)
}

/// Makes the shares of a decision what they would have been with this temper.
fn soften(decision: &mut Decision, temper: f32) {
    let Some(learned) = &mut decision.learned else { return };
    let total: f64 = learned.shares.iter().map(|share| softened(share.share, temper)).sum();
    learned.shares.iter_mut().for_each(|share| share.share = softened(share.share, temper) / total);
}

fn softened(share: f64, temper: f32) -> f64 {
    share.max(1e-6).powf(1.0 / f64::from(temper))
}

/// The part of each lesson; twins are in one.
fn parts_of(rules: &RuleSet, lessons: &[Lesson<'_>], parts: usize) -> Vec<usize> {
    let mut plain = Plain::default();
    let mut likeness = |lesson: &Lesson<'_>| {
        plain.read(&lesson.input.whole(), &rules.shorthand);
        Likeness::of(&plain)
    };
    let marks: Vec<Likeness> = lessons.iter().map(&mut likeness).collect();
    let mut group: Vec<usize> = (0..lessons.len()).collect();
    let mut first_with: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, likeness) in marks.iter().enumerate() {
        let mut candidates: HashMap<usize, usize> = HashMap::new();
        for mark in likeness.marks() {
            let with = first_with.entry(*mark).or_default();
            for other in with.iter() {
                *candidates.entry(*other).or_default() += 1;
            }
            // A mark that many have says nothing.
            if with.len() < 30 {
                with.push(at);
            }
        }
        for (other, _) in candidates.into_iter().filter(|(_, shared)| *shared >= 4) {
            if marks.get(other).is_some_and(|other| likeness.share(other) >= TWINS) {
                let (a, b) = (root(&mut group, at), root(&mut group, other));
                group.get_mut(a.max(b)).into_iter().for_each(|group| *group = a.min(b));
            }
        }
    }
    // Spread by a hash and not in turn: lessons come in the order of days and offices.
    let spread = |root: usize| (root.wrapping_mul(0x9E37_79B9) >> 7) % parts.max(1);
    (0..lessons.len()).map(|at| spread(root(&mut group, at))).collect()
}

fn root(group: &mut [usize], mut at: usize) -> usize {
    while let Some(up) = group.get(at).copied().filter(|up| *up != at) {
        let over = group.get(up).copied().unwrap_or(up);
        group.get_mut(at).into_iter().for_each(|to| *to = over);
        at = over;
    }
    at
}
