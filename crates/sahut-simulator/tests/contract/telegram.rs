//! What a client may rely on with a Telegram bot.

use std::time::{Duration, Instant};

use sahut_simulator::{Keys, Limits, Mood, Moods};
use serde_json::{Value, json};

use crate::support::{Got, Stage, read};

async fn ask(stage: &Stage, bot: &Keys, method: &str, body: Value) -> Got {
    let url = format!("{}/bot{}/{method}", stage.sim.url(), bot.token);
    read(stage.client.post(url).json(&body)).await.unwrap()
}

async fn updates(stage: &Stage, bot: &Keys, body: Value) -> Vec<Value> {
    let answer = ask(stage, bot, "getUpdates", body).await.json();
    answer["result"].as_array().cloned().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test]
async fn parameters_come_by_query_form_json_and_method_names_in_any_case() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let path = format!("/bot{}/getMe", bot.token);
    let me = stage.get(&path, &[]).await.json();
    assert_eq!(me["result"]["id"].to_string(), bot.id);
    assert_eq!((&me["ok"], &me["result"]["is_bot"]), (&json!(true), &json!(true)));
    let message = stage.world().telegram(&bot.id, "warga_0001", "Halo", stage.now()).unwrap();
    let chat = message.split(':').next().unwrap().to_owned();
    let path = format!("/bot{}/SENDMESSAGE", bot.token);
    let form = [("chat_id", chat.as_str()), ("text", "Baik"), ("reply_parameters", r#"{"message_id":1}"#)];
    let sent = stage.post(&path, &form).await.json();
    assert_eq!(sent["result"]["reply_to_message"]["text"], "Halo");
    assert_eq!(stage.get(&path, &form).await.json()["result"]["text"], "Baik");
    let unknown = stage.get(&format!("/bot{}/nonsense", bot.token), &[]).await;
    assert_eq!(unknown.json(), json!({"ok": false, "error_code": 404, "description": "Not Found"}));
    let stranger = stage.get("/bot123:ABC/getMe", &[]).await;
    assert_eq!((stranger.status.as_u16(), stranger.json()["error_code"].as_i64()), (401, Some(401)));
}

#[tokio::test]
async fn updates_come_again_until_a_higher_offset_confirms_them() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let ids: Vec<String> = (0..3)
        .map(|n| stage.world().telegram(&bot.id, "warga_0001", &n.to_string(), stage.now()).unwrap())
        .collect();
    let first = updates(&stage, &bot, json!({})).await;
    assert_eq!(updates(&stage, &bot, json!({"limit": 2})).await, first[..2]);
    let message = &first[0]["message"];
    assert_eq!(format!("{}:{}", message["chat"]["id"], message["message_id"]), ids[0]);
    assert_eq!(message["date"], stage.now().as_second());
    let last = first[2]["update_id"].as_i64().unwrap();
    assert_eq!(updates(&stage, &bot, json!({"offset": last})).await, first[2..]);
    assert!(updates(&stage, &bot, json!({"offset": last + 1})).await.is_empty());
    assert!(updates(&stage, &bot, json!({})).await.is_empty());
    assert_eq!(stage.sim.ledger().must_be_known(&bot.id).len(), 3);
}

#[tokio::test]
async fn a_long_poll_wakes_with_the_message_and_yields_to_a_second_one() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let begun = Instant::now();
    let poll = updates(&stage, &bot, json!({"timeout": 20}));
    let writing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stage.world().telegram(&bot.id, "warga_0001", "Halo", stage.now()).unwrap();
    };
    let (found, ()) = tokio::join!(poll, writing);
    assert_eq!(found.len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let offset = found[0]["update_id"].as_i64().unwrap() + 1;
    let first = ask(&stage, &bot, "getUpdates", json!({"timeout": 20, "offset": offset}));
    let second = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ask(&stage, &bot, "getUpdates", json!({"offset": offset})).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.json()["error_code"], 409);
    assert!(first.json()["description"].as_str().unwrap().contains("terminated by other getUpdates request"));
    assert_eq!(second.json()["ok"], true);
}

#[tokio::test]
async fn polling_is_refused_while_a_webhook_is_set() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let hook = json!({"url": "http://127.0.0.1:9/hook", "secret_token": "s", "allowed_updates": ["message"]});
    assert_eq!(ask(&stage, &bot, "setWebhook", hook).await.json()["result"], true);
    let refused = ask(&stage, &bot, "getUpdates", json!({})).await;
    assert_eq!(refused.status, 409);
    let info = ask(&stage, &bot, "getWebhookInfo", json!({})).await.json();
    assert_eq!(info["result"]["url"], "http://127.0.0.1:9/hook");
    assert_eq!(ask(&stage, &bot, "deleteWebhook", json!({})).await.json()["result"], true);
    assert!(updates(&stage, &bot, json!({})).await.is_empty());
}

#[tokio::test]
async fn kinds_of_updates_are_chosen_and_the_choice_stays() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let id = stage.world().telegram(&bot.id, "warga_0001", "Satu", stage.now()).unwrap();
    stage.world().telegram_edit(&bot.id, &id, "Satu!").unwrap();
    let both = updates(&stage, &bot, json!({"allowed_updates": ["message"]})).await;
    assert_eq!(both[1]["edited_message"]["text"], "Satu!");
    assert!(both[1]["edited_message"]["edit_date"].is_i64());
    let next = both[1]["update_id"].as_i64().unwrap() + 1;
    stage.world().telegram_edit(&bot.id, &id, "Satu?").unwrap();
    assert!(updates(&stage, &bot, json!({"offset": next})).await.is_empty(), "no longer asked for");
}

