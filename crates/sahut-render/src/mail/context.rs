//! What each mail tells: one struct a template, holding facts as they were looked up, not yet as text.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::deadline::{Explanation, Moved};
use sahut_domain::decision::Doubt;
use sahut_domain::incident::IncidentNumber;
use sahut_domain::inquiry::{InquiryNumber, Kind, Passing};
use sahut_domain::letter::Outcome;
use sahut_domain::message::Surface;
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_domain::report::Brief;

/// The facts of one mail.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant carries the struct of its name, documented there")]
pub enum Context {
    Assignment(Assignment),
    Incident(Incident),
    HandedOver(HandedOver),
    FollowUp(FollowUp),
    Reminder(Reminder),
    Overdue(Overdue),
    Triage(Triage),
    ReplyFailed(ReplyFailed),
    ReplyUncertain(ReplyUncertain),
    ChannelTrouble(ChannelTrouble),
    ChannelSilent(ChannelSilent),
    MailTrouble(MailTrouble),
    CalendarEnds(CalendarEnds),
    Digest(Digest),
    Weekly(Weekly),
    Unattended(Unattended),
    Confirmation(Confirmation),
    Approval(Approval),
    MonthlyReport(Brief),
}

impl Context {
    /// The template that it fills.
    pub const fn template(&self) -> Template {
        match self {
            Self::Assignment(_) => Template::Assignment,
            Self::Incident(_) => Template::Incident,
            Self::HandedOver(_) => Template::HandedOver,
            Self::FollowUp(_) => Template::FollowUp,
            Self::Reminder(_) => Template::Reminder,
            Self::Overdue(_) => Template::Overdue,
            Self::Triage(_) => Template::Triage,
            Self::ReplyFailed(_) => Template::ReplyFailed,
            Self::ReplyUncertain(_) => Template::ReplyUncertain,
            Self::ChannelTrouble(_) => Template::ChannelTrouble,
            Self::ChannelSilent(_) => Template::ChannelSilent,
            Self::MailTrouble(_) => Template::MailTrouble,
            Self::CalendarEnds(_) => Template::CalendarEnds,
            Self::Digest(_) => Template::Digest,
            Self::Weekly(_) => Template::Weekly,
            Self::Unattended(_) => Template::Unattended,
            Self::Confirmation(_) => Template::Confirmation,
            Self::Approval(_) => Template::Approval,
            Self::MonthlyReport(_) => Template::MonthlyReport,
        }
    }
}

/// What every mail about an inquiry tells of it.
#[derive(Debug, Clone)]
pub struct About {
    /// Its number.
    pub number: InquiryNumber,
    /// Its title, as [`crate::tame::title`] made it when the inquiry began.
    pub title: String,
    /// Short name of the office that has it.
    pub office: String,
    /// Its kind.
    pub kind: Kind,
    /// What the citizen wrote, as far as this mail is about it.
    pub said: Said,
    /// The promise that runs, with why it is due when it is.
    pub promise: Explanation,
    /// What that promise was before it was moved, the oldest first.
    pub moved: Vec<Moved>,
    /// Until when the office has it in hand, and what it said.
    pub in_hand: Option<(Timestamp, String)>,
    /// Why it went to this office, as one sentence in the reader's language.
    pub reason: String,
    /// The incident that it belongs to, where others of it owe an answer too.
    pub together: Option<Together>,
    /// What the rules say to tell the citizen, ready to be copied: where to turn with what another has to do.
    pub tell: Option<String>,
    /// Where the inquiry can be opened and answered; absent where this installation has no pages.
    pub link: Option<String>,
    /// Where the office can say that it is not its own.
    pub not_ours: Option<String>,
    /// It can be answered by answering this mail.
    pub by_reply: bool,
}

/// Inquiries that are answered together.
#[derive(Debug, Clone)]
pub struct Together {
    /// Their incident.
    pub incident: IncidentNumber,
    /// How many of them owe an answer.
    pub open: i64,
}

