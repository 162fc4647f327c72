//! What people do about an inquiry besides answering it.

use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::reply::Intent;
use sahut_store::StoreError;
use sahut_store::deliver::Answer;

use crate::support::{World, at, item, on_both};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

on_both! {
    async fn what_is_in_hand_is_noted_until_a_moment_to_come(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let past = tx.acknowledge(FIRST, at(5), "", "Admin", at(10)).await;
        assert!(matches!(past, Err(StoreError::Unfit(_))), "{past:?}");
        let done = tx.acknowledge(FIRST, at(900), "menunggu teknisi", "Admin", at(10)).await.unwrap().unwrap();
        assert_eq!(done.inquiry, opened.id);
        let last = tx.events_of(opened.id).await.unwrap().pop().unwrap();
        assert_eq!((last.id, last.kind, last.actor.as_str()), (done.event, EventKind::InquiryAcknowledged, "Admin"));
        assert_eq!(last.data["note"], "menunggu teknisi");
        tx.answer_inquiry(opened.id, &done.office, at(20), "Admin", at(20)).await.unwrap();
        let answered = tx.acknowledge(FIRST, at(900), "", "Admin", at(30)).await;
        assert!(matches!(answered, Err(StoreError::Unfit(_))), "it owes nothing any more: {answered:?}");
        let missing = InquiryNumber { year: 2026, sequence: 99 };
        assert_eq!(tx.acknowledge(missing, at(900), "", "Admin", at(30)).await.unwrap(), None);
    }

    async fn more_time_is_asked_for_once_with_a_reason(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let due_at = tx.inquiry(FIRST).await.unwrap().unwrap().line.due_at;
        let later = due_at + jiff::SignedDuration::from_hours(72);
        for (until, reason) in [(due_at, "perlu survei"), (later, " ")] {
            let refused = tx.ask_time(FIRST, until, reason, "Admin", at(10)).await;
            assert!(matches!(refused, Err(StoreError::Unfit(_))), "{refused:?}");
        }
        let (_, done) = tx.ask_time(FIRST, later, "perlu survei", "Admin", at(10)).await.unwrap().unwrap();
        assert_eq!(done.inquiry, opened.id);
        let again = tx.ask_time(FIRST, later, "perlu survei", "Admin", at(11)).await;
        assert!(matches!(again, Err(StoreError::Unfit(_))), "{again:?}");
        let asked = tx.events_of(opened.id).await.unwrap().pop().unwrap();
        assert_eq!((asked.kind, asked.data["reason"].as_str()), (EventKind::ExtensionAsked, Some("perlu survei")));
    }

    async fn only_what_was_answered_is_settled(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let open = tx.close_as_settled(FIRST, "Admin", at(10)).await;
        assert!(matches!(open, Err(StoreError::Unfit(_))), "{open:?}");
        let note = tx.note(FIRST, "sudah ditelepon", "Admin", at(11)).await.unwrap().unwrap();
        tx.answer_inquiry(opened.id, &note.office, at(20), "Admin", at(20)).await.unwrap();
        tx.close_as_settled(FIRST, "Admin", at(30)).await.unwrap().unwrap();
        assert_eq!(tx.inquiry(FIRST).await.unwrap().unwrap().line.state, State::Closed);
        let twice = tx.close_as_settled(FIRST, "Admin", at(31)).await;
        assert!(matches!(twice, Err(StoreError::Unfit(_))), "{twice:?}");
        let back = tx.reopen(FIRST, "Admin", at(40)).await.unwrap().unwrap();
        assert_eq!(back.state, State::Answered, "a mistake is taken back");
    }

    async fn what_a_reply_is_meant_for_decides_where_its_inquiry_stands(world: &World) {
        for (name, intent, state) in [
            ("m1", Intent::Answer, State::Answered),
            ("m2", Intent::Progress, State::Answered),
            ("m3", Intent::Question, State::Waiting),
            ("m4", Intent::Receipt, State::Open),
        ] {
            let opened = world.inquiry(item(name, name)).await;
            let mut tx = world.begin().await;
            let answer = Answer { intent, ..Answer::new("baik", "Admin", name) };
            tx.answer_elsewhere(opened.number, answer, at(60)).await.unwrap();
            assert_eq!(tx.inquiry(opened.number).await.unwrap().unwrap().line.state, state, "{intent}");
            tx.commit().await.unwrap();
        }
    }

    async fn people_are_remembered_by_what_they_do(world: &World) {
        let mut tx = world.begin().await;
        tx.note_seen("a@dinkes.example", at(5)).await.unwrap();
        tx.note_act("a@dinkes.example", at(6)).await.unwrap();
        tx.note_act("nobody@dinkes.example", at(7)).await.unwrap();
        tx.commit().await.unwrap();
        let seen = world.count("SELECT COUNT(*) FROM person WHERE acted_at IS NOT NULL AND mail <> 'a@dinkes.example'").await;
        assert_eq!(seen, 0);
    }
}
