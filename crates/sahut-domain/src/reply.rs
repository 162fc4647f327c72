//! Replies: answers on their way to the citizen.

use jiff::Timestamp;
use thiserror::Error;

use crate::words::{row_id, words};

row_id! {
    /// A stored reply.
    ReplyId
}

words! {
    /// What a reply does to its inquiry.
    Intent as "intent" {
        /// It answers: unless the citizen comes back, the matter is settled.
        Answer = "answer",
        /// It asks the citizen for something that is needed: the office waits.
        Question = "question",
        /// It tells how the work goes: the citizen was heard, and the matter is not settled yet.
        Progress = "progress",
        /// It only tells that the message arrived, and counts for nothing.
        Receipt = "receipt",
    }
}

words! {
    /// Where a reply stands. A public reply is sent at most once: `sending` is stored before the attempt, and an
    /// attempt with an unknown outcome is looked up on the platform, never blindly repeated.
    ReplyState as "reply state" {
        /// Waits to be sent.
        Queued = "queued",
        /// Handed to the platform; the outcome is not known yet.
        Sending = "sending",
        /// Nobody knows whether it arrived: look it up, or ask a person.
        Uncertain = "uncertain",
        /// The platform shows it.
        Sent = "sent",
        /// The citizen was given it by another way: a letter, a call, at the counter.
        Elsewhere = "elsewhere",
        /// The platform refused it, or a person gave it up.
        Failed = "failed",
    }
}

/// A limit that a reply would break.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Limit {
    /// Too long.
    #[error("the answer has {has} {unit}, {platform} takes at most {most}: shorten it")]
    Length {
        /// Name of the platform.
        platform: &'static str,
        /// The platform's unit: characters, UTF-16 units, bytes.
        unit: &'static str,
        /// The answer's length.
        has: usize,
        /// The limit.
        most: usize,
    },
    /// The time in which the citizen may be answered is over.
    #[error("the window for answering closed at {closed_at}: {advice}")]
    Window {
        /// When it closed.
        closed_at: Timestamp,
        /// What can be done instead.
        advice: &'static str,
    },
    /// It cannot be answered at all.
    #[error("{0}")]
    NotAnswerable(&'static str),
}
