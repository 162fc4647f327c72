//! Telegram as a channel: what is asked of the Bot API, and what its answers come to.

use std::sync::Arc;
use std::time::Duration;

use crate::channel::{connector, now, reply};
use crate::peer::{Call, Peer, json as answer};
use jiff::{SignedDuration, Timestamp};
use sahut_channels::{Ask, BuildError, Connector, Identity, Limit, NotSent, PushRefused, Scope, Trouble};
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::message::Surface;
use serde_json::{Value, json};

const TOKEN: &str = "4242:AAE-rahasia_x";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn bot(peer: &Peer, more: &Value) -> Arc<dyn Connector> {
    let mut settings = json!({"base_url": peer.url.as_str()});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    connector(Platform::Telegram, settings, &[("token", TOKEN), ("webhook_secret", "pintu-1")]).unwrap()
}

fn ask(cursor: Option<&str>, now: Timestamp) -> Ask<'_> {
    Ask { feed: "updates", cursor, page: None, deep: false, patience: Duration::from_secs(25), now }
}

fn body(call: &Call) -> Value {
    serde_json::from_str(&call.body).unwrap()
}

fn message(update: i64, text: &str) -> Value {
    json!({"update_id": update, "message": {"message_id": update, "date": 1_795_480_000, "text": text,
           "chat": {"id": 77, "type": "private"}, "from": {"id": 77, "is_bot": false, "first_name": "W"}}})
}

fn no(code: u16, words: &str, parameters: &Value) -> (u16, String) {
    let body = json!({"ok": false, "error_code": code, "description": words, "parameters": parameters});
    (code, body.to_string())
}

async fn refused((status, body): (u16, String)) -> (Trouble, NotSent) {
    let peer = Peer::start(move |_| answer(status, &body)).await;
    let bot = bot(&peer, &json!({}));
    let trouble = bot.read(ask(None, now())).await.unwrap_err();
    let not_sent = bot.send(&reply(Surface::Direct, "77:5", "Baik"), now()).await.unwrap_err();
    for text in [trouble.to_string(), not_sent.to_string(), format!("{trouble:?} {not_sent:?}")] {
        assert!(!text.contains("rahasia"), "{text}");
    }
    (trouble, not_sent)
}

#[tokio::test]
async fn a_page_is_acknowledged_by_the_next_question_only() {
    let peer = Peer::start(|asked| {
        let updates = match body(asked)["offset"].as_i64() {
            None => json!([message(100, "satu"), {"update_id": 101, "message": 1}, message(102, "tiga")]),
            Some(_) => json!([]),
        };
        answer(200, json!({"ok": true, "result": updates}))
    })
    .await;
    let bot = bot(&peer, &json!({}));
    let page = bot.read(ask(None, now())).await.unwrap();
    assert_eq!((page.items.len(), page.bad.len(), page.more), (2, 1, false));
    let cursor = page.cursor.unwrap();

    let quiet = bot.read(ask(Some(&cursor), now())).await.unwrap();
    assert_eq!((quiet.items.len(), quiet.cursor), (0, None), "a quiet answer leaves the cursor where it is");
    let later = at("2026-12-01T03:00:00Z");
    assert_eq!(bot.read(ask(Some(&cursor), later)).await.unwrap().items.len(), 2);

    let asked = peer.calls();
    let questions: Vec<Value> = asked.iter().map(body).collect();
    assert_eq!(questions.iter().map(|q| q["offset"].as_i64()).collect::<Vec<_>>(), [None, Some(103), None]);
    assert_eq!(questions[0]["timeout"], 25);
    assert_eq!(questions[0]["limit"], 100);
    assert_eq!(
        questions[0]["allowed_updates"],
        json!(["message", "edited_message", "channel_post", "edited_channel_post"])
    );
    assert_eq!(asked[0].path, format!("/bot{TOKEN}/getUpdates"));
}

#[tokio::test]
async fn ids_that_start_anew_lower_are_followed() {
    let peer = Peer::start(|_| answer(200, json!({"ok": true, "result": [message(7, "x")]}))).await;
    let bot = bot(&peer, &json!({}));
    let page = bot.read(ask(Some("900000001@1700000000"), now())).await.unwrap();
    assert_eq!(page.items.len(), 1);
    bot.read(ask(page.cursor.as_deref(), now())).await.unwrap();
    let offsets: Vec<_> = peer.calls().iter().map(|call| body(call)["offset"].as_i64()).collect();
    assert_eq!(offsets, [None, Some(8)]);
}

#[tokio::test]
async fn a_full_page_says_that_there_is_more() {
    let updates: Vec<Value> = (0..100).map(|id| message(id, "x")).collect();
    let peer = Peer::start(move |_| answer(200, json!({"ok": true, "result": updates}))).await;
    assert!(bot(&peer, &json!({})).read(ask(None, now())).await.unwrap().more);
}

