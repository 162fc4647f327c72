//! The Telegram Bot API: `/bot<token>/METHOD`, by GET or POST, with parameters however they travel.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::bot::{Bot, Hook};
use crate::call::Call;
use crate::moods::Mood;
use crate::server::Answer;
use crate::state::{Shared, State};

/// UTF-16 units in a text.
const LONGEST_TEXT: usize = 4096;

/// The longest wait of a poll, in seconds.
const LONGEST_POLL: i64 = 50;

/// An error answer.
struct Refusal {
    code: u16,
    description: String,
    retry_after: Option<i64>,
}

impl Refusal {
    fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), retry_after: None }
    }

    fn bad(description: &str) -> Self {
        Self::new(400, format!("Bad Request: {description}"))
    }

    fn busy(seconds: i64) -> Self {
        let description = format!("Too Many Requests: retry after {seconds}");
        Self { code: 429, description, retry_after: Some(seconds) }
    }

    fn answer(&self) -> Answer {
        let mut body = json!({"ok": false, "error_code": self.code, "description": self.description});
        let mut answer = Answer::json(self.code, Value::Null);
        if let Some(seconds) = self.retry_after {
            body["parameters"] = json!({ "retry_after": seconds });
            answer.headers.push(("retry-after", seconds.to_string()));
        }
        answer.body = body;
        answer
    }
}

/// Answers one call; a poll may wait for something to be written.
pub(crate) async fn answer(shared: &Shared, call: &Call, mood: Mood) -> Answer {
    let admitted = admit(&mut shared.lock(), call, mood);
    let (bot, method) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal.answer(),
    };
    let mut answer = if method == "getupdates" {
        poll(shared, call, &bot, mood).await.unwrap_or_else(|refusal| refusal.answer())
    } else {
        let mut state = shared.lock();
        let before = state.ledger.accepted.len();
        let result = perform(&mut state, call, &bot, &method);
        state.ledger.tell(before, mood);
        shared.stirred.notify_waiters();
        result.map_or_else(|refusal| refusal.answer(), |result| ok(&result))
    };
    answer.account = bot;
    answer
}

fn ok(result: &Value) -> Answer {
    Answer::ok(json!({"ok": true, "result": result}))
}

/// The bot and the method in lower case, if the token is right and the bot is not throttled.
fn admit(state: &mut State, call: &Call, mood: Mood) -> Result<(String, String), Refusal> {
    let rest = call.path.strip_prefix("bot").unwrap_or_default();
    let (token, method) = rest.split_once('/').ok_or_else(|| Refusal::new(404, "Not Found"))?;
    let id = token.split(':').next().unwrap_or_default();
    let now = state.now();
    let regain = i64::from(state.moods.regain);
    let absurd = usize::try_from(state.temper(token).below(4)).unwrap_or(0);
    let bot = state.bots.get_mut(id).filter(|bot| bot.token == token && !bot.dead);
    let bot = bot.ok_or_else(|| Refusal::new(401, "Unauthorized"))?;
    if let Some(until) = bot.throttled_until.filter(|until| now < *until) {
        return Err(Refusal::busy(until.duration_since(now).as_secs().max(1)));
    }
    match mood {
        Mood::RateLimit => {
            bot.throttled_until = now.checked_add(SignedDuration::from_secs(regain)).ok();
            Err(Refusal::busy(regain.max(1)))
        }
        Mood::AbsurdRateLimit => {
            Err(Refusal::busy([0, -1, 31_536_000, 2_147_483_647].get(absurd).copied().unwrap_or(0)))
        }
        _ => Ok((id.to_owned(), method.to_lowercase())),
    }
}

