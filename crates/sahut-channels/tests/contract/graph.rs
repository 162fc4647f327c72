//! What Facebook and Instagram share: errors, budgets, pages, webhooks. Asked through the Facebook connector.

use crate::meta::{NOW, TOKEN, ask, at, connector, reply, try_connector};
use crate::peer::{Peer, json};
use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use sahut_channels::{BuildError, Connector, NotSent, PushRefused, Scope, Trouble};
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::message::Surface;
use serde_json::{Value, json as object};
use sha2::Sha256;
use std::sync::Arc;

fn page(peer: &Peer) -> Arc<dyn Connector> {
    connector(Platform::Facebook, peer, object!({ "page_id": "77" }))
}

fn fault(code: i64, subcode: i64) -> Response<Body> {
    let message = format!("Malformed access token {TOKEN}, or: jalan rusak");
    json(
        400,
        object!({"error": {"message": message, "code": code, "error_subcode": subcode, "fbtrace_id": "x"}}),
    )
}

async fn trouble_of(feed: &str, answer: impl Fn() -> Response<Body> + Send + Sync + 'static) -> Trouble {
    let peer = Peer::start(move |_| answer()).await;
    let trouble = page(&peer).read(ask(feed, None)).await.unwrap_err();
    assert!(
        !format!("{trouble:?}").contains(TOKEN) && !format!("{trouble:?}").contains("jalan"),
        "{trouble:?}"
    );
    trouble
}

async fn not_sent(surface: Surface, answer: impl Fn() -> Response<Body> + Send + Sync + 'static) -> NotSent {
    let peer = Peer::start(move |_| answer()).await;
    page(&peer).send(&reply(surface, "Baik"), at(NOW)).await.unwrap_err()
}

