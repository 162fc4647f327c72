//! The reading of feeds, against a platform that the test makes up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sahut_channels::{
    Ask, Connector, FeedKey, FeedKind, FeedSeen, Identity, Limit, NotSent, Outgoing, Page, Scope, Sent,
    Trouble,
};
use sahut_domain::ManualClock;
use sahut_domain::channel::{Ailment, ChannelState, Platform};
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_pipeline::collect::{Settings, collect_due};
use sahut_pipeline::route::route_batch;
use sahut_simulator::Keys;
use sahut_store::Claim;
use sahut_store::collect::{Channel, FeedFound};
use sahut_store::deliver::Answer;

use crate::regency::{Account, Town};

/// A platform of two lists, under which feeds are found. What a feed answers is set by the test.
#[derive(Default)]
struct Lists {
    roots: Vec<&'static str>,
    answers: Mutex<BTreeMap<String, Result<Page, Trouble>>>,
    asked: Mutex<Vec<String>>,
    pace: Duration,
    asked_at: Mutex<Vec<Instant>>,
}

impl Lists {
    fn new(roots: &[&'static str], pace: Duration) -> Arc<Self> {
        Arc::new(Self { roots: roots.to_vec(), pace, ..Self::default() })
    }

    /// What is answered from now on; a page of a walk is named `feed/page`.
    fn says(&self, feed: &str, answer: Result<Page, Trouble>) {
        self.answers.lock().unwrap().insert(feed.to_owned(), answer);
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// A feed at which the connector fails.
const PANICS: &str = "panics";

#[async_trait]
impl Connector for Lists {
    fn feeds(&self) -> Vec<(FeedKey, FeedKind)> {
        self.roots.iter().map(|root| ((*root).to_owned(), FeedKind::NewestFirst)).collect()
    }

    fn pace(&self, feed: &str) -> Duration {
        if feed.starts_with("post") { Duration::ZERO } else { self.pace }
    }

    async fn identify(&self) -> Result<Identity, Trouble> {
        Ok(Identity { external_id: "1".to_owned(), name: "Dinas".to_owned() })
    }

    async fn read(&self, ask: Ask<'_>) -> Result<Page, Trouble> {
        let name = ask.page.map_or_else(|| ask.feed.to_owned(), |page| format!("{}/{page}", ask.feed));
        self.asked.lock().unwrap().push(name.clone());
        self.asked_at.lock().unwrap().push(Instant::now());
        assert_ne!(name, PANICS);
        self.answers.lock().unwrap().get(&name).cloned().unwrap_or_else(|| Ok(Page::default()))
    }

    fn check(&self, _reply: &Outgoing, _now: Timestamp) -> Result<(), Limit> {
        Ok(())
    }

    async fn send(&self, _reply: &Outgoing, _now: Timestamp) -> Result<Sent, NotSent> {
        Err(NotSent::Refused("it is only read".to_owned()))
    }

    async fn look_up(&self, _reply: &Outgoing, _now: Timestamp) -> Result<Option<Sent>, NotSent> {
        Ok(None)
    }
}

struct Scene {
    clock: ManualClock,
    town: Town,
    lists: Arc<Lists>,
}

impl Scene {
    async fn open(roots: &[&'static str]) -> Self {
        Self::open_paced(roots, Duration::ZERO).await
    }

    async fn open_paced(roots: &[&'static str], pace: Duration) -> Self {
        let clock = ManualClock::at("2026-11-24T01:00:00Z".parse().unwrap());
        let keys = Keys { id: "1".to_owned(), token: "1:a".to_owned() };
        let accounts = [Account { platform: Platform::Telegram, keys }];
        let town = Town::open("http://127.0.0.1", &accounts, clock.clock(), 1).await;
        let lists = Lists::new(roots, pace);
        town.connect_to(town.channels[0], lists.clone());
        Self { clock, town, lists }
    }

    fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    /// One round, a quarter of an hour later; answers what was asked.
    async fn round(&self) -> Vec<String> {
        self.clock.advance(900);
        let settings = Settings { patience: Duration::ZERO, ..Settings::default() };
        Box::pin(collect_due(&self.town.context, settings)).await.unwrap();
        self.lists.asked()
    }

    async fn channel(&self) -> Channel {
        self.town.context.db.read().await.unwrap().channels().await.unwrap().remove(0)
    }

    async fn held(&self) -> BTreeSet<String> {
        let mut tx = self.town.context.db.read().await.unwrap();
        tx.external_ids(self.town.channels[0]).await.unwrap().into_iter().collect()
    }

    fn item(&self, id: &str) -> Item {
        Item {
            external_id: id.to_owned(),
            thread: ThreadKey { external_id: "t".to_owned(), surface: Surface::Comment, post: None },
            parent: None,
            author: Author { external_id: Some("warga".to_owned()), ..Author::default() },
            own: false,
            automatic: false,
            text: format!("Jalan rusak di Topos, tolong diperbaiki ({id})"),
            subject: None,
            written_at: self.now(),
            edited_at: None,
            visibility: Visibility::Shown,
            permalink: None,
            attachments: Vec::new(),
            raw: b"{}".to_vec(),
        }
    }

    fn items(&self, ids: &[&str]) -> Page {
        Page { items: ids.iter().map(|id| self.item(id)).collect(), ..Page::default() }
    }
}

fn found(key: &str, counter: i64) -> FeedSeen {
    FeedSeen {
        key: key.to_owned(),
        kind: FeedKind::NewestFirst,
        counter: Some(counter.to_string()),
        count: None,
        urgent: false,
    }
}

/// The office's answer to the first inquiry, which the platform took under this id.
async fn answer(scene: &Scene, id: &str) {
    route_batch(&scene.town.context).await.unwrap();
    let (now, until) = (scene.now(), scene.now() + SignedDuration::from_mins(1));
    let mut tx = scene.town.context.db.begin().await.unwrap();
    let number = InquiryNumber { year: 2026, sequence: 1 };
    tx.queue_reply(number, Answer::new("Sudah diperbaiki.", "Admin PUPR", "op-1"), now).await.unwrap();
    let work = tx.claim_replies(&Claim { owner: "test", now, until, limit: 1 }).await.unwrap().remove(0);
    tx.begin_sending(&work, until, now).await.unwrap();
    tx.settle_sent(&work, Some(id), None, now, now).await.unwrap();
    tx.commit().await.unwrap();
}

fn not_permitted() -> Trouble {
    Trouble::Person { ailment: Ailment::Permission, detail: "a permission is missing".to_owned() }
}

#[tokio::test]
async fn a_missing_permission_ails_the_channel_and_stops_nothing_else() {
    let scene = Scene::open(&["posts", "letters"]).await;
    scene.lists.says("posts", Ok(Page { feeds: vec![found("a", 1), found("b", 1)], ..Page::default() }));
    scene.lists.says("letters", Err(not_permitted()));
    scene.lists.says("a", Err(not_permitted()));
    scene.lists.says("b", Ok(scene.items(&["m1"])));
    assert_eq!(scene.round().await, ["posts", "letters", "a", "b"]);
    let channel = scene.channel().await;
    assert_eq!((channel.state, channel.health.ailment), (ChannelState::Active, Some(Ailment::Permission)));
    assert_eq!(scene.held().await, BTreeSet::from(["m1".to_owned()]));
    assert_eq!(channel.watermark, None, "nobody knows what stands in the letters");

    scene.lists.says("letters", Ok(Page::default()));
    scene.lists.says("a", Ok(Page::default()));
    scene.round().await;
    let channel = scene.channel().await;
    assert_eq!((channel.health.ailment, channel.watermark), (None, Some(scene.now())), "it heals by itself");
}

#[tokio::test]
async fn without_any_permission_or_with_a_dead_token_a_person_is_waited_for() {
    let dead = Trouble::Person { ailment: Ailment::Credential, detail: "the token is dead".to_owned() };
    for (posts, letters, asked) in [(not_permitted(), not_permitted(), 2), (dead.clone(), dead, 1)] {
        let scene = Scene::open(&["posts", "letters"]).await;
        scene.lists.says("posts", Err(posts));
        scene.lists.says("letters", Err(letters));
        assert_eq!(scene.round().await.len(), asked);
        assert_eq!(scene.channel().await.state, ChannelState::Parked);
    }
}

#[tokio::test]
async fn a_channel_that_may_not_be_read_any_more_waits_for_a_person_however_much_is_due() {
    let scene = Scene::open_paced(&["letters"], Duration::from_millis(1)).await;
    let letters: Vec<String> = (0..70).map(|n| format!("letter {n}")).collect();
    let feeds = letters.iter().map(|key| found(key, 1)).collect();
    scene.lists.says("letters", Ok(Page { feeds, ..Page::default() }));
    assert_eq!(scene.round().await.len(), 1 + 60, "ten are left");
    scene.lists.says("letters", Err(not_permitted()));
    assert_eq!(scene.round().await, ["letters"], "what was found under it is not even asked for");
    assert_eq!(scene.channel().await.state, ChannelState::Parked);
}

#[tokio::test]
async fn what_was_walked_before_a_panic_counts_as_walked() {
    let scene = Scene::open(&["posts"]).await;
    scene.lists.says("posts", Ok(Page { feeds: vec![found("a", 1), found(PANICS, 1)], ..Page::default() }));
    assert_eq!(scene.round().await, ["posts", "a", PANICS]);
    assert_eq!(scene.channel().await.health.ailment, Some(Ailment::Parser));
    assert_eq!(scene.round().await, ["posts", PANICS]);
}

#[tokio::test]
async fn a_list_is_not_read_below_what_has_long_been_quiet() {
    let scene = Scene::open(&["letters"]).await;
    let page = |feed: &str, hours: i64, counter, next: Option<&str>| Page {
        feeds: vec![found(feed, counter)],
        listed_down_to: Some(scene.now() - SignedDuration::from_hours(hours)),
        next: next.map(str::to_owned),
        ..Page::default()
    };
    scene.lists.says("letters", Ok(page("a", 20, 1, Some("2"))));
    scene.lists.says("letters/2", Ok(page("b", 40, 1, None)));
    assert_eq!(scene.round().await, ["letters", "letters/2", "a", "b"]);
    assert_eq!(scene.round().await, ["letters"], "nothing has happened below the first page");

    scene.lists.says("letters", Ok(page("a", 0, 2, Some("2"))));
    assert_eq!(scene.round().await, ["letters", "letters/2", "a"], "what happened since may go on below");

    // The next page fails: that the first is known now does not say that the second is.
    scene.lists.says("letters", Ok(page("a", 0, 3, Some("2"))));
    let broken = Trouble::Again { ailment: Ailment::Network, detail: "it broke".to_owned() };
    scene.lists.says("letters/2", Err(broken));
    scene.round().await;
    scene.lists.says("letters/2", Ok(page("b", 0, 2, None)));
    assert_eq!(scene.round().await, ["letters", "letters/2", "a", "b"]);
}

#[tokio::test]
async fn a_limit_of_one_sort_of_calls_does_not_keep_the_others_from_being_made() {
    let scene = Scene::open(&["letters", "posts"]).await;
    let detail = "too often".to_owned();
    scene
        .lists
        .says("letters", Err(Trouble::Wait { until: None, scope: Scope::Call, detail: detail.clone() }));
    scene.lists.says("posts", Ok(Page { feeds: vec![found("a", 1)], ..Page::default() }));
    scene.lists.says("a", Ok(scene.items(&["m1"])));
    assert_eq!(scene.round().await, ["letters", "posts", "a"]);
    assert_eq!(scene.channel().await.health.ailment, Some(Ailment::Rate));
    scene.lists.says("letters", Err(Trouble::Wait { until: None, scope: Scope::Channel, detail }));
    assert_eq!(scene.round().await, ["letters"], "calling on lengthens a block of the whole account");
}

#[tokio::test]
async fn calls_keep_the_platforms_pace() {
    let pace = Duration::from_millis(40);
    let scene = Scene::open_paced(&["letters", "notes", "others"], pace).await;
    scene.round().await;
    let asked_at = scene.lists.asked_at.lock().unwrap().clone();
    assert_eq!(asked_at.len(), 3);
    assert!(asked_at.windows(2).all(|pair| pair[1].duration_since(pair[0]) >= pace));
}

#[tokio::test]
async fn a_thousand_conversations_do_not_keep_comments_waiting() {
    let scene = Scene::open_paced(&["letters", "posts"], Duration::from_millis(1)).await;
    let conversations: Vec<String> = (0..100).map(|n| format!("letter {n}")).collect();
    let feeds = conversations.iter().map(|key| found(key, 1)).collect();
    scene.lists.says("letters", Ok(Page { feeds, ..Page::default() }));
    scene.lists.says("posts", Ok(Page { feeds: vec![found("post 1", 1)], ..Page::default() }));
    let first = scene.round().await;
    assert_eq!(first[..3], ["posts", "post 1", "letters"], "comments come before the list of conversations");
    assert_eq!(first.len(), 3 + 60, "the rest is read in the next round");
    assert_eq!(scene.channel().await.watermark, None, "not complete yet");
    let second = scene.round().await;
    let read: BTreeSet<&String> =
        first.iter().chain(&second).filter(|feed| feed.starts_with("letter ")).collect();
    assert_eq!(read.len(), 100);
}

#[tokio::test]
async fn a_channel_that_is_only_delivered_to_is_never_called_complete() {
    let scene = Scene::open(&[]).await;
    scene.round().await;
    let channel = scene.channel().await;
    assert_eq!((channel.watermark, channel.health.ailment), (None, None));
    assert!(channel.read_at.is_some(), "its round ended well");
}

#[tokio::test]
async fn a_wake_up_before_the_first_round_does_not_hide_a_list() {
    let scene = Scene::open(&["letters", "posts"]).await;
    let wake = FeedFound {
        key: "letters".to_owned(),
        kind: "newest_first",
        found: true,
        counter: None,
        count: None,
        urgent: true,
    };
    let mut tx = scene.town.context.db.begin().await.unwrap();
    tx.note_feeds(scene.town.channels[0], vec![wake.clone()], scene.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(scene.round().await, ["letters", "posts"]);
    let mut tx = scene.town.context.db.begin().await.unwrap();
    tx.note_feeds(scene.town.channels[0], vec![wake], scene.now()).await.unwrap();
    tx.commit().await.unwrap();
    scene.round().await;
    assert_eq!(scene.round().await, ["letters", "posts"], "in every round");
}

#[tokio::test]
async fn an_answer_of_ours_is_no_gap_in_the_count() {
    let scene = Scene::open(&["posts"]).await;
    let counted = |count| {
        let feed = FeedSeen { count: Some(count), ..found("a", count) };
        scene.lists.says("posts", Ok(Page { feeds: vec![feed], ..Page::default() }));
    };
    counted(1);
    scene.lists.says("a", Ok(scene.items(&["m1"])));
    scene.round().await;
    answer(&scene, "m2").await;
    counted(2);
    let ours = Item { own: true, ..scene.item("m2") };
    scene.lists.says("a", Ok(Page { items: vec![ours], ..scene.items(&["m1"]) }));
    assert_eq!(scene.round().await, ["posts", "a"], "once, not again down to its end");
    counted(3);
    assert_eq!(scene.round().await, ["posts", "a", "a"], "one is missing now");
}