/// `getUpdates`. The newest caller wins: one that waits is told that it was replaced.
async fn poll(shared: &Shared, call: &Call, bot: &str, mood: Mood) -> Result<Answer, Refusal> {
    let wait = call.number("timeout").unwrap_or(0).clamp(0, LONGEST_POLL);
    let until = Instant::now() + Duration::from_secs(u64::try_from(wait).unwrap_or(0));
    let turn = begin_poll(&mut shared.lock(), call, bot)?;
    shared.stirred.notify_waiters();
    loop {
        let stirred = shared.stirred.notified();
        tokio::pin!(stirred);
        stirred.as_mut().enable();
        let over = Instant::now() >= until || shared.stop.is_cancelled() || mood == Mood::EmptyPage;
        if let Some(answer) = look(&mut shared.lock(), call, bot, turn, over, mood)? {
            return Ok(answer);
        }
        tokio::select! {
            () = stirred => {}
            () = sleep_until(until) => {}
            () = shared.stop.cancelled() => {}
        }
    }
}

fn begin_poll(state: &mut State, call: &Call, id: &str) -> Result<u64, Refusal> {
    let bot = own(state, id)?;
    no_webhook(bot)?;
    if let Some(Value::Array(kinds)) = call.json("allowed_updates") {
        bot.allowed = kinds.iter().filter_map(|kind| kind.as_str().map(ToOwned::to_owned)).collect();
    }
    bot.polls += 1;
    Ok(bot.polls)
}

fn no_webhook(bot: &Bot) -> Result<(), Refusal> {
    if bot.hook.is_none() {
        return Ok(());
    }
    let reason =
        "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
    Err(Refusal::new(409, format!("Conflict: {reason}")))
}

/// One look into the queue; nothing when there is nothing and the time is not over.
fn look(
    state: &mut State,
    call: &Call,
    id: &str,
    turn: u64,
    over: bool,
    mood: Mood,
) -> Result<Option<Answer>, Refusal> {
    state.expire_updates(id);
    let (now, random) = (state.now(), state.ids.bits());
    let bot = own(state, id)?;
    no_webhook(bot)?;
    if bot.polls != turn {
        let reason =
            "terminated by other getUpdates request; make sure that only one bot instance is running";
        return Err(Refusal::new(409, format!("Conflict: {reason}")));
    }
    if mood == Mood::BadItem && bot.pending() > 0 {
        bot.push(now, "message", &json!({"message_id": "x", "date": [], "chat": null}), None, random);
    }
    let limit = call.number("limit").unwrap_or(100).clamp(1, 100);
    let offset = call.number("offset").unwrap_or(0);
    let mut updates = bot.fetch(offset, usize::try_from(limit).unwrap_or(100));
    if mood == Mood::EmptyPage {
        updates.clear();
    }
    if updates.is_empty() && !over {
        return Ok(None);
    }
    let mut answer = ok(&updates.iter().map(|update| update.body.clone()).collect());
    answer.shown = updates.into_iter().filter_map(|update| Some((id.to_owned(), update.item?))).collect();
    Ok(Some(answer))
}

fn own<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Bot, Refusal> {
    state.bot_mut(id).map_err(|_| Refusal::new(401, "Unauthorized"))
}

fn perform(state: &mut State, call: &Call, id: &str, method: &str) -> Result<Value, Refusal> {
    match method {
        "getme" => Ok(me(own(state, id)?)),
        "setwebhook" => set_webhook(own(state, id)?, call),
        "deletewebhook" => Ok(delete_webhook(own(state, id)?, call)),
        "getwebhookinfo" => Ok(webhook_info(own(state, id)?)),
        "sendmessage" => send_message(state, call, id),
        "editmessagetext" => edit_message(state, call, id),
        "deletemessage" => delete_message(state, call, id),
        "getchat" => {
            let (chat, _) = chat_of(own(state, id)?, call)?;
            let mut body = own(state, id)?.chats.get(&chat).map(|chat| chat.body.clone()).unwrap_or_default();
            body["accent_color_id"] = json!(0);
            body["max_reaction_count"] = json!(11);
            body["accepted_gift_types"] = json!({
                "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false,
                "premium_subscription": false, "gifts_from_channels": false,
            });
            Ok(body)
        }
        "sendchataction" | "setmessagereaction" => chat_of(own(state, id)?, call).map(|_| json!(true)),
        "setmycommands" | "logout" | "close" => Ok(json!(true)),
        "getmycommands" => Ok(json!([])),
        _ => Err(Refusal::new(404, "Not Found")),
    }
}

