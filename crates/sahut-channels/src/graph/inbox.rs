//! Direct messages of a page or an Instagram account.
//!
//! The list of conversations is read newest first; each conversation is a feed of its own, named by its counter. A
//! conversation tells the words of its newest messages only (about twenty), so it should be read soon after it changed;
//! older ones that were not read in time are lost. Meta takes two calls in a second for an account's conversations.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::message::{Attachment, Author, Item, Surface, ThreadKey};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{Graph, List, Next, Person, attachment, gather, id, message, moment, page_of};
use crate::{Ask, FeedKind, FeedSeen, Limit, NotSent, Outgoing, Page, Sent, Trouble};

/// What is asked of a message.
const FIELDS: &str = "id,created_time,from{id,name,username},message,sticker,\
                      attachments{id,mime_type,name,size,file_url,image_data{url},video_data{url}}";

/// What a conversation's `link` is relative to.
const SITE: &str = "https://www.facebook.com";

/// How long after a citizen's last message an answer may be sent.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// The same for accounts that Meta lets answer as a human agent.
const WINDOW_OF_HUMANS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The direct messages of one account.
pub(crate) struct Inbox {
    /// Name of the platform, for people.
    pub(crate) platform: &'static str,
    /// Graph's name for the kind of conversations.
    pub(crate) kind: &'static str,
    /// The page or account whose inbox it is.
    pub(crate) node: String,
    /// Identifiers under which the account itself writes.
    pub(crate) own: Vec<String>,
    /// The shortest pause between two calls.
    pub(crate) pause: Duration,
    /// Whether Meta granted the account the seven days of a human agent.
    pub(crate) human_agent: bool,
    /// The unit in which the longest message is counted, and how to count.
    pub(crate) unit: (&'static str, fn(&str) -> usize),
    /// The longest message.
    pub(crate) most: usize,
}

#[derive(Deserialize)]
struct Conversation {
    #[serde(deserialize_with = "id")]
    id: String,
    updated_time: Option<String>,
    message_count: Option<i64>,
}

#[derive(Deserialize)]
struct Opened<'a> {
    #[serde(rename = "id")]
    _id: String,
    link: Option<String>,
    #[serde(borrow, default)]
    messages: List<'a>,
}

#[derive(Deserialize)]
struct Letter {
    #[serde(deserialize_with = "id")]
    id: String,
    #[serde(deserialize_with = "moment")]
    created_time: Timestamp,
    from: Option<Person>,
    message: Option<String>,
    sticker: Option<String>,
    attachments: Option<Enclosures>,
}

#[derive(Deserialize)]
struct Enclosures {
    #[serde(default)]
    data: Vec<Enclosure>,
}

#[derive(Deserialize)]
struct Enclosure {
    mime_type: Option<String>,
    name: Option<String>,
    size: Option<u64>,
    file_url: Option<String>,
    image_data: Option<Source>,
    video_data: Option<Source>,
}

#[derive(Deserialize)]
struct Source {
    url: Option<String>,
}

/// The pause between calls for direct messages, unless a channel's settings say otherwise, in milliseconds.
pub(crate) fn pause_ms() -> u64 {
    500
}

impl Inbox {
    /// The shortest time between two calls for this feed and others like it.
    pub(crate) fn pace(&self, feed: &str) -> Duration {
        if feed.starts_with("conversation") { self.pause } else { Duration::ZERO }
    }

