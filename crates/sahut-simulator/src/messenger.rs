//! Direct conversations of pages and Instagram accounts: reading, answering, and the windows for it.

use jiff::SignedDuration;
use sahut_domain::channel::Platform;
use serde_json::{Value, json};

use crate::call::Call;
use crate::facebook::can_reply_privately;
use crate::graph::{
    Caller, Field, GraphError, Listing, Node, Reader, may_write, need, reaches, select, written,
};
use crate::meta::{Account, Conversation, Letter, TokenKind, Writer};
use crate::state::{Citizen, State};

/// How long a citizen may be answered after writing, in hours.
const WINDOW_HOURS: i64 = 24;

/// The same with the tag `HUMAN_AGENT`.
const HUMAN_WINDOW_HOURS: i64 = 7 * 24;

/// Characters in a Messenger text.
const LONGEST_MESSENGER: usize = 2000;

/// Bytes in an Instagram text.
const LONGEST_INSTAGRAM: usize = 1000;

/// `GET /{account}/conversations`, latest first. A page reads those of its Instagram account with
/// `platform=instagram`.
pub(crate) fn conversations<'a>(
    reader: &Reader<'a>,
    account: &'a Account,
    field: &Field,
) -> Result<Listing<'a>, GraphError> {
    let instagram = field.arg("platform").is_some_and(|platform| platform.eq_ignore_ascii_case("instagram"));
    let owner = if instagram && account.platform == Platform::Facebook {
        account.linked.as_ref().and_then(|id| reader.state.accounts.get(id))
    } else {
        Some(account)
    };
    let Some(owner) = owner else { return Ok(Listing::of(Vec::new())) };
    need_messages(reader.caller, owner.platform)?;
    let citizen = field.arg("user_id");
    let mut found: Vec<&Conversation> = owner
        .conversations
        .iter()
        .filter_map(|id| reader.state.conversations.get(id))
        .filter(|conversation| citizen.is_none_or(|id| conversation.citizen.meta_id == id))
        .collect();
    found.sort_by_key(|conversation| std::cmp::Reverse(conversation.updated_at));
    Ok(Listing::of(found.into_iter().map(Node::Conversation).collect()))
}

fn need_messages(caller: &Caller, platform: Platform) -> Result<(), GraphError> {
    let scope = match (platform, caller.token.kind) {
        (Platform::Instagram, TokenKind::Instagram) => "instagram_business_manage_messages",
        (Platform::Instagram, _) => "instagram_manage_messages",
        _ => "pages_messaging",
    };
    need(caller, 200, scope)
}

/// The messages of a conversation, newest first.
pub(crate) fn listing<'a>(reader: &Reader<'a>, node: Node<'a>, field: &Field) -> Option<Listing<'a>> {
    let Node::Conversation(conversation) = node else { return None };
    let newest = conversation.letters.iter().rev().filter_map(|id| reader.state.letters.get(id));
    (field.name == "messages").then(|| Listing::of(newest.map(Node::Letter).collect()))
}

/// A plain field of a conversation or message.
pub(crate) fn field<'a>(
    reader: &Reader<'a>,
    node: Node<'a>,
    field: &Field,
) -> Result<Option<Value>, GraphError> {
    match node {
        Node::Conversation(conversation) => {
            need_messages(reader.caller, conversation.platform)?;
            conversation_field(reader.state, conversation, field)
        }
        Node::Letter(letter) => {
            need_messages(reader.caller, letter.platform)?;
            letter_field(reader, letter, field)
        }
        _ => Err(GraphError::no_field(&field.name, node.type_name())),
    }
}

fn conversation_field(
    state: &State,
    conversation: &Conversation,
    field: &Field,
) -> Result<Option<Value>, GraphError> {
    let last = || conversation.letters.last().and_then(|id| state.letters.get(id));
    let value = match field.name.as_str() {
        "updated_time" => json!(written(conversation.updated_at)),
        "snippet" => json!(last().map(|letter| letter.text.chars().take(80).collect::<String>())),
        "message_count" => json!(conversation.letters.len()),
        "unread_count" => json!(conversation.unread),
        "can_reply" => json!(window_is_open(state, conversation, WINDOW_HOURS)),
        "participants" | "senders" => {
            json!({"data": [person(state, conversation, true), person(state, conversation, false)]})
        }
        "link" => json!(format!("/{}/inbox/{}/", conversation.account, conversation.id)),
        "folder" => json!("inbox"),
        "is_owner" | "is_subscribed" => json!(true),
        "scoped_thread_key" => json!(conversation.id),
        "name" | "wallpaper" | "former_participants" | "linked_group" => return Ok(None),
        name => return Err(GraphError::no_field(name, "UnifiedThread")),
    };
    Ok(Some(value))
}

fn letter_field(reader: &Reader<'_>, letter: &Letter, field: &Field) -> Result<Option<Value>, GraphError> {
    let state = reader.state;
    let Some(conversation) = state.conversations.get(&letter.conversation) else { return Ok(None) };
    let too_old = !has_detail(state, conversation, letter);
    let value = match field.name.as_str() {
        "created_time" => json!(written(letter.at)),
        "message" | "from" | "to" | "tags" if too_old => return Ok(None),
        "message" => reader.words(&letter.account, &letter.id, &letter.text),
        "from" => select(&person(state, conversation, letter.by_citizen), field),
        "to" => json!({"data": [person(state, conversation, !letter.by_citizen)]}),
        "tags" => json!({"data": [{"name": "inbox"}]}),
        "thread_id" => json!(letter.conversation),
        "attachments" | "shares" | "sticker" | "story" | "reactions" | "is_unsupported" => return Ok(None),
        name => return Err(GraphError::no_field(name, "UnifiedMessage")),
    };
    Ok(Some(value))
}