fn user(bot: &Bot) -> Value {
    json!({"id": bot.id, "is_bot": true, "first_name": bot.name, "username": bot.username})
}

fn me(bot: &Bot) -> Value {
    let mut me = user(bot);
    me["can_join_groups"] = json!(true);
    for no in [
        "can_read_all_group_messages",
        "supports_inline_queries",
        "can_connect_to_business",
        "has_main_web_app",
    ] {
        me[no] = json!(false);
    }
    me
}

fn set_webhook(bot: &mut Bot, call: &Call) -> Result<Value, Refusal> {
    let url = call.text("url").unwrap_or_default();
    if url.is_empty() {
        return Ok(delete_webhook(bot, call));
    }
    if !url.starts_with("http") {
        return Err(Refusal::bad("bad webhook: invalid webhook URL specified"));
    }
    if let Some(Value::Array(kinds)) = call.json("allowed_updates") {
        bot.allowed = kinds.iter().filter_map(|kind| kind.as_str().map(ToOwned::to_owned)).collect();
    }
    if call.flag("drop_pending_updates") {
        bot.drop_pending();
    }
    let most = call.number("max_connections").unwrap_or(40);
    bot.hook = Some(Hook { url, secret: call.text("secret_token"), most });
    Ok(json!(true))
}

fn delete_webhook(bot: &mut Bot, call: &Call) -> Value {
    bot.hook = None;
    if call.flag("drop_pending_updates") {
        bot.drop_pending();
    }
    json!(true)
}

fn webhook_info(bot: &Bot) -> Value {
    let mut info = json!({
        "url": bot.hook.as_ref().map_or("", |hook| &hook.url),
        "has_custom_certificate": false,
        "pending_update_count": bot.pending(),
    });
    if let Some(hook) = &bot.hook {
        info["max_connections"] = json!(hook.most);
    }
    if !bot.allowed.is_empty() {
        info["allowed_updates"] = json!(bot.allowed);
    }
    info
}

/// The chat that a call names, by number or by `@username`, and whether it is blocked.
fn chat_of(bot: &Bot, call: &Call) -> Result<(i64, bool), Refusal> {
    let named = call.text("chat_id").ok_or_else(|| Refusal::bad("chat_id is empty"))?;
    let chat = match named.strip_prefix('@') {
        Some(username) => bot
            .chats
            .values()
            .find(|chat| chat.id < 0 && chat.body.get("username").and_then(Value::as_str) == Some(username)),
        None => named.parse().ok().and_then(|id: i64| bot.chats.get(&id)),
    };
    chat.map(|chat| (chat.id, chat.blocked)).ok_or_else(|| Refusal::bad("chat not found"))
}

fn send_message(state: &mut State, call: &Call, id: &str) -> Result<Value, Refusal> {
    let now = state.now();
    let limits = (state.limits.telegram_per_chat as usize, state.limits.telegram_per_bot as usize);
    let bot = own(state, id)?;
    let (chat, blocked) = chat_of(bot, call)?;
    if blocked {
        return Err(Refusal::new(403, "Forbidden: bot was blocked by the user"));
    }
    let text = text(call)?;
    let answered = answered_message(bot, chat, call)?;
    pace(bot, chat, now, limits)?;
    let from = user(bot);
    let Some(place) = bot.chats.get_mut(&chat) else { return Err(Refusal::bad("chat not found")) };
    let mut message = json!({"from": from, "chat": place.body, "date": now.as_second(), "text": text});
    if let Some(answered) = answered {
        message["reply_to_message"] = answered;
    }
    let number = place.add(&mut message);
    let target = message.pointer("/reply_to_message/message_id").and_then(Value::as_i64);
    let target = target.map_or_else(|| chat.to_string(), |number| format!("{chat}:{number}"));
    state.accept(id, "message", &target, &text, &format!("{chat}:{number}"));
    Ok(message)
}

