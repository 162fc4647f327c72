//! An answer leaves at most once, also when nobody knows whether it arrived.

use std::time::Duration;

use jiff::SignedDuration;
use sahut_channels::Scope;
use sahut_domain::channel;
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::Supervisor;
use sahut_pipeline::cadence::Cadence;
use sahut_pipeline::collect::{Settings, collect_due};
use sahut_pipeline::deliver::{self, deliver_batch};
use sahut_pipeline::route::route_batch;
use sahut_simulator::{Limits, Mood, Simulator, SimulatorSettings};
use sahut_store::deliver::{Answer, Queued};

use crate::connector::{LONGEST_SEND, Platform};
use crate::regency::{Account, Town, eventually};

const ANSWER: &str = "Terima kasih, tim kami mengecek ke lokasi hari ini.";

/// A town in which one citizen has complained under a post.
struct Scene {
    clock: ManualClock,
    simulator: Simulator,
    town: Town,
    post: String,
}

impl Scene {
    async fn open() -> Self {
        let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let clock = ManualClock::at(start);
        let settings = SimulatorSettings { clock: clock.clock(), ..SimulatorSettings::default() };
        let simulator = Simulator::start(settings).await.unwrap();
        let world = simulator.world();
        let keys = world.create_page("Dinas");
        let post = world.post(&keys.id, "Pengumuman", start).unwrap();
        let accounts = [Account { platform: channel::Platform::Facebook, keys }];
        let town = Town::open(simulator.url(), &accounts, clock.clock(), 1).await;
        let scene = Self { clock, simulator, town, post };
        scene.complain("warga_1", "Jalan rusak di Topos, tolong diperbaiki").await;
        scene
    }

    /// A citizen complains under the post, and that is read.
    async fn complain(&self, citizen: &str, text: &str) {
        let now = self.clock.clock().now();
        self.simulator.world().comment(&self.post, citizen, text, now).unwrap();
        self.clock.advance(400);
        let settings = Settings { at_once: 4, cadence: Cadence::default(), patience: Duration::ZERO };
        Box::pin(collect_due(&self.town.context, settings)).await.unwrap();
        route_batch(&self.town.context).await.unwrap();
    }

    async fn queue(&self, key: &str) {
        self.queue_to(1, key).await;
    }

    async fn queue_to(&self, sequence: i64, key: &str) {
        let mut tx = self.town.context.db.begin().await.unwrap();
        let number = InquiryNumber { year: 2026, sequence };
        let now = self.clock.clock().now();
        let queued = tx.queue_reply(number, Answer::new(ANSWER, "Admin PUPR", key), now).await.unwrap();
        assert!(matches!(queued, Queued::New(_)), "{queued:?}");
        tx.commit().await.unwrap();
    }

    /// Delivers what is due a while later, and answers where the replies that are not sent yet stand.
    async fn deliver(&self) -> Vec<String> {
        self.clock.advance(60);
        deliver_batch(&self.town.context).await.unwrap();
        let outbox = self.town.context.db.read().await.unwrap().outbox(10).await.unwrap();
        outbox.into_iter().filter(|line| line.what == "reply").map(|line| line.detail).collect()
    }

    fn accepted(&self) -> usize {
        self.simulator.ledger().accepted.iter().filter(|deed| deed.text == ANSWER).count()
    }
}

/// A town with answers on their way to platforms in the test's hand.
struct Desk {
    clock: ManualClock,
    town: Town,
}

impl Desk {
    async fn open() -> Self {
        let clock = ManualClock::at("2026-11-24T01:00:00Z".parse().unwrap());
        let town = Town::without_platforms(clock.clock()).await;
        Self { clock, town }
    }

