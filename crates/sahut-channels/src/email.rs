//! A mailbox, read over IMAP and answered over SMTP.
//!
//! UIDs only grow, so the cursor is `uidvalidity:uid`. They are no identity, though: a mail that is moved out and back
//! gets a new one, and a mailbox that is made anew gives all of them again. Message-IDs are none either: broken
//! programs leave them out or repeat them. So a mail's external id is a hash of what was written, by whom and when
//! ([`sahut_mail::read()`]): copies are one message, and different mails are two, whatever their headers say. Only
//! what we send ourselves is known by its Message-ID, since we made sure that it is unique; an answer to it can so name
//! its parent.
//!
//! A thread is named by the first id in References, which mail programs carry along. Facts: RFC 5322 (3.6.4) on
//! threads, RFC 3834 on mails of machines; IMAP's habits as observed on Dovecot 2.3.19.

mod item;
mod reply;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::channel::{Ailment, ChannelConfig};
use sahut_domain::message::Item;
use sahut_mail::{Fetched, FetchedMail, Imap, ImapError, Mail, Opened, Smtp, SmtpError};
use tokio::sync::Mutex;
use tokio::time::timeout;

use self::item::{Office, item};
use self::reply::Writer;
use self::settings::Settings;
use crate::registry::{self, BuildError, Secrets};
use crate::{
    Ask, BadItem, Connector, FeedKey, FeedKind, Identity, Limit, NotSent, Outgoing, Page, Returned, Sent,
    Trouble,
};

const INBOX: &str = "inbox";

/// How long filing a copy of a sent answer may take; it is a courtesy, and nobody waits for it longer.
const FILING: Duration = Duration::from_secs(15);

/// A mailbox.
pub(crate) struct Email {
    address: String,
    name: String,
    imap: Imap,
    /// The server whose word about senders is believed, if any.
    authserv_id: Option<String>,
    /// Where copies of answers are kept, if anywhere.
    sent_mailbox: Option<String>,
    /// How answers are written and sent; a channel without SMTP is only read.
    outbound: Option<(Writer, Smtp)>,
    /// The connection of the last read, as long as it works.
    session: Mutex<Option<Opened>>,
}

impl Email {
    /// Builds the connector of a channel. Secrets: the mailbox's `password`, and `smtp_password` where it differs.
    pub(crate) fn build(channel: &ChannelConfig, secrets: Secrets<'_>) -> Result<Self, BuildError> {
        let settings: Settings = registry::settings(channel)?;
        let password = registry::secret(channel, secrets, "password")?;
        let smtp_password = secrets("smtp_password").unwrap_or_else(|| password.clone());
        let address = settings.address.to_lowercase();
        let wrong = |setting: &str, problem: String| settings::wrong(channel, setting, problem);
        let imap = Imap::new(settings.imap(password)).map_err(|error| wrong("imap", error.to_string()))?;
        let outbound = match settings.smtp(smtp_password) {
            None => None,
            Some(smtp) => {
                let writer = Writer::new(channel, settings.from())
                    .map_err(|error| wrong("smtp", format!("from: {error}")))?;
                Some((writer, Smtp::new(smtp).map_err(|error| wrong("smtp", error.to_string()))?))
            }
        };
        Ok(Self {
            address,
            name: channel.name.clone(),
            imap,
            authserv_id: settings.authserv_id,
            sent_mailbox: settings.sent_mailbox,
            outbound,
            session: Mutex::default(),
        })
    }

    /// Reads on above the cursor; with patience, waits for the first mail.
    async fn fetch(&self, ask: &Ask<'_>) -> Result<Fetched, ImapError> {
        let mut kept = self.session.lock().await;
        let reused = kept.is_some();
        match self.fetch_once(&mut kept, ask).await {
            // Servers hang up on those who are silent for long; that the kept connection is gone says nothing.
            Err(ImapError::Line(_)) if reused => self.fetch_once(&mut kept, ask).await,
            fetched => fetched,
        }
    }

    /// The session is taken out while it is in use, so that only one that works is put back.
    async fn fetch_once(&self, kept: &mut Option<Opened>, ask: &Ask<'_>) -> Result<Fetched, ImapError> {
        let mut opened = match kept.take() {
            Some(opened) => opened,
            None => self.imap.open().await?,
        };
        let (uid_validity, above) = ask.cursor.and_then(position).unwrap_or_default();
        let mut fetched = opened.fetch(uid_validity, above).await?;
        let nothing = fetched.mails.is_empty() && !fetched.more && fetched.uid_validity == uid_validity;
        if nothing && !ask.patience.is_zero() && opened.wait(ask.patience).await? {
            fetched = opened.fetch(uid_validity, above).await?;
        }
        *kept = Some(opened);
        Ok(fetched)
    }

    fn is_own(&self, address: &str) -> bool {
        address == self.address || self.outbound.as_ref().is_some_and(|(writer, _)| writer.is(address))
    }

    fn office<'a>(&'a self, owns: &'a dyn Fn(&str) -> bool) -> Office<'a> {
        Office { owns, server: self.authserv_id.as_deref() }
    }

