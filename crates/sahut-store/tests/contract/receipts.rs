//! Receipts: counted, given once, and never taken for an answer.

use sahut_domain::event::EventKind;
use sahut_domain::inquiry::State;
use sahut_domain::message::CitizenId;
use sahut_domain::reply::Intent;
use sahut_store::receipts::NewReceipt;
use sahut_store::route::Opened;

use crate::support::{World, at, claim, code, item, on_both, own};

fn receipt(world: &World, opened: &Opened, message: i64) -> NewReceipt {
    NewReceipt {
        inquiry: opened.id,
        office: code("dinkes"),
        channel: world.channel,
        message: sahut_domain::message::MessageId(message),
        text: format!("kode {}", opened.public_code.spoken()),
    }
}

on_both! {
    async fn a_receipt_leaves_like_a_reply_is_given_once_and_answers_nothing(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.queue_receipts(vec![receipt(world, &opened, 1)], at(5)).await.unwrap();
        assert_eq!(tx.receipts_under(world.channel, "p1").await.unwrap(), 1);
        assert_eq!(tx.receipts_under(world.channel, "p2").await.unwrap(), 0);
        assert_eq!(tx.receipts_since(world.channel, at(4)).await.unwrap(), [(CitizenId(1), 1)].into());
        assert!(tx.receipts_since(world.channel, at(5)).await.unwrap().is_empty());
        tx.commit().await.unwrap();
        let again = world.begin().await.queue_receipts(vec![receipt(world, &opened, 1)], at(6)).await;
        assert!(again.is_err(), "a second one is refused");

        let mut tx = world.begin().await;
        let work = tx.claim_replies(&claim(at(6), at(200))).await.unwrap().remove(0);
        assert_eq!((work.intent, work.author.as_str()), (Intent::Receipt, "sahut"));
        tx.begin_sending(&work, at(200), at(7)).await.unwrap();
        assert!(tx.settle_sent(&work, Some("r1"), None, at(8), at(8)).await.unwrap());
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state, inquiry.line.answered_at), (State::Open, None));
        assert_eq!(inquiry.events.last().unwrap().kind, EventKind::ReplySent);
        let channel = world.read().await.channels().await.unwrap().remove(0);
        assert_eq!(channel.own_at, None, "the office itself has written nothing");
    }

    async fn a_receipt_that_was_read_before_its_message_is_no_answer(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.queue_receipts(vec![receipt(world, &opened, 1)], at(5)).await.unwrap();
        let work = tx.claim_replies(&claim(at(6), at(200))).await.unwrap().remove(0);
        tx.begin_sending(&work, at(200), at(7)).await.unwrap();
        tx.settle_sent(&work, Some("r1"), None, at(8), at(8)).await.unwrap();
        tx.commit().await.unwrap();
        let message = sahut_domain::message::MessageId(1);
        assert!(world.begin().await.answers_read_before(vec![message]).await.unwrap().is_empty());
        let by_hand = sahut_domain::message::Item { parent: Some("m1".to_owned()), ..own("o1", "sudah buka") };
        world.store(vec![by_hand], at(20)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        tx.file_own(&[waiting[0].message]).await.unwrap();
        assert_eq!(tx.answers_read_before(vec![message]).await.unwrap().len(), 1, "what a person writes is one");
    }
}
