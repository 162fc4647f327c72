//! The calls of the Bot API, and what its refusals mean.
//!
//! The token is part of every path. It leaves this file only towards Telegram: errors name the method, the status and
//! Telegram's own words, from which the token is cut should a server echo it.

use std::time::Duration;

use jiff::Timestamp;
use sahut_domain::channel::Ailment;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;

use super::message::Chat;
use crate::reading::said;
use crate::trouble::come_back;
use crate::{Answer, Http, HttpError, NotSent, Scope, Sent, Trouble};

/// What is asked for, always by name: the list is sticky at Telegram's side, and an earlier program may have set
/// another one.
const ALLOWED_UPDATES: [&str; 4] = ["message", "edited_message", "channel_post", "edited_channel_post"];

/// How much longer than Telegram waits an answer may take to arrive.
const MARGIN: Duration = Duration::from_secs(15);

/// The Bot API as one bot sees it.
pub(super) struct Api {
    http: Http,
    base: Url,
    token: SecretString,
}

/// A bot about itself.
#[derive(Deserialize)]
pub(super) struct Me {
    pub(super) id: i64,
    pub(super) first_name: String,
    pub(super) username: Option<String>,
}

/// A message that was sent, as far as it matters then.
#[derive(Deserialize)]
struct SentMessage {
    message_id: i64,
    date: i64,
    chat: Chat,
}

/// The frame around every answer.
#[derive(Deserialize)]
struct Envelope<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    description: Option<String>,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<i64>,
    migrate_to_chat_id: Option<i64>,
}

/// Why a call had no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// No answer, or one that cannot be read.
    Http(HttpError),
    /// Something else answered in Telegram's place, such as a proxy with a page of its own.
    Foreign(u16),
    /// Telegram said no.
    Said(Refusal),
}

/// What Telegram says with a no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) migrate_to: Option<i64>,
    code: u16,
    words: String,
    retry_after: Option<i64>,
}

impl Api {
    pub(super) fn new(http: Http, base: Url, token: SecretString) -> Self {
        Self { http, base, token }
    }

    /// Who the bot is.
    pub(super) async fn me(&self) -> Result<Me, Failure> {
        self.call("getMe", &json!({}), Duration::ZERO).await
    }

    /// Updates from `offset` on (from the first that is not acknowledged when there is none), each as it came.
    /// Acknowledges everything below `offset`.
    pub(super) async fn updates(
        &self,
        offset: Option<i64>,
        limit: usize,
        patience: Duration,
    ) -> Result<Vec<Box<RawValue>>, Failure> {
        let mut ask = json!({
            "limit": limit,
            "timeout": patience.as_secs(),
            "allowed_updates": ALLOWED_UPDATES,
        });
        if let (Some(offset), Some(ask)) = (offset, ask.as_object_mut()) {
            ask.insert("offset".to_owned(), offset.into());
        }
        self.call("getUpdates", &ask, patience).await
    }

    /// Sends a text, as an answer to a message of that chat where one is named.
    pub(super) async fn send(
        &self,
        chat: i64,
        answers: Option<i64>,
        text: &str,
        now: Timestamp,
    ) -> Result<Sent, Failure> {
        let mut message = json!({ "chat_id": chat, "text": text });
        if let (Some(answers), Some(message)) = (answers, message.as_object_mut()) {
            // The citizen may have deleted the question meanwhile and is owed the answer all the same.
            let reply = json!({ "message_id": answers, "allow_sending_without_reply": true });
            message.insert("reply_parameters".to_owned(), reply);
        }
        let sent: SentMessage = self.call("sendMessage", &message, Duration::ZERO).await?;
        Ok(Sent {
            external_id: sent.chat.external_id(sent.message_id),
            at: Timestamp::from_second(sent.date).unwrap_or(now),
            permalink: sent.chat.permalink(sent.message_id),
        })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        patience: Duration,
    ) -> Result<T, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            let bot = format!("bot{}", self.token.expose_secret());
            path.pop_if_empty().extend([bot.as_str(), method]);
        }
        let request = self.http.post(url).json(body).timeout(patience + MARGIN);
        let answer = request.send().await.map_err(Failure::Http)?;
        self.result(&answer)
    }

    fn result<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        let envelope: Envelope<T> = match answer.json() {
            Ok(envelope) => envelope,
            Err(error) if answer.is_success() => return Err(Failure::Http(error)),
            Err(_) => return Err(Failure::Foreign(answer.status)),
        };
        if envelope.ok {
            return envelope.result.ok_or(Failure::Foreign(answer.status));
        }
        let words = envelope.description.unwrap_or_default();
        Err(Failure::Said(Refusal {
            migrate_to: envelope.parameters.migrate_to_chat_id,
            code: envelope.error_code.unwrap_or(answer.status),
            words: said(&words, self.token.expose_secret()),
            retry_after: envelope.parameters.retry_after,
        }))
    }
}

