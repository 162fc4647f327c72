//! Reading a comment.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::html;
use crate::Sent;
use crate::reading::fingerprint;

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
    /// UTC, without saying so.
    date_gmt: String,
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

/// The id of a comment that cannot be read otherwise.
pub(super) fn id(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Numbered {
        id: u64,
    }
    let Numbered { id } = serde_json::from_str(raw.get()).ok()?;
    Some(id.to_string())
}

/// Reads a time without a zone, which WordPress means as UTC.
pub(super) fn moment(text: &str) -> Result<Timestamp, jiff::Error> {
    let civil: DateTime = text.trim_end_matches('Z').parse()?;
    TimeZone::UTC.to_timestamp(civil)
}

impl Comment {
    /// In the trash, or taken for spam by a moderator or a filter.
    pub(super) fn is_removed(&self) -> bool {
        self.visibility().is_none()
    }

    /// What it is to the inbox; `root` is the top of its tree and `me` our own user.
    pub(super) fn item(&self, raw: &RawValue, root: u64, me: u64) -> Result<Item, jiff::Error> {
        Ok(Item {
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
            written_at: moment(&self.date_gmt)?,
            edited_at: None,
            visibility: self.visibility().unwrap_or(Visibility::Deleted),
            permalink: self.link.clone(),
            attachments: Vec::new(),
            raw: raw.get().as_bytes().to_vec(),
        })
    }

    /// Whether these are its words, whatever the editor made of spaces and line ends.
    pub(super) fn says(&self, words: &str) -> bool {
        self.text().split_whitespace().eq(words.split_whitespace())
    }

    /// What it is when it is a reply that we published.
    pub(super) fn sent(self, now: Timestamp) -> Sent {
        let at = moment(&self.date_gmt).unwrap_or(now);
        Sent { external_id: self.id.to_string(), at, permalink: self.link }
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
