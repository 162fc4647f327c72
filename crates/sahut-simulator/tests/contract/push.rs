//! Webhooks: signed over the raw bytes, repeated until they are taken.

use std::collections::HashMap;

use sahut_simulator::{Limits, Moods};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::Stage;

/// Takes one delivery and answers it with this status: headers in lower case, and the raw body.
async fn take(listener: &TcpListener, status: u16) -> (HashMap<String, String>, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    loop {
        let mut chunk = [0; 4096];
        let length = stream.read(&mut chunk).await.unwrap();
        text.push_str(std::str::from_utf8(&chunk[..length]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let headers: HashMap<String, String> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        if headers["content-length"].parse::<usize>().unwrap() == body.len() {
            let answer = format!("HTTP/1.1 {status} OK\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            return (headers, body.to_owned());
        }
    }
}

/// Whether a header of the form `sha256=<hex>` signs the body.
fn signs(header: &str, secret: &str, body: &str) -> bool {
    use hmac::{Hmac, KeyInit, Mac};
    let hex = header.strip_prefix("sha256=").unwrap();
    let digest: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    mac.verify_slice(&digest).is_ok()
}

async fn receiver() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?channel=1", listener.local_addr().unwrap());
    (listener, url)
}

#[tokio::test]
async fn metas_deliveries_are_signed_escaped_and_tried_again() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let (listener, url) = receiver().await;
    stage.world().push_to(Some(&url));
    let id = stage.world().comment(&post, "warga_0001", "Tolong 🙏", stage.now()).unwrap();
    let (_, first) = take(&listener, 500).await;
    assert_eq!(stage.sim.ledger().find(&page.id, &id).unwrap().served, 0);
    let (headers, again) = take(&listener, 200).await;
    assert_eq!(first, again);
    assert!(again.is_ascii());
    assert!(signs(&headers["x-hub-signature-256"], &stage.world().app().secret, &again));
    let body: Value = serde_json::from_str(&again).unwrap();
    assert_eq!((&body["object"], &body["entry"][0]["id"]), (&json!("page"), &json!(page.id)));
    let value = &body["entry"][0]["changes"][0]["value"];
    assert_eq!(
        (&value["item"], &value["verb"], &value["comment_id"]),
        (&json!("comment"), &json!("add"), &json!(id))
    );
    assert_eq!(value["message"], "Tolong 🙏");
    stage.world().delete(&id).unwrap();
    let (_, removed) = take(&listener, 200).await;
    let removed: Value = serde_json::from_str(&removed).unwrap();
    let value = &removed["entry"][0]["changes"][0]["value"];
    assert_eq!(value["verb"], "remove");
    assert!(value.get("message").is_none());
}

#[tokio::test]
async fn direct_messages_and_mentions_are_pushed_and_some_come_twice() {
    let stage = Stage::with(1, Moods { duplicate_delivery: 1.0, ..Moods::calm() }, Limits::generous()).await;
    let own = stage.world().create_instagram("dinas.contoh", None).unwrap();
    let (listener, url) = receiver().await;
    stage.world().push_to(Some(&url));
    let mid = stage.world().direct(&own.id, "warga_0001", "Halo", stage.now()).unwrap();
    let (one, two) = (take(&listener, 200).await.1, take(&listener, 200).await.1);
    assert_eq!(one, two);
    let body: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(body["object"], "instagram");
    assert_eq!(body["entry"][0]["messaging"][0]["message"], json!({"mid": mid, "text": "Halo"}));
    let (media, comment) =
        stage.world().mention_in_comment(&own.id, "warga_0002", "@dinas.contoh", stage.now()).unwrap();
    let body: Value = serde_json::from_str(&take(&listener, 200).await.1).unwrap();
    let change = json!({"field": "mentions", "value": {"media_id": media, "comment_id": comment}});
    assert_eq!(body["entry"][0]["changes"][0], change);
}

#[tokio::test]
async fn a_bots_updates_are_pushed_in_order_with_its_secret() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let (listener, url) = receiver().await;
    let form = [("url", url.as_str()), ("secret_token", "rahasia")];
    stage.post(&format!("/bot{}/setWebhook", bot.token), &form).await;
    stage.world().telegram(&bot.id, "warga_0001", "Satu", stage.now()).unwrap();
    stage.world().telegram(&bot.id, "warga_0001", "Dua", stage.now()).unwrap();
    let mut said = Vec::new();
    for status in [500, 200, 200] {
        let (headers, body) = take(&listener, status).await;
        assert_eq!(headers["x-telegram-bot-api-secret-token"], "rahasia");
        let update: Value = serde_json::from_str(&body).unwrap();
        said.push(update["message"]["text"].as_str().unwrap().to_owned());
    }
    assert_eq!(said, ["Satu", "Satu", "Dua"]);
}
