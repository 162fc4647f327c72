//! The world by HTTP, for tests that run in another process: `GET /_sim/ledger`, `POST /_sim/do`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::moods::{Limits, Mood, Moods};
use crate::state::{Shared, Unknown};
use crate::world::World;

/// A deed as JSON, such as `{"do": "comment", "post": "1_2", "handle": "warga_0001", "text": "Halo"}`. Without `at` it
/// happens now.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Deed {
    CreatePage { name: String },
    CreateInstagram { username: String, page: Option<String> },
    CreateBot { name: String, username: String },
    CreateUser { pages: Vec<String> },
    App,
    Post { account: String, text: String, at: Option<Timestamp> },
    VisitorPost { page: String, handle: String, text: String, at: Option<Timestamp> },
    Comment { post: String, handle: String, text: String, at: Option<Timestamp> },
    Reply { comment: String, handle: String, text: String, at: Option<Timestamp> },
    Edit { comment: String, text: String },
    Delete { comment: String },
    Hide { comment: String, hidden: bool },
    Backdate { comment: String, at: Timestamp },
    Direct { account: String, handle: String, text: String, at: Option<Timestamp> },
    MentionInComment { account: String, handle: String, text: String, at: Option<Timestamp> },
    MentionInCaption { account: String, handle: String, text: String, at: Option<Timestamp> },
    Telegram { bot: String, handle: String, text: String, at: Option<Timestamp> },
    TelegramGroup { bot: String, title: String, username: Option<String> },
    TelegramInGroup { bot: String, group: i64, handle: String, text: String, at: Option<Timestamp> },
    TelegramAlbum { bot: String, handle: String, text: String, pictures: usize, at: Option<Timestamp> },
    TelegramEdit { bot: String, message: String, text: String },
    Block { account: String, handle: String, blocked: bool },
    KillToken { token: String, subcode: i64 },
    ReviveToken { token: String },
    Permit { token: String, permission: String, granted: bool },
    WithholdAuthors { account: String, withheld: bool },
    Restrict { account: String, restricted: bool },
    PushTo { url: Option<String> },
    Moods(Moods),
    Limits(Limits),
    NextCall { part: String, mood: Mood },
}

/// Answers a call below `/_sim/`.
pub(crate) fn answer(shared: &std::sync::Arc<Shared>, what: &str, body: &[u8]) -> Response {
    let world = World::new(std::sync::Arc::clone(shared));
    match what {
        "ledger" => Json(world.ledger()).into_response(),
        "do" => match serde_json::from_slice(body) {
            Ok(deed) => perform(&world, deed).map_or_else(
                |unknown| refuse(StatusCode::NOT_FOUND, &unknown.to_string()),
                |result| Json(result).into_response(),
            ),
            Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        _ => refuse(StatusCode::NOT_FOUND, "GET /_sim/ledger or POST /_sim/do"),
    }
}

fn refuse(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

fn perform(world: &World, deed: Deed) -> Result<Value, Unknown> {
    let when = |at: Option<Timestamp>| at.unwrap_or_else(|| world.clock().now());
    Ok(match deed {
        Deed::CreatePage { name } => json!(world.create_page(&name)),
        Deed::CreateInstagram { username, page } => {
            json!(world.create_instagram(&username, page.as_deref())?)
        }
        Deed::CreateBot { name, username } => json!(world.create_bot(&name, &username)),
        Deed::CreateUser { pages } => {
            json!(world.create_user(&pages.iter().map(String::as_str).collect::<Vec<_>>()))
        }
        Deed::App => json!(world.app()),
        Deed::Post { account, text, at } => json!(world.post(&account, &text, when(at))?),
        Deed::VisitorPost { page, handle, text, at } => {
            json!(world.visitor_post(&page, &handle, &text, when(at))?)
        }
        Deed::Comment { post, handle, text, at } => json!(world.comment(&post, &handle, &text, when(at))?),
        Deed::Reply { comment, handle, text, at } => {
            json!(world.reply(&comment, &handle, &text, when(at))?)
        }
        Deed::Edit { comment, text } => json!(world.edit(&comment, &text)?),
        Deed::Delete { comment } => json!(world.delete(&comment)?),
        Deed::Hide { comment, hidden } => json!(world.hide(&comment, hidden)?),
        Deed::Backdate { comment, at } => json!(world.backdate(&comment, at)?),
        Deed::Direct { account, handle, text, at } => {
            json!(world.direct(&account, &handle, &text, when(at))?)
        }
        Deed::MentionInComment { account, handle, text, at } => {
            json!(world.mention_in_comment(&account, &handle, &text, when(at))?)
        }
        Deed::MentionInCaption { account, handle, text, at } => {
            json!(world.mention_in_caption(&account, &handle, &text, when(at))?)
        }
        Deed::Telegram { bot, handle, text, at } => json!(world.telegram(&bot, &handle, &text, when(at))?),
        Deed::TelegramGroup { bot, title, username } => {
            json!(world.telegram_group(&bot, &title, username.as_deref())?)
        }
        Deed::TelegramInGroup { bot, group, handle, text, at } => {
            json!(world.telegram_in_group(&bot, group, &handle, &text, when(at))?)
        }
        Deed::TelegramAlbum { bot, handle, text, pictures, at } => {
            json!(world.telegram_album(&bot, &handle, &text, pictures, when(at))?)
        }
        Deed::TelegramEdit { bot, message, text } => json!(world.telegram_edit(&bot, &message, &text)?),
        Deed::Block { account, handle, blocked } => json!(world.block(&account, &handle, blocked)?),
        Deed::KillToken { token, subcode } => json!(world.kill_token(&token, subcode)?),
        Deed::ReviveToken { token } => json!(world.revive_token(&token)?),
        Deed::Permit { token, permission, granted } => json!(world.permit(&token, &permission, granted)?),
        Deed::WithholdAuthors { account, withheld } => json!(world.withhold_authors(&account, withheld)?),
        Deed::Restrict { account, restricted } => json!(world.restrict(&account, restricted)?),
        Deed::PushTo { url } => json!(world.push_to(url.as_deref())),
        Deed::Moods(moods) => json!(world.set_moods(moods)),
        Deed::Limits(limits) => json!(world.set_limits(limits)),
        Deed::NextCall { part, mood } => json!(world.next_call(&part, mood)),
    })
}
