//! Working calendars: when an office works, and how working time becomes a moment.
//!
//! A calendar is a week of opening hours (with breaks as the gaps between spans), seasons that replace the week for a
//! while (Ramadan), and days on which the office is closed. Everything is civil time in the office's zone; the two
//! verbs [`WorkingCalendar::due`] and [`WorkingCalendar::worked`] turn it into moments and seconds. Defaults follow
//! Perpres 21/2023 (37.5 hours a week from 07.30, breaks of 60 minutes and 90 on Fridays).

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::words::words;

/// How far ahead a due moment is looked for, in days, before the calendar is said to have no working time.
const HORIZON_DAYS: i64 = 3 * 366;

/// So many days before the holidays of a calendar are not known any more, the operator is warned.
pub const WARNED_BEFORE: i32 = 60;

/// One span of work within a day, `from` included, `to` excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// Work begins.
    pub from: Time,
    /// Work ends; midnight (00:00) means the end of the day.
    pub to: Time,
}

/// Spans of work of each weekday, Monday first. A day without spans is a day off.
pub type Week = [Vec<Hours>; 7];

/// A stretch of days with other hours, such as Ramadan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// Name as people are told.
    pub name: String,
    /// First day.
    pub from: Date,
    /// Last day, included.
    pub to: Date,
    /// Hours in that time.
    pub week: Week,
}

words! {
    /// Why an office is closed on a day that would be a working day.
    ClosureKind as "closure" {
        /// National holiday.
        Holiday = "holiday",
        /// Joint leave (cuti bersama); does not bind units that never close.
        JointLeave = "joint_leave",
        /// A local decree.
        Local = "local",
    }
}

/// A day on which the office is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// Why.
    pub kind: ClosureKind,
    /// Name as people are told.
    pub name: String,
}

/// When an office works.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkingCalendar {
    /// Unique name, such as `kantor`.
    pub name: String,
    /// Number of the configuration set that it came with.
    pub revision: i64,
    /// The office's zone, such as `Asia/Jakarta` (WIB).
    pub zone: TimeZone,
    /// Usual hours.
    pub week: Week,
    /// Other hours for a while; where seasons overlap, the first one counts.
    pub seasons: Vec<Season>,
    /// Days off.
    pub closures: BTreeMap<Date, Closure>,
    /// The last day whose holidays are known. Later days count as usual, and the operator is warned.
    pub known_until: Option<Date>,
}

/// How long a promise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// So many minutes of working time.
    WorkingMinutes(u32),
    /// Until the end of work on the n-th working day after the day of the start, as regulations count "hari kerja".
    WorkingDays(u32),
    /// So many minutes by the clock on the wall: emergencies.
    Minutes(u32),
}

/// No due moment exists.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "calendar {calendar:?} has no working time for {term:?} within three years of {from}: check its hours"
)]
pub struct NoWorkingTime {
    /// The calendar.
    pub calendar: String,
    /// What was asked of it.
    pub term: Term,
    /// From where it was counted.
    pub from: Timestamp,
}

/// A due moment, with what is needed to say why it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// The moment.
    pub at: Timestamp,
    /// From when time was counted: the start, or the next opening after it.
    pub counted_from: Timestamp,
    /// Days between start and due moment on which nothing was counted, in order.
    pub skipped: Vec<SkippedDay>,
}

/// A day on which no working time was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedDay {
    /// The day.
    pub date: Date,
    /// Name of the holiday; absent on a usual day off.
    pub closure: Option<String>,
}

impl WorkingCalendar {
    /// The usual hours of civil servants: Monday to Thursday 07.30-16.00, Friday 07.30-16.30, Perpres 21/2023.
    pub fn civil_service(name: &str, zone: TimeZone) -> Self {
        let span = |from: (i8, i8), to: (i8, i8)| Hours {
            from: Time::constant(from.0, from.1, 0, 0),
            to: Time::constant(to.0, to.1, 0, 0),
        };
        let usual = vec![span((7, 30), (12, 0)), span((13, 0), (16, 0))];
        let friday = vec![span((7, 30), (11, 30)), span((13, 0), (16, 30))];
        Self {
            name: name.to_owned(),
            revision: 0,
            zone,
            week: [usual.clone(), usual.clone(), usual.clone(), usual, friday, Vec::new(), Vec::new()],
            seasons: Vec::new(),
            closures: BTreeMap::new(),
            known_until: None,
        }
    }

    /// The moment at which a promise made at `from` falls due.
    pub fn due(&self, from: Timestamp, term: Term) -> Result<Due, NoWorkingTime> {
        let none = || NoWorkingTime { calendar: self.name.clone(), term, from };
        match term {
            Term::Minutes(minutes) => {
                let at =
                    from.checked_add(SignedDuration::from_mins(i64::from(minutes))).map_err(|_| none())?;
                Ok(Due { at, counted_from: from, skipped: Vec::new() })
            }
            Term::WorkingMinutes(minutes) => {
                self.after_seconds(from, i64::from(minutes) * 60).ok_or_else(none)
            }
            Term::WorkingDays(days) => self.after_days(from, days).ok_or_else(none),
        }
    }

