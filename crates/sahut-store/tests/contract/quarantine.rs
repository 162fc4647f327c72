//! What is set apart: once, visibly, until it is read after all.

use sahut_domain::event::{EventId, EventKind};
use sahut_store::collect::{FeedFound, NewPage};

use crate::support::{World, at, item, on_both};

fn bad(error: &str) -> NewPage {
    NewPage { bad: vec![("m1".to_owned(), error.to_owned(), b"{}".to_vec())], ..NewPage::default() }
}

on_both! {
    async fn an_item_is_set_apart_once_and_let_go_when_it_has_been_stored(world: &World) {
        assert_eq!(world.store_page(bad("no date"), at(1)).await.quarantined, 1);
        assert_eq!(world.store_page(bad("no author"), at(2)).await.quarantined, 0);
        let held = world.read().await.quarantined().await.unwrap().remove(0);
        assert_eq!((held.key.as_str(), held.stage.as_str(), held.error.as_str()), ("m1", "page", "no author"));
        assert_eq!((held.first_seen_at, held.last_seen_at, held.bytes), (at(1), at(2), 2));
        world.store(vec![item("m2", "ani")], at(3)).await;
        assert_eq!(world.read().await.quarantined().await.unwrap().len(), 1, "another item says nothing about it");
        world.store(vec![item("m1", "ani")], at(4)).await;
        let mut tx = world.read().await;
        assert!(tx.quarantined().await.unwrap().is_empty());
        let events = tx.events_after(EventId(0), 100).await.unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind).skip(1).collect();
        assert_eq!(kinds, [EventKind::ItemQuarantined, EventKind::ItemRecovered]);
    }

    async fn asking_again_for_an_item_of_a_page_walks_its_feeds_to_the_end(world: &World) {
        let feed = FeedFound { key: "p1".to_owned(), kind: "newest_first", found: true, counter: None, count: None, urgent: false };
        world.store_page(NewPage { feeds: vec![feed], ..bad("no date") }, at(1)).await;
        let mut tx = world.begin().await;
        let feed = tx.feeds(world.channel).await.unwrap().remove(0);
        tx.finish_walk(&feed, at(2), true).await.unwrap();
        let held = tx.quarantined().await.unwrap().remove(0);
        tx.retry_quarantined(&held, at(3)).await.unwrap();
        let feed = tx.feeds(world.channel).await.unwrap().remove(0);
        assert_eq!((feed.walked_deep_at, feed.urgent_at), (None, Some(at(3))));
        assert_eq!(tx.quarantined().await.unwrap().len(), 1, "it is not read yet");
        tx.commit().await.unwrap();
    }

    async fn a_message_that_nothing_decided_on_waits_for_a_person(world: &World) {
        world.store(vec![item("m1", "ani"), crate::support::own("o1", "halo")], at(1)).await;
        let mut tx = world.begin().await;
        for waiting in tx.take_waiting(10).await.unwrap() {
            tx.quarantine_message(&waiting, "no calendar", at(2)).await.unwrap();
        }
        assert!(!tx.has_waiting().await.unwrap());
        for held in tx.quarantined().await.unwrap() {
            assert_eq!(held.stage, "route");
            tx.retry_quarantined(&held, at(3)).await.unwrap();
        }
        let waiting = tx.take_waiting(10).await.unwrap();
        assert_eq!(waiting.len(), 2);
        tx.quarantine_message(&waiting[0], "no calendar", at(4)).await.unwrap();
        assert_eq!(tx.quarantined().await.unwrap().len(), 1, "set apart again");
        tx.commit().await.unwrap();
    }
}
