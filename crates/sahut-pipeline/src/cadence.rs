//! When a channel is read again: often while people write there, seldom while it is quiet, and within the platform's
//! budgets.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::Chance;

/// The bounds of the cadence.
#[derive(Debug, Clone, Copy)]
pub struct Cadence {
    /// The shortest wait between two rounds.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { shortest: Duration::from_secs(20), longest: Duration::from_mins(5) }
    }
}

/// The wait grows to this share of the time since somebody last wrote.
const QUIET_SHARE: i32 = 30;

impl Cadence {
    /// The wait after a good round. `used` is the largest share of a budget that the platform says is used: from
    /// three quarters on the wait is stretched, near the end far beyond the longest.
    pub fn after_good(
        self,
        now: Timestamp,
        last_item: Option<Timestamp>,
        used: f64,
        chance: &Chance,
    ) -> SignedDuration {
        let shortest = signed(self.shortest);
        let longest = signed(self.longest).max(shortest);
        let quiet = last_item.map_or(longest, |at| now.duration_since(at) / QUIET_SHARE);
        let wait = quiet.clamp(shortest, longest);
        let wait = match used {
            used if used >= 0.95 => wait.max(longest) * 4,
            used if used >= 0.75 => wait * 4,
            _ => wait,
        };
        spread(wait, chance)
    }

    /// The wait after so many bad rounds in a row: doubling from the shortest to a quarter of an hour.
    pub fn after_bad(self, failures: i64, chance: &Chance) -> SignedDuration {
        let doublings = u32::try_from(failures.clamp(0, 12)).unwrap_or(12);
        let wait = signed(self.shortest).max(SignedDuration::from_secs(1)) * 2_i32.pow(doublings);
        spread(wait.min(SignedDuration::from_mins(15)), chance)
    }
}

/// Up to a tenth more, so that channels that began together do not stay together.
fn spread(wait: SignedDuration, chance: &Chance) -> SignedDuration {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(0);
    let more = i64::try_from(chance.below(millis / 10 + 1)).unwrap_or(0);
    wait + SignedDuration::from_millis(more)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::from_hours(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_channels_are_read_often_and_quiet_ones_seldom() {
        let chance = Chance::seeded(3);
        let cadence = Cadence::default();
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000);
        let wait = |hours: i64, used| {
            let last = now - SignedDuration::from_hours(hours);
            cadence.after_good(now, Some(last), used, &chance).as_secs()
        };
        assert!((20..=22).contains(&wait(0, 0.0)));
        assert!((120..=132).contains(&wait(1, 0.0)));
        assert!((300..=330).contains(&wait(100, 0.0)));
        assert!((80..=88).contains(&wait(0, 0.8)));
        assert!(wait(0, 1.2) >= 1200);
    }

    #[test]
    fn bad_rounds_wait_longer_and_longer() {
        let chance = Chance::seeded(3);
        let waits: Vec<i64> = (0..20).map(|n| Cadence::default().after_bad(n, &chance).as_secs()).collect();
        assert!(waits[0] < waits[1] && waits[1] < waits[2]);
        assert!(waits.iter().all(|wait| *wait <= 990));
    }
}