    /// Files a copy of a sent answer, unless the server has done so by itself.
    async fn file(&self, mailbox: &str, mail: &Mail, now: Timestamp) -> Result<(), ImapError> {
        let Ok(bytes) = mail.compose(now) else { return Ok(()) };
        let mut opened = self.imap.open().await?;
        if !opened.holds(mailbox, &mail.message_id).await? {
            opened.append(mailbox, &bytes).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Connector for Email {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        vec![(INBOX.to_owned(), FeedKind::Growing)]
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        self.imap.open().await?.test().await?;
        Ok(Identity { external_id: self.address.clone(), name: self.name.clone() })
    }

    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble> {
        if ask.feed != INBOX {
            return Err(Trouble::Gone { detail: format!("a mailbox has no feed {:?}", ask.feed) });
        }
        let fetched = self.fetch(&ask).await?;
        let cursor = Some(format!("{}:{}", fetched.uid_validity, fetched.read_to));
        let mut page = Page { cursor, more: fetched.more, ..Page::default() };
        let owns = |address: &str| self.is_own(address);
        for mail in fetched.mails {
            put(&mut page, item(mail, self.office(&owns), ask.now));
        }
        Ok(page)
    }

    /// The mailbox is read by numbers that only grow: it gives no mail twice.
    fn read_again(&self, raw: &[u8], first_seen_at: Timestamp) -> Option<Page> {
        let size = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        let mail = FetchedMail { uid: 0, received_at: Some(first_seen_at), size, raw: raw.to_vec() };
        let mut page = Page::default();
        let owns = |address: &str| self.is_own(address);
        put(&mut page, item(mail, self.office(&owns), first_seen_at));
        Some(page)
    }

    fn check(&self, reply: &Outgoing, _now: Timestamp) -> Result<(), Limit> {
        let Some((writer, _)) = &self.outbound else {
            return Err(Limit::NotAnswerable("this mailbox is only read: its channel has no smtp settings"));
        };
        writer.write(reply, &|address| self.is_own(address)).map(drop)
    }

    /// A mail server may take its time over its last word.
    fn longest_send(&self) -> Duration {
        self.outbound.as_ref().map_or(FILING, |(_, smtp)| smtp.longest_send() + FILING)
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        let Some((writer, smtp)) = &self.outbound else {
            return Err(NotSent::Refused("this mailbox is only read".to_owned()));
        };
        let mail = writer
            .write(reply, &|address| self.is_own(address))
            .map_err(|limit| NotSent::Refused(limit.to_string()))?;
        smtp.send(&mail, now).await?;
        if let Some(mailbox) = &self.sent_mailbox {
            let filed = timeout(FILING, self.file(mailbox, &mail, now)).await;
            if !matches!(filed, Ok(Ok(()))) {
                tracing::warn!(mailbox, "email.copy_not_filed: the answer was sent, its copy was not kept");
            }
        }
        Ok(Sent { external_id: mail.message_id, at: now, permalink: None })
    }

    async fn look_up(&self, reply: &Outgoing, now: Timestamp) -> Result<Option<Sent>, NotSent> {
        let unknown = || NotSent::Uncertain("a mail server does not tell what it has delivered".to_owned());
        let (Some((writer, _)), Some(mailbox)) = (&self.outbound, &self.sent_mailbox) else {
            return Err(unknown());
        };
        let external_id = writer.message_id(&reply.key);
        let mut opened = self.imap.open().await.map_err(Trouble::from)?;
        if !opened.holds(mailbox, &external_id).await.map_err(Trouble::from)? {
            // We file copies only of what was certainly taken, and not every server files them by itself.
            return Err(unknown());
        }
        Ok(Some(Sent { external_id, at: reply.first_attempt_at.unwrap_or(now), permalink: None }))
    }
}

/// Puts what was read of one mail on its page.
fn put(page: &mut Page, read: Result<(Item, Option<Returned>), BadItem>) {
    match read {
        Ok((item, returned)) => {
            page.items.push(item);
            page.returned.extend(returned);
        }
        Err(bad) => page.bad.push(bad),
    }
}

/// Reads a cursor. One that cannot be read makes us begin anew: the mails are recognised.
fn position(cursor: &str) -> Option<(u32, u32)> {
    let (uid_validity, uid) = cursor.split_once(':')?;
    Some((uid_validity.parse().ok()?, uid.parse().ok()?))
}

impl From<ImapError> for Trouble {
    fn from(error: ImapError) -> Self {
        let detail = error.to_string();
        match error {
            ImapError::Line(_) => Self::Again { ailment: Ailment::Network, detail },
            ImapError::Server(_) => Self::Again { ailment: Ailment::Platform, detail },
            ImapError::Login(_) => Self::Person { ailment: Ailment::Credential, detail },
            ImapError::Person(_) => Self::Person { ailment: Ailment::Permission, detail },
        }
    }
}

impl From<SmtpError> for NotSent {
    fn from(error: SmtpError) -> Self {
        let detail = error.to_string();
        match error {
            SmtpError::Again(_) => Trouble::Again { ailment: Ailment::Network, detail }.into(),
            SmtpError::Person(_) => Trouble::Person { ailment: Ailment::Credential, detail }.into(),
            SmtpError::Refused(_) | SmtpError::RefusedMail(_) | SmtpError::Unfit(_) => Self::Refused(detail),
            SmtpError::Uncertain(detail) => Self::Uncertain(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use sahut_domain::channel::Platform;
    use sahut_domain::office::OfficeCode;
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_mail_server_is_given_the_time_that_the_standard_asks_for() -> Result<(), Box<dyn std::error::Error>>
    {
        let channel = ChannelConfig {
            code: OfficeCode::parse("mail-dinkes")?,
            office: OfficeCode::parse("dinkes")?,
            platform: Platform::Email,
            name: "Dinkes".to_owned(),
            settings: serde_json::json!({
                "address": "dinkes@contoh.go.id", "imap": { "host": "localhost" }, "smtp": { "host": "localhost" }
            }),
            secrets: std::collections::BTreeMap::new(),
        };
        let email = Email::build(&channel, &|_| Some(SecretString::from("rahasia")))?;
        assert!(email.longest_send() > Duration::from_mins(11), "a minute to connect, ten for the last word");
        Ok(())
    }
}