#[tokio::test]
async fn albums_are_several_messages_and_groups_may_have_a_name() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    stage.world().telegram_album(&bot.id, "warga_0001", "Jalan rusak", 3, stage.now()).unwrap();
    let group = stage.world().telegram_group(&bot.id, "Warga", Some("warga_grup")).unwrap();
    stage.world().telegram_in_group(&bot.id, group, "warga_0002", "Halo", stage.now()).unwrap();
    let found = updates(&stage, &bot, json!({})).await;
    let albums: Vec<_> = found.iter().map(|update| &update["message"]["media_group_id"]).collect();
    assert!(albums[0].is_string() && albums[0] == albums[1] && albums[1] == albums[2]);
    assert_eq!(found[0]["message"]["caption"], "Jalan rusak");
    assert!(found[1]["message"]["photo"][0]["file_id"].is_string());
    assert_eq!(found[3]["message"]["chat"]["username"], "warga_grup");
    let sent = ask(&stage, &bot, "sendMessage", json!({"chat_id": "@warga_grup", "text": "Halo"})).await;
    assert_eq!(sent.json()["result"]["chat"]["id"], group);
}

#[tokio::test]
async fn unfetched_updates_are_kept_for_a_day_and_numbers_fall_after_a_quiet_week() {
    let stage = Stage::open().await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let lost = stage.world().telegram(&bot.id, "warga_0001", "Satu", stage.now()).unwrap();
    stage.clock.advance(25 * 3600);
    assert!(updates(&stage, &bot, json!({})).await.is_empty());
    assert!(!stage.sim.ledger().must_be_known(&bot.id).contains(lost.as_str()));
    stage.world().telegram(&bot.id, "warga_0001", "Dua", stage.now()).unwrap();
    let before = updates(&stage, &bot, json!({})).await[0]["update_id"].as_i64().unwrap();
    assert!(updates(&stage, &bot, json!({"offset": before + 1})).await.is_empty());
    stage.clock.advance(8 * 24 * 3600);
    stage.world().telegram(&bot.id, "warga_0001", "Tiga", stage.now()).unwrap();
    let after = updates(&stage, &bot, json!({"offset": before + 1})).await;
    assert_eq!(after[0]["message"]["text"], "Tiga");
    assert!(after[0]["update_id"].as_i64().unwrap() < before);
}

#[tokio::test]
async fn refusals_to_send_have_their_words() {
    let limits = Limits { telegram_per_chat: 1, ..Limits::generous() };
    let stage = Stage::with(1, Moods::calm(), limits).await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    let id = stage.world().telegram(&bot.id, "warga_0001", "Halo", stage.now()).unwrap();
    let chat: i64 = id.split(':').next().unwrap().parse().unwrap();
    let said = async |body: Value| {
        let answer = ask(&stage, &bot, "sendMessage", body).await;
        (answer.status.as_u16(), answer.json()["description"].as_str().unwrap_or_default().to_owned())
    };
    let lost = json!({"chat_id": chat, "text": "x", "reply_parameters": {"message_id": 99}});
    assert_eq!(said(lost).await, (400, "Bad Request: message to be replied not found".to_owned()));
    let long = json!({"chat_id": chat, "text": "x".repeat(4097)});
    assert_eq!(said(long).await, (400, "Bad Request: message is too long".to_owned()));
    assert_eq!(
        said(json!({"chat_id": 1, "text": "x"})).await,
        (400, "Bad Request: chat not found".to_owned())
    );
    let lenient = json!({"message_id": 99, "allow_sending_without_reply": true});
    let lenient = json!({"chat_id": chat, "text": "x", "reply_parameters": lenient});
    assert_eq!(said(lenient).await.0, 200);
    let fast = ask(&stage, &bot, "sendMessage", json!({"chat_id": chat, "text": "y"})).await;
    assert_eq!((fast.status.as_u16(), fast.header("retry-after")), (429, "1"));
    assert_eq!(fast.json()["parameters"]["retry_after"], 1);
    stage.world().block(&bot.id, "warga_0001", true).unwrap();
    let blocked = said(json!({"chat_id": chat, "text": "z"})).await;
    assert_eq!(blocked, (403, "Forbidden: bot was blocked by the user".to_owned()));
    stage.world().kill_token(&bot.token, 0).unwrap();
    assert_eq!(said(json!({"chat_id": chat, "text": "z"})).await.0, 401);
}

#[tokio::test]
async fn moods_are_told_as_telegram_tells_them() {
    let stage = Stage::with(1, Moods { regain: 7, ..Moods::calm() }, Limits::generous()).await;
    let bot = stage.world().create_bot("Lapor", "lapor_bot");
    stage.world().telegram(&bot.id, "warga_0001", "Halo", stage.now()).unwrap();
    stage.world().next_call("getUpdates", Mood::BadItem);
    let found = updates(&stage, &bot, json!({})).await;
    assert_eq!(found.len(), 2, "a malformed update stands beside a good one");
    assert_eq!(found[0]["message"]["text"], "Halo");
    stage.world().next_call("getMe", Mood::ServerError);
    assert_eq!(ask(&stage, &bot, "getMe", json!({})).await.status, 502);
    stage.world().next_call("getMe", Mood::RateLimit);
    let limited = ask(&stage, &bot, "getMe", json!({})).await;
    assert_eq!(limited.json()["parameters"]["retry_after"], 7);
    assert_eq!(ask(&stage, &bot, "getMe", json!({})).await.status, 429);
    stage.clock.advance(8);
    assert_eq!(ask(&stage, &bot, "getMe", json!({})).await.status, 200);
}
