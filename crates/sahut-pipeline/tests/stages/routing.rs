//! What becomes of messages that are routed together.

use jiff::SignedDuration;
use sahut_domain::channel::Platform;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::message::{Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::route::route_batch;
use sahut_simulator::{Simulator, SimulatorSettings};
use sahut_store::collect::NewPage;

use crate::regency::{Account, Town};

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

/// Routes these messages, each list together, and answers state and number of promises of the one inquiry.
async fn routed(batches: Vec<Vec<Item>>) -> (State, usize) {
    let clock = ManualClock::at(start() + SignedDuration::from_hours(1));
    let settings = SimulatorSettings { clock: clock.clock(), ..SimulatorSettings::default() };
    let simulator = Simulator::start(settings).await.unwrap();
    let keys = simulator.world().create_page("Dinas");
    let accounts = [Account { platform: Platform::Facebook, keys }];
    let town = Town::open(simulator.url(), &accounts, clock.clock(), 1).await;
    for items in batches {
        let mut tx = town.context.db.begin().await.unwrap();
        let page = NewPage { items, ..NewPage::default() };
        tx.store_page(town.channels[0], page, clock.clock().now()).await.unwrap();
        tx.commit().await.unwrap();
        while route_batch(&town.context).await.unwrap() > 0 {}
    }
    let mut tx = town.context.db.read().await.unwrap();
    let inquiry = tx.inquiry(InquiryNumber { year: 2026, sequence: 1 }).await.unwrap().unwrap();
    simulator.stop().await;
    (inquiry.line.state, inquiry.promises.len())
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
