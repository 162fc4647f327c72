//! What a client may rely on with an Instagram account.

use sahut_simulator::Keys;
use serde_json::json;

use crate::support::{Stage, at, read};

/// A page with its Instagram account, and one medium.
fn account(stage: &Stage) -> (Keys, Keys, String) {
    let page = stage.world().create_page("Dinas Contoh");
    let own = stage.world().create_instagram("dinas.contoh", Some(&page.id)).unwrap();
    let media = stage.world().post(&own.id, "Foto", stage.now()).unwrap();
    (page, own, media)
}

#[tokio::test]
async fn both_logins_reach_the_account_and_each_needs_its_own_permissions() {
    let stage = Stage::open().await;
    let (page, own, media) = account(&stage);
    stage.world().comment(&media, "warga_0001", "Halo", stage.now()).unwrap();
    let linked = [("access_token", page.token.as_str()), ("fields", "instagram_business_account{id}")];
    assert_eq!(stage.get("/me", &linked).await.json()["instagram_business_account"]["id"], own.id);
    let me = [("access_token", own.token.as_str()), ("fields", "user_id,username")];
    let expected = json!({"id": own.id, "user_id": own.id, "username": "dinas.contoh"});
    assert_eq!(stage.get("/v26.0/me", &me).await.json(), expected);
    let path = format!("/{media}/comments");
    for keys in [&page, &own] {
        assert_eq!(stage.get(&path, &[("access_token", &keys.token)]).await.ids().len(), 1);
    }
    stage.world().permit(&page.token, "instagram_manage_comments", false).unwrap();
    assert_eq!(stage.get(&path, &[("access_token", &page.token)]).await.code(), 10);
    assert_eq!(stage.get(&path, &[("access_token", &own.token)]).await.ids().len(), 1);
}

#[tokio::test]
async fn comments_are_newest_first_uppermost_and_at_most_fifty() {
    let stage = Stage::open().await;
    let (_, own, media) = account(&stage);
    let world = stage.world();
    let first = world.comment(&media, "warga_0001", "Satu", at("2026-11-24T01:00:00Z")).unwrap();
    let reply = world.reply(&first, "warga_0002", "Dua", at("2026-11-24T01:01:00Z")).unwrap();
    let second = world.comment(&media, "warga_0003", "Tiga", at("2026-11-24T01:02:00Z")).unwrap();
    let token = ("access_token", own.token.as_str());
    let path = format!("/{media}/comments");
    let fields = "id,text,timestamp,username,from{id,username},parent_id,hidden,user{id},\
                  replies.limit(50){id,text,parent_id}";
    let answer = stage.get(&path, &[token, ("fields", fields), ("limit", "50")]).await;
    assert_eq!(answer.ids(), [second.clone(), first.clone()]);
    let shown = &answer.json()["data"][1];
    assert_eq!(shown["replies"]["data"], json!([{"id": reply, "text": "Dua", "parent_id": first}]));
    assert_eq!(shown["timestamp"], "2026-11-24T01:00:00+0000");
    assert_eq!(shown["from"]["username"], shown["username"]);
    assert!(shown.get("parent_id").is_none() && answer.json()["data"][0].get("replies").is_none());
    assert_eq!(stage.get(&path, &[token, ("limit", "51")]).await.code(), 100);
    world.hide(&second, true).unwrap();
    assert_eq!(stage.get(&path, &[token]).await.ids(), std::slice::from_ref(&first));
    let counted = stage.get("/me/media", &[token, ("fields", "id,comments_count,caption")]).await.json();
    assert_eq!(counted["data"][0]["comments_count"], 3);
}

#[tokio::test]
async fn answers_land_under_the_uppermost_comment_and_not_under_hidden_ones() {
    let stage = Stage::open().await;
    let (_, own, media) = account(&stage);
    let comment = stage.world().comment(&media, "warga_0001", "Halo", stage.now()).unwrap();
    let reply = stage.world().reply(&comment, "warga_0002", "Sama", stage.now()).unwrap();
    let token = ("access_token", own.token.as_str());
    let path = format!("/{reply}/replies");
    let form = [token, ("message", "Terima kasih"), ("fields", "id,parent_id,user{id}")];
    let answer = stage.post(&path, &form).await.json();
    assert_eq!((&answer["parent_id"], &answer["user"]["id"]), (&json!(comment), &json!(own.id)));
    assert_eq!(stage.post(&path, &[token, ("message", &"x".repeat(2201))]).await.code(), 100);
    assert!(stage.post(&format!("/{comment}"), &[token, ("hide", "true")]).await.status.is_success());
    let refused = stage.post(&format!("/{comment}/replies"), &[token, ("message", "Halo")]).await;
    assert_eq!(refused.code(), 100);
}

