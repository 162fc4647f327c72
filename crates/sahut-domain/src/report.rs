//! The monthly report: what happened in a month, in numbers that come from the journal alone.
//!
//! [`Fold`] takes the journal's lines, in any order, and makes the [`Report`] of one month out of them. Lines count when
//! they happened, not when they were learned of: what happened after the month's end is not in its report, so that the
//! same journal gives the same report whenever it is made. Nothing here is a citizen's word or name.
//!
//! What counts:
//! - *received* are the inquiries that began in the month; each is answered, unanswered, or closed as one that needed no
//!   answer, as it stood at the month's end, and belongs to the office that had it then;
//! - *late* are those of them that were answered after their promise, and those unanswered whose promise had passed;
//! - an unanswered inquiry has waited at least until the month's end: it counts among the first responses with that
//!   time, so that who answers nothing does not look fast. Where such a one stands before a quantile, the true quantile
//!   can only be longer, and is marked as "at least".

mod case;
mod fold;
mod tally;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::WorkingCalendar;
use crate::channel::{ChannelId, Platform};
use crate::inquiry::Kind;
use crate::office::OfficeCode;

pub use fold::{Fold, Line, Told};

/// A month of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    first: Date,
}

/// A text that is not a month.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a month: expected something like 2026-10")]
pub struct BadMonth(pub String);

impl Month {
    /// The month of a day.
    pub fn of(day: Date) -> Self {
        Self { first: day.first_of_month() }
    }

    /// The month before.
    #[must_use]
    pub fn before(self) -> Self {
        Self { first: self.first.saturating_sub(1.month()) }
    }

    /// Its first day.
    pub fn first(self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> Date {
        self.first.last_of_month()
    }

    /// When it begins and when it is over, in a zone.
    pub fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let begins = |day: Date| {
            let midnight = zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0));
            midnight.compatible().unwrap_or(Timestamp::MAX)
        };
        (begins(self.first), begins(self.first.saturating_add(1.month())))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl std::str::FromStr for Month {
    type Err = BadMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = format!("{text}-01").parse().map_err(|_| BadMonth(text.to_owned()))?;
        Ok(Self::of(day))
    }
}

impl TryFrom<String> for Month {
    type Error = BadMonth;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

/// What the journal does not tell: how things are called, and the hours in which offices work.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Name of the regency.
    pub regency: String,
    /// The zone that its months are counted in.
    pub zone: TimeZone,
    /// Short names of the offices by their codes.
    pub offices: BTreeMap<OfficeCode, String>,
    /// The hours of the offices that have any.
    pub calendars: BTreeMap<OfficeCode, WorkingCalendar>,
    /// The channels.
    pub channels: BTreeMap<ChannelId, ChannelFacts>,
}

/// A channel as the report names it.
#[derive(Debug, Clone)]
pub struct ChannelFacts {
    /// Its name.
    pub name: String,
    /// Where it lives.
    pub platform: Platform,
    /// The office that owns it.
    pub office: OfficeCode,
    /// Up to when it is known to be complete.
    pub complete_until: Option<Timestamp>,
    /// It is not read any more: it is left out where it had nothing.
    pub retired: bool,
}

/// The report of one month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the regency.
    pub regency: String,
    /// The month.
    pub month: Month,
    /// The one office that it tells of; absent: all.
    pub office: Option<Named>,
    /// The moment that it speaks of: the month's end, or when it was made, where the month was not over.
    pub as_of: Timestamp,
    /// Whether the month was over.
    pub is_over: bool,
    /// IANA name of the zone.
    pub zone: String,
    /// All offices together.
    pub total: Counts,
    /// Office by office, worst first.
    pub offices: Vec<OfficeCounts>,
    /// By kind, in the order of [`Kind`].
    pub kinds: Vec<KindCounts>,
    /// Topics of the rules, most inquiries first, at most [`TOP`].
    pub topics: Vec<(String, u64)>,
    /// Incidents that inquiries of the month belong to, most first, at most [`TOP`].
    pub incidents: Vec<IncidentCounts>,
    /// Inquiries that began, by hour of the day (row) and weekday (column, Monday first).
    pub arrivals: Vec<[u64; 7]>,
    /// Channels, those that were quiet longest first.
    pub channels: Vec<ChannelCounts>,
    /// Messages that needed nobody, by kind.
    pub set_aside: Vec<(Kind, u64)>,
    /// Messages that were set aside and brought back by people.
    pub brought_back: u64,
    /// Who waits longest at the month's end, at most [`TOP`].
    pub longest_open: Vec<OpenInquiry>,
}

impl Report {
    /// Its main numbers under its number, with so many of the worst offices.
    pub fn brief(&self, id: String, named: usize) -> Brief {
        let worst = self.offices.iter().filter(|office| office.counts.late > 0).take(named).cloned();
        Brief { id, month: self.month, total: self.total.clone(), worst: worst.collect() }
    }
}

