//! What is set apart: once, visibly, until it is read after all.

use sahut_domain::event::{EventId, EventKind};
use sahut_store::collect::{FeedFound, NewPage};
use sahut_store::quarantine::{Apart, ReadAgain, Retried};

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

    async fn an_item_of_a_page_is_let_go_when_it_was_read_again_and_not_before(world: &World) {
        world.store_page(bad("no date"), at(1)).await;
        let mut tx = world.begin().await;
        assert!(!tx.has_asked().await.unwrap());
        for other in [Apart::Item(0), Apart::Stage("import")] {
            assert_eq!(tx.retry_quarantined(other, at(2)).await.unwrap(), Retried::default());
        }
        assert_eq!(tx.retry_quarantined(Apart::All, at(2)).await.unwrap(), Retried { again: 1, imports: 0 });
        assert!(tx.has_asked().await.unwrap());
        let asked = tx.take_asked().await.unwrap().unwrap();
        assert_eq!((asked.channel, asked.raw.as_slice(), asked.first_seen_at), (world.channel, &b"{}"[..], at(1)));
        tx.settle_asked(&asked, ReadAgain::Failed("no author".to_owned()), at(3)).await.unwrap();
        assert!(tx.take_asked().await.unwrap().is_none());
        assert_eq!(tx.quarantined().await.unwrap()[0].error, "no author");
        tx.retry_quarantined(Apart::Stage("page"), at(4)).await.unwrap();
        let asked = tx.take_asked().await.unwrap().unwrap();
        let page = NewPage { items: vec![item("named-otherwise", "ani")], ..NewPage::default() };
        tx.settle_asked(&asked, ReadAgain::Read(page), at(5)).await.unwrap();
        assert!(tx.quarantined().await.unwrap().is_empty());
        assert_eq!(tx.take_waiting(10).await.unwrap().len(), 1, "it is a message now");
        tx.commit().await.unwrap();
    }

    async fn an_item_whose_payload_does_not_suffice_is_read_with_its_feed(world: &World) {
        let feed = FeedFound { key: "p1".to_owned(), kind: "newest_first", found: true, counter: None, count: None, urgent: false };
        world.store_page(NewPage { feeds: vec![feed], ..bad("no date") }, at(1)).await;
        let mut tx = world.begin().await;
        let feed = tx.feeds(world.channel).await.unwrap().remove(0);
        let walk = sahut_store::collect::Walk { feed, started_at: at(2), deep: true };
        tx.finish_walks([walk].iter()).await.unwrap();
        let held = tx.quarantined().await.unwrap().remove(0);
        tx.retry_quarantined(Apart::Item(held.id), at(3)).await.unwrap();
        let asked = tx.take_asked().await.unwrap().unwrap();
        tx.settle_asked(&asked, ReadAgain::WithItsFeed, at(3)).await.unwrap();
        let feed = tx.feeds(world.channel).await.unwrap().remove(0);
        assert_eq!((feed.walked_deep_at, feed.urgent_at), (None, Some(at(3))));
        assert_eq!(tx.quarantined().await.unwrap().len(), 1, "it is not read yet");
        assert!(!tx.has_asked().await.unwrap());
        tx.commit().await.unwrap();
    }

    async fn all_are_asked_for_however_many_there_are(world: &World) {
        let many = (0..1001).map(|n| (format!("m{n}"), "no date".to_owned(), b"{}".to_vec())).collect();
        world.store_page(NewPage { bad: many, ..NewPage::default() }, at(1)).await;
        let mut tx = world.begin().await;
        assert_eq!(tx.quarantined().await.unwrap().len(), 1000);
        assert_eq!(tx.retry_quarantined(Apart::All, at(2)).await.unwrap().again, 1001);
        tx.commit().await.unwrap();
    }

    async fn a_row_of_a_file_is_read_only_from_a_file_or_dropped(world: &World) {
        world.store_page(NewPage { imported: true, ..bad("no date") }, at(1)).await;
        let mut tx = world.begin().await;
        let held = tx.quarantined().await.unwrap().remove(0);
        assert_eq!(held.stage, "import");
        assert_eq!(tx.retry_quarantined(Apart::All, at(2)).await.unwrap(), Retried { again: 0, imports: 1 });
        assert!(!tx.has_asked().await.unwrap());
        assert!(tx.drop_quarantined(held.id, "Admin Kominfo", at(3)).await.unwrap());
        assert!(!tx.drop_quarantined(held.id, "Admin Kominfo", at(4)).await.unwrap());
        let event = tx.events_after(EventId(0), 100).await.unwrap().pop().unwrap();
        assert_eq!((event.kind, event.actor.as_str()), (EventKind::ItemDropped, "Admin Kominfo"));
        tx.commit().await.unwrap();
        let again = NewPage { imported: true, ..bad("no date") };
        assert_eq!(world.store_page(again, at(5)).await.quarantined, 0);
        assert!(world.read().await.quarantined().await.unwrap().is_empty(), "what was dropped stays so");
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
            tx.retry_quarantined(Apart::Item(held.id), at(3)).await.unwrap();
        }
        let waiting = tx.take_waiting(10).await.unwrap();
        assert_eq!(waiting.len(), 2);
        tx.quarantine_message(&waiting[0], "no calendar", at(4)).await.unwrap();
        assert_eq!(tx.quarantined().await.unwrap().len(), 1, "set apart again");
        tx.commit().await.unwrap();
    }
}
