//! What is read of a message: the parts of the Bot API's `Message` that matter here.

use sahut_domain::message::{Attachment, Author};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::rich;

/// A message, a post of a channel, or a note of Telegram's own about the chat.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the Bot API's names")]
pub(super) struct Message {
    pub(super) message_id: i64,
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    pub(super) chat: Chat,
    pub(super) from: Option<User>,
    /// Whom the message speaks for, when it is not the person who wrote it; `from` is a stand-in then.
    pub(super) sender_chat: Option<Chat>,
    pub(super) reply_to_message: Option<Box<Message>>,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    #[serde(default)]
    pub(super) is_automatic_forward: bool,
    pub(super) forward_origin: Option<Origin>,
    media_group_id: Option<String>,
    text: Option<String>,
    caption: Option<String>,
    rich_message: Option<Value>,
    poll: Option<Poll>,
    checklist: Option<Checklist>,
    #[serde(default)]
    photo: Vec<File>,
    animation: Option<File>,
    document: Option<File>,
    video: Option<File>,
    live_photo: Option<File>,
    video_note: Option<File>,
    audio: Option<File>,
    voice: Option<File>,
    sticker: Option<File>,
    venue: Option<Venue>,
    location: Option<Location>,
    contact: Option<Contact>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A private conversation, a group, or a channel.
#[derive(Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type")]
    kind: String,
    title: Option<String>,
    username: Option<String>,
}

/// A person or a bot.
#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    #[serde(default)]
    first_name: String,
    last_name: Option<String>,
    username: Option<String>,
}

/// Where a forwarded message stood first; only posts of channels have a place.
#[derive(Deserialize)]
pub(super) struct Origin {
    chat: Option<Chat>,
    message_id: Option<i64>,
}

/// A file of any kind, or one size of a photo.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the Bot API's names")]
struct File {
    file_id: String,
    file_name: Option<String>,
    mime_type: Option<String>,
    file_size: Option<u64>,
}

#[derive(Deserialize)]
struct Poll {
    question: String,
}

#[derive(Deserialize)]
struct Checklist {
    title: String,
    #[serde(default)]
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    text: String,
}

#[derive(Deserialize)]
struct Venue {
    title: String,
    address: String,
}

#[derive(Deserialize)]
struct Location {
    latitude: f64,
    longitude: f64,
}

#[derive(Deserialize)]
struct Contact {
    phone_number: String,
    first_name: String,
}

/// Fields that only Telegram's own notes carry ("joined the group", "pinned a message"). A message without any of
/// them is somebody's, even when this program does not know what is in it.
const SERVICE: &[&str] = &[
    "boost_added",
    "channel_chat_created",
    "chat_background_set",
    "chat_owner_changed",
    "chat_owner_left",
    "chat_shared",
    "checklist_tasks_added",
    "checklist_tasks_done",
    "connected_website",
    "delete_chat_photo",
    "direct_message_price_changed",
    "forum_topic_closed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "gift",
    "gift_upgrade_sent",
    "giveaway_completed",
    "giveaway_created",
    "group_chat_created",
    "left_chat_member",
    "managed_bot_created",
    "message_auto_delete_timer_changed",
    "migrate_from_chat_id",
    "migrate_to_chat_id",
    "new_chat_members",
    "new_chat_photo",
    "new_chat_title",
    "paid_message_price_changed",
    "passport_data",
    "pinned_message",
    "poll_option_added",
    "poll_option_deleted",
    "proximity_alert_triggered",
    "refunded_payment",
    "successful_payment",
    "suggested_post_approval_failed",
    "suggested_post_approved",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
    "supergroup_chat_created",
    "unique_gift",
    "users_shared",
    "video_chat_ended",
    "video_chat_participants_invited",
    "video_chat_scheduled",
    "video_chat_started",
    "web_app_data",
    "write_access_allowed",
];

impl Message {
    /// Whether it is a note of Telegram's own, nobody's words.
    pub(super) fn is_service(&self) -> bool {
        self.rest.keys().any(|field| SERVICE.contains(&field.as_str()))
    }

    /// The words, wherever this kind of message has them.
    pub(super) fn words(&self) -> String {
        let plain = self.text.as_ref().or(self.caption.as_ref());
        let other = || {
            let rich = self.rich_message.as_ref().map(rich::words);
            let poll = self.poll.as_ref().map(|poll| poll.question.clone());
            let venue = self.venue.as_ref().map(|venue| format!("{}\n{}", venue.title, venue.address));
            rich.or(poll).or(venue).or_else(|| self.checklist.as_ref().map(Checklist::words))
        };
        crate::reading::plain(&plain.cloned().or_else(other).unwrap_or_default())
    }

