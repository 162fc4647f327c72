//! A WordPress site as a channel: how its comments are walked, and how answers get there.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::channel::{connector, now, reply};
use crate::peer::{Call, Peer, json as answer};
use axum::body::Body;
use axum::http::Response;
use jiff::{SignedDuration, Timestamp};
use sahut_channels::{Ask, Connector, Limit, NotSent, Outgoing, Page, Trouble};
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::message::{Surface, Visibility};
use serde_json::{Value, json};

const ME: u64 = 3;

fn site(peer: &Peer) -> Arc<dyn Connector> {
    let settings = json!({"site": peer.url.as_str(), "user": "humas"});
    connector(Platform::Wordpress, settings, &[("password", "abcd rahasia")]).unwrap()
}

fn ask<'a>(feed: &'a str, page: Option<&'a str>) -> Ask<'a> {
    Ask { feed, cursor: None, page, deep: false, patience: Duration::ZERO, now: now() }
}

fn comment(id: u64, parent: u64, author: u64, status: &str, text: &str) -> Value {
    json!({"id": id, "post": 1, "parent": parent, "author": author, "author_name": "Warga &amp; Co",
           "author_email": if author == 0 { "Warga@Example.test" } else { "" },
           "date_gmt": "2026-11-24T00:02:21", "content": {"raw": text, "rendered": format!("<p>{text}</p>")},
           "link": format!("https://dinas.example/a/#comment-{id}"), "status": status})
}

fn no(status: u16, code: &str) -> Response<Body> {
    answer(status, json!({"code": code, "message": "Sorry, <b>no</b>.", "data": {"status": status}}))
}

/// A site with these comments that behaves as WordPress does.
async fn site_with(comments: Vec<Value>) -> Peer {
    Peer::start(move |call| react(call, &comments)).await
}

fn react(call: &Call, comments: &[Value]) -> Response<Body> {
    match call.path.as_str() {
        "/wp-json/wp/v2/users/me" => answer(200, json!({"id": ME, "name": "Humas"})),
        "/wp-json/wp/v2/comments" if call.method == "POST" => {
            answer(201, comment(99, 1, ME, "approved", "dijawab"))
        }
        "/wp-json/wp/v2/comments" => list(&call.query, comments),
        path => {
            let id = path.rsplit('/').next().unwrap_or_default();
            let found = comments.iter().find(|comment| is(&comment["id"], id));
            found.map_or_else(|| no(404, "rest_comment_invalid_id"), |comment| answer(200, comment))
        }
    }
}

fn is(number: &Value, text: &str) -> bool {
    number.as_u64() == text.parse().ok()
}

fn list(query: &BTreeMap<String, String>, comments: &[Value]) -> Response<Body> {
    let wanted = |field: &str, comment: &Value| {
        query.get(field).is_none_or(|value| value.split(',').any(|one| is(&comment[field], one)))
    };
    let include = |comment: &Value| {
        query.get("include").is_none_or(|ids| ids.split(',').any(|id| is(&comment["id"], id)))
    };
    let rows: Vec<&Value> = comments
        .iter()
        .filter(|row| include(row) && ["post", "parent", "author"].iter().all(|field| wanted(field, row)))
        .collect();
    let (size, page) =
        (query["per_page"].parse::<usize>().unwrap(), query.get("page").map_or("1", |page| page));
    let skip = (page.parse::<usize>().unwrap() - 1) * size;
    let mut response = answer(200, json!(rows.iter().skip(skip).take(size).collect::<Vec<_>>()));
    let pages = rows.len().div_ceil(size).to_string();
    response.headers_mut().insert("x-wp-totalpages", pages.parse().unwrap());
    response
}

fn outgoing(answers: &str, text: &str) -> Outgoing {
    Outgoing { post: Some("1".to_owned()), ..reply(Surface::Comment, answers, text) }
}

async fn walk(site: &dyn Connector, feed: &str) -> Vec<Page> {
    let mut pages = vec![site.read(ask(feed, None)).await.unwrap()];
    while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
        pages.push(site.read(ask(feed, Some(&next))).await.unwrap());
    }
    pages
}

#[tokio::test]
async fn a_walk_proves_who_we_are_once_and_ends_where_the_site_says() {
    let comments = (0..230).rev().map(|id| comment(id + 1, 0, 0, "approved", "halo")).collect();
    let peer = site_with(comments).await;
    let pages = walk(&*site(&peer), "comments").await;
    assert_eq!(pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [100, 100, 30]);
    let calls = peer.calls();
    assert_eq!(calls.iter().filter(|call| call.path.ends_with("/users/me")).count(), 1);
    assert!(calls[0].path.ends_with("/users/me"), "first of all");
    let query = &calls[1].query;
    for (name, value) in [("status", "any"), ("context", "edit"), ("orderby", "id"), ("order", "desc")] {
        assert_eq!(query[name], value);
    }
    assert!(!query["_fields"].contains("author_ip"));
    assert!(calls.iter().all(|call| call.headers["authorization"].starts_with("Basic ")));
}