/// One message of a citizen.
#[derive(Debug, Clone)]
pub struct Said {
    /// The words, as written; masked and cut here.
    pub text: String,
    /// How the citizen is called on the platform.
    pub citizen: String,
    /// Name of the channel.
    pub channel: String,
    /// When it was written, by the platform's clock.
    pub at: Timestamp,
    /// Where it can be seen on the platform.
    pub permalink: Option<String>,
}

/// A new inquiry for the office.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The inquiry.
    pub about: About,
}

/// Many inquiries tell of one happening.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The inquiry that began it.
    pub about: About,
    /// Its number.
    pub number: IncidentNumber,
    /// Its title, as [`crate::tame::title`] made it when its first inquiry began.
    pub title: String,
    /// How many inquiries belong to it.
    pub members: i64,
    /// Numbers and titles of the newest of them.
    pub titles: Vec<(InquiryNumber, String)>,
}

/// Another office, or those who decide, gave the inquiry to this one.
#[derive(Debug, Clone)]
pub struct HandedOver {
    /// The inquiry, at the office that has it now.
    pub about: About,
    /// Short name of the office that had it.
    pub from: String,
    /// Who gave it.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// What it means for this office.
    pub passing: Passing,
    /// Short name of the office that the one before named, where that is another than this.
    pub named: Option<String>,
}

/// The citizen wrote again; [`About::said`] is the new message.
#[derive(Debug, Clone)]
pub struct FollowUp {
    /// The inquiry.
    pub about: About,
}

/// Much of the working time is gone.
#[derive(Debug, Clone)]
pub struct Reminder {
    /// The inquiry.
    pub about: About,
    /// Working time that is left, in seconds.
    pub left_seconds: i64,
}

/// The deadline has passed.
#[derive(Debug, Clone)]
pub struct Overdue {
    /// The inquiry.
    pub about: About,
    /// The moment that the mail speaks of.
    pub now: Timestamp,
    /// Goes to somebody above the office: a thread of its own.
    pub to_superior: bool,
}

/// People have to decide which office it is for.
#[derive(Debug, Clone)]
pub struct Triage {
    /// The inquiry; its office is the one that decides.
    pub about: About,
    /// Why it was left to people.
    pub doubt: Doubt,
    /// Who it concerns outside the regency's offices, by name.
    pub outside: Option<String>,
    /// The offices that come into question, best first.
    pub candidates: Vec<Candidate>,
}

/// An office that comes into question.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its short name.
    pub office: String,
    /// Its code, as commands want it.
    pub code: String,
    /// The words that spoke for it.
    pub words: Vec<String>,
}

/// An answer could not be delivered.
#[derive(Debug, Clone)]
pub struct ReplyFailed {
    /// The inquiry.
    pub about: About,
    /// The answer.
    pub reply: String,
    /// What the platform said, without secrets.
    pub detail: String,
}

/// Nobody knows whether an answer arrived.
#[derive(Debug, Clone)]
pub struct ReplyUncertain {
    /// The inquiry.
    pub about: About,
    /// The answer.
    pub reply: String,
    /// When it was handed to the platform.
    pub tried_at: Timestamp,
}

/// A channel is not read any more.
#[derive(Debug, Clone)]
pub struct ChannelTrouble {
    /// Its name.
    pub channel: String,
    /// Its code, as commands want it.
    pub code: String,
    /// Where it lives.
    pub platform: Platform,
    /// Short name of the office that owns it.
    pub office: String,
    /// What ails it.
    pub ailment: Ailment,
    /// The last error in words, without secrets.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
    /// Up to when it is known to be complete.
    pub complete_until: Option<Timestamp>,
    /// The zone of the office.
    pub zone: TimeZone,
}

/// A channel is quieter than it ever is.
#[derive(Debug, Clone)]
pub struct ChannelSilent {
    /// Its name.
    pub channel: String,
    /// Its code, as commands want it.
    pub code: String,
    /// Where it lives.
    pub platform: Platform,
    /// Short name of the office that owns it.
    pub office: String,
    /// When somebody last wrote there.
    pub last_at: Option<Timestamp>,
    /// When it was last read well.
    pub read_at: Option<Timestamp>,
    /// The zone of the office.
    pub zone: TimeZone,
}

