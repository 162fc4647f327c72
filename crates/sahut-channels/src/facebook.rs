//! Facebook pages: comments, posts of visitors, and Messenger.
//!
//! Graph has no list of all comments of a page: the list of posts tells how many comments each has, and each post's
//! comments are a feed of their own. Settings are those of [`Settings`]; secrets are `token` (a *page* token: with a
//! user's, lists of comments are empty without an error), and for webhooks `app_secret` and `verify_token`.
//!
//! Threads: a comment stands in the tree of its top-level comment. A visitor's post is the head of a thread of its own,
//! and a tree that the page itself began belongs to the thread of its post: so the answer to a visitor's post, and what
//! the visitor writes below the answer, stay together.

mod payload;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sahut_domain::channel::ChannelConfig;
use sahut_domain::message::Surface;
use serde::Deserialize;

use crate::graph::hook::{Change, Hook, Notification};
use crate::graph::inbox::{self, Inbox};
use crate::graph::{
    self, Failure, Graph, List, Next, Person, Watch, account_is_gone, gather, page_of, search,
    settle_duplicate, wake,
};
use crate::registry::{self, Secrets};
use crate::{
    Ask, BuildError, Connector, Delivery, FeedKey, FeedKind, Http, Identity, Limit, NotSent, Outgoing, Page,
    Push, PushRefused, Sent, Trouble,
};
use payload::{COMMENT_FIELDS, Comment, POST_FIELDS, PagePost, is_page};

/// A channel's settings. An unknown one is an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The page's identifier.
    page_id: String,
    /// Where Graph lives.
    #[serde(default = "base_url")]
    base_url: String,
    /// The version of Graph that is spoken.
    #[serde(default = "version")]
    version: String,
    /// Whether Meta granted the page the seven days of a human agent in Messenger.
    #[serde(default)]
    human_agent: bool,
    /// How many of the newest posts are watched for comments.
    #[serde(default = "posts_watched")]
    posts_watched: usize,
    /// The shortest pause between two calls for direct messages, in milliseconds.
    #[serde(default = "inbox::pause_ms")]
    direct_pause_ms: u64,
    /// The longest comment, in characters.
    #[serde(default = "comment_limit")]
    comment_limit: usize,
    /// The longest direct message, in characters.
    #[serde(default = "message_limit")]
    message_limit: usize,
}

fn base_url() -> String {
    graph::BASE_URL.to_owned()
}

fn version() -> String {
    graph::VERSION.to_owned()
}

fn posts_watched() -> usize {
    50
}

fn comment_limit() -> usize {
    8_000
}

fn message_limit() -> usize {
    2_000
}

/// One page.
pub(crate) struct Facebook {
    graph: Graph,
    page_id: String,
    posts_watched: usize,
    comment_limit: usize,
    inbox: Inbox,
    hook: Option<Hook>,
}

impl Facebook {
    /// Builds the connector of a channel.
    pub(crate) fn build(
        channel: &ChannelConfig,
        secrets: Secrets<'_>,
        http: &Http,
    ) -> Result<Self, BuildError> {
        let settings: Settings = registry::settings(channel)?;
        let inbox = Inbox {
            platform: "Messenger",
            kind: "MESSENGER",
            node: settings.page_id.clone(),
            own: vec![settings.page_id.clone()],
            pause: Duration::from_millis(settings.direct_pause_ms),
            human_agent: settings.human_agent,
            unit: ("characters", |text| text.chars().count()),
            most: settings.message_limit,
        };
        Ok(Self {
            graph: Graph::new(channel, &settings.base_url, &settings.version, secrets, http)?,
            page_id: settings.page_id,
            posts_watched: settings.posts_watched,
            comment_limit: settings.comment_limit,
            inbox,
            hook: Hook::new(secrets),
        })
    }
}

#[async_trait]
impl Connector for Facebook {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        ["posts", "visitor_posts", "conversations"]
            .map(|feed| (feed.to_owned(), FeedKind::NewestFirst))
            .to_vec()
    }

    fn pace(&self, feed: &str) -> Duration {
        self.inbox.pace(feed)
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        self.graph.identify("me", "id,name", &self.page_id).await
    }

    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble> {
        match ask.feed.split_once(':') {
            None if ask.feed == "posts" => self.posts(&ask).await.map_err(account_is_gone),
            None if ask.feed == "visitor_posts" => self.visitor_posts(&ask).await.map_err(account_is_gone),
            None if ask.feed == "conversations" => {
                self.inbox.conversations(&self.graph, &ask).await.map_err(account_is_gone)
            }
            Some(("comments", post)) => self.comments(post, &ask).await,
            Some(("conversation", id)) => self.inbox.conversation(&self.graph, id, &ask).await,
            _ => Err(Trouble::Gone { detail: format!("there is no feed {:?}", ask.feed) }),
        }
    }

    fn check(&self, reply: &Outgoing, now: Timestamp) -> Result<(), Limit> {
        match reply.surface {
            Surface::Direct => self.inbox.check(reply, now),
            Surface::Comment => {
                let (has, most) = (reply.text.chars().count(), self.comment_limit);
                let long = Limit::Length { platform: "Facebook", unit: "characters", has, most };
                if has > most { Err(long) } else { Ok(()) }
            }
            _ => Err(Limit::NotAnswerable("Facebook takes answers to comments and direct messages only")),
        }
    }

    async fn send(&self, reply: &Outgoing, now: Timestamp) -> Result<Sent, NotSent> {
        if reply.surface == Surface::Direct {
            return self.inbox.send(&self.graph, reply, now).await;
        }
        // Asking for fields spares the call that would read the new comment.
        let form = [("message", &*reply.text), ("fields", "id,created_time,permalink_url")];
        let path = [&*reply.answers, "comments"];
        match self.graph.publish(&path, |request| request.form(&form)).await {
            Ok(published) => Ok(published.sent(now)),
            Err(Failure::Graph(fault)) if fault.is_duplicate() => {
                settle_duplicate(self.look_up(reply, now).await)
            }
            Err(failure) => Err(failure.not_sent(now)),
        }
    }

    async fn look_up(&self, reply: &Outgoing, now: Timestamp) -> Result<Option<Sent>, NotSent> {
        let feed = match &reply.post {
            _ if reply.surface == Surface::Direct => format!("conversation:{}", reply.thread),
            Some(post) => format!("comments:{post}"),
            None => return Err(NotSent::Uncertain("the post of the comment is not known".to_owned())),
        };
        search(self, &feed, true, reply, now).await
    }

    fn push(&self) -> Option<&dyn Push> {
        self.hook.as_ref().map(|_| self as &dyn Push)
    }
}