#[tokio::test]
async fn the_token_is_wrong_for_good() {
    for code in [401, 404] {
        let (trouble, not_sent) = refused(no(code, &format!("Unauthorized {TOKEN}"), &json!({}))).await;
        assert!(matches!(trouble, Trouble::Person { ailment: Ailment::Credential, .. }));
        assert!(matches!(not_sent, NotSent::Trouble(Trouble::Person { ailment: Ailment::Credential, .. })));
    }
}

#[tokio::test]
async fn patience_is_granted_for_an_hour_at_most() {
    for (asked, granted) in [(30, 30), (10_000_000_000_i64, 3600), (-5, 0)] {
        let (trouble, not_sent) = refused(no(429, "Too Many Requests", &json!({"retry_after": asked}))).await;
        let until = now().checked_add(SignedDuration::from_secs(granted)).unwrap();
        assert!(
            matches!(trouble, Trouble::Wait { until: Some(at), scope: Scope::Channel, .. } if at == until)
        );
        assert!(matches!(
            not_sent,
            NotSent::Trouble(Trouble::Wait { until: Some(at), scope: Scope::Call, .. }) if at == until
        ));
    }
}

#[tokio::test]
async fn the_two_causes_of_a_conflict_are_told_apart() {
    let (second, _) = refused(no(409, "Conflict: terminated by other getUpdates request", &json!({}))).await;
    assert!(matches!(second, Trouble::Again { ailment: Ailment::Platform, .. }));
    assert!(second.to_string().contains("another program"));
    let (hook, _) =
        refused(no(409, "Conflict: can't use getUpdates method while webhook is active", &json!({}))).await;
    assert!(matches!(hook, Trouble::Person { ailment: Ailment::Permission, .. }));
    assert!(hook.to_string().contains("deleteWebhook"));
}

#[tokio::test]
async fn a_citizen_who_blocked_the_bot_is_not_written_to_again() {
    let (_, not_sent) = refused(no(403, "Forbidden: bot was blocked by the user", &json!({}))).await;
    assert!(matches!(not_sent, NotSent::Refused(words) if words.contains("blocked")));
    let (_, not_sent) = refused(no(400, "Bad Request: chat not found", &json!({}))).await;
    assert!(matches!(not_sent, NotSent::Refused(_)));
}

#[tokio::test]
async fn an_outcome_that_nobody_knows_is_uncertain() {
    let html = "<html>502</html>".to_owned();
    for reaction in [
        no(500, "Internal Server Error", &json!({})),
        (502, html.clone()),
        (200, html.clone()),
        (200, "{\"ok\":true".to_owned()),
        (200, json!({"ok": true, "result": {"message_id": "jalan rusak"}}).to_string()),
        (200, json!({"ok": true}).to_string()),
    ] {
        let (trouble, not_sent) = refused(reaction).await;
        assert!(matches!(trouble, Trouble::Again { .. }), "{trouble:?}");
        assert!(matches!(not_sent, NotSent::Uncertain(_)), "{not_sent:?}");
        assert!(!not_sent.to_string().contains("rusak"));
    }
    let (trouble, not_sent) = refused((404, html)).await;
    assert!(
        matches!(trouble, Trouble::Again { ailment: Ailment::Platform, .. }),
        "a proxy's page says nothing"
    );
    assert!(matches!(not_sent, NotSent::Trouble(Trouble::Again { .. })));
}

#[tokio::test]
async fn a_closed_port_names_no_token() {
    let base = json!({"base_url": "http://127.0.0.1:9"});
    let bot = connector(Platform::Telegram, base, &[("token", TOKEN)]).unwrap();
    let trouble = bot.identify().await.unwrap_err();
    assert!(!format!("{trouble} {trouble:?}").contains("rahasia"), "{trouble:?}");
}

#[tokio::test]
async fn an_answer_is_a_reply_that_survives_a_deleted_question() {
    let peer = Peer::start(|_| {
        let sent = json!({"message_id": 90, "date": 1_795_480_100, "chat": {"id": -1001, "type": "supergroup",
                          "username": "forumwarga"}});
        answer(200, json!({"ok": true, "result": sent}))
    })
    .await;
    let sent =
        bot(&peer, &json!({})).send(&reply(Surface::Comment, "-1001:20", "Besok"), now()).await.unwrap();
    assert_eq!(sent.external_id, "-1001:90");
    assert_eq!(sent.at.as_second(), 1_795_480_100);
    assert_eq!(sent.permalink.as_deref(), Some("https://t.me/forumwarga/90"));
    let body = body(&peer.last());
    assert_eq!(body["chat_id"], -1001);
    assert_eq!(body["text"], "Besok");
    assert_eq!(body["reply_parameters"], json!({"message_id": 20, "allow_sending_without_reply": true}));
}

