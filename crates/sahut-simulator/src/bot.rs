//! A Telegram bot: its chats, and the queue of updates that the server keeps for it.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::Platform;
use sahut_domain::message::Surface;
use serde_json::{Value, json};

use crate::courier::Parcel;
use crate::ledger::{State as Shown, Written};
use crate::state::{State, Unknown};

/// How long unfetched updates are kept, in hours.
const KEPT_HOURS: i64 = 24;

/// After how many days without an update the next number is a random one.
const QUIET_DAYS: i64 = 7;

/// How far above the next number an offset may lie before the server takes it for a mistake and starts from the head
/// (as `TQueue` of tdlib does).
const FUTURE: i64 = 10;

/// Updates that are only sent when somebody asks for them by name.
const UNUSUAL: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

#[derive(Debug)]
pub(crate) struct Bot {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) username: String,
    pub(crate) dead: bool,
    updates: VecDeque<Update>,
    /// The number of the next update.
    next: i64,
    last_update_at: Option<Timestamp>,
    /// Sticky; empty: all but the unusual ones.
    pub(crate) allowed: Vec<String>,
    pub(crate) hook: Option<Hook>,
    /// Counts calls of getUpdates: who waits and finds another number was replaced.
    pub(crate) polls: u64,
    pub(crate) chats: BTreeMap<i64, Chat>,
    pub(crate) throttled_until: Option<Timestamp>,
    /// When it lately sent what to which chat.
    pub(crate) sent: VecDeque<(Timestamp, i64)>,
}

/// Where updates are pushed.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) url: String,
    pub(crate) secret: Option<String>,
    pub(crate) most: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) number: i64,
    at: Timestamp,
    /// The whole update as it is sent.
    pub(crate) body: Value,
    /// The message that it carries: `chat_id:message_id`.
    pub(crate) item: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) id: i64,
    /// As the API shows it.
    pub(crate) body: Value,
    /// The citizen blocked the bot.
    pub(crate) blocked: bool,
    pub(crate) next_message: i64,
    pub(crate) messages: BTreeMap<i64, Value>,
}

impl Bot {
    pub(crate) fn new(id: i64, token: String, name: &str, username: &str, first_update: i64) -> Self {
        Self {
            id,
            token,
            name: name.to_owned(),
            username: username.to_owned(),
            dead: false,
            updates: VecDeque::new(),
            next: first_update,
            last_update_at: None,
            allowed: Vec::new(),
            hook: None,
            polls: 0,
            chats: BTreeMap::new(),
            throttled_until: None,
            sent: VecDeque::new(),
        }
    }

    pub(crate) fn allows(&self, kind: &str) -> bool {
        let named = self.allowed.iter().any(|allowed| allowed == kind);
        if self.allowed.is_empty() { !UNUSUAL.contains(&kind) } else { named }
    }

    pub(crate) fn pending(&self) -> usize {
        self.updates.len()
    }

    pub(crate) fn drop_pending(&mut self) {
        self.updates.clear();
    }

    /// What a poll gets. A positive offset confirms all numbers below it, a negative one all but the last so many.
    pub(crate) fn fetch(&mut self, offset: i64, limit: usize) -> Vec<Update> {
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let forget = self.updates.len().saturating_sub(keep);
            self.updates.drain(..forget);
        } else if offset <= self.next + FUTURE {
            self.updates.retain(|update| update.number >= offset);
        }
        self.updates.iter().take(limit).cloned().collect()
    }

    /// Queues an update of `kind` if it is wanted. After a quiet week the numbers begin somewhere lower: the documents
    /// promise a random one, and a lower one is the case that breaks clients.
    pub(crate) fn push(
        &mut self,
        now: Timestamp,
        kind: &str,
        content: &Value,
        item: Option<String>,
        random: u64,
    ) {
        let quiet = self
            .last_update_at
            .is_some_and(|at| now.duration_since(at) >= SignedDuration::from_hours(24 * QUIET_DAYS));
        if quiet {
            let below = u64::try_from(self.next - 1).unwrap_or(1).max(1);
            self.next = 1 + i64::try_from(random % below).unwrap_or(0);
        }
        let number = self.next;
        self.next += 1;
        self.last_update_at = Some(now);
        let body = json!({"update_id": number, kind: content});
        self.updates.push_back(Update { number, at: now, body, item });
    }

    fn expire(&mut self, now: Timestamp) -> Vec<String> {
        let kept = |update: &Update| now.duration_since(update.at) <= SignedDuration::from_hours(KEPT_HOURS);
        let (old, fresh): (VecDeque<_>, VecDeque<_>) =
            self.updates.drain(..).partition(|update| !kept(update));
        self.updates = fresh;
        old.into_iter().filter_map(|update| update.item).collect()
    }
}