impl Failure {
    /// What it means for reading.
    pub(super) fn trouble(self, now: Option<Timestamp>) -> Trouble {
        match self {
            Self::Http(error) => error.into(),
            Self::Foreign(status) => foreign(status),
            Self::Said(refusal) => refusal.trouble(now, Scope::Channel),
        }
    }

    /// What it means for a message that was to be sent.
    pub(super) fn not_sent(self, now: Timestamp) -> NotSent {
        match self {
            Self::Http(error) => error.into(),
            Self::Foreign(status @ 300..500) => foreign(status).into(),
            Self::Foreign(status) => NotSent::Uncertain(foreign(status).to_string()),
            Self::Said(refusal) => refusal.not_sent(now),
        }
    }
}

impl Refusal {
    fn trouble(self, now: Option<Timestamp>, scope: Scope) -> Trouble {
        let Self { code, words, retry_after, .. } = self;
        match code {
            401 | 404 => Trouble::Person {
                ailment: Ailment::Credential,
                detail: format!("Telegram does not know this bot's token ({code}): store the present one"),
            },
            403 => Trouble::Person {
                ailment: Ailment::Permission,
                detail: format!("Telegram forbids it: {words}"),
            },
            409 => conflict(&words),
            429 => Trouble::Wait {
                until: now.zip(retry_after).map(|(now, seconds)| come_back(now, seconds)),
                scope,
                detail: format!("Telegram asks for patience: {words}"),
            },
            500.. => Trouble::Again {
                ailment: Ailment::Platform,
                detail: format!("Telegram has a fault ({code}): {words}"),
            },
            _ => Trouble::Again {
                ailment: Ailment::Parser,
                detail: format!("Telegram does not take the request ({code}): {words}"),
            },
        }
    }

    fn not_sent(self, now: Timestamp) -> NotSent {
        match self.code {
            401 | 404 | 429 => self.trouble(Some(now), Scope::Call).into(),
            500.. => NotSent::Uncertain(self.trouble(None, Scope::Call).to_string()),
            _ => NotSent::Refused(format!("Telegram does not deliver it: {}", self.words)),
        }
    }
}

/// 409 has two causes. A webhook stays until somebody removes it, so a person is needed. A second poller may be the
/// long poll of a process that was just replaced: it ends by itself, and reading goes on.
fn conflict(words: &str) -> Trouble {
    if words.contains("webhook") {
        return Trouble::Person {
            ailment: Ailment::Permission,
            detail: format!(
                "a webhook is set for this bot, so it cannot be polled: call deleteWebhook, or set webhook = true \
                 ({words})"
            ),
        };
    }
    Trouble::Again {
        ailment: Ailment::Platform,
        detail: format!(
            "another program reads this bot's updates: stop it, or give it a bot of its own ({words})"
        ),
    }
}

/// A proxy or a fault page. Whatever its status, it says nothing about the token.
fn foreign(status: u16) -> Trouble {
    let detail = format!("something other than the Bot API answers in its place (status {status})");
    match status {
        429 => Trouble::Wait { until: None, scope: Scope::Channel, detail },
        _ => Trouble::Again { ailment: Ailment::Platform, detail },
    }
}
