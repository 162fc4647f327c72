//! Instagram accounts as a platform that answers by hand-written JSON.

use std::sync::Arc;

use crate::meta::{NOW, ask, at, connector, reply};
use crate::peer::{Peer, json};
use sahut_channels::{Connector, Limit, NotSent, Outgoing};
use sahut_domain::channel::Platform;
use sahut_domain::message::{Surface, Visibility};
use serde_json::{Value, json as object};

fn account(peer: &Peer, mut settings: Value) -> Arc<dyn Connector> {
    settings["ig_user_id"] = object!("17841");
    connector(Platform::Instagram, peer, settings)
}

async fn serving(body: Value) -> (Peer, Arc<dyn Connector>) {
    let peer = Peer::start(move |_| json(200, &body)).await;
    let account = account(&peer, object!({}));
    (peer, account)
}

#[tokio::test]
async fn media_are_context_and_announce_their_comments_with_a_counter() {
    let (peer, account) = serving(
        object!({"data": [{"id": "179", "caption": "Jadwal", "timestamp": "2026-11-24T01:02:03+0000",
        "permalink": "https://www.instagram.com/p/C1/", "comments_count": 4}]}),
    )
    .await;
    let read = account.read(ask("media", None)).await.unwrap();
    assert_eq!((&*read.posts[0].external_id, &*read.posts[0].text), ("179", "Jadwal"));
    assert_eq!(
        (&*read.feeds[0].key, read.feeds[0].counter.as_deref(), read.feeds[0].count),
        ("comments:179", Some("4"), Some(4))
    );
    assert_eq!(peer.last().path, "/v26.0/17841/media");
}

#[tokio::test]
async fn replies_come_with_their_comment_and_each_is_a_message_of_its_own() {
    let time = "2026-11-24T08:00:00+0000";
    let link = object!({"id": "179", "permalink": "https://www.instagram.com/p/C1/"});
    let (peer, account) = serving(object!({"data": [
        {"id": "10", "text": "Lampu mati", "timestamp": time, "username": "warga_a", "from": {"id": "5", "username": "warga_a"},
            "media": link, "replies": {
                "data": [
                    {"id": "12", "text": "ok", "timestamp": time, "username": "warga_a", "parent_id": "10", "hidden": true},
                    {"id": "11", "text": "Kami cek", "timestamp": time, "from": {"id": "900", "username": "dinas"}, "user": {"id": "17841"}},
                    {"id": "13", "text": "tanpa waktu"}],
                "paging": {"cursors": {"after": "QQ"}, "next": "https://x/10/replies?after=QQ"}}},
        {"id": "9", "text": "Halo", "timestamp": time, "from": {"id": "17841", "username": "dinas"}}]}))
    .await;
    let read = account.read(ask("comments:179", None)).await.unwrap();
    let told: Vec<_> = read
        .items
        .iter()
        .map(|item| (&*item.external_id, &*item.thread.external_id, item.parent.as_deref(), item.own))
        .collect();
    assert_eq!(
        told,
        [
            ("10", "10", None, false),
            ("12", "10", Some("10"), false),
            ("11", "10", Some("10"), true),
            ("9", "9", None, true)
        ]
    );
    assert!(read.items.iter().all(|item| item.thread.post.as_deref() == Some("179")));
    assert_eq!(
        (read.items[1].author.handle.as_deref(), read.items[1].visibility),
        (Some("warga_a"), Visibility::Hidden)
    );
    assert_eq!(read.items[0].permalink.as_deref(), Some("https://www.instagram.com/p/C1/"));
    let raw: Value = serde_json::from_slice(&read.items[1].raw).unwrap();
    assert_eq!(raw["id"], "12");
    assert_eq!(read.bad[0].key, "13");
    assert_eq!(
        (&*read.feeds[0].key, read.feeds[0].urgent),
        ("replies:10:179", true),
        "more replies than came along"
    );
    assert_eq!(peer.last().query["limit"], "50");
    account.read(ask("replies:10:179", None)).await.unwrap();
    assert_eq!(peer.last().path, "/v26.0/10/replies");
}

