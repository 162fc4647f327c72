//! Promises whose next moment has come.

use jiff::civil::date;
use sahut_domain::deadline::{DeadlineKind, MoveReason};
use sahut_domain::event::{EventId, EventKind};
use sahut_store::clocks::Move;

use crate::support::{World, at, code, item, on_both, somebody_waits, step};

on_both! {
    async fn what_falls_due_again_is_told_again(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let due = tx.take_due_deadlines(at(7200), 10).await.unwrap().remove(0);
        step(&mut tx, &due, true, None, at(7200)).await;
        let promise = tx.live_promise(opened.id, DeadlineKind::FirstResponse).await.unwrap().unwrap();
        let mut explanation = promise.explanation.clone();
        explanation.due.at = at(9000);
        let moved = Move { why: MoveReason::Recomputed, note: "libur", explanation };
        tx.move_promise(&promise, moved, "Admin", at(7300)).await.unwrap();
        let again = tx.take_due_deadlines(at(7300), 10).await.unwrap().remove(0);
        assert!(!again.missed && !again.taken.iter().any(|key| key.starts_with("due")), "{:?}", again.taken);
    }

    async fn a_promise_is_looked_at_when_its_moment_comes_and_missed_once(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        assert!(!tx.has_due_deadlines(at(3599)).await.unwrap());
        assert!(tx.take_due_deadlines(at(3599), 10).await.unwrap().is_empty());
        assert!(tx.has_due_deadlines(at(3600)).await.unwrap());
        let due = tx.take_due_deadlines(at(3600), 10).await.unwrap().remove(0);
        assert_eq!((due.inquiry, due.office.clone(), due.due_at, due.missed), (opened.id, code("dinkes"), at(7200), false));
        let event = step(&mut tx, &due, false, Some(at(7200)), at(3601)).await;
        let line = tx.events_after(EventId(event.0 - 1), 1).await.unwrap().remove(0);
        assert_eq!((line.kind, line.at), (EventKind::ReminderDue, at(3601)));
        let due = tx.take_due_deadlines(at(9000), 10).await.unwrap().remove(0);
        assert_eq!(due.taken, ["80% office"]);
        let event = step(&mut tx, &due, true, None, at(9000)).await;
        let line = tx.events_after(EventId(event.0 - 2), 1).await.unwrap().remove(0);
        assert_eq!((line.kind, line.at, line.recorded_at), (EventKind::DeadlineMissed, at(7200), at(9000)), "when it was due, however late");
        assert!(!tx.has_due_deadlines(at(99_999)).await.unwrap());
        tx.answer_inquiry(opened.id, &code("dinkes"), at(9100), "Admin", at(9100)).await.unwrap();
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        let missed = inquiry.events.iter().filter(|event| event.kind == EventKind::DeadlineMissed).count();
        assert_eq!((missed, inquiry.promises[0].missed_at), (1, Some(at(7200))));
    }

    async fn an_answer_in_time_that_is_learned_late_was_in_time(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let due = tx.take_due_deadlines(at(7200), 10).await.unwrap().remove(0);
        step(&mut tx, &due, true, None, at(7201)).await;
        tx.answer_inquiry(opened.id, &code("dinkes"), at(7000), "platform", at(7300)).await.unwrap();
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.promises[0].missed_at, inquiry.promises[0].met_at), (None, Some(at(7000))));
    }

    async fn an_answer_and_a_miss_that_meet_write_one_miss(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut watching = world.begin().await;
        let due = watching.take_due_deadlines(at(7300), 10).await.unwrap().remove(0);
        step(&mut watching, &due, true, None, at(7300)).await;
        let answering = async {
            let mut tx = world.begin().await;
            tx.answer_inquiry(opened.id, &code("dinkes"), at(7250), "Admin", at(7301)).await.unwrap();
            tx.commit().await.unwrap();
        };
        let watching = async {
            somebody_waits(world).await;
            watching.commit().await.unwrap();
        };
        tokio::join!(answering, watching);
        assert_eq!(world.count("SELECT COUNT(*) FROM event WHERE kind = 'deadline.missed'").await, 1);
    }

    async fn people_are_told_of_a_calendar_that_ends_once_a_week(world: &World) {
        let mut tx = world.begin().await;
        let (until, week) = (date(2026, 12, 31), date(2026, 11, 23));
        let event = tx.note_calendar_ending("kantor", week, until, at(0)).await.unwrap().unwrap();
        let line = tx.events_after(EventId(event.0 - 1), 1).await.unwrap().remove(0);
        assert_eq!((line.kind, line.data["known_until"].as_str()), (EventKind::CalendarEnding, Some("2026-12-31")));
        assert_eq!(tx.note_calendar_ending("kantor", week, until, at(9)).await.unwrap(), None);
        assert!(tx.note_calendar_ending("siaga", week, until, at(9)).await.unwrap().is_some());
        assert!(tx.note_calendar_ending("kantor", date(2026, 11, 30), until, at(9)).await.unwrap().is_some());
    }

    async fn bells_are_known_by_their_day_and_forgotten_when_they_are_old(world: &World) {
        let mut tx = world.begin().await;
        assert!(tx.ring_bell("morning:dinkes", "2026-11-24", at(0)).await.unwrap());
        assert!(!tx.ring_bell("morning:dinkes", "2026-11-24", at(5)).await.unwrap());
        tx.bell_done("morning:dinkes", "2026-11-24", at(5)).await.unwrap();
        let days = ["2026-11-24".to_owned(), "2026-11-23".to_owned()];
        let rung = tx.bells_of(&days).await.unwrap();
        assert_eq!(rung.into_iter().collect::<Vec<_>>(), [("morning:dinkes".to_owned(), "2026-11-24".to_owned())]);
        assert_eq!(tx.drop_bells(at(0)).await.unwrap(), 0);
        assert_eq!(tx.drop_bells(at(1)).await.unwrap(), 1);
    }

    async fn another_set_lets_every_promise_be_looked_at_again(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let due = tx.take_due_deadlines(at(7200), 10).await.unwrap().remove(0);
        step(&mut tx, &due, true, None, at(7200)).await;
        assert!(!tx.has_due_deadlines(at(99_999)).await.unwrap());
        tx.apply(crate::support::revision("second"), "Admin", at(8000)).await.unwrap();
        assert!(tx.has_due_deadlines(at(8015)).await.unwrap(), "when all processes have taken it up");
        assert_eq!(tx.take_due_deadlines(at(8015), 10).await.unwrap()[0].taken, ["due office"]);
    }
}