impl Push for Facebook {
    fn challenge(&self, query: &[(String, String)]) -> Result<String, PushRefused> {
        self.hook.as_ref().ok_or(PushRefused::Signature)?.challenge(query)
    }

    fn admit(
        &self,
        header: &dyn Fn(&str) -> Option<String>,
        body: &[u8],
        _now: Timestamp,
    ) -> Result<Delivery, PushRefused> {
        self.hook.as_ref().ok_or(PushRefused::Signature)?.admit(header, body)
    }

    fn owns(&self, account: &str) -> bool {
        account == self.page_id
    }

    /// Everything but a removal can be read again, and is: a delivery lacks the thread of what it tells.
    fn read_delivery(&self, body: &[u8], _received_at: Timestamp) -> Result<Page, Trouble> {
        let mut page = Page::default();
        for entry in Notification::read(body)?.entry {
            if !self.owns(&entry.id) {
                continue;
            }
            for change in entry.changes.iter().filter(|change| change.field == "feed") {
                self.changed(change, &mut page);
            }
            entry.messages(&mut page);
        }
        Ok(page)
    }
}

/// What a webhook tells of a change in the page's feed.
#[derive(Deserialize)]
struct FeedChange {
    item: String,
    verb: String,
    comment_id: Option<String>,
    post_id: Option<String>,
    from: Option<Person>,
}

impl Facebook {
    /// The newest posts.
    async fn posts(&self, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let watch = Watch::new(ask, self.posts_watched);
        let query = [("fields", POST_FIELDS), ("limit", &watch.limit())];
        let answer =
            self.graph.list(&[&self.page_id, "published_posts"], &query, &watch.next, ask.now).await?;
        let list: List<'_> = answer.json()?;
        let mut page = page_of(&answer, &list)?;
        page.next = watch.further(list.data.len(), page.next);
        gather(&mut page, &list, |post: PagePost, _, page| {
            page.feeds.push(post.feed());
            page.posts.push(post.into_post());
        });
        Ok(page)
    }

    /// What visitors wrote on the page.
    async fn visitor_posts(&self, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let query = [("fields", POST_FIELDS), ("limit", "50")];
        let next = Next::new(ask.page);
        let answer = self.graph.list(&[&self.page_id, "visitor_posts"], &query, &next, ask.now).await?;
        let list: List<'_> = answer.json()?;
        let mut page = page_of(&answer, &list)?;
        gather(&mut page, &list, |post: PagePost, raw, page| {
            page.feeds.push(post.feed());
            page.items.push(post.into_item(&self.page_id, raw));
        });
        Ok(page)
    }

    /// The comments of all depths under one post, newest first.
    async fn comments(&self, post: &str, ask: &Ask<'_>) -> Result<Page, Trouble> {
        let query = [
            ("fields", COMMENT_FIELDS),
            ("filter", "stream"),
            ("order", "reverse_chronological"),
            ("limit", "100"),
        ];
        let answer = self.graph.list(&[post, "comments"], &query, &Next::new(ask.page), ask.now).await?;
        let list: List<'_> = answer.json()?;
        let mut page = page_of(&answer, &list)?;
        gather(&mut page, &list, |comment: Comment, raw, page| {
            page.items.push(comment.into_item(&self.page_id, post, raw));
        });
        Ok(page)
    }

    fn changed(&self, change: &Change<'_>, page: &mut Page) {
        let told = match change.told::<FeedChange>() {
            Ok((told, _)) => told,
            Err(bad) => return page.bad.push(bad),
        };
        match (&*told.item, &*told.verb, told.comment_id, told.post_id) {
            ("comment", verb, Some(comment), post) => {
                page.deleted.extend((verb == "remove").then_some(comment));
                page.feeds.extend(post.map(|post| wake(format!("comments:{post}"))));
            }
            ("reaction" | "like", ..) => {}
            (_, "remove", _, Some(post)) => page.deleted.push(post),
            _ if is_page(&self.page_id, told.from.as_ref()) => page.feeds.push(wake("posts".to_owned())),
            _ => page.feeds.push(wake("visitor_posts".to_owned())),
        }
    }
}