impl State {
    pub(crate) fn bot_mut(&mut self, id: &str) -> Result<&mut Bot, Unknown> {
        self.bots.get_mut(id).ok_or_else(|| Unknown::new("bot", id))
    }

    /// Forgets the updates of a bot that nobody fetched in time.
    pub(crate) fn expire_updates(&mut self, id: &str) {
        let now = self.now();
        let Some(bot) = self.bots.get_mut(id) else { return };
        for item in bot.expire(now) {
            self.ledger.change(id, &item, |line| {
                if line.served == 0 {
                    line.state = Shown::Expired;
                }
            });
        }
    }

    /// Takes an update out of the queue after its webhook was answered.
    pub(crate) fn confirm_update(&mut self, id: &str, number: i64) {
        if let Some(bot) = self.bots.get_mut(id) {
            bot.updates.retain(|update| update.number != number);
        }
    }

    /// The next delivery: one from the outbox, else an update of a bot with a webhook.
    pub(crate) fn next_parcel(&mut self) -> Option<Parcel> {
        self.outbox.pop_front().or_else(|| {
            self.bots.iter().find_map(|(id, bot)| {
                let (hook, update) = (bot.hook.as_ref()?, bot.updates.front()?);
                let secret = hook.secret.clone().map(|secret| ("X-Telegram-Bot-Api-Secret-Token", secret));
                Some(Parcel {
                    url: hook.url.clone(),
                    header: secret,
                    body: update.body.to_string(),
                    attempt: 0,
                    shows: update.item.clone().map(|item| (id.clone(), item)),
                    update: Some((id.clone(), update.number)),
                })
            })
        })
    }

    /// The private chat of a citizen with a bot, begun where there is none.
    pub(crate) fn private_chat(&mut self, bot: &str, handle: &str) -> Result<i64, Unknown> {
        let citizen = self.citizen(handle);
        let body = json!({
            "id": citizen.telegram_id, "type": "private", "first_name": citizen.handle, "username": citizen.handle,
        });
        self.bot_mut(bot)?.chats.entry(citizen.telegram_id).or_insert(Chat::new(citizen.telegram_id, body));
        Ok(citizen.telegram_id)
    }

    /// A citizen writes in a chat; `extra` holds what a message has beside or instead of text. Returns
    /// `chat_id:message_id`.
    pub(crate) fn say(
        &mut self,
        bot: &str,
        chat: i64,
        handle: &str,
        text: &str,
        at: Timestamp,
        extra: &Value,
    ) -> Result<String, Unknown> {
        let citizen = self.citizen(handle);
        let random = self.ids.bits();
        let place =
            self.bot_mut(bot)?.chats.get_mut(&chat).ok_or_else(|| Unknown::new("chat", chat.to_string()))?;
        let from = json!({
            "id": citizen.telegram_id, "is_bot": false, "first_name": citizen.handle,
            "username": citizen.handle, "language_code": "id",
        });
        let mut message = json!({"from": from, "chat": place.body, "date": at.as_second()});
        merge(&mut message, extra);
        if !text.is_empty() {
            message[if extra.get("photo").is_some() { "caption" } else { "text" }] = json!(text);
        }
        let id = format!("{chat}:{}", place.add(&mut message));
        let now = self.now();
        let bot_state = self.bot_mut(bot)?;
        if bot_state.allows("message") {
            bot_state.push(now, "message", &message, Some(id.clone()), random);
            self.ledger.write(Written {
                account: bot.to_owned(),
                platform: Platform::Telegram,
                surface: Surface::Direct,
                id: id.clone(),
                place: chat.to_string(),
                handle: handle.to_owned(),
                text: text.to_owned(),
                at,
                state: Shown::Shown,
                served: 0,
            });
        }
        Ok(id)
    }

