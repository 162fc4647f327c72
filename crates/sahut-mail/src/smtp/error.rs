//! What a server's refusal means for the mail, for the address and for the operator.

use std::error::Error as _;
use std::fmt;

use lettre::transport::smtp::Error;
use thiserror::Error;

use crate::wire::ConnectError;
use crate::{ComposeError, said};

/// Why a mail was not (or not certainly) sent. Texts name no address: they are logged and shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SmtpError {
    /// It certainly was not taken, and a later try may succeed: the line, a full queue, greylisting.
    #[error("{0}")]
    Again(String),
    /// The address is bad: no mail will ever reach it.
    #[error("the address was refused: {0}")]
    Refused(Answer),
    /// This mail is refused for good, whoever it is for: too large, or not liked.
    #[error("the mail was refused: {0}")]
    RefusedMail(Answer),
    /// This mail cannot even be composed.
    #[error(transparent)]
    Unfit(#[from] ComposeError),
    /// No mail goes through until somebody mends a password, a certificate or a setting.
    #[error("{0}")]
    Person(String),
    /// The connection ended after the whole mail was sent and before the answer came: it may have arrived. A notice
    /// is sent again with the same Message-ID; an answer to a citizen is not.
    #[error("{0}; the mail may have been taken")]
    Uncertain(String),
}

/// What the server said with a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The reply code, such as 550.
    pub code: u16,
    /// The enhanced status code (RFC 3463), such as 5.1.1.
    pub status: Option<String>,
    /// Its words, with addresses masked.
    pub text: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

impl From<ConnectError> for SmtpError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Again(detail) => Self::Again(detail),
            ConnectError::Person(detail) => Self::Person(detail),
        }
    }
}

/// Where in the conversation a refusal came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Greeting,
    Login,
    Sender,
    Recipient,
    Text,
}

/// Reads an error of the conversation before the final dot.
pub(super) fn told(step: Step, error: &Error) -> SmtpError {
    let words = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    match error.status() {
        Some(code) => refusal(step, u16::from(code), &words),
        // Nothing was refused, yet lettre has no way to log in to what the server offers.
        None if step == Step::Login && error.is_client() => SmtpError::Person(format!("login: {words}")),
        None => SmtpError::Again(format!("the conversation ended: {words}")),
    }
}

fn refusal(step: Step, code: u16, words: &str) -> SmtpError {
    let status = enhanced(words);
    let answer = Answer { code, text: said(words), status };
    let about = |subject: &str| answer.status.as_deref().is_some_and(|status| status.starts_with(subject));
    match (step, code) {
        (_, ..500) => SmtpError::Again(answer.to_string()),
        // 530: log in first; 534, 535, 538: not like this (RFC 4954, 6).
        (Step::Greeting | Step::Login, _) | (_, 530 | 534 | 535 | 538) => {
            SmtpError::Person(answer.to_string())
        }
        // 5.7 is a policy and 5.3 the mail system: neither says that the address is bad. Some servers find out
        // about the recipient (5.1) only when they have the text.
        (Step::Recipient, _) if !about("5.7.") && !about("5.3.") && code != 552 => SmtpError::Refused(answer),
        (Step::Text, _) if about("5.1.1") => SmtpError::Refused(answer),
        _ => SmtpError::RefusedMail(answer),
    }
}

/// The enhanced status code that a text begins with (RFC 2034).
fn enhanced(words: &str) -> Option<String> {
    let word = words.split_whitespace().next()?;
    let parts: Vec<&str> = word.split('.').collect();
    let digits =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(digits)).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_whose_fault_it_is() {
        let class = |step, code, words| match refusal(step, code, words) {
            SmtpError::Again(_) => "again",
            SmtpError::Refused(_) => "address",
            SmtpError::RefusedMail(_) => "mail",
            SmtpError::Person(_) => "person",
            _ => "other",
        };
        assert_eq!(class(Step::Recipient, 550, "5.1.1 <a@b.id>: User unknown"), "address");
        assert_eq!(class(Step::Recipient, 550, "no such user here"), "address");
        assert_eq!(class(Step::Recipient, 554, "5.7.1 Relay access denied"), "mail");
        assert_eq!(class(Step::Recipient, 450, "4.2.0 Greylisted"), "again");
        assert_eq!(class(Step::Recipient, 452, "4.3.1 Insufficient system storage"), "again");
        assert_eq!(class(Step::Text, 552, "5.3.4 Message too big"), "mail");
        assert_eq!(class(Step::Text, 550, "5.1.1 mailbox does not exist"), "address");
        assert_eq!(class(Step::Text, 554, "rejected as spam"), "mail");
        assert_eq!(class(Step::Sender, 530, "5.7.0 Authentication required"), "person");
        assert_eq!(class(Step::Login, 535, "5.7.8 bad credentials"), "person");
        assert_eq!(class(Step::Login, 454, "4.7.0 Temporary authentication failure"), "again");
        assert_eq!(class(Step::Greeting, 554, "no SMTP service here"), "person");
    }

    #[test]
    fn the_status_is_kept_and_the_address_is_not() {
        let SmtpError::Refused(answer) =
            refusal(Step::Recipient, 550, "5.1.1 <siti@contoh.id>: unknown\r\n5.1.1 sorry")
        else {
            panic!("the address is bad")
        };
        assert_eq!(answer.status.as_deref(), Some("5.1.1"));
        assert!(!answer.text.contains("siti@contoh"), "{answer}");
    }
}
