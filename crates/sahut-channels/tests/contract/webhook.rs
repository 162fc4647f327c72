//! A signed webhook as a channel: what is admitted, and how replies go out.

use std::sync::Arc;

use crate::channel::{connector, now, reply};
use crate::peer::{Peer, json as answer};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sahut_channels::{BuildError, Connector, Limit, NotSent, PushRefused, Trouble};
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::message::Surface;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn source(settings: Value) -> Arc<dyn Connector> {
    connector(Platform::Webhook, settings, &[("secret", SECRET)]).unwrap()
}

/// Signs as any library for Standard Webhooks does.
fn sign(id: &str, at: &str, body: &str) -> String {
    let key = BASE64_STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn headers(id: &str, at: &str, signature: &str) -> impl Fn(&str) -> Option<String> {
    let pairs = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)]
        .map(|(name, value)| (name, value.to_owned()));
    move |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
}

#[test]
fn a_signed_delivery_is_admitted_under_its_id() {
    let source = source(json!({}));
    let push = source.push().unwrap();
    let body = r#"{"id":"1","text":"Jalan rusak \u2014 tolong 🙏"}"#;
    let at = now().as_second().to_string();
    let good = sign("msg_1", &at, body);
    let admit = |id: &str, at: &str, signature: &str, body: &str| {
        push.admit(&headers(id, at, signature), body.as_bytes(), now())
    };
    assert_eq!(admit("msg_1", &at, &good, body).unwrap().key, "msg_1");
    let refused = Err(PushRefused::Signature);
    assert_eq!(admit("msg_2", &at, &good, body), refused);
    assert_eq!(admit("msg_1", &at, &good, &body.replace("\\u2014", "—")), refused);
    assert_eq!(admit("msg_1", &at, "", body), refused);
    assert_eq!(admit("", &at, &sign("", &at, body), body), refused);
    assert_eq!(push.admit(&|_| None, body.as_bytes(), now()), refused);

    let old = (now().as_second() - 301).to_string();
    assert_eq!(admit("msg_1", &old, &sign("msg_1", &old, body), body), Err(PushRefused::Stale));
    assert_eq!(admit("msg_1", &old, &good, body), refused, "a forged time is a forgery, not an old delivery");

    let page = push.read_delivery(body.as_bytes(), now()).unwrap();
    assert_eq!((page.items[0].text.as_str(), page.items[0].written_at), ("Jalan rusak — tolong 🙏", now()));
}

#[tokio::test]
async fn a_reply_goes_out_signed_under_its_key() {
    let peer =
        Peer::start(|_| answer(201, json!({"id": "out-9", "permalink": "https://lapor.example/9"}))).await;
    let source = source(json!({"reply_url": peer.url.join("/sahut").unwrap().as_str()}));
    let sent = source.send(&reply(Surface::Direct, "LAPOR-17", "Besok 🙏"), now()).await.unwrap();
    assert_eq!((sent.external_id.as_str(), sent.at), ("out-9", now()));
    let call = peer.last();
    let at = &call.headers["webhook-timestamp"];
    assert_eq!(*at, now().as_second().to_string());
    assert_eq!(call.headers["webhook-id"], "r-1");
    assert_eq!(call.headers["webhook-signature"], sign("r-1", at, &call.body));
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(
        (&body["type"], &body["answers"], &body["text"]),
        (&json!("reply"), &json!("LAPOR-17"), &json!("Besok 🙏"))
    );
    assert_eq!(source.look_up(&reply(Surface::Direct, "LAPOR-17", "Besok"), now()).await, Ok(None));
}

#[tokio::test]
async fn a_receiver_that_says_nothing_has_the_reply_under_our_key() {
    let peer = Peer::start(|_| answer(204, "")).await;
    let source = source(json!({"reply_url": peer.url.as_str()}));
    let sent = source.send(&reply(Surface::Direct, "LAPOR-17", "Besok"), now()).await.unwrap();
    assert_eq!(sent.external_id, "r-1");
}

#[tokio::test]
async fn what_a_receiver_refuses() {
    let send = async |status: u16| {
        let peer = Peer::start(move |_| answer(status, "{}")).await;
        let source = source(json!({"reply_url": peer.url.as_str()}));
        source.send(&reply(Surface::Direct, "LAPOR-17", "Besok"), now()).await.unwrap_err()
    };
    assert!(matches!(
        send(401).await,
        NotSent::Trouble(Trouble::Person { ailment: Ailment::Credential, .. })
    ));
    assert!(matches!(send(429).await, NotSent::Trouble(Trouble::Wait { .. })));
    assert!(matches!(send(422).await, NotSent::Refused(_)));
    assert!(matches!(send(500).await, NotSent::Trouble(Trouble::Again { ailment: Ailment::Platform, .. })));
}

#[test]
fn a_source_without_a_reply_address_is_only_read() {
    let checked = source(json!({})).check(&reply(Surface::Direct, "1", "x"), now());
    assert!(matches!(checked, Err(Limit::NotAnswerable(_))));
}

#[test]
fn a_weak_secret_is_named_before_anything_is_signed_with_it() {
    let built = connector(Platform::Webhook, json!({}), &[("secret", "rahasia")]);
    let Err(BuildError::Setting { setting, problem, .. }) = built else { panic!("a weak secret was taken") };
    assert_eq!(setting, "secret");
    assert!(!problem.contains("rahasia"));
}

#[test]
fn what_was_set_apart_is_read_again_as_what_it_was() {
    let source = source(json!({}));
    let post = json!({"posts": [{"id": "p1", "text": "Kabar", "published_at": "kemarin"}]}).to_string();
    let page = source.push().unwrap().read_delivery(post.as_bytes(), now()).unwrap();
    let mended =
        String::from_utf8(page.bad[0].raw.clone()).unwrap().replace("kemarin", "2026-11-24T00:00:00Z");
    let page = source.read_again(mended.as_bytes(), now()).unwrap();
    assert_eq!((page.posts.len(), page.items.len(), page.bad.len()), (1, 0, 0), "no post becomes a message");
    let page = source.read_again(br#"{"id": "m1", "text": "Halo"}"#, now()).unwrap();
    assert_eq!((page.items[0].external_id.as_str(), page.items[0].written_at), ("m1", now()));
    assert_eq!(source.read_again(b"?", now()).unwrap().bad.len(), 1);
}
