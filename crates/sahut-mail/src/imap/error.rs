//! What can go wrong between us and an IMAP server.

use async_imap::error::Error;
use async_imap::imap_proto::Status;
use thiserror::Error;

use crate::said;
use crate::wire::ConnectError;

/// Why a mailbox cannot be read. Texts name no address: they are logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImapError {
    /// Name resolution, connection or time-out: trying again may help.
    #[error("{0}")]
    Line(String),
    /// The server refused for a reason of its own: trying again may help.
    #[error("{0}")]
    Server(String),
    /// The server refused name and password, or they may not be used any more.
    #[error("the login was refused: {0}")]
    Login(String),
    /// A setting or a certificate has to be mended.
    #[error("{0}")]
    Person(String),
}

/// Response codes that say that another try with the same password is refused as well (RFC 5530).
const FINAL: [&str; 4] = ["AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"];

impl From<ConnectError> for ImapError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Again(detail) => Self::Line(detail),
            ConnectError::Person(detail) => Self::Person(detail),
        }
    }
}

impl From<std::io::Error> for ImapError {
    fn from(error: std::io::Error) -> Self {
        Self::Line(format!("the connection broke: {error}"))
    }
}

impl From<Error> for ImapError {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error.into(),
            Error::ConnectionLost => lost(),
            other => Self::Server(said(&other.to_string())),
        }
    }
}

/// Reads the answer to a login: without a code that says otherwise, a NO is taken to be the server's own trouble.
pub(super) fn login(error: &Error) -> ImapError {
    let words = error.to_string();
    // async-imap gives the server's words in the form of a debug print.
    let words =
        words.split("info: Some(\"").nth(1).map_or(words.as_str(), |info| info.trim_end_matches("\")"));
    match error {
        Error::No(answer) if FINAL.iter().any(|code| answer.contains(code)) => ImapError::Login(said(words)),
        Error::Validate(_) => ImapError::Login("name or password contain a line end".to_owned()),
        Error::Io(_) | Error::ConnectionLost => lost(),
        _ => ImapError::Server(said(words)),
    }
}

/// Reads a tagged answer.
pub(super) fn answered(status: &Status, words: Option<&str>) -> Result<(), ImapError> {
    let words = said(words.unwrap_or_default());
    match status {
        Status::Ok => Ok(()),
        Status::No if words.contains("NONEXISTENT") || words.contains("doesn't exist") => {
            Err(ImapError::Person(format!("the mailbox cannot be opened: {words}")))
        }
        _ => Err(ImapError::Server(format!("the server refused: {words}"))),
    }
}

pub(super) fn late() -> ImapError {
    ImapError::Line("the server did not answer in time".to_owned())
}

pub(super) fn lost() -> ImapError {
    ImapError::Line("the server hung up".to_owned())
}