fn moved() -> axum::http::Response<axum::body::Body> {
    let (status, body) = no(400, "group chat was upgraded", &json!({"migrate_to_chat_id": -1005}));
    answer(status, body)
}

#[tokio::test]
async fn a_group_that_moved_is_followed_once() {
    let peer = Peer::start(|asked| {
        if body(asked)["chat_id"] == -5 {
            return moved();
        }
        let chat = json!({"id": -1005, "type": "supergroup"});
        answer(200, json!({"ok": true, "result": {"message_id": 1, "date": 1, "chat": chat}}))
    })
    .await;
    let sent = bot(&peer, &json!({})).send(&reply(Surface::Comment, "-5:20", "Baik"), now()).await.unwrap();
    assert_eq!(sent.external_id, "-1005:1");
    let asked = peer.calls();
    assert_eq!(asked.len(), 2);
    assert!(body(&asked[1]).get("reply_parameters").is_none(), "old numbers mean other messages there");

    let peer = Peer::start(|_| moved()).await;
    let lost = bot(&peer, &json!({})).send(&reply(Surface::Comment, "-5:20", "Baik"), now()).await;
    assert!(matches!(lost, Err(NotSent::Refused(_))));
    assert_eq!(peer.calls().len(), 2);
}

#[tokio::test]
async fn length_is_counted_in_utf_16_units() {
    let peer = Peer::start(|_| answer(200, json!({}))).await;
    let bot = bot(&peer, &json!({}));
    let check = |text: &str| bot.check(&reply(Surface::Direct, "77:5", text), now());
    assert_eq!(check(&"a".repeat(4096)), Ok(()));
    assert_eq!(check(&"🙏".repeat(2048)), Ok(()));
    assert!(matches!(check(&"🙏".repeat(2049)), Err(Limit::Length { has: 4098, .. })));
    assert!(matches!(bot.check(&reply(Surface::Direct, "mail-1", "x"), now()), Err(Limit::NotAnswerable(_))));
    let lost = bot.look_up(&reply(Surface::Direct, "77:5", "x"), now()).await;
    assert!(matches!(lost, Err(NotSent::Uncertain(_))));
}

#[tokio::test]
async fn deliveries_are_admitted_by_their_secret_and_read_like_polled_updates() {
    let peer = Peer::start(|_| answer(200, json!({}))).await;
    let polled = bot(&peer, &json!({}));
    assert!(polled.push().is_none());
    let bot = bot(&peer, &json!({"webhook": true}));
    assert!(bot.feeds().is_empty());
    let push = bot.push().unwrap();
    let body = message(5, "halo").to_string();
    let header = |shown: &'static str| {
        move |name: &str| (name == "x-telegram-bot-api-secret-token").then(|| shown.to_owned())
    };
    let first = push.admit(&header("pintu-1"), body.as_bytes(), now()).unwrap();
    assert_eq!(push.admit(&header("pintu-1"), body.as_bytes(), now()).unwrap(), first);
    for wrong in ["pintu-2", "pintu", ""] {
        assert_eq!(push.admit(&header(wrong), body.as_bytes(), now()), Err(PushRefused::Signature));
    }
    assert_eq!(push.admit(&|_| None, body.as_bytes(), now()), Err(PushRefused::Signature));
    assert_eq!(push.read_delivery(body.as_bytes(), now()).unwrap().items[0].text, "halo");
    let broken = push.read_delivery(b"{\"update_id\":", now()).unwrap_err();
    assert_eq!(broken.ailment(), Ailment::Parser);
}

#[tokio::test]
async fn the_bot_says_who_it_is() {
    let me = json!({"id": 4242, "is_bot": true, "first_name": "Dinas", "username": "dinas_bot"});
    let peer = Peer::start(move |_| answer(200, json!({"ok": true, "result": me}))).await;
    let identity = bot(&peer, &json!({})).identify().await.unwrap();
    assert_eq!(identity, Identity { external_id: "4242".into(), name: "@dinas_bot".into() });
}

#[test]
fn an_unknown_setting_is_an_error() {
    let built = connector(Platform::Telegram, json!({"base_ulr": "x"}), &[("token", TOKEN)]);
    assert!(matches!(built.err(), Some(BuildError::Setting { setting, .. }) if setting == "base_ulr"));
    let built = connector(Platform::Telegram, json!({}), &[]);
    assert!(matches!(built.err(), Some(BuildError::Secret { secret: "token", .. })));
}