/// Mail to somebody bounced.
#[derive(Debug, Clone)]
pub struct MailTrouble {
    /// Whom it should have reached, as shown: a name or a function.
    pub person: String,
    /// The address; masked here.
    pub address: String,
    /// Short name of the office that the person answers for.
    pub office: String,
    /// What the mail server said.
    pub detail: String,
    /// When.
    pub at: Timestamp,
    /// The zone of the office.
    pub zone: TimeZone,
}

/// The holidays of a calendar are not known for much longer.
#[derive(Debug, Clone)]
pub struct CalendarEnds {
    /// The calendar.
    pub calendar: String,
    /// The last day whose holidays are known.
    pub until: Date,
}

/// Many mails in one: what waits for somebody.
#[derive(Debug, Clone)]
pub struct Digest {
    /// The inquiries, what falls due first first.
    pub lines: Vec<DigestEntry>,
    /// It is the morning's, and tells all that is open at the office.
    pub morning: bool,
    /// The moment that the mail speaks of.
    pub now: Timestamp,
    /// The zone of the office.
    pub zone: TimeZone,
}

/// Where a citizen reads an answer.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The platform.
    pub platform: Platform,
    /// Where on it.
    pub surface: Surface,
}

/// What became of a mail that somebody sent in answer to a notice.
#[derive(Debug, Clone)]
pub struct Confirmation {
    /// The inquiry; absent where nobody knows which one the mail was about.
    pub about: Option<About>,
    /// In one word.
    pub outcome: Outcome,
    /// What that word speaks of: the command, the office, the limit, the author.
    pub detail: String,
    /// The moment that it speaks of.
    pub until: Option<Timestamp>,
    /// What was written.
    pub words: String,
    /// Where the citizen reads it, where it goes there.
    pub place: Option<Place>,
    /// How many other citizens of the incident get it too.
    pub others: i64,
    /// How many files came with it, which do not go to the citizen.
    pub files: i64,
    /// The offices that there are, where it named none of them.
    pub offices: Vec<(OfficeCode, String)>,
    /// The zone of the office.
    pub zone: TimeZone,
}

/// One inquiry of a digest.
#[derive(Debug, Clone)]
pub struct DigestEntry {
    /// Its number.
    pub number: InquiryNumber,
    /// Its title, as [`crate::tame::title`] made it when the inquiry began.
    pub title: String,
    /// Short name of the office that has it.
    pub office: String,
    /// Its kind.
    pub kind: Kind,
    /// When it falls due.
    pub due_at: Timestamp,
    /// Until when the office has it in hand, as it says.
    pub in_hand_until: Option<Timestamp>,
    /// Where it can be opened and answered; absent where this installation has no pages.
    pub link: Option<String>,
}

/// What an office did in a week, out of the journal.
#[derive(Debug, Clone)]
pub struct Weekly {
    /// Short name of the office.
    pub office: String,
    /// The week begins.
    pub from: Timestamp,
    /// It ends, excluded.
    pub to: Timestamp,
    /// Inquiries that began there.
    pub received: i64,
    /// Inquiries that other offices gave it.
    pub taken_over: i64,
    /// Inquiries that it gave other offices.
    pub handed_over: i64,
    /// Answers.
    pub answered: i64,
    /// Of those, the ones in time.
    pub on_time: i64,
    /// Median of the first responses, in seconds of working time.
    pub median_seconds: Option<i64>,
    /// What became late.
    pub late: Vec<InquiryNumber>,
    /// People who get mail and never act.
    pub silent: Vec<String>,
    /// The zone of the office.
    pub zone: TimeZone,
}

/// Offices where nobody is on duty.
#[derive(Debug, Clone)]
pub struct Unattended {
    /// Their short names, each with its head's name where there is one.
    pub offices: Vec<(String, Option<String>)>,
}

/// Somebody has to approve an answer before it leaves.
#[derive(Debug, Clone)]
pub struct Approval {
    /// The inquiry.
    pub about: About,
    /// Who wrote the answer.
    pub author: String,
    /// The answer.
    pub words: String,
    /// Where the citizen reads it.
    pub place: Option<Place>,
    /// Number of the proposal, as commands want it.
    pub proposal: i64,
}
