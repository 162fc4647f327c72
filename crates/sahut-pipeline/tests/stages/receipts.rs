//! Citizens are told that their message arrived, once, and nobody takes that for an answer.

use std::collections::HashMap;
use std::time::Duration;

use sahut_domain::channel::{Platform, ReceiptConfig, Receipts};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::State;
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::cadence::Cadence;
use sahut_pipeline::collect::{Settings, collect_due};
use sahut_pipeline::deliver::deliver_batch;
use sahut_pipeline::route::route_batch;
use sahut_simulator::{Simulator, SimulatorSettings};
use sahut_store::inquiries::{Filter, Line};

use crate::regency::{Account, Town};

/// A town that gives receipts on its page.
struct Page {
    clock: ManualClock,
    simulator: Simulator,
    town: Town,
    account: String,
    post: String,
}

impl Page {
    async fn open(reach: Receipts) -> Self {
        let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let clock = ManualClock::at(start);
        let settings = SimulatorSettings { clock: clock.clock(), ..SimulatorSettings::default() };
        let simulator = Simulator::start(settings).await.unwrap();
        let keys = simulator.world().create_page("Dinas");
        let account = keys.id.clone();
        let post = simulator.world().post(&account, "Pengumuman", start).unwrap();
        let accounts = [Account { platform: Platform::Facebook, keys }];
        let town = Town::open(simulator.url(), &accounts, clock.clock(), 1).await;
        let text = Some("Kode Anda {code}.".to_owned());
        town.give_receipts(HashMap::from([(town.channels[0], ReceiptConfig { reach, text })]));
        Self { clock, simulator, town, account, post }
    }

    fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    fn comment(&self, citizen: &str) {
        let text = "Jalan rusak di Topos, tolong diperbaiki";
        self.simulator.world().comment(&self.post, citizen, text, self.now()).unwrap();
    }

    async fn read(&self) {
        self.clock.advance(400);
        let settings = Settings { at_once: 4, cadence: Cadence::default(), patience: Duration::ZERO };
        Box::pin(collect_due(&self.town.context, settings)).await.unwrap();
        route_batch(&self.town.context).await.unwrap();
    }

    async fn deliver(&self) {
        while deliver_batch(&self.town.context).await.unwrap() > 0 {
            self.clock.advance(60);
        }
    }

    fn receipts(&self) -> usize {
        self.simulator.ledger().accepted.iter().filter(|deed| deed.text.starts_with("Kode Anda ")).count()
    }

    async fn inquiries(&self) -> Vec<Line> {
        self.town.context.db.read().await.unwrap().inquiries(&Filter::default(), 100).await.unwrap()
    }
}

#[tokio::test]
async fn a_receipt_is_given_once_and_answers_nothing_also_when_it_is_read_back() {
    let page = Page::open(Receipts::Public).await;
    page.comment("warga_1");
    page.read().await;
    page.deliver().await;
    assert_eq!(page.receipts(), 1);
    for _ in 0..2 {
        page.read().await;
        page.deliver().await;
    }
    assert_eq!(page.receipts(), 1, "it is not given again, and no new inquiry is made of it");
    let inquiries = page.inquiries().await;
    assert_eq!(inquiries.len(), 1);
    assert_eq!(inquiries[0].state, State::Open);
}

#[tokio::test]
async fn a_page_is_not_flooded() {
    let page = Page::open(Receipts::Public).await;
    for citizen in ["warga_1", "warga_2"] {
        page.comment(citizen);
    }
    page.read().await;
    for citizen in ["warga_3", "warga_4", "warga_5"] {
        page.comment(citizen);
    }
    page.read().await;
    page.deliver().await;
    assert_eq!((page.inquiries().await.len(), page.receipts()), (5, 3));
}

#[tokio::test]
async fn a_private_receipt_is_for_nobody_else_to_read() {
    let page = Page::open(Receipts::Private).await;
    page.comment("warga_1");
    let text = "Jalan rusak di Kamulan, tolong diperbaiki";
    page.simulator.world().direct(&page.account, "warga_2", text, page.now()).unwrap();
    page.read().await;
    page.deliver().await;
    assert_eq!((page.inquiries().await.len(), page.receipts()), (2, 1));
}

#[tokio::test]
async fn a_receipt_that_cannot_leave_in_time_is_given_up_and_nobody_is_mailed() {
    let page = Page::open(Receipts::Public).await;
    page.comment("warga_1");
    page.read().await;
    let mails = page.town.context.db.read().await.unwrap().status(page.now()).await.unwrap().notices_due;
    page.clock.advance(25 * 3600);
    page.deliver().await;
    assert_eq!(page.receipts(), 0);
    let mut tx = page.town.context.db.read().await.unwrap();
    let status = tx.status(page.now()).await.unwrap();
    assert_eq!((status.replies_dead, status.notices_due), (1, mails));
    let events = tx.events_after(EventId(0), 1000).await.unwrap();
    assert!(events.iter().any(|event| event.kind == EventKind::ReplyFailed), "the journal tells it");
}
