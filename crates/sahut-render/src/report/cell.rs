//! One value of a table, and how it is written.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::report::Span;

use crate::format::{clock, date, decimal, whole};

/// What stands where there is nothing to say.
pub(crate) const NOTHING: &str = "-";

/// One value of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// How many.
    Count(u64),
    /// A share in thousandths: 87.3 %.
    Share(u64),
    /// A time in hours and minutes: 26:15, and 26:15+ where it is at least so long.
    Span(Span),
    /// A moment, to the minute.
    Moment(Timestamp),
    /// Nothing to say.
    Nothing,
}

impl Cell {
    /// Something, or nothing.
    pub(super) fn or_nothing<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Nothing, cell)
    }

    /// The value as it is written.
    pub fn text(&self, language: Language, zone: &TimeZone) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => whole(i64::try_from(*count).unwrap_or(i64::MAX), language),
            Self::Share(thousandths) => share(*thousandths, language),
            Self::Span(span) => hours(*span),
            Self::Moment(at) => {
                let local = zone.to_datetime(*at);
                format!("{} {}", date(local.date(), language), clock(local.time(), language))
            }
            Self::Nothing => NOTHING.to_owned(),
        }
    }

    /// Whether it stands at the right edge of its column.
    pub(super) fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

/// A share in thousandths as people write it: "87,3%".
pub(super) fn share(thousandths: u64, language: Language) -> String {
    let tenths = u32::try_from(thousandths).unwrap_or(u32::MAX);
    format!("{}%", decimal(f64::from(tenths) / 10.0, 1, language))
}

/// A time in hours and minutes: "26:15".
pub(super) fn hours(span: Span) -> String {
    let more = if span.at_least { "+" } else { "" };
    format!("{}:{:02}{more}", span.minutes / 60, span.minutes % 60)
}
