//! What citizens, offices and fate do: the verbs of tests and of the demo.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::Clock;
use sahut_domain::channel::Platform;
use serde::Serialize;
use serde_json::json;

use crate::bot::{Bot, Chat};
use crate::graph::TOKEN_DAYS;
use crate::ledger::Ledger;
use crate::meta::{Account, NewComment, Token, TokenKind, Writer, insert};
use crate::moods::{Limits, Mood, Moods};
use crate::state::{App, Citizen, Shared, State, Unknown};

/// What a page token may do: everything that the app could be granted.
const PAGE_SCOPES: [&str; 8] = [
    "pages_read_engagement",
    "pages_read_user_content",
    "pages_manage_engagement",
    "pages_manage_metadata",
    "pages_messaging",
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_messages",
];

/// What a token of Instagram Login may do.
const INSTAGRAM_SCOPES: [&str; 3] =
    ["instagram_business_basic", "instagram_business_manage_comments", "instagram_business_manage_messages"];

/// A new account with the token that speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keys {
    /// The account's identifier; a bot's number as text.
    pub id: String,
    /// Its access token.
    pub token: String,
}

/// The world behind the simulator. Cloned freely. Citizens are named by their handle and come into being with their
/// first deed. Every `at` is the platform's time of the deed and may lie in the past.
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
}

impl World {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn change<T>(&self, deed: impl FnOnce(&mut State) -> T) -> T {
        let result = deed(&mut self.shared.lock());
        self.shared.stirred.notify_waiters();
        result
    }

    // Accounts

    /// A Facebook Page with a page token that never expires.
    pub fn create_page(&self, name: &str) -> Keys {
        self.change(|state| {
            let id = state.digits("10", 15);
            state.put_account(&id, Platform::Facebook, name, name);
            state.put_token(TokenKind::Page, &id, &PAGE_SCOPES)
        })
    }

    /// A professional Instagram account with a token of Instagram Login; with a page, also reached by the page's token.
    pub fn create_instagram(&self, username: &str, page: Option<&str>) -> Result<Keys, Unknown> {
        self.change(|state| {
            let id = state.digits("17841", 17);
            if let Some(page) = page {
                state.account_mut(page)?.linked = Some(id.clone());
            }
            state.put_account(&id, Platform::Instagram, username, username);
            state.account_mut(&id)?.linked = page.map(ToOwned::to_owned);
            Ok(state.put_token(TokenKind::Instagram, &id, &INSTAGRAM_SCOPES))
        })
    }

    /// A Telegram bot.
    pub fn create_bot(&self, name: &str, username: &str) -> Keys {
        self.change(|state| {
            let id = state.digits("7", 10);
            let token = format!("{id}:AA{}", state.letters(33));
            let first = 100_000_000 + i64::try_from(state.ids.below(800_000_000)).unwrap_or(0);
            let number = id.parse().unwrap_or_default();
            state.bots.insert(id.clone(), Bot::new(number, token.clone(), name, username, first));
            Keys { id, token }
        })
    }

    /// A person who manages these pages, with a user token of 60 days.
    pub fn create_user(&self, pages: &[&str]) -> Keys {
        self.change(|state| {
            let id = state.digits("9", 16);
            state.users.insert(id.clone(), pages.iter().map(|page| (*page).to_owned()).collect());
            state.put_token(TokenKind::User, &id, &PAGE_SCOPES)
        })
    }

    /// The Meta app behind all tokens.
    pub fn app(&self) -> App {
        self.shared.lock().app.clone()
    }

    /// The citizen of this handle.
    pub fn citizen(&self, handle: &str) -> Citizen {
        self.change(|state| state.citizen(handle))
    }

    // Facebook and Instagram

    /// An account publishes a post or medium. Returns its identifier.
    pub fn post(&self, account: &str, text: &str, at: Timestamp) -> Result<String, Unknown> {
        self.change(|state| state.add_post(account, Writer::Account, text, at))
    }

    /// A citizen posts on the wall of a page.
    pub fn visitor_post(
        &self,
        page: &str,
        handle: &str,
        text: &str,
        at: Timestamp,
    ) -> Result<String, Unknown> {
        self.change(|state| {
            let citizen = state.citizen(handle);
            state.add_post(page, Writer::Citizen(citizen), text, at)
        })
    }

    /// A citizen comments under a post or medium.
    pub fn comment(&self, post: &str, handle: &str, text: &str, at: Timestamp) -> Result<String, Unknown> {
        self.change(|state| {
            let writer = Writer::Citizen(state.citizen(handle));
            state.add_comment(NewComment { post, parent: None, writer, text, at })
        })
    }

    /// A citizen answers a comment. An answer to an answer stands under the uppermost comment.
    pub fn reply(&self, comment: &str, handle: &str, text: &str, at: Timestamp) -> Result<String, Unknown> {
        self.change(|state| {
            let writer = Writer::Citizen(state.citizen(handle));
            let answered = state.comments.get(comment).ok_or_else(|| Unknown::new("comment", comment))?;
            let parent = answered.parent.clone().unwrap_or_else(|| comment.to_owned());
            let post = answered.post.clone();
            state.add_comment(NewComment { post: &post, parent: Some(&parent), writer, text, at })
        })
    }