/// The main numbers of a report, as they are mailed and kept in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// The report's number.
    pub id: String,
    /// The month.
    pub month: Month,
    /// All offices together.
    pub total: Counts,
    /// Offices with late inquiries, worst first.
    pub worst: Vec<OfficeCounts>,
}

/// As many topics, incidents and open inquiries are named.
pub const TOP: usize = 10;

/// A share of fewer than so many says nothing, and is not shown.
pub const FEW: u64 = 5;

/// The ages of a backlog, in days: each band ends before the next begins.
pub const BANDS: [u64; 6] = [0, 1, 3, 7, 14, 30];

/// An office by its code and its short name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its code.
    pub code: OfficeCode,
    /// Its short name.
    pub name: String,
}

/// What is counted of an office, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Inquiries that began in the month.
    pub received: u64,
    /// Of these, answered by the month's end.
    pub answered: u64,
    /// Of these, still waiting for an answer.
    pub unanswered: u64,
    /// Of these, closed as ones that needed no answer.
    pub needless: u64,
    /// Answered too late, or waiting beyond their promise.
    pub late: u64,
    /// Of the late ones, those that were still waiting.
    pub late_unanswered: u64,
    /// Answered in time.
    pub in_time: u64,
    /// How long the first response took, by the clock on the wall.
    pub wall: Spread,
    /// The same in the office's working time.
    pub working: Spread,
    /// Began outside the office's hours.
    pub outside_hours: u64,
    /// Answered inquiries that came back in the month, as their citizens wrote again.
    pub reopened: u64,
    /// Waiting at the month's end, whenever they began, by age ([`BANDS`]).
    pub backlog: [u64; BANDS.len()],
    /// Given to another office in the month.
    pub handed_away: u64,
    /// Taken over from another office in the month.
    pub handed_in: u64,
    /// Inquiries that came back in the month to an office that had given them away.
    pub ping_pong: u64,
    /// Inquiries that were handed on in the month and have had three handovers or more.
    pub three_hops: u64,
    /// Promises whose time was stopped in the month.
    pub pauses: u64,
    /// For how long time stood still in the month, in minutes by the clock on the wall.
    pub paused_minutes: u64,
    /// More time was asked for.
    pub extensions_asked: u64,
    /// It was granted.
    pub extensions_granted: u64,
    /// It was refused.
    pub extensions_refused: u64,
}

impl Counts {
    /// Share of the promises that were kept, in thousandths, among those that can be judged: kept, or late. `None`: none
    /// can.
    pub fn punctuality(&self) -> Option<u64> {
        let judged = self.judged();
        // Rounded half up, so that it is the same number wherever it is written.
        (judged > 0).then(|| (self.in_time * 2000 + judged) / (judged * 2))
    }

    /// How many promises can be judged.
    pub fn judged(&self) -> u64 {
        self.in_time + self.late
    }

    /// Everything that waits.
    pub fn backlog_total(&self) -> u64 {
        self.backlog.iter().sum()
    }
}

/// Quantiles of a time, in whole minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// How many are counted.
    pub n: u64,
    /// Half were as fast as this; absent where there are none.
    pub median: Option<Span>,
    /// Nine of ten were.
    pub ninety: Option<Span>,
}

/// A time in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The minutes.
    pub minutes: u64,
    /// It can only be longer.
    pub at_least: bool,
}

/// The numbers of one office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficeCounts {
    /// The office.
    pub office: Named,
    /// Its numbers.
    pub counts: Counts,
}

/// The numbers of one kind of inquiry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCounts {
    /// The kind, as it was when the inquiry began.
    pub kind: Kind,
    /// Began in the month.
    pub received: u64,
    /// Answered by its end.
    pub answered: u64,
    /// Waiting at its end.
    pub unanswered: u64,
    /// Late.
    pub late: u64,
}

/// The numbers of one incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentCounts {
    /// Its number.
    pub incident: String,
    /// The office that has most of it.
    pub office: Named,
    /// Its inquiries of the month.
    pub inquiries: u64,
    /// Those of them that wait.
    pub unanswered: u64,
}

/// The numbers of one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelCounts {
    /// Its name.
    pub name: String,
    /// Where it lives.
    pub platform: Platform,
    /// The office that owns it.
    pub office: Named,
    /// Messages of citizens in the month, also those that needed nobody.
    pub messages: u64,
    /// Answers that left through it in the month, without receipts.
    pub replies: u64,
    /// When last anything happened there, a citizen's message or an answer.
    pub last_activity: Option<Timestamp>,
    /// Whole days since then.
    pub dormant_days: Option<u64>,
    /// Up to when it is known to be complete, the month's end at most.
    pub complete_until: Option<Timestamp>,
}

/// An inquiry that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInquiry {
    /// Its number.
    pub number: String,
    /// Its kind.
    pub kind: Kind,
    /// The office that has it.
    pub office: Named,
    /// Since when it waits.
    pub since: Timestamp,
    /// How long, in whole days.
    pub days: u64,
    /// When an answer was promised.
    pub due_at: Timestamp,
    /// Whether that has passed.
    pub late: bool,
}