#[tokio::test]
async fn a_mention_is_read_where_it_was_written_and_answered_there() {
    let peer = Peer::start(|call| {
        let time = "2026-11-24T08:00:00+0000";
        match (&*call.method, call.query.get("fields").is_some_and(|fields| fields.contains("mentioned_comment"))) {
            ("POST", _) => json(200, r#"{"id":"30"}"#),
            (_, true) => json(200, object!({"id": "17841", "mentioned_comment":
                {"id": "20", "text": "@dinas tolong", "timestamp": time, "username": "warga_b", "media": {"id": "200"}}})),
            _ => json(200, object!({"id": "17841", "mentioned_media":
                {"id": "201", "caption": "@dinas", "timestamp": time, "username": "warga_c", "permalink": "https://i/p/2/"}})),
        }
    })
    .await;
    let account = account(&peer, object!({}));
    let comment = account.read(ask("mention:20:200", None)).await.unwrap().items.remove(0);
    assert_eq!(
        (&*comment.external_id, comment.thread.surface, comment.thread.post.as_deref()),
        ("20", Surface::Mention, Some("200"))
    );
    assert_eq!(comment.author.handle.as_deref(), Some("warga_b"));
    assert!(peer.last().query["fields"].starts_with("mentioned_comment.comment_id(20){"));
    let caption = account.read(ask("mention::201", None)).await.unwrap().items.remove(0);
    assert_eq!((&*caption.external_id, &*caption.thread.external_id), ("201", "201"));
    let answer = |answers: &str, post: &str| Outgoing {
        answers: answers.to_owned(),
        post: Some(post.to_owned()),
        ..reply(Surface::Mention, "Baik")
    };
    assert_eq!(account.send(&answer("20", "200"), at(NOW)).await.unwrap().external_id, "30");
    let call = peer.last();
    assert_eq!(
        (&*call.path, call.form("media_id").as_deref(), call.form("comment_id").as_deref()),
        ("/v26.0/17841/mentions", Some("200"), Some("20"))
    );
    account.send(&answer("201", "201"), at(NOW)).await.unwrap();
    assert_eq!(peer.last().form("comment_id"), None);
    assert!(matches!(account.look_up(&answer("20", "200"), at(NOW)).await, Err(NotSent::Uncertain(_))));
}

#[tokio::test]
async fn a_reply_goes_to_the_uppermost_comment_and_is_found_there() {
    let peer = Peer::start(|call| match &*call.method {
        "POST" => json(200, r#"{"id":"31"}"#),
        _ => json(
            200,
            object!({"data": [
            {"id": "29", "text": "lama", "timestamp": "2026-11-20T08:00:00+0000", "from": {"id": "5"}},
            {"id": "31", "text": "Baik", "timestamp": "2026-11-24T09:56:00+0000", "from": {"id": "17841"}}]}),
        ),
    })
    .await;
    let account = account(&peer, object!({}));
    let reply = reply(Surface::Comment, "Baik");
    assert_eq!(account.send(&reply, at(NOW)).await.unwrap().external_id, "31");
    assert_eq!(peer.last().path, "/v26.0/thread/replies");
    let found = account.look_up(&reply, at(NOW)).await.unwrap().unwrap();
    assert_eq!((&*found.external_id, &*peer.last().path), ("31", "/v26.0/thread/replies"));
}

#[tokio::test]
async fn direct_messages_are_the_linked_pages_and_counted_in_bytes() {
    let peer = Peer::start(|call| match &*call.method {
        "POST" => json(200, r#"{"recipient_id":"citizen","message_id":"m_9"}"#),
        _ => json(200, r#"{"data":[]}"#),
    })
    .await;
    let account = account(&peer, object!({"page_id": "77"}));
    account.read(ask("conversations", None)).await.unwrap();
    assert_eq!(
        (&*peer.last().path, &*peer.last().query["platform"]),
        ("/v26.0/77/conversations", "instagram")
    );
    account.send(&reply(Surface::Direct, "Baik"), at(NOW)).await.unwrap();
    assert_eq!(peer.last().path, "/v26.0/77/messages");
    assert!(account.check(&reply(Surface::Direct, &"é".repeat(500)), at(NOW)).is_ok());
    let long = account.check(&reply(Surface::Direct, &"é".repeat(501)), at(NOW));
    assert!(matches!(long, Err(Limit::Length { unit: "bytes", has: 1_002, most: 1_000, .. })));
    assert!(account.check(&reply(Surface::Comment, &"é".repeat(2_201)), at(NOW)).is_err());
}

#[tokio::test]
async fn a_delivery_wakes_what_can_be_read_and_keeps_what_cannot() {
    let (_peer, account) = serving(object!({})).await;
    let body = object!({"object": "instagram", "entry": [{"id": "17841", "time": 1_795_480_000, "changes": [
        {"field": "comments", "value": {"id": "10", "text": "a", "media": {"id": "179"}}},
        {"field": "mentions", "value": {"media_id": "200", "comment_id": "20"}},
        {"field": "mentions", "value": {"media_id": "201"}},
        {"field": "live_comments", "value": {"id": "40", "text": "Siaran", "from": {"id": "5", "username": "warga_a"}, "media": {"id": "180"}}},
        {"field": "mentions", "value": {}}],
        "messaging": [{"message": {"mid": "m_1"}}]}]});
    let read = account.push().unwrap().read_delivery(body.to_string().as_bytes(), at(NOW)).unwrap();
    let feeds: Vec<_> = read.feeds.iter().map(|feed| &*feed.key).collect();
    assert_eq!(feeds, ["comments:179", "mention:20:200", "mention::201", "conversations"]);
    let live = &read.items[0];
    assert_eq!(
        (&*live.external_id, &*live.text, live.written_at.as_second()),
        ("40", "Siaran", 1_795_480_000)
    );
    assert_eq!((live.thread.post.as_deref(), live.author.handle.as_deref()), (Some("180"), Some("warga_a")));
    assert_eq!(read.bad.len(), 1);
}
