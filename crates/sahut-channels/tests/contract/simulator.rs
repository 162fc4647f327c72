//! Facebook and Instagram against the simulator: everything is found whatever its moods, and nothing is sent twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sahut_channels::{Connector, NotSent, Outgoing, Trouble};
use sahut_domain::ManualClock;
use sahut_domain::channel::Platform;
use sahut_domain::message::{Author, Item, Surface};
use sahut_simulator::{Keys, Limits, Mood, Moods, Simulator, SimulatorSettings, World};
use serde_json::json;

use crate::channel;
use crate::meta::{NOW, ask, at};

async fn simulator(seed: u64, moods: Moods) -> Simulator {
    let clock = ManualClock::at(at(NOW)).clock();
    // A wait would need a clock that moves; what it comes to is tested elsewhere.
    let moods = Moods { rate_limit: 0.0, hang: 0.0, slow: 0.0, ..moods };
    Simulator::start(SimulatorSettings { seed, moods, clock, ..SimulatorSettings::default() }).await.unwrap()
}

fn page(simulator: &Simulator, keys: &Keys) -> Arc<dyn Connector> {
    let settings = json!({"page_id": keys.id, "base_url": simulator.url()});
    channel::connector(Platform::Facebook, settings, &[("token", &keys.token)]).unwrap()
}

fn account(simulator: &Simulator, keys: &Keys) -> Arc<dyn Connector> {
    let settings = json!({"ig_user_id": keys.id, "base_url": simulator.url()});
    channel::connector(Platform::Instagram, settings, &[("token", &keys.token)]).unwrap()
}

/// Two hundred comments on two levels under two posts, and five conversations. Nothing stands alone in its second.
fn crowd(world: &World, account: &str) {
    for post in 0..2 {
        let post = world.post(account, "Jadwal layanan", at(&format!("2026-11-2{post}T01:00:00Z"))).unwrap();
        for number in 0..50 {
            let time = at(&format!("2026-11-23T02:{:02}:00Z", number / 3));
            let top = world.comment(&post, &format!("warga_{number}"), "Lampu mati", time).unwrap();
            world.reply(&top, "tetangga", "Di sini juga", time).unwrap();
        }
    }
    for number in 0..5 {
        for minute in 0..8 {
            let time = at(&format!("2026-11-24T09:0{minute}:00Z"));
            world.direct(account, &format!("warga_{number}"), "Halo", time).unwrap();
        }
    }
}

/// Walks a feed to its end, asking again where that may help.
async fn walk(connector: &dyn Connector, feed: &str, items: &mut BTreeMap<String, Item>) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::new(), None);
    loop {
        match connector.read(ask(feed, next.as_deref())).await {
            Ok(page) => {
                found.extend(page.feeds.into_iter().map(|feed| feed.key));
                items.extend(page.items.into_iter().map(|item| (item.external_id.clone(), item)));
                next = page.next;
                if next.is_none() {
                    return found;
                }
            }
            Err(Trouble::Again { .. } | Trouble::Wait { .. }) => {}
            Err(other) => panic!("{feed}: {other:?}"),
        }
    }
}

async fn read_all(connector: &dyn Connector, items: &mut BTreeMap<String, Item>) {
    let mut open: Vec<String> = connector.feeds().into_iter().map(|(feed, _)| feed).collect();
    let mut seen: BTreeSet<String> = open.iter().cloned().collect();
    while let Some(feed) = open.pop() {
        let found = walk(connector, &feed, items).await;
        open.extend(found.into_iter().filter(|feed| seen.insert(feed.clone())));
    }
}

fn missing(simulator: &Simulator, account: &str, items: &BTreeMap<String, Item>) -> usize {
    let ledger = simulator.ledger();
    ledger.must_be_known(account).into_iter().filter(|id| !items.contains_key(*id)).count()
}

#[tokio::test]
async fn one_walk_finds_everything_on_a_good_day() {
    let simulator = simulator(1, Moods::calm()).await;
    let world = simulator.world();
    let (facebook, instagram) = (world.create_page("Dinas"), world.create_instagram("dinas", None).unwrap());
    crowd(world, &facebook.id);
    crowd(world, &instagram.id);
    world.visitor_post(&facebook.id, "warga_v", "Jalan rusak", at("2026-11-24T08:00:00Z")).unwrap();
    for (connector, keys, all) in
        [(page(&simulator, &facebook), &facebook, 241), (account(&simulator, &instagram), &instagram, 240)]
    {
        assert_eq!(connector.identify().await.unwrap().external_id, keys.id);
        let mut items = BTreeMap::new();
        read_all(&*connector, &mut items).await;
        assert_eq!((items.len(), missing(&simulator, &keys.id, &items)), (all, 0));
        let roots = items.values().filter(|item| item.thread.external_id == item.external_id).count();
        assert_eq!(roots, all - 100 - 40, "answers stand in the thread of what they answer");
    }
}