fn text(call: &Call) -> Result<String, Refusal> {
    let text = call.text("text").unwrap_or_default();
    if text.trim().is_empty() {
        return Err(Refusal::bad("message text is empty"));
    }
    if text.encode_utf16().count() > LONGEST_TEXT {
        return Err(Refusal::bad("message is too long"));
    }
    Ok(text)
}

/// The message that is answered, if one is named and exists; without it, sending goes on only where that is allowed.
fn answered_message(bot: &Bot, chat: i64, call: &Call) -> Result<Option<Value>, Refusal> {
    let parameters = call.json("reply_parameters");
    let of = |name: &str| parameters.as_ref().and_then(|parameters| parameters.get(name));
    let as_number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let number = of("message_id").and_then(as_number).or_else(|| call.number("reply_to_message_id"));
    let lenient = of("allow_sending_without_reply").and_then(Value::as_bool).unwrap_or(false)
        || call.flag("allow_sending_without_reply");
    let Some(number) = number else { return Ok(None) };
    let found = bot.chats.get(&chat).and_then(|chat| chat.messages.get(&number)).cloned();
    if found.is_none() && !lenient {
        return Err(Refusal::bad("message to be replied not found"));
    }
    Ok(found.map(|mut message| {
        if let Value::Object(fields) = &mut message {
            fields.remove("reply_to_message");
        }
        message
    }))
}

/// So many messages a second, to one chat and in all.
fn pace(bot: &mut Bot, chat: i64, now: Timestamp, limits: (usize, usize)) -> Result<(), Refusal> {
    let horizon = now.checked_sub(SignedDuration::from_secs(1)).unwrap_or(now);
    bot.sent.retain(|(at, _)| *at > horizon);
    let here = bot.sent.iter().filter(|(_, to)| *to == chat).count();
    if here >= limits.0 || bot.sent.len() >= limits.1 {
        return Err(Refusal::busy(1));
    }
    bot.sent.push_back((now, chat));
    Ok(())
}

fn edit_message(state: &mut State, call: &Call, id: &str) -> Result<Value, Refusal> {
    let now = state.now();
    let bot = own(state, id)?;
    let (chat, _) = chat_of(bot, call)?;
    let text = text(call)?;
    let own_id = bot.id;
    let number = call.number("message_id").unwrap_or(0);
    let place = bot.chats.get_mut(&chat).and_then(|chat| chat.messages.get_mut(&number));
    let message = place.ok_or_else(|| Refusal::bad("message to edit not found"))?;
    if message.pointer("/from/id") != Some(&json!(own_id)) {
        return Err(Refusal::bad("message can't be edited"));
    }
    if message.get("text") == Some(&json!(text)) {
        return Err(Refusal::bad("message is not modified"));
    }
    message["text"] = json!(text);
    message["edit_date"] = json!(now.as_second());
    let message = message.clone();
    let target = format!("{chat}:{number}");
    state.accept(id, "edit", &target, &text, &target);
    Ok(message)
}

fn delete_message(state: &mut State, call: &Call, id: &str) -> Result<Value, Refusal> {
    let bot = own(state, id)?;
    let (chat, _) = chat_of(bot, call)?;
    let number = call.number("message_id").unwrap_or(0);
    let removed = bot.chats.get_mut(&chat).and_then(|chat| chat.messages.remove(&number));
    removed.ok_or_else(|| Refusal::bad("message to delete not found"))?;
    let target = format!("{chat}:{number}");
    state.accept(id, "delete", &target, "", &target);
    Ok(json!(true))
}
