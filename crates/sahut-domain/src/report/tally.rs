//! What is counted of inquiries, of one office or of all.

use jiff::Timestamp;

use super::case::Case;
use super::{BANDS, Counts, Fold, Setting, Span, Spread};
use crate::calendar::WorkingCalendar;

/// How an inquiry of the month stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    Answered,
    Unanswered,
    /// Closed as one that needed no answer.
    Needless,
}

impl Stands {
    /// How it stands, and whether it is late.
    pub(super) fn of(case: &Case, as_of: Timestamp) -> (Self, bool) {
        let stands = match case.first.answered_at {
            Some(_) => Self::Answered,
            None if case.is_closed => Self::Needless,
            None => Self::Unanswered,
        };
        (stands, stands != Self::Needless && case.first.is_late(as_of))
    }
}

/// What is measured of an inquiry of the month.
pub(super) struct Received {
    stands: Stands,
    late: bool,
    /// How long it waited, in minutes by the clock on the wall and of the office's working time.
    wall: u64,
    working: Option<u64>,
    outside_hours: bool,
}

impl Received {
    pub(super) fn of(setting: &Setting, as_of: Timestamp, case: &Case) -> Self {
        let calendar = setting.calendars.get(&case.office);
        let asked = case.first.at;
        let until = case.first.answered_at.unwrap_or(as_of);
        let worked =
            |calendar: &WorkingCalendar| u64::try_from(calendar.worked(asked, until) / 60).unwrap_or(0);
        let (stands, late) = Stands::of(case, as_of);
        Self {
            stands,
            late,
            wall: minutes_between(asked, until),
            working: calendar.map(worked),
            outside_hours: calendar.is_some_and(|calendar| !calendar.is_open(asked)),
        }
    }
}

/// Counts while they are gathered.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    wall: Vec<(u64, bool)>,
    working: Vec<(u64, bool)>,
}

impl Tally {
    pub(super) fn take(&mut self, fold: &Fold, case: &Case, received: Option<&Received>) {
        let counts = &mut self.counts;
        counts.reopened += case.again.iter().filter(|ask| fold.is_of_month(ask.at)).count() as u64;
        if case.owes() {
            let days = minutes_between(case.last().at, fold.as_of()) / (24 * 60);
            let band = BANDS.iter().rposition(|from| *from <= days).unwrap_or(0);
            if let Some(band) = counts.backlog.get_mut(band) {
                *band += 1;
            }
        }
        let moved = || case.hops.iter().filter(|hop| fold.is_of_month(hop.at));
        counts.ping_pong += u64::from(moved().any(|hop| hop.back));
        counts.three_hops += u64::from(case.hops.len() >= 3 && moved().next().is_some());
        if let Some(received) = received {
            self.take_received(received);
        }
    }

    fn take_received(&mut self, received: &Received) {
        let counts = &mut self.counts;
        let (stands, late) = (received.stands, received.late);
        let waits = stands == Stands::Unanswered;
        counts.received += 1;
        counts.answered += u64::from(stands == Stands::Answered);
        counts.unanswered += u64::from(waits);
        counts.needless += u64::from(stands == Stands::Needless);
        counts.late += u64::from(late);
        counts.late_unanswered += u64::from(late && waits);
        counts.in_time += u64::from(stands == Stands::Answered && !late);
        counts.outside_hours += u64::from(received.outside_hours);
        if stands != Stands::Needless {
            self.wall.push((received.wall, waits));
            self.working.extend(received.working.map(|minutes| (minutes, waits)));
        }
    }

    pub(super) fn finish(self) -> Counts {
        Counts { wall: spread(self.wall), working: spread(self.working), ..self.counts }
    }
}

/// Quantiles of times, in minutes, of which some (`true`) are not over: they take at least so long.
fn spread(mut times: Vec<(u64, bool)>) -> Spread {
    times.sort_unstable();
    let quantile = |tenths: usize| {
        let place = (times.len() * tenths).div_ceil(10).max(1) - 1;
        let (minutes, _) = *times.get(place)?;
        // One that is not over and stands before may move behind, and another one takes this place.
        Some(Span { minutes, at_least: times.iter().take(place + 1).any(|(_, waits)| *waits) })
    };
    Spread { n: times.len() as u64, median: quantile(5), ninety: quantile(9) }
}

/// Whole minutes from one moment to another; none where that is before.
pub(super) fn minutes_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs() / 60).unwrap_or(0)
}
