//! What goes wrong, that it goes wrong the same way again, and that the ledger knows.

use std::collections::BTreeSet;

use reqwest::Method;
use sahut_simulator::{Limits, Mood, Moods};
use serde_json::Value;

use crate::support::{Got, Stage, read};

#[tokio::test]
async fn a_cut_connection_tells_nobody_whether_the_reply_was_published() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let comment = stage.world().comment(&post, "warga_0001", "Halo", stage.now()).unwrap();
    let path = format!("/{comment}/comments");
    let form = [("access_token", page.token.as_str()), ("message", "Baik")];
    stage.world().next_call("POST", Mood::DropBefore);
    assert_eq!(stage.call(Method::POST, &path, &form).await, None);
    assert!(stage.sim.ledger().accepted.is_empty());
    stage.world().next_call("POST", Mood::DropAfter);
    assert_eq!(stage.call(Method::POST, &path, &form).await, None);
    let ledger = stage.sim.ledger();
    assert_eq!(ledger.accepted.len(), 1);
    assert!(!ledger.accepted[0].answered);
    assert!(stage.post(&path, &form).await.status.is_success(), "a blind second try is published as well");
    let ledger = stage.sim.ledger();
    let doubles: Vec<_> =
        ledger.double_posts().iter().map(|(line, count)| (line.target.clone(), *count)).collect();
    assert_eq!(doubles, [(comment, 2)]);
}

#[tokio::test]
async fn broken_answers_are_not_counted_as_shown() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let comment = stage.world().comment(&post, "warga_0001", "Halo", stage.now()).unwrap();
    let path = format!("/{post}/comments");
    let query = [("access_token", page.token.as_str())];
    for mood in [Mood::Truncate, Mood::WrongType, Mood::Html, Mood::ServerError, Mood::BadItem] {
        stage.world().next_call("GET", mood);
        let answer = stage.get(&path, &query).await;
        let items = serde_json::from_str::<Value>(&answer.text).ok();
        let good = items.is_some_and(|items| items["data"][0]["id"] == comment);
        assert!(!good, "{mood:?}: {}", answer.text);
    }
    let ids_only = [query[0], ("fields", "id")];
    stage.get(&path, &ids_only).await;
    assert_eq!(stage.sim.ledger().find(&page.id, &comment).unwrap().served, 0);
    stage.get(&path, &query).await;
    assert_eq!(stage.sim.ledger().find(&page.id, &comment).unwrap().served, 1);
}

/// The ids that one walk finds, in the order of appearance.
async fn walk(stage: &Stage, token: &str, post: &str) -> Vec<String> {
    let query = [("access_token", token), ("limit", "3"), ("filter", "stream")];
    let mut answer = stage.get(&format!("/{post}/comments"), &query).await;
    let mut found = answer.ids();
    while let Some(next) = answer.json()["paging"]["next"].as_str().map(str::to_owned) {
        answer = read(stage.client.get(next)).await.unwrap();
        found.extend(answer.ids());
    }
    found
}

#[tokio::test]
async fn pages_misbehave_as_lists_do_that_change_while_they_are_read() {
    let stage = Stage::open().await;
    let (page, post) = stage.page_with_post();
    let all: Vec<String> = (0..9)
        .map(|n| stage.world().comment(&post, "warga_0001", &n.to_string(), stage.now()).unwrap())
        .collect();
    let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    for mood in [Mood::Reorder, Mood::Repeat, Mood::EmptyPage, Mood::Skip] {
        stage.world().next_call("comments", mood);
        let found = walk(&stage, &page.token, &post).await;
        match mood {
            Mood::Reorder => assert!(found != all && set(&found) == set(&all)),
            Mood::Repeat => assert_eq!((found.len(), set(&found)), (10, set(&all))),
            Mood::EmptyPage => assert_eq!(found, all),
            _ => assert_eq!((found.len(), set(&found).len()), (8, 8), "one is passed over"),
        }
    }
    assert_eq!(walk(&stage, &page.token, &post).await, all);
}

#[tokio::test]
async fn rate_limits_last_and_absurd_ones_only_sound_so() {
    let stage = Stage::with(1, Moods { regain: 5, ..Moods::calm() }, Limits::generous()).await;
    let page = stage.world().create_page("Dinas Contoh");
    let token = [("access_token", page.token.as_str())];
    stage.world().next_call("me", Mood::RateLimit);
    for _ in 0..3 {
        assert_eq!(stage.get("/me", &token).await.code(), 80_001);
    }
    stage.clock.advance(5 * 60);
    assert_eq!(stage.get("/me", &token).await.code(), 80_001, "calling while blocked lengthens the block");
    stage.clock.advance(60);
    stage.world().next_call("me", Mood::AbsurdRateLimit);
    assert_eq!(stage.get("/me", &token).await.code(), 80_001);
    assert!(stage.get("/me", &token).await.status.is_success());
}

async fn moody_run(seed: u64) -> Vec<Option<Got>> {
    let moods = Moods { slow_millis: 1, hang_millis: 1, ..Moods::moody() };
    let stage = Stage::with(seed, moods, Limits::generous()).await;
    let (page, post) = stage.page_with_post();
    for n in 0..20 {
        stage.world().comment(&post, "warga_0001", &n.to_string(), stage.now()).unwrap();
    }
    let mut answers = Vec::new();
    for _ in 0..150 {
        let query = [("access_token", page.token.as_str()), ("limit", "5")];
        let got = stage.call(Method::GET, &format!("/{post}/comments"), &query).await;
        answers.push(got.map(|got| Got {
            // The port differs, and with it the date and the addresses of next pages.
            headers: Vec::new(),
            text: got.text.replace(stage.sim.url(), ""),
            ..got
        }));
    }
    stage.sim.stop().await;
    answers
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers() {
    let (first, again, other) = tokio::join!(moody_run(42), moody_run(42), moody_run(43));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let broken = first.iter().filter(|got| got.as_ref().is_none_or(|got| !got.status.is_success())).count();
    assert!((3..60).contains(&broken), "{broken} of 150");
}

#[tokio::test]
async fn a_patient_reader_finds_everything_in_spite_of_all_moods() {
    for seed in 0..4 {
        let moods = Moods { slow_millis: 1, hang_millis: 1, ..Moods::moody() };
        let stage = Stage::with(seed, moods, Limits::generous()).await;
        let (page, post) = stage.page_with_post();
        for n in 0..40 {
            stage.world().comment(&post, "warga_0001", &n.to_string(), stage.now()).unwrap();
        }
        let mut found = BTreeSet::new();
        for _ in 0..60 {
            let path = format!("/{post}/comments");
            let query = [("access_token", page.token.as_str()), ("limit", "100")];
            let got = stage.call(Method::GET, &path, &query).await;
            let body = got.and_then(|got| serde_json::from_str::<Value>(&got.text).ok()).unwrap_or_default();
            let items = body["data"].as_array().cloned().unwrap_or_default();
            found.extend(items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)));
        }
        let ledger = stage.sim.ledger();
        assert_eq!(ledger.must_be_known(&page.id), found.iter().map(String::as_str).collect(), "seed {seed}");
        assert_eq!(ledger.served(&page.id), ledger.must_be_known(&page.id));
    }
}
