//! The push side: Meta's webhooks, the same for pages and for Instagram accounts.
//!
//! Meta signs the raw bytes with the app's secret and no time, so an old delivery cannot be told from a late one
//! (retries go on for 36 hours); a delivery is known again by the hash of its body, which retries repeat.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sahut_domain::channel::Ailment;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{bad, wake};
use crate::http::without_words;
use crate::reading::fingerprint;
use crate::registry::Secrets;
use crate::{BadItem, Delivery, Page, PushRefused, Trouble};

/// Verifies what comes in.
pub(crate) struct Hook {
    app_secret: SecretString,
    verify_token: Option<SecretString>,
}

impl Hook {
    /// There is a push side where the secret `app_secret` is stored; `verify_token` is needed to register its address.
    pub(crate) fn new(secrets: Secrets<'_>) -> Option<Self> {
        let app_secret = secrets("app_secret")?;
        Some(Self { app_secret, verify_token: secrets("verify_token") })
    }

    /// Answers Meta's test of the address.
    pub(crate) fn challenge(&self, query: &[(String, String)]) -> Result<String, PushRefused> {
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let missing = |what: &str| PushRefused::Malformed(format!("{what} is missing"));
        if value("hub.mode") != Some("subscribe") {
            return Err(missing("hub.mode=subscribe"));
        }
        let shown = value("hub.verify_token").ok_or_else(|| missing("hub.verify_token"))?;
        let challenge = value("hub.challenge").ok_or_else(|| missing("hub.challenge"))?;
        let expected = self.verify_token.as_ref().ok_or(PushRefused::Signature)?;
        if bool::from(expected.expose_secret().as_bytes().ct_eq(shown.as_bytes())) {
            Ok(challenge.to_owned())
        } else {
            Err(PushRefused::Signature)
        }
    }

    /// Verifies a delivery.
    pub(crate) fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
    ) -> Result<Delivery, PushRefused> {
        let shown = header("x-hub-signature-256").ok_or(PushRefused::Signature)?;
        let shown = shown.strip_prefix("sha256=").and_then(unhex).ok_or(PushRefused::Signature)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.app_secret.expose_secret().as_bytes())
            .map_err(|_| PushRefused::Signature)?;
        mac.update(body);
        mac.verify_slice(&shown).map_err(|_| PushRefused::Signature)?;
        // One that cannot be read is the door's own: it is set apart there.
        let accounts = Notification::read(body).map(Notification::accounts).unwrap_or_default();
        Ok(Delivery { key: fingerprint(body), accounts })
    }
}

/// What a delivery holds.
#[derive(Deserialize)]
pub(crate) struct Notification<'a> {
    #[serde(borrow)]
    pub(crate) entry: Vec<Entry<'a>>,
}

/// What happened at one account.
#[derive(Deserialize)]
pub(crate) struct Entry<'a> {
    pub(crate) id: String,
    time: Option<i64>,
    #[serde(borrow, default)]
    pub(crate) changes: Vec<Change<'a>>,
    #[serde(default)]
    messaging: Vec<Messaging>,
}

/// A change of one of the fields that the app is subscribed to.
#[derive(Deserialize)]
pub(crate) struct Change<'a> {
    pub(crate) field: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Something in a direct conversation.
#[derive(Deserialize)]
struct Messaging {
    message: Option<DirectMessage>,
}

#[derive(Deserialize)]
struct DirectMessage {
    mid: String,
    #[serde(default)]
    is_deleted: bool,
}

impl<'a> Notification<'a> {
    /// Reads a delivery's body.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Trouble> {
        serde_json::from_slice(body).map_err(|error| Trouble::Again {
            ailment: Ailment::Parser,
            detail: format!("a delivery is not understood: {}", without_words(&error)),
        })
    }

    /// The accounts that it tells of. Meta has one address for an app and puts up to a thousand changes into one
    /// delivery, whatever page they happened on.
    fn accounts(self) -> Vec<String> {
        let accounts: BTreeSet<String> = self.entry.into_iter().map(|entry| entry.id).collect();
        accounts.into_iter().collect()
    }
}

impl Entry<'_> {
    /// Reads what happened in direct conversations. A delivery does not name the conversation, so it only wakes the
    /// reading of them, except for messages that were taken back.
    pub(crate) fn messages(&self, page: &mut Page) {
        let messages = self.messaging.iter().filter_map(|event| event.message.as_ref());
        let deleted = messages.filter(|message| message.is_deleted);
        page.deleted.extend(deleted.map(|message| message.mid.clone()));
        if !self.messaging.is_empty() {
            page.feeds.push(wake("conversations".to_owned()));
        }
    }

    /// When it happened. Meta writes seconds with changes and milliseconds with messages.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        let time = self.time?;
        let seconds = if time < 100_000_000_000 { time } else { time / 1000 };
        Timestamp::from_second(seconds).ok()
    }
}

impl<'a> Change<'a> {
    /// What it tells, and the same unread.
    pub(crate) fn told<T: Deserialize<'a>>(&self) -> Result<(T, &'a RawValue), BadItem> {
        match serde_json::from_str(self.value.get()) {
            Ok(told) => Ok((told, self.value)),
            Err(error) => Err(bad(self.value, without_words(&error))),
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok())).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
