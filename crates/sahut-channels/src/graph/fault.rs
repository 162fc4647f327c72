//! Graph's errors. `code` decides, never the HTTP status, which varies.
//!
//! Meta's own text is not passed on: it may quote a token ("Malformed access token ...").

use jiff::Timestamp;
use sahut_domain::channel::Ailment;
use serde::Deserialize;

use super::usage;
use crate::trouble::come_back;
use crate::{Answer, HttpError, NotSent, Scope, Trouble};

/// A call that gave no answer to work with.
#[derive(Debug)]
pub(crate) enum Failure {
    Http(HttpError),
    Graph(Fault),
}

/// An error that Graph answered.
#[derive(Debug)]
pub(crate) struct Fault {
    host: String,
    status: u16,
    code: i64,
    subcode: i64,
    transient: bool,
    says_window: bool,
    regain_minutes: Option<i64>,
}

/// What an error means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// It may pass by itself.
    Transient,
    /// All channels of the app have to wait.
    AppLimit,
    /// The channel has to wait.
    ChannelLimit,
    /// Calls of this sort have to wait, such as those for conversations.
    CallLimit,
    /// The token is dead.
    Credential,
    /// The account may not do this.
    Permission,
    /// The time for answering is over.
    WindowClosed,
    /// The citizen cannot be reached.
    Unreachable,
    /// The object does not exist, or not for us.
    Gone,
    /// The call was malformed.
    Parameter,
    /// Sending is blocked for a while.
    Blocked,
    /// The same words were written there before.
    Duplicate,
    /// A code that is not known here, or no code at all.
    Unknown,
}

#[derive(Deserialize)]
struct Envelope {
    error: Body,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Body {
    code: i64,
    error_subcode: Option<i64>,
    is_transient: Option<bool>,
    message: Option<String>,
}

impl Fault {
    /// The error in an answer, if it is one. An error may come with status 200.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let error = answer.body.trim_ascii_start().starts_with(b"{\"error\"");
        if answer.is_success() && !error {
            return None;
        }
        let body = answer.json().map(|envelope: Envelope| envelope.error).unwrap_or_default();
        Some(Self {
            host: answer.host.clone(),
            status: answer.status,
            code: body.code,
            subcode: body.error_subcode.unwrap_or_default(),
            transient: body.is_transient.unwrap_or_default(),
            says_window: body.message.is_some_and(|text| text.contains("outside of allowed window")),
            regain_minutes: usage::minutes_to_regain(answer),
        })
    }

    /// Whether the platform refuses the words as a repetition.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.meaning() == Meaning::Duplicate
    }

    fn meaning(&self) -> Meaning {
        match (self.code, self.subcode) {
            (4, _) => Meaning::AppLimit,
            (17 | 32 | 80_000..=80_014, _) => Meaning::ChannelLimit,
            (613, _) => Meaning::CallLimit,
            (102 | 104 | 190, _) => Meaning::Credential,
            (10, 2_018_278) => Meaning::WindowClosed,
            (10, _) if self.says_window => Meaning::WindowClosed,
            (551, _) | (200, 1_545_041) | (100, 2_018_001) => Meaning::Unreachable,
            (3 | 10 | 200..=299, _) => Meaning::Permission,
            (100, 33) | (803, _) => Meaning::Gone,
            (100 | 2500, _) => Meaning::Parameter,
            (368, _) => Meaning::Blocked,
            (506, _) => Meaning::Duplicate,
            (1 | 2, _) => Meaning::Transient,
            (0, _) if self.status == 429 => Meaning::ChannelLimit,
            _ if self.transient || self.status >= 500 => Meaning::Transient,
            _ => Meaning::Unknown,
        }
    }

    /// What it means for reading, at the moment `now` where that is known.
    fn trouble(&self, now: Option<Timestamp>) -> Trouble {
        let again = |ailment| Trouble::Again { ailment, detail: self.detail() };
        let person = |ailment| Trouble::Person { ailment, detail: self.detail() };
        match self.meaning() {
            Meaning::AppLimit => self.wait(now, Scope::Shared(usage::app_scope(&self.host))),
            Meaning::ChannelLimit => self.wait(now, Scope::Channel),
            Meaning::Blocked | Meaning::CallLimit => self.wait(now, Scope::Call),
            Meaning::Credential => person(Ailment::Credential),
            Meaning::Permission | Meaning::WindowClosed => person(Ailment::Permission),
            Meaning::Gone => Trouble::Gone { detail: self.detail() },
            Meaning::Parameter => again(Ailment::Parser),
            Meaning::Transient | Meaning::Unreachable | Meaning::Duplicate | Meaning::Unknown => {
                again(Ailment::Platform)
            }
        }
    }

    /// What it means for a reply. An "unknown error" or a gateway's page does not say whether the reply was published.
    fn not_sent(&self, now: Timestamp) -> NotSent {
        match self.meaning() {
            Meaning::WindowClosed | Meaning::Unreachable | Meaning::Gone | Meaning::Parameter => {
                NotSent::Refused(self.detail())
            }
            Meaning::Transient | Meaning::Duplicate => NotSent::Uncertain(self.detail()),
            _ => NotSent::Trouble(self.trouble(Some(now))),
        }
    }

    fn wait(&self, now: Option<Timestamp>, scope: Scope) -> Trouble {
        let until =
            now.zip(self.regain_minutes).map(|(now, minutes)| come_back(now, minutes.saturating_mul(60)));
        Trouble::Wait { until, scope, detail: self.detail() }
    }

    fn detail(&self) -> String {
        let what = match self.meaning() {
            Meaning::Transient => "a fault of the platform",
            Meaning::AppLimit => "the app has called too often",
            Meaning::ChannelLimit => "the account has called too often",
            Meaning::CallLimit => "calls of this sort came too often",
            Meaning::Credential => "the token is no longer valid: connect the account again",
            Meaning::Permission => "the token lacks a permission for this",
            Meaning::WindowClosed => "the time in which the citizen may be answered is over",
            Meaning::Unreachable => "the citizen does not take messages from this account",
            Meaning::Gone => "it does not exist any more, or not for this token",
            Meaning::Parameter => "the platform does not understand the call",
            Meaning::Blocked => "the platform has blocked the account from this for a while",
            Meaning::Duplicate => "the same words were written here before",
            Meaning::Unknown => "an error that is not known here",
        };
        let Self { host, status, code, subcode, .. } = self;
        format!("{host}: {what} (status {status}, code {code}, subcode {subcode})")
    }
}

impl Failure {
    /// What it means for reading, at the moment `now` where that is known.
    pub(crate) fn trouble(self, now: Option<Timestamp>) -> Trouble {
        match self {
            Self::Http(error) => error.into(),
            Self::Graph(fault) => fault.trouble(now),
        }
    }

    /// What it means for a reply that was being sent at the moment `now`.
    pub(crate) fn not_sent(self, now: Timestamp) -> NotSent {
        match self {
            Self::Http(error) => error.into(),
            Self::Graph(fault) => fault.not_sent(now),
        }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}
