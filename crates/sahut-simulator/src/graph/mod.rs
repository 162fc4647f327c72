//! The Graph API: who may call, how often, and which module answers. Facebook and Instagram share it, and so do the
//! hosts `graph.facebook.com` and `graph.instagram.com`: the token says which one was meant.

mod admission;
mod errors;
mod fields;
mod paging;
mod reader;

use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) use admission::{Caller, TOKEN_DAYS, may_write, need, need_any, reaches};
pub(crate) use errors::GraphError;
pub(crate) use fields::Field;
pub(crate) use paging::Listing;
pub(crate) use reader::{Node, Reader, select};
use sahut_domain::channel::Platform;

use crate::call::Call;
use crate::meta::TokenKind;
use crate::moods::Mood;
use crate::server::Answer;
use crate::state::{State, Unknown};
use crate::{facebook, instagram, messenger};

impl From<Unknown> for GraphError {
    fn from(unknown: Unknown) -> Self {
        Self::parameter(unknown)
    }
}

/// Answers one call.
pub(crate) fn answer(state: &mut State, call: &Call, mood: Mood) -> Answer {
    let mut account = String::new();
    let result = admission::identify(state, call).and_then(|caller| {
        account.clone_from(&caller.token.holder);
        admission::throttle(state, call, &caller, mood)?;
        dispatch(state, call, &caller, mood)
    });
    let mut answer = result.unwrap_or_else(|error| {
        let trace = format!("A{}", state.letters(22));
        Answer::json(error.status, error.body(&trace))
    });
    answer.headers.push(("facebook-api-version", call.version().to_owned()));
    answer.headers.extend(admission::usage(state, &account, mood));
    answer.account = account;
    answer
}

fn dispatch(state: &mut State, call: &Call, caller: &Caller, mood: Mood) -> Result<Answer, GraphError> {
    let verb = call.text("method").map_or_else(|| call.method.to_string(), |method| method.to_uppercase());
    let path: Vec<String> = call
        .segments()
        .iter()
        .map(|part| if *part == "me" { &caller.token.holder } else { *part }.to_owned())
        .collect();
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match (verb.as_str(), parts.as_slice()) {
        ("GET", ["debug_token"]) => admission::debug_token(state, call).map(Answer::ok),
        ("GET", ["refresh_access_token"]) => admission::refresh(state, caller).map(Answer::ok),
        ("GET", []) => nodes(state, call, caller, mood),
        ("GET", [id]) => Reader::new(state, call, caller, mood).node(id, &call_field(call, "")?),
        ("GET", [id, edge]) => Reader::new(state, call, caller, mood).edge(id, &call_field(call, edge)?),
        ("POST", [id, edge]) => {
            let made = post_edge(state, call, caller, id, edge)?;
            read_back(state, call, caller, made)
        }
        ("POST", [id]) => update(state, call, caller, id).map(Answer::ok),
        ("DELETE", [id]) => delete(state, caller, id).map(Answer::ok),
        _ => Err(GraphError::new(2500, format!("Unknown path components: /{}", parts.join("/")))),
    }
}

/// The call itself as a field: its edge, its parameters as arguments, its selection.
fn call_field(call: &Call, edge: &str) -> Result<Field, GraphError> {
    let inner = call.text("fields").unwrap_or_default();
    let fields = Field::list(&inner)?;
    Ok(Field { name: edge.to_owned(), args: call.all(), fields, inner })
}

/// `?ids=a,b,c`.
fn nodes(state: &State, call: &Call, caller: &Caller, mood: Mood) -> Result<Answer, GraphError> {
    let ids = call.text("ids").ok_or_else(|| GraphError::missing_parameter("ids"))?;
    let field = call_field(call, "")?;
    let mut all = Answer::ok(json!({}));
    for id in ids.split(',') {
        let one = Reader::new(state, call, caller, mood).node(id, &field)?;
        all.body[id] = one.body;
        all.shown.extend(one.shown);
    }
    Ok(all)
}

fn post_edge(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    id: &str,
    edge: &str,
) -> Result<Value, GraphError> {
    let platform = platform_of(state, id).ok_or_else(|| GraphError::no_object("post", id))?;
    match (platform, edge) {
        (_, "messages") => messenger::send(state, call, caller, id),
        (_, "subscribed_apps") => {
            need_any(caller, &["pages_manage_metadata", "instagram_business_basic"])?;
            let account = state.account_mut(id)?;
            account.subscribed_fields = call.text("subscribed_fields").unwrap_or_default();
            Ok(json!({"success": true}))
        }
        (Platform::Instagram, "comments" | "replies" | "mentions") => {
            instagram::publish(state, call, caller, id, edge)
        }
        (_, "comments") => facebook::publish(state, call, caller, id),
        _ => Err(GraphError::no_object("post", id)),
    }
}

/// What was made, with the fields that the call asks for besides.
fn read_back(state: &State, call: &Call, caller: &Caller, made: Value) -> Result<Answer, GraphError> {
    match made.get("id").and_then(Value::as_str) {
        Some(id) if call.text("fields").is_some() => {
            Reader::new(state, call, caller, Mood::Fine).node(id, &call_field(call, "")?)
        }
        _ => Ok(Answer::ok(made)),
    }
}

fn update(state: &mut State, call: &Call, caller: &Caller, id: &str) -> Result<Value, GraphError> {
    match platform_of(state, id) {
        Some(Platform::Instagram) => instagram::update(state, call, caller, id),
        Some(_) => facebook::update(state, call, caller, id),
        None => Err(GraphError::no_object("post", id)),
    }
}

fn delete(state: &mut State, caller: &Caller, id: &str) -> Result<Value, GraphError> {
    let gone = || GraphError::no_object("delete", id);
    let comment = state.comments.get(id).ok_or_else(gone)?;
    let account = comment.account.clone();
    if !reaches(state, caller, &account) {
        return Err(gone());
    }
    may_write(state, caller, &account)?;
    need_manage_comments(caller, comment.platform)?;
    state.delete_comment(id)?;
    state.accept(&account, "delete", id, "", id);
    Ok(json!({"success": true}))
}

/// Which platform a node belongs to.
fn platform_of(state: &State, id: &str) -> Option<Platform> {
    let account = state.accounts.get(id).map(|account| account.platform);
    let post = || state.posts.get(id).map(|post| post.platform);
    let comment = || state.comments.get(id).map(|comment| comment.platform);
    account.or_else(post).or_else(comment)
}

/// The permission to answer, hide and delete comments.
pub(crate) fn need_manage_comments(caller: &Caller, platform: Platform) -> Result<(), GraphError> {
    match (platform, caller.token.kind) {
        (Platform::Instagram, TokenKind::Instagram) => need(caller, 10, "instagram_business_manage_comments"),
        (Platform::Instagram, _) => need(caller, 10, "instagram_manage_comments"),
        _ => need(caller, 200, "pages_manage_engagement"),
    }
}

/// A moment as Graph writes it: without the colon in the zone.
pub(crate) fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// A moment as Graph reads it: seconds since 1970, or a date with or without a time.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let seconds = || Timestamp::from_second(text.parse().ok()?).ok();
    let graph = || jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%z", text).ok()?.to_timestamp().ok();
    let day = || {
        let date: jiff::civil::Date = text.parse().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight())).ok()
    };
    seconds().or_else(|| text.parse().ok()).or_else(graph).or_else(day)
}
