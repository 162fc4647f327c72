//! Training: softmax regression over sparse features and a few dense hints, by `AdaGrad`.
//!
//! Offices' duties change, and so does who is given what. A lesson is therefore answered by two sets of weights together:
//! those of all years and those of its own. What always held is learned from everything, what changed from its year.

use super::{HINTS, Prior};

/// Rounds over the lessons.
const ROUNDS: usize = 14;
/// Length of the first steps, and by how much each round shortens them.
const STEP: f32 = 0.25;
const SHORTER: f32 = 0.1;
/// How strongly what one seat makes of its hints is drawn to what all make of theirs.
const DRAW_HINTS: f32 = 0.5;
/// How strongly what all make of their hints is drawn to what it began with.
const DRAW_PRESET: f32 = 2.0;

/// A lesson as numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// Features by number, with their values.
    pub(crate) features: Vec<(u32, f32)>,
    /// What the rules say about each answer.
    pub(crate) hints: Vec<[f32; HINTS]>,
    /// The answer.
    pub(crate) answer: usize,
    /// The number of its year.
    pub(crate) year: usize,
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// How many answers there are.
    pub(crate) answers: usize,
    /// For each feature one weight an answer, one feature after the other.
    pub(crate) features: Vec<f32>,
    /// How common each answer is.
    pub(crate) bias: Vec<f32>,
    /// What hints weigh for all answers.
    pub(crate) hints: [f32; HINTS],
    /// What they weigh more or less for each.
    pub(crate) own_hints: Vec<[f32; HINTS]>,
}

/// What was learned of each year, and of all.
#[derive(Debug)]
pub(crate) struct Learned {
    always: Weights,
    /// Empty where all lessons are of one year.
    years: Vec<Weights>,
}

impl Learned {
    /// The weights for messages of a year.
    pub(crate) fn in_year(&self, year: usize) -> Weights {
        let mut weights = self.always.clone();
        self.years.get(year).into_iter().for_each(|own| weights.add(own));
        weights
    }
}

/// Trains on rows of so many years; `seen` tells for each feature in how many rows it stands. Deterministic.
pub(crate) fn train(rows: &[Row], seen: &[u32], answers: usize, prior: Prior, years: usize) -> Learned {
    let mut always = Pupil::new(seen.len(), answers, prior);
    let own = || Pupil::new(seen.len(), answers, Prior { hints: [0.0; HINTS], ..prior });
    let mut years: Vec<Pupil> = (0..years).filter(|_| years > 1).map(|_| own()).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut shares = vec![0.0; answers];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    #[expect(clippy::cast_precision_loss, reason = "a count of lessons")]
    let each = 1.0 / rows.len().max(1) as f32;
    for round in (0_u8..).take(ROUNDS) {
        let length = STEP / (1.0 + SHORTER * f32::from(round));
        shuffle(&mut order, &mut state);
        for row in order.iter().filter_map(|at| rows.get(*at)) {
            shares.fill(0.0);
            let own = years.get_mut(row.year);
            always.weights.answer(row, &mut shares);
            if let Some(own) = &own {
                own.weights.answer(row, &mut shares);
            }
            softmax(&mut shares);
            if let Some(share) = shares.get_mut(row.answer) {
                *share -= 1.0;
            }
            std::iter::once(&mut always)
                .chain(own)
                .for_each(|pupil| pupil.step(row, &shares, seen, each, length));
        }
    }
    Learned { always: always.weights, years: years.into_iter().map(|pupil| pupil.weights).collect() }
}

/// Weights while they are learned.
struct Pupil {
    weights: Weights,
    prior: Prior,
    steps: Steps,
}

/// Sums of squared gradients, which make the steps of what is seen often shorter.
struct Steps {
    features: Vec<f32>,
    bias: Vec<f32>,
    hints: [f32; HINTS],
    own_hints: Vec<[f32; HINTS]>,
}