#[tokio::test]
async fn an_error_of_a_read_is_told_by_its_code() {
    use Ailment::{Credential, Parser, Permission, Platform as Meta};
    let again = |trouble: Trouble| match trouble {
        Trouble::Again { ailment, .. } => ailment,
        other => panic!("{other:?}"),
    };
    let person = |trouble: Trouble| match trouble {
        Trouble::Person { ailment, .. } => ailment,
        other => panic!("{other:?}"),
    };
    let scope = |trouble: Trouble| match trouble {
        Trouble::Wait { scope, until: None, .. } => scope,
        other => panic!("{other:?}"),
    };
    for code in [1, 2] {
        assert_eq!(again(trouble_of("comments:1", move || fault(code, 0)).await), Meta);
    }
    for (code, subcode) in [(190, 460), (190, 463), (102, 0)] {
        assert_eq!(person(trouble_of("comments:1", move || fault(code, subcode)).await), Credential);
    }
    for code in [10, 200, 299] {
        assert_eq!(person(trouble_of("comments:1", move || fault(code, 0)).await), Permission);
    }
    for code in [17, 32, 80_001, 80_002, 80_006] {
        assert_eq!(scope(trouble_of("comments:1", move || fault(code, 0)).await), Scope::Channel);
    }
    let app = Scope::Shared("app:127.0.0.1".to_owned());
    assert_eq!(scope(trouble_of("comments:1", || fault(4, 0)).await), app);
    for code in [368, 613] {
        assert_eq!(scope(trouble_of("comments:1", move || fault(code, 0)).await), Scope::Call);
    }
    assert_eq!(again(trouble_of("comments:1", || fault(100, 0)).await), Parser);
    assert!(matches!(trouble_of("comments:1", || fault(100, 33)).await, Trouble::Gone { .. }));
    assert_eq!(
        person(trouble_of("posts", || fault(100, 33)).await),
        Permission,
        "the page itself does not vanish"
    );
    let transient = || json(400, object!({"error": {"code": 9999, "is_transient": true}}));
    assert_eq!(again(trouble_of("comments:1", transient).await), Meta);
    assert_eq!(
        again(trouble_of("comments:1", || json(200, r#"{"error":{"code":1}}"#)).await),
        Meta,
        "in spite of 200"
    );
}

#[tokio::test]
async fn a_page_that_is_not_what_it_should_be_is_rejected_whole() {
    for body in [
        "<html>sedang sibuk</html>",
        r#"{"data":[{"id":"1""#,
        "[]",
        "\"kata\"",
        "{}",
        "null",
        r#"{"data":{}}"#,
    ] {
        let trouble = trouble_of("comments:1", move || json(200, body)).await;
        assert!(matches!(trouble, Trouble::Again { ailment: Ailment::Parser, .. }), "{body}: {trouble:?}");
    }
    let trouble = trouble_of("comments:1", || json(502, "<html>")).await;
    assert!(matches!(trouble, Trouble::Again { ailment: Ailment::Platform, .. }));
}

fn busy(minutes: impl Into<Value>) -> Response<Body> {
    let budgets = object!({"77": [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": minutes.into()}]});
    let mut response = fault(80_001, 0);
    response.headers_mut().insert("x-business-use-case-usage", budgets.to_string().parse().unwrap());
    response
}

#[tokio::test]
async fn a_wait_is_believed_in_minutes_unless_it_is_absurd() {
    let until = |trouble: Trouble| match trouble {
        Trouble::Wait { until, .. } => until,
        other => panic!("{other:?}"),
    };
    assert_eq!(until(trouble_of("posts", || busy(7)).await), Some(at("2026-11-24T10:07:00Z")));
    assert_eq!(until(trouble_of("posts", || busy(0)).await), None);
    assert_eq!(until(trouble_of("posts", || busy(-5)).await), None);
    assert_eq!(until(trouble_of("posts", || busy("soon")).await), None);
    for absurd in [525_600_i64, i64::MAX] {
        assert_eq!(until(trouble_of("posts", move || busy(absurd)).await), Some(at("2026-11-24T11:00:00Z")));
    }
}

#[tokio::test]
async fn budgets_are_read_even_where_a_key_repeats() {
    let peer = Peer::start(|_| {
        let mut response = json(200, r#"{"data":[]}"#);
        let account = r#"{"77":[{"type":"pages","call_count":91,"total_time":3}],"77":[{"type":"messenger","call_count":12}]}"#;
        response.headers_mut().insert("x-business-use-case-usage", account.parse().unwrap());
        response.headers_mut().insert("x-app-usage", r#"{"call_count":1,"total_cputime":45,"total_time":2}"#.parse().unwrap());
        response
    })
    .await;
    let usage = page(&peer).read(ask("comments:1", None)).await.unwrap().usage;
    let told: Vec<_> = usage.iter().map(|usage| (&*usage.scope, usage.share)).collect();
    assert_eq!(told, [("app:127.0.0.1", 0.45), ("channel", 0.91)]);
}

#[tokio::test]
async fn the_token_travels_in_a_header_only() {
    let peer = Peer::start(|_| json(200, r#"{"data":[]}"#)).await;
    page(&peer).read(ask("posts", None)).await.unwrap();
    let call = peer.last();
    assert_eq!(call.headers["authorization"], format!("Bearer {TOKEN}"));
    assert!(!format!("{:?}{}", call.query, call.path).contains(TOKEN));
    assert_eq!(call.path, "/v26.0/77/published_posts");
}

#[tokio::test]
async fn a_walk_goes_on_over_an_empty_page_and_ends_where_next_is_absent() {
    let peer = Peer::start(|call| {
        let next = |after: &str| format!("https://graph.facebook.com/v26.0/1/comments?access_token=x&limit=100&after={after}");
        let item = |id: &str| object!({"id": id, "message": id, "created_time": "2026-11-24T08:00:00+0000"});
        match call.query.get("after").map(String::as_str) {
            None => json(200, object!({"data": [item("1_1")], "paging": {"cursors": {"after": "QQ=="}, "next": next("QQ%3D%3D")}})),
            Some("QQ==") => json(200, object!({"data": [], "paging": {"next": next("R2+/")}})),
            Some(_) => json(200, object!({"data": [item("1_2")], "paging": {"cursors": {"after": "end"}}})),
        }
    })
    .await;
    let (connector, mut next, mut ids) = (page(&peer), None, Vec::new());
    loop {
        let page = connector.read(ask("comments:1", next.as_deref())).await.unwrap();
        ids.extend(page.items.into_iter().map(|item| item.external_id));
        next = page.next;
        if next.is_none() {
            break;
        }
        assert!(!next.as_ref().unwrap().contains("access_token"));
    }
    assert_eq!((ids, peer.calls().len()), (vec!["1_1".to_owned(), "1_2".to_owned()], 3));
}

#[tokio::test]
async fn a_list_that_goes_on_nowhere_is_not_taken_for_its_end() {
    let body = r#"{"data":[],"paging":{"next":"https://graph.facebook.com/v26.0/1/comments?limit=5"}}"#;
    let trouble = trouble_of("comments:1", move || json(200, body)).await;
    assert!(matches!(trouble, Trouble::Again { ailment: Ailment::Parser, .. }));
}

#[tokio::test]
async fn an_error_of_a_reply_says_whether_it_may_be_tried_again() {
    for code in [1, 2] {
        let outcome = not_sent(Surface::Comment, move || fault(code, 0)).await;
        assert!(matches!(outcome, NotSent::Uncertain(_)), "{code}: {outcome:?}");
    }
    for (code, subcode) in [(100, 33), (100, 2_018_001), (10, 2_018_278), (551, 0)] {
        let outcome = not_sent(Surface::Direct, move || fault(code, subcode)).await;
        assert!(matches!(outcome, NotSent::Refused(_)), "{code}/{subcode}: {outcome:?}");
    }
    let window = || {
        json(
            400,
            object!({"error": {"code": 10, "message": "(#10) This message is sent outside of allowed window."}}),
        )
    };
    assert!(matches!(not_sent(Surface::Direct, window).await, NotSent::Refused(_)));
    let person = |outcome| matches!(outcome, NotSent::Trouble(Trouble::Person { .. }));
    assert!(person(not_sent(Surface::Comment, || fault(190, 463)).await));
    assert!(person(not_sent(Surface::Comment, || fault(200, 0)).await));
    let blocked = not_sent(Surface::Comment, || fault(368, 0)).await;
    assert!(matches!(blocked, NotSent::Trouble(Trouble::Wait { scope: Scope::Call, .. })), "reading goes on");
    let NotSent::Trouble(Trouble::Wait { until, .. }) = not_sent(Surface::Comment, || busy(7)).await else {
        panic!()
    };
    assert_eq!(until, Some(at("2026-11-24T10:07:00Z")));
    for body in ["<html>", "[]", "{}", r#"{"id":""}"#, r#"{"id":7}"#] {
        let outcome = not_sent(Surface::Comment, move || json(200, body)).await;
        assert!(matches!(outcome, NotSent::Uncertain(_)), "{body}: {outcome:?}");
    }
    assert!(matches!(not_sent(Surface::Comment, || json(504, "<html>")).await, NotSent::Uncertain(_)));
}

#[test]
fn settings_are_held_to_what_is_known() {
    let problem = |settings: Value| match try_connector(Platform::Facebook, settings) {
        Err(BuildError::Setting { setting, .. }) => setting,
        other => panic!("{:?}", other.err()),
    };
    assert_eq!(problem(object!({})), "page_id");
    assert_eq!(problem(object!({"page_id": "1", "pge": "2"})), "pge");
    assert_eq!(problem(object!({"page_id": "1", "base_url": "graph"})), "base_url");
    assert_eq!(problem(object!({"page_id": "1", "base_url": "mailto:a@b"})), "base_url");
    let missing = crate::channel::connector(Platform::Instagram, object!({"ig_user_id": "1"}), &[]);
    assert!(matches!(missing.err(), Some(BuildError::Secret { secret: "token", .. })));
}

fn signed(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"app-secret-uji").unwrap();
    mac.update(body);
    let hex: String =
        mac.finalize().into_bytes().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("sha256={hex}")
}

async fn admit(header: Option<String>, body: &[u8]) -> Result<String, PushRefused> {
    let peer = Peer::start(|_| json(200, "{}")).await;
    let page = page(&peer);
    let header = |name: &str| header.clone().filter(|_| name == "x-hub-signature-256");
    page.push().unwrap().admit(&header, body, at(NOW)).map(|delivery| delivery.key)
}

#[tokio::test]
async fn a_delivery_is_admitted_by_the_signature_over_its_raw_bytes() {
    let body = r#"{"object":"page","entry":[{"id":"1","text":"Tolong \ud83d\ude4f"}]}"#.as_bytes();
    let key = admit(Some(signed(body)), body).await.unwrap();
    assert_eq!(
        admit(Some(signed(body).to_uppercase().replace("SHA256", "sha256")), body).await.unwrap(),
        key
    );
    let written_again = r#"{"object":"page","entry":[{"id":"1","text":"Tolong 🙏"}]}"#.as_bytes();
    let wrong = [
        (Some(signed(body)), written_again),
        (Some(signed(body).replace("sha256=", "sha1=")), body),
        (Some(signed(body)[..40].to_owned()), body),
        (Some("sha256=".to_owned()), body),
        (Some("sha256=é".to_owned()), body),
        (None, body),
    ];
    for (header, body) in wrong {
        assert_eq!(admit(header, body).await, Err(PushRefused::Signature));
    }
}

#[tokio::test]
async fn the_published_vectors_are_admitted() {
    let Ok(text) = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/specs/webhook/signature_vectors.json"
    )) else {
        println!("skipped: the vectors are not here");
        return;
    };
    let all: Value = serde_json::from_str(&text).unwrap();
    for vector in all["meta_x_hub_signature_256"].as_array().unwrap() {
        let body = STANDARD.decode(vector["body_base64"].as_str().unwrap()).unwrap();
        let header = vector["header"]["X-Hub-Signature-256"].as_str().unwrap().to_owned();
        assert!(admit(Some(header), &body).await.is_ok(), "{}", vector["name"]);
    }
}

#[tokio::test]
async fn the_address_is_confirmed_to_whoever_knows_the_word() {
    let peer = Peer::start(|_| json(200, "{}")).await;
    let page = page(&peer);
    let ask = |mode: &str, token: &str| {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let query =
            [pair("hub.mode", mode), pair("hub.challenge", "1158201444"), pair("hub.verify_token", token)];
        page.push().unwrap().challenge(&query)
    };
    assert_eq!(ask("subscribe", "kata-sandi-uji").unwrap(), "1158201444");
    assert_eq!(ask("subscribe", "kata"), Err(PushRefused::Signature));
    assert!(matches!(ask("x", "kata-sandi-uji"), Err(PushRefused::Malformed(_))));
}

#[test]
fn no_delivery_breaks_the_reader() {
    let page = try_connector(Platform::Facebook, object!({"page_id": "1"})).unwrap();
    let account = try_connector(Platform::Instagram, object!({"ig_user_id": "1"})).unwrap();
    let body = r#"[\[\]{}":,a-z0-9 ]{0,80}|\{"entry":\[\{"id":"1","(changes|messaging)":.{0,60}"#;
    proptest!(|(body in body)| {
        for connector in [&page, &account] {
            let _ = connector.push().unwrap().read_delivery(body.as_bytes(), at(NOW));
        }
    });
}
