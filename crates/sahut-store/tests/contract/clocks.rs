//! Promises of a resolution: what pauses them, lets them run again, ends and moves them.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::deadline::{DeadlineKind, DeadlineState, ExtensionState, MoveReason};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::reply::Intent;
use sahut_domain::segments::Pause;
use sahut_store::Tx;
use sahut_store::clocks::{Live, Move};
use sahut_store::deliver::Answer;
use sahut_store::inquiries::Promise;

use crate::support::{World, at, code, item, on_both, resolution};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

/// The office says something, by another way than the platform.
async fn say(tx: &mut Tx, intent: Intent, second: i64) {
    let key = format!("{intent}{second}");
    let answer = Answer { intent, ..Answer::new("baik", "Admin", &key) };
    tx.answer_elsewhere(FIRST, answer, at(second)).await.unwrap();
}

async fn stands(tx: &mut Tx) -> (State, Promise) {
    let inquiry = tx.inquiry(FIRST).await.unwrap().unwrap();
    let promise = inquiry.promises.into_iter().rfind(|promise| promise.kind == DeadlineKind::Resolution);
    (inquiry.line.state, promise.unwrap())
}

async fn live(tx: &mut Tx) -> Live {
    let inquiry = tx.inquiry(FIRST).await.unwrap().unwrap().line.id;
    tx.live_promise(inquiry, DeadlineKind::Resolution).await.unwrap().unwrap()
}

fn hours(hours: i64) -> i64 {
    hours * 3600
}

/// The citizen writes again: what the route stage does about the resolution.
async fn run_again(tx: &mut Tx, second: i64, due_at: Timestamp) {
    let live = live(tx).await;
    let mut explanation = live.explanation.clone();
    explanation.due.at = due_at;
    let moved = Move { why: MoveReason::Resumed, note: "", explanation };
    tx.resume(&live, at(second), moved, at(second)).await.unwrap();
}

