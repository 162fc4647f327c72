//! Reading a post.

use jiff::Timestamp;
use sahut_domain::message::Post;
use serde::Deserialize;

use super::{comment, html};

/// A post as everyone sees it.
#[derive(Deserialize)]
pub(super) struct PublishedPost {
    id: u64,
    #[serde(deserialize_with = "comment::moment")]
    date_gmt: Timestamp,
    link: Option<String>,
    title: Rendered,
    excerpt: Option<Rendered>,
}

#[derive(Deserialize)]
struct Rendered {
    rendered: String,
}

impl From<PublishedPost> for Post {
    fn from(post: PublishedPost) -> Self {
        let title = html::plain(&post.title.rendered);
        let excerpt = post.excerpt.map(|excerpt| html::plain(&excerpt.rendered)).unwrap_or_default();
        Self {
            external_id: post.id.to_string(),
            text: format!("{title}\n\n{excerpt}").trim().to_owned(),
            published_at: post.date_gmt,
            permalink: post.link,
        }
    }
}