impl Weights {
    /// Adds what they say about a row.
    fn answer(&self, row: &Row, sums: &mut [f32]) {
        self.begin(&row.hints, sums);
        for (feature, value) in &row.features {
            let from = *feature as usize * self.answers;
            let weights = self.features.get(from..from + self.answers).unwrap_or_default();
            sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * weight);
        }
    }

    /// Adds what the hints alone say, before any word.
    pub(crate) fn begin(&self, hints: &[[f32; HINTS]], sums: &mut [f32]) {
        let all = self.bias.iter().zip(&self.own_hints).zip(hints);
        for (sum, ((bias, own), hints)) in sums.iter_mut().zip(all) {
            *sum += *bias;
            for ((hint, shared), own) in hints.iter().zip(&self.hints).zip(own) {
                *sum += hint * (shared + own);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        let hints = self.hints.iter_mut().chain(self.own_hints.iter_mut().flatten());
        let own = self.features.iter_mut().chain(&mut self.bias).chain(hints);
        let hints = other.hints.iter().chain(other.own_hints.iter().flatten());
        let others = other.features.iter().chain(&other.bias).chain(hints);
        own.zip(others).for_each(|(own, other)| *own += other);
    }
}

impl Pupil {
    fn new(features: usize, answers: usize, prior: Prior) -> Self {
        let weights = Weights {
            answers,
            features: vec![0.0; features * answers],
            bias: vec![0.0; answers],
            hints: prior.hints,
            own_hints: vec![[0.0; HINTS]; answers],
        };
        let steps = Steps {
            features: vec![1e-6; features * answers],
            bias: vec![1e-2; answers],
            hints: [1.0; HINTS],
            own_hints: vec![[0.1; HINTS]; answers],
        };
        Self { weights, prior, steps }
    }

    fn step(&mut self, row: &Row, errors: &[f32], seen: &[u32], each: f32, length: f32) {
        let (known, steps) = (&mut self.weights, &mut self.steps);
        for (feature, value) in &row.features {
            let from = *feature as usize * known.answers;
            #[expect(clippy::cast_precision_loss, reason = "a count of lessons")]
            let draw = self.prior.draw / seen.get(*feature as usize).copied().unwrap_or(1).max(1) as f32;
            let weights = known.features.get_mut(from..from + known.answers).unwrap_or_default();
            let squares = steps.features.get_mut(from..from + known.answers).unwrap_or_default();
            for ((weight, square), error) in weights.iter_mut().zip(squares).zip(errors) {
                descend(weight, square, error * value + draw * *weight, length);
            }
        }
        for ((bias, square), error) in known.bias.iter_mut().zip(&mut steps.bias).zip(errors) {
            descend(bias, square, error + 0.1 * each * *bias, length);
        }
        let mut shared = [0.0; HINTS];
        let own = known.own_hints.iter_mut().zip(&mut steps.own_hints);
        for ((own, squares), (hints, error)) in own.zip(row.hints.iter().zip(errors)) {
            for at in 0..HINTS {
                let gradient = error * hints[at];
                shared[at] += gradient;
                if hints[at] != 0.0 {
                    let draw = DRAW_HINTS * each * own[at];
                    descend(&mut own[at], &mut squares[at], gradient + draw, length);
                }
            }
        }
        let gradients = shared.iter().zip(&self.prior.hints);
        for ((hint, square), (shared, prior)) in known.hints.iter_mut().zip(&mut steps.hints).zip(gradients) {
            let draw = DRAW_PRESET * each * (*hint - prior);
            descend(hint, square, shared + draw, length);
        }
    }
}

fn descend(weight: &mut f32, square: &mut f32, gradient: f32, length: f32) {
    *square += gradient * gradient;
    *weight -= length * gradient / square.sqrt();
}

/// Makes shares that sum up to one.
pub(crate) fn softmax(sums: &mut [f32]) {
    let most = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for sum in sums.iter_mut() {
        *sum = (*sum - most).exp();
        total += *sum;
    }
    for sum in sums {
        *sum /= total;
    }
}

/// The same order every time: a model can be made again from its lessons.
fn shuffle(order: &mut [usize], state: &mut u64) {
    for last in (1..order.len()).rev() {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let other = usize::try_from(*state % (last as u64 + 1)).unwrap_or(0);
        order.swap(last, other);
    }
}
