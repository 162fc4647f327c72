//! A model in use: what it says about a text, and by which words.

use sahut_domain::inquiry::Kind;

use super::features::Told;
use super::model::{Head, Model, Work};
use super::{HINTS, hints, need_hints};
use crate::evidence::Evidence;
use crate::ruleset::RuleSet;

/// A model in use with a set of rules.
#[derive(Debug)]
pub(crate) struct Bound {
    model: Model,
    pub(crate) version: i64,
    /// For each answer of the model the seat of the rules.
    seats: Vec<Option<usize>>,
}

/// What a model says about a text. Kept and filled again.
#[derive(Debug, Default)]
pub(crate) struct Opinion {
    told: Told,
    /// Hints by the seats of the rules, and by the answers of the model.
    by_seat: Vec<[f32; HINTS]>,
    hints: Vec<[f32; HINTS]>,
    work: Work,
    /// The best seats with their shares, the best first.
    pub(crate) shares: Vec<(usize, f32)>,
    /// Words that spoke for the best and against the second: number of the word, and how much.
    pub(crate) words: Vec<(usize, f32)>,
}

/// Words that are kept to explain a share.
const KEPT_WORDS: usize = 3;
/// Seats whose shares are kept.
const KEPT_SEATS: usize = 5;

impl Bound {
    pub(crate) fn new(model: Model, version: i64, rules: &RuleSet) -> Self {
        let seat = |name: &String| rules.seats.iter().position(|seat| seat.to_string() == *name);
        let seats = model.seats.iter().flat_map(|head| head.answers.iter().map(seat)).collect();
        Self { model, version, seats }
    }

    /// The share of those who say that the message needs somebody; nothing where that was not learned.
    pub(crate) fn needed(&self, evidence: &Evidence, kind: Kind, opinion: &mut Opinion) -> Option<f32> {
        let head = self.model.needs.as_ref()?;
        opinion.told.read_manner(evidence);
        need_hints(evidence, kind, &mut opinion.hints);
        head.shares(evidence, &opinion.told, &opinion.hints, &mut opinion.work);
        opinion.work.shares.get(1).copied()
    }

    /// Whose the message is. `false` where that was not learned.
    pub(crate) fn judge(
        &self,
        rules: &RuleSet,
        evidence: &Evidence,
        owner: Option<usize>,
        opinion: &mut Opinion,
    ) -> bool {
        let Some(head) = &self.model.seats else { return false };
        opinion.told.read(evidence, |topic| rules.topic_key(topic));
        hints(rules, evidence, owner, &mut opinion.by_seat);
        opinion.hints.clear();
        opinion.hints.extend(
            self.seats
                .iter()
                .map(|seat| seat.and_then(|seat| opinion.by_seat.get(seat)).copied().unwrap_or([0.0; HINTS])),
        );
        head.shares(evidence, &opinion.told, &opinion.hints, &mut opinion.work);
        let shares = opinion.work.shares.iter().zip(&self.seats);
        opinion.shares.clear();
        opinion.shares.extend(shares.filter_map(|(share, seat)| Some(((*seat)?, *share))));
        let order = |a: &(usize, f32), b: &(usize, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if opinion.shares.len() > KEPT_SEATS {
            opinion.shares.select_nth_unstable_by(KEPT_SEATS - 1, order);
            opinion.shares.truncate(KEPT_SEATS);
        }
        opinion.shares.sort_unstable_by(order);
        self.find_words(head, opinion);
        true
    }

    fn find_words(&self, head: &Head, opinion: &mut Opinion) {
        opinion.words.clear();
        let answer = |rank: usize| {
            let (seat, _) = opinion.shares.get(rank)?;
            self.seats.iter().position(|known| known.as_ref() == Some(seat))
        };
        let (Some(best), Some(second)) = (answer(0), answer(1)) else { return };
        let scales = opinion.work.scales;
        let speaks =
            |(at, row, sum): &(usize, u32, u32)| (*at, head.speaks(*row, *sum, best, second, scales));
        let words = opinion.work.rows.iter().map(speaks).filter(|(_, speaks)| *speaks > 0.05);
        opinion.words.extend(words);
        opinion.words.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        opinion.words.truncate(KEPT_WORDS);
    }
}
