//! What each page tells: facts as they were looked up, not yet as text.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::deadline::Explanation;
use sahut_domain::event::EventKind;
use sahut_domain::incident::IncidentNumber;
use sahut_domain::inquiry::{InquiryNumber, Kind, State};
use sahut_domain::message::{Surface, Visibility};
use sahut_domain::reply::{Intent, Limit, ReplyState};

/// A page.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant carries the type of its name, documented there")]
pub enum Page {
    Inquiry(Box<InquiryPage>),
    Done(Done),
    Refusal(Refusal),
}

impl Page {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Inquiry(_) => "inquiry",
            Self::Done(_) => "done",
            Self::Refusal(_) => "refusal",
        }
    }
}

/// What can be done about an inquiry on its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Say something to the citizen.
    Answer,
    /// Say that it is in hand, until a moment.
    InHand,
    /// Ask for more time.
    MoreTime,
    /// Say that it is another office's.
    NotOurs,
    /// Write a note that the citizen does not see.
    Note,
    /// Say that the matter is settled.
    Settle,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Answer, Self::InHand, Self::MoreTime, Self::NotOurs, Self::Note, Self::Settle];

    /// The act as it stands in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::InHand => "in-hand",
            Self::MoreTime => "more-time",
            Self::NotOurs => "not-ours",
            Self::Note => "note",
            Self::Settle => "settle",
        }
    }

    /// The act that an address names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == text)
    }
}

/// One inquiry, and what can be done about it.
#[derive(Debug, Clone)]
pub struct InquiryPage {
    /// Its number.
    pub number: InquiryNumber,
    /// First words, masked.
    pub title: String,
    /// Short name of the office that has it.
    pub office: String,
    /// Its kind.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Who looks at it, as configured.
    pub person: String,
    /// Name of the channel that it came in by.
    pub channel: String,
    /// Where on the channel.
    pub surface: Surface,
    /// How the citizen is called on the platform.
    pub citizen: String,
    /// What the office had posted, for comments.
    pub post: Option<PostShown>,
    /// What was said, oldest first.
    pub thread: Vec<Said>,
    /// So many messages in between are not shown.
    pub left_out: usize,
    /// The promise that runs, or the last one.
    pub promise: Option<Explanation>,
    /// The zone of the office.
    pub zone: TimeZone,
    /// The moment that the page speaks of.
    pub now: Timestamp,
    /// The office has it in hand.
    pub in_hand: Option<InHand>,
    /// More time that is asked for and not decided on.
    pub asked: Option<InHand>,
    /// Why it went to its office, as one sentence; empty where that is not known.
    pub reason: String,
    /// What the rules say to tell the citizen.
    pub tell: Option<String>,
    /// The incident that it belongs to, and how many of it owe an answer.
    pub together: Option<(IncidentNumber, i64)>,
    /// Answers that the thread does not show.
    pub replies: Vec<Given>,
    /// What others did, oldest first.
    pub deeds: Vec<Deed>,
    /// Working time at each office so far, in seconds, where there was more than one.
    pub stays: Vec<Stay>,
    /// What can be done.
    pub forms: Forms,
}

/// What an office had posted.
#[derive(Debug, Clone)]
pub struct PostShown {
    /// Its words.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// Where a person can look at it.
    pub permalink: Option<String>,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Said {
    /// Written by the office.
    pub own: bool,
    /// The words, as written; tamed here.
    pub text: String,
    /// When.
    pub at: Timestamp,
    /// What the platform shows of it.
    pub visibility: Visibility,
    /// It was changed later.
    pub edited: bool,
    /// Where a person can look at it.
    pub permalink: Option<String>,
}

/// Something that holds until a moment, with who said so and their words.
#[derive(Debug, Clone)]
pub struct InHand {
    /// Until when.
    pub until: Timestamp,
    /// Who said so.
    pub by: String,
    /// Their words.
    pub words: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its words.
    pub text: String,
    /// Who gave it.
    pub by: String,
    /// When it was written.
    pub at: Timestamp,
    /// Where it stands.
    pub state: ReplyState,
    /// What went wrong.
    pub error: Option<String>,
}

/// A line of the journal.
#[derive(Debug, Clone)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// Who; absent: the program by itself.
    pub by: Option<String>,
    /// From which office to which, by short name.
    pub moved: Option<(String, String)>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Words that were written with it.
    pub words: Option<String>,
}

