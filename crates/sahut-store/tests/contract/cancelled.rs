//! Callers that go away at any moment leave the database usable.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sahut_domain::Chance;
use sahut_store::StoreError;
use sahut_store::collect::NewPage;
use sahut_store::deliver::Answer;

use crate::support::{World, at, item, on_both};

/// Drives a future for a while and drops it, wherever it is then. Answers whether it came to its end.
async fn abandon<T>(future: impl Future<Output = T>, polls: u64) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(done);
        }
        tokio::time::sleep(std::time::Duration::from_micros(60)).await;
    }
    None
}

async fn write(world: &World, id: String) -> Result<(), StoreError> {
    let mut tx = world.db.begin().await?;
    tx.store_page(world.channel, NewPage { items: vec![item(&id, "ani")], ..NewPage::default() }, at(1))
        .await?;
    tx.commit().await
}

on_both! {
    async fn hundreds_of_cancelled_beginnings_leave_the_pool_usable(world: &World) {
        let chance = Chance::seeded(3);
        for _ in 0..400 {
            drop(abandon(world.db.begin(), chance.below(4)).await);
            drop(abandon(world.db.read(), chance.below(4)).await);
        }
        write(world, "m1".to_owned()).await.unwrap();
        assert!(world.read().await.has_waiting().await.unwrap());
    }

    async fn a_write_that_is_cancelled_anywhere_is_there_whole_or_not_at_all(world: &World) {
        let chance = Chance::seeded(5);
        let mut acknowledged = Vec::new();
        for n in 0..200 {
            let id = format!("m{n}");
            if let Some(done) = abandon(write(world, id.clone()), chance.below(120)).await {
                done.unwrap();
                acknowledged.push(id);
            }
        }
        write(world, "last".to_owned()).await.unwrap();
        acknowledged.push("last".to_owned());
        let mut tx = world.begin().await;
        let stored: Vec<String> = tx.take_waiting(1000).await.unwrap().into_iter().map(|m| m.external_id).collect();
        assert!(acknowledged.iter().all(|id| stored.contains(id)), "what was acknowledged is there");
        drop(tx);
        assert_eq!(world.count("SELECT COUNT(*) FROM message").await, i64::try_from(stored.len()).unwrap());
    }

    async fn a_dropped_transaction_gives_its_connection_back(world: &World) {
        for _ in 0..50 {
            let mut tx = world.begin().await;
            tx.touch(at(0)).await.unwrap();
            drop(tx);
        }
        for _ in 0..50 {
            let mut tx = world.begin().await;
            assert!(tx.store_secret("x", sahut_store::secrets::Sealed { key_id: String::new(), nonce: vec![], sealed: vec![] }, at(0)).await.is_ok());
            assert!(tx.queue_reply(sahut_domain::inquiry::InquiryNumber { year: 1, sequence: 1 }, Answer::new("", "", ""), at(0)).await.is_ok());
            drop(tx);
        }
        assert_eq!(world.count("SELECT COUNT(*) FROM secret").await, 0);
    }
}