    /// Who wrote it.
    pub(super) fn author(&self) -> Author {
        match (&self.sender_chat, &self.from) {
            (Some(chat), _) => Author {
                external_id: Some(chat.id.to_string()),
                name: chat.title.clone(),
                handle: chat.username.clone(),
            },
            (None, Some(user)) => Author {
                external_id: Some(user.id.to_string()),
                name: Some(user.name()),
                handle: user.username.clone(),
            },
            (None, None) => Author::default(),
        }
    }

    /// Pictures, files, places and cards. A file's reference is its `file_id`, which only this bot can fetch.
    pub(super) fn attachments(&self) -> Vec<Attachment> {
        let photo = self.photo.iter().max_by_key(|size| size.file_size);
        // An animation repeats itself as a document for old programs.
        let document = self.document.as_ref().filter(|_| self.animation.is_none());
        let files = [
            (photo, "image/jpeg"),
            (self.animation.as_ref(), "video/mp4"),
            (document, "application/octet-stream"),
            (self.video.as_ref().or(self.live_photo.as_ref()), "video/mp4"),
            (self.video_note.as_ref(), "video/mp4"),
            (self.audio.as_ref(), "audio/mpeg"),
            (self.voice.as_ref(), "audio/ogg"),
            (self.sticker.as_ref(), "image/webp"),
        ];
        let files = files.into_iter().filter_map(|(file, usual)| Some(file?.attachment(usual)));
        let place = self.location.as_ref().map(Location::attachment);
        let card = self.contact.as_ref().map(Contact::attachment);
        files.chain(place).chain(card).collect()
    }

    /// The name of the comment tree within the group.
    ///
    /// Supergroups name the message that began a tree in `message_thread_id` (in the discussion group of a channel,
    /// the forwarded post: one tree for its comments). Forum topics use the same field for the whole topic and plain
    /// groups have none: there the message that is answered stands for the tree, because Telegram shows no more than
    /// one level of it. The members of an album are one beginning.
    pub(super) fn tree(&self) -> String {
        let parent = self.parent();
        let thread = self.message_thread_id.filter(|_| !self.is_topic_message);
        match (parent, thread) {
            (Some(parent), _) if parent.begins_a_tree() => parent.beginning(),
            (_, Some(thread)) => thread.to_string(),
            (Some(parent), None) => parent.beginning(),
            (None, None) => self.beginning(),
        }
    }

    /// The message that is answered. The first messages of a forum topic "answer" the note that opened it.
    pub(super) fn parent(&self) -> Option<&Message> {
        self.reply_to_message.as_deref().filter(|parent| !parent.is_service())
    }

    fn begins_a_tree(&self) -> bool {
        self.message_thread_id.is_none() && !self.is_automatic_forward
    }

    fn beginning(&self) -> String {
        match &self.media_group_id {
            Some(album) => format!("album-{album}"),
            None => self.message_id.to_string(),
        }
    }
}

impl Chat {
    /// Names a message: numbers are unique within their chat only.
    pub(super) fn external_id(&self, message: i64) -> String {
        format!("{}:{message}", self.id)
    }

    /// Where people can look at a message; only public groups and channels have such a place.
    pub(super) fn permalink(&self, message: i64) -> Option<String> {
        let name = self.username.as_ref().filter(|_| !self.is_private())?;
        Some(format!("https://t.me/{name}/{message}"))
    }

    /// Whether it is a conversation with one person.
    pub(super) fn is_private(&self) -> bool {
        self.kind == "private"
    }
}

impl User {
    fn name(&self) -> String {
        [Some(&self.first_name), self.last_name.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl Origin {
    /// External id of the post that was forwarded.
    pub(super) fn post(&self) -> Option<String> {
        Some(self.chat.as_ref()?.external_id(self.message_id?))
    }
}

impl File {
    fn attachment(&self, usual: &str) -> Attachment {
        let name = self.file_name.as_deref().and_then(|name| name.rsplit(['/', '\\']).next());
        Attachment {
            media_type: self.mime_type.clone().unwrap_or_else(|| usual.to_owned()),
            name: name.filter(|name| !name.is_empty()).map(str::to_owned),
            bytes: self.file_size,
            reference: Some(self.file_id.clone()),
            content: None,
        }
    }
}

impl Checklist {
    fn words(&self) -> String {
        self.tasks.iter().fold(self.title.clone(), |words, task| format!("{words}\n- {}", task.text))
    }
}

impl Location {
    /// A `geo:` reference (RFC 5870).
    fn attachment(&self) -> Attachment {
        reference(format!("geo:{},{}", self.latitude, self.longitude), None)
    }
}

impl Contact {
    /// A `tel:` reference (RFC 3966).
    fn attachment(&self) -> Attachment {
        reference(format!("tel:{}", self.phone_number), Some(self.first_name.clone()))
    }
}

fn reference(uri: String, name: Option<String>) -> Attachment {
    Attachment {
        media_type: "text/uri-list".to_owned(),
        name,
        bytes: None,
        reference: Some(uri),
        content: None,
    }
}
