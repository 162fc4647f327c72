//! Telegram bots (Bot API): one queue of updates, fetched by long poll or delivered to the door.
//!
//! Telegram forgets an update as soon as a later one is asked for, so the cursor that a page leaves behind
//! acknowledges it only when the *next* page is asked for, after the page was stored. A bot can neither list nor find
//! what it has sent: a reply whose outcome is unknown stays uncertain until a person looks.
//!
//! Facts are those of the Bot API's reference, <https://core.telegram.org/bots/api>, version 10.1.

mod api;
mod cursor;
mod message;
mod rich;
mod update;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::channel::ChannelConfig;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;

use self::api::{Api, Failure};
use self::cursor::Cursor;
use self::update::Reader;
use crate::reading;
use crate::registry::{self, BuildError, Secrets};
use crate::{
    Ask, Connector, Delivery, FeedKey, FeedKind, Http, Identity, Limit, NotSent, Outgoing, Page, Push,
    PushRefused, Sent, Trouble,
};

const UPDATES: &str = "updates";

/// The most that one call of `getUpdates` gives.
const PAGE: usize = 100;

/// The reference says "1-4096 characters after entities parsing" without saying what a character is. Everything else
/// in it counts UTF-16 code units, which is also the reading that never lets a longer text through.
const MOST_UNITS: usize = 4096;

/// A bot.
pub(crate) struct Telegram {
    api: Api,
    reader: Reader,
    /// Set when Telegram delivers to the door instead of being polled; what it then shows in a header.
    webhook_secret: Option<SecretString>,
}

/// What a Telegram channel can be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where the Bot API answers: Telegram's own servers, or a local server in front of them.
    #[serde(default = "official")]
    base_url: String,
    /// Whether updates come by webhook (secret `webhook_secret`, set at Telegram with `setWebhook`).
    #[serde(default)]
    webhook: bool,
}

fn official() -> String {
    "https://api.telegram.org".to_owned()
}

impl Telegram {
    /// Builds the connector of a channel; its secret is the bot's `token`.
    pub(crate) fn build(
        channel: &ChannelConfig,
        secrets: Secrets<'_>,
        http: &Http,
    ) -> Result<Self, BuildError> {
        let settings: Settings = registry::settings(channel)?;
        let base = registry::url(channel, "base_url", &settings.base_url)?;
        let token = registry::secret(channel, secrets, "token")?;
        let webhook_secret =
            settings.webhook.then(|| registry::secret(channel, secrets, "webhook_secret")).transpose()?;
        let reader = Reader::new(bot_id(&token));
        Ok(Self { api: Api::new(http.clone(), base, token), reader, webhook_secret })
    }
}

/// A token is the bot's own user id, a colon, and the secret part.
fn bot_id(token: &SecretString) -> Option<i64> {
    token.expose_secret().split_once(':')?.0.parse().ok()
}

#[async_trait]
impl Connector for Telegram {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        if self.webhook_secret.is_some() {
            return Vec::new();
        }
        vec![(UPDATES.to_owned(), FeedKind::Queue)]
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        let me = self.api.me().await.map_err(|failure| failure.trouble(None))?;
        let name = me.username.map_or(me.first_name, |username| format!("@{username}"));
        Ok(Identity { external_id: me.id.to_string(), name })
    }

    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble> {
        let cursor = ask.cursor.and_then(Cursor::parse);
        let offset = cursor.and_then(|cursor| cursor.offset(ask.now));
        let updates = self
            .api
            .updates(offset, PAGE, ask.patience)
            .await
            .map_err(|failure| failure.trouble(Some(ask.now)))?;
        let mut page = Page { more: updates.len() >= PAGE, ..Page::default() };
        let last = updates.iter().filter_map(|update| self.reader.read(update, &mut page)).max();
        page.cursor = last.map(|id| Cursor::after(id, ask.now).to_string());
        Ok(page)
    }

    /// Telegram shows an update once.
    fn read_again(&self, raw: &[u8], first_seen_at: Timestamp) -> Option<Page> {
        Some(self.read_delivery(raw, first_seen_at).unwrap_or_else(|trouble| reading::unread(raw, &trouble)))
    }

    fn check(&self, reply: &Outgoing, _now: Timestamp) -> Result<(), Limit> {
        let has = reply.text.encode_utf16().count();
        if has > MOST_UNITS {
            return Err(Limit::Length { platform: "Telegram", unit: "UTF-16 units", has, most: MOST_UNITS });
        }
        if place(&reply.answers).is_none() {
            return Err(Limit::NotAnswerable("the message that is answered did not come from Telegram"));
        }
        Ok(())
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        let Some((chat, message)) = place(&reply.answers) else {
            return Err(NotSent::Refused("the message that is answered is not one of Telegram's".to_owned()));
        };
        let sent = match self.api.send(chat, Some(message), &reply.text, now).await {
            // The group became a supergroup: nothing was sent, and message numbers of the old chat mean other
            // messages in the new one.
            Err(Failure::Said(refusal)) if refusal.migrate_to.is_some() => {
                self.api.send(refusal.migrate_to.unwrap_or(chat), None, &reply.text, now).await
            }
            outcome => outcome,
        };
        sent.map_err(|failure| failure.not_sent(now))
    }

    async fn look_up(&self, _reply: &Outgoing, _now: Timestamp) -> Result<Option<Sent>, NotSent> {
        Err(NotSent::Uncertain("a Telegram bot cannot read what it has sent: look into the chat".to_owned()))
    }

    fn push(&self) -> Option<&dyn Push> {
        self.webhook_secret.is_some().then_some(self)
    }
}

impl Push for Telegram {
    fn challenge(&self, _query: &[(String, String)]) -> Result<String, PushRefused> {
        Err(PushRefused::Malformed("Telegram never asks for a challenge".to_owned()))
    }

    /// Telegram signs nothing: it shows the secret that `setWebhook` was given. A delivery is known by its bytes, not by
    /// its update id, because ids start anew at a random number after a quiet week.
    fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        _now: Timestamp,
    ) -> Result<Delivery, PushRefused> {
        let expected = self.webhook_secret.as_ref().ok_or(PushRefused::Signature)?.expose_secret();
        let shown = header("x-telegram-bot-api-secret-token").unwrap_or_default();
        if !bool::from(expected.as_bytes().ct_eq(shown.as_bytes())) {
            return Err(PushRefused::Signature);
        }
        Ok(Delivery { key: reading::fingerprint(body), accounts: Vec::new() })
    }

    fn read_delivery(&self, body: &[u8], _received_at: Timestamp) -> Result<Page, Trouble> {
        let update: &RawValue = serde_json::from_slice(body).map_err(|error| Trouble::Again {
            ailment: sahut_domain::channel::Ailment::Parser,
            detail: format!("a delivery of Telegram cannot be read: {}", crate::http::without_words(&error)),
        })?;
        let mut page = Page::default();
        self.reader.read(update, &mut page);
        Ok(page)
    }
}

/// Chat and message number within an external id.
fn place(external_id: &str) -> Option<(i64, i64)> {
    let (chat, message) = external_id.split_once(':')?;
    Some((chat.parse().ok()?, message.parse().ok()?))
}
