//! Facebook pages as a platform that answers by hand-written JSON.

use std::sync::Arc;

use crate::meta::{NOW, ask, at, connector, reply};
use crate::peer::{Peer, json};
use sahut_channels::{Ask, Connector, FeedKind, Limit, NotSent, Outgoing, Trouble};
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::message::{Author, Surface, Visibility};
use serde_json::{Value, json as object};

fn page(peer: &Peer) -> Arc<dyn Connector> {
    page_with(peer, object!({}))
}

fn page_with(peer: &Peer, mut settings: Value) -> Arc<dyn Connector> {
    settings["page_id"] = object!("77");
    connector(Platform::Facebook, peer, settings)
}

async fn serving(body: Value) -> (Peer, Arc<dyn Connector>) {
    let peer = Peer::start(move |_| json(200, &body)).await;
    let page = page(&peer);
    (peer, page)
}

#[tokio::test]
async fn posts_are_context_and_announce_their_comments_with_a_counter() {
    let post = |id: &str, count: i64| {
        object!({"id": id, "message": "Jadwal\r\nlayanan", "created_time": "2026-11-24T01:02:03+0000",
            "permalink_url": "https://www.facebook.com/77/posts/1", "from": {"id": "77"},
            "comments": {"data": [], "summary": {"order": "ranked", "total_count": count}}})
    };
    let (peer, page) = serving(object!({"data": [post("77_1", 12), post("77_2", 0)]})).await;
    let read = page.read(ask("posts", None)).await.unwrap();
    assert_eq!(read.posts[0].text, "Jadwal\nlayanan");
    assert_eq!(read.posts[0].published_at, at("2026-11-24T01:02:03Z"));
    assert!(read.items.is_empty());
    let feed = &read.feeds[0];
    assert_eq!(
        (&*feed.key, feed.kind, feed.counter.as_deref(), feed.count, feed.urgent),
        ("comments:77_1", FeedKind::NewestFirst, Some("12"), Some(12), false)
    );
    assert_eq!(peer.last().query["limit"], "50");
}

