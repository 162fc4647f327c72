//! Replies: answers on their way to the citizen.

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
