//! Graph's posts and comments of a page, and what they become.

use jiff::Timestamp;
use sahut_domain::message::{Attachment, Author, Item, Post, Surface, ThreadKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::graph::{self, Person, attachment, message, moment, shown};
use crate::reading::plain;
use crate::{FeedKind, FeedSeen};

/// What is asked of a post.
pub(super) const POST_FIELDS: &str = "id,message,story,from{id,name},created_time,permalink_url,full_picture,is_hidden,\
                                      comments.filter(stream).limit(0).summary(true)";

/// What is asked of a comment.
pub(super) const COMMENT_FIELDS: &str = "id,message,from{id,name},created_time,permalink_url,is_hidden,\
                                         attachment{type,url,media},\
                                         parent{id,from{id},parent{id,from{id},parent{id,from{id}}}}";

/// A post of the page or of a visitor.
#[derive(Deserialize)]
pub(super) struct PagePost {
    #[serde(deserialize_with = "graph::id")]
    id: String,
    message: Option<String>,
    story: Option<String>,
    from: Option<Person>,
    #[serde(deserialize_with = "moment")]
    created_time: Timestamp,
    permalink_url: Option<String>,
    full_picture: Option<String>,
    #[serde(default)]
    is_hidden: bool,
    comments: Option<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    summary: Option<Summary>,
}

#[derive(Deserialize)]
struct Summary {
    total_count: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Comment {
    #[serde(deserialize_with = "graph::id")]
    id: String,
    message: Option<String>,
    from: Option<Person>,
    parent: Option<Parent>,
    #[serde(deserialize_with = "moment")]
    created_time: Timestamp,
    permalink_url: Option<String>,
    #[serde(default)]
    is_hidden: bool,
    attachment: Option<Enclosure>,
}

#[derive(Deserialize)]
struct Parent {
    #[serde(deserialize_with = "graph::id")]
    id: String,
    from: Option<Person>,
    #[serde(rename = "parent")]
    above: Option<Box<Parent>>,
}

#[derive(Deserialize)]
struct Enclosure {
    #[serde(rename = "type")]
    kind: Option<String>,
    url: Option<String>,
    media: Option<Media>,
}

#[derive(Deserialize)]
struct Media {
    image: Option<Image>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    src: Option<String>,
}

impl PagePost {
    /// The feed of its comments.
    pub(super) fn feed(&self) -> FeedSeen {
        let count = self.comments.as_ref().and_then(|comments| comments.summary.as_ref()?.total_count);
        FeedSeen {
            key: format!("comments:{}", self.id),
            kind: FeedKind::NewestFirst,
            counter: count.map(|count| count.to_string()),
            count,
            urgent: false,
        }
    }

    /// As context of comments: a post of the page.
    pub(super) fn into_post(self) -> Post {
        Post {
            external_id: self.id,
            text: plain(&self.message.or(self.story).unwrap_or_default()),
            published_at: self.created_time,
            permalink: self.permalink_url,
        }
    }

    /// As a message: a post of a visitor, the head of its own thread.
    pub(super) fn into_item(self, page: &str, raw: &RawValue) -> Item {
        let thread = thread(self.id.clone(), &self.id);
        Item {
            own: is_page(page, self.from.as_ref()),
            author: self.from.map(Author::from).unwrap_or_default(),
            visibility: shown(self.is_hidden),
            permalink: self.permalink_url,
            attachments: self
                .full_picture
                .map(|url| attachment("image/jpeg", Some(url)))
                .into_iter()
                .collect(),
            ..message(self.id, thread, self.message.or(self.story), self.created_time, raw)
        }
    }
}

impl Comment {
    /// As a message under a post.
    pub(super) fn into_item(self, page: &str, post: &str, raw: &RawValue) -> Item {
        let (root, writer) = self.root();
        let thread = thread(if is_page(page, writer) { post } else { root }.to_owned(), post);
        Item {
            parent: self.parent.map(|parent| parent.id),
            own: is_page(page, self.from.as_ref()),
            author: self.from.map(Author::from).unwrap_or_default(),
            visibility: shown(self.is_hidden),
            permalink: self.permalink_url,
            attachments: self.attachment.map(Attachment::from).into_iter().collect(),
            ..message(self.id, thread, self.message, self.created_time, raw)
        }
    }

    /// The top-level comment of the tree, and who wrote it.
    fn root(&self) -> (&str, Option<&Person>) {
        let parents = std::iter::successors(self.parent.as_ref(), |parent| parent.above.as_deref());
        parents.last().map_or((&self.id, self.from.as_ref()), |root| (&root.id, root.from.as_ref()))
    }
}

impl From<Enclosure> for Attachment {
    fn from(enclosure: Enclosure) -> Self {
        let (image, video) = enclosure
            .media
            .map_or((None, None), |media| (media.image.and_then(|image| image.src), media.source));
        let media_type = match enclosure.kind.as_deref() {
            Some("photo" | "sticker") => "image/jpeg",
            Some(kind) if kind.starts_with("video") => "video/mp4",
            _ => "application/octet-stream",
        };
        attachment(media_type, video.or(image).or(enclosure.url))
    }
}

/// Whether it is the page that wrote something.
pub(super) fn is_page(page: &str, from: Option<&Person>) -> bool {
    from.and_then(|from| from.id.as_deref()) == Some(page)
}

fn thread(external_id: String, post: &str) -> ThreadKey {
    ThreadKey { external_id, surface: Surface::Comment, post: Some(post.to_owned()) }
}
