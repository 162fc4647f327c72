//! What a client may rely on with a Facebook Page.

use reqwest::Method;
use sahut_simulator::Limits;
use serde_json::{Value, json};

use crate::support::{Stage, at, read};

#[tokio::test]
async fn the_token_is_found_in_query_form_and_header_and_versions_are_optional() {
    let stage = Stage::open().await;
    let page = stage.world().create_page("Dinas Contoh");
    let token = page.token.as_str();
    let me = json!({"id": page.id, "name": "Dinas Contoh"});
    assert_eq!(stage.get("/v26.0/me", &[("access_token", token)]).await.json(), me);
    assert_eq!(stage.get("/me", &[("access_token", token), ("fields", "id,name")]).await.json(), me);
    let bearer = stage.client.get(format!("{}/v19.0/me", stage.sim.url())).bearer_auth(token);
    assert_eq!(read(bearer).await.unwrap().json(), me);
    let form = [("access_token", token), ("subscribed_fields", "feed,messages")];
    let subscribed = stage.post(&format!("/v26.0/{}/subscribed_apps", page.id), &form).await;
    assert_eq!(subscribed.json(), json!({"success": true}));
}

#[tokio::test]
async fn dead_tokens_say_why() {
    let stage = Stage::open().await;
    let page = stage.world().create_page("Dinas Contoh");
    assert_eq!(stage.get("/me", &[]).await.code(), 104);
    assert_eq!(stage.get("/me", &[("access_token", "wrong")]).await.code(), 190);
    stage.world().kill_token(&page.token, 460).unwrap();
    let answer = stage.get("/me", &[("access_token", &page.token)]).await;
    let error = &answer.json()["error"];
    assert_eq!((error["code"].as_i64(), error["error_subcode"].as_i64()), (Some(190), Some(460)));
    assert_eq!(error["type"], "OAuthException");
    assert!(error["fbtrace_id"].is_string() && error["message"].is_string());
    let app = stage.world().app();
    let app_token = format!("{}|{}", app.id, app.secret);
    let query = [("access_token", app_token.as_str()), ("input_token", page.token.as_str())];
    let debugged = stage.get("/debug_token", &query).await.json();
    assert_eq!(debugged["data"]["is_valid"], false);
    assert_eq!(debugged["data"]["type"], "PAGE");
    stage.world().revive_token(&page.token).unwrap();
    assert_eq!(stage.get("/debug_token", &query).await.json()["data"]["is_valid"], true);
}

#[tokio::test]
async fn a_user_finds_pages_but_reads_no_comments() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    stage.world().comment(&post, "warga_0001", "Halo", stage.now()).unwrap();
    let user = stage.world().create_user(&[&page.id]);
    let accounts = stage.get("/me/accounts", &[("access_token", &user.token)]).await.json();
    assert_eq!(accounts["data"][0]["id"], page.id);
    assert_eq!(accounts["data"][0]["access_token"], page.token);
    let comments = stage.get(&format!("/{post}/comments"), &[("access_token", &user.token)]).await;
    assert_eq!(comments.json(), json!({"data": []}));
}

