//! Messages become inquiries, join them, or are set aside.

use jiff::SignedDuration;
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{Kind, State};
use sahut_domain::message::{Item, Surface};
use sahut_store::StoreError;
use sahut_store::route::{Joining, Waiting};

use crate::support::{
    World, at, code, decision, item, new_inquiry, on_both, own, promise, somebody_waits, state_of,
};

fn joining(waiting: &Waiting, reopens: bool) -> Joining {
    let current = waiting.current.clone().unwrap();
    Joining {
        message: waiting.message,
        channel: waiting.channel,
        written_at: waiting.written_at,
        inquiry: current.id,
        office: current.office,
        decision: decision("dinkes", Kind::Complaint),
        reopens: reopens
            .then(|| (promise(waiting.written_at), waiting.written_at + SignedDuration::from_hours(1))),
        emergency: false,
        hastens: None,
    }
}

fn under(item: Item, parent: &str) -> Item {
    Item { parent: Some(parent.to_owned()), ..item }
}

on_both! {
    async fn inquiries_are_numbered_without_gaps_and_explained(world: &World) {
        world.store(vec![item("m1", "ani"), item("m2", "budi"), item("m3", "citra")], at(0)).await;
        let mut dropped = world.begin().await;
        let waiting = dropped.take_waiting(10).await.unwrap();
        dropped.open_inquiries(waiting.iter().map(new_inquiry).collect(), &world.chance, at(1)).await.unwrap();
        drop(dropped);
        // What is dropped is rolled back by its connection in its own time; until then PostgreSQL passes its rows over.
        let (mut tx, waiting) = loop {
            let mut tx = world.begin().await;
            let waiting = tx.take_waiting(2).await.unwrap();
            if waiting.len() == 2 {
                break (tx, waiting);
            }
        };
        let opened = tx.open_inquiries(waiting.iter().map(new_inquiry).collect(), &world.chance, at(1)).await.unwrap();
        let numbers: Vec<_> = opened.iter().map(|opened| opened.number.to_string()).collect();
        assert_eq!(numbers, ["K-2026-00001", "K-2026-00002"]);
        let rest = tx.take_waiting(10).await.unwrap();
        let mut next_year = new_inquiry(&rest[0]);
        next_year.year = 2027;
        let opened_then = tx.open_inquiries(vec![next_year], &world.chance, at(1)).await.unwrap();
        assert_eq!(opened_then[0].number.to_string(), "K-2027-00001");
        assert!(!tx.has_waiting().await.unwrap());
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened[0].number).await.unwrap().unwrap();
        assert_eq!(inquiry.decision, Some(decision("dinkes", Kind::Complaint)));
        assert_eq!(inquiry.promises[0].explanation, promise(at(0)));
        assert_eq!((inquiry.events[0].id, inquiry.events[0].kind), (opened[0].event, EventKind::InquiryOpened));
        assert_eq!(inquiry.events[0].data["number"], "K-2026-00001");
    }

    async fn two_inquiries_of_one_citizen_and_thread_are_refused(world: &World) {
        world.store(vec![item("m1", "ani"), item("m2", "ani")], at(0)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let both = waiting.iter().map(new_inquiry).collect();
        let refused = tx.open_inquiries(both, &world.chance, at(1)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }

    async fn messages_come_in_the_order_in_which_they_were_written(world: &World) {
        let late = Item { written_at: at(9), ..item("m1", "ani") };
        world.store(vec![late, item("m2", "ani"), item("m3", "ani")], at(10)).await;
        let order: Vec<_> = world.begin().await.take_waiting(10).await.unwrap().into_iter().map(|m| m.external_id).collect();
        assert_eq!(order, ["m2", "m3", "m1"]);
    }

    async fn a_message_joins_the_open_inquiry_and_opens_an_answered_one_again(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.store(vec![Item { written_at: at(60), ..item("m2", "ani") }, item("x1", "budi")], at(60)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let other = waiting.iter().find(|waiting| waiting.external_id == "x1").unwrap();
        assert_eq!(other.current, None, "somebody else's");
        let second = waiting.iter().find(|waiting| waiting.external_id == "m2").unwrap();
        let current = second.current.clone().unwrap();
        assert_eq!((current.id, current.state, current.kind), (opened.id, State::Open, Kind::Complaint));
        let event = tx.join_inquiry(&joining(second, false), at(61)).await.unwrap();
        assert!(tx.answer_inquiry(opened.id, &code("dinkes"), at(90), "Admin", at(91)).await.unwrap());
        assert!(!tx.answer_inquiry(opened.id, &code("dinkes"), at(95), "Admin", at(96)).await.unwrap(), "once");
        tx.commit().await.unwrap();
        assert_eq!(state_of(world, opened.id).await, "answered");

        world.store(vec![Item { written_at: at(120), ..item("m3", "ani") }], at(120)).await;
        let mut tx = world.begin().await;
        let third = tx.take_waiting(10).await.unwrap().pop().unwrap();
        assert_eq!(third.current.as_ref().map(|current| current.state), Some(State::Answered));
        tx.join_inquiry(&joining(&third, true), at(121)).await.unwrap();
        assert!(!tx.answer_inquiry(opened.id, &code("dinkes"), at(119), "Admin", at(122)).await.unwrap(), "older than the question");
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state, inquiry.line.due_at), (State::Open, at(120 + 7200)));
        let states: Vec<_> = inquiry.promises.iter().map(|promise| (promise.state.as_str(), promise.met_at)).collect();
        assert_eq!(states, [("met", Some(at(90))), ("running", None)]);
        let kinds: Vec<_> = inquiry.events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [
            EventKind::InquiryOpened, EventKind::InquiryContinued, EventKind::InquiryAnswered,
            EventKind::DeadlineMet, EventKind::InquiryReopened,
        ]);
        assert_eq!(inquiry.events[1].id, event);
        assert_eq!(inquiry.messages.len(), 3);
    }

    async fn what_needs_nobody_is_set_aside_with_its_reason(world: &World) {
        world.store(vec![item("m1", "ani"), own("o1", "halo")], at(0)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let (mine, theirs): (Vec<_>, Vec<_>) = waiting.iter().partition(|waiting| waiting.own);
        tx.set_aside(vec![(theirs[0], decision("dinkes", Kind::Thanks))], at(1)).await.unwrap();
        tx.set_aside(Vec::new(), at(1)).await.unwrap();
        tx.file_own(&[mine[0].message]).await.unwrap();
        tx.file_own(&[]).await.unwrap();
        assert!(!tx.has_waiting().await.unwrap());
        tx.commit().await.unwrap();
        let states = world.raw().await.texts("SELECT disposition FROM message ORDER BY disposition").await;
        assert_eq!(states, ["aside", "own"]);
        assert_eq!(world.count("SELECT COUNT(*) FROM decision WHERE kind = 'thanks'").await, 1);
    }

    async fn an_answer_on_the_platform_concerns_the_one_who_is_answered(world: &World) {
        let ani = world.inquiry(item("m1", "ani")).await;
        let budi = world.inquiry(item("m2", "budi")).await;
        world.store(vec![item("m3", "citra")], at(1)).await;
        let mut tx = world.begin().await;
        let thanks = tx.take_waiting(10).await.unwrap();
        tx.set_aside(vec![(&thanks[0], decision("dinkes", Kind::Thanks))], at(1)).await.unwrap();
        tx.commit().await.unwrap();
        world.store(vec![own("o1", "sudah"), under(own("o2", "besok"), "m2"), under(own("o3", "pagi"), "o2")], at(60)).await;
        let mut tx = world.begin().await;
        let said = tx.take_waiting(10).await.unwrap().remove(0);
        let mut meant = async |surface, parent: Option<&str>| {
            let own = Waiting { surface, parent: parent.map(str::to_owned), ..said.clone() };
            let found = tx.answered_by_own(&own).await.unwrap();
            found.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        assert_eq!(meant(Surface::Comment, Some("m2")).await, [budi.id]);
        assert_eq!(meant(Surface::Comment, Some("m3")).await, [], "thanks for thanks answers nobody's question");
        assert_eq!(meant(Surface::Comment, Some("o1")).await, [], "the office goes on talking to nobody");
        assert_eq!(meant(Surface::Comment, Some("o3")).await, [budi.id], "the office adds to its answer");
        assert_eq!(meant(Surface::Comment, None).await, []);
        assert_eq!(meant(Surface::Comment, Some("unread")).await, [], "whoever it is, it is not these");
        assert_eq!(meant(Surface::Direct, Some("m3")).await, []);
        assert_eq!(meant(Surface::Direct, Some("unread")).await, [ani.id, budi.id]);
        assert_eq!(meant(Surface::Direct, None).await, [ani.id, budi.id]);
        tx.answer_inquiry(budi.id, &code("dinkes"), at(60), "platform", at(61)).await.unwrap();
        let again = Waiting { parent: Some("m2".to_owned()), ..said };
        assert_eq!(tx.answered_by_own(&again).await.unwrap(), [], "answered before, and ani's is not");
        tx.commit().await.unwrap();
    }

    async fn two_workers_never_take_the_same_message(world: &World) {
        world.store((0..20).map(|n| item(&format!("m{n}"), &format!("w{n}"))).collect(), at(0)).await;
        let route = |db: sahut_store::Db, chance: sahut_domain::Chance| async move {
            let mut total = 0;
            loop {
                let mut tx = db.begin().await.unwrap();
                let waiting = tx.take_waiting(3).await.unwrap();
                if waiting.is_empty() {
                    return total;
                }
                total += waiting.len();
                tx.open_inquiries(waiting.iter().map(new_inquiry).collect(), &chance, at(1)).await.unwrap();
                tx.commit().await.unwrap();
            }
        };
        let (one, two) = tokio::join!(
            route(world.db.clone(), world.chance.clone()),
            route(world.db.clone(), world.chance.clone())
        );
        assert_eq!(one + two, 20);
        assert_eq!(world.count("SELECT COUNT(*) FROM inquiry").await, 20);
        assert_eq!(world.count("SELECT MAX(sequence) FROM inquiry").await, 20);
    }

    async fn a_follow_up_and_an_answer_that_meet_leave_no_question_open_unseen(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.store(vec![Item { written_at: at(60), ..item("m2", "ani") }], at(60)).await;
        let mut answering = world.begin().await;
        answering.answer_inquiry(opened.id, &code("dinkes"), at(50), "Admin", at(61)).await.unwrap();
        let routing = async {
            let mut tx = world.begin().await;
            let waiting = tx.take_waiting(10).await.unwrap().remove(0);
            let reopens = waiting.current.as_ref().is_some_and(|current| current.state == State::Answered);
            tx.join_inquiry(&joining(&waiting, reopens), at(62)).await.unwrap();
            tx.commit().await.unwrap();
            reopens
        };
        let answering = async {
            somebody_waits(world).await;
            answering.commit().await.unwrap();
        };
        let (reopened, ()) = tokio::join!(routing, answering);
        assert!(reopened, "the second worker waited and saw the answer");
        assert_eq!(state_of(world, opened.id).await, "open");
    }
}
