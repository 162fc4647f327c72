//! Reading a mailbox over IMAP, by UIDs that only grow.
//!
//! The protocol's grammar is async-imap's. Its `fetch`, however, takes a lost connection and a server's NO for the end
//! of the list, which would move a cursor past mails that were never seen; so every command here is driven to its
//! tagged answer and anything else is an error.

mod command;
mod error;
mod line;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};
use async_imap::{Client, Session};
use jiff::Timestamp;
use jiff::fmt::strtime;
use secrecy::ExposeSecret;
use tokio::time::timeout;

pub use error::ImapError;

use crate::Login;
use crate::wire::{ConnectError, Dialer, Server, Tls};
use command::quoted;
use line::{Heard, Line};

/// Most mails in one batch.
const BATCH: usize = 50;
/// Bytes of mails in one batch after which no further mail is added: a batch has to come through within the time that a
/// reader may hold its mailbox, over a thin line as well.
const BATCH_BYTES: u64 = 4 << 20;
/// How many UIDs are looked at first; doubled while nothing is found, since deleted mails leave gaps.
const WINDOW: u32 = 256;

/// How a mailbox is read.
#[derive(Debug, Clone)]
pub struct ImapSettings {
    /// The server.
    pub server: Server,
    /// The account.
    pub login: Login,
    /// The mailbox, such as `INBOX`, as the server spells it (modified UTF-7 for other letters).
    pub mailbox: String,
    /// How long the server may say nothing while it is asked for something.
    pub timeout: Duration,
    /// Most bytes of one mail that are fetched. Of a longer one the beginning is read, where header and text are.
    pub mail_bytes: u32,
}

impl ImapSettings {
    /// The usual settings: a minute of silence, 8 MiB a mail.
    pub fn new(server: Server, login: Login, mailbox: String) -> Self {
        Self { server, login, mailbox, timeout: Duration::from_mins(1), mail_bytes: 8 << 20 }
    }
}

/// Opens connections to one mailbox. Made once.
#[derive(Debug, Clone)]
pub struct Imap {
    dialer: Dialer,
    settings: ImapSettings,
}

/// A connection that is logged in. Dropped after any error.
pub struct Opened {
    session: Session<Line>,
    heard: Heard,
    settings: ImapSettings,
}

/// A batch of mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// UIDs hold only as long as this number stays the same.
    pub uid_validity: u32,
    /// The mails, by growing UID.
    pub mails: Vec<FetchedMail>,
    /// The highest UID that has been looked at: read on above it.
    pub read_to: u32,
    /// There are more mails above it.
    pub more: bool,
}

/// One mail as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedMail {
    /// Its UID.
    pub uid: u32,
    /// When the mailbox received it.
    pub received_at: Option<Timestamp>,
    /// Its whole size in bytes.
    pub size: u32,
    /// Its bytes, or the first ones of a mail that is too long.
    pub raw: Vec<u8>,
}

impl FetchedMail {
    /// Whether only its beginning was read.
    pub fn is_cut(&self) -> bool {
        u32::try_from(self.raw.len()).is_ok_and(|read| read < self.size)
    }
}

/// What a mailbox says of itself when it is opened.
struct State {
    uid_validity: u32,
    uid_next: u32,
}

impl Imap {
    /// Prepares reading; connects to nobody yet. Fails when the trusted certificates cannot be read.
    pub fn new(settings: ImapSettings) -> Result<Self, ConnectError> {
        if settings.server.tls == Tls::StartTls {
            return Err(ConnectError::Person(
                "IMAP is read with tls \"implicit\" (port 993), or \"none\" in a private network".to_owned(),
            ));
        }
        Ok(Self { dialer: Dialer::new(settings.server.clone())?, settings })
    }

    /// Connects and logs in.
    pub async fn open(&self) -> Result<Opened, ImapError> {
        let opening = async {
            let heard = Heard::default();
            let mut client = Client::new(Line::new(self.dialer.dial().await?, heard.clone()));
            if client.read_response().await?.is_none() {
                return Err(error::lost());
            }
            let Login { user, password } = &self.settings.login;
            let session = client.login(user, password.expose_secret()).await;
            let session = session.map_err(|(error, _)| error::login(&error))?;
            Ok(Opened { session, heard, settings: self.settings.clone() })
        };
        let answered = timeout(self.settings.timeout, opening).await;
        answered.unwrap_or_else(|_| Err(error::late()))
    }
}

