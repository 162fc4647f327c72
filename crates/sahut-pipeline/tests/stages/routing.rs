//! What becomes of messages that are routed together.

use std::collections::{BTreeSet, HashMap};

use jiff::SignedDuration;
use sahut_domain::calendar::Term;
use sahut_domain::channel::Platform;
use sahut_domain::deadline::{DeadlineState, Policy};
use sahut_domain::inquiry::{InquiryNumber, Kind, Priority, State};
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::office::{OfficeCode, OfficeKind};
use sahut_domain::reply::{ReplyId, ReplyState};
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::Regency;
use sahut_pipeline::deliver::deliver_batch;
use sahut_pipeline::policies::{Entry, Policies};
use sahut_pipeline::route::route_batch;
use sahut_routing::{RuleSet, Source};
use sahut_simulator::{Simulator, SimulatorSettings};
use sahut_store::Claim;
use sahut_store::collect::NewPage;
use sahut_store::deliver::Answer;
use sahut_store::inquiries::{Filter, Inquiry};

use crate::regency::{Account, Town};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

fn start() -> Timestamp {
    "2026-11-24T01:00:00Z".parse().unwrap()
}

fn item(id: &str, own: bool, text: &str, minutes: i64) -> Item {
    let author = if own { "kantor" } else { "warga" };
    Item {
        external_id: id.to_owned(),
        thread: ThreadKey { external_id: "t".to_owned(), surface: Surface::Direct, post: None },
        parent: None,
        author: Author { external_id: Some(author.to_owned()), ..Author::default() },
        own,
        automatic: false,
        text: text.to_owned(),
        subject: None,
        written_at: start() + SignedDuration::from_mins(minutes),
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: Vec::new(),
    }
}

/// A town whose messages are given to it by hand.
struct Street {
    clock: ManualClock,
    town: Town,
    _simulator: Simulator,
}

impl Street {
    async fn open() -> Self {
        let clock = ManualClock::at(start() + SignedDuration::from_hours(1));
        let settings = SimulatorSettings { clock: clock.clock(), ..SimulatorSettings::default() };
        let simulator = Simulator::start(settings).await.unwrap();
        let keys = simulator.world().create_page("Dinas");
        let accounts = [Account { platform: Platform::Facebook, keys }];
        let town = Town::open(simulator.url(), &accounts, clock.clock(), 1).await;
        Self { clock, town, _simulator: simulator }
    }

    fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    /// Stores and routes messages together.
    async fn route(&self, items: Vec<Item>) {
        let mut tx = self.town.context.db.begin().await.unwrap();
        let page = NewPage { items, ..NewPage::default() };
        tx.store_page(self.town.channels[0], page, self.now()).await.unwrap();
        tx.commit().await.unwrap();
        while route_batch(&self.town.context).await.unwrap() > 0 {}
    }

    /// The first inquiry.
    async fn inquiry(&self) -> Inquiry {
        let mut tx = self.town.context.db.read().await.unwrap();
        tx.inquiry(FIRST).await.unwrap().unwrap()
    }

    /// State and number of promises of the first inquiry.
    async fn stand(&self) -> (State, usize) {
        let inquiry = self.inquiry().await;
        (inquiry.line.state, inquiry.promises.len())
    }
}

/// Routes these messages, each list together, and answers state and number of promises of the one inquiry.
async fn routed(batches: Vec<Vec<Item>>) -> (State, usize) {
    let street = Street::open().await;
    for items in batches {
        street.route(items).await;
    }
    street.stand().await
}

#[tokio::test]
async fn a_question_after_the_answer_is_owed_an_answer_again_also_in_one_batch() {
    let asked = || item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0);
    let answered = || item("2", true, "Kami cek hari ini", 5);
    let asked_again = || item("3", false, "jalan rusak yang di Topos juga, tolong diperbaiki", 10);

    assert_eq!(routed(vec![vec![asked(), answered()]]).await, (State::Answered, 1));
    assert_eq!(routed(vec![vec![asked(), answered(), asked_again()]]).await, (State::Open, 2));
    assert_eq!(routed(vec![vec![asked()], vec![answered(), asked_again()]]).await, (State::Open, 2));
}

#[tokio::test]
async fn an_answer_that_is_read_after_a_newer_question_does_not_bury_the_question() {
    let asked = || item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0);
    let asked_again = || item("3", false, "jalan rusak yang di Topos juga, tolong diperbaiki", 10);
    let thanked = || item("3", false, "terima kasih", 10);
    let answered = || item("2", true, "Kami cek hari ini", 5);

    assert_eq!(routed(vec![vec![asked(), asked_again()], vec![answered()]]).await, (State::Open, 2));
    assert_eq!(routed(vec![vec![asked(), thanked()], vec![answered()]]).await, (State::Answered, 1));
}