#[tokio::test]
async fn mentions_are_read_by_their_identifiers_only() {
    let stage = Stage::open().await;
    let (_, own, _) = account(&stage);
    let (media, comment) =
        stage.world().mention_in_comment(&own.id, "warga_0001", "@dinas.contoh tolong", stage.now()).unwrap();
    let token = ("access_token", own.token.as_str());
    let direct = stage.get(&format!("/{comment}"), &[token]).await;
    assert_eq!(direct.code(), 100);
    assert!(!stage.sim.ledger().must_be_known(&own.id).contains(comment.as_str()));
    let fields = format!("mentioned_comment.comment_id({comment}){{id,text,timestamp,media{{id}}}}");
    let found = stage.get("/me", &[token, ("fields", &fields)]).await.json();
    assert_eq!(found["mentioned_comment"]["text"], "@dinas.contoh tolong");
    assert_eq!(found["mentioned_comment"]["media"]["id"], media);
    assert!(stage.sim.ledger().must_be_known(&own.id).contains(comment.as_str()));
    let form = [token, ("media_id", media.as_str()), ("comment_id", &comment), ("message", "Baik")];
    assert!(stage.post(&format!("/{}/mentions", own.id), &form).await.status.is_success());
    let tagged =
        stage.world().mention_in_caption(&own.id, "warga_0002", "Jalan @dinas.contoh", stage.now()).unwrap();
    assert_eq!(stage.get("/me/tags", &[token]).await.ids(), [tagged]);
}

#[tokio::test]
async fn direct_messages_are_read_and_answered_by_both_tokens_and_counted_in_bytes() {
    let stage = Stage::open().await;
    let (page, own, _) = account(&stage);
    stage.world().direct(&own.id, "warga_0001", "Halo 🙏", stage.now()).unwrap();
    let list =
        |token| [("access_token", token), ("platform", "instagram"), ("fields", "id,messages{message,from}")];
    for (node, keys) in [(&page.id, &page), (&own.id, &own)] {
        let shown = stage.get(&format!("/{node}/conversations"), &list(&keys.token)).await.json();
        let oldest = shown["data"][0]["messages"]["data"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(oldest["message"], "Halo 🙏");
        assert_eq!(oldest["from"]["username"], "warga_0001");
        let say = |text: &str| {
            let citizen = stage.world().citizen("warga_0001").meta_id;
            let body = json!({"recipient": {"id": citizen}, "message": {"text": text}});
            let url = format!("{}/{node}/messages", stage.sim.url());
            read(stage.client.post(url).bearer_auth(&keys.token).json(&body))
        };
        assert!(say("Baik").await.unwrap().status.is_success());
        assert_eq!(say(&"é".repeat(501)).await.unwrap().code(), 100, "1,002 bytes");
    }
    let ledger = stage.sim.ledger();
    assert!(ledger.accepted.iter().all(|line| line.account == own.id));
    assert_eq!(ledger.double_posts().len(), 1, "the same words twice to the same citizen are noticed");
}

#[tokio::test]
async fn tokens_of_instagram_login_end_after_sixty_days_unless_refreshed() {
    let stage = Stage::open().await;
    let (_, own, _) = account(&stage);
    let token = ("access_token", own.token.as_str());
    let refresh = [token, ("grant_type", "ig_refresh_token")];
    assert_eq!(stage.get("/refresh_access_token", &refresh).await.code(), 100, "not a day old");
    stage.clock.advance(59 * 24 * 3600);
    let refreshed = stage.get("/refresh_access_token", &refresh).await.json();
    assert_eq!(refreshed["expires_in"], 60 * 24 * 3600);
    stage.clock.advance(59 * 24 * 3600);
    assert!(stage.get("/me", &[token]).await.status.is_success());
    stage.clock.advance(2 * 24 * 3600);
    let ended = stage.get("/me", &[token]).await.json();
    assert_eq!(ended["error"]["error_subcode"], 463);
}
