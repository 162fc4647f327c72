//! Learning from what people decided: every correction on an instance teaches its own small model.
//!
//! Rules and model are combined in one way. For each seat the points of the rules become a *hint* ([`hints`]): the
//! logarithm of the points, whether it is the first, whether the message stands on its channel. The model adds to the
//! hints what the words of the text said in the lessons, and a softmax makes shares of the sum: a probability for each
//! seat. With no lessons the shares say what the rules say; with many, the words say more. An office that no lesson
//! names is still found by its rules. What the rules settle outright (a mention of an office by its user name, a place
//! of another government, noise and advertisements) the model is not asked about.
//!
//! Words are seen as whole words, as pairs, as the words of the subject, and as runs of three to five letters, so that a
//! word with another ending or a slip is still known. The weights of a known word's runs are summed up once, after
//! training, so that deciding costs two rows a word.
//!
//! Duties change hands, and what people decided two years ago may be wrong today. What always held is therefore learned
//! from all lessons, what changed from those of its year (`years`); a model in use decides as of the last year.
//!
//! A model is trained in memory within seconds (`school`, `softmax`), is deterministic, and is put to use only after a
//! [`Trial`]: five times a fifth of the lessons is held back and decided by a model that has not seen it.

mod bound;
mod bytes;
mod features;
mod model;
mod school;
mod softmax;
mod trial;
mod years;

use sahut_domain::Timestamp;
use sahut_domain::inquiry::Kind;

use crate::evidence::Evidence;
use crate::ruleset::{Input, RuleSet, Seat};

pub use bytes::UnreadableModel;
pub use model::Model;
pub use trial::{Measured, Trial};

pub(crate) use bound::{Bound, Opinion};
pub(crate) use features::{key, topic_key};

/// A message that people decided on.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// The message.
    pub input: Input<'a>,
    /// What they decided.
    pub taught: Taught<'a>,
    /// When they did.
    pub at: Timestamp,
}

/// What people decided on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taught<'a> {
    /// Whose it is: an office by its code, or somebody outside by the name that the rules give. It needs somebody.
    Seat(&'a str),
    /// Whether it needs somebody at all.
    Needed(bool),
}

/// Things that the rules say about each answer of a question, for the model to weigh.
pub(crate) const HINTS: usize = 3;

/// What is believed before anything was learned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prior {
    /// How hints weigh: the points decide.
    hints: [f32; HINTS],
    /// How strongly weights of words are drawn to zero: the less, the more a word tells of the answer.
    draw: f32,
}

/// Of whose a message is: words name its subject.
pub(crate) const OFFICE_PRIOR: Prior = Prior { hints: [2.0, 0.5, 0.5], draw: 0.15 };
/// Of whether it needs somebody: no word alone says that.
pub(crate) const NEED_PRIOR: Prior = Prior { hints: [2.0, 0.0, 0.0], draw: 0.3 };

/// What the rules say about each seat: logarithm of its points, whether it is the first, whether it owns the channel.
/// What speaks for any district office speaks for [`Seat::District`]: which one it is, the place says.
pub(crate) fn hints(rules: &RuleSet, evidence: &Evidence, owner: Option<usize>, out: &mut Vec<[f32; HINTS]>) {
    out.clear();
    out.resize(rules.seats.len(), [0.0; HINTS]);
    let mut best = (0.0, None);
    for (seat, points) in evidence.points.iter().enumerate().filter(|(_, points)| **points > 0.0) {
        let seat = seat_taught(rules, seat);
        let Some(hint) = out.get_mut(seat) else { continue };
        #[expect(clippy::cast_possible_truncation, reason = "points are small")]
        let log = points.ln_1p() as f32;
        hint[0] = hint[0].max(log);
        if hint[0] > best.0 {
            best = (hint[0], Some(seat));
        }
    }
    best.1.and_then(|seat| out.get_mut(seat)).into_iter().for_each(|hint| hint[1] = 1.0);
    let owner = owner.map(|owner| seat_taught(rules, owner));
    owner.and_then(|seat| out.get_mut(seat)).into_iter().for_each(|hint| hint[2] = 1.0);
}

/// The seat under which lessons about a seat are learned: all district offices are one.
pub(crate) fn seat_taught(rules: &RuleSet, seat: usize) -> usize {
    if rules.districts.contains(&seat) {
        rules.seats.iter().position(|seat| *seat == Seat::District).unwrap_or(seat)
    } else {
        seat
    }
}

/// What the rules say about whether a message needs somebody: the balance of the gate, and its verdict.
pub(crate) fn need_hints(evidence: &Evidence, kind: Kind, out: &mut Vec<[f32; HINTS]>) {
    #[expect(clippy::cast_possible_truncation, reason = "points are small")]
    let points = |kind| (evidence.kind(kind) as f32).min(12.0);
    let wish = points(Kind::Complaint) + points(Kind::Information) + points(Kind::Aspiration);
    let idle = points(Kind::Noise) + points(Kind::Thanks);
    let verdict = if kind.needs_action() { 1.0 } else { -1.0 };
    out.clear();
    out.extend([[0.0; HINTS], [verdict, wish.ln_1p() - 1.0, -idle.ln_1p()]]);
}
