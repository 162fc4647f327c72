//! Inquiries: what one citizen wants in one thread.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chance::Chance;
use crate::words::{row_id, words};

row_id! {
    /// A stored inquiry.
    InquiryId
}

words! {
    /// What an inquiry is.
    Kind as "kind" {
        /// Something is wrong and should be mended.
        Complaint = "complaint",
        /// A question that the office can answer.
        Information = "information",
        /// A wish or a proposal.
        Aspiration = "aspiration",
        /// Thanks or praise: read, not chased.
        Thanks = "thanks",
        /// Fire, flood, danger to life: before everything else.
        Emergency = "emergency",
        /// Talk that needs nobody.
        Noise = "noise",
        /// Advertising, gambling, fraud.
        Spam = "spam",
    }
}

impl Kind {
    /// Whether a message of this kind needs somebody, and so becomes an inquiry.
    pub const fn needs_action(self) -> bool {
        matches!(self, Self::Complaint | Self::Information | Self::Aspiration | Self::Emergency)
    }
}

words! {
    /// How urgent an inquiry is.
    Priority as "priority" {
        /// Danger to life or property: jumps every queue.
        Emergency = "emergency",
        /// The usual.
        Normal = "normal",
    }
}

words! {
    /// Where an inquiry stands. The moves between states are [`State::after`].
    State as "inquiry state" {
        /// The office owes an answer.
        Open = "open",
        /// Answered; the citizen may still come back.
        Answered = "answered",
        /// The office asked the citizen something and waits.
        Waiting = "waiting",
        /// Finished.
        Closed = "closed",
    }
}

words! {
    /// Why an inquiry is closed.
    Closing as "closing" {
        /// It asks for nothing.
        Talk = "talk",
        /// Somebody said that the matter is settled.
        Settled = "settled",
        /// The citizen was answered, or asked for something, and did not write again.
        Silent = "silent",
    }
}

words! {
    /// What came of it that an office said an inquiry is not its own.
    Passing as "passing" {
        /// It is with the office that was named.
        Named = "named",
        /// No office was named: those who decide have it.
        Unknown = "unknown",
        /// It was passed on too often: those who decide have it, and what they say holds.
        Disputed = "disputed",
        /// Those who decide gave it to an office.
        Decided = "decided",
    }
}

words! {
    /// What happens to an inquiry.
    Act as "act" {
        /// The citizen wrote again and wants something.
        CitizenWrote = "citizen_wrote",
        /// The office's answer reached the platform.
        Answered = "answered",
        /// The office asked the citizen something.
        Asked = "asked",
        /// Somebody closed it.
        Closed = "closed",
    }
}

impl State {
    /// The state after an act, or `None` where the act changes nothing.
    ///
    /// A closed inquiry is never opened by a message: that message begins a new inquiry, so that the old one's numbers
    /// stay as they were reported.
    pub const fn after(self, act: Act) -> Option<Self> {
        match (self, act) {
            (Self::Answered | Self::Waiting, Act::CitizenWrote) => Some(Self::Open),
            (Self::Open | Self::Waiting, Act::Answered) => Some(Self::Answered),
            (Self::Open | Self::Answered, Act::Asked) => Some(Self::Waiting),
            (Self::Open | Self::Answered | Self::Waiting, Act::Closed) => Some(Self::Closed),
            _ => None,
        }
    }
}

/// The number of an inquiry as offices say it: `K-2026-00123`, counted anew each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InquiryNumber {
    /// Year in the regency's time zone.
    pub year: i16,
    /// Counted from 1.
    pub sequence: i64,
}

/// A text that is not an inquiry's number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an inquiry number: expected something like K-2026-00123")]
pub struct BadInquiryNumber(pub String);

impl fmt::Display for InquiryNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "K-{:04}-{:05}", self.year, self.sequence)
    }
}

impl std::str::FromStr for InquiryNumber {
    type Err = BadInquiryNumber;

    /// Reads a number as people type it: any case, with or without leading zeros.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (year, sequence) = read_number("k", text).ok_or_else(|| BadInquiryNumber(text.to_owned()))?;
        Ok(Self { year, sequence })
    }
}

/// Year and sequence of a number that begins with these letters.
pub(crate) fn read_number(letters: &str, text: &str) -> Option<(i16, i64)> {
    let mut parts = text.trim().splitn(3, '-');
    let begins = parts.next()?.eq_ignore_ascii_case(letters);
    let (year, sequence) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (begins && (2000..=9999).contains(&year) && sequence > 0).then_some((year, sequence))
}

/// The code that a citizen is given: hard to guess (50 bits), easy to read aloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicCode(String);

impl PublicCode {
    /// Digits and letters that are not mistaken for one another (Crockford's base 32).
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// A new code.
    pub fn random(chance: &Chance) -> Self {
        let bits = chance.bits();
        Self((0..10).map(|i| char::from(Self::ALPHABET[((bits >> (i * 5)) & 31) as usize])).collect())
    }

    /// A code that was stored before.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The code as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code as it is told to people, in two halves: `ABCDE-FGHJK`.
    pub fn spoken(&self) -> String {
        match self.0.split_at_checked(5) {
            Some((first, last)) if !last.is_empty() => format!("{first}-{last}"),
            _ => self.0.clone(),
        }
    }
}

impl fmt::Display for PublicCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_type_them() {
        let number = InquiryNumber { year: 2026, sequence: 123 };
        assert_eq!(number.to_string(), "K-2026-00123");
        for text in ["K-2026-00123", "k-2026-123", " K-2026-00123 "] {
            assert_eq!(text.parse(), Ok(number), "{text}");
        }
        for text in ["", "K-2026", "K-2026-0", "X-2026-1", "K-26-1", "K-2026-1-2", "K-2026--1"] {
            assert!(text.parse::<InquiryNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_closed_inquiry_stays_closed() {
        for act in Act::ALL {
            assert_eq!(State::Closed.after(*act), None);
        }
    }

    #[test]
    fn a_public_code_is_told_in_two_halves() {
        assert_eq!(PublicCode::stored("ABCDEFGHJK".to_owned()).spoken(), "ABCDE-FGHJK");
        assert_eq!(PublicCode::stored("ABC".to_owned()).spoken(), "ABC");
    }

    #[test]
    fn public_codes_differ_and_are_readable() {
        let chance = Chance::seeded(7);
        let codes: std::collections::HashSet<_> = (0..1000).map(|_| PublicCode::random(&chance)).collect();
        assert_eq!(codes.len(), 1000);
        assert!(
            codes
                .iter()
                .all(|code| code.as_str().len() == 10 && !code.as_str().contains(['I', 'L', 'O', 'U']))
        );
    }
}