    /// Reads the list of conversations: each is announced as the feed `conversation:{id}`.
    pub(crate) async fn conversations(&self, graph: &Graph, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let query = [("platform", self.kind), ("fields", "id,updated_time,message_count"), ("limit", "50")];
        let answer =
            graph.list(&[&self.node, "conversations"], &query, &Next::new(ask.page), ask.now).await?;
        let list: List<'_> = answer.json()?;
        let mut page = page_of(&answer, &list)?;
        let mut moments = Vec::new();
        gather(&mut page, &list, |conversation: Conversation, _, page| {
            moments.push(conversation.updated_at());
            page.feeds.push(conversation.feed());
        });
        page.listed_down_to =
            moments.into_iter().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().min());
        Ok(page)
    }

    /// Reads one conversation, newest message first.
    pub(crate) async fn conversation(&self, graph: &Graph, id: &str, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let fields = format!("id,link,messages.limit(20){}{{{FIELDS}}}", Next::new(ask.page).arguments());
        let answer = graph.get(&[id], &[("fields", &fields)]).await;
        let answer = answer.map_err(|failure| failure.trouble(Some(ask.now)))?;
        let opened: Opened<'_> = answer.json()?;
        let link = opened.link.map(|link| if link.starts_with('/') { format!("{SITE}{link}") } else { link });
        let mut page = page_of(&answer, &opened.messages)?;
        gather(&mut page, &opened.messages, |letter: Letter, raw, page| {
            if letter.is_unreadable() {
                page.withheld.push(letter.created_time);
            } else {
                page.items.push(self.item(letter, raw, id, link.clone()));
            }
        });
        Ok(page)
    }

    /// Holds an answer against the limits.
    pub(crate) fn check(&self, reply: &Outgoing, now: Timestamp) -> Result<(), Limit> {
        if reply.citizen.external_id.is_none() {
            return Err(Limit::NotAnswerable("the platform does not tell who wrote this message"));
        }
        let closed_at = closes(reply, if self.human_agent { WINDOW_OF_HUMANS } else { WINDOW });
        if now > closed_at {
            let advice = "the citizen has to write again first, or is answered another way";
            return Err(Limit::Window { closed_at, advice });
        }
        let (unit, count) = self.unit;
        let has = count(&reply.text);
        if has > self.most {
            return Err(Limit::Length { platform: self.platform, unit, has, most: self.most });
        }
        Ok(())
    }

    /// Sends an answer. After the usual window it carries the tag of a human agent, where there is one.
    pub(crate) async fn send(
        &self,
        graph: &Graph,
        reply: &Outgoing,
        now: Timestamp,
    ) -> Result<Sent, NotSent> {
        let mut body = json!({
            "recipient": { "id": reply.citizen.external_id },
            "messaging_type": "RESPONSE",
            "message": { "text": reply.text },
        });
        if self.human_agent && now > closes(reply, WINDOW) {
            body["messaging_type"] = json!("MESSAGE_TAG");
            body["tag"] = json!("HUMAN_AGENT");
        }
        let published = graph.publish(&[&self.node, "messages"], |request| request.json(&body)).await;
        Ok(published.map_err(|failure| failure.not_sent(now))?.sent(now))
    }

    fn item(&self, letter: Letter, raw: &RawValue, conversation: &str, link: Option<String>) -> Item {
        let thread = ThreadKey { external_id: conversation.to_owned(), surface: Surface::Direct, post: None };
        let author = letter.from.map(Author::from).unwrap_or_default();
        let sticker = letter.sticker.map(|url| attachment("image/png", Some(url)));
        let enclosures = letter.attachments.into_iter().flat_map(|all| all.data).map(Attachment::from);
        Item {
            own: author.external_id.as_ref().is_some_and(|id| self.own.contains(id)),
            author,
            permalink: link,
            attachments: sticker.into_iter().chain(enclosures).collect(),
            ..message(letter.id, thread, letter.message, letter.created_time, raw)
        }
    }
}

fn closes(reply: &Outgoing, window: SignedDuration) -> Timestamp {
    reply.citizen_wrote_at.saturating_add(window).unwrap_or(Timestamp::MAX)
}

impl Conversation {
    fn updated_at(&self) -> Option<Timestamp> {
        self.updated_time.as_ref()?.parse().ok()
    }

    fn feed(self) -> FeedSeen {
        let updated = self.updated_time.unwrap_or_default();
        let count = self.message_count.map(|count| count.to_string()).unwrap_or_default();
        FeedSeen {
            key: format!("conversation:{}", self.id),
            kind: FeedKind::NewestFirst,
            counter: Some(format!("{updated}/{count}")),
            // The platform counts messages that it no longer tells, so the number cannot be held against ours.
            count: None,
            urgent: false,
        }
    }
}

impl Letter {
    fn is_unreadable(&self) -> bool {
        self.from.is_none() && self.message.is_none() && self.attachments.is_none() && self.sticker.is_none()
    }
}

impl From<Enclosure> for Attachment {
    fn from(enclosure: Enclosure) -> Self {
        let source = enclosure.image_data.or(enclosure.video_data).and_then(|source| source.url);
        Self {
            media_type: enclosure.mime_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            name: enclosure.name,
            bytes: enclosure.size,
            reference: enclosure.file_url.or(source),
            content: None,
        }
    }
}
