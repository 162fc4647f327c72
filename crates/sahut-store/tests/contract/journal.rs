//! The journal: added to, sealed, and never changed unnoticed.

use sahut_domain::event::{EventId, EventKind};
use sahut_store::journal::NewEvent;

use crate::support::{World, at, code, item, on_both};

async fn lines(world: &World, moments: &[i64]) {
    let mut tx = world.begin().await;
    for moment in moments {
        let event =
            NewEvent::new(EventKind::OutboxHeld, at(*moment)).with(serde_json::json!({ "n": moment }));
        tx.record_one(event, at(*moment)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn seal(world: &World, settled: i64) -> u64 {
    let mut tx = world.begin().await;
    let sealed = tx.seal_journal(at(settled), at(10_000)).await.unwrap();
    tx.commit().await.unwrap();
    sealed
}

on_both! {
    async fn a_line_keeps_everything_that_it_was_given(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let event = NewEvent::new(EventKind::InquiryClosed, at(5))
            .by("Admin Dinkes")
            .channel(world.channel)
            .inquiry(opened.id, &code("dinkes"))
            .with(serde_json::json!({ "why": "selesai" }));
        let id = tx.record_one(event, at(6)).await.unwrap();
        let line = tx.events_after(EventId(id.0 - 1), 10).await.unwrap().remove(0);
        assert_eq!((line.id, line.kind, line.at, line.recorded_at), (id, EventKind::InquiryClosed, at(5), at(6)));
        assert_eq!((line.actor.as_str(), line.office, line.channel), ("Admin Dinkes", Some(code("dinkes")), Some(world.channel)));
        assert_eq!((line.inquiry, line.message, line.data["why"].as_str()), (Some(opened.id), None, Some("selesai")));
        let of: Vec<_> = tx.events_of(opened.id).await.unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(of, [EventKind::InquiryOpened, EventKind::InquiryClosed]);
        assert!(tx.record(Vec::new(), at(7)).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }

    async fn seals_cover_what_is_settled_and_each_line_once(world: &World) {
        lines(world, &[0, 1, 5]).await;
        assert_eq!(seal(world, 1).await, 3, "with the line of the first configuration");
        assert_eq!(seal(world, 1).await, 0);
        lines(world, &[2, 9, 3]).await;
        assert_eq!(seal(world, 5).await, 2, "not past a line that is too young, though an older one stands above it");
        assert_eq!(seal(world, 9).await, 2);
        assert!(world.read().await.verify_journal().await.unwrap().is_empty());
    }

    async fn a_changed_a_removed_and_an_added_line_are_found(world: &World) {
        lines(world, &[0, 1, 2]).await;
        seal(world, 0).await;
        seal(world, 9).await;
        let mut raw = world.raw().await;
        let open = if raw.is_sqlite() {
            "DROP TRIGGER event_is_append_only_update; DROP TRIGGER event_is_append_only_delete"
        } else {
            "DROP TRIGGER event_is_append_only ON event"
        };
        raw.run(open).await.unwrap();
        let changes = [
            ("UPDATE event SET data = '{\"n\":7}' WHERE id = 3", "UPDATE event SET data = '{\"n\":1}' WHERE id = 3"),
            ("UPDATE event SET channel_id = 1 WHERE id = 3", "UPDATE event SET channel_id = NULL WHERE id = 3"),
            ("UPDATE event SET recorded_at = recorded_at + 1 WHERE id = 2", "UPDATE event SET recorded_at = recorded_at - 1 WHERE id = 2"),
            ("UPDATE event SET id = 99 WHERE id = 4", "UPDATE event SET id = 4 WHERE id = 99"),
        ];
        for (change, back) in changes {
            raw.run(change).await.unwrap();
            assert_eq!(world.read().await.verify_journal().await.unwrap().len(), 1, "{change}");
            raw.run(back).await.unwrap();
            assert!(world.read().await.verify_journal().await.unwrap().is_empty(), "{back}");
        }
        raw.run("DELETE FROM seal WHERE id = 1").await.unwrap();
        assert!(!world.read().await.verify_journal().await.unwrap().is_empty(), "a seal is missing");
    }

    async fn two_that_seal_at_once_seal_each_line_once(world: &World) {
        lines(world, &[0, 1, 2]).await;
        let task = |db: sahut_store::Db| async move {
            let mut tx = db.begin().await?;
            let sealed = tx.seal_journal(at(9), at(10)).await?;
            tx.commit().await?;
            Ok::<u64, sahut_store::StoreError>(sealed)
        };
        let (one, two) = tokio::join!(task(world.db.clone()), task(world.db.clone()));
        let sealed = one.unwrap_or(0) + two.unwrap_or(0);
        assert_eq!(sealed, 4);
        assert!(world.read().await.verify_journal().await.unwrap().is_empty());
    }
}
