//! Reading a comment.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::html;
use crate::http::without_words;
use crate::reading::{bad, fingerprint};
use crate::{BadItem, Sent};

/// A comment as the `edit` context shows it.
#[derive(Deserialize)]
pub(super) struct Comment {
    pub(super) id: u64,
    post: u64,
    /// The comment that it answers; 0 when it stands at the top.
    pub(super) parent: u64,
    /// The author's user id; 0 for a visitor.
    author: u64,
    #[serde(default)]
    author_name: String,
    #[serde(default)]
    author_email: String,
    #[serde(deserialize_with = "moment")]
    date_gmt: Timestamp,
    content: Content,
    link: Option<String>,
    status: String,
}

/// A text in both of its forms.
#[derive(Deserialize)]
struct Content {
    /// As it was written; shown to moderators.
    raw: Option<String>,
    /// As it is displayed.
    #[serde(default)]
    rendered: String,
}

/// Reads a row of a list; one that cannot be read is set aside.
pub(super) fn read(row: &RawValue) -> Result<Comment, BadItem> {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    serde_json::from_str(row.get()).map_err(|error| {
        let numbered = serde_json::from_str(row.get()).ok();
        let id = numbered.map(|Numbered { id }| id.to_string());
        bad(id, without_words(&error), row.get().as_bytes())
    })
}

/// Reads a time such as `2026-11-24T00:02:21`, which is UTC without saying so.
pub(super) fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    let civil: DateTime = text.trim_end_matches('Z').parse().map_err(D::Error::custom)?;
    TimeZone::UTC.to_timestamp(civil).map_err(D::Error::custom)
}

impl Comment {
    /// In the trash, or taken for spam by a moderator or a filter.
    pub(super) fn is_removed(&self) -> bool {
        self.visibility().is_none()
    }

    /// What it is to the inbox; `root` is the top of its tree and `me` our own user.
    pub(super) fn item(&self, raw: &RawValue, root: u64, me: u64) -> Item {
        Item {
            external_id: self.id.to_string(),
            thread: ThreadKey {
                external_id: root.to_string(),
                surface: Surface::Comment,
                post: Some(self.post.to_string()),
            },
            parent: (self.parent != 0).then(|| self.parent.to_string()),
            author: self.author(),
            own: self.author == me,
            automatic: false,
            text: self.text(),
            subject: None,
            written_at: self.date_gmt,
            edited_at: None,
            visibility: self.visibility().unwrap_or(Visibility::Deleted),
            permalink: self.link.clone(),
            attachments: Vec::new(),
            raw: raw.get().as_bytes().to_vec(),
        }
    }

    /// Whether these are its words, whatever the editor made of spaces and line ends.
    pub(super) fn says(&self, words: &str) -> bool {
        self.text().split_whitespace().eq(words.split_whitespace())
    }

    /// What it is when it is a reply that we published.
    pub(super) fn sent(self) -> Sent {
        Sent { external_id: self.id.to_string(), at: self.date_gmt, permalink: self.link }
    }

    fn visibility(&self) -> Option<Visibility> {
        match self.status.as_str() {
            "approved" => Some(Visibility::Shown),
            "hold" => Some(Visibility::Held),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match &self.content.raw {
            Some(raw) => html::plain_lines(raw),
            None => html::plain(&self.content.rendered),
        }
    }

    /// A user by number, a visitor by a hash of the address: enough to know the same person again.
    fn author(&self) -> Author {
        let address = self.author_email.trim().to_lowercase();
        let external_id = match self.author {
            0 if address.is_empty() => None,
            0 => Some(format!("mail:{}", fingerprint(address.as_bytes()))),
            user => Some(format!("user:{user}")),
        };
        let name = html::plain(&self.author_name);
        Author { external_id, name: Some(name).filter(|name| !name.is_empty()), handle: None }
    }
}