    /// The moment at which so much working time, in seconds, has passed.
    pub fn after(&self, from: Timestamp, seconds: i64) -> Result<Timestamp, NoWorkingTime> {
        let minutes = u32::try_from(seconds.max(0).div_euclid(60)).unwrap_or(u32::MAX);
        let none =
            || NoWorkingTime { calendar: self.name.clone(), term: Term::WorkingMinutes(minutes), from };
        self.after_seconds(from, seconds).map(|due| due.at).ok_or_else(none)
    }

    /// Working time between two moments, in seconds; 0 when `to` is not after `from`.
    pub fn worked(&self, from: Timestamp, to: Timestamp) -> i64 {
        if to <= from {
            return 0;
        }
        let last = self.date_of(to);
        let mut date = self.date_of(from);
        let mut seconds = 0;
        while date <= last {
            for (open, close) in self.spans(date) {
                let (open, close) = (open.max(from), close.min(to));
                if open < close {
                    seconds += close.duration_since(open).as_secs();
                }
            }
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        seconds
    }

    /// Whether the office works at this moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.spans(self.date_of(at)).iter().any(|(open, close)| *open <= at && at < *close)
    }

    /// Why the office is closed on this day, where a holiday is the reason.
    pub fn closure(&self, date: Date) -> Option<&Closure> {
        self.closures.get(&date)
    }

    /// The day that it is at this moment in the office's zone.
    pub fn date_of(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The season that a day lies in.
    pub fn season(&self, date: Date) -> Option<&Season> {
        self.seasons.iter().find(|season| season.from <= date && date <= season.to)
    }

    /// The hours of a day as its weekday and its season have them, whether or not the office is closed on it.
    pub fn hours(&self, date: Date) -> &[Hours] {
        let week = self.season(date).map_or(&self.week, |season| &season.week);
        &week[usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0)]
    }

    /// The last day whose holidays are known, where that is fewer than [`WARNED_BEFORE`] days away.
    pub fn ends_soon(&self, now: Timestamp) -> Option<Date> {
        let until = self.known_until?;
        let left = self.date_of(now).until(until).map_or(0, |span| span.get_days());
        (left < WARNED_BEFORE).then_some(until)
    }

    /// The spans of work of one day as moments, in order.
    pub fn spans(&self, date: Date) -> Vec<(Timestamp, Timestamp)> {
        if self.closures.contains_key(&date) {
            return Vec::new();
        }
        self.hours(date)
            .iter()
            .filter_map(|hours| {
                let end = if hours.to == Time::midnight() { date.tomorrow().ok()? } else { date };
                Some((self.moment(date.to_datetime(hours.from))?, self.moment(end.to_datetime(hours.to))?))
            })
            .filter(|(open, close)| open < close)
            .collect()
    }

    /// The first moment at which the clock on the wall shows this time; where a changed clock skips it, the moment of the
    /// change. So spans that do not overlap on the clock do not overlap in time either.
    fn moment(&self, shown: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        let skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        let earlier = ambiguous.earlier().ok()?;
        if skipped { Some(self.zone.following(earlier).next()?.timestamp()) } else { Some(earlier) }
    }

    fn after_seconds(&self, from: Timestamp, mut left: i64) -> Option<Due> {
        let mut counted_from = None;
        let mut skipped = Vec::new();
        for date in self.days_from(from) {
            let spans = self.spans(date);
            if spans.is_empty() {
                skipped.push(self.skipped(date));
            }
            for (open, close) in spans {
                let open = open.max(from);
                if open >= close {
                    continue;
                }
                counted_from.get_or_insert(open);
                let length = close.duration_since(open).as_secs();
                // A promise that fits to the last second is due at closing time, not at the next opening.
                if left <= length {
                    let at = open.checked_add(SignedDuration::from_secs(left)).ok()?;
                    return Some(Due { at, counted_from: counted_from.unwrap_or(from), skipped });
                }
                left -= length;
            }
        }
        None
    }

    fn after_days(&self, from: Timestamp, days: u32) -> Option<Due> {
        let mut left = days;
        let mut skipped = Vec::new();
        for date in self.days_from(from) {
            let Some((_, close)) = self.spans(date).last().copied() else {
                skipped.push(self.skipped(date));
                continue;
            };
            if date == self.date_of(from) {
                if left == 0 && close > from {
                    return Some(Due { at: close, counted_from: from, skipped });
                }
                continue;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                return Some(Due { at: close, counted_from: from, skipped });
            }
        }
        None
    }

    fn days_from(&self, from: Timestamp) -> impl Iterator<Item = Date> {
        let first = self.date_of(from);
        (0..HORIZON_DAYS).map_while(move |days| first.checked_add(Span::new().days(days)).ok())
    }

    fn skipped(&self, date: Date) -> SkippedDay {
        SkippedDay { date, closure: self.closure(date).map(|closure| closure.name.clone()) }
    }
}

/// The weekday at a position of a [`Week`], Monday first.
pub fn weekday(position: usize) -> Weekday {
    const DAYS: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    DAYS[position % 7]
}