on_both! {
    async fn a_resolution_waits_for_the_citizen_after_an_answer_and_after_a_question(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        say(&mut tx, Intent::Progress, 60).await;
        let (state, promise) = stands(&mut tx).await;
        assert_eq!((state, promise.state), (State::Answered, DeadlineState::Running), "news lets it run");
        say(&mut tx, Intent::Question, 120).await;
        let (state, promise) = stands(&mut tx).await;
        assert_eq!((state, promise.state), (State::Waiting, DeadlineState::Paused));
        assert_eq!(promise.segments.paused_for(), Some(Pause::Question));
        say(&mut tx, Intent::Answer, 180).await;
        let (state, promise) = stands(&mut tx).await;
        assert_eq!((state, promise.segments.paused_for()), (State::Answered, Some(Pause::Answered)));
        say(&mut tx, Intent::Answer, 200).await;
        say(&mut tx, Intent::Receipt, 210).await;
        let (_, promise) = stands(&mut tx).await;
        assert_eq!((promise.segments.stopped_at(), promise.segments.waits_since()), (Some(at(120)), Some(at(180))));
        let told = tx.inquiry(FIRST).await.unwrap().unwrap().events;
        let pauses = told.iter().filter(|event| event.kind == EventKind::DeadlinePaused).count();
        assert_eq!(pauses, 2, "parking is visible, and nothing is told twice");
        assert!(tx.take_due_deadlines(at(hours(1000)), 10).await.unwrap().is_empty(), "nobody is reminded meanwhile");
    }

    async fn the_citizen_lets_it_run_again_and_what_it_was_is_kept(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        say(&mut tx, Intent::Answer, 60).await;
        let due_at = at(hours(150));
        run_again(&mut tx, hours(50), due_at).await;
        let (_, promise) = stands(&mut tx).await;
        assert_eq!((promise.state, promise.due_at), (DeadlineState::Running, due_at));
        assert_eq!(promise.segments.pauses(), [(at(60), Some(at(hours(50))))]);
        let moved = promise.history.last().unwrap();
        assert_eq!((moved.why, moved.was_due_at, moved.due_at), (MoveReason::Resumed, at(hours(100)), due_at));
        let kinds: Vec<_> = tx.inquiry(FIRST).await.unwrap().unwrap().events.iter().map(|event| event.kind).collect();
        assert!(kinds.ends_with(&[EventKind::DeadlineResumed, EventKind::DeadlineMoved]), "{kinds:?}");
        let due = tx.take_due_deadlines(at(hours(151)), 10).await.unwrap();
        assert_eq!(due.iter().map(|due| due.promise).collect::<Vec<_>>(), [DeadlineKind::Resolution]);
    }

    async fn a_resolution_that_passed_before_its_answer_was_missed(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        say(&mut tx, Intent::Answer, hours(101)).await;
        let (_, promise) = stands(&mut tx).await;
        assert_eq!(promise.missed_at, Some(at(hours(100))));
        let told = tx.inquiry(FIRST).await.unwrap().unwrap().events;
        let missed = told.iter().filter(|event| event.kind == EventKind::DeadlineMissed).map(|event| event.at);
        assert_eq!(missed.collect::<Vec<_>>(), [at(7200), at(hours(100))], "each promise its own miss");
    }

    async fn what_is_settled_was_settled_when_its_time_stopped(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        say(&mut tx, Intent::Answer, hours(90)).await;
        tx.close_as_settled(FIRST, "Admin", at(hours(120))).await.unwrap().unwrap();
        let (state, promise) = stands(&mut tx).await;
        assert_eq!((state, promise.state), (State::Closed, DeadlineState::Met));
        assert_eq!((promise.met_at, promise.missed_at), (Some(at(hours(90))), None), "while it stood still, nothing was late");
        tx.reopen(FIRST, "Admin", at(hours(130))).await.unwrap().unwrap();
        let (state, promise) = stands(&mut tx).await;
        assert_eq!((state, promise.state, promise.met_at), (State::Answered, DeadlineState::Paused, None));
        let anew = tx.take_silent(at(hours(130)), 10).await.unwrap().remove(0);
        assert_eq!(anew.since, at(hours(130)), "the citizen is waited for anew");
    }

    async fn mere_talk_voids_both_promises_and_taking_it_back_revives_both(world: &World) {
        let opened = world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.close_as_talk(FIRST, "Admin", at(60)).await.unwrap();
        assert_eq!(stands(&mut tx).await.1.state, DeadlineState::Void);
        tx.reopen(FIRST, "Admin", at(90)).await.unwrap();
        let (state, promise) = stands(&mut tx).await;
        assert_eq!((state, promise.state), (State::Open, DeadlineState::Running));
        let first = tx.live_promise(opened.id, DeadlineKind::FirstResponse).await.unwrap().unwrap();
        assert_eq!((first.due_at, promise.due_at), (at(7200), at(hours(100))));
    }

    async fn a_handover_leaves_no_gap(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.hand_over(FIRST, &code("kominfo"), "", "Admin", at(30)).await.unwrap();
        say(&mut tx, Intent::Question, 60).await;
        tx.hand_over(FIRST, &code("dinkes"), "", "Admin", at(90)).await.unwrap();
        let segments = stands(&mut tx).await.1.segments;
        let offices: Vec<_> = segments.as_slice().iter().map(|one| (one.office.to_string(), one.running)).collect();
        let whose = |office: &str, running| (office.to_owned(), running);
        assert_eq!(offices, [whose("dinkes", true), whose("kominfo", true), whose("kominfo", false), whose("dinkes", false)]);
        assert!(segments.as_slice().windows(2).all(|pair| pair[0].to == Some(pair[1].from)));
    }

    async fn silence_closes_what_was_answered_as_met_and_what_was_asked_as_void(world: &World) {
        for (name, intent, state) in [("m1", Intent::Answer, DeadlineState::Met), ("m2", Intent::Question, DeadlineState::Void)] {
            let opened = world.promised(item(name, name)).await;
            let mut tx = world.begin().await;
            let answer = Answer { intent, ..Answer::new("baik", "Admin", name) };
            tx.answer_elsewhere(opened.number, answer, at(60)).await.unwrap();
            assert!(tx.has_silent(at(60)).await.unwrap());
            let silent = tx.take_silent(at(60), 10).await.unwrap().remove(0);
            assert_eq!((silent.live.inquiry, silent.since, silent.heard_until), (opened.id, at(60), None));
            tx.look_at_silence(&silent, at(hours(50))).await.unwrap();
            assert!(!tx.has_silent(at(hours(49))).await.unwrap());
            let silent = tx.take_silent(at(hours(50)), 10).await.unwrap().remove(0);
            tx.close_as_silent(&silent, at(hours(50)), at(hours(51))).await.unwrap();
            let inquiry = tx.inquiry(opened.number).await.unwrap().unwrap();
            let promise = inquiry.promises.iter().find(|promise| promise.kind == DeadlineKind::Resolution).unwrap();
            assert_eq!((inquiry.line.state, promise.state), (State::Closed, state));
            assert_eq!(promise.met_at, (state == DeadlineState::Met).then(|| at(60)), "the answer settled it");
            let closed = inquiry.events.iter().find(|event| event.kind == EventKind::InquiryClosed).unwrap();
            assert_eq!((closed.at, closed.data["reason"].as_str()), (at(hours(50)), Some("silent")));
            tx.reopen(opened.number, "Admin", at(hours(52))).await.unwrap().unwrap();
            assert_eq!(tx.take_silent(at(hours(52)), 10).await.unwrap().len(), 1);
            tx.close_as_talk(opened.number, "Admin", at(hours(53))).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn who_wrote_and_was_not_routed_yet_is_not_silent(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        say(&mut tx, Intent::Answer, 60).await;
        tx.commit().await.unwrap();
        world.store(vec![item("m2", "ani")], at(100)).await;
        assert!(world.begin().await.take_silent(at(hours(500)), 10).await.unwrap().is_empty());
    }

    async fn an_emergency_gets_a_sooner_resolution_and_the_old_one_is_kept(world: &World) {
        let opened = world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let later = live(&mut tx).await;
        let mut sooner = resolution(at(60));
        sooner.due.at = at(60) + SignedDuration::from_hours(24);
        tx.hasten_resolution(&later, &sooner, at(hours(20)), at(61)).await.unwrap();
        let inquiry = tx.inquiry(opened.number).await.unwrap().unwrap();
        let resolutions = inquiry.promises.iter().filter(|promise| promise.kind == DeadlineKind::Resolution);
        let stands: Vec<_> = resolutions.map(|promise| (promise.state, promise.due_at)).collect();
        assert_eq!(stands, [(DeadlineState::Void, at(hours(100))), (DeadlineState::Running, sooner.due.at)]);
    }

    async fn more_time_is_granted_or_refused_once(world: &World) {
        world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        say(&mut tx, Intent::Progress, 60).await;
        let until = at(hours(170));
        tx.ask_time(FIRST, until, "menunggu suku cadang", "Admin", at(70)).await.unwrap().unwrap();
        assert_eq!((tx.asked_extensions().await.unwrap().len(), tx.count_asked_extensions().await.unwrap()), (1, 1));
        let (asked, promise) = tx.asked_extension(FIRST).await.unwrap().unwrap();
        assert_eq!((promise.kind, asked.until), (DeadlineKind::Resolution, until), "an answer is not owed any more");
        let moved = |promise: &Live| {
            let mut explanation = promise.explanation.clone();
            explanation.due.at = until;
            Move { why: MoveReason::Extended, note: "", explanation }
        };
        assert!(tx.grant(&asked, &promise, moved(&promise), "baik", "Sekda", at(80)).await.unwrap());
        assert!(!tx.refuse(&asked, &promise, "tidak", "Sekda", at(81)).await.unwrap(), "it was decided before");
        let promise = stands(&mut tx).await.1;
        assert_eq!((promise.due_at, promise.extensions[0].state), (until, ExtensionState::Granted));
        let moved = &promise.history[0];
        assert_eq!((moved.by.as_str(), moved.note.as_str()), ("Sekda", "menunggu suku cadang"));
        tx.ask_more_time(FIRST, Some(DeadlineKind::Resolution), at(hours(200)), "lagi", "Admin", at(90)).await.unwrap();
        let (asked, promise) = tx.asked_extension(FIRST).await.unwrap().unwrap();
        assert!(tx.refuse(&asked, &promise, "cukup", "Sekda", at(91)).await.unwrap());
        assert!(tx.asked_extension(FIRST).await.unwrap().is_none());
        let kinds: Vec<_> = tx.inquiry(FIRST).await.unwrap().unwrap().events.iter().map(|event| event.kind).collect();
        assert!(kinds.contains(&EventKind::ExtensionGranted) && kinds.ends_with(&[EventKind::ExtensionRefused]), "{kinds:?}");
    }

    async fn a_moved_first_response_moves_its_inquiry(world: &World) {
        let opened = world.promised(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let promise = tx.live_promise(opened.id, DeadlineKind::FirstResponse).await.unwrap().unwrap();
        let mut explanation = promise.explanation.clone();
        explanation.due.at = at(9000);
        let moved = Move { why: MoveReason::Recomputed, note: "hari libur baru", explanation };
        assert!(tx.move_promise(&promise, moved, "Admin", at(100)).await.unwrap().is_some());
        let inquiry = tx.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.due_at, inquiry.promises[0].due_at), (at(9000), at(9000)));
        assert_eq!(inquiry.promises[0].history[0].was_due_at, at(7200));
        assert_eq!(tx.live_promises().await.unwrap().len(), 2);
        tx.commit().await.unwrap();
    }
}
