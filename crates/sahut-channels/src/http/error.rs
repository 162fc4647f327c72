//! Why there is no answer.

use std::error::Error;

use sahut_domain::channel::Ailment;
use thiserror::Error;

use super::guard::Forbidden;
use crate::{NotSent, Trouble};

/// Why there is no answer, or none that can be read. Texts name the host only, never a path, a query or a body.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// The client could not be built.
    #[error("the HTTP client cannot be built: {0}")]
    Setup(String),
    /// The call is not allowed, or cannot be put together. Nothing was connected.
    #[error("{host} is not called: {why}")]
    Refused {
        /// Host of the URL.
        host: String,
        /// The rule that forbids it.
        why: String,
    },
    /// No connection came about: name resolution, TCP or TLS.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Host of the URL.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The time was up before the answer was complete.
    #[error("{host} did not answer in time")]
    TimedOut {
        /// Host of the URL.
        host: String,
    },
    /// The connection ended before the answer was complete.
    #[error("the connection to {host} broke: {why}")]
    Broken {
        /// Host of the URL.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The answer is longer than anything that is read.
    #[error("{host} answers with more than {most} bytes")]
    TooLarge {
        /// Host of the URL.
        host: String,
        /// The limit in bytes.
        most: usize,
    },
    /// The answer is not what it should be: broken compression, no JSON, JSON of another form.
    #[error("{host} answers {status} with something unexpected: {what}")]
    Unreadable {
        /// Host of the URL.
        host: String,
        /// HTTP status of the answer, 0 when it is not known.
        status: u16,
        /// What is wrong, and where.
        what: String,
    },
}

impl HttpError {
    pub(super) fn refused(host: &str, why: Forbidden) -> Self {
        Self::Refused { host: host.to_owned(), why: why.to_string() }
    }

    pub(super) fn from_reqwest(host: &str, error: &reqwest::Error) -> Self {
        if let Some(forbidden) = find::<Forbidden>(error) {
            return Self::refused(host, *forbidden);
        }
        let host = host.to_owned();
        let why = cause(error);
        if error.is_builder() {
            Self::Refused { host, why }
        } else if error.is_connect() {
            Self::Unreachable { host, why }
        } else if error.is_timeout() {
            Self::TimedOut { host }
        } else if error.is_decode() && find::<reqwest::Error>(error).is_none_or(|under| !under.is_body()) {
            Self::Unreadable { host, status: 0, what: why }
        } else {
            Self::Broken { host, why }
        }
    }

    /// Who has to look after it: the line, the platform, or this program.
    pub fn ailment(&self) -> Ailment {
        match self {
            Self::Setup(_)
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. } => Ailment::Network,
            Self::TooLarge { .. } => Ailment::Platform,
            Self::Unreadable { .. } => Ailment::Parser,
        }
    }

    /// Whether the request may have reached the server and had its effect there.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Setup(_) | Self::Refused { .. } | Self::Unreachable { .. } => false,
            Self::TimedOut { .. } | Self::Broken { .. } | Self::TooLarge { .. } | Self::Unreadable { .. } => {
                true
            }
        }
    }
}

/// Of a reading call: trying again is safe.
impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self::Again { ailment: error.ailment(), detail: error.to_string() }
    }
}

/// Of a sending call: whether trying again is safe depends on whether the request may have arrived.
impl From<HttpError> for NotSent {
    fn from(error: HttpError) -> Self {
        if error.may_have_arrived() {
            Self::Uncertain(error.to_string())
        } else {
            Self::Trouble(error.into())
        }
    }
}

/// The innermost reason. The outer layers of reqwest's errors print the URL; this one never does.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let innermost = chain(error).last();
    innermost.map_or_else(|| "no reason given".to_owned(), ToString::to_string)
}

fn find<T: Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|source| source.downcast_ref())
}

/// What lies under an error, outermost first, the error itself excluded.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&under| under.source())
}
