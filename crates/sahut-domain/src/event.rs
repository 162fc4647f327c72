//! The journal: append-only, the only source of reports, and the audit trail.

use crate::words::{row_id, words};

row_id! {
    /// A line of the journal.
    EventId
}

words! {
    /// What happened. Names are stable: reports and other programs read them.
    EventKind as "event kind" {
        /// A message was stored.
        MessageCollected = "message.collected",
        /// The author changed a message; the old text is kept as a revision.
        MessageEdited = "message.edited",
        /// A message vanished from the platform; its text is kept.
        MessageDeleted = "message.deleted",
        /// A message needs nobody.
        MessageSetAside = "message.set_aside",
        /// Somebody brought back a message that was set aside.
        MessageBroughtBack = "message.brought_back",
        /// An inquiry began.
        InquiryOpened = "inquiry.opened",
        /// The citizen added a message to an inquiry.
        InquiryContinued = "inquiry.continued",
        /// An answered inquiry owes an answer again.
        InquiryReopened = "inquiry.reopened",
        /// The office's first or further answer reached the platform.
        InquiryAnswered = "inquiry.answered",
        /// The office said that it has an inquiry in hand, and until when.
        InquiryAcknowledged = "inquiry.acknowledged",
        /// Somebody wrote a note that the citizen does not see.
        InquiryNoted = "inquiry.noted",
        /// Somebody closed an inquiry.
        InquiryClosed = "inquiry.closed",
        /// Somebody took a closing back: it was a mistake.
        InquiryRestored = "inquiry.restored",
        /// An inquiry moved to another office.
        InquiryHandedOver = "inquiry.handed_over",
        /// Somebody said that an inquiry is with the right office.
        InquiryConfirmed = "inquiry.confirmed",
        /// Two inquiries turned out to tell of one happening.
        IncidentBegan = "incident.began",
        /// An inquiry joined an incident: it is answered together with the others.
        IncidentJoined = "incident.joined",
        /// Somebody took an inquiry out of an incident.
        IncidentLeft = "incident.left",
        /// A promise began to run.
        DeadlineSet = "deadline.set",
        /// Its end moved.
        DeadlineMoved = "deadline.moved",
        /// Its time stands still.
        DeadlinePaused = "deadline.paused",
        /// Its time runs again.
        DeadlineResumed = "deadline.resumed",
        /// The office asked for more time.
        ExtensionAsked = "extension.asked",
        /// It was given more time.
        ExtensionGranted = "extension.granted",
        /// It was not.
        ExtensionRefused = "extension.refused",
        /// The promise was kept.
        DeadlineMet = "deadline.met",
        /// The moment passed without an answer.
        DeadlineMissed = "deadline.missed",
        /// A step of the ladder fell due.
        ReminderDue = "reminder.due",
        /// Mails to somebody were folded into one, or the morning's came due.
        DigestDue = "digest.due",
        /// The summary of an office's week came due.
        SummaryDue = "summary.due",
        /// Nobody is on duty at some offices.
        OfficesUnattended = "offices.unattended",
        /// Mail to the people of an office arrives, and none of them acts.
        OfficeSilent = "office.silent",
        /// A mail was accepted by the mail server.
        NoticeSent = "notice.sent",
        /// A mail will never be accepted, or was given back.
        NoticeFailed = "notice.failed",
        /// Somebody had a mail tried again that was given up.
        NoticeRetried = "notice.retried",
        /// Somebody's mail was carried out, or could not be.
        LetterSettled = "letter.settled",
        /// Somebody's mail waits for a person, since it is not to be trusted.
        LetterHeld = "letter.held",
        /// Somebody let a held mail be carried out.
        LetterAccepted = "letter.accepted",
        /// Somebody decided that a held mail is not needed.
        LetterDropped = "letter.dropped",
        /// An answer waits for somebody's approval.
        ReplyProposed = "reply.proposed",
        /// It was approved.
        ReplyApproved = "reply.approved",
        /// It went back to its writer.
        ReplyReturned = "reply.returned",
        /// An answer was queued.
        ReplyQueued = "reply.queued",
        /// An answer is on the platform.
        ReplySent = "reply.sent",
        /// An answer was refused.
        ReplyFailed = "reply.failed",
        /// Nobody knows whether an answer arrived.
        ReplyUncertain = "reply.uncertain",
        /// The citizen was answered by another way than the platform.
        ReplyElsewhere = "reply.elsewhere",
        /// Somebody had an answer sent again that was given up, or that did not arrive.
        ReplyRetried = "reply.retried",
        /// A channel began to ail.
        ChannelTroubled = "channel.troubled",
        /// A channel does well again.
        ChannelRecovered = "channel.recovered",
        /// A channel has been quiet for longer than it ever is.
        ChannelSilent = "channel.silent",
        /// Somebody paused a channel.
        ChannelPaused = "channel.paused",
        /// Somebody resumed a channel.
        ChannelResumed = "channel.resumed",
        /// An item could not be read and was set apart.
        ItemQuarantined = "item.quarantined",
        /// A set-apart item was read after all.
        ItemRecovered = "item.recovered",
        /// Somebody decided that a set-apart item is not needed.
        ItemDropped = "item.dropped",
        /// The holidays of a calendar are not known for much longer.
        CalendarEnding = "calendar.ending",
        /// A configuration set became the running one.
        ConfigurationApplied = "configuration.applied",
        /// A model was trained from what people decided.
        ModelTrained = "model.trained",
        /// A model was put to use again, or taken out of use.
        ModelChosen = "model.chosen",
        /// The report of a month was made.
        ReportMade = "report.made",
        /// Notices were held or let go after a restore.
        OutboxHeld = "outbox.held",
    }
}