impl Opened {
    /// Fetches the mails above a UID; those above 0 when `uid_validity` is not the mailbox's any more.
    pub async fn fetch(&mut self, uid_validity: u32, above: u32) -> Result<Fetched, ImapError> {
        let state = self.examine().await?;
        let above = if state.uid_validity == uid_validity { above } else { 0 };
        let (found, looked_to) = self.look(above, state.uid_next).await?;
        let chosen = first_batch(&found, self.settings.mail_bytes);
        let more = chosen.len() < found.len() || looked_to < state.uid_next.saturating_sub(1);
        let read_to = if chosen.len() < found.len() {
            chosen.last().map_or(above, |mail| mail.uid)
        } else {
            looked_to.max(above)
        };
        let mails = self.bodies(chosen).await?;
        Ok(Fetched { uid_validity: state.uid_validity, mails, read_to, more })
    }

    /// Waits until the mailbox grows, at most so long: true when it did.
    pub async fn wait(&mut self, patience: Duration) -> Result<bool, ImapError> {
        self.idle(patience).await
    }

    /// Whether a mailbox holds a mail with this Message-ID.
    pub async fn holds(&mut self, mailbox: &str, message_id: &str) -> Result<bool, ImapError> {
        self.command(&format!("EXAMINE {}", quoted(mailbox)?), |_| ()).await?;
        let mut held = false;
        self.command(&format!("UID SEARCH HEADER Message-ID {}", quoted(message_id)?), |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                held |= !uids.is_empty();
            }
        })
        .await?;
        Ok(held)
    }

    /// Puts a mail that was read by its writer into a mailbox, such as the one of sent mails.
    pub async fn append(&mut self, mailbox: &str, mail: &[u8]) -> Result<(), ImapError> {
        quoted(mailbox)?;
        let appending = self.session.append(mailbox, Some("(\\Seen)"), None, mail);
        timeout(self.settings.timeout, appending).await.map_err(|_| error::late())?.map_err(ImapError::from)
    }

    /// Proves that the mailbox can be opened.
    pub async fn test(&mut self) -> Result<(), ImapError> {
        self.examine().await.map(drop)
    }

    /// Opens the mailbox without changing it (EXAMINE). Done before each batch: only this tells of a mailbox that was
    /// deleted and made anew.
    async fn examine(&mut self) -> Result<State, ImapError> {
        let (mut uid_validity, mut uid_next) = (None, None);
        let examine = format!("EXAMINE {}", quoted(&self.settings.mailbox)?);
        self.command(&examine, |response| {
            if let Response::Data { outcome, .. } = response {
                match outcome.code {
                    Some(ResponseCode::UidValidity(number)) => uid_validity = Some(number),
                    Some(ResponseCode::UidNext(number)) => uid_next = Some(number),
                    _ => {}
                }
            }
        })
        .await?;
        // RFC 3501 (6.3.1) demands both; without them no mail could be told from another.
        match (uid_validity, uid_next) {
            (Some(uid_validity), Some(uid_next)) => Ok(State { uid_validity, uid_next }),
            _ => Err(ImapError::Person("the server gives no UIDs to mails of this mailbox".to_owned())),
        }
    }

    /// Looks for mails above a UID: what is found first, and how far was looked.
    async fn look(&mut self, above: u32, uid_next: u32) -> Result<(Vec<FetchedMail>, u32), ImapError> {
        let last = uid_next.saturating_sub(1);
        let mut to = above;
        let mut window = WINDOW;
        let mut found = BTreeMap::new();
        while found.is_empty() && to < last {
            let from = to.saturating_add(1);
            to = to.saturating_add(window).min(last);
            window = window.saturating_mul(2);
            self.command(&format!("UID FETCH {from}:{to} (UID INTERNALDATE RFC822.SIZE)"), |response| {
                if let Some(mail) = mail(response)
                    && (from..=to).contains(&mail.uid)
                {
                    found.insert(mail.uid, mail);
                }
            })
            .await?;
        }
        Ok((found.into_values().collect(), to))
    }

    /// Fetches what the mails hold. A mail that was deleted meanwhile is left out; one that the server knows but
    /// cannot give stays, empty.
    async fn bodies(&mut self, mails: Vec<FetchedMail>) -> Result<Vec<FetchedMail>, ImapError> {
        let most = self.settings.mail_bytes;
        let set = |whole: bool| {
            let uids: Vec<_> = mails
                .iter()
                .filter(|mail| (mail.size <= most) == whole)
                .map(|mail| mail.uid.to_string())
                .collect();
            uids.join(",")
        };
        let commands =
            [(set(true), "BODY.PEEK[]".to_owned()), (set(false), format!("BODY.PEEK[]<0.{most}>"))];
        let mut raws = BTreeMap::new();
        for (uids, what) in commands.iter().filter(|(uids, _)| !uids.is_empty()) {
            self.command(&format!("UID FETCH {uids} (UID {what})"), |response| {
                if let Some(mail) = mail(response) {
                    // A server may tell of changed flags in between, in an answer without a body.
                    let raw = raws.entry(mail.uid).or_insert_with(Vec::new);
                    if !mail.raw.is_empty() {
                        *raw = mail.raw;
                    }
                }
            })
            .await?;
        }
        let with_body = |mail: FetchedMail| raws.remove(&mail.uid).map(|raw| FetchedMail { raw, ..mail });
        Ok(mails.into_iter().filter_map(with_body).collect())
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn first_batch(found: &[FetchedMail], mail_bytes: u32) -> Vec<FetchedMail> {
    let mut bytes = 0;
    let fits = |mail: &&FetchedMail| {
        let room = bytes < BATCH_BYTES;
        bytes += u64::from(mail.size.min(mail_bytes));
        room
    };
    found.iter().take(BATCH).take_while(fits).cloned().collect()
}

fn mail(response: &Response<'_>) -> Option<FetchedMail> {
    let Response::Fetch(_, attributes) = response else { return None };
    let mut mail = FetchedMail { uid: 0, received_at: None, size: 0, raw: Vec::new() };
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(uid) => mail.uid = *uid,
            AttributeValue::Rfc822Size(size) => mail.size = *size,
            AttributeValue::InternalDate(date) => mail.received_at = internal_date(date),
            AttributeValue::BodySection { section: None, data: Some(data), .. } => mail.raw = data.to_vec(),
            _ => {}
        }
    }
    (mail.uid > 0).then_some(mail)
}

