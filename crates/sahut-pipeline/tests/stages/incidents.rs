//! One happening, many citizens: the office is told once and answers once, and nobody is forgotten.

use std::time::Duration;

use sahut_channels::Limit;
use sahut_domain::channel::Platform;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_domain::reply::ReplyId;
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::answer::{Answered, LeftOut, answer_together};
use sahut_pipeline::cadence::Cadence;
use sahut_pipeline::collect::{Settings, collect_due};
use sahut_pipeline::deliver::deliver_batch;
use sahut_pipeline::route::route_batch;
use sahut_pipeline::watch::watch_deadlines;
use sahut_routing::{RuleSet, Source};
use sahut_simulator::{Keys, Simulator, SimulatorSettings, World};
use sahut_store::Claim;
use sahut_store::deliver::Answer;
use sahut_store::inquiries::{Filter, Line};

use crate::regency::{Account, Town};

const RULES: &str = r#"
duty = "pupr"

[[topic]]
name = "air"
strong = ["air mati", "air tidak mengalir", "air keruh", "gangguan air"]
normal = ["tagihan air"]
incidents = ["air mati", "air tidak mengalir", "gangguan air"]

[[topic]]
name = "api"
strong = ["kebakaran"]
incidents = ["kebakaran"]

[[topic]]
name = "listrik"
strong = ["listrik padam"]
incidents = ["listrik padam"]

[[place]]
name = "Topos"
office = "pupr"

[[place]]
name = "Amen"
office = "pupr"

[[kind]]
kind = "complaint"
strong = ["air mati", "air tidak mengalir", "air keruh", "gangguan air", "tagihan air", "listrik padam"]

[[kind]]
kind = "emergency"
strong = ["kebakaran"]
"#;

/// As they come under one announcement: short, and never twice the same.
const FLOOD: [&str; 5] = [
    "air mati min, kapan hidup lagi?",
    "di tempat kami air tidak mengalir dari subuh, tolong pak",
    "gangguan air sampai jam berapa? mau mandi susah",
    "AIR MATI lagi!!! tiap minggu begini terus",
    "mohon infonya, sudah dua hari air tidak mengalir",
];

const ANSWER: &str = "Pipa induk sedang diperbaiki, air mengalir lagi malam ini.";

/// A town with a page on which it has announced something.
struct Scene {
    clock: ManualClock,
    simulator: Simulator,
    town: Town,
    page: Keys,
    post: String,
}

impl Scene {
    async fn open() -> Self {
        let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let clock = ManualClock::at(start);
        let settings = SimulatorSettings { clock: clock.clock(), ..SimulatorSettings::default() };
        let simulator = Simulator::start(settings).await.unwrap();
        let page = simulator.world().create_page("Air Minum");
        let instagram = simulator.world().create_instagram("air.minum", None).unwrap();
        let post = simulator.world().post(&page.id, "Pengumuman", start).unwrap();
        let accounts = [
            Account { platform: Platform::Facebook, keys: page.clone() },
            Account { platform: Platform::Instagram, keys: instagram },
        ];
        let town = Town::open(simulator.url(), &accounts, clock.clock(), 1).await;
        let office = OfficeCode::parse("pupr").unwrap();
        let source = Source { path: "rules/pupr.toml".to_owned(), text: RULES.to_owned() };
        let offices = [(office.clone(), OfficeKind::Technical)];
        town.decide_by(RuleSet::compile(&[source], &offices, &office).unwrap());
        Self { clock, simulator, town, page, post }
    }

    fn world(&self) -> &World {
        self.simulator.world()
    }

    fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    fn comment(&self, citizen: &str, text: &str) {
        self.world().comment(&self.post, citizen, text, self.now()).unwrap();
    }

    /// Reads and routes what was written, some minutes later.
    async fn route(&self) {
        self.clock.advance(400);
        let settings = Settings { at_once: 4, cadence: Cadence::default(), patience: Duration::ZERO };
        Box::pin(collect_due(&self.town.context, settings)).await.unwrap();
        while route_batch(&self.town.context).await.unwrap() > 0 {}
    }