#[tokio::test]
async fn only_so_many_posts_are_watched_however_they_are_paged() {
    let peer = Peer::start(|call| {
        let limit: usize = call.query["limit"].parse().unwrap();
        let post = object!({"id": "77_1", "created_time": "2026-11-24T01:02:03+0000"});
        // Graph may give fewer than asked for.
        let data = vec![post; limit.min(60)];
        json(
            200,
            object!({"data": data, "paging": {"cursors": {"after": "x"}, "next": "https://x/?after=x"}}),
        )
    })
    .await;
    let page = page_with(&peer, object!({"posts_watched": 130}));
    for (deep, watched) in [(false, 130), (true, 600)] {
        let (mut next, mut seen) = (None, 0);
        loop {
            let read = page.read(Ask { deep, ..ask("posts", next.as_deref()) }).await.unwrap();
            seen += read.posts.len();
            next = read.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(seen, watched);
    }
    let limits: Vec<_> = peer.calls().iter().take(3).map(|call| call.query["limit"].clone()).collect();
    assert_eq!(limits, ["100", "70", "10"]);
}

#[tokio::test]
async fn comments_of_all_depths_stand_in_the_tree_of_the_uppermost() {
    let time = "2026-11-24T08:00:00+0000";
    let citizen = object!({"id": "5", "name": "Warga A"});
    let body = object!({"data": [
        {"id": "1_14", "message": "ke halaman", "created_time": time, "from": citizen,
            "parent": {"id": "1_13", "from": {"id": "77"}}},
        {"id": "1_13", "message": "Info dari kami", "created_time": time, "from": {"id": "77", "name": "Dinas"}},
        {"id": "1_12", "message": "dalam", "created_time": time, "from": citizen,
            "parent": {"id": "1_11", "from": {"id": "77"}, "parent": {"id": "1_10", "from": {"id": "5"}}}},
        {"id": "1_11", "message": "Kami cek", "created_time": time, "from": {"id": "77", "name": "Dinas"},
            "parent": {"id": "1_10", "from": {"id": "5"}}},
        {"id": "1_10", "message": "Lampu mati", "created_time": time, "from": citizen, "is_hidden": true,
            "permalink_url": "https://www.facebook.com/77/posts/1?comment_id=10",
            "attachment": {"type": "photo", "media": {"image": {"src": "https://cdn.example/a.jpg"}}}},
    ]});
    let (peer, page) = serving(body).await;
    let items = page.read(ask("comments:77_1", None)).await.unwrap().items;
    let threads: Vec<_> = items.iter().map(|item| &*item.thread.external_id).collect();
    assert_eq!(threads, ["77_1", "77_1", "1_10", "1_10", "1_10"]);
    let own: Vec<_> = items.iter().map(|item| item.own).collect();
    assert_eq!(own, [false, true, false, true, false]);
    assert!(
        items.iter().all(
            |item| item.thread.post.as_deref() == Some("77_1") && item.thread.surface == Surface::Comment
        )
    );
    assert_eq!(items[2].parent.as_deref(), Some("1_11"));
    let top = &items[4];
    assert_eq!(
        (top.visibility, &top.parent, top.written_at),
        (Visibility::Hidden, &None, at("2026-11-24T08:00:00Z"))
    );
    assert_eq!(
        top.author,
        Author { external_id: Some("5".into()), name: Some("Warga A".into()), handle: None }
    );
    assert_eq!(top.attachments[0].reference.as_deref(), Some("https://cdn.example/a.jpg"));
    let raw: Value = serde_json::from_slice(&top.raw).unwrap();
    assert_eq!(raw["id"], "1_10", "the raw payload is the item's own");
    let call = peer.last();
    assert_eq!(call.path, "/v26.0/77_1/comments");
    assert_eq!((&*call.query["filter"], &*call.query["order"]), ("stream", "reverse_chronological"));
}

#[tokio::test]
async fn a_withheld_author_is_survived_and_a_malformed_item_spoils_no_other() {
    let time = "2026-11-24T08:00:00+0000";
    let body = object!({"data": [
        {"id": "1_3", "created_time": time},
        {"id": "1_2", "message": "kapan", "created_time": [{"oops": null}]},
        {"id": 9_007_199_254_740_993_i64, "created_time": time},
        {"id": "", "created_time": time},
        "rusak",
        {"id": "1_1", "message": "ada", "created_time": time},
    ]});
    let (_peer, page) = serving(body).await;
    let read = page.read(ask("comments:77_1", None)).await.unwrap();
    let ids: Vec<_> = read.items.iter().map(|item| &*item.external_id).collect();
    assert_eq!(ids, ["1_3", "1_1"]);
    assert_eq!(
        (&read.items[1].author, read.items[1].own, &*read.items[0].text),
        (&Author::default(), false, "")
    );
    assert_eq!((read.bad.len(), &*read.bad[0].key), (4, "1_2"));
    assert!(read.bad.iter().all(|bad| !bad.error.contains("kapan") && !bad.key.is_empty()));
}

#[tokio::test]
async fn a_visitors_post_is_a_message_at_the_head_of_its_thread() {
    let body = object!({"data": [{"id": "77_9", "message": "Jalan rusak", "created_time": "2026-11-24T08:00:00+0000",
        "from": {"id": "5", "name": "Warga A"}, "comments": {"summary": {"total_count": 2}}}]});
    let (peer, page) = serving(body).await;
    let read = page.read(ask("visitor_posts", None)).await.unwrap();
    let item = &read.items[0];
    assert_eq!(
        (&*item.external_id, &*item.thread.external_id, item.thread.post.as_deref()),
        ("77_9", "77_9", Some("77_9"))
    );
    assert_eq!((&*read.feeds[0].key, read.posts.len()), ("comments:77_9", 0));
    assert_eq!(peer.last().path, "/v26.0/77/visitor_posts");
}

#[tokio::test]
async fn conversations_are_announced_and_read() {
    let peer = Peer::start(|call| match &*call.path {
        "/v26.0/77/conversations" => json(200, object!({"data": [
            {"id": "t_1", "updated_time": "2026-11-24T08:00:00+0000", "message_count": 3}]})),
        _ => json(200, object!({"id": "t_1", "link": "/77/inbox/1/", "messages": {"data": [
            {"id": "m_3", "created_time": "2026-11-24T08:00:02+0000", "from": {"id": "77", "name": "Dinas"}, "message": "Baik"},
            {"id": "m_2", "created_time": "2026-11-24T08:00:01+0000", "from": {"id": "5", "name": "Warga A"},
                "attachments": {"data": [{"mime_type": "application/pdf", "name": "surat.pdf", "size": 7, "file_url": "https://cdn.example/s.pdf"}]}},
            {"id": "m_1", "created_time": "2026-11-24T08:00:00+0000"}],
            "paging": {"cursors": {"after": "QQ"}, "next": "https://graph.facebook.com/v26.0/t_1/messages?after=QQ"}}})),
    })
    .await;
    let page = page(&peer);
    let mut list = page.read(ask("conversations", None)).await.unwrap();
    assert_eq!(list.listed_down_to, Some(at("2026-11-24T08:00:00Z")));
    let feed = list.feeds.remove(0);
    assert_eq!(
        (&*feed.key, feed.counter.as_deref(), feed.count),
        ("conversation:t_1", Some("2026-11-24T08:00:00+0000/3"), None)
    );
    assert_eq!(peer.last().query["platform"], "MESSENGER");
    let read = page.read(ask(&feed.key, None)).await.unwrap();
    let own: Vec<_> = read.items.iter().map(|item| (item.own, &*item.thread.external_id)).collect();
    assert_eq!(own, [(true, "t_1"), (false, "t_1")]);
    assert_eq!(read.items[1].attachments[0].name.as_deref(), Some("surat.pdf"));
    assert_eq!(read.items[1].permalink.as_deref(), Some("https://www.facebook.com/77/inbox/1/"));
    assert_eq!(
        (read.bad.len(), read.withheld),
        (0, vec![at("2026-11-24T08:00:00Z")]),
        "told, but nobody can mend it"
    );
    assert_eq!([&*feed.key, "conversations", "posts"].map(|feed| page.pace(feed).as_millis()), [500, 500, 0]);
    page.read(ask(&feed.key, read.next.as_deref())).await.unwrap();
    assert!(peer.last().query["fields"].contains("messages.limit(20).after(QQ){"));
}

#[tokio::test]
async fn the_account_behind_the_token_is_the_one_that_was_configured() {
    let (_peer, page) = serving(object!({"id": "77", "name": "Dinas Kesehatan"})).await;
    let identity = page.identify().await.unwrap();
    assert_eq!((&*identity.external_id, &*identity.name), ("77", "Dinas Kesehatan"));
    let (_peer, page) = serving(object!({"id": "1", "name": "Pribadi"})).await;
    assert!(matches!(page.identify().await, Err(Trouble::Person { ailment: Ailment::Credential, .. })));
}

#[tokio::test]
async fn a_public_reply_is_published_once_and_known_by_its_id() {
    let body =
        object!({"id": "1_20", "created_time": "2026-11-24T09:59:58+0000", "permalink_url": "https://f/1"});
    let (peer, page) = serving(body).await;
    let sent = page.send(&reply(Surface::Comment, "Baik & terima kasih"), at(NOW)).await.unwrap();
    assert_eq!(
        (&*sent.external_id, sent.at, sent.permalink.as_deref()),
        ("1_20", at("2026-11-24T09:59:58Z"), Some("https://f/1"))
    );
    let call = peer.last();
    assert_eq!((&*call.method, &*call.path), ("POST", "/v26.0/answered/comments"));
    assert_eq!(call.form("message").as_deref(), Some("Baik & terima kasih"));
    assert_eq!(peer.calls().len(), 1);
}

#[tokio::test]
async fn a_direct_reply_carries_the_tag_of_a_human_only_after_the_usual_window() {
    let peer = Peer::start(|_| json(200, object!({"recipient_id": "citizen", "message_id": "m_9"}))).await;
    let page = page_with(&peer, object!({"human_agent": true}));
    let body = |peer: &Peer| serde_json::from_str::<Value>(&peer.last().body).unwrap();
    let sent = page.send(&reply(Surface::Direct, "Baik"), at(NOW)).await.unwrap();
    assert_eq!((&*sent.external_id, sent.at), ("m_9", at(NOW)));
    assert_eq!(
        body(&peer),
        object!({"recipient": {"id": "citizen"}, "messaging_type": "RESPONSE", "message": {"text": "Baik"}})
    );
    page.send(&reply(Surface::Direct, "Baik"), at("2026-11-26T10:00:00Z")).await.unwrap();
    assert_eq!(
        (&body(&peer)["messaging_type"], &body(&peer)["tag"]),
        (&object!("MESSAGE_TAG"), &object!("HUMAN_AGENT"))
    );
    assert_eq!(peer.last().path, "/v26.0/77/messages");
}

#[tokio::test]
async fn limits_are_known_before_sending() {
    let (peer, page) = serving(object!({})).await;
    let human = page_with(&peer, object!({"human_agent": true}));
    let direct = reply(Surface::Direct, "Baik");
    assert_eq!(page.check(&direct, at("2026-11-25T08:00:00Z")), Ok(()));
    let closed_at = at("2026-11-25T08:00:00Z");
    assert!(
        matches!(page.check(&direct, at("2026-11-25T08:00:01Z")), Err(Limit::Window { closed_at: at, .. }) if at == closed_at)
    );
    assert_eq!(human.check(&direct, at("2026-12-01T08:00:00Z")), Ok(()));
    assert!(human.check(&direct, at("2026-12-01T08:00:01Z")).is_err());
    let nobody = Outgoing { citizen: Author::default(), ..direct };
    assert!(matches!(page.check(&nobody, at(NOW)), Err(Limit::NotAnswerable(_))));
    let length = |surface, count| page.check(&reply(surface, &"é".repeat(count)), at(NOW));
    assert!(length(Surface::Direct, 2_000).is_ok() && length(Surface::Comment, 8_000).is_ok());
    assert!(matches!(length(Surface::Direct, 2_001), Err(Limit::Length { has: 2_001, most: 2_000, .. })));
    assert!(matches!(length(Surface::Comment, 8_001), Err(Limit::Length { has: 8_001, most: 8_000, .. })));
    assert!(page.check(&reply(Surface::Review, "Baik"), at(NOW)).is_err());
}

/// A comment under the one that is answered.
fn comment(id: &str, from: &str, message: &str, time: &str) -> Value {
    let parent = object!({"id": "answered"});
    object!({"id": id, "from": {"id": from}, "message": message, "created_time": time, "parent": parent})
}

#[tokio::test]
async fn a_reply_whose_outcome_is_unknown_is_found_by_its_words_and_time() {
    let found = |data: Value| async move {
        let (_peer, page) = serving(object!({ "data": data })).await;
        page.look_up(&reply(Surface::Comment, "Baik,  terima\nkasih"), at(NOW)).await
    };
    let ours = comment("1_20", "77", "Baik, terima kasih ", "2026-11-24T09:54:00+0000");
    let sent = found(object!([comment("1_21", "5", "Lain", "2026-11-24T09:58:00+0000"), ours]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*sent.external_id, sent.at), ("1_20", at("2026-11-24T09:54:00Z")));
    let not_ours = object!([
        comment("1_23", "5", "Baik, terima kasih", "2026-11-24T09:58:00+0000"),
        comment("1_22", "77", "Baik", "2026-11-24T09:58:00+0000"),
        comment("1_19", "77", "Baik, terima kasih", "2026-11-24T09:52:59+0000"),
    ]);
    assert_eq!(found(not_ours).await, Ok(None));
    let mut withheld = comment("1_24", "", "Baik, terima kasih", "2026-11-24T09:58:00+0000");
    withheld["from"].take();
    let withheld = object!([withheld]);
    assert_eq!(found(withheld).await.unwrap().unwrap().external_id, "1_24");
    let unreadable = object!([{"id": "1_25", "created_time": 0}]);
    assert!(
        matches!(found(unreadable).await, Err(NotSent::Uncertain(_))),
        "no promise over what cannot be read"
    );
}

#[tokio::test]
async fn the_same_words_to_another_citizen_are_not_the_reply() {
    let found = |data: Vec<Value>, others: &'static [&'static str]| async move {
        let (_peer, page) = serving(object!({ "data": data })).await;
        let others = others.iter().map(|id| (*id).to_owned()).collect();
        let asked =
            Outgoing { others, answers_parent: Some("above".to_owned()), ..reply(Surface::Comment, "Baik") };
        page.look_up(&asked, at(NOW)).await.unwrap().map(|sent| sent.external_id)
    };
    let under = |id: &str, parent: Option<&str>| {
        let mut ours = comment(id, "77", "Baik", "2026-11-24T09:58:00+0000");
        ours["parent"] = parent.map_or(Value::Null, |parent| object!({ "id": parent }));
        ours
    };
    assert_eq!(found(vec![under("1_9", Some("elsewhere"))], &[]).await, None);
    let withheld = found(vec![under("1_8", None)], &[]).await;
    assert_eq!(withheld.as_deref(), Some("1_8"), "where it hangs is not told: it is not sent once more");
    let flat =
        || vec![under("1_9", Some("thread")), under("1_8", Some("above")), under("1_7", Some("answered"))];
    assert_eq!(found(flat(), &[]).await.as_deref(), Some("1_7"), "rather the one right under it");
    assert_eq!(found(flat(), &["1_7"]).await.as_deref(), Some("1_9"));
    assert_eq!(found(flat(), &["1_9", "1_7"]).await.as_deref(), Some("1_8"), "the search goes on");
    assert_eq!(found(flat(), &["1_9", "1_8", "1_7"]).await, None);
}

