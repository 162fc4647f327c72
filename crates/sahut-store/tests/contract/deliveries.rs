//! Deliveries: kept before they are answered, read once.

use sahut_domain::work::Outcome;
use sahut_store::quarantine::Apart;

use crate::support::{World, at, claim, on_both};

on_both! {
    async fn a_repeated_delivery_is_kept_once(world: &World) {
        let mut tx = world.begin().await;
        assert!(tx.admit_delivery(world.other, "d1", b"{}", at(0)).await.unwrap());
        assert!(!tx.admit_delivery(world.other, "d1", b"{}", at(1)).await.unwrap());
        assert!(tx.admit_delivery(world.channel, "d1", b"{}", at(1)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM delivery").await, 2);
    }

    async fn deliveries_are_read_in_their_order_and_settled_once(world: &World) {
        let mut tx = world.begin().await;
        assert!(!tx.has_due_deliveries(at(9)).await.unwrap());
        for (key, moment) in [("late", 5), ("early", 1)] {
            tx.admit_delivery(world.other, key, key.as_bytes(), at(moment)).await.unwrap();
        }
        assert!(tx.has_due_deliveries(at(9)).await.unwrap());
        let claimed = tx.claim_deliveries(&claim(at(9), at(60))).await.unwrap();
        let bodies: Vec<_> = claimed.iter().map(|work| (work.body.as_slice(), work.received_at)).collect();
        assert_eq!(bodies, [(&b"early"[..], at(1)), (&b"late"[..], at(5))]);
        assert_eq!((claimed[0].channel, claimed[0].lease.attempt), (world.other, 1));
        assert!(tx.settle_delivery(&claimed[0], &Outcome::Done, at(10)).await.unwrap());
        assert!(!tx.settle_delivery(&claimed[0], &Outcome::Done, at(11)).await.unwrap());
        let again = Outcome::Again { at: at(100), error: "later".to_owned() };
        assert!(tx.settle_delivery(&claimed[1], &again, at(12)).await.unwrap());
        assert!(tx.claim_deliveries(&claim(at(99), at(160))).await.unwrap().is_empty());
        assert_eq!(tx.claim_deliveries(&claim(at(100), at(160))).await.unwrap()[0].lease.attempt, 2);
        tx.commit().await.unwrap();
    }

    async fn what_nobody_can_read_is_set_apart_and_may_be_read_again(world: &World) {
        let mut tx = world.begin().await;
        tx.admit_delivery(world.other, "d1", b"?", at(0)).await.unwrap();
        let stale = tx.claim_deliveries(&claim(at(0), at(10))).await.unwrap().remove(0);
        let work = tx.claim_deliveries(&claim(at(10), at(20))).await.unwrap().remove(0);
        let dead = Outcome::Dead { error: "not JSON".to_owned() };
        assert!(!tx.settle_delivery(&stale, &dead, at(11)).await.unwrap());
        assert!(tx.quarantined().await.unwrap().is_empty(), "a lost lease sets nothing apart");
        assert!(tx.settle_delivery(&work, &dead, at(11)).await.unwrap());
        let held = tx.quarantined().await.unwrap().remove(0);
        assert_eq!((held.stage.as_str(), held.bytes, held.channel.as_str()), ("delivery", 1, "hook-kominfo"));
        tx.retry_quarantined(Apart::Stage("delivery"), at(12)).await.unwrap();
        assert!(tx.quarantined().await.unwrap().is_empty());
        let work = tx.claim_deliveries(&claim(at(12), at(20))).await.unwrap().remove(0);
        assert!(tx.settle_delivery(&work, &dead, at(13)).await.unwrap());
        assert_eq!(tx.quarantined().await.unwrap().len(), 1, "it failed again");
        tx.commit().await.unwrap();
    }

    async fn payloads_and_read_deliveries_go_when_their_time_is_over(world: &World) {
        world.store(vec![crate::support::item("m1", "ani")], at(0)).await;
        let mut tx = world.begin().await;
        for key in ["read", "waiting"] {
            tx.admit_delivery(world.other, key, b"{}", at(0)).await.unwrap();
        }
        let work = tx.claim_deliveries(&claim(at(0), at(10))).await.unwrap().remove(0);
        tx.settle_delivery(&work, &Outcome::Done, at(1)).await.unwrap();
        assert_eq!(tx.drop_payloads(at(0)).await.unwrap(), 0);
        assert_eq!(tx.drop_payloads(at(1)).await.unwrap(), 2);
        assert_eq!(tx.drop_payloads(at(1)).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM delivery").await, 1, "what is not read yet stays");
    }
}
