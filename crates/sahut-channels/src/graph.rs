//! What Facebook and Instagram share: Meta's Graph API.
//!
//! [`Graph`] makes the calls, [`List`] is a page of an edge, [`Fault`] an error and what it means. [`inbox`] holds
//! direct messages and [`hook`] the push side, which are the same on both platforms.
//!
//! Facts are from Meta's pages "Paginated Results", "Handling Errors" and "Rate Limits" (v26.0).

mod fault;
pub(crate) mod hook;
pub(crate) mod inbox;
mod list;
mod usage;

use std::time::Duration;

use jiff::Timestamp;
use sahut_domain::channel::{Ailment, ChannelConfig};
use sahut_domain::message::{Attachment, Author, Item, ThreadKey, Visibility};
use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use url::Url;

pub(crate) use fault::{Failure, Fault};
pub(crate) use list::{List, Next, Watch, bad, gather, page_of};

use crate::reading::plain;
use crate::registry::{self, Secrets};
use crate::{
    Answer, Ask, BuildError, Connector, FeedKind, FeedSeen, Http, Identity, NotSent, Outgoing, Request, Sent,
    Trouble,
};

/// Where Graph lives unless a channel's settings say otherwise.
pub(crate) const BASE_URL: &str = "https://graph.facebook.com";

/// The version that is spoken unless a channel's settings say otherwise.
pub(crate) const VERSION: &str = "v26.0";

/// How far the platform's clock may be behind ours, when our own writing is looked for.
const CLOCK_TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);

/// How many pages are searched for our own writing before the search is given up.
const MOST_PAGES_SEARCHED: usize = 40;

/// Calls to Graph for one account.
pub(crate) struct Graph {
    http: Http,
    root: Url,
    token: SecretString,
}

impl Graph {
    /// Reads the secret `token`; `base_url` and `version` are the settings of these names.
    pub(crate) fn new(
        channel: &ChannelConfig,
        base_url: &str,
        version: &str,
        secrets: Secrets<'_>,
        http: &Http,
    ) -> Result<Self, BuildError> {
        let root = below(registry::url(channel, "base_url", base_url)?, &[version]);
        Ok(Self { http: http.clone(), root, token: registry::secret(channel, secrets, "token")? })
    }

    /// Reads a node or an edge.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.call(self.http.get(below(self.root.clone(), path)).query(query)).await
    }

    /// Reads a page of an edge; `next` says which.
    pub(crate) async fn list(
        &self,
        edge: &[&str],
        query: &[(&str, &str)],
        next: &Next,
        now: Timestamp,
    ) -> Result<Answer, Trouble> {
        let query: Vec<_> = query.iter().copied().chain(next.pairs()).collect();
        self.get(edge, &query).await.map_err(|failure| failure.trouble(Some(now)))
    }

    /// Says whose account a node is; `me` is the token's own. Another one than `expected` means that the token was
    /// made for somebody else.
    pub(crate) async fn identify(
        &self,
        node: &str,
        fields: &str,
        expected: &str,
    ) -> Result<Identity, Trouble> {
        let answer = self.get(&[node], &[("fields", fields)]).await;
        let answer = answer.map_err(|failure| account_is_gone(failure.trouble(None)))?;
        let who: Account = answer.json()?;
        if who.id == expected {
            let name = who.name.or(who.username).unwrap_or_default();
            return Ok(Identity { external_id: who.id, name });
        }
        let detail = format!("the token belongs to {}, the channel's settings say {expected}", who.id);
        Err(Trouble::Person { ailment: Ailment::Credential, detail })
    }

    /// Publishes something; `fill` adds the body.
    pub(crate) async fn publish(
        &self,
        path: &[&str],
        fill: impl FnOnce(Request) -> Request,
    ) -> Result<Published, Failure> {
        let answer = self.call(fill(self.http.post(below(self.root.clone(), path)))).await?;
        Ok(answer.json()?)
    }

    /// The token travels in a header: a query ends up in the logs of every proxy on the way.
    async fn call(&self, request: Request) -> Result<Answer, Failure> {
        let answer = request.bearer(&self.token).send().await?;
        Fault::of(&answer).map_or(Ok(answer), |fault| Err(Failure::Graph(fault)))
    }
}

#[derive(Deserialize)]
struct Account {
    id: String,
    name: Option<String>,
    username: Option<String>,
}

/// What Graph answers to a publication.
#[derive(Deserialize)]
pub(crate) struct Published {
    #[serde(alias = "message_id", deserialize_with = "id")]
    id: String,
    #[serde(default, rename = "created_time", deserialize_with = "moment_or_none")]
    at: Option<Timestamp>,
    permalink_url: Option<String>,
}

impl Published {
    /// The reply as it is on the platform now.
    pub(crate) fn sent(self, now: Timestamp) -> Sent {
        Sent { external_id: self.id, at: self.at.unwrap_or(now), permalink: self.permalink_url }
    }
}

/// Somebody, as far as Graph tells.
#[derive(Deserialize)]
pub(crate) struct Person {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) username: Option<String>,
}

impl From<Person> for Author {
    fn from(person: Person) -> Self {
        Self { external_id: person.id, name: person.name, handle: person.username }
    }
}