    /// Queues an answer to a new complaint on a channel; its text is the citizen's name.
    async fn answer(&self, channel: usize, citizen: &str) {
        let opened = self.town.complaint(self.town.channels[channel], citizen).await;
        let number = opened.data["number"].as_str().unwrap().parse().unwrap();
        let mut tx = self.town.context.db.begin().await.unwrap();
        tx.queue_reply(number, Answer::new(citizen, "Admin PUPR", citizen), self.clock.clock().now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Starts the stage as the running process does.
    fn start(&self) -> Supervisor {
        let supervisor = Supervisor::new(self.clock.clock());
        let context = self.town.context.clone();
        supervisor.start("deliver", "carries answers to the platforms", true, move |heart| {
            deliver::run(context.clone(), heart)
        });
        supervisor
    }
}

#[tokio::test]
async fn a_platform_that_says_nothing_holds_up_no_other() {
    let desk = Desk::open().await;
    let (silent, ready) = (Platform::silent(), Platform::ready());
    desk.town.connect_to(desk.town.channels[0], silent.clone());
    desk.town.connect_to(desk.town.channels[1], ready.clone());
    let supervisor = desk.start();
    desk.answer(0, "ani").await;
    eventually(async || silent.called_with() == ["ani"]).await;
    desk.answer(1, "budi").await;
    eventually(async || ready.called_with() == ["budi"]).await;

    desk.clock.advance(125);
    eventually(async || supervisor.stuck().is_empty()).await;
    supervisor.stop_hard();
}

#[tokio::test]
async fn answers_leave_a_channel_one_by_one_each_under_a_lease_as_long_as_it_may_take() {
    let desk = Desk::open().await;
    let silent = Platform::silent();
    desk.town.connect_to(desk.town.channels[0], silent.clone());
    desk.answer(0, "ani").await;
    desk.answer(0, "budi").await;
    let supervisor = desk.start();
    eventually(async || silent.called_with() == ["ani"]).await;
    for _ in 0..3 {
        desk.clock.advance(i64::try_from(LONGEST_SEND.as_secs()).unwrap() / 3);
        let beat = || supervisor.statuses()[0].last_beat;
        eventually(async || beat() == Some(desk.clock.clock().now())).await;
    }
    assert_eq!(silent.called_with(), ["ani"], "the other waits for its turn");
    let tried = desk.town.owed().await.into_iter().filter(|(to, ..)| to == "facebook");
    assert_eq!(
        tried.map(|(.., attempt)| attempt).collect::<Vec<_>>(),
        [1, 0],
        "and nobody took the first one over"
    );
    supervisor.stop_hard();
}

#[tokio::test]
async fn a_platform_that_asks_for_patience_is_left_alone() {
    let desk = Desk::open().await;
    let platform = Platform::ready();
    desk.town.connect_to(desk.town.channels[0], platform.clone());
    for citizen in ["ani", "budi", "cici"] {
        desk.answer(0, citizen).await;
    }
    let now = || desk.clock.clock().now();
    let collect = async || {
        let settings = Settings { at_once: 8, cadence: Cadence::default(), patience: Duration::ZERO };
        Box::pin(collect_due(&desk.town.context, settings)).await.unwrap();
    };
    let deliver = async || while deliver_batch(&desk.town.context).await.unwrap() > 0 {};

    platform.ask_for_patience(Scope::Call, now() + SignedDuration::from_hours(2));
    deliver().await;
    assert_eq!(platform.called_with(), ["ani"], "the others are not even tried");
    collect().await;
    assert_eq!(platform.reads(), 1, "reading goes on");
    desk.clock.advance(2 * 3600);
    deliver().await;
    assert_eq!(platform.called_with(), ["ani", "ani", "budi", "cici"]);

    platform.ask_for_patience(Scope::Channel, now() + SignedDuration::from_hours(1));
    collect().await;
    desk.answer(0, "dodi").await;
    let mut tx = desk.town.context.db.begin().await.unwrap();
    tx.hurry_channel(desk.town.channels[0], now()).await.unwrap();
    tx.commit().await.unwrap();
    collect().await;
    deliver().await;
    assert_eq!((platform.reads(), platform.called_with().len()), (2, 4), "whatever wakes it up");
    desk.clock.advance(3600);
    collect().await;
    deliver().await;
    assert_eq!((platform.reads(), platform.called_with().len()), (3, 5));
}

#[tokio::test]
async fn an_answer_with_an_unknown_outcome_stays_so_while_its_channel_is_not_connected() {
    let scene = Scene::open().await;
    scene.queue("a").await;
    scene.simulator.world().next_call("POST", Mood::DropAfter);
    assert_eq!(scene.deliver().await, ["uncertain"]);
    assert_eq!(scene.accepted(), 1);

    scene.town.connect(false);
    assert_eq!(scene.deliver().await, ["uncertain"]);

    scene.town.connect(true);
    scene.clock.advance(3600);
    assert!(scene.deliver().await.is_empty(), "it is found on the platform");
    assert_eq!(scene.accepted(), 1, "and was not posted again");
}

#[tokio::test]
async fn the_same_words_twice_are_not_taken_for_one_answer() {
    let scene = Scene::open().await;
    scene.queue("a").await;
    assert!(scene.deliver().await.is_empty());
    scene.queue("b").await;
    scene.simulator.world().next_call("POST", Mood::DropBefore);
    assert_eq!(scene.deliver().await, ["uncertain"]);
    assert!(scene.deliver().await.is_empty(), "the other answer is not taken for it: it is sent");
    assert_eq!(scene.accepted(), 2);
}

#[tokio::test]
async fn two_citizens_under_one_post_with_one_answer_are_both_answered() {
    for (mood, refuse_duplicates) in [(Mood::DropBefore, false), (Mood::DropAfter, true)] {
        let scene = Scene::open().await;
        scene.simulator.world().set_limits(Limits { refuse_duplicates, ..Limits::generous() });
        scene.complain("warga_2", "Jalan rusak di Kamulan, tolong diperbaiki").await;
        scene.queue("a").await;
        scene.queue_to(2, "b").await;
        scene.simulator.world().next_call("POST", mood);
        assert_eq!(scene.deliver().await, ["uncertain", "queued"], "{mood:?}");
        while !scene.deliver().await.is_empty() {}
        let ledger = scene.simulator.ledger();
        let answered: std::collections::BTreeSet<_> =
            ledger.accepted.iter().map(|deed| &deed.target).collect();
        assert_eq!((scene.accepted(), answered.len()), (2, 2), "{mood:?}: {:?}", ledger.accepted);
    }
}