#[tokio::test]
async fn walks_repeated_find_everything_whatever_the_moods() {
    for seed in 0..5 {
        let simulator = simulator(seed, Moods::moody()).await;
        let world = simulator.world();
        let (facebook, instagram) =
            (world.create_page("Dinas"), world.create_instagram("dinas", None).unwrap());
        crowd(world, &facebook.id);
        crowd(world, &instagram.id);
        for (connector, id) in
            [(page(&simulator, &facebook), &facebook.id), (account(&simulator, &instagram), &instagram.id)]
        {
            let mut items = BTreeMap::new();
            for _ in 0..6 {
                read_all(&*connector, &mut items).await;
            }
            assert_eq!(missing(&simulator, id, &items), 0, "seed {seed}");
        }
    }
}

/// An answer to the first comment, and one to the first conversation.
fn replies(items: &BTreeMap<String, Item>, text: &str) -> Vec<Outgoing> {
    let first = |surface| items.values().find(|item| item.thread.surface == surface).unwrap();
    let answer = |item: &Item| Outgoing {
        thread: item.thread.external_id.clone(),
        post: item.thread.post.clone(),
        citizen: Author { ..item.author.clone() },
        citizen_wrote_at: at("2026-11-24T09:07:00Z"),
        automatic: false,
        first_attempt_at: Some(at(NOW)),
        ..channel::reply(item.thread.surface, &item.external_id, text)
    };
    vec![answer(first(Surface::Comment)), answer(first(Surface::Direct))]
}

#[tokio::test]
async fn a_reply_whose_answer_got_lost_is_found_and_not_sent_again() {
    let simulator = simulator(3, Moods::calm()).await;
    let world = simulator.world();
    let (facebook, instagram) = (world.create_page("Dinas"), world.create_instagram("dinas", None).unwrap());
    crowd(world, &facebook.id);
    crowd(world, &instagram.id);
    for connector in [page(&simulator, &facebook), account(&simulator, &instagram)] {
        let mut items = BTreeMap::new();
        read_all(&*connector, &mut items).await;
        for mood in [
            Mood::DropAfter,
            Mood::Truncate,
            Mood::WrongType,
            Mood::DropBefore,
            Mood::Html,
            Mood::ServerError,
        ] {
            for reply in replies(&items, &format!("Baik {mood:?}")) {
                assert_eq!(connector.look_up(&reply, at(NOW)).await, Ok(None));
                world.next_call("POST", mood);
                let outcome = connector.send(&reply, at(NOW)).await;
                assert!(matches!(outcome, Err(NotSent::Uncertain(_))), "{mood:?}: {outcome:?}");
                let sent = match connector.look_up(&reply, at(NOW)).await.unwrap() {
                    Some(sent) => sent,
                    None => connector.send(&reply, at(NOW)).await.unwrap(),
                };
                read_all(&*connector, &mut items).await;
                assert!(items[&sent.external_id].own, "what was sent is read under the same id");
                assert_eq!(items[&sent.external_id].thread.external_id, reply.thread);
            }
        }
    }
    assert!(simulator.ledger().double_posts().is_empty());
    assert_eq!(simulator.ledger().accepted.len(), 24);
}

#[tokio::test]
async fn the_same_words_again_are_a_repetition_or_the_reply_itself() {
    let simulator = simulator(4, Moods::calm()).await;
    let world = simulator.world();
    world.set_limits(Limits { refuse_duplicates: true, ..Limits::generous() });
    let keys = world.create_page("Dinas");
    crowd(world, &keys.id);
    let connector = page(&simulator, &keys);
    let mut items = BTreeMap::new();
    read_all(&*connector, &mut items).await;
    let reply = replies(&items, "Baik").remove(0);
    let sent = connector.send(&reply, at(NOW)).await.unwrap();
    assert_eq!(connector.send(&reply, at(NOW)).await.unwrap().external_id, sent.external_id);
}
