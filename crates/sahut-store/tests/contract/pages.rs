//! Pages: stored once, whatever the platform repeats.

use std::collections::HashMap;

use jiff::Timestamp;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::message::{Attachment, Author, Item, Post, Visibility};
use sahut_store::collect::{NewPage, Stored};

use crate::support::{World, at, code, item, on_both, own};

fn stored(new: usize, changed: usize, known: usize) -> Stored {
    Stored { new, changed, known, ..Stored::default() }
}

async fn kinds(world: &World) -> Vec<EventKind> {
    let events = world.read().await.events_after(EventId(0), 1000).await.unwrap();
    events
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| *kind != EventKind::ConfigurationApplied)
        .collect()
}

on_both! {
    async fn the_same_page_again_changes_nothing(world: &World) {
        let page = || vec![item("m1", "ani"), item("m2", "budi"), own("o1", "halo"), item("m1", "ani")];
        assert_eq!(world.store(page(), at(1)).await, stored(3, 0, 1));
        assert_eq!(world.store(page(), at(2)).await, stored(0, 0, 4));
        assert_eq!(world.count("SELECT COUNT(*) FROM citizen").await, 2);
        assert_eq!(world.count("SELECT COUNT(*) FROM thread").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM payload").await, 1);
        assert_eq!(kinds(world).await, []);
        assert!(world.read().await.has_waiting().await.unwrap());
    }

    async fn everything_that_the_platform_said_is_kept(world: &World) {
        let attachment = Attachment {
            media_type: "image/jpeg".to_owned(),
            name: Some("jalan.jpg".to_owned()),
            bytes: Some(7),
            reference: Some("file:1".to_owned()),
            content: Some(vec![255; 7]),
        };
        let full = Item {
            parent: Some("m0".to_owned()),
            subject: Some("Jalan rusak".to_owned()),
            edited_at: Some(at(-10)),
            visibility: Visibility::Held,
            permalink: Some("https://example.com/1".to_owned()),
            attachments: vec![attachment],
            text: "jalan 🛣️ rusak\n\0 sekali".to_owned(),
            ..item("m1", "ani")
        };
        let page = NewPage { items: vec![full], given: HashMap::from([("m1".to_owned(), code("kominfo"))]), ..NewPage::default() };
        world.store_page(page, at(1)).await;
        let kept = world.raw().await.texts("SELECT attachments FROM message").await.remove(0);
        assert!(kept.contains("jalan.jpg") && !kept.contains("255"), "its content is in the payload: {kept}");
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap().remove(0);
        assert_eq!(waiting.text, "jalan 🛣️ rusak\n\u{FFFD} sekali", "no database keeps NUL");
        assert_eq!((waiting.subject.as_deref(), waiting.parent.as_deref()), (Some("Jalan rusak"), Some("m0")));
        assert_eq!((waiting.written_at, waiting.has_attachments, waiting.own), (at(0), true, false));
        assert_eq!((waiting.given_office, waiting.owner, waiting.history), (Some(code("kominfo")), code("dinkes"), false));
        assert_eq!((waiting.channel, waiting.external_id.as_str(), waiting.current), (world.channel, "m1", None));
    }

    async fn an_edit_keeps_what_was_said_before(world: &World) {
        world.store(vec![item("m1", "ani")], at(1)).await;
        let edited = Item { text: "sudah buka".to_owned(), edited_at: Some(at(50)), ..item("m1", "ani") };
        assert_eq!(world.store(vec![edited.clone()], at(60)).await, stored(0, 1, 0));
        assert_eq!(world.store(vec![edited], at(61)).await, stored(0, 0, 1));
        let older = Item { edited_at: Some(at(40)), text: "entah".to_owned(), ..item("m1", "ani") };
        assert_eq!(world.store(vec![older], at(62)).await, stored(0, 0, 1), "an older version that came late");
        assert_eq!(world.count("SELECT COUNT(*) FROM message WHERE text = 'sudah buka'").await, 1);
        assert_eq!(world.count("SELECT COUNT(*) FROM message_revision WHERE text = 'puskesmas tutup? m1'").await, 1);
        assert_eq!(kinds(world).await, [EventKind::MessageEdited]);
    }

    async fn what_is_deleted_keeps_its_words(world: &World) {
        world.store(vec![item("m1", "ani"), item("m2", "ani")], at(1)).await;
        let delete = || NewPage { deleted: vec!["m1".to_owned(), "unknown".to_owned()], ..NewPage::default() };
        assert_eq!(world.store_page(delete(), at(2)).await, stored(0, 1, 0));
        assert_eq!(world.store_page(delete(), at(3)).await, stored(0, 0, 0));
        let shown_deleted = |id| Item { text: String::new(), visibility: Visibility::Deleted, ..item(id, "ani") };
        assert_eq!(world.store(vec![shown_deleted("m1"), shown_deleted("m2")], at(4)).await, stored(0, 1, 1));
        assert_eq!(world.count("SELECT COUNT(*) FROM message WHERE visibility = 'deleted' AND text LIKE 'puskesmas%'").await, 2);
        assert_eq!(kinds(world).await, [EventKind::MessageDeleted, EventKind::MessageDeleted]);
        assert_eq!(world.store(vec![item("m1", "ani")], at(5)).await, stored(0, 1, 0), "shown again");
        assert_eq!(world.count("SELECT COUNT(*) FROM message WHERE visibility = 'shown'").await, 1);
    }

    async fn a_change_is_told_of_with_its_inquiry(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.store(vec![Item { text: "lain".to_owned(), ..item("m1", "ani") }], at(9)).await;
        let events = world.read().await.events_of(opened.id).await.unwrap();
        let edit = events.iter().find(|event| event.kind == EventKind::MessageEdited).unwrap();
        assert_eq!((edit.office.clone(), edit.at, edit.inquiry), (Some(code("dinkes")), at(9), Some(opened.id)));
    }

    async fn people_whom_the_platform_hides_are_not_taken_for_one(world: &World) {
        let hidden = |id| Item { author: Author::default(), ..item(id, "?") };
        world.store(vec![hidden("m1"), hidden("m2")], at(1)).await;
        assert_eq!(world.count("SELECT COUNT(*) FROM citizen").await, 2);
    }

    async fn machines_are_kept_and_never_routed(world: &World) {
        world.store(vec![Item { automatic: true, ..item("m1", "robot") }], at(1)).await;
        assert!(!world.read().await.has_waiting().await.unwrap());
        assert_eq!(world.count("SELECT COUNT(*) FROM message WHERE disposition = 'automatic'").await, 1);
    }

    async fn one_bad_item_does_not_keep_its_neighbours(world: &World) {
        let bad = || (String::from("x1"), String::from("no date"), b"{}".to_vec());
        let nameless = Item { external_id: "\0".to_owned(), ..item("m", "ani") };
        let empty = Item { external_id: String::new(), ..item("m", "ani") };
        let adrift = Item { external_id: "m7".to_owned(), thread: sahut_domain::message::ThreadKey {
            external_id: String::new(), ..item("m", "a").thread }, ..item("m", "ani") };
        let with_nul = Item { external_id: "a\0b".to_owned(), author: Author { handle: Some("x\0".to_owned()), ..Author::default() }, ..item("m", "ani") };
        let page = || NewPage {
            items: vec![empty.clone(), item("m1", "ani"), adrift.clone(), with_nul.clone(), nameless.clone()],
            bad: vec![bad(), (String::new(), "odd".to_owned(), b"1".to_vec())],
            posts: vec![Post { external_id: String::new(), text: String::new(), published_at: at(0), permalink: None }],
            ..NewPage::default()
        };
        let first = world.store_page(page(), at(1)).await;
        assert_eq!((first.new, first.quarantined), (3, 4), "NUL is replaced, what has no name is set apart");
        let again = world.store_page(page(), at(2)).await;
        assert_eq!((again.new, again.known, again.quarantined), (0, 3, 0));
        assert_eq!(world.read().await.quarantined().await.unwrap().len(), 4);
    }

    async fn posts_are_kept_and_say_that_the_channel_is_alive(world: &World) {
        let post = |text: &str, published_at| Post { external_id: "p1".to_owned(), text: text.to_owned(), published_at, permalink: None };
        let page = |text: &str| NewPage { posts: vec![post(text, at(5)), post(text, at(5))], ..NewPage::default() };
        world.store_page(page("Posyandu"), at(6)).await;
        world.store_page(page("Posyandu Selasa"), at(7)).await;
        assert_eq!(world.raw().await.texts("SELECT text FROM post").await, ["Posyandu Selasa"]);
        assert_eq!(world.read().await.channel("tg-dinkes").await.unwrap().unwrap().own_at, Some(at(5)));
    }

    async fn two_channels_may_use_the_same_identifiers(world: &World) {
        world.store(vec![item("m1", "ani")], at(1)).await;
        let mut tx = world.begin().await;
        let page = NewPage { items: vec![item("m1", "ani")], ..NewPage::default() };
        assert_eq!(tx.store_page(world.other, page, at(1)).await.unwrap().new, 1);
        tx.commit().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM citizen").await, 2);
    }

    async fn a_large_page_is_stored_whole(world: &World) {
        let items: Vec<Item> = (0..1500).map(|n| item(&format!("m{n}"), &format!("w{}", n % 700))).collect();
        assert_eq!(world.store(items.clone(), at(1)).await, stored(1500, 0, 0));
        assert_eq!(world.store(items, at(2)).await, stored(0, 0, 1500));
        assert_eq!(world.count("SELECT COUNT(DISTINCT payload_index) FROM message").await, 1500);
    }

    async fn an_open_transaction_is_not_seen_and_a_dropped_one_never_was(world: &World) {
        let mut tx = world.begin().await;
        tx.store_page(world.channel, NewPage { items: vec![item("m1", "ani")], ..NewPage::default() }, at(1)).await.unwrap();
        assert!(!world.read().await.has_waiting().await.unwrap());
        drop(tx);
        let mut snapshot = world.read().await;
        assert!(!snapshot.has_waiting().await.unwrap());
        world.store(vec![item("m1", "ani")], at(1)).await;
        assert!(!snapshot.has_waiting().await.unwrap(), "a snapshot sees one moment");
        assert!(snapshot.touch(Timestamp::UNIX_EPOCH).await.is_err(), "and does not write");
        assert!(world.read().await.has_waiting().await.unwrap());
    }
}