#[tokio::test]
async fn an_answer_counts_also_when_it_is_read_before_its_question() {
    let asked = || item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0);
    let answered = || item("2", true, "Kami cek hari ini", 5);
    let older = || item("3", false, "jalan rusak sejak kemarin, tolong diperbaiki", 4);
    let newer = || item("3", false, "jalan rusak lagi, tolong diperbaiki", 6);

    assert_eq!(routed(vec![vec![answered()], vec![asked()]]).await, (State::Answered, 1));
    assert_eq!(routed(vec![vec![newer()], vec![answered()], vec![asked()]]).await, (State::Open, 1));
    assert_eq!(routed(vec![vec![answered()], vec![asked(), newer()]]).await, (State::Open, 2));
    assert_eq!(routed(vec![vec![asked(), answered()], vec![older()]]).await, (State::Answered, 1));
}

#[tokio::test]
async fn under_a_post_an_answer_counts_for_the_one_whose_question_is_read_after_it() {
    let comment = |item: Item, parent: Option<&str>| {
        let thread = ThreadKey { surface: Surface::Comment, ..item.thread.clone() };
        Item { thread, parent: parent.map(str::to_owned), ..item }
    };
    let asked = |id: &str, who: &str| {
        let item = comment(item(id, false, "jalan rusak, tolong diperbaiki", 0), None);
        Item { author: Author { external_id: Some(who.to_owned()), ..Author::default() }, ..item }
    };
    let street = Street::open().await;
    street.route(vec![asked("1", "ani")]).await;
    street.route(vec![comment(item("3", true, "Kami cek hari ini", 5), Some("2"))]).await;
    assert_eq!(street.stand().await.0, State::Open, "nobody knows yet who is answered");
    street.route(vec![asked("2", "budi")]).await;
    let mut tx = street.town.context.db.read().await.unwrap();
    let all = tx.inquiries(&Filter::default(), 10).await.unwrap();
    let states: Vec<_> = all.iter().map(|line| (line.number.sequence, line.state)).collect();
    assert_eq!(states, [(1, State::Open), (2, State::Answered)]);
}

#[tokio::test]
async fn an_answer_that_a_person_saw_does_not_bury_a_newer_question() {
    let street = Street::open().await;
    street.route(vec![item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0)]).await;
    let now = street.now();
    let mut tx = street.town.context.db.begin().await.unwrap();
    tx.queue_reply(FIRST, Answer::new("Kami cek hari ini", "Admin PUPR", "k"), now).await.unwrap();
    let until = now + SignedDuration::from_mins(1);
    let claim = Claim { owner: "test", now, until, limit: 1 };
    let work = tx.claim_replies(&claim).await.unwrap().remove(0);
    tx.begin_sending(&work, until, now).await.unwrap();
    tx.settle_uncertain(&work, "the line broke", until, now).await.unwrap();
    tx.commit().await.unwrap();
    street.clock.advance(600);
    street.route(vec![item("2", false, "jalan rusak yang di Topos juga, tolong diperbaiki", 65)]).await;

    let mut tx = street.town.context.db.begin().await.unwrap();
    assert!(tx.resolve_uncertain(ReplyId(work.lease.id), true, "Admin PUPR", street.now()).await.unwrap());
    tx.commit().await.unwrap();
    deliver_batch(&street.town.context).await.unwrap();
    let inquiry = street.inquiry().await;
    assert_eq!((inquiry.line.state, inquiry.promises.len()), (State::Open, 2));
    assert_eq!(inquiry.promises[0].met_at, Some(now));
    assert_eq!(inquiry.replies[0].delivery, ReplyState::Sent);
}

#[tokio::test]
async fn a_clock_that_is_ahead_moves_no_deadline() {
    let street = Street::open().await;
    let asked = item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 60 * 24 * 365);
    street.route(vec![asked]).await;
    assert_eq!(street.inquiry().await.line.opened_at, street.now());
    street.clock.advance(600);
    street.route(vec![item("2", true, "Kami cek hari ini", 65)]).await;
    assert_eq!(street.stand().await, (State::Answered, 1));
}