#[tokio::test]
async fn a_message_whose_words_are_not_told_any_more_may_be_ours() {
    let found = |time: &'static str| async move {
        let letters = object!([{"id": "m_1", "created_time": time}]);
        let (_peer, page) = serving(object!({"id": "t_1", "messages": {"data": letters}})).await;
        page.look_up(&reply(Surface::Direct, "Baik"), at(NOW)).await
    };
    assert_eq!(found("2026-11-24T09:00:00+0000").await, Ok(None), "older than the attempt");
    assert!(matches!(found("2026-11-24T09:57:00+0000").await, Err(NotSent::Uncertain(_))));
}

#[tokio::test]
async fn the_search_goes_on_until_it_is_older_than_the_attempt() {
    let peer = Peer::start(|call| {
        let minute = call.query.get("after").map_or(59, |after| after.parse::<u32>().unwrap());
        let time = format!("2026-11-24T09:{minute}:00+0000");
        let next = format!("https://x/?after={}", minute - 1);
        json(200, object!({"data": [comment("1_1", "5", "Lain", &time)], "paging": {"next": next}}))
    })
    .await;
    assert_eq!(page(&peer).look_up(&reply(Surface::Comment, "Baik"), at(NOW)).await, Ok(None));
    assert_eq!(peer.calls().len(), 8, "from 09:59 to 09:52, three minutes before the attempt");
    let never_tried = Outgoing { first_attempt_at: None, ..reply(Surface::Comment, "Baik") };
    assert_eq!(page(&peer).look_up(&never_tried, at(NOW)).await, Ok(None));
}