    /// A comment gets other words.
    pub fn edit(&self, comment: &str, text: &str) -> Result<(), Unknown> {
        self.change(|state| state.edit_comment(comment, text))
    }

    /// A comment is deleted, and with it what answers it.
    pub fn delete(&self, comment: &str) -> Result<(), Unknown> {
        self.change(|state| state.delete_comment(comment))
    }

    /// A comment is hidden, or shown again.
    pub fn hide(&self, comment: &str, hidden: bool) -> Result<(), Unknown> {
        self.change(|state| state.hide_comment(comment, hidden))
    }

    /// A comment gets another time.
    pub fn backdate(&self, comment: &str, at: Timestamp) -> Result<(), Unknown> {
        self.change(|state| state.backdate_comment(comment, at))
    }

    /// A citizen writes to a page or Instagram account directly.
    pub fn direct(&self, account: &str, handle: &str, text: &str, at: Timestamp) -> Result<String, Unknown> {
        self.change(|state| {
            let citizen = state.citizen(handle);
            let conversation = state.conversation(account, &citizen)?;
            state.add_letter(&conversation, true, text, at)
        })
    }

    /// A citizen names an Instagram account in a comment on somebody else's medium. Returns medium and comment: only
    /// a webhook tells of them.
    pub fn mention_in_comment(
        &self,
        account: &str,
        handle: &str,
        text: &str,
        at: Timestamp,
    ) -> Result<(String, String), Unknown> {
        self.change(|state| {
            state.account(account)?;
            let citizen = state.citizen(handle);
            let media = state.add_foreign_post(account, citizen.clone(), "", at);
            let writer = Writer::Citizen(citizen);
            let comment = state.add_comment(NewComment { post: &media, parent: None, writer, text, at })?;
            Ok((media, comment))
        })
    }

    /// A citizen names an Instagram account in the caption of a medium: it is also in the account's `tags`.
    pub fn mention_in_caption(
        &self,
        account: &str,
        handle: &str,
        text: &str,
        at: Timestamp,
    ) -> Result<String, Unknown> {
        self.change(|state| {
            state.account(account)?;
            let citizen = state.citizen(handle);
            let media = state.add_foreign_post(account, citizen, text, at);
            insert(&mut state.account_mut(account)?.tagged, at, media.clone());
            Ok(media)
        })
    }

    // Telegram

    /// A citizen writes to a bot. Returns `chat_id:message_id`.
    pub fn telegram(&self, bot: &str, handle: &str, text: &str, at: Timestamp) -> Result<String, Unknown> {
        self.change(|state| {
            let chat = state.private_chat(bot, handle)?;
            state.say(bot, chat, handle, text, at, &json!({}))
        })
    }

    /// A group that the bot is in; with a user name it is public. Returns its number.
    pub fn telegram_group(&self, bot: &str, title: &str, username: Option<&str>) -> Result<i64, Unknown> {
        self.change(|state| {
            let id: i64 = state.digits("-1001", 14).parse().unwrap_or(-1_001_000_000_000);
            let mut body = json!({"id": id, "type": "supergroup", "title": title});
            if let Some(username) = username {
                body["username"] = json!(username);
            }
            state.bot_mut(bot)?.chats.insert(id, Chat::new(id, body));
            Ok(id)
        })
    }

    /// A citizen writes in a group.
    pub fn telegram_in_group(
        &self,
        bot: &str,
        group: i64,
        handle: &str,
        text: &str,
        at: Timestamp,
    ) -> Result<String, Unknown> {
        self.change(|state| state.say(bot, group, handle, text, at, &json!({})))
    }

    /// A citizen sends so many pictures at once: as many messages, the words under the first.
    pub fn telegram_album(
        &self,
        bot: &str,
        handle: &str,
        text: &str,
        pictures: usize,
        at: Timestamp,
    ) -> Result<Vec<String>, Unknown> {
        self.change(|state| {
            let chat = state.private_chat(bot, handle)?;
            let album = state.digits("1", 17);
            (0..pictures)
                .map(|at_place| {
                    let (file, unique) = (state.letters(60), state.letters(16));
                    let photo = json!([{
                        "file_id": file, "file_unique_id": unique, "width": 1280, "height": 960, "file_size": 150_000,
                    }]);
                    let extra = json!({"media_group_id": album, "photo": photo});
                    state.say(bot, chat, handle, if at_place == 0 { text } else { "" }, at, &extra)
                })
                .collect()
        })
    }

    /// A citizen changes a message, named by `chat_id:message_id`.
    pub fn telegram_edit(&self, bot: &str, message: &str, text: &str) -> Result<(), Unknown> {
        self.change(|state| state.edit_telegram(bot, message, text))
    }

    // Fate