/// The street's regency with an emergency's pace, a second office, and somebody else who decides.
fn wider(regency: &Regency) -> Regency {
    let code = |text: &str| OfficeCode::parse(text).unwrap();
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let gate = "[[kind]]\nkind = \"complaint\"\nstrong = [\"tolong diperbaiki\"]\n\
        [[kind]]\nkind = \"emergency\"\nstrong = [\"kebakaran\"]\n\
        [[emergency]]\nname = \"kebakaran\"\nto = \"pdam\"\nstrong = [\"kebakaran\"]\n";
    let duty = |code: &str, phrase: &str| {
        let text = format!("duty = \"{code}\"\n\n[[topic]]\nname = \"{code}\"\nstrong = [\"{phrase}\"]\n");
        source(&format!("rules/{code}.toml"), &text)
    };
    let rules = [source("rules/gate.toml", gate), duty("pupr", "jalan rusak"), duty("pdam", "air mati")];
    let technical = [code("pupr"), code("pdam"), code("kominfo")].map(|code| (code, OfficeKind::Technical));
    let usual = regency.policies.0[0].clone();
    let fast = Policy { term: Term::Minutes(30), ..usual.policy.clone() };
    let fast = Entry { inquiry: vec![Kind::Emergency], ..Entry::for_all(fast) };
    let mut offices = regency.offices.clone();
    for other in ["kominfo", "pdam"] {
        let mut office = offices[&code("pupr")].clone();
        office.code = code(other);
        office.people[0].mail = format!("admin@{other}.example");
        offices.insert(code(other), office);
    }
    Regency {
        revision: regency.revision,
        name: regency.name.clone(),
        instance: regency.instance.clone(),
        language: regency.language,
        triage_office: code("kominfo"),
        calendars: regency.calendars.clone(),
        policies: Policies(vec![fast, usual]),
        ladder: regency.ladder.clone(),
        operators: Vec::new(),
        rules: RuleSet::compile(&rules, &technical, &code("kominfo")).unwrap(),
        offices,
        receipts: HashMap::new(),
        connectors: regency.connectors.clone(),
        outbox: None,
        links: None,
    }
}

#[tokio::test]
async fn an_emergency_in_a_conversation_hastens_it() {
    let street = Street::open().await;
    street.town.context.regency.set(wider(&street.town.context.regency.get()));
    street.route(vec![item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0)]).await;
    street.route(vec![item("2", false, "kebakaran di depan pasar", 10)]).await;
    let inquiry = street.inquiry().await;
    assert_eq!((inquiry.line.kind, inquiry.line.priority), (Kind::Emergency, Priority::Emergency));
    assert_eq!(inquiry.line.due_at, start() + SignedDuration::from_mins(40));
    let states: Vec<_> = inquiry.promises.iter().map(|promise| promise.state).collect();
    assert_eq!(states, [DeadlineState::Void, DeadlineState::Running]);

    street.route(vec![item("3", true, "Petugas berangkat", 15)]).await;
    street.route(vec![item("4", false, "kebakaran lagi", 20)]).await;
    let inquiry = street.inquiry().await;
    assert_eq!(
        (inquiry.line.state, inquiry.line.due_at),
        (State::Open, start() + SignedDuration::from_mins(50))
    );
}

#[tokio::test]
async fn those_who_decide_are_told_when_a_conversation_turns_to_another_office() {
    let street = Street::open().await;
    street.town.context.regency.set(wider(&street.town.context.regency.get()));
    street.route(vec![item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0)]).await;
    street.route(vec![item("2", false, "jalan rusak di Topos juga, tolong diperbaiki", 5)]).await;
    street.route(vec![item("3", false, "air mati di rumah, tolong diperbaiki", 10)]).await;
    let outbox = street.town.context.db.read().await.unwrap().outbox(10).await.unwrap();
    let told: Vec<_> = outbox.iter().filter(|line| line.to == "admin@kominfo.example").collect();
    assert_eq!(told.len(), 1, "{outbox:?}");
    assert_eq!(told[0].detail, "follow_up");
}

#[tokio::test]
async fn an_emergency_reaches_its_office_wherever_the_citizen_writes_it() {
    for (triage, told) in [("kominfo", &["kominfo", "pdam", "pupr"][..]), ("pupr", &["pdam", "pupr"])] {
        let street = Street::open().await;
        let triage_office = OfficeCode::parse(triage).unwrap();
        let regency = Regency { triage_office, ..wider(&street.town.context.regency.get()) };
        street.town.context.regency.set(regency);
        street.route(vec![item("1", false, "jalan rusak di depan pasar, tolong diperbaiki", 0)]).await;
        street.route(vec![item("2", false, "kebakaran di depan pasar", 10)]).await;
        let outbox = street.town.context.db.read().await.unwrap().outbox(10).await.unwrap();
        let mails = outbox.iter().filter(|line| line.detail == "follow_up").map(|line| line.to.clone());
        let told = told.iter().map(|office| format!("admin@{office}.example")).collect();
        assert_eq!(mails.collect::<BTreeSet<_>>(), told);
    }
}