    /// So many comments of as many citizens, in waves.
    async fn flood(&self, comments: usize, wave: usize) {
        for at in 0..comments {
            self.comment(&format!("warga_{at}"), FLOOD[at % FLOOD.len()]);
            if (at + 1) % wave == 0 {
                self.route().await;
            }
        }
        self.route().await;
    }

    /// The first of the page's citizens writes again under his own comment.
    async fn again(&self, citizen: &str, text: &str) {
        let ledger = self.simulator.ledger();
        let first = ledger.of(&self.page.id).find(|written| written.handle == citizen).unwrap().id.clone();
        self.world().reply(&first, citizen, text, self.now()).unwrap();
        self.route().await;
    }

    /// Answers one inquiry, and no other of its incident.
    async fn answer_only(&self, sequence: i64) {
        let mut tx = self.town.context.db.begin().await.unwrap();
        tx.queue_reply(
            number(sequence),
            Answer::new(ANSWER, "Admin PUPR", &format!("only {sequence}")),
            self.now(),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        self.deliver().await;
    }

    async fn watch(&self) {
        while watch_deadlines(&self.town.context).await.unwrap() > 0 {}
    }

    /// How many mails of a template are owed.
    async fn mailed(&self, template: &str) -> usize {
        self.mails().await.iter().filter(|mail| *mail == template).count()
    }

    async fn inquiries(&self) -> Vec<Line> {
        let mut all =
            self.town.context.db.read().await.unwrap().inquiries(&Filter::default(), 1000).await.unwrap();
        all.sort_by_key(|line| line.number.sequence);
        all
    }

    /// Mails that are owed, by template.
    async fn mails(&self) -> Vec<String> {
        let outbox = self.town.context.db.read().await.unwrap().outbox(1000).await.unwrap();
        outbox.into_iter().filter(|line| line.what == "notice").map(|line| line.detail).collect()
    }

    /// Members of each incident, and of these the open ones.
    async fn incidents(&self) -> Vec<(i64, i64)> {
        let found = self.town.context.db.read().await.unwrap().incidents(None, false, 100).await.unwrap();
        found.into_iter().rev().map(|incident| (incident.members, incident.open)).collect()
    }

    async fn answer(&self, sequence: i64, text: &str, key: &str) -> Answered {
        let mut tx = self.town.context.db.begin().await.unwrap();
        let answer = Answer::new(text, "Admin PUPR", key);
        let regency = self.town.context.regency.get();
        let answered =
            answer_together(&mut tx, &regency, number(sequence), answer, self.now()).await.unwrap();
        if matches!(answered, Answered::Queued { .. }) {
            tx.commit().await.unwrap();
        }
        answered
    }

    async fn deliver(&self) {
        for _ in 0..400 {
            if deliver_batch(&self.town.context).await.unwrap() == 0 {
                break;
            }
            self.clock.advance(1);
        }
    }

    async fn sound(&self) {
        let checks = self.town.context.db.read().await.unwrap().selfcheck(self.now()).await.unwrap();
        let broken: Vec<_> = checks.into_iter().filter(|check| check.broken > 0).collect();
        assert!(broken.is_empty(), "{broken:?}");
    }

    async fn count(&self, kind: EventKind) -> usize {
        let mut tx = self.town.context.db.read().await.unwrap();
        let events = tx.events_after(EventId(0), 100_000).await.unwrap();
        events.into_iter().filter(|event| event.kind == kind).count()
    }
}

fn number(sequence: i64) -> InquiryNumber {
    InquiryNumber { year: 2026, sequence }
}

fn queued(answered: Answered) -> (usize, Vec<(InquiryNumber, LeftOut)>) {
    match answered {
        Answered::Queued { replies, left_out, .. } => (replies.len(), left_out),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_hundred_comments_are_one_task_and_one_answer_reaches_each() {
    let scene = Scene::open().await;
    scene.flood(200, 40).await;
    assert_eq!(scene.incidents().await, [(200, 200)]);
    let mails = scene.mails().await;
    let count = |template: &str| mails.iter().filter(|mail| *mail == template).count();
    assert_eq!((count("assignment"), mails.len()), (1, 1 + count("incident")), "{mails:?}");
    assert!((2..=4).contains(&count("incident")), "{mails:?}");
    scene.sound().await;

    let (replies, left_out) = queued(scene.answer(7, ANSWER, "k").await);
    assert_eq!((replies, left_out.len()), (200, 0));
    assert!(matches!(scene.answer(7, ANSWER, "k").await, Answered::Known(_)), "a form that is sent twice");
    scene.deliver().await;
    let ledger = scene.simulator.ledger();
    let answered: std::collections::BTreeSet<&str> = ledger
        .accepted
        .iter()
        .filter(|accepted| accepted.text == ANSWER)
        .map(|accepted| accepted.target.as_str())
        .collect();
    let asked: std::collections::BTreeSet<&str> =
        ledger.of(&scene.page.id).map(|written| written.id.as_str()).collect();
    assert_eq!(answered, asked, "each in its own thread");
    assert!(scene.inquiries().await.iter().all(|line| line.state == State::Answered));
    assert_eq!(scene.incidents().await, [(200, 0)]);
    assert_eq!(scene.count(EventKind::DeadlineMet).await, 200, "every promise was kept for itself");
    scene.sound().await;
}

#[tokio::test]
async fn what_is_elsewhere_or_something_else_stays_apart() {
    let scene = Scene::open().await;
    scene.comment("ani", "air mati di Topos dari pagi min");
    scene.comment("budi", "air mati di Amen dari pagi min");
    scene.comment("cici", "tagihan air saya naik terus, kenapa?");
    scene.comment("dedi", "tagihan air saya kok dua kali");
    scene.comment("euis", "di Topos air tidak mengalir, tolong");
    scene.route().await;
    assert_eq!(scene.incidents().await, [(2, 2)]);
    let offers = scene.town.context.db.read().await.unwrap().offers(10).await.unwrap();
    assert_eq!(offers.len(), 1, "two bills may be one matter: a person decides");
    let bills = [offers[0].inquiry.number, offers[0].with.number];

    let mut tx = scene.town.context.db.begin().await.unwrap();
    let joined = tx.join_by_hand(&bills, "Admin PUPR", scene.now()).await.unwrap().unwrap();
    assert_eq!((joined.joined, joined.began.is_some()), (2, true));
    tx.commit().await.unwrap();
    assert!(scene.town.context.db.read().await.unwrap().offers(10).await.unwrap().is_empty());
    assert_eq!(scene.incidents().await, [(2, 2), (2, 2)]);
    scene.sound().await;
}

#[tokio::test]
async fn emergencies_that_join_are_each_told_of() {
    let scene = Scene::open().await;
    for (citizen, text) in [
        ("ani", "tolong cepat, ada kebakaran rumah"),
        ("budi", "kebakaran pak tolong cepat"),
        ("cici", "di desa sukamaju kebakaran, tolong cepat"),
        ("dedi", "tolong cepat kebakaran di desa melati"),
    ] {
        scene.comment(citizen, text);
        scene.route().await;
    }
    assert_eq!(scene.incidents().await, [(3, 3)], "another village is another fire");
    assert_eq!(scene.mails().await.iter().filter(|mail| *mail == "assignment").count(), 4);
    scene.sound().await;
}

#[tokio::test]
async fn nothing_joins_what_is_answered_or_just_being_answered() {
    let scene = Scene::open().await;
    scene.flood(4, 4).await;
    queued(scene.answer(1, ANSWER, "k").await);
    scene.comment("late", FLOOD[0]);
    scene.route().await;
    assert_eq!(scene.incidents().await, [(4, 4)], "its answer is on its way: the latecomer would miss it");
    assert_eq!(scene.mails().await.iter().filter(|mail| *mail == "assignment").count(), 2);
    scene.deliver().await;
    scene.comment("later", FLOOD[1]);
    scene.route().await;
    assert_eq!(scene.incidents().await, [(4, 0), (2, 2)], "but two latecomers are one task again");
    scene.sound().await;
}

#[tokio::test]
async fn one_of_many_is_taken_out_and_stays_out() {
    let scene = Scene::open().await;
    scene.flood(3, 3).await;
    let mut tx = scene.town.context.db.begin().await.unwrap();
    let left = tx.leave_incident(number(2), "Admin PUPR", scene.now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!((left.number.to_string().as_str(), left.state), ("KJ-2026-00001", State::Open));
    scene.comment("again", FLOOD[1]);
    scene.route().await;
    assert_eq!(scene.incidents().await, [(3, 3)]);
    assert_eq!(queued(scene.answer(2, ANSWER, "alone").await).0, 1);
    assert_eq!(queued(scene.answer(1, ANSWER, "all").await).0, 3);
}

#[tokio::test]
async fn who_says_it_again_is_heard_once() {
    let scene = Scene::open().await;
    scene.flood(3, 3).await;
    scene.again("warga_1", "air mati sampai sekarang pak").await;
    assert!(!scene.mails().await.contains(&"follow_up".to_owned()), "the office has it before its eyes");
    scene.again("warga_1", "sekarang tagihan air saya juga naik").await;
    assert!(scene.mails().await.contains(&"follow_up".to_owned()), "something new");
    assert_eq!(scene.inquiries().await.len(), 3);
}

#[tokio::test]
async fn an_answer_to_all_does_not_close_what_somebody_asked_besides() {
    let scene = Scene::open().await;
    scene.flood(6, 6).await;
    scene.again("warga_1", "sekarang tagihan air saya juga naik").await;
    scene.again("warga_2", "listrik padam juga di sini").await;
    scene.again("warga_3", "kebakaran di sebelah, tolong").await;
    assert_eq!((scene.incidents().await, scene.mailed("follow_up").await), (vec![(3, 3)], 3));
    assert_eq!(queued(scene.answer(1, ANSWER, "k").await).0, 3);
    scene.deliver().await;
    let open = scene.inquiries().await.into_iter().filter(|line| line.state == State::Open).count();
    assert_eq!(open, 3);
    scene.sound().await;
}

#[tokio::test]
async fn everybody_who_comes_back_after_the_answer_is_told_of() {
    let scene = Scene::open().await;
    scene.flood(3, 3).await;
    queued(scene.answer(1, ANSWER, "k").await);
    scene.deliver().await;
    scene.again("warga_1", "air mati sampai sekarang pak").await;
    scene.again("warga_2", "air mati lagi di sini").await;
    assert_eq!((scene.mailed("follow_up").await, scene.incidents().await), (2, vec![(3, 2)]));
}

#[tokio::test]
async fn who_was_left_out_of_the_answer_keeps_nobody_from_being_told_of() {
    let scene = Scene::open().await;
    scene.flood(3, 3).await;
    scene.answer_only(1).await;
    scene.answer_only(2).await;
    scene.comment("late", FLOOD[0]);
    scene.route().await;
    assert_eq!((scene.incidents().await, scene.mailed("assignment").await), (vec![(3, 1)], 2));
}

#[tokio::test]
async fn another_speaks_when_the_one_that_spoke_is_answered_alone() {
    let scene = Scene::open().await;
    scene.flood(4, 4).await;
    scene.clock.advance(5 * 24 * 3600);
    scene.watch().await;
    assert_eq!(scene.mailed("overdue").await, 1);
    scene.answer_only(1).await;
    for _ in 0..3 {
        scene.clock.advance(5 * 3600);
        scene.watch().await;
        assert_eq!(scene.mailed("overdue").await, 2, "once, for all that are left");
    }
    assert_eq!(scene.count(EventKind::DeadlineMissed).await, 4);
    scene.sound().await;
}

#[tokio::test]
async fn a_question_that_an_answer_passed_by_is_told_of() {
    let scene = Scene::open().await;
    scene.flood(3, 3).await;
    let (now, until) = (scene.now(), scene.now() + Duration::from_mins(1));
    let mut tx = scene.town.context.db.begin().await.unwrap();
    tx.queue_reply(number(2), Answer::new(ANSWER, "Admin PUPR", "k"), now).await.unwrap();
    let claim = Claim { owner: "test", now, until, limit: 1 };
    let work = tx.claim_replies(&claim).await.unwrap().remove(0);
    tx.begin_sending(&work, until, now).await.unwrap();
    tx.settle_uncertain(&work, "the line broke", until, now).await.unwrap();
    tx.commit().await.unwrap();
    scene.clock.advance(600);
    scene.again("warga_1", "air mati sampai sekarang pak").await;
    assert_eq!(scene.mailed("follow_up").await, 0);
    let mut tx = scene.town.context.db.begin().await.unwrap();
    assert!(tx.resolve_uncertain(ReplyId(work.lease.id), true, "Admin PUPR", scene.now()).await.unwrap());
    tx.commit().await.unwrap();
    scene.deliver().await;
    assert_eq!((scene.mailed("follow_up").await, scene.incidents().await), (1, vec![(3, 3)]));
}

#[tokio::test]
async fn people_are_reminded_of_an_incident_once_and_every_promise_counts_for_itself() {
    let scene = Scene::open().await;
    scene.flood(9, 3).await;
    scene.clock.advance(5 * 24 * 3600);
    scene.watch().await;
    let mails = scene.mails().await;
    assert_eq!(mails.iter().filter(|mail| *mail == "overdue").count(), 1, "{mails:?}");
    assert_eq!(scene.count(EventKind::DeadlineMissed).await, 9);
    scene.sound().await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_somewhere_goes_nowhere_and_a_closed_window_stops_nobody() {
    let scene = Scene::open().await;
    let text = "Mohon penjelasan gangguan air di rumah kami sejak kemarin pagi, sampai kapan kami harus menunggu begini";
    scene.world().direct(&scene.page.id, "ani", text, scene.now()).unwrap();
    scene.world().direct(&scene.page.id, "budi", &format!("Assalamualaikum. {text}"), scene.now()).unwrap();
    scene.comment("cici", text);
    scene.route().await;
    assert_eq!(scene.incidents().await, [(3, 3)], "by their texts alone");
    let long = "air ".repeat(700);
    match scene.answer(1, &long, "long").await {
        Answered::TooLong { limit: Limit::Length { .. }, .. } => {}
        other => panic!("{other:?}"),
    }
    assert!(
        scene
            .town
            .context
            .db
            .read()
            .await
            .unwrap()
            .outbox(100)
            .await
            .unwrap()
            .iter()
            .all(|line| line.what == "notice")
    );

    // Eight days later conversations may not be answered any more; comments may.
    scene.clock.advance(8 * 24 * 3600);
    let (replies, left_out) = queued(scene.answer(1, ANSWER, "late").await);
    assert_eq!((replies, left_out.len()), (1, 2), "{left_out:?}");
    assert!(
        left_out.iter().all(|(_, why)| matches!(why, LeftOut::Limit(Limit::Window { .. }))),
        "{left_out:?}"
    );
    assert!(
        matches!(scene.answer(1, ANSWER, "late").await, Answered::Known(_)),
        "the same again, though the one that was named could not be answered"
    );
}

#[tokio::test]
async fn who_has_an_answer_on_its_way_gets_no_second_one_with_the_others() {
    let scene = Scene::open().await;
    scene.flood(4, 4).await;
    let mut tx = scene.town.context.db.begin().await.unwrap();
    tx.queue_reply(number(2), Answer::new("Petugas sudah di tempat.", "Admin PUPR", "alone"), scene.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    match scene.answer(1, ANSWER, "all").await {
        Answered::Queued { replies, underway, .. } => {
            let answered: Vec<i64> = replies.iter().map(|(number, _)| number.sequence).collect();
            assert_eq!((answered, underway), (vec![1, 3, 4], 1));
        }
        other => panic!("{other:?}"),
    }
    match scene.answer(2, "Ralat: besok pagi.", "again").await {
        Answered::Queued { replies, underway, .. } => {
            assert_eq!((replies.len(), underway), (1, 3), "who is named is answered all the same");
        }
        other => panic!("{other:?}"),
    }
}