#[tokio::test]
async fn pages_that_are_too_long_are_asked_for_in_smaller_ones() {
    let comments: Vec<Value> = (0..27).rev().map(|id| comment(id + 1, 0, 0, "approved", "halo")).collect();
    let long = |call: &Call| call.query.get("per_page").is_some_and(|size| size.parse::<u32>().unwrap() > 5);
    let peer =
        Peer::start(
            move |call| {
                if long(call) { answer(200, "x".repeat(9 << 20)) } else { react(call, &comments) }
            },
        )
        .await;
    let pages = walk(&*site(&peer), "comments").await;
    let ids: Vec<u64> =
        pages.iter().flat_map(|page| &page.items).map(|item| item.external_id.parse().unwrap()).collect();
    assert_eq!(ids, (1..=27).rev().collect::<Vec<_>>(), "none is left out and none comes twice");
    let sizes: Vec<String> =
        peer.calls().iter().filter_map(|call| call.query.get("per_page").cloned()).collect();
    assert_eq!(sizes[..4], ["100", "25", "5", "5"], "what was too long once is not tried again");
}

#[tokio::test]
async fn comments_are_read_as_what_they_are() {
    let comments = vec![
        comment(8, 0, 0, "approved", "Jalan <b>rusak</b> &lt;3\r\nsejak lama"),
        comment(7, 0, 0, "hold", "Menunggu"),
        comment(6, 0, ME, "approved", "Sudah kami catat"),
        comment(5, 0, 0, "spam", "Obat"),
        comment(4, 0, 0, "trash", "Kasar"),
        json!({"id": 3, "post": 1, "content": "rusak"}),
        comment(2, 0, 9, "approved", "Pengguna lain"),
    ];
    let peer = site_with(comments).await;
    let page = site(&peer).read(ask("comments", None)).await.unwrap();
    let [first, held, own, other] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!(first.text, "Jalan rusak <3\nsejak lama");
    assert_eq!(first.written_at, "2026-11-24T00:02:21Z".parse::<Timestamp>().unwrap());
    assert_eq!(first.thread.post.as_deref(), Some("1"));
    assert_eq!(first.author.name.as_deref(), Some("Warga & Co"));
    assert_eq!(first.author.key(), held.author.key(), "the same visitor");
    assert!(!first.author.key().unwrap().contains('@'), "the address itself is no name");
    assert_eq!((first.visibility, held.visibility), (Visibility::Shown, Visibility::Held));
    assert_eq!((first.own, own.own, other.own), (false, true, false));
    assert_eq!(other.author.key(), Some("user:9"));
    assert_eq!(page.deleted, ["5", "4"]);
    assert_eq!(page.bad[0].key, "3");
    assert!(!page.bad[0].error.contains("rusak"));
}

#[tokio::test]
async fn a_reply_of_a_reply_hangs_under_the_top_even_across_pages() {
    let mut comments: Vec<Value> = vec![comment(500, 400, 0, "approved", "c")];
    comments.extend((401..500).rev().map(|id| comment(id, 0, 0, "approved", "x")));
    comments.extend([comment(400, 300, ME, "approved", "b"), comment(300, 0, 0, "trash", "a")]);
    comments.push(comment(200, 111, 0, "approved", "its parent is gone for good"));
    let peer = site_with(comments).await;
    let pages = walk(&*site(&peer), "comments").await;
    assert_eq!(pages[0].items[0].thread.external_id, "300");
    assert_eq!(pages[0].items[0].parent.as_deref(), Some("400"));
    assert_eq!(pages[1].items[0].thread.external_id, "300");
    assert_eq!(pages[1].items[1].thread.external_id, "111");
}

#[tokio::test]
async fn without_a_total_an_empty_page_is_the_end() {
    let peer = Peer::start(|call| match (call.path.as_str(), call.query.get("page").map(String::as_str)) {
        ("/wp-json/wp/v2/users/me", _) => answer(200, json!({"id": ME, "name": "Humas"})),
        (_, Some("1")) => answer(200, json!([comment(1, 0, 0, "approved", "x")])),
        _ => answer(200, json!([])),
    })
    .await;
    assert_eq!(walk(&*site(&peer), "comments").await.len(), 2);
}

