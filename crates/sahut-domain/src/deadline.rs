//! Deadlines: one promise on an inquiry, kept with everything that explains it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::{Due, NoWorkingTime, Term, WorkingCalendar};
use crate::segments::Segments;
use crate::words::{row_id, words};

row_id! {
    /// A stored deadline.
    DeadlineId
}

row_id! {
    /// A stored request for more time.
    ExtensionId
}

words! {
    /// What became of an office's request for more time.
    ExtensionState as "extension state" {
        /// Somebody has to decide.
        Asked = "asked",
        /// The promise falls due later.
        Granted = "granted",
        /// It does not.
        Refused = "refused",
    }
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
        /// Void: the inquiry was closed, turned out to need nobody, or became an emergency with a sooner promise.
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

words! {
    /// Why a promise falls due at another moment than before.
    MoveReason as "move" {
        /// Its time ran again after it had stood still.
        Resumed = "resumed",
        /// The office was given more time.
        Extended = "extended",
        /// It was counted again, with other calendars or policies.
        Recomputed = "recomputed",
    }
}

/// What a promise was before it was moved, and why it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// When.
    pub at: Timestamp,
    /// Who did it; `sahut` for what follows by itself.
    pub by: String,
    /// Why.
    pub why: MoveReason,
    /// The reason that was given.
    pub note: String,
    /// When it fell due before.
    pub was_due_at: Timestamp,
    /// When it falls due since.
    pub due_at: Timestamp,
    /// The configuration set that it was counted with before.
    pub was_revision: i64,
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

/// When a promise falls due whose time stood still between two moments: the working time that was left then is left
/// now. One that was missed before stays due when it was.
pub fn resumed(
    promised: &Explanation,
    calendar: &WorkingCalendar,
    stopped_at: Timestamp,
    resumed_at: Timestamp,
) -> Result<Timestamp, NoWorkingTime> {
    let due_at = promised.due.at;
    if stopped_at >= due_at {
        return Ok(due_at);
    }
    let at = match promised.policy.term {
        Term::Minutes(_) => resumed_at.checked_add(due_at.duration_since(stopped_at)).unwrap_or(due_at),
        Term::WorkingMinutes(_) | Term::WorkingDays(_) => {
            calendar.after(resumed_at, calendar.worked(stopped_at, due_at))?
        }
    };
    Ok(at.max(due_at))
}

/// Makes a promise again as if it were made today: counted from when it always began, with the pauses that it had and the
/// time that it was given.
pub fn recount(
    policy: &Policy,
    calendar: &WorkingCalendar,
    promised: &Explanation,
    segments: &Segments,
    history: &[Moved],
) -> Result<Explanation, NoWorkingTime> {
    let mut made = promise(policy, calendar, promised.started_at)?;
    let pauses = segments.pauses().into_iter().filter_map(|(from, to)| Some((from, Step::Paused(to?))));
    let given = history.iter().filter(|moved| moved.why == MoveReason::Extended);
    let mut steps: Vec<_> =
        pauses.chain(given.map(|moved| (moved.at, Step::Extended(moved.due_at)))).collect();
    steps.sort_by_key(|(at, _)| *at);
    for (at, step) in steps {
        made.due.at = match step {
            Step::Paused(until) => resumed(&made, calendar, at, until)?,
            Step::Extended(until) => made.due.at.max(until),
        };
    }
    Ok(made)
}

/// What moves a promise.
enum Step {
    /// Its time stood still until then.
    Paused(Timestamp),
    /// It was given time until then.
    Extended(Timestamp),
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::calendar::{Closure, ClosureKind};

    fn calendar() -> WorkingCalendar {
        let mut calendar = WorkingCalendar::civil_service("kantor", TimeZone::get("Asia/Jakarta").unwrap());
        calendar.revision = 7;
        let closure = Closure { kind: ClosureKind::Holiday, name: "Hari Raya Natal".to_owned() };
        calendar.closures.insert(date(2026, 12, 25), closure);
        calendar
    }

    fn promised(term: Term, started_at: &str) -> Explanation {
        let policy = Policy { kind: DeadlineKind::FirstResponse, term, legal_basis: "Perbup".to_owned() };
        promise(&policy, &calendar(), started_at.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_promise_carries_what_explains_it() {
        let made = promised(Term::WorkingDays(1), "2026-12-24T03:00:00Z");
        assert_eq!(
            (made.calendar.as_str(), made.revision, made.zone.as_str()),
            ("kantor", 7, "Asia/Jakarta")
        );
        assert_eq!(made.due.at, "2026-12-28T09:00:00Z".parse().unwrap());
        let skipped: Vec<_> =
            made.due.skipped.iter().map(|day| (day.date.day(), day.closure.as_deref())).collect();
        assert_eq!(skipped, [(25, Some("Hari Raya Natal")), (26, None), (27, None)]);
    }

    #[test]
    fn an_emergency_does_not_wait_for_the_office_to_open() {
        let made = promised(Term::Minutes(30), "2026-12-25T20:00:00Z");
        assert_eq!(made.due.at, "2026-12-25T20:30:00Z".parse().unwrap());
        assert_eq!((made.due.counted_from, made.due.skipped.len()), (made.started_at, 0));
    }

    #[test]
    fn a_stored_explanation_is_read_back_as_it_was() {
        let made = promised(Term::WorkingMinutes(450), "2026-12-24T03:00:00Z");
        let stored = serde_json::to_string(&made).unwrap();
        assert_eq!(serde_json::from_str::<Explanation>(&stored).unwrap(), made);
        assert!(stored.contains(r#""term":{"working_minutes":450}"#), "{stored}");
    }

    #[test]
    fn what_cannot_fall_due_is_refused_and_says_why() {
        let mut closed = calendar();
        closed.week = Default::default();
        let policy =
            Policy { kind: DeadlineKind::Resolution, term: Term::WorkingDays(5), legal_basis: String::new() };
        let error = promise(&policy, &closed, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!((error.calendar.as_str(), error.term), ("kantor", Term::WorkingDays(5)));
    }
}
