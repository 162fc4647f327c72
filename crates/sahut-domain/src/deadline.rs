//! Deadlines: one promise on an inquiry, kept with everything that explains it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::{Due, NoWorkingTime, Term, WorkingCalendar};
use crate::office::OfficeCode;
use crate::words::{row_id, words};

row_id! {
    /// A stored deadline.
    DeadlineId
}

words! {
    /// What is promised.
    DeadlineKind as "deadline kind" {
        /// The office says something to the citizen.
        FirstResponse = "first_response",
        /// The matter is settled.
        Resolution = "resolution",
    }
}

words! {
    /// Where a promise stands.
    DeadlineState as "deadline state" {
        /// Its time runs.
        Running = "running",
        /// Its time stands still.
        Paused = "paused",
        /// Kept; or answered late, when `met_at` is after `due_at`.
        Met = "met",
        /// Void: the inquiry was closed, or turned out to need nobody.
        Void = "void",
    }
}

/// A policy: how long a promise is, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What is promised.
    pub kind: DeadlineKind,
    /// How long it may take.
    pub term: Term,
    /// The regulation or decree that it rests on, as people cite it.
    pub legal_basis: String,
}

/// A stretch of a deadline's life at one office, running or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Begins.
    pub from: Timestamp,
    /// Ends; open while it is the present one.
    pub to: Option<Timestamp>,
    /// Whose time it is.
    pub office: OfficeCode,
    /// Whether time counts.
    pub running: bool,
}

/// Why a deadline is when it is: stored with it, so that "why Monday 09.30?" is answered from the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The policy that was applied.
    pub policy: Policy,
    /// Name of the calendar.
    pub calendar: String,
    /// Configuration set that policy and calendar came from.
    pub revision: i64,
    /// IANA name of the zone that it was counted in.
    pub zone: String,
    /// When the promise was made: when the citizen wrote, by the platform's clock.
    pub started_at: Timestamp,
    /// How it was counted.
    pub due: Due,
}

/// Makes a promise: counts the term of `policy` from `started_at` in the office's calendar.
pub fn promise(
    policy: &Policy,
    calendar: &WorkingCalendar,
    started_at: Timestamp,
) -> Result<Explanation, NoWorkingTime> {
    Ok(Explanation {
        policy: policy.clone(),
        calendar: calendar.name.clone(),
        revision: calendar.revision,
        zone: calendar.zone.iana_name().unwrap_or("UTC").to_owned(),
        started_at,
        due: calendar.due(started_at, policy.term)?,
    })
}
