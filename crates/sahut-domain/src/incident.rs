//! Incidents: one happening behind many inquiries, such as an outage. The office answers once.

use std::fmt;

use thiserror::Error;

use crate::inquiry::read_number;
use crate::words::row_id;

row_id! {
    /// A stored incident.
    IncidentId
}

/// The number of an incident as offices say it: `KJ-2026-00012`, counted anew each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentNumber {
    /// Year in the regency's time zone.
    pub year: i16,
    /// Counted from 1.
    pub sequence: i64,
}

/// A text that is not an incident's number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an incident number: expected something like KJ-2026-00012")]
pub struct BadIncidentNumber(pub String);

impl fmt::Display for IncidentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KJ-{:04}-{:05}", self.year, self.sequence)
    }
}

impl std::str::FromStr for IncidentNumber {
    type Err = BadIncidentNumber;

    /// Reads a number as people type it: any case, with or without leading zeros.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (year, sequence) = read_number("kj", text).ok_or_else(|| BadIncidentNumber(text.to_owned()))?;
        Ok(Self { year, sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incidents_number_is_not_an_inquirys() {
        let number = IncidentNumber { year: 2026, sequence: 12 };
        assert_eq!(number.to_string(), "KJ-2026-00012");
        for text in ["KJ-2026-00012", " kj-2026-12"] {
            assert_eq!(text.parse(), Ok(number), "{text}");
        }
        for text in ["", "K-2026-12", "KJ-2026", "KJ-2026-0"] {
            assert!(text.parse::<IncidentNumber>().is_err(), "{text}");
        }
        assert!("KJ-2026-00012".parse::<crate::inquiry::InquiryNumber>().is_err());
    }
}