#[tokio::test]
async fn posts_are_context_and_a_list_that_shrinks_ends() {
    let peer = Peer::start(|call| match (call.path.as_str(), call.query.get("page").map(String::as_str)) {
        ("/wp-json/wp/v2/users/me", _) => answer(200, json!({"id": ME, "name": "Humas"})),
        (_, Some("1")) => {
            let post = json!({"id": 1, "date_gmt": "2026-11-24T04:21:06", "link": "https://dinas.example/a/",
                              "title": {"rendered": "Vaksin &#8211; jadwal"}, "excerpt": {"rendered": "<p>Senin</p>\n"}});
            let mut response = answer(200, json!([post, {"id": 2, "date_gmt": "kemarin"}]));
            response.headers_mut().insert("x-wp-totalpages", "2".parse().unwrap());
            response
        }
        _ => no(400, "rest_post_invalid_page_number"),
    })
    .await;
    let pages = walk(&*site(&peer), "posts").await;
    assert_eq!(pages[0].posts[0].text, "Vaksin – jadwal\n\nSenin");
    assert_eq!((pages[0].posts.len(), pages[0].bad.len()), (1, 1));
    assert_eq!(pages[1], Page::default());
}

#[tokio::test]
async fn sites_without_rewriting_are_asked_by_query() {
    let peer = Peer::start(|_| answer(200, json!({"id": ME, "name": "Humas"}))).await;
    let base = peer.url.join("portal/").unwrap();
    let settings = json!({"site": base.as_str(), "user": "humas", "rest_route": true});
    let site = connector(Platform::Wordpress, settings, &[("password", "x")]).unwrap();
    assert_eq!(site.identify().await.unwrap().external_id, "3");
    let call = peer.last();
    assert_eq!((call.path.as_str(), call.query["rest_route"].as_str()), ("/portal/", "/wp/v2/users/me"));
}

async fn refused(response: impl Fn() -> Response<Body> + Send + Sync + 'static) -> (Trouble, NotSent) {
    let peer = Peer::start(move |call| match call.method.as_str() {
        // The comment that is answered is there: it is the answer that is refused.
        "GET" if call.path.ends_with("/comments/7") => answer(200, comment(7, 0, 0, "approved", "x")),
        _ => response(),
    })
    .await;
    let site = site(&peer);
    let trouble = site.read(ask("comments", None)).await.unwrap_err();
    let not_sent = site.send(&outgoing("7", "Baik"), now()).await.unwrap_err();
    assert!(!format!("{trouble:?} {not_sent:?}").contains("rahasia"));
    (trouble, not_sent)
}

#[tokio::test]
async fn wordpress_itself_says_when_a_person_is_needed() {
    let (trouble, not_sent) = refused(|| no(401, "rest_not_logged_in")).await;
    assert!(matches!(trouble, Trouble::Person { ailment: Ailment::Credential, .. }));
    assert!(matches!(not_sent, NotSent::Trouble(Trouble::Person { ailment: Ailment::Credential, .. })));
    let (trouble, _) = refused(|| no(403, "rest_forbidden_context")).await;
    assert!(matches!(trouble, Trouble::Person { ailment: Ailment::Permission, .. }));
    assert!(trouble.to_string().contains("Editor"));
    let (trouble, _) = refused(|| no(404, "rest_no_route")).await;
    assert!(matches!(trouble, Trouble::Person { ailment: Ailment::Permission, .. }));
}

#[tokio::test]
async fn a_page_that_is_not_wordpress_may_pass_by_itself() {
    for status in [401, 403, 404] {
        let (trouble, not_sent) = refused(move || answer(status, "<html>Blocked</html>")).await;
        assert!(matches!(trouble, Trouble::Again { ailment: Ailment::Platform, .. }), "{trouble:?}");
        assert!(matches!(not_sent, NotSent::Trouble(Trouble::Again { .. })), "{not_sent:?}");
    }
    let (trouble, not_sent) = refused(|| answer(200, "<html>Selamat datang</html>")).await;
    assert!(matches!(trouble, Trouble::Again { ailment: Ailment::Parser, .. }));
    assert!(matches!(not_sent, NotSent::Uncertain(_)));
}

#[tokio::test]
async fn patience_and_faults() {
    let busy = |status: u16, after: &'static str| {
        move || {
            let mut response = answer(status, "busy");
            response.headers_mut().insert("retry-after", after.parse().unwrap());
            response
        }
    };
    let until = |seconds: i64| now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    for (status, after, granted) in [
        (429, "60", 60),
        (503, "120", 120),
        (429, "99999999999", 3600),
        (429, "Tue, 24 Nov 2026 03:10:00 GMT", 600),
    ] {
        let (trouble, _) = refused(busy(status, after)).await;
        assert!(
            matches!(trouble, Trouble::Wait { until: Some(at), .. } if at == until(granted)),
            "{after}: {trouble:?}"
        );
    }
    let (trouble, not_sent) = refused(|| no(500, "internal_server_error")).await;
    assert!(matches!(trouble, Trouble::Again { ailment: Ailment::Platform, .. }));
    assert!(matches!(not_sent, NotSent::Uncertain(_)));
    let (_, not_sent) = refused(|| no(400, "comment_flood")).await;
    assert!(matches!(not_sent, NotSent::Trouble(Trouble::Wait { .. })));
    for code in ["rest_comment_closed", "rest_comment_invalid_post_id"] {
        let (_, not_sent) = refused(move || no(403, code)).await;
        assert!(matches!(not_sent, NotSent::Refused(_)), "{code}");
    }
    let (_, not_sent) = refused(|| no(400, "comment_content_column_length")).await;
    assert!(matches!(not_sent, NotSent::Refused(_)));
}

