//! Links in mails: where a person can look at one inquiry, and act on it, without signing in.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::inquiry::InquiryId;
use sahut_domain::link::LinkKeys;
use sahut_domain::office::OfficeCode;

/// How long a link in a mail holds.
const HOLDS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How links are made.
#[derive(Debug, Clone)]
pub struct Links {
    /// Where the pages are reached from outside, without a stroke at its end.
    pub url: String,
    /// What links are signed with.
    pub keys: LinkKeys,
}

impl Links {
    /// The address of an inquiry's page, for one person at the office that has it.
    pub fn to(&self, inquiry: InquiryId, office: &OfficeCode, mail: &str, now: Timestamp) -> String {
        format!("{}/i/{}", self.url, self.keys.sign(inquiry, office, mail, now + HOLDS))
    }
}

/// The same page, where the office can say that the inquiry is not its own.
pub(crate) fn not_ours(link: &str) -> String {
    format!("{link}/not-ours#not-ours")
}
