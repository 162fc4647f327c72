//! Mail out by SMTP and in by IMAP: composing, sending, reading, quotes, bounces.
//!
//! What others use: [`Mail`] is a mail to one recipient, composed the same way at every attempt; [`Smtp`] sends it
//! and says what an error means ([`SmtpError`]); [`Imap`] reads a mailbox by growing UIDs; [`read()`] turns the bytes
//! of a mail into what people wrote and tells mails of machines from mails of people ([`Automatic`]);
//! [`without_quotes`] leaves only the writer's own words; [`Mbox`] takes an archive apart.
//!
//! What it never does: decide when to send or to try again, keep anything on disk, fall back to an unencrypted
//! connection, or put an address or somebody's words into an error. Text that a server sends with an error may name
//! an address, so it is masked first.

mod automatic;
mod compose;
mod html;
mod imap;
mod instruction;
mod mbox;
mod quotes;
mod read;
mod smtp;
mod trust;
mod wire;

pub use automatic::{Automatic, Bounce};
pub use compose::{AutoSubmitted, ComposeError, Mail, Mailbox, is_message_id};
pub use imap::{Fetched, FetchedMail, Imap, ImapError, ImapSettings, Opened};
pub use instruction::{Instruction, Misread, instruction};
pub use mbox::{Mbox, MboxMail};
pub use quotes::{own_words, without_quotes};
pub use read::{Correspondent, Limits, ReadError, ReadMail, read};
pub use smtp::{Accepted, Answer, Smtp, SmtpError, SmtpSettings};
pub use wire::{ConnectError, Server, Tls};

use sha2::{Digest, Sha256};

/// Name and password of an account on a mail server.
#[derive(Debug, Clone)]
pub struct Login {
    /// Name of the account, mostly its address.
    pub user: String,
    /// Its password.
    pub password: secrecy::SecretString,
}

/// 128 bits of a hash over all parts and their boundaries, in hexadecimal digits.
fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    format!("{:032x}", u128::from_be_bytes(first))
}

/// What a server said, fit for a log: addresses and numbers masked, one line, not too long.
fn said(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    sahut_domain::mask::mask(line.trim())
}
