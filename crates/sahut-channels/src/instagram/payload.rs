//! Graph's media and comments of an Instagram account, and what they become.

use jiff::Timestamp;
use sahut_domain::message::{Author, Item, Post, Surface, ThreadKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::graph::{self, List, Person, gather, message, moment, shown, wake};
use crate::reading::plain;
use crate::{FeedKind, FeedSeen, Page};

/// What is asked of a media.
pub(super) const MEDIA_FIELDS: &str = "id,caption,timestamp,permalink,comments_count";

/// What is asked of a comment. `user` is there on the account's own only.
pub(super) const COMMENT_FIELDS: &str =
    "id,text,timestamp,username,from{id,username},user{id},parent_id,hidden,media{id,permalink}";

#[derive(Deserialize)]
pub(super) struct Media {
    #[serde(deserialize_with = "graph::id")]
    id: String,
    caption: Option<String>,
    #[serde(deserialize_with = "moment")]
    timestamp: Timestamp,
    permalink: Option<String>,
    username: Option<String>,
    comments_count: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Comment<'a> {
    #[serde(deserialize_with = "graph::id")]
    id: String,
    text: Option<String>,
    #[serde(deserialize_with = "moment")]
    timestamp: Timestamp,
    username: Option<String>,
    from: Option<Person>,
    user: Option<Person>,
    parent_id: Option<String>,
    #[serde(default)]
    hidden: bool,
    media: Option<Place>,
    #[serde(borrow)]
    replies: Option<List<'a>>,
}

/// The media that a comment hangs under.
#[derive(Deserialize)]
pub(super) struct Place {
    id: Option<String>,
    permalink: Option<String>,
}

/// The answer about a mention.
#[derive(Deserialize)]
pub(super) struct Mentioned<'a> {
    #[serde(borrow)]
    pub(super) mentioned_comment: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) mentioned_media: Option<&'a RawValue>,
}

/// What a webhook tells of a comment.
#[derive(Deserialize)]
pub(super) struct CommentChange {
    #[serde(deserialize_with = "graph::id")]
    id: String,
    text: Option<String>,
    from: Option<Person>,
    parent_id: Option<String>,
    media: Option<Place>,
}

/// What a webhook tells of a mention.
#[derive(Deserialize)]
pub(super) struct MentionChange {
    /// Absent where the caption is the mention.
    pub(super) comment_id: Option<String>,
    #[serde(deserialize_with = "graph::id")]
    pub(super) media_id: String,
}

impl Media {
    /// The feed of its comments.
    pub(super) fn feed(&self) -> FeedSeen {
        FeedSeen {
            key: format!("comments:{}", self.id),
            kind: FeedKind::NewestFirst,
            counter: self.comments_count.map(|count| count.to_string()),
            count: self.comments_count,
            urgent: false,
        }
    }

    /// As context of comments: the account's own media.
    pub(super) fn into_post(self) -> Post {
        Post {
            external_id: self.id,
            text: plain(&self.caption.unwrap_or_default()),
            published_at: self.timestamp,
            permalink: self.permalink,
        }
    }

    /// As a message: somebody's media that names the account.
    pub(super) fn into_item(self, raw: &RawValue) -> Item {
        let thread = under(&self.id, self.id.clone(), Surface::Mention);
        Item {
            author: Author { handle: self.username, ..Author::default() },
            permalink: self.permalink,
            ..message(self.id, thread, self.caption, self.timestamp, raw)
        }
    }
}

impl Comment<'_> {
    /// Puts a comment and its replies into a page, each as a message of its own. Where there are more replies than
    /// came along, they are announced as a feed. `below` is the comment that this one is known to answer.
    pub(super) fn gather(
        mut self,
        raw: &RawValue,
        media: &str,
        below: Option<&str>,
        account: &[String],
        page: &mut Page,
    ) {
        let (id, replies) = (self.id.clone(), self.replies.take());
        page.items.push(self.into_item(raw, media, below, account));
        let Some(replies) = replies else { return };
        if replies.goes_on() {
            page.feeds.push(wake(format!("replies:{id}:{media}")));
        }
        gather(page, &replies, |reply: Comment<'_>, raw, page| {
            reply.gather(raw, media, Some(&id), account, page);
        });
    }

    /// As a mention: a comment under somebody's media that names the account.
    pub(super) fn into_mention(self, raw: &RawValue, media: &str) -> Item {
        let thread = under(media, self.id.clone(), Surface::Mention);
        Item { thread, parent: None, ..self.into_item(raw, media, None, &[]) }
    }

    fn into_item(self, raw: &RawValue, media: &str, below: Option<&str>, account: &[String]) -> Item {
        let parent = self.parent_id.or_else(|| below.map(str::to_owned));
        let thread = under(media, parent.clone().unwrap_or_else(|| self.id.clone()), Surface::Comment);
        let own = self.user.is_some() || is_account(account, self.from.as_ref());
        let mut author = self.from.map(Author::from).unwrap_or_default();
        author.handle = author.handle.or(self.username);
        Item {
            parent,
            own,
            author,
            visibility: shown(self.hidden),
            permalink: self.media.and_then(|media| media.permalink),
            ..message(self.id, thread, self.text, self.timestamp, raw)
        }
    }
}

impl CommentChange {
    /// The media that it stands under.
    pub(super) fn media(&self) -> Option<&str> {
        self.media.as_ref()?.id.as_deref()
    }

    /// As a message that cannot be read again.
    pub(super) fn into_item(self, raw: &RawValue, account: &[String], at: Timestamp) -> Item {
        let top = self.parent_id.clone().unwrap_or_else(|| self.id.clone());
        let thread = under(self.media().unwrap_or_default(), top, Surface::Comment);
        Item {
            parent: self.parent_id,
            own: is_account(account, self.from.as_ref()),
            author: self.from.map(Author::from).unwrap_or_default(),
            ..message(self.id, thread, self.text, at, raw)
        }
    }
}

fn is_account(account: &[String], from: Option<&Person>) -> bool {
    from.and_then(|from| from.id.as_ref()).is_some_and(|id| account.contains(id))
}

fn under(media: &str, external_id: String, surface: Surface) -> ThreadKey {
    ThreadKey { external_id, surface, post: Some(media.to_owned()) }
}
