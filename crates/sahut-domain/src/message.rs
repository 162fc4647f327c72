//! What is written on a platform, as a connector hands it over and as it is stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::{row_id, words};

row_id! {
    /// A stored message.
    MessageId
}
row_id! {
    /// A stored thread.
    ThreadId
}
row_id! {
    /// A stored citizen.
    CitizenId
}

words! {
    /// Where a message stands, which decides who can read it and how it may be answered.
    Surface as "surface" {
        /// Under a post, readable by everyone.
        Comment = "comment",
        /// A direct conversation with one citizen.
        Direct = "direct",
        /// A mail.
        Mail = "mail",
        /// Somebody named the account elsewhere.
        Mention = "mention",
        /// A review of a place.
        Review = "review",
    }
}

words! {
    /// What the platform shows of a message now.
    Visibility as "visibility" {
        /// Shown to everyone who may see the thread.
        Shown = "shown",
        /// Waiting for a moderator of the site.
        Held = "held",
        /// Hidden by the office or the platform.
        Hidden = "hidden",
        /// Deleted by its author, the office or the platform; what was read before is kept.
        Deleted = "deleted",
    }
}

/// One message as a connector read it: complete, with no reference to rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The platform's own identifier, made unique within the channel; never empty.
    pub external_id: String,
    /// The thread it stands in.
    pub thread: ThreadKey,
    /// External id of the message that it answers, where the platform says so.
    pub parent: Option<String>,
    /// Who wrote it.
    pub author: Author,
    /// Written by the channel's own account: kept for the thread, never an inquiry.
    pub own: bool,
    /// Written by a machine (out-of-office, bounce, list): kept, never an inquiry, never answered.
    pub automatic: bool,
    /// The words, as plain text with `\n` line ends. Empty when there are only attachments.
    pub text: String,
    /// A subject line, where the medium has one (mail, imported reports).
    pub subject: Option<String>,
    /// When it was written, by the platform's clock.
    pub written_at: Timestamp,
    /// When it was last edited, where the platform says so.
    pub edited_at: Option<Timestamp>,
    /// What the platform shows of it now.
    pub visibility: Visibility,
    /// Where a person can look at it.
    pub permalink: Option<String>,
    /// Pictures and files, by reference.
    pub attachments: Vec<Attachment>,
    /// Raw payload as received, so that a mended parser can read it again.
    pub raw: Vec<u8>,
}

/// Names a thread within its channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ThreadKey {
    /// The platform's identifier of the conversation, or of the top-level comment of a tree.
    pub external_id: String,
    /// Where the thread stands.
    pub surface: Surface,
    /// External id of the post that it hangs under.
    pub post: Option<String>,
}

/// An author as far as the platform tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// Stable identifier; absent where the platform withholds it.
    pub external_id: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// User name or address.
    pub handle: Option<String>,
}

impl Author {
    /// What identifies the author within a channel: the identifier, else the handle, else the name.
    pub fn key(&self) -> Option<&str> {
        [&self.external_id, &self.handle, &self.name]
            .into_iter()
            .find_map(|part| part.as_deref().filter(|text| !text.is_empty()))
    }
}

/// A picture or file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Media type, such as `image/jpeg`; `application/octet-stream` when unknown.
    pub media_type: String,
    /// File name as sent, without folders.
    pub name: Option<String>,
    /// Size in bytes, where known.
    pub bytes: Option<u64>,
    /// The platform's reference (a URL, a file id), where the content is not kept here.
    pub reference: Option<String>,
    /// The content itself, while the message is being read. It is not stored with the message: the raw payload has it,
    /// in the order of [`Item::attachments`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Vec<u8>>,
}

/// What an office published: context of its comments, and proof that the channel is alive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The platform's identifier.
    pub external_id: String,
    /// Caption or text, as plain text.
    pub text: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// Where a person can look at it.
    pub permalink: Option<String>,
}