    /// A citizen changes a message: the same message comes again as `edited_message`.
    pub(crate) fn edit_telegram(&mut self, bot: &str, id: &str, text: &str) -> Result<(), Unknown> {
        let now = self.now();
        let random = self.ids.bits();
        let unknown = || Unknown::new("message", id);
        let (chat, number) = id.split_once(':').ok_or_else(unknown)?;
        let chat: i64 = chat.parse().map_err(|_| unknown())?;
        let number: i64 = number.parse().map_err(|_| unknown())?;
        let bot_state = self.bot_mut(bot)?;
        let place = bot_state.chats.get_mut(&chat).ok_or_else(unknown)?;
        let message = place.messages.get_mut(&number).ok_or_else(unknown)?;
        message["edit_date"] = json!(now.as_second());
        let words = if message.get("photo").is_some() { "caption" } else { "text" };
        message[words] = json!(text);
        let message = message.clone();
        if bot_state.allows("edited_message") {
            bot_state.push(now, "edited_message", &message, Some(id.to_owned()), random);
        }
        self.ledger.change(bot, id, |line| text.clone_into(&mut line.text));
        Ok(())
    }
}

impl Chat {
    pub(crate) fn new(id: i64, body: Value) -> Self {
        Self { id, body, blocked: false, next_message: 1, messages: BTreeMap::new() }
    }

    /// Keeps a message under the next number, which it also writes into it.
    pub(crate) fn add(&mut self, message: &mut Value) -> i64 {
        let number = self.next_message;
        self.next_message += 1;
        message["message_id"] = json!(number);
        self.messages.insert(number, message.clone());
        number
    }
}

fn merge(into: &mut Value, extra: &Value) {
    if let (Value::Object(into), Value::Object(extra)) = (into, extra) {
        into.extend(extra.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot_with(updates: usize) -> Bot {
        let mut bot = Bot::new(1, String::new(), "Bot", "bot", 500);
        for _ in 0..updates {
            bot.push(Timestamp::UNIX_EPOCH, "message", &json!({}), None, 0);
        }
        bot
    }

    fn numbers(updates: &[Update]) -> Vec<i64> {
        updates.iter().map(|update| update.number).collect()
    }

    #[test]
    fn only_an_offset_above_confirms() {
        let mut bot = bot_with(3);
        assert_eq!(numbers(&bot.fetch(0, 100)), [500, 501, 502]);
        assert_eq!(numbers(&bot.fetch(501, 1)), [501]);
        assert_eq!(numbers(&bot.fetch(0, 100)), [501, 502]);
        assert!(bot.fetch(503, 100).is_empty());
        assert_eq!(bot.pending(), 0);
    }

    #[test]
    fn a_negative_offset_forgets_all_but_the_last() {
        let mut bot = bot_with(5);
        assert_eq!(numbers(&bot.fetch(-2, 100)), [503, 504]);
        assert_eq!(numbers(&bot.fetch(0, 100)), [503, 504]);
    }

    #[test]
    fn after_a_quiet_week_numbers_are_lower_and_old_offsets_lose_nothing() {
        let mut bot = bot_with(3);
        bot.fetch(503, 100);
        let later = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 8);
        bot.push(later, "message", &json!({}), None, 77);
        let seen = bot.fetch(503, 100);
        assert_eq!(numbers(&seen), [78]);
        assert!(bot.fetch(79, 100).is_empty());
    }
}