    /// A citizen blocks an account, or lets it write again.
    pub fn block(&self, account: &str, handle: &str, blocked: bool) -> Result<(), Unknown> {
        self.change(|state| {
            let citizen = state.citizen(handle);
            if state.bots.contains_key(account) {
                let chat = state.private_chat(account, handle)?;
                let chat = state.bot_mut(account)?.chats.get_mut(&chat);
                if let Some(chat) = chat {
                    chat.blocked = blocked;
                }
            } else if blocked {
                state.account_mut(account)?.blocked_by.insert(citizen.meta_id);
            } else {
                state.account_mut(account)?.blocked_by.remove(&citizen.meta_id);
            }
            Ok(())
        })
    }

    /// A token dies. On Graph with this subcode of error 190 (458 app removed, 459 checkpoint, 460 password changed,
    /// 463 expired, 467 invalid); on Telegram it is revoked.
    pub fn kill_token(&self, token: &str, subcode: i64) -> Result<(), Unknown> {
        self.change(|state| {
            if let Some(bot) = state.bots.values_mut().find(|bot| bot.token == token) {
                bot.dead = true;
                return Ok(());
            }
            state.token_mut(token)?.dead = Some(subcode);
            Ok(())
        })
    }

    /// A dead token works again, as after a person reconnected the account.
    pub fn revive_token(&self, token: &str) -> Result<(), Unknown> {
        self.change(|state| {
            if let Some(bot) = state.bots.values_mut().find(|bot| bot.token == token) {
                bot.dead = false;
                return Ok(());
            }
            state.token_mut(token)?.dead = None;
            Ok(())
        })
    }

    /// A permission is taken from a token, or given to it.
    pub fn permit(&self, token: &str, permission: &str, granted: bool) -> Result<(), Unknown> {
        self.change(|state| {
            let scopes = &mut state.token_mut(token)?.scopes;
            if granted {
                scopes.insert(permission.to_owned());
            } else {
                scopes.remove(permission);
            }
            Ok(())
        })
    }

    /// Whether answers name who wrote a comment: not without Advanced Access.
    pub fn withhold_authors(&self, account: &str, withheld: bool) -> Result<(), Unknown> {
        self.change(|state| state.account_mut(account).map(|account| account.withholds_authors = withheld))
    }

    /// Whether an account is blocked from writing as abusive (error 368).
    pub fn restrict(&self, account: &str, restricted: bool) -> Result<(), Unknown> {
        self.change(|state| state.account_mut(account).map(|account| account.restricted = restricted))
    }

    /// Where Meta's webhooks go from now on: plain HTTP, signed with the app's secret.
    pub fn push_to(&self, url: Option<&str>) {
        self.change(|state| state.webhook = url.map(ToOwned::to_owned));
    }

    /// How often which mood strikes from now on.
    pub fn set_moods(&self, moods: Moods) {
        self.change(|state| state.moods = moods);
    }

    /// What the platforms allow from now on.
    pub fn set_limits(&self, limits: Limits) {
        self.change(|state| state.limits = limits);
    }

    /// The next call whose `METHOD /path` contains `part` gets this mood, before any that were asked for later.
    pub fn next_call(&self, part: &str, mood: Mood) {
        self.change(|state| state.scripted.push((part.to_owned(), mood)));
    }

    /// All that was written, served and accepted until now.
    pub fn ledger(&self) -> Ledger {
        self.shared.lock().ledger.clone()
    }

    /// The clock that the platforms go by.
    pub fn clock(&self) -> Clock {
        self.shared.lock().clock.clone()
    }

    /// On which platform an account lives, if there is such an account.
    pub fn platform(&self, account: &str) -> Option<Platform> {
        let state = self.shared.lock();
        let bot = state.bots.contains_key(account).then_some(Platform::Telegram);
        bot.or_else(|| state.accounts.get(account).map(|account| account.platform))
    }
}

impl State {
    fn put_account(&mut self, id: &str, platform: Platform, name: &str, username: &str) {
        let account = Account {
            id: id.to_owned(),
            platform,
            name: name.to_owned(),
            username: username.to_owned(),
            linked: None,
            posts: Vec::new(),
            conversations: Vec::new(),
            tagged: Vec::new(),
            withholds_authors: false,
            restricted: false,
            blocked_by: std::collections::BTreeSet::new(),
            subscribed_fields: String::new(),
        };
        self.accounts.insert(id.to_owned(), account);
    }

    fn put_token(&mut self, kind: TokenKind, holder: &str, scopes: &[&str]) -> Keys {
        let issued_at = self.now();
        let lasting = SignedDuration::from_hours(24 * TOKEN_DAYS);
        let (start, expires_at) = match kind {
            TokenKind::Page => ("EAAG", None),
            TokenKind::User => ("EAAU", issued_at.checked_add(lasting).ok()),
            TokenKind::Instagram => ("IGAA", issued_at.checked_add(lasting).ok()),
        };
        let token = format!("{start}{}", self.letters(120));
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let record = Token { kind, holder: holder.to_owned(), scopes, issued_at, expires_at, dead: None };
        self.tokens.insert(token.clone(), record);
        Keys { id: holder.to_owned(), token }
    }

    fn token_mut(&mut self, token: &str) -> Result<&mut Token, Unknown> {
        // The token itself is a secret and stays out of the error.
        self.tokens.get_mut(token).ok_or_else(|| Unknown::new("token", "like this"))
    }
}