#[tokio::test]
async fn comments_are_uppermost_and_oldest_first_unless_asked_otherwise() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let world = stage.world();
    let first = world.comment(&post, "warga_0001", "Satu", at("2026-11-24T01:00:00Z")).unwrap();
    let reply = world.reply(&first, "warga_0002", "Dua", at("2026-11-24T01:01:00Z")).unwrap();
    let second = world.comment(&post, "warga_0003", "Tiga", at("2026-11-24T01:02:00Z")).unwrap();
    let hidden = world.comment(&post, "warga_0004", "Empat", at("2026-11-24T01:03:00Z")).unwrap();
    world.hide(&hidden, true).unwrap();
    let path = format!("/v26.0/{post}/comments");
    let token = ("access_token", page.token.as_str());
    assert_eq!(stage.get(&path, &[token]).await.ids(), [first.clone(), second.clone()]);
    let stream = [token, ("filter", "stream"), ("order", "reverse_chronological")];
    let answer = stage.get(&path, &stream).await;
    assert_eq!(answer.ids(), [hidden, second.clone(), reply.clone(), first.clone()]);
    let since = [token, ("filter", "stream"), ("since", "2026-11-24T01:02:00+0000")];
    assert_eq!(stage.get(&path, &since).await.ids().len(), 2);
    let below = stage.get(&format!("/{first}/comments"), &[token]).await;
    assert_eq!(below.ids(), std::slice::from_ref(&reply));
    let fields = "id,message,from{id},parent{id,message},created_time,comment_count,is_hidden,attachment";
    let one = stage.get(&format!("/{reply}"), &[token, ("fields", fields)]).await.json();
    let author = &world.citizen("warga_0002").meta_id;
    let expected = json!({
        "id": reply, "message": "Dua", "from": {"id": author}, "parent": {"id": first, "message": "Satu"},
        "created_time": "2026-11-24T01:01:00+0000", "comment_count": 0, "is_hidden": false,
    });
    assert_eq!(one, expected);
}

#[tokio::test]
async fn nested_lists_and_summaries_come_with_posts() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    for n in 0..3 {
        stage.world().comment(&post, "warga_0001", &n.to_string(), stage.now()).unwrap();
    }
    let fields = "id,comments.limit(0).summary(true).filter(stream)";
    let token = ("access_token", page.token.as_str());
    let posts = stage.get("/me/published_posts", &[token, ("fields", fields)]).await.json();
    assert_eq!(posts["data"][0]["comments"]["summary"]["total_count"], 3);
    assert_eq!(posts["data"][0]["comments"]["data"], json!([]));
    let fields = "comments.limit(2){message}";
    let posts = stage.get("/me/feed", &[token, ("fields", fields)]).await.json();
    assert_eq!(posts["data"][0]["comments"]["data"].as_array().unwrap().len(), 2);
    let next = posts["data"][0]["comments"]["paging"]["next"].as_str().unwrap();
    let rest = read(stage.client.get(next)).await.unwrap().json();
    assert_eq!(rest["data"][0]["message"], "2");
    assert_eq!(stage.get("/me/feed", &[token, ("fields", "nonsense")]).await.code(), 100);
    assert_eq!(stage.get("/me/feed", &[token, ("fields", "from{id")]).await.code(), 2500);
    assert_eq!(stage.get("/me/feed", &[token, ("limit", "101")]).await.code(), 100);
}

#[tokio::test]
async fn walking_by_next_and_by_cursor_finds_everything_and_cursors_die_with_their_item() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let all: Vec<String> = (0..55)
        .map(|n| stage.world().comment(&post, "warga_0001", &n.to_string(), stage.now()).unwrap())
        .collect();
    let token = ("access_token", page.token.as_str());
    let path = format!("/v26.0/{post}/comments");
    let mut found = Vec::new();
    let mut answer = stage.get(&path, &[token, ("limit", "10"), ("fields", "id,message")]).await;
    let after = answer.json()["paging"]["cursors"]["after"].as_str().unwrap().to_owned();
    loop {
        found.extend(answer.ids());
        let Some(next) = answer.json()["paging"]["next"].as_str().map(str::to_owned) else { break };
        assert!(next.starts_with(&format!("{}/v26.0/", stage.sim.url())), "{next}");
        answer = read(stage.client.get(next)).await.unwrap();
    }
    assert_eq!(found, all);
    let second = stage.get(&path, &[token, ("limit", "10"), ("after", &after)]).await;
    assert_eq!(second.ids(), all[10..20]);
    let before = second.json()["paging"]["cursors"]["before"].as_str().unwrap().to_owned();
    assert_eq!(stage.get(&path, &[token, ("limit", "10"), ("before", &before)]).await.ids(), all[..10]);
    stage.world().delete(&all[9]).unwrap();
    assert_eq!(stage.get(&path, &[token, ("after", &after)]).await.code(), 100);
}

