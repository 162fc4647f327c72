//! A few numbers that say how everything is.

use sahut_domain::work::Outcome;
use sahut_store::collect::NewPage;
use sahut_store::notify::NoticeEnd;
use sahut_store::status::Status;

use crate::support::{World, at, claim, item, on_both};

on_both! {
    async fn an_empty_database_owes_nothing(world: &World) {
        let status = world.read().await.status(at(-3600)).await.unwrap();
        assert_eq!(status, Status { channels_active: 2, ..Status::default() });
    }

    async fn every_number_is_what_stands_there(world: &World) {
        let (opened, _) = world.claimed_reply("sudah buka").await;
        world.owe(&opened, "a@x.example", true).await;
        world.owe(&opened, "b@x.example", false).await;
        let bad = vec![("x".to_owned(), "odd".to_owned(), b"1".to_vec())];
        world.store_page(NewPage { items: vec![item("m9", "budi")], bad, ..NewPage::default() }, at(2)).await;
        let held = world.read().await.held_messages("tg-dinkes").await.unwrap();
        assert_eq!(held, [("m1".to_owned(), false), ("m9".to_owned(), false)]);
        let mut tx = world.begin().await;
        tx.admit_delivery(world.other, "d1", b"{}", at(2)).await.unwrap();
        let notices = tx.claim_notices(&claim(at(2), at(10))).await.unwrap();
        let dead = NoticeEnd { outcome: Outcome::Dead { error: "550".to_owned() }, address_refused: false };
        tx.settle_notices(vec![(&notices[0], dead)], at(3)).await.unwrap();
        tx.commit().await.unwrap();
        let status = world.read().await.status(at(7300)).await.unwrap();
        let expected = Status {
            messages_waiting: 1,
            deliveries_due: 1,
            notices_due: 1,
            notices_dead: 1,
            replies_due: 1,
            quarantined: 1,
            inquiries_open: 1,
            inquiries_overdue: 1,
            inquiries: 1,
            messages: 2,
            channels_active: 2,
            oldest_due_seconds: 10_900,
            oldest_lease_seconds: 7290,
            ..Status::default()
        };
        assert_eq!(status, expected);
    }

    async fn a_write_proves_that_writing_works(world: &World) {
        let mut tx = world.begin().await;
        tx.touch(at(0)).await.unwrap();
        tx.touch(at(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM meta WHERE key = 'touched'").await, 1);
    }
}