#[tokio::test]
async fn an_answer_is_escaped_and_stands_under_its_question() {
    let peer = site_with(vec![comment(7, 0, 0, "approved", "Kapan?")]).await;
    let sent = site(&peer).send(&outgoing("7", "<b>Besok</b> & lusa"), now()).await.unwrap();
    assert_eq!((sent.external_id.as_str(), sent.permalink.is_some()), ("99", true));
    let body: Value = serde_json::from_str(&peer.last().body).unwrap();
    assert_eq!(body, json!({"post": "1", "parent": "7", "content": "&lt;b&gt;Besok&lt;/b&gt; &amp; lusa"}));
}

#[tokio::test]
async fn a_comment_that_is_gone_is_not_answered() {
    let peer = site_with(vec![comment(8, 0, 0, "trash", "x")]).await;
    for gone in ["7", "8"] {
        let lost = site(&peer).send(&outgoing(gone, "Baik"), now()).await;
        assert!(matches!(lost, Err(NotSent::Refused(_))), "{gone}");
    }
    assert!(peer.calls().iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn a_duplicate_is_our_own_answer_that_arrived_before() {
    let comments = vec![
        comment(12, 7, ME, "approved", "Besok &amp; lusa,\r\npukul 9"),
        comment(7, 0, 0, "approved", "Kapan?"),
    ];
    let peer = Peer::start(move |call| match call.method.as_str() {
        "POST" => no(409, "comment_duplicate"),
        _ => react(call, &comments),
    })
    .await;
    let sent = site(&peer).send(&outgoing("7", "Besok & lusa,\npukul 9 "), now()).await.unwrap();
    assert_eq!(sent.external_id, "12");
    let other = site(&peer).send(&outgoing("7", "Besok"), now()).await;
    assert!(matches!(other, Err(NotSent::Uncertain(_))));
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_where_it_would_stand() {
    let peer = site_with(vec![
        comment(13, 9, ME, "approved", "Besok"),
        comment(12, 7, 0, "approved", "Besok"),
        comment(11, 7, ME, "hold", "Besok"),
        comment(7, 0, 0, "approved", "Kapan?"),
    ])
    .await;
    let site = site(&peer);
    let found = site.look_up(&outgoing("7", "Besok"), now()).await.unwrap();
    assert_eq!(found.map(|sent| sent.external_id).as_deref(), Some("11"));
    assert_eq!(site.look_up(&outgoing("7", "Lusa"), now()).await, Ok(None));
}

#[tokio::test]
async fn an_answer_fits_the_comment_table() {
    let peer = site_with(Vec::new()).await;
    let site = site(&peer);
    assert_eq!(site.check(&outgoing("7", &"a".repeat(65_525)), now()), Ok(()));
    assert!(matches!(
        site.check(&outgoing("7", &"<".repeat(20_000)), now()),
        Err(Limit::Length { has: 80_000, unit: "bytes", .. })
    ));
    assert!(matches!(site.check(&reply(Surface::Comment, "7", "x"), now()), Err(Limit::NotAnswerable(_))));
}

/// Recordings of a WordPress 6.1.9 are read, where they are present.
#[tokio::test]
async fn recorded_answers_of_a_real_site_are_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/specs/wordpress/recorded_wp6.1.9.json");
    let Ok(text) = fs::read_to_string(path) else {
        println!("skipped: no recordings here");
        return;
    };
    let recordings: Vec<Value> = serde_json::from_str(&text).unwrap();
    let recorded = |name: &str| recordings.iter().find(|one| one["name"] == name).unwrap()["body"].clone();
    let (me, rows) = (recorded("whoami"), recorded("list edit context all statuses"));
    let count = rows.as_array().unwrap().len();
    let peer =
        Peer::start(move |call| answer(200, if call.path.ends_with("/users/me") { &me } else { &rows }))
            .await;
    let page = site(&peer).read(ask("comments", None)).await.unwrap();
    assert_eq!((page.items.len(), page.bad.len()), (count, 0));
    assert_eq!(page.items[0].text, "cepat 3");
}