#[tokio::test]
async fn answers_hiding_and_deleting_happen_and_are_kept_in_the_ledger() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let comment = stage.world().comment(&post, "warga_0001", "Lampu mati", stage.now()).unwrap();
    let reply = stage.world().reply(&comment, "warga_0002", "Sama", stage.now()).unwrap();
    let token = ("access_token", page.token.as_str());
    let form = [token, ("message", "Sudah kami catat"), ("fields", "id,parent{id},created_time")];
    let answer = stage.post(&format!("/v26.0/{reply}/comments"), &form).await.json();
    assert_eq!(answer["parent"]["id"], comment, "an answer to a reply lands under the uppermost comment");
    assert_eq!(stage.post(&format!("/{comment}/comments"), &[token]).await.code(), 100);
    let hidden = stage.post(&format!("/{comment}"), &[token, ("is_hidden", "true")]).await;
    assert_eq!(hidden.json(), json!({"success": true}));
    let own = answer["id"].as_str().unwrap();
    let deleted = stage.call(Method::DELETE, &format!("/{own}"), &[token]).await.unwrap();
    assert_eq!(deleted.json(), json!({"success": true}));
    let gone = stage.get(&format!("/{own}"), &[token]).await.json();
    assert_eq!(
        (gone["error"]["code"].as_i64(), gone["error"]["error_subcode"].as_i64()),
        (Some(100), Some(33))
    );
    let ledger = stage.sim.ledger();
    let deeds: Vec<_> = ledger.accepted.iter().map(|line| (line.deed.as_str(), line.answered)).collect();
    assert_eq!(deeds, [("comment", true), ("hide", true), ("delete", true)]);
    assert!(ledger.double_posts().is_empty());
}

#[tokio::test]
async fn missing_permissions_and_blocks_have_their_codes() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let comment = stage.world().comment(&post, "warga_0001", "Halo", stage.now()).unwrap();
    let token = ("access_token", page.token.as_str());
    let path = format!("/{post}/comments");
    stage.world().permit(&page.token, "pages_read_user_content", false).unwrap();
    assert_eq!(stage.get(&path, &[token]).await.code(), 10);
    stage.world().permit(&page.token, "pages_read_user_content", true).unwrap();
    stage.world().withhold_authors(&page.id, true).unwrap();
    assert!(stage.get(&path, &[token]).await.json()["data"][0].get("from").is_none());
    stage.world().restrict(&page.id, true).unwrap();
    let answer = stage.post(&format!("/{comment}/comments"), &[token, ("message", "Halo")]).await;
    assert_eq!(answer.code(), 368);
    let other = stage.world().create_page("Dinas Lain");
    assert_eq!(stage.get(&path, &[("access_token", &other.token)]).await.code(), 100);
}

#[tokio::test]
async fn conversations_show_the_latest_first_and_take_answers_for_a_day() {
    let stage = Stage::open().await;
    let page = stage.world().create_page("Dinas Contoh");
    let world = stage.world();
    world.direct(&page.id, "warga_0001", "Halo", at("2026-11-24T02:00:00Z")).unwrap();
    world.direct(&page.id, "warga_0002", "Permisi", at("2026-11-24T02:30:00Z")).unwrap();
    world.direct(&page.id, "warga_0001", "Ada orang?", at("2026-11-24T02:45:00Z")).unwrap();
    let token = ("access_token", page.token.as_str());
    let fields = "id,updated_time,message_count,messages{id,created_time,from{id,name},to,message}";
    let list = [token, ("platform", "MESSENGER"), ("fields", fields)];
    let conversations = stage.get("/me/conversations", &list).await.json();
    let first = &conversations["data"][0];
    assert_eq!(first["message_count"], 2);
    assert_eq!(first["messages"]["data"][0]["message"], "Ada orang?", "newest first");
    let citizen = world.citizen("warga_0001").meta_id;
    assert_eq!(first["messages"]["data"][0]["from"], json!({"id": citizen, "name": "warga_0001"}));
    let say = |text: &str, tag: Value| {
        let mut body =
            json!({"recipient": {"id": citizen}, "message": {"text": text}, "messaging_type": "RESPONSE"});
        if tag.is_string() {
            body["messaging_type"] = json!("MESSAGE_TAG");
            body["tag"] = tag;
        }
        let url = format!("{}/v26.0/{}/messages", stage.sim.url(), page.id);
        read(stage.client.post(url).bearer_auth(&page.token).json(&body))
    };
    let sent = say("Selamat pagi", Value::Null).await.unwrap().json();
    assert_eq!(sent["recipient_id"], citizen);
    assert!(sent["message_id"].as_str().unwrap().starts_with("m_"));
    assert_eq!(say(&"x".repeat(2001), Value::Null).await.unwrap().code(), 100);
    stage.clock.advance(25 * 3600);
    assert_eq!(say("Terlambat", Value::Null).await.unwrap().code(), 10);
    assert!(say("Dari manusia", json!("HUMAN_AGENT")).await.unwrap().status.is_success());
    world.block(&page.id, "warga_0001", true).unwrap();
    assert_eq!(say("Masih?", json!("HUMAN_AGENT")).await.unwrap().code(), 551);
}