/// `24-Nov-2026 00:03:23 +0000`, with a leading blank for days of one digit (RFC 3501, 9: date-time).
fn internal_date(text: &str) -> Option<Timestamp> {
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_server_are_understood() {
        for (text, at) in [
            ("24-Nov-2026 00:03:23 +0000", "2026-11-24T00:03:23Z"),
            (" 1-Jan-2010 07:00:00 +0700", "2010-01-01T00:00:00Z"),
        ] {
            assert_eq!(internal_date(text), Some(at.parse().unwrap()));
        }
        assert_eq!(internal_date("yesterday"), None);
    }

    #[test]
    fn a_batch_is_bounded_in_number_and_in_bytes() {
        let mail = |uid, size| FetchedMail { uid, received_at: None, size, raw: Vec::new() };
        let many: Vec<_> = (1..200).map(|uid| mail(uid, 1000)).collect();
        assert_eq!(first_batch(&many, 8 << 20).len(), BATCH);
        let large: Vec<_> = (1..200).map(|uid| mail(uid, 6 << 20)).collect();
        assert_eq!(first_batch(&large, 8 << 20).len(), 1);
        let middling: Vec<_> = (1..200).map(|uid| mail(uid, 1 << 20)).collect();
        assert_eq!(first_batch(&middling, 8 << 20).len(), 4);
        assert_eq!(first_batch(&[mail(1, u32::MAX)], 8 << 20).len(), 1);
    }
}