/// Time that an inquiry was at an office.
#[derive(Debug, Clone)]
pub struct Stay {
    /// Its short name.
    pub office: String,
    /// Working time, in seconds.
    pub seconds: i64,
}

/// The forms of a page.
#[derive(Debug, Clone)]
pub struct Forms {
    /// The page's own address: a form goes to it, a stroke, and its act.
    pub action: String,
    /// Names the operation, so that a second tap does nothing again.
    pub key: String,
    /// The version of the inquiry that is shown.
    pub version: i64,
    /// What can be done now.
    pub acts: Vec<Act>,
    /// What is unfolded.
    pub opened: Act,
    /// What an answer has to fit; a window or a refusal stands instead of the form.
    pub limit: Option<Limit>,
    /// Code and name of the offices that it can be passed to.
    pub offices: Vec<(String, String)>,
    /// Moments that "in hand" can be promised for.
    pub until: Vec<Timestamp>,
    /// Moments that more time can be asked for.
    pub more: Vec<Timestamp>,
    /// Short name of the office that decides what is disputed.
    pub decides: String,
    /// This is that office: it says whose it is.
    pub is_deciding: bool,
    /// Whose it is was decided: it is not passed on.
    pub bound: bool,
    /// What was filled in before.
    pub filled: Filled,
    /// Why it was not done.
    pub problem: Option<(Act, Problem)>,
}

/// What a form holds.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    /// Words: an answer, a reason, a note.
    pub text: String,
    /// What an answer is meant for.
    pub intent: Option<Intent>,
    /// Code of an office.
    pub office: String,
    /// A moment, in seconds since 1970.
    pub until: String,
}

/// Why a form was not acted on.
#[derive(Debug, Clone)]
pub enum Problem {
    /// Something happened since the page was opened; this is the latest.
    Changed(Option<Box<Deed>>),
    /// Words are missing.
    NoWords,
    /// The words hold a link or an address that was made for one person.
    Quoted,
    /// Words are too many for us, in characters.
    TooMany(usize),
    /// No moment was chosen.
    NoMoment,
    /// No office was chosen.
    NoOffice,
    /// The platform does not take the answer.
    Limit(Limit),
    /// There is nothing left that could be answered on the platform.
    Unanswerable,
    /// It does not fit how the inquiry stands.
    Unfit,
}

/// Something was done.
#[derive(Debug, Clone)]
pub struct Done {
    /// About which inquiry.
    pub number: InquiryNumber,
    /// What.
    pub act: Act,
    /// When.
    pub at: Timestamp,
    /// The zone of the office.
    pub zone: TimeZone,
    /// Short name of the office that has it now.
    pub office: String,
    /// Who has to approve it before it leaves, by name; absent where nobody has to.
    pub waits_for: Option<String>,
    /// Address of the inquiry's page; absent where it is another office's now.
    pub back: Option<String>,
}

/// A page that shows nothing of an inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The link was not made here, or not whole.
    Forged,
    /// The link is too old.
    Expired,
    /// The inquiry is another office's now, by short name.
    Moved(InquiryNumber, String),
    /// The person does not answer for an office any more.
    Left,
    /// Too often in a minute.
    TooOften,
    /// The form was sent from another site.
    Foreign,
    /// The form is too large, or not one of ours.
    Malformed,
    /// The database does not answer now.
    Unavailable,
}

impl Refusal {
    /// The word that its sentences are found by.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Expired => "expired",
            Self::Moved(..) => "moved",
            Self::Left => "left",
            Self::TooOften => "too_often",
            Self::Foreign => "foreign",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
        }
    }
}
