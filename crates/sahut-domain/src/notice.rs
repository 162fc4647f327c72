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
        /// Another office, or those who decide, gave an inquiry to this office.
        HandedOver = "handed_over",
        /// The citizen wrote again.
        FollowUp = "follow_up",
        /// Half, or most, of the working time is gone.
        Reminder = "reminder",
        /// The deadline has passed.
        Overdue = "overdue",
        /// Many mails in one: what waits, late ones first.
        Digest = "digest",
        /// What an office did in a week.
        Weekly = "weekly",
        /// Offices where nobody is on duty.
        Unattended = "unattended",
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
        /// The holidays of a calendar are not known for much longer.
        CalendarEnds = "calendar_ends",
        /// What became of a mail that somebody sent in answer to a notice.
        Confirmation = "confirmation",
        /// Somebody has to approve an answer before it leaves.
        Approval = "approval",
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

/// The notice whose Message-ID this is, in an installation. Some servers change the case of what they report on.
pub fn notice_of(message_id: &str, instance: &str) -> Option<NoticeId> {
    let lower = message_id.to_lowercase();
    let name = lower.strip_prefix("<sahut.")?.strip_prefix(&instance.to_lowercase())?.strip_prefix(".n")?;
    name.split('@').next()?.parse().ok().map(NoticeId)
}

/// The Message-ID that all mails about one inquiry refer to, so that mail programs show them as one thread.
pub fn thread_id(instance: &str, inquiry: crate::inquiry::InquiryId, domain: &str) -> String {
    format!("<sahut.{instance}.i{inquiry}@{domain}>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_known_by_its_message_id() {
        let id = message_id("a1b2", NoticeId(77), "lebong.go.id");
        assert_eq!(notice_of(&id, "a1b2"), Some(NoticeId(77)));
        assert_eq!(notice_of(&id.to_uppercase(), "a1b2"), Some(NoticeId(77)));
        for other in ["<sahut.a1b2.i77@x>", "<sahut.c3d4.n77@x>", "<sahut.a1b2.n7x@x>", "<n77@x>", ""] {
            assert_eq!(notice_of(other, "a1b2"), None, "{other}");
        }
    }
}
