//! What can go wrong between us and a platform, told apart by what helps.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::Ailment;
use thiserror::Error;

/// The longest patience that a platform is granted; one that asks for more is asked again after it.
const MOST_PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// The moment for "come back in so many seconds", however absurd the number is.
pub(crate) fn come_back(now: Timestamp, seconds: i64) -> Timestamp {
    let asked = SignedDuration::from_secs(seconds.max(0)).min(MOST_PATIENCE);
    now.saturating_add(asked).unwrap_or(now)
}

/// How far a platform's request for patience reaches.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Only the same call, such as sending to one chat.
    Call,
    /// Everything on this channel.
    Channel,
    /// Every channel that shares the named thing: `app:1234`, `project:abc`, `host:example.go.id`.
    Shared(String),
}

/// Why a page could not be had. Texts carry no secret and no citizen's words: they are logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Trouble {
    /// The platform asks for patience.
    #[error("{detail}; come back {}", until.map_or_else(|| "later".to_owned(), |at| format!("at {at}")))]
    Wait {
        /// When to come back, where the platform says so.
        until: Option<Timestamp>,
        /// What has to wait.
        scope: Scope,
        /// What the platform said.
        detail: String,
    },
    /// Trying again does not help: somebody has to reconnect the account or grant a permission.
    #[error("{detail}")]
    Person {
        /// [`Ailment::Credential`] or [`Ailment::Permission`].
        ailment: Ailment,
        /// What has to be mended, in words for the operator.
        detail: String,
    },
    /// It may pass by itself.
    #[error("{detail}")]
    Again {
        /// [`Ailment::Network`], [`Ailment::Platform`] or [`Ailment::Parser`].
        ailment: Ailment,
        /// What happened.
        detail: String,
    },
    /// The feed no longer exists (its post was deleted, its conversation is closed to us): stop reading it.
    #[error("{detail}")]
    Gone {
        /// What the platform said.
        detail: String,
    },
}

impl Trouble {
    /// What a channel with this trouble ails from.
    pub fn ailment(&self) -> Ailment {
        match self {
            Self::Wait { .. } => Ailment::Rate,
            Self::Person { ailment, .. } | Self::Again { ailment, .. } => *ailment,
            Self::Gone { .. } => Ailment::Platform,
        }
    }
}

/// Why a reply has not (or not certainly) been sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    /// The platform certainly did not take it; the trouble says whether trying again helps.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// It may have arrived: the connection ended after the request had been sent, or the answer made no sense.
    #[error("{0}; the reply may have been published")]
    Uncertain(String),
    /// The platform refuses this reply for good: the citizen blocked us, the window is closed, the comment is gone.
    #[error("{0}")]
    Refused(String),
}