/// Only the newest messages of a conversation come with their words.
fn has_detail(state: &State, conversation: &Conversation, letter: &Letter) -> bool {
    conversation.letters.iter().rev().take(state.limits.detailed_messages).any(|id| *id == letter.id)
}

fn person(state: &State, conversation: &Conversation, citizen: bool) -> Value {
    let name = if conversation.platform == Platform::Instagram { "username" } else { "name" };
    if citizen {
        return json!({name: conversation.citizen.handle, "id": conversation.citizen.meta_id});
    }
    let shown = state.accounts.get(&conversation.account).map(|account| match conversation.platform {
        Platform::Instagram => account.username.clone(),
        _ => account.name.clone(),
    });
    json!({name: shown, "id": conversation.account})
}

fn window_is_open(state: &State, conversation: &Conversation, hours: i64) -> bool {
    let last = conversation.citizen_wrote_at;
    last.is_some_and(|at| state.now().duration_since(at) <= SignedDuration::from_hours(hours))
}

/// `POST /{account}/messages`: an answer in a conversation, or the one private reply to a comment.
pub(crate) fn send(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    account: &str,
) -> Result<Value, GraphError> {
    if !reaches(state, caller, account) {
        return Err(GraphError::no_object("post", account));
    }
    may_write(state, caller, account)?;
    let recipient = call.json("recipient").ok_or_else(|| GraphError::missing_parameter("recipient"))?;
    let text = call.json("message").and_then(|message| Some(message.get("text")?.as_str()?.to_owned()));
    let text =
        text.filter(|text| !text.is_empty()).ok_or_else(|| GraphError::missing_parameter("message"))?;
    let of = |name: &str| recipient.get(name).and_then(|id| id.as_str().map(ToOwned::to_owned));
    let (owner, citizen, target) = match (of("comment_id"), of("id")) {
        (Some(comment), _) => private_reply(state, caller, &comment)?,
        (None, Some(id)) => open_window(state, call, caller, account, &id)?,
        (None, None) => return Err(GraphError::missing_parameter("recipient[id]")),
    };
    let platform = state.account(&owner)?.platform;
    need_messages(caller, platform)?;
    fits(&text, platform)?;
    if state.account(&owner)?.blocked_by.contains(&citizen.meta_id) {
        return Err(GraphError::new(551, "(#551) This person isn't available right now."));
    }
    if let Some(comment) = state.comments.get_mut(&target) {
        comment.privately_answered = true;
    }
    let conversation = state.conversation(&owner, &citizen)?;
    let id = state.add_letter(&conversation, false, &text, state.now())?;
    state.accept(&owner, "message", &target, &text, &id);
    Ok(json!({"recipient_id": citizen.meta_id, "message_id": id}))
}

/// Who gets the private reply to a comment, if it may still be sent: account, citizen, target.
fn private_reply(state: &State, caller: &Caller, id: &str) -> Result<(String, Citizen, String), GraphError> {
    let comment = state.comments.get(id).filter(|comment| reaches(state, caller, &comment.account));
    let comment = comment.ok_or_else(|| GraphError::no_object("post", id))?;
    if comment.privately_answered {
        return Err(GraphError::new(10_900, "(#10900) Activity already replied to"));
    }
    match &comment.writer {
        Writer::Citizen(citizen) if can_reply_privately(state, comment) => {
            Ok((comment.account.clone(), citizen.clone(), id.to_owned()))
        }
        _ => Err(outside_window()),
    }
}

/// Who gets a message, if the citizen wrote lately enough: account, citizen, target.
fn open_window(
    state: &State,
    call: &Call,
    caller: &Caller,
    account: &str,
    citizen: &str,
) -> Result<(String, Citizen, String), GraphError> {
    let linked = state.account(account)?.linked.clone().filter(|linked| reaches(state, caller, linked));
    let conversation = [Some(account.to_owned()), linked]
        .into_iter()
        .flatten()
        .filter_map(|owner| state.talks.get(&(owner, citizen.to_owned())))
        .find_map(|id| state.conversations.get(id))
        .ok_or_else(|| GraphError::parameter("No matching user found").sub(2_018_001))?;
    let human = call.text("messaging_type").as_deref() == Some("MESSAGE_TAG")
        && call.text("tag").as_deref() == Some("HUMAN_AGENT");
    let hours = if human { HUMAN_WINDOW_HOURS } else { WINDOW_HOURS };
    if !window_is_open(state, conversation, hours) {
        return Err(outside_window());
    }
    Ok((conversation.account.clone(), conversation.citizen.clone(), citizen.to_owned()))
}

fn outside_window() -> GraphError {
    GraphError::new(10, "(#10) This message is sent outside of allowed window.").sub(2_018_278)
}

fn fits(text: &str, platform: Platform) -> Result<(), GraphError> {
    let (has, most) = match platform {
        Platform::Instagram => (text.len(), LONGEST_INSTAGRAM),
        _ => (text.chars().count(), LONGEST_MESSENGER),
    };
    if has <= most {
        return Ok(());
    }
    let message = format!("Length of param message[text] must be less than or equal to {most}");
    Err(GraphError::parameter(message).sub(2_018_109))
}
