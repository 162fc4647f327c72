//! A model: what was learned, and what that says about a text.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::HINTS;
use super::features::{self, SORTS, Told};
use super::softmax::{Weights, softmax};
use crate::evidence::Evidence;
use crate::shorthand::WordHasher;

pub(super) type Map<V> = HashMap<u64, V, BuildHasherDefault<WordHasher>>;

/// What was learned from people's decisions: whose messages are, and whether they need somebody. Made by
/// [`Model::learn`], used by [`RuleSet::teach`](crate::RuleSet::teach).
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(super) seats: Option<Head>,
    pub(super) needs: Option<Head>,
}

/// The answer to one question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    /// What each answer is called.
    pub(super) answers: Vec<String>,
    /// Divides the sums before they become shares, so that a share is the probability to be right.
    pub(super) temper: f32,
    pub(super) index: Map<u32>,
    /// For each feature that is a word the row where its runs are summed up; [`NO_SUM`] for all others.
    pub(super) sums: Vec<u32>,
    /// For each row the square of its size.
    pub(super) squares: Vec<f32>,
    /// The weights; those of features already times their sizes.
    pub(super) weights: Weights,
}

/// The row of runs of what is no word.
pub(super) const NO_SUM: u32 = u32::MAX;

impl Model {
    /// Whether it has an opinion on anything.
    pub fn is_empty(&self) -> bool {
        self.seats.is_none() && self.needs.is_none()
    }
}

/// What is added up of one text. Kept and filled again.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) shares: Vec<f32>,
    /// For each sort the sum of its rows, and what that is multiplied by.
    sums: [Vec<f32>; SORTS.len()],
    pub(super) scales: [f32; SORTS.len()],
    /// Known words: where they stand, their row, and that of their runs.
    pub(super) rows: Vec<(usize, u32, u32)>,
}

impl Head {
    /// Adds a row, and answers its square.
    pub(super) fn add(&self, row: u32, sum: &mut [f32]) -> f32 {
        let from = row as usize * self.answers.len();
        let weights = self.weights.features.get(from..from + self.answers.len()).unwrap_or_default();
        sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        self.squares.get(row as usize).copied().unwrap_or_default()
    }

    fn add_known(&self, keys: impl Iterator<Item = u64>, sum: &mut [f32]) -> f32 {
        keys.filter_map(|key| self.index.get(&key)).map(|row| self.add(*row, sum)).sum()
    }

    /// Adds the runs of a word, and answers the sum of their squares.
    pub(super) fn add_runs(&self, letters: &str, sum: &mut [f32]) -> f32 {
        let mut squares = 0.0;
        features::runs(letters, |run| squares += self.add_known(std::iter::once(run), sum));
        squares
    }

    /// The share of each answer.
    pub(super) fn shares(&self, evidence: &Evidence, told: &Told, hints: &[[f32; HINTS]], work: &mut Work) {
        let answers = self.answers.len();
        work.shares.clear();
        work.shares.resize(answers, 0.0);
        self.weights.begin(hints, &mut work.shares);
        let squares = self.add_all(evidence, told, work);
        for ((sort, square), (sum, scale)) in
            SORTS.into_iter().zip(squares).zip(work.sums.iter().zip(&mut work.scales))
        {
            *scale = if square > 0.0 { sort.length() / square.sqrt() } else { 0.0 };
            work.shares.iter_mut().zip(sum).for_each(|(share, sum)| *share += *scale * sum);
        }
        work.shares.iter_mut().for_each(|share| *share /= self.temper);
        softmax(&mut work.shares);
    }

    /// Adds up each sort, and answers its square.
    fn add_all(&self, evidence: &Evidence, told: &Told, work: &mut Work) -> [f32; SORTS.len()] {
        for sum in &mut work.sums {
            sum.clear();
            sum.resize(self.answers.len(), 0.0);
        }
        let [words, runs, subject, traits] = &mut work.sums;
        let mut squares = [0.0; SORTS.len()];
        work.rows.clear();
        for (key, at) in &told.words {
            if let Some(row) = self.index.get(key).copied() {
                let sum = self.sums.get(row as usize).copied().unwrap_or(NO_SUM);
                squares[0] += self.add(row, words);
                squares[1] += self.add(sum, runs);
                work.rows.push((*at, row, sum));
            } else {
                squares[1] += self.add_runs(features::letters(&evidence.plain, *at), runs);
            }
        }
        squares[0] += self.add_known(told.pairs.iter().map(|(key, _)| *key), words);
        squares[2] = self.add_known(told.subject.iter().copied(), subject);
        squares[3] = self.add_known(told.traits.iter().copied(), traits);
        squares
    }

    /// How much a known word, with its runs, says for one answer and against another.
    pub(super) fn speaks(
        &self,
        row: u32,
        sum: u32,
        answer: usize,
        against: usize,
        scales: [f32; SORTS.len()],
    ) -> f32 {
        let difference = |row: u32| {
            let from = row as usize * self.answers.len();
            let weight = |answer: usize| self.weights.features.get(from + answer).copied();
            weight(answer).zip(weight(against)).map_or(0.0, |(a, b)| a - b)
        };
        scales[0] * difference(row) + scales[1] * difference(sum)
    }
}
