//! Owing an outside effect: claiming, trying, backing off, giving up.

use jiff::{SignedDuration, Timestamp};

use crate::chance::Chance;
use crate::words::words;

words! {
    /// Where a piece of work stands.
    WorkState as "work state" {
        /// Waits for its moment, or is leased by somebody.
        Due = "due",
        /// Done.
        Done = "done",
        /// Given up; visible, and a person may retry it.
        Dead = "dead",
    }
}

/// A piece of work that this process holds until the lease ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease<Id> {
    /// The row.
    pub id: Id,
    /// The fencing number: settling says `attempt = this`, and no row means that the lease was lost.
    pub attempt: i64,
    /// How many attempts failed before. Unlike the fencing number it is not raised by waiting, and a person who orders
    /// another try resets it.
    pub failures: i64,
    /// When others may take it.
    pub until: Timestamp,
}

/// How an attempt ended, seen from the row that owes the effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The effect happened.
    Done,
    /// It failed; try again at this moment.
    Again {
        /// The next try.
        at: Timestamp,
        /// What went wrong, without secrets or citizens' words.
        error: String,
    },
    /// It could not be tried, or not before somebody mends something; nothing is wrong with the work itself.
    Wait {
        /// The next try.
        at: Timestamp,
        /// What it waits for, without secrets or citizens' words.
        error: String,
    },
    /// It never will.
    Dead {
        /// What went wrong, without secrets or citizens' words.
        error: String,
    },
}

impl Outcome {
    /// What went wrong, or what it waits for.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Again { error, .. } | Self::Wait { error, .. } | Self::Dead { error } => Some(error),
        }
    }
}

/// The longest wait between two attempts, in seconds.
pub const LONGEST_WAIT: i64 = 6 * 3600;

/// After how many failures without a definite refusal a piece of work is given up: about a week of six-hour waits.
pub const LAST_FAILURE: i64 = 40;

/// The failures after which the waits of what is urgent grow no longer: the fifth waits 5^4 seconds.
const LAST_URGENT_STEP: i64 = 4;

/// The wait after failure number `failure` (counted from 1): `min(failure^4 s, 6 h)`, spread by a quarter to both sides
/// so that many rows that failed together do not come back together.
pub fn wait_after(failure: i64, chance: &Chance) -> SignedDuration {
    let seconds = failure.clamp(1, 1000).saturating_pow(4).min(LONGEST_WAIT);
    let millis = seconds * 1000;
    let spread = i64::try_from(chance.below(u64::try_from(millis / 2).unwrap_or(0) + 1)).unwrap_or(0);
    SignedDuration::from_millis(millis - millis / 4 + spread)
}

/// The outcome of an attempt that failed after so many `failures` and may be repeated: the next try after the usual wait,
/// or giving up after the last.
pub fn again(now: Timestamp, failures: i64, error: String, chance: &Chance) -> Outcome {
    let failure = failures.saturating_add(1);
    if failure >= LAST_FAILURE {
        return Outcome::Dead { error };
    }
    match now.checked_add(wait_after(failure, chance)) {
        Ok(at) => Outcome::Again { at, error },
        Err(_) => Outcome::Dead { error },
    }
}

/// The same for what is urgent: it waits about ten minutes at most, and is never given up over what may pass.
pub fn again_soon(now: Timestamp, failures: i64, error: String, chance: &Chance) -> Outcome {
    again(now, failures.min(LAST_URGENT_STEP), error, chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_six_hours_and_are_spread() {
        let chance = Chance::seeded(1);
        let mut before = SignedDuration::ZERO;
        for attempt in 1..LAST_FAILURE {
            let wait = wait_after(attempt, &chance);
            let whole = attempt.pow(4).min(LONGEST_WAIT);
            assert!(wait.as_millis() >= i128::from(whole * 750), "{attempt}: {wait:?}");
            assert!(wait.as_millis() <= i128::from(whole * 1250), "{attempt}: {wait:?}");
            if attempt < 10 {
                assert!(wait > before);
            }
            before = wait;
        }
    }

    #[test]
    fn what_is_urgent_is_tried_every_ten_minutes_and_never_given_up() {
        let chance = Chance::seeded(1);
        for failures in 0..1000 {
            let tried = again_soon(Timestamp::UNIX_EPOCH, failures, String::new(), &chance);
            let soon = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(5_i64.pow(4) * 1250);
            assert!(matches!(tried, Outcome::Again { at, .. } if at <= soon), "{failures}: {tried:?}");
        }
    }

    #[test]
    fn the_last_failure_is_the_end() {
        let chance = Chance::seeded(1);
        assert!(matches!(again(Timestamp::UNIX_EPOCH, 0, String::new(), &chance), Outcome::Again { .. }));
        assert!(matches!(
            again(Timestamp::UNIX_EPOCH, LAST_FAILURE - 1, String::new(), &chance),
            Outcome::Dead { .. }
        ));
    }
}
