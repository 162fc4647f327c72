//! What Meta pushes: the bodies of webhooks, escaped and signed as Meta does it.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sahut_domain::channel::Platform;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::courier::Parcel;
use crate::meta::{Comment, Letter, Post, Writer};
use crate::state::{Citizen, State};

/// What an entry of a delivery is about.
struct Entry<'a> {
    object: &'static str,
    account: &'a str,
    shows: Option<(String, String)>,
}

/// A comment was added, edited, removed, hidden or shown again. Instagram only tells of new ones.
pub(crate) fn comment(state: &mut State, comment: &Comment, verb: &str) {
    let added = verb == "add";
    let shows = added.then(|| (comment.account.clone(), comment.id.clone()));
    match comment.platform {
        Platform::Instagram if !added => {}
        Platform::Instagram => {
            let value = instagram_comment(state, comment);
            let entry = Entry { object: "instagram", account: &comment.account, shows };
            change(state, entry, "comments", &value);
        }
        _ => {
            let value = facebook_comment(state, comment, verb);
            change(state, Entry { object: "page", account: &comment.account, shows }, "feed", &value);
        }
    }
}

fn instagram_comment(state: &State, comment: &Comment) -> Value {
    let mut value = json!({
        "id": comment.id, "text": comment.text, "from": person(state, &comment.account, &comment.writer, "username"),
        "media": {"id": comment.post, "media_product_type": "FEED"},
    });
    if let Some(parent) = &comment.parent {
        value["parent_id"] = json!(parent);
    }
    value
}

fn facebook_comment(state: &State, comment: &Comment, verb: &str) -> Value {
    let mut value = json!({
        "item": "comment", "verb": verb, "comment_id": comment.id, "post_id": comment.post,
        "parent_id": comment.parent.as_ref().unwrap_or(&comment.post),
        "created_time": comment.at.as_second(), "from": person(state, &comment.account, &comment.writer, "name"),
    });
    if verb != "remove" {
        value["message"] = json!(comment.text);
    }
    value
}

/// Something was published on a page.
pub(crate) fn post(state: &mut State, post: &Post) {
    if post.platform != Platform::Facebook {
        return;
    }
    let value = json!({
        "item": "status", "verb": "add", "post_id": post.id, "message": post.text, "published": 1,
        "created_time": post.at.as_second(), "from": person(state, &post.account, &post.writer, "name"),
    });
    let shows = Some((post.account.clone(), post.id.clone()));
    change(state, Entry { object: "page", account: &post.account, shows }, "feed", &value);
}

/// An account was named in a comment or caption of somebody else. The words have to be asked for.
pub(crate) fn mention(state: &mut State, account: &str, media: &str, comment: Option<&str>) {
    let mut value = json!({ "media_id": media });
    if let Some(comment) = comment {
        value["comment_id"] = json!(comment);
    }
    change(state, Entry { object: "instagram", account, shows: None }, "mentions", &value);
}

/// A citizen sent a message.
pub(crate) fn letter(state: &mut State, letter: &Letter, citizen: &Citizen) {
    let object = if letter.platform == Platform::Instagram { "instagram" } else { "page" };
    let messaging = json!([{
        "sender": {"id": citizen.meta_id}, "recipient": {"id": letter.account},
        "timestamp": letter.at.as_millisecond(), "message": {"mid": letter.id, "text": letter.text},
    }]);
    let shows = Some((letter.account.clone(), letter.id.clone()));
    push(state, Entry { object, account: &letter.account, shows }, "messaging", &messaging);
}

fn person(state: &State, account: &str, writer: &Writer, name: &str) -> Value {
    match writer {
        Writer::Citizen(citizen) => json!({"id": citizen.meta_id, name: citizen.handle}),
        Writer::Account => json!({"id": account, name: state.accounts.get(account).map(|own| &own.name)}),
    }
}

fn change(state: &mut State, entry: Entry<'_>, field: &str, value: &Value) {
    push(state, entry, "changes", &json!([{"field": field, "value": value}]));
}

fn push(state: &mut State, entry: Entry<'_>, part: &str, content: &Value) {
    let Some(url) = state.webhook.clone() else { return };
    let line = json!({"id": entry.account, "time": state.now().as_second(), part: content});
    let body = escape(&json!({"object": entry.object, "entry": [line]}).to_string());
    let signed = format!("sha256={}", signature(&state.app.secret, body.as_bytes()));
    let header = Some(("X-Hub-Signature-256", signed));
    let parcel = Parcel { url, header, body, attempt: 0, shows: entry.shows, update: None };
    let twice = state.temper("webhook").fraction() < state.moods.duplicate_delivery;
    state.outbox.extend(std::iter::repeat_n(parcel, if twice { 2 } else { 1 }));
}

/// HMAC-SHA256 in hexadecimal, as `X-Hub-Signature-256` carries it after `sha256=`.
pub(crate) fn signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Meta writes everything that is not ASCII as `\uXXXX`, and slashes as `\/`: whoever verifies a re-serialised body
/// fails at the first emoji.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '/' => escaped.push_str("\\/"),
            _ if letter.is_ascii() => escaped.push(letter),
            _ => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_ascii_and_mean_the_same() {
        let body = json!({"text": "jalan rusak 🙏 / é"});
        let escaped = escape(&body.to_string());
        assert!(escaped.is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), body);
    }

    #[test]
    fn the_signature_is_hmac_sha256() {
        // RFC 4231, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expected);
    }
}