#[tokio::test]
async fn a_repetition_is_the_earlier_attempt_or_is_refused() {
    let outcome = |words: &'static str, others: Vec<String>| async move {
        let peer = Peer::start(move |call| match &*call.method {
            "POST" => json(400, object!({"error": {"code": 506, "message": "Duplicate status message"}})),
            _ => json(200, object!({"data": [comment("1_20", "77", words, "2026-11-24T09:56:00+0000")]})),
        })
        .await;
        page(&peer).send(&Outgoing { others, ..reply(Surface::Comment, "Baik") }, at(NOW)).await
    };
    assert_eq!(outcome("Baik", Vec::new()).await.unwrap().external_id, "1_20");
    assert!(matches!(outcome("Lain", Vec::new()).await, Err(NotSent::Refused(_))));
    let another = outcome("Baik", vec!["1_20".to_owned()]).await;
    assert!(matches!(another, Err(NotSent::Refused(_))), "those words are another reply");
}

#[tokio::test]
async fn a_delivery_wakes_what_can_be_read_and_tells_what_was_deleted() {
    let (_peer, page) = serving(object!({})).await;
    let change = |value: Value| object!({"field": "feed", "value": value});
    let body = object!({"object": "page", "entry": [
        {"id": "77", "time": 1_795_480_000, "changes": [
            change(object!({"item": "comment", "verb": "add", "comment_id": "1_1", "post_id": "77_1", "from": {"id": "5"}, "message": "a"})),
            change(object!({"item": "comment", "verb": "remove", "comment_id": "1_2", "post_id": "77_1"})),
            change(object!({"item": "reaction", "verb": "add", "post_id": "77_1"})),
            change(object!({"item": "status", "verb": "add", "post_id": "77_3", "from": {"id": "77"}})),
            change(object!({"item": "post", "verb": "add", "post_id": "77_4", "from": {"id": "5"}})),
            change(object!({"item": "post", "verb": "remove", "post_id": "77_5"})),
            change(object!({"verb": "add"})),
            {"field": "ratings", "value": 1}]},
        {"id": "77", "time": 1_795_480_000_000_i64, "messaging": [
            {"sender": {"id": "5"}, "message": {"mid": "m_1", "text": "halo"}},
            {"sender": {"id": "5"}, "message": {"mid": "m_0", "is_deleted": true}},
            {"sender": {"id": "5"}, "read": {"watermark": 1}}]},
        {"id": "88", "changes": [change(object!({"item": "comment", "verb": "remove", "comment_id": "9_9"}))]}]});
    let read = page.push().unwrap().read_delivery(body.to_string().as_bytes(), at(NOW)).unwrap();
    let feeds: Vec<_> = read.feeds.iter().map(|feed| &*feed.key).collect();
    assert_eq!(feeds, ["comments:77_1", "comments:77_1", "posts", "visitor_posts", "conversations"]);
    assert!(read.feeds.iter().all(|feed| feed.urgent));
    assert_eq!(read.deleted, ["1_2", "77_5", "m_0"]);
    assert_eq!((read.items.len(), read.bad.len()), (0, 1));
}
