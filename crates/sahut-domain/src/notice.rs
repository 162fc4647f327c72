//! Notices: one mail owed to one recipient for one event.

use crate::words::{row_id, words};

row_id! {
    /// A stored notice.
    NoticeId
}

words! {
    /// What a notice says. Each has a template in the render crate.
    Template as "notice template" {
        /// A new inquiry for the office.
        Assignment = "assignment",
        /// Many inquiries tell of one happening.
        Incident = "incident",
        /// The citizen wrote again.
        FollowUp = "follow_up",
        /// Half, or most, of the working time is gone.
        Reminder = "reminder",
        /// The deadline has passed.
        Overdue = "overdue",
        /// People have to decide which office it is for.
        Triage = "triage",
        /// An answer could not be delivered.
        ReplyFailed = "reply_failed",
        /// Nobody knows whether an answer arrived.
        ReplyUncertain = "reply_uncertain",
        /// A channel is not read any more.
        ChannelTrouble = "channel_trouble",
        /// A channel is quieter than it ever is.
        ChannelSilent = "channel_silent",
        /// Mail to somebody bounced.
        MailTrouble = "mail_trouble",
        /// What happened in a month, in numbers.
        MonthlyReport = "monthly_report",
    }
}

/// The Message-ID of a notice: the same at every attempt, so that copies are recognised as copies.
///
/// `instance` tells installations apart; `domain` is the part after the at sign and comes from the sender's address.
pub fn message_id(instance: &str, notice: NoticeId, domain: &str) -> String {
    format!("<sahut.{instance}.n{notice}@{domain}>")
}

/// The Message-ID that all mails about one inquiry refer to, so that mail programs show them as one thread.
pub fn thread_id(instance: &str, inquiry: crate::inquiry::InquiryId, domain: &str) -> String {
    format!("<sahut.{instance}.i{inquiry}@{domain}>")
}