/// Reads an identifier, which is never empty.
pub(crate) fn id<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let id = String::deserialize(from)?;
    if id.is_empty() { Err(D::Error::custom("an empty identifier")) } else { Ok(id) }
}

/// Reads a time such as `2026-11-24T00:00:00+0000`, whose offset has no colon.
pub(crate) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// The same where it may be absent.
pub(crate) fn moment_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// The account itself does not vanish from its own lists: what Graph calls "does not exist" is a missing permission.
pub(crate) fn account_is_gone(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Gone { detail } => Trouble::Person { ailment: Ailment::Permission, detail },
        trouble => trouble,
    }
}

/// How a message is shown.
pub(crate) fn shown(hidden: bool) -> Visibility {
    if hidden { Visibility::Hidden } else { Visibility::Shown }
}

/// A message with what all kinds have in common.
pub(crate) fn message(
    external_id: String,
    thread: ThreadKey,
    text: Option<String>,
    written_at: Timestamp,
    raw: &RawValue,
) -> Item {
    Item {
        external_id,
        thread,
        parent: None,
        author: Author::default(),
        own: false,
        automatic: false,
        text: plain(&text.unwrap_or_default()),
        subject: None,
        written_at,
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: raw.get().as_bytes().to_vec(),
    }
}

/// An attachment that is known by its address only.
pub(crate) fn attachment(media_type: &str, reference: Option<String>) -> Attachment {
    Attachment { media_type: media_type.to_owned(), name: None, bytes: None, reference, content: None }
}

/// A feed that a delivery says has something new.
pub(crate) fn wake(key: String) -> FeedSeen {
    FeedSeen { key, kind: FeedKind::NewestFirst, counter: None, count: None, urgent: true }
}

/// Searches a feed for a reply that we may have published. With `newest_first` the search ends at the first page that
/// reaches back beyond the attempt.
pub(crate) async fn search(
    connector: &dyn Connector,
    feed: &str,
    newest_first: bool,
    reply: &Outgoing,
    now: Timestamp,
) -> Result<Option<Sent>, NotSent> {
    let Some(begun_at) = reply.first_attempt_at else { return Ok(None) };
    let since = begun_at.saturating_sub(CLOCK_TOLERANCE).unwrap_or(begun_at);
    let mut next: Option<String> = None;
    for _ in 0..MOST_PAGES_SEARCHED {
        let ask =
            Ask { feed, cursor: None, page: next.as_deref(), deep: false, patience: Duration::ZERO, now };
        let page = connector.read(ask).await.map_err(lost)?;
        // Of several with these words, rather the one that hangs right under what is answered.
        let ours = page.items.iter().filter(|item| is_ours(item, reply, since));
        if let Some(ours) = ours.min_by_key(|item| item.parent.as_ref() != Some(&reply.answers)) {
            let permalink = ours.permalink.clone();
            return Ok(Some(Sent { external_id: ours.external_id.clone(), at: ours.written_at, permalink }));
        }
        let withheld = page.withheld.iter().any(|written_at| *written_at >= since);
        if withheld || !page.bad.is_empty() {
            return Err(NotSent::Uncertain("a message near the reply cannot be read".to_owned()));
        }
        next = page.next;
        let mut moments = page.items.iter().map(|item| item.written_at).chain(page.withheld);
        if next.is_none() || newest_first && moments.any(|written_at| written_at < since) {
            return Ok(None);
        }
    }
    Err(NotSent::Uncertain("too much was written since the attempt to search it all".to_owned()))
}

/// What error 506 (the same words in the same place again) comes to, once the search for them is done: an earlier
/// attempt that worked, or an answer that the platform will not take twice.
pub(crate) fn settle_duplicate(found: Result<Option<Sent>, NotSent>) -> Result<Sent, NotSent> {
    match found {
        Ok(Some(sent)) => Ok(sent),
        Ok(None) => {
            Err(NotSent::Refused("the same words were written here before: change the answer".to_owned()))
        }
        Err(_) => Err(NotSent::Uncertain("the platform calls the reply a repetition".to_owned())),
    }
}

/// A search that fails because its place is gone will not find anything later either.
fn lost(trouble: Trouble) -> NotSent {
    match trouble {
        Trouble::Gone { detail } => NotSent::Refused(detail),
        trouble => NotSent::Trouble(trouble),
    }
}

/// An author that the platform withholds may be us. One answer goes to many citizens in the same words: they are told
/// apart by where they hang.
fn is_ours(item: &Item, reply: &Outgoing, since: Timestamp) -> bool {
    let ours = item.own || item.author.key().is_none();
    ours && item.written_at >= since
        && hangs_where_sent(item, reply)
        && !reply.others.contains(&item.external_id)
        && item.text.split_whitespace().eq(reply.text.split_whitespace())
}

fn hangs_where_sent(item: &Item, reply: &Outgoing) -> bool {
    match &item.parent {
        Some(parent) => {
            [&reply.answers, &reply.thread].contains(&parent) || reply.answers_parent.as_ref() == Some(parent)
        }
        // Direct messages hang under nothing, comments on a visitor's post under no other comment, and a platform may
        // withhold where one hangs: rather taken for sent than sent twice in public.
        None => true,
    }
}

/// The URL of a path below another. Each piece is one segment, whatever characters it holds.
fn below(mut url: Url, path: &[&str]) -> Url {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}
