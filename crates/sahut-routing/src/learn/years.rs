//! The years that lessons were taught in, counted back from the newest.

use sahut_domain::Timestamp;

use super::Lesson;

/// A year in seconds; a leap day more or less does not matter.
const YEAR: i64 = 365 * 24 * 60 * 60;

/// Years that are kept apart; what is older is one with the last of them.
const MOST_YEARS: usize = 5;

/// The years before the newest lesson in which something was taught, the newest first.
#[derive(Debug, Clone)]
pub(super) struct Years {
    newest: i64,
    /// How many years back each of them is.
    taught: Vec<i64>,
}

impl Years {
    pub(super) fn of(lessons: &[Lesson<'_>]) -> Self {
        let newest = lessons.iter().map(|lesson| lesson.at.as_second()).max().unwrap_or_default();
        let mut taught: Vec<i64> = lessons.iter().map(|lesson| years_back(newest, lesson.at)).collect();
        taught.sort_unstable();
        taught.dedup();
        taught.truncate(MOST_YEARS);
        Self { newest, taught }
    }

    pub(super) fn count(&self) -> usize {
        self.taught.len()
    }

    /// The number of the year of a moment.
    pub(super) fn number(&self, at: Timestamp) -> usize {
        let back = years_back(self.newest, at);
        self.taught.partition_point(|year| *year < back).min(self.taught.len().saturating_sub(1))
    }
}

fn years_back(newest: i64, at: Timestamp) -> i64 {
    (newest - at.as_second()).max(0) / YEAR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Taught};

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * 24 * 60 * 60).unwrap()
    }

    fn lesson(at: Timestamp) -> Lesson<'static> {
        Lesson { input: Input::of("jalan"), taught: Taught::Needed(true), at }
    }

    #[test]
    fn years_are_counted_from_the_newest_lesson_and_empty_ones_left_out() {
        let years = Years::of(&[lesson(day(0)), lesson(day(1_400)), lesson(day(1_200)), lesson(day(900))]);
        assert_eq!(years.count(), 3);
        assert_eq!([1_400, 1_036, 1_034, 900, 0].map(|at| years.number(day(at))), [0, 0, 1, 1, 2]);
    }

    #[test]
    fn what_is_older_than_the_years_kept_apart_is_one_with_the_last() {
        let lessons: Vec<_> = (0..9).map(|year| lesson(day(year * 365))).collect();
        let years = Years::of(&lessons);
        assert_eq!((years.count(), years.number(day(0)), years.number(day(8 * 365))), (5, 4, 0));
        assert_eq!(Years::of(&[]).number(day(0)), 0);
    }
}
