//! People put right what was decided, and it becomes a lesson.

use sahut_domain::decision::{Basis, Decision, Learned};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryNumber, Kind, State};
use sahut_domain::message::{Item, MessageId};
use sahut_store::StoreError;
use sahut_store::configuration::NewRevision;
use sahut_store::history::People;
use sahut_store::learn::NewModel;
use sahut_store::route::NewInquiry;

use crate::support::{World, at, code, decision, item, new_inquiry, on_both, own, revision};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

fn model(refused: Option<&str>) -> NewModel {
    NewModel {
        revision: 1,
        corrections: 25,
        lessons: 40,
        right: 30,
        rules_right: 20,
        refused: refused.map(str::to_owned),
        body: vec![1, 2, 3],
    }
}

on_both! {
    async fn a_handover_moves_the_clock_and_teaches(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let given = tx.hand_over(FIRST, &code("kominfo"), "bukan urusan kami", "Admin", at(600)).await.unwrap().unwrap();
        assert_eq!((given.inquiry, &given.from, given.state), (opened.id, &code("dinkes"), State::Open));
        assert_eq!(tx.lesson_count().await.unwrap(), 1);
        let lessons = tx.lessons(10).await.unwrap();
        assert_eq!((lessons[0].seat.as_deref(), lessons[0].needed), (Some("kominfo"), true));
        let inquiry = tx.inquiry(FIRST).await.unwrap().unwrap();
        assert_eq!((inquiry.line.office, inquiry.line.triage), (code("kominfo"), false));
        let last = inquiry.events.last().unwrap();
        assert_eq!((last.id, last.kind), (given.event, EventKind::InquiryHandedOver));
        assert_eq!(last.data["from"], "dinkes");
        assert!(tx.answer_inquiry(opened.id, &code("kominfo"), at(700), "Admin", at(700)).await.unwrap());
        let unknown = tx.hand_over(FIRST, &code("lain"), "", "Admin", at(800)).await;
        assert!(matches!(unknown, Err(StoreError::Unfit(_))), "{unknown:?}");
        let missing = InquiryNumber { year: 2026, sequence: 99 };
        assert_eq!(tx.hand_over(missing, &code("kominfo"), "", "Admin", at(800)).await.unwrap(), None);
    }

    async fn an_answer_confirms_the_office_for_the_message_that_began_it(world: &World) {
        let later = Item { written_at: at(9), text: "kapan?".to_owned(), ..item("m2", "ani") };
        world.store(vec![later, item("m1", "ani")], at(10)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let first = waiting.iter().find(|waiting| waiting.external_id == "m1").unwrap();
        let follow = waiting.iter().find(|waiting| waiting.external_id == "m2").unwrap();
        let opened = tx.open_inquiries(vec![new_inquiry(first)], &world.chance, at(0)).await.unwrap().remove(0);
        tx.commit().await.unwrap();
        world.raw().await.run(&format!(
            "UPDATE message SET inquiry_id = {}, disposition = 'inquiry' WHERE id = {}", opened.id, follow.message
        )).await.unwrap();
        let mut tx = world.begin().await;
        tx.answer_inquiry(opened.id, &code("dinkes"), at(20), "Admin", at(20)).await.unwrap();
        let lessons = tx.lessons(10).await.unwrap();
        assert_eq!(lessons.len(), 1);
        assert_eq!((lessons[0].text.as_str(), lessons[0].seat.as_deref()), ("puskesmas tutup? m1", Some("dinkes")));
    }

    async fn an_answer_confirms_nothing_where_danger_chose_the_office(world: &World) {
        world.store(vec![item("m1", "ani")], at(0)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let new = new_inquiry(&waiting[0]);
        let decision = Decision { basis: Basis::Emergency, ..new.decision.clone() };
        let new = NewInquiry { decision, ..new };
        let opened = tx.open_inquiries(vec![new], &world.chance, at(0)).await.unwrap().remove(0);
        tx.answer_inquiry(opened.id, &code("dinkes"), at(5), "Admin", at(5)).await.unwrap();
        assert!(tx.lessons(10).await.unwrap().is_empty());
    }

    async fn talk_is_closed_without_a_promise_and_teaches(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        assert_eq!(tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap(), Some(opened.id));
        assert!(matches!(tx.close_as_talk(FIRST, "Admin", at(11)).await, Err(StoreError::Unfit(_))));
        assert!(matches!(tx.hand_over(FIRST, &code("kominfo"), "", "Admin", at(11)).await, Err(StoreError::Unfit(_))));
        let lesson = tx.lessons(10).await.unwrap().remove(0);
        assert_eq!((lesson.seat, lesson.needed), (None, false));
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(FIRST).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state, inquiry.line.kind), (State::Closed, Kind::Noise));
        assert!(world.begin().await.take_due_deadlines(at(1_000_000), 10).await.unwrap().is_empty());
    }

    async fn confirming_an_office_is_no_handover(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let given = tx.hand_over(FIRST, &code("dinkes"), "benar", "Admin", at(600)).await.unwrap().unwrap();
        assert_eq!(given.from, code("dinkes"));
        let events = tx.events_of(opened.id).await.unwrap();
        assert_eq!(events.last().unwrap().kind, EventKind::InquiryConfirmed);
        assert!(events.iter().all(|event| event.kind != EventKind::InquiryHandedOver));
        let lesson = tx.lessons(10).await.unwrap().remove(0);
        assert_eq!((lesson.seat.as_deref(), lesson.needed), (Some("dinkes"), true));
    }

    async fn a_closing_is_taken_back_with_its_promise_and_its_lesson(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let before = world.read().await.inquiry(FIRST).await.unwrap().unwrap();
        let mut tx = world.begin().await;
        assert!(matches!(tx.reopen(FIRST, "Admin", at(10)).await, Err(StoreError::Unfit(_))), "it is open");
        tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.begin().await;
        let reopened = tx.reopen(FIRST, "Sekda", at(20)).await.unwrap().unwrap();
        assert_eq!((reopened.inquiry, &reopened.office, reopened.state), (opened.id, &code("dinkes"), State::Open));
        assert!(tx.lessons(10).await.unwrap().is_empty(), "the lesson is withdrawn");
        tx.commit().await.unwrap();
        let after = world.read().await.inquiry(FIRST).await.unwrap().unwrap();
        assert_eq!((after.line.state, after.line.kind, after.line.due_at),
            (before.line.state, before.line.kind, before.line.due_at));
        assert_eq!(after.events.last().unwrap().kind, EventKind::InquiryRestored);
        let mut tx = world.begin().await;
        let due = tx.take_due_deadlines(at(1_000_000), 10).await.unwrap();
        assert_eq!(due.len(), 1, "the promise runs on and is noticed when it is missed");
        let missing = InquiryNumber { year: 2026, sequence: 99 };
        assert_eq!(tx.reopen(missing, "Admin", at(30)).await.unwrap(), None);
    }

    async fn what_was_taught_before_a_mistaken_closing_is_taught_again(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.hand_over(FIRST, &code("kominfo"), "", "Admin", at(5)).await.unwrap();
        tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap();
        assert!(!tx.lessons(10).await.unwrap()[0].needed);
        tx.reopen(FIRST, "Admin", at(20)).await.unwrap().unwrap();
        let lesson = tx.lessons(10).await.unwrap().remove(0);
        assert_eq!((lesson.seat.as_deref(), lesson.needed, lesson.at), (Some("kominfo"), true, at(5)));
    }

    async fn an_answer_that_was_given_while_it_was_closed_counts(world: &World) {
        let (opened, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        tx.close_as_talk(FIRST, "Admin", at(70)).await.unwrap();
        assert!(tx.begin_sending(&work, at(120), at(75)).await.unwrap());
        assert!(tx.settle_sent(&work, None, None, at(80), at(80)).await.unwrap());
        let reopened = tx.reopen(FIRST, "Admin", at(90)).await.unwrap().unwrap();
        assert_eq!((reopened.inquiry, reopened.state), (opened.id, State::Answered));
        let inquiry = tx.inquiry(FIRST).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state, inquiry.line.answered_at), (State::Answered, Some(at(80))));
        assert_eq!(inquiry.promises[0].met_at, Some(at(80)));
    }

    async fn a_comment_of_the_office_counts_that_was_read_while_it_was_closed(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap();
        tx.commit().await.unwrap();
        let comment = Item { parent: Some("m1".to_owned()), written_at: at(15), ..own("o1", "sudah buka") };
        world.store(vec![comment], at(20)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap().remove(0);
        assert!(tx.answered_by_own(&waiting).await.unwrap().is_empty(), "it is closed");
        tx.file_own(&[waiting.message]).await.unwrap();
        assert_eq!(tx.reopen(FIRST, "Admin", at(30)).await.unwrap().unwrap().state, State::Answered);
        assert_eq!(tx.inquiry(FIRST).await.unwrap().unwrap().promises[0].met_at, Some(at(15)));
    }

    async fn no_inquiry_is_reopened_at_an_office_that_is_retired(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap();
        let set = revision("second");
        let without = |code: &str| code != "dinkes";
        let offices = set.offices.into_iter().filter(|office| without(office.code.as_str())).collect();
        let channels = set.channels.into_iter().filter(|channel| without(channel.office.as_str())).collect();
        tx.apply(NewRevision { offices, channels, ..set }, "test", at(15)).await.unwrap();
        let refused = tx.reopen(FIRST, "Admin", at(20)).await;
        assert!(matches!(&refused, Err(StoreError::Unfit(why)) if why.contains("dinkes")), "{refused:?}");
    }

    async fn an_answered_inquiry_is_answered_again_when_its_closing_is_taken_back(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.answer_inquiry(opened.id, &code("dinkes"), at(5), "Admin", at(5)).await.unwrap();
        tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap();
        let reopened = tx.reopen(FIRST, "Admin", at(20)).await.unwrap().unwrap();
        assert_eq!(reopened.state, State::Answered);
        tx.commit().await.unwrap();
        assert!(world.begin().await.take_due_deadlines(at(1_000_000), 10).await.unwrap().is_empty());
    }

    async fn a_closing_stands_once_its_citizen_has_begun_anew(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.close_as_talk(FIRST, "Admin", at(10)).await.unwrap();
        tx.commit().await.unwrap();
        world.inquiry(item("m2", "ani")).await;
        let refused = world.begin().await.reopen(FIRST, "Admin", at(20)).await;
        assert!(
            matches!(&refused, Err(StoreError::Unfit(why)) if why.contains("K-2026-00002")),
            "{refused:?}"
        );
    }

    async fn what_is_brought_back_is_routed_again_and_teaches(world: &World) {
        world.store(vec![item("m1", "ani")], at(0)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        tx.set_aside(vec![(&waiting[0], decision("dinkes", Kind::Noise))], at(1)).await.unwrap();
        let aside = tx.set_asides(None, 10).await.unwrap();
        assert_eq!((aside.len(), aside[0].decision.kind), (1, Kind::Noise));
        let past = tx.past_asides(None, at(-1_000_000), 10).await.unwrap();
        assert_eq!((past.len(), past[0].message, &past[0].decision), (1, aside[0].message, &aside[0].decision));
        assert!(tx.past_asides(Some(past[0].message), at(-1_000_000), 10).await.unwrap().is_empty());
        assert!(tx.past_asides(None, at(1_000_000), 10).await.unwrap().is_empty());
        assert!(tx.set_asides(Some(aside[0].message), 10).await.unwrap().is_empty());
        assert_eq!(tx.count_set_aside().await.unwrap(), 1);
        assert!(tx.bring_back(aside[0].message, "Admin", at(2)).await.unwrap());
        assert!(!tx.bring_back(aside[0].message, "Admin", at(3)).await.unwrap(), "once");
        assert!(!tx.bring_back(MessageId(999), "Admin", at(3)).await.unwrap());
        let again = tx.take_waiting(10).await.unwrap();
        assert!(again[0].brought_back && !waiting[0].brought_back);
        let new = crate::support::new_inquiry(&again[0]);
        tx.open_inquiries(vec![new], &world.chance, at(4)).await.unwrap();
        let lesson = tx.lessons(10).await.unwrap().remove(0);
        assert_eq!((lesson.seat, lesson.needed), (None, true));
    }

    async fn an_answer_without_a_handover_confirms_the_office(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        assert!(tx.lessons(10).await.unwrap().is_empty());
        tx.answer_inquiry(opened.id, &code("dinkes"), at(700), "Admin", at(700)).await.unwrap();
        let lesson = tx.lessons(10).await.unwrap().remove(0);
        assert_eq!((lesson.seat.as_deref(), lesson.needed), (Some("dinkes"), true));
    }

    async fn what_was_decided_is_read_again_with_what_people_say(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let second = world.inquiry(item("m2", "budi")).await;
        let mut tx = world.begin().await;
        tx.hand_over(FIRST, &code("kominfo"), "", "Admin", at(600)).await.unwrap();
        let past = tx.past_inquiries(None, at(-1_000_000), 10).await.unwrap();
        let people: Vec<_> = past.iter().map(|past| past.people.clone()).collect();
        assert_eq!(people, [None, Some(People::Seat("kominfo".to_owned()))], "the newest first");
        assert_eq!(past[1].text, item("m1", "ani").text);
        let older = tx.past_inquiries(Some(second.id), at(-1_000_000), 10).await.unwrap();
        assert_eq!((older.len(), older[0].number), (1, FIRST));
        tx.answer_inquiry(second.id, &code("dinkes"), at(700), "Admin", at(700)).await.unwrap();
        let newest = tx.past_inquiries(None, at(-1_000_000), 1).await.unwrap().remove(0);
        assert_eq!(newest.people, Some(People::Seat("dinkes".to_owned())));
        tx.close_as_talk(second.number, "Admin", at(800)).await.unwrap();
        let newest = tx.past_inquiries(None, at(-1_000_000), 1).await.unwrap().remove(0);
        assert_eq!(newest.people, Some(People::Nobody));
        assert!(tx.past_inquiries(None, at(1_000_000), 10).await.unwrap().is_empty());
        let revision = tx.past_revisions(5).await.unwrap().remove(0);
        assert!(!revision.actor.is_empty());
        assert_eq!(tx.revision_files(revision.id).await.unwrap(), tx.revision().await.unwrap().map(|set| set.files));
        assert_eq!(tx.revision_files(99).await.unwrap(), None);
    }

    async fn one_model_is_in_use_at_a_time(world: &World) {
        let mut tx = world.begin().await;
        assert_eq!(tx.model_in_use().await.unwrap(), None);
        let first = tx.store_model(model(None), at(1)).await.unwrap();
        let refused = tx.store_model(model(Some("no better than the rules")), at(2)).await.unwrap();
        assert_eq!(tx.model_in_use().await.unwrap(), Some((first, vec![1, 2, 3])));
        let second = tx.store_model(model(None), at(3)).await.unwrap();
        assert_eq!(tx.model_number().await.unwrap(), Some(second));
        let lines = tx.models(10).await.unwrap();
        let used: Vec<_> = lines.iter().map(|line| (line.id, line.in_use, line.reason.is_some())).collect();
        assert_eq!(used, [(second, true, false), (refused, false, true), (first, false, true)]);
        assert!(tx.use_model(Some(first), "back", "Admin", at(4)).await.unwrap());
        assert_eq!(tx.model_number().await.unwrap(), Some(first));
        assert!(tx.use_model(None, "worse than the rules", "sahut", at(5)).await.unwrap());
        assert_eq!(tx.model_number().await.unwrap(), None);
        for moment in 0..6 {
            tx.store_model(model(Some("no better")), at(10 + moment)).await.unwrap();
        }
        assert!(!tx.use_model(Some(first), "back", "Admin", at(20)).await.unwrap(), "its body is gone");
    }

    async fn a_model_is_held_to_what_people_say_of_its_decisions(world: &World) {
        let mut tx = world.begin().await;
        let id = tx.store_model(model(None), at(0)).await.unwrap();
        tx.commit().await.unwrap();
        world.store(vec![item("m1", "ani")], at(0)).await;
        let mut tx = world.begin().await;
        let waiting = tx.take_waiting(10).await.unwrap();
        let mut new = crate::support::new_inquiry(&waiting[0]);
        let learned = Learned { model: id, needed: None, shares: Vec::new(), words: Vec::new() };
        new.decision = Decision { learned: Some(learned), ..new.decision };
        tx.open_inquiries(vec![new], &world.chance, at(1)).await.unwrap();
        assert!(tx.checked(id, 10).await.unwrap().is_empty());
        tx.hand_over(FIRST, &code("kominfo"), "", "Admin", at(5)).await.unwrap();
        let checked = tx.checked(id, 10).await.unwrap();
        assert_eq!((checked.len(), checked[0].seat.as_str()), (1, "kominfo"));
        assert!(tx.checked(id + 1, 10).await.unwrap().is_empty());
    }
}
