//! Offices: the units of a regency that answer.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::words::words;

/// The short code of an office, such as `dinkes` or `kec-lebong-utara`: what configuration, rules and reports say.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OfficeCode(String);

/// A text that cannot be an office's code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an office code: 2 to 40 of a-z, 0-9 and '-', beginning with a letter")]
pub struct BadOfficeCode(pub String);

impl OfficeCode {
    /// Reads a code; upper case is refused rather than changed, so that one office has one spelling.
    pub fn parse(text: &str) -> Result<Self, BadOfficeCode> {
        let fits = (2..=40).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(Self(text.to_owned())) } else { Err(BadOfficeCode(text.to_owned())) }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OfficeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for OfficeCode {
    type Error = BadOfficeCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<OfficeCode> for String {
    fn from(code: OfficeCode) -> Self {
        code.0
    }
}

words! {
    /// What sort of unit an office is. A district office answers for a place, the others for a subject.
    OfficeKind as "office kind" {
        /// Dinas, badan, inspektorat and the like: answers for a subject.
        Technical = "technical",
        /// Kecamatan: answers for a place.
        District = "district",
        /// A regency-owned company, such as the water company.
        Company = "company",
    }
}

words! {
    /// What somebody is to an office.
    Role as "role" {
        /// Gets the office's mails.
        Duty = "duty",
        /// Its head.
        Head = "head",
        /// Stands in for somebody who is away.
        Deputy = "deputy",
        /// The regency's secretary, reached through the communications office.
        Secretary = "secretary",
        /// The regent, reached through the communications office.
        Regent = "regent",
    }
}

/// An office as configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    /// Unique short code.
    pub code: OfficeCode,
    /// Full name as it stands on the letterhead.
    pub name: String,
    /// What people call it: used in subjects of mails.
    pub short_name: String,
    /// Subject or place.
    pub kind: OfficeKind,
    /// Name of the working calendar that its deadlines run in.
    pub calendar: String,
    /// People on duty, first one first; notices go to each of them.
    pub people: Vec<Person>,
    /// Answers by mail leave only when somebody who may has approved them.
    #[serde(default)]
    pub approval: bool,
}

/// Somebody who answers for an office by mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// Name as it is shown; may be a function ("Admin Dinkes").
    pub name: String,
    /// Address of mail, one plain addr-spec.
    pub mail: String,
}
