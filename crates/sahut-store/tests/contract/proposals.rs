//! Answers that wait for approval are decided on once.

use sahut_domain::event::EventKind;
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::letter::{ProposalId, ProposalState};
use sahut_domain::reply::Intent;
use sahut_store::StoreError;
use sahut_store::deliver::Answer;

use crate::support::{World, at, item, on_both};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

on_both! {
    async fn a_proposal_waits_and_is_decided_on_once(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let answer = Answer { intent: Intent::Question, ..Answer::new("Di mana?", "Admin", "k1") };
        let (id, done) = tx.propose(FIRST, answer, "a@x.example", at(5)).await.unwrap().unwrap();
        assert_eq!(done.inquiry, opened.id);
        let twice = tx.propose(FIRST, answer, "a@x.example", at(6)).await;
        assert!(matches!(twice, Err(StoreError::Unfit(_))), "{twice:?}");
        let missing = InquiryNumber { year: 2026, sequence: 99 };
        assert!(tx.propose(missing, answer, "a@x.example", at(6)).await.unwrap().is_none());
        let waiting = tx.waiting_proposals().await.unwrap();
        assert_eq!(waiting.len(), 1);
        let kept = waiting[0].answer();
        assert_eq!((waiting[0].id, kept.text, kept.intent, kept.key), (id, "Di mana?", Intent::Question, "k1"));
        assert_eq!(tx.status(at(6)).await.unwrap().proposals_waiting, 1);
        let (approved, event) =
            tx.decide_proposal(id, ProposalState::Approved, None, "Kepala", at(7)).await.unwrap().unwrap();
        assert_eq!((approved.state, approved.number), (ProposalState::Approved, FIRST));
        let again = tx.decide_proposal(id, ProposalState::Returned, Some("x"), "Kepala", at(8)).await.unwrap();
        assert!(again.is_none(), "{again:?}");
        let last = tx.events_of(opened.id).await.unwrap().pop().unwrap();
        assert_eq!((last.id, last.kind, last.actor.as_str()), (event, EventKind::ReplyApproved, "Kepala"));
        assert!(tx.waiting_proposals().await.unwrap().is_empty());
        assert!(tx.proposal(ProposalId(99)).await.unwrap().is_none());
    }

    async fn what_is_returned_says_why(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let answer = Answer::new("Bukan urusan kami", "Admin", "k1");
        let (id, done) = tx.propose(FIRST, answer, "a@x.example", at(5)).await.unwrap().unwrap();
        let returned = tx.decide_proposal(id, ProposalState::Returned, Some("kurang sopan"), "Kepala", at(7)).await;
        assert_eq!(returned.unwrap().unwrap().0.reason.as_deref(), Some("kurang sopan"));
        let last = tx.events_of(done.inquiry).await.unwrap().pop().unwrap();
        assert_eq!((last.kind, last.data["named"].as_str()), (EventKind::ReplyReturned, Some("Kepala: kurang sopan")));
    }
}
