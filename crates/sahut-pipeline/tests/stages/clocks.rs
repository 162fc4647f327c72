//! Resolutions: paused by an answer, running again when the citizen writes, closed by silence.

use jiff::Timestamp;
use sahut_domain::ManualClock;
use sahut_domain::calendar::Term;
use sahut_domain::deadline::{DeadlineKind, DeadlineState, MoveReason, Policy};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::reply::Intent;
use sahut_pipeline::policies::{Entry, Policies};
use sahut_pipeline::route::route_batch;
use sahut_pipeline::silence::close_silent;
use sahut_pipeline::{Regency, clocks, endings};
use sahut_store::collect::NewPage;
use sahut_store::deliver::Answer;
use sahut_store::inquiries::{Inquiry, Promise};

use crate::regency::Town;

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

/// A Tuesday, 08.00 in the office's zone.
const START: &str = "2026-11-24T08:00:00Z";

/// A town in which complaints are to be settled within five working days.
struct Desk {
    clock: ManualClock,
    town: Town,
}

impl Desk {
    async fn open() -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let town = Town::without_platforms(clock.clock()).await;
        let desk = Self { clock, town };
        desk.settle_within(5);
        desk.town.complaint(desk.town.channels[0], "ani").await;
        desk
    }

    fn settle_within(&self, days: u32) {
        let policy = Policy {
            kind: DeadlineKind::Resolution,
            term: Term::WorkingDays(days),
            legal_basis: "Perbup".to_owned(),
        };
        let entry = Entry { extension: Some(Term::WorkingDays(2)), ..Entry::for_all(policy) };
        self.town.set(|regency| {
            let mut entries = regency.policies.0;
            entries.retain(|entry| entry.policy.kind == DeadlineKind::FirstResponse);
            entries.push(entry);
            Regency { policies: Policies(entries), ..regency }
        });
    }

    fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    fn later(&self, hours: i64) {
        self.clock.advance(hours * 3600);
    }

    async fn say(&self, intent: Intent) {
        let mut tx = self.town.context.db.begin().await.unwrap();
        let key = format!("{intent}-{}", self.now());
        let answer = Answer { intent, ..Answer::new("baik", "Admin PUPR", &key) };
        tx.answer_elsewhere(FIRST, answer, self.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn writes(&self, id: &str, text: &str) {
        let now = self.now();
        let item = Item {
            external_id: id.to_owned(),
            thread: ThreadKey { external_id: "t-ani".to_owned(), surface: Surface::Direct, post: None },
            parent: None,
            author: Author { external_id: Some("ani".to_owned()), ..Author::default() },
            own: false,
            automatic: false,
            text: text.to_owned(),
            subject: None,
            written_at: now,
            edited_at: None,
            visibility: Visibility::Shown,
            permalink: None,
            attachments: Vec::new(),
            raw: Vec::new(),
        };
        let mut tx = self.town.context.db.begin().await.unwrap();
        let page = NewPage { items: vec![item], ..NewPage::default() };
        tx.store_page(self.town.channels[0], page, now).await.unwrap();
        tx.commit().await.unwrap();
        route_batch(&self.town.context).await.unwrap();
    }

    async fn inquiry(&self) -> Inquiry {
        self.town.context.db.read().await.unwrap().inquiry(FIRST).await.unwrap().unwrap()
    }

    async fn resolution(&self) -> Promise {
        let promises = self.inquiry().await.promises;
        promises.into_iter().rfind(|promise| promise.kind == DeadlineKind::Resolution).unwrap()
    }

    /// Lets the watch stage look until it has nothing to do.
    async fn watch(&self) {
        while close_silent(&self.town.context).await.unwrap() > 0 {}
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_pause_gives_back_the_working_time_that_was_left() {
    let desk = Desk::open().await;
    // Five working days after Tuesday the 24th: Tuesday the first of December, at the end of work.
    assert_eq!(desk.resolution().await.due_at, at("2026-12-01T16:00:00Z"));
    desk.say(Intent::Answer).await;
    desk.later(48);
    desk.writes("m2", "jalan rusak masih sama, tolong diperbaiki").await;
    let promise = desk.resolution().await;
    assert_eq!((promise.state, promise.due_at), (DeadlineState::Running, at("2026-12-03T16:00:00Z")));
    assert_eq!(promise.history[0].why, MoveReason::Resumed);
    assert_eq!(desk.inquiry().await.line.state, State::Open);
}

#[tokio::test]
async fn thanks_restart_nothing() {
    let desk = Desk::open().await;
    desk.say(Intent::Answer).await;
    desk.later(2);
    desk.writes("m2", "terima kasih banyak").await;
    let promise = desk.resolution().await;
    assert_eq!((promise.state, promise.segments.pauses().len()), (DeadlineState::Paused, 1));
    assert_eq!(desk.inquiry().await.line.state, State::Answered);
}

#[tokio::test]
async fn a_citizen_who_stays_silent_is_done_with_after_ten_working_days() {
    let desk = Desk::open().await;
    let answered_at = desk.now();
    desk.say(Intent::Answer).await;
    desk.watch().await;
    desk.later(13 * 24);
    desk.watch().await;
    assert_eq!(desk.inquiry().await.line.state, State::Answered, "Monday, the ninth working day");
    desk.later(48);
    desk.watch().await;
    let inquiry = desk.inquiry().await;
    let closed = inquiry.events.iter().find(|event| event.kind == EventKind::InquiryClosed).unwrap();
    assert_eq!(
        (inquiry.line.state, closed.at),
        (State::Closed, at("2026-12-08T16:00:00Z")),
        "not when it was noticed"
    );
    assert_eq!(desk.resolution().await.met_at, Some(answered_at));
}

#[tokio::test]
async fn a_question_that_nobody_answers_promises_nothing_any_more() {
    let desk = Desk::open().await;
    desk.say(Intent::Question).await;
    assert_eq!(desk.inquiry().await.line.state, State::Waiting);
    desk.later(20 * 24);
    desk.watch().await;
    assert_eq!(desk.inquiry().await.line.state, State::Closed);
    assert_eq!(desk.resolution().await.state, DeadlineState::Void);
}

#[tokio::test]
async fn news_lets_it_run_until_it_is_missed() {
    let desk = Desk::open().await;
    desk.say(Intent::Progress).await;
    desk.later(20 * 24);
    desk.watch().await;
    sahut_pipeline::watch::watch_deadlines(&desk.town.context).await.unwrap();
    let promise = desk.resolution().await;
    assert_eq!((promise.state, promise.missed_at), (DeadlineState::Running, Some(promise.due_at)));
    let outbox = desk.town.context.db.read().await.unwrap().outbox(10).await.unwrap();
    assert!(outbox.iter().any(|line| line.detail == "overdue"), "{outbox:?}");
}

#[tokio::test]
async fn counted_again_under_another_policy_a_promise_keeps_its_pauses_and_its_extension() {
    let desk = Desk::open().await;
    desk.say(Intent::Answer).await;
    desk.later(24);
    desk.writes("m2", "jalan rusak masih sama, tolong diperbaiki").await;
    let mut tx = desk.town.context.db.begin().await.unwrap();
    let regency = desk.town.context.regency.get();
    let live =
        tx.live_promises().await.unwrap().into_iter().find(|live| live.kind == DeadlineKind::Resolution);
    let live = live.unwrap();
    assert_eq!(clocks::recounted(&regency, &live).unwrap().unwrap().due.at, live.due_at, "nothing changed");
    assert_eq!(clocks::allowed_until(&regency, &live), Some(at("2026-12-04T16:30:00Z")));
    desk.settle_within(6);
    let regency = desk.town.context.regency.get();
    let anew = clocks::recounted(&regency, &live).unwrap().unwrap();
    assert_eq!((live.due_at, anew.due.at), (at("2026-12-02T16:00:00Z"), at("2026-12-03T16:00:00Z")));
}

#[tokio::test]
async fn what_the_policy_allows_is_granted_once_and_the_rest_waits_for_somebody() {
    let desk = Desk::open().await;
    desk.say(Intent::Progress).await;
    let due_at = desk.resolution().await.due_at;
    let ask = async |until: &str| {
        let mut tx = desk.town.context.db.begin().await.unwrap();
        tx.ask_time(FIRST, at(until), "menunggu suku cadang", "Admin PUPR", desk.now())
            .await
            .unwrap()
            .unwrap();
        tx.commit().await.unwrap();
        clocks::grant_allowed(&desk.town.context).await.unwrap()
    };
    assert_eq!(due_at, at("2026-12-01T16:00:00Z"));
    assert_eq!(ask("2026-12-03T16:00:00Z").await, 1, "two working days are allowed");
    assert_eq!(desk.resolution().await.due_at, at("2026-12-03T16:00:00Z"));
    assert_eq!(ask("2026-12-04T16:00:00Z").await, 0, "once, not each time");
    assert_eq!(desk.resolution().await.due_at, at("2026-12-03T16:00:00Z"));
}

#[tokio::test]
async fn operators_hear_each_week_of_a_calendar_that_ends() {
    let desk = Desk::open().await;
    desk.town.set(|mut regency| {
        for calendar in regency.calendars.values_mut() {
            calendar.known_until = Some(jiff::civil::date(2026, 12, 31));
        }
        regency
    });
    let told = async || {
        endings::warn(&desk.town.context).await.unwrap();
        let outbox = desk.town.context.db.read().await.unwrap().outbox(20).await.unwrap();
        outbox.iter().filter(|line| line.detail == "calendar_ends").count()
    };
    assert_eq!(told().await, 1);
    desk.later(24);
    assert_eq!(told().await, 1, "a day later nobody is told again");
    desk.later(6 * 24);
    assert_eq!(told().await, 2);
}
