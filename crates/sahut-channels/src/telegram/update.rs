//! Reading updates.

use jiff::Timestamp;
use sahut_domain::message::{Item, Post, Surface, ThreadKey, Visibility};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::Message;
use crate::http::without_words;
use crate::reading::bad;
use crate::{BadItem, Page};

/// Reads updates for one bot.
pub(super) struct Reader {
    /// The bot's user id, by which its own messages are known.
    bot: Option<i64>,
}

/// One update: at most one of its fields is set. Kinds that were not asked for have none.
#[derive(Deserialize)]
struct Update {
    message: Option<Message>,
    edited_message: Option<Message>,
    channel_post: Option<Message>,
    edited_channel_post: Option<Message>,
}

#[derive(Deserialize)]
struct Numbered {
    update_id: i64,
}

impl Reader {
    pub(super) fn new(bot: Option<i64>) -> Self {
        Self { bot }
    }

    /// Adds what an update holds to the page and tells the update's id. An update that cannot be read is set aside, so
    /// that the queue moves on.
    pub(super) fn read(&self, raw: &RawValue, page: &mut Page) -> Option<i64> {
        let id = serde_json::from_str(raw.get()).ok().map(|Numbered { update_id }| update_id);
        if let Err(bad) = self.add(id, raw, page) {
            page.bad.push(bad);
        }
        id
    }

    fn add(&self, id: Option<i64>, raw: &RawValue, page: &mut Page) -> Result<(), BadItem> {
        let bad = |error: String| bad(id.map(|id| format!("update:{id}")), error, raw.get().as_bytes());
        let update: Update = serde_json::from_str(raw.get()).map_err(|error| bad(without_words(&error)))?;
        if let Some(post) = update.channel_post.or(update.edited_channel_post) {
            if !post.is_service() {
                page.posts.push(read_post(&post).map_err(|error| bad(error.to_string()))?);
            }
        } else if let Some(message) = update.message.or(update.edited_message)
            && !message.is_service()
            && !message.is_automatic_forward
        {
            page.items.push(self.item(&message, raw).map_err(|error| bad(error.to_string()))?);
        }
        Ok(())
    }

    fn item(&self, message: &Message, raw: &RawValue) -> Result<Item, jiff::Error> {
        let from_bot = message.sender_chat.is_none() && message.from.as_ref().is_some_and(|user| user.is_bot);
        let own = self.is_own(message);
        Ok(Item {
            external_id: message.chat.external_id(message.message_id),
            thread: thread(message),
            parent: message.parent().map(|parent| message.chat.external_id(parent.message_id)),
            author: message.author(),
            own,
            automatic: from_bot && !own,
            text: message.words(),
            subject: None,
            written_at: Timestamp::from_second(message.date)?,
            edited_at: message.edit_date.map(Timestamp::from_second).transpose()?,
            visibility: Visibility::Shown,
            permalink: message.chat.permalink(message.message_id),
            attachments: message.attachments(),
            raw: raw.get().as_bytes().to_vec(),
        })
    }

    /// The bot itself, or an administrator who speaks for the group without a name.
    fn is_own(&self, message: &Message) -> bool {
        match (&message.sender_chat, &message.from) {
            (Some(speaker), _) => speaker.id == message.chat.id,
            (None, Some(user)) => self.bot == Some(user.id),
            (None, None) => false,
        }
    }
}

fn thread(message: &Message) -> ThreadKey {
    let chat = message.chat.id;
    if message.chat.is_private() {
        return ThreadKey { external_id: chat.to_string(), surface: Surface::Direct, post: None };
    }
    let forwarded = message.parent().filter(|parent| parent.is_automatic_forward);
    let post = forwarded.and_then(|parent| parent.forward_origin.as_ref()?.post());
    ThreadKey { external_id: format!("{chat}:{}", message.tree()), surface: Surface::Comment, post }
}

fn read_post(message: &Message) -> Result<Post, jiff::Error> {
    Ok(Post {
        external_id: message.chat.external_id(message.message_id),
        text: message.words(),
        published_at: Timestamp::from_second(message.date)?,
        permalink: message.chat.permalink(message.message_id),
    })
}

#[cfg(test)]
mod tests;
