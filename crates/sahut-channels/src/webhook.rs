//! Any other source that can sign what it delivers: the Standard Webhooks way in both directions.
//!
//! Messages come as signed deliveries; a reply goes out as one, to the setting `reply_url`, and its `webhook-id` is the
//! reply's key. The receiver drops an id that it knows already, so a reply may be sent again where its outcome is
//! unknown. What integrators need to know is in `docs/webhook.md`; the signature is that of
//! <https://www.standardwebhooks.com>.

mod body;
mod signature;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::channel::{Ailment, ChannelConfig};
use serde::{Deserialize, Serialize};
use url::Url;

use self::signature::Keys;
use crate::reading;
use crate::registry::{self, BuildError, Secrets};
use crate::{
    Answer, Connector, Delivery, FeedKey, FeedKind, Http, Identity, Limit, NotSent, Outgoing, Page, Push,
    PushRefused, Scope, Sent, Trouble,
};

/// A source, and the place where its replies go.
pub(crate) struct Webhook {
    channel: String,
    keys: Keys,
    reply_url: Option<Url>,
    http: Http,
}

/// What a webhook channel can be told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where replies are posted; without it the channel is only read.
    reply_url: Option<String>,
}

/// A reply as it is posted.
#[derive(Serialize)]
struct Reply<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    key: &'a str,
    thread: &'a str,
    post: Option<&'a str>,
    answers: &'a str,
    author: Option<&'a str>,
    text: &'a str,
}

/// What the receiver may tell about a reply.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Receipt {
    id: Option<String>,
    permalink: Option<String>,
}

impl Webhook {
    /// Builds the connector of a channel. Its secret `secret` signs both ways; `previous_secret` is still accepted
    /// while the source changes over.
    pub(crate) fn build(
        channel: &ChannelConfig,
        secrets: Secrets<'_>,
        http: &Http,
    ) -> Result<Self, BuildError> {
        let settings: Settings = registry::settings(channel)?;
        let reply_url =
            settings.reply_url.map(|text| registry::url(channel, "reply_url", &text)).transpose()?;
        let wrong = |setting: &str, problem: &str| BuildError::Setting {
            channel: channel.code.to_string(),
            setting: setting.to_owned(),
            problem: problem.to_owned(),
        };
        let secret = registry::secret(channel, secrets, "secret")?;
        let mut keys = Keys::new(&secret).map_err(|problem| wrong("secret", problem))?;
        if let Some(previous) = secrets("previous_secret") {
            keys = keys.also(&previous).map_err(|problem| wrong("previous_secret", problem))?;
        }
        Ok(Self { channel: channel.code.to_string(), keys, reply_url, http: http.clone() })
    }
}

#[async_trait]
impl Connector for Webhook {
    /// Nothing can be asked for: what is not delivered does not come.
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        Vec::new()
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        Ok(Identity { external_id: self.channel.clone(), name: self.channel.clone() })
    }

    async fn read(&self, ask: crate::Ask<'_>) -> Result<Page, Trouble> {
        Err(Trouble::Gone { detail: format!("a webhook has no feed {:?}: it only delivers", ask.feed) })
    }

    fn read_again(&self, raw: &[u8], first_seen_at: Timestamp) -> Option<Page> {
        Some(body::read(raw, first_seen_at).unwrap_or_else(|trouble| reading::unread(raw, &trouble)))
    }

    fn check(&self, _reply: &Outgoing, _now: Timestamp) -> Result<(), Limit> {
        match self.reply_url {
            Some(_) => Ok(()),
            None => Err(Limit::NotAnswerable("this source takes no answers: it has no reply_url")),
        }
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        let Some(url) = &self.reply_url else {
            return Err(NotSent::Refused("this source takes no answers: it has no reply_url".to_owned()));
        };
        let body = serde_json::to_vec(&Reply::from(reply))
            .map_err(|error| NotSent::Refused(format!("the reply cannot be written as JSON: {error}")))?;
        let timestamp = now.as_second().to_string();
        let answer = self
            .http
            .post(url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &reply.key)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", &self.keys.sign(&reply.key, &timestamp, &body))
            .body(body)
            .send()
            .await?;
        if answer.is_success() { Ok(sent(&answer, reply, now)) } else { Err(refusal(&answer, now)) }
    }

    /// Sending again under the same `webhook-id` is safe by the protocol, so "not there" may always be said.
    async fn look_up(&self, _reply: &Outgoing, _now: Timestamp) -> Result<Option<Sent>, NotSent> {
        Ok(None)
    }

    fn push(&self) -> Option<&dyn Push> {
        Some(self)
    }
}

impl Push for Webhook {
    fn challenge(&self, _query: &[(String, String)]) -> Result<String, PushRefused> {
        Err(PushRefused::Malformed("this address takes signed POST requests only".to_owned()))
    }

    fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Delivery, PushRefused> {
        let key = header("webhook-id").filter(|id| !id.is_empty()).ok_or(PushRefused::Signature)?;
        let timestamp = header("webhook-timestamp").ok_or(PushRefused::Signature)?;
        let signatures = header("webhook-signature").ok_or(PushRefused::Signature)?;
        self.keys.verify(&key, &timestamp, body, &signatures)?;
        signature::is_recent(&timestamp, now)?;
        Ok(Delivery { key, accounts: Vec::new() })
    }

    fn read_delivery(&self, body: &[u8], received_at: Timestamp) -> Result<Page, Trouble> {
        body::read(body, received_at)
    }
}

impl<'a> From<&'a Outgoing> for Reply<'a> {
    fn from(reply: &'a Outgoing) -> Self {
        Self {
            kind: "reply",
            key: &reply.key,
            thread: &reply.thread,
            post: reply.post.as_deref(),
            answers: &reply.answers,
            author: reply.citizen.external_id.as_deref(),
            text: &reply.text,
        }
    }
}

fn sent(answer: &Answer, reply: &Outgoing, now: Timestamp) -> Sent {
    let receipt: Receipt = answer.json().unwrap_or_default();
    let external_id = receipt.id.filter(|id| !id.is_empty()).unwrap_or_else(|| reply.key.clone());
    Sent { external_id, at: now, permalink: receipt.permalink }
}

/// The receiver did not take it. Because the same id may be sent again, a fault never leaves the outcome open.
fn refusal(answer: &Answer, now: Timestamp) -> NotSent {
    let detail = format!("{} answers the reply with status {}", answer.host, answer.status);
    match answer.status {
        401 | 403 => Trouble::Person { ailment: Ailment::Credential, detail }.into(),
        429 | 503 => Trouble::Wait { until: answer.retry_after(now), scope: Scope::Channel, detail }.into(),
        400..500 => NotSent::Refused(detail),
        _ => Trouble::Again { ailment: Ailment::Platform, detail }.into(),
    }
}