#[tokio::test]
async fn a_comment_gets_one_private_reply_within_a_week() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let early = stage.world().comment(&post, "warga_0001", "Satu", stage.now()).unwrap();
    let late = stage.world().comment(&post, "warga_0002", "Dua", stage.now()).unwrap();
    let token = ("access_token", page.token.as_str());
    let path = format!("/{}/messages", page.id);
    let to = |comment: &str| json!({ "comment_id": comment }).to_string();
    let message = ("message", r#"{"text":"Silakan kirim nomor pelanggan"}"#);
    let first = stage.post(&path, &[token, ("recipient", &to(&early)), message]).await;
    assert!(first.status.is_success(), "{}", first.text);
    assert_eq!(stage.post(&path, &[token, ("recipient", &to(&early)), message]).await.code(), 10_900);
    let citizen = json!({"id": stage.world().citizen("warga_0001").meta_id}).to_string();
    let window = stage.post(&path, &[token, ("recipient", &citizen), message]).await;
    assert_eq!(window.code(), 10, "a private reply opens no window");
    stage.clock.advance(8 * 24 * 3600);
    assert_eq!(stage.post(&path, &[token, ("recipient", &to(&late)), message]).await.code(), 10);
}

#[tokio::test]
async fn budgets_are_told_in_percent_and_blocks_in_minutes() {
    let limits = Limits { calls_per_hour: 4, conversation_calls_per_second: 2, ..Limits::generous() };
    let stage = Stage::with(1, sahut_simulator::Moods::calm(), limits).await;
    let page = stage.world().create_page("Dinas Contoh");
    let token = ("access_token", page.token.as_str());
    assert!(stage.get("/me/conversations", &[token]).await.status.is_success());
    assert!(stage.get("/me/conversations", &[token]).await.status.is_success());
    assert_eq!(stage.get("/me/conversations", &[token]).await.code(), 613);
    let fourth = stage.get("/me", &[token]).await;
    let usage: Value = serde_json::from_str(fourth.header("x-app-usage")).unwrap();
    assert_eq!(usage["call_count"], 100);
    let refused = stage.get("/me", &[token]).await;
    assert_eq!(refused.code(), 80_001);
    let usage: Value = serde_json::from_str(refused.header("x-business-use-case-usage")).unwrap();
    assert_eq!(usage[&page.id][0]["estimated_time_to_regain_access"], 60);
    stage.clock.advance(61 * 60);
    assert!(stage.get("/me", &[token]).await.status.is_success());
}

#[tokio::test]
async fn several_nodes_are_read_at_once() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let one = stage.world().comment(&post, "warga_0001", "Satu", stage.now()).unwrap();
    let two = stage.world().comment(&post, "warga_0001", "Dua", stage.now()).unwrap();
    let query =
        [("access_token", page.token.as_str()), ("ids", &format!("{one},{two}")), ("fields", "message")];
    let both = stage.get("/v26.0/", &query).await.json();
    assert_eq!(both[&two], json!({"id": two, "message": "Dua"}));
    assert_eq!(both[&one]["message"], "Satu");
}
