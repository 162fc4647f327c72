//! What the platforms push: signed deliveries, some of them twice, tried again until somebody says 2xx.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sahut_domain::channel::Platform;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::meta::{Comment, Letter, Writer};
use crate::state::{Citizen, Shared, State};

/// After how many attempts a delivery is given up.
const LAST_ATTEMPT: u32 = 10;

/// How long a receiver may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One delivery on its way.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) url: String,
    pub(crate) header: Option<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) attempt: u32,
    /// What the receiver has seen once it says 2xx: account and identifier.
    pub(crate) shows: Option<(String, String)>,
    /// The Telegram update that is confirmed by it: bot and number.
    pub(crate) update: Option<(String, i64)>,
}

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
        "id": comment.id, "text": comment.text, "from": person(state, comment, "username"),
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
        "created_time": comment.at.as_second(), "from": person(state, comment, "name"),
    });
    if verb != "remove" {
        value["message"] = json!(comment.text);
    }
    value
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

fn person(state: &State, comment: &Comment, name: &str) -> Value {
    match &comment.writer {
        Writer::Citizen(citizen) => json!({"id": citizen.meta_id, name: citizen.handle}),
        Writer::Account => {
            let account = state.accounts.get(&comment.account);
            json!({"id": comment.account, name: account.map(|account| &account.name)})
        }
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

/// Delivers what lies in the outbox and in the queues of bots with a webhook, one after the other.
pub(crate) async fn courier(shared: Arc<Shared>) {
    while !shared.stop.is_cancelled() {
        let stirred = shared.stirred.notified();
        tokio::pin!(stirred);
        stirred.as_mut().enable();
        let next = shared.lock().next_parcel();
        let Some(parcel) = next else {
            tokio::select! { () = stirred => {}, () = shared.stop.cancelled() => {} }
            continue;
        };
        let pause = deliver(&shared, parcel).await;
        tokio::select! { () = sleep(pause) => {}, () = shared.stop.cancelled() => {} }
    }
}

/// Tries once; says how long to rest before the next delivery.
async fn deliver(shared: &Shared, mut parcel: Parcel) -> Duration {
    let status = match timeout(PATIENCE, post(&parcel)).await {
        Ok(Ok(status)) => status,
        Ok(Err(_)) | Err(_) => 0,
    };
    let mut state = shared.lock();
    if (200..300).contains(&status) {
        state.ledger.serve(parcel.shows.as_slice());
        if let Some((bot, number)) = parcel.update.take() {
            state.confirm_update(&bot, number);
        }
        return Duration::ZERO;
    }
    parcel.attempt += 1;
    let rest = Duration::from_millis(u64::from(parcel.attempt.min(5)) * 200);
    if parcel.update.is_none() && parcel.attempt < LAST_ATTEMPT {
        state.outbox.push_back(parcel);
    }
    rest
}

/// A POST by hand: deliveries go to plain HTTP on this machine only, and no client library is needed for that.
async fn post(parcel: &Parcel) -> io::Result<u16> {
    let broken = |error: &str| io::Error::new(io::ErrorKind::InvalidInput, error.to_owned());
    let url = Url::parse(&parcel.url).map_err(|error| broken(&error.to_string()))?;
    let host = url.host_str().ok_or_else(|| broken("no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let header =
        parcel.header.as_ref().map_or_else(String::new, |(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n{header}\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        parcel.body.len()
    );
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(parcel.body.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| broken("no status line"))
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
