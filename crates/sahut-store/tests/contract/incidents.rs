//! One happening behind many inquiries: joined, told once, moved and answered together, and taken apart.

use sahut_domain::event::EventKind;
use sahut_domain::incident::IncidentNumber;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use sahut_domain::notice::Template;
use sahut_store::StoreError;
use sahut_store::deliver::{Answer, Drafts, Queued};
use sahut_store::incidents::{Kept, Member};
use sahut_store::notify::NewNotice;
use sahut_store::route::Opened;

use crate::support::{World, at, claim, code, item, notice, on_both, step};

const KJ: IncidentNumber = IncidentNumber { year: 2026, sequence: 1 };

fn number(sequence: i64) -> InquiryNumber {
    InquiryNumber { year: 2026, sequence }
}

fn kept(inquiry: InquiryId, offered: Option<(InquiryId, i64)>) -> Kept {
    Kept { inquiry, sketch: vec![1, 2, 3], offered }
}

/// Inquiries of so many citizens, none of them joined; the first was told.
async fn apart(world: &World, count: usize) -> Vec<Opened> {
    let mut all = Vec::new();
    for at in 0..count {
        all.push(world.inquiry(item(&format!("m{at}"), &format!("warga{at}"))).await);
    }
    world.owe(&all[0], "a@x.example", false).await;
    all
}

/// An incident of so many inquiries.
async fn together(world: &World, count: usize) -> Vec<Opened> {
    let all = apart(world, count).await;
    let mut tx = world.begin().await;
    let (incident, number, _) = tx.begin_incident(all[0].id, at(5), "sahut", at(5)).await.unwrap();
    assert_eq!(number, KJ);
    let member = |opened: &Opened| Member {
        inquiry: opened.id,
        office: code("dinkes"),
        incident,
        at: at(5),
        facts: serde_json::json!({ "share": 80 }),
    };
    tx.join_incidents(all[1..].iter().map(member).collect(), "sahut", at(5)).await.unwrap();
    tx.commit().await.unwrap();
    all
}

async fn sound(world: &World, now: i64) {
    let checks = world.read().await.selfcheck(at(now)).await.unwrap();
    let broken: Vec<_> = checks.into_iter().filter(|check| check.broken > 0).collect();
    assert!(broken.is_empty(), "{broken:?}");
}

on_both! {
    async fn an_incident_is_seen_with_its_inquiries(world: &World) {
        let all = together(world, 3).await;
        let mut tx = world.read().await;
        let (incident, inquiries) = tx.incident(KJ).await.unwrap().unwrap();
        assert_eq!((incident.members, incident.open, incident.office), (3, 3, code("dinkes")));
        assert_eq!(inquiries.len(), 3);
        assert_eq!(incident.due_at, inquiries.first().map(|line| line.due_at));
        assert_eq!(tx.incident_of(all[2].id).await.unwrap(), Some(KJ));
        assert_eq!(tx.inquiry(number(2)).await.unwrap().unwrap().incident.as_deref(), Some("KJ-2026-00001"));
        assert_eq!(tx.incidents(Some(&code("kominfo")), false, 10).await.unwrap().len(), 0);
        assert_eq!(tx.incidents(Some(&code("dinkes")), true, 10).await.unwrap().len(), 1);
        assert_eq!(tx.open_titles(incident.id, 2).await.unwrap().len(), 2);
        assert_eq!(tx.count_members(incident.id).await.unwrap(), 3);
        let missing = IncidentNumber { sequence: 2, ..KJ };
        assert!(tx.incident(missing).await.unwrap().is_none());
        assert!(tx.is_answered_with_others(number(1)).await.unwrap());
        let kinds: Vec<_> = tx.events_of(all[1].id).await.unwrap().into_iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::InquiryOpened, EventKind::IncidentJoined]);
        drop(tx);
        sound(world, 100).await;
    }

    async fn new_inquiries_are_compared_with_the_newest_of_their_office(world: &World) {
        let all = apart(world, 3).await;
        let mut tx = world.begin().await;
        tx.keep_likenesses(all.iter().map(|opened| kept(opened.id, None)).collect()).await.unwrap();
        let found = tx.candidates(&code("dinkes"), (at(-60), at(60)), 2).await.unwrap();
        let ids: Vec<_> = found.iter().map(|candidate| candidate.inquiry).collect();
        assert_eq!(ids, [all[2].id, all[1].id]);
        assert_eq!((found[0].sketch.as_slice(), found[0].post.as_deref()), (&[1, 2, 3][..], Some("p1")));
        assert!(tx.candidates(&code("kominfo"), (at(-60), at(60)), 2).await.unwrap().is_empty());
        assert!(tx.candidates(&code("dinkes"), (at(1), at(60)), 2).await.unwrap().is_empty());
        tx.close_as_talk(number(3), "Admin", at(10)).await.unwrap();
        assert_eq!(tx.candidates(&code("dinkes"), (at(-60), at(60)), 9).await.unwrap().len(), 2);
        assert_eq!(tx.drop_likenesses(at(0)).await.unwrap(), 0);
        assert_eq!(tx.drop_likenesses(at(1)).await.unwrap(), 3);
    }

    async fn a_flood_at_one_office_hides_no_inquiry_of_another(world: &World) {
        let all = apart(world, 4).await;
        let mut tx = world.begin().await;
        tx.hand_over(number(1), &code("kominfo"), "", "Admin", at(10)).await.unwrap();
        tx.keep_likenesses(all.iter().map(|opened| kept(opened.id, None)).collect()).await.unwrap();
        let found = tx.candidates(&code("kominfo"), (at(-60), at(60)), 2).await.unwrap();
        assert_eq!(found.iter().map(|candidate| candidate.inquiry).collect::<Vec<_>>(), [all[0].id]);
    }

    async fn nothing_joins_what_is_answered_or_being_answered(world: &World) {
        let all = apart(world, 3).await;
        let mut tx = world.begin().await;
        assert!(tx.hold_alone(all[0].id).await.unwrap());
        tx.queue_reply(number(2), Answer::new("sudah", "Admin", "k"), at(6)).await.unwrap();
        assert!(!tx.hold_alone(all[1].id).await.unwrap(), "its answer is on its way");
        tx.answer_elsewhere(number(3), Answer::new("sudah", "Admin", "l"), at(6)).await.unwrap();
        assert!(!tx.hold_alone(all[2].id).await.unwrap(), "it is answered");
        let (incident, ..) = tx.begin_incident(all[0].id, at(7), "sahut", at(7)).await.unwrap();
        assert!(!tx.hold_alone(all[0].id).await.unwrap(), "it does not stand alone");
        assert_eq!(tx.hold_incident(incident).await.unwrap(), Some((KJ, all[0].id)));
        tx.queue_reply(number(1), Answer::new("sudah", "Admin", "m"), at(8)).await.unwrap();
        assert_eq!(tx.hold_incident(incident).await.unwrap(), None);
    }

    async fn what_somebody_is_changing_is_not_joined(world: &World) {
        let all = together(world, 2).await;
        let alone = world.inquiry(item("x", "xena")).await;
        let mut answering = world.begin().await;
        if answering.dialect() == sahut_store::Dialect::Sqlite {
            return;
        }
        answering.draft_replies(number(1), Answer::new("sudah", "Admin", "k"), at(6)).await.unwrap();
        answering.queue_reply(number(3), Answer::new("sudah", "Admin", "l"), at(6)).await.unwrap();
        let incident = world.read().await.incident(KJ).await.unwrap().unwrap().0.id;
        let mut routing = world.begin().await;
        assert_eq!(routing.hold_incident(incident).await.unwrap(), None);
        assert!(!routing.hold_alone(alone.id).await.unwrap());
        drop(answering);
        // The connection gives up what it held when it is back in the pool.
        while routing.hold_incident(incident).await.unwrap() != Some((KJ, all[0].id)) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(routing.hold_alone(alone.id).await.unwrap());
    }

    async fn all_are_answered_each_with_a_key_of_its_own(world: &World) {
        let all = together(world, 3).await;
        let mut tx = world.begin().await;
        tx.answer_elsewhere(number(2), Answer::new("di loket", "Admin", "k0"), at(6)).await.unwrap();
        let Drafts::Written { drafts, left_out, underway: 0 } = tx.draft_replies(number(3), Answer::new("sudah", "Admin", "k"), at(7)).await.unwrap()
        else { panic!("not written") };
        let keys: Vec<_> = drafts.iter().map(|(_, work)| work.key.as_str()).collect();
        assert_eq!((keys, left_out.len()), (vec!["k", "k/K-2026-00001"], 0));
        tx.drop_draft(&drafts[1].1).await.unwrap();
        tx.queue_drafts(&[&drafts[0].1], at(7)).await.unwrap();
        assert!(matches!(tx.draft_replies(number(3), Answer::new("sudah", "Admin", "k"), at(8)).await.unwrap(), Drafts::Known(_)));
        assert!(matches!(tx.draft_replies(number(99), Answer::new("sudah", "Admin", "z"), at(8)).await.unwrap(), Drafts::NoInquiry));
        let claimed = tx.claim_replies(&claim(at(9), at(60))).await.unwrap();
        assert_eq!(claimed.iter().map(|work| work.inquiry).collect::<Vec<_>>(), [all[2].id]);
        assert!(matches!(tx.queue_reply(number(1), Answer::new("sudah", "Admin", "k9"), at(9)).await.unwrap(), Queued::New(_)), "one alone");
        let Drafts::Written { drafts, underway, .. } = tx.draft_replies(number(3), Answer::new("ralat", "Admin", "m"), at(9)).await.unwrap()
        else { panic!("not written") };
        let keys: Vec<_> = drafts.iter().map(|(_, work)| work.key.as_str()).collect();
        assert_eq!((keys, underway), (vec!["m"], 1), "no second answer but to the one that is named");
        // Answered already: the words are added to it, and to no other.
        let Drafts::Written { drafts, .. } = tx.draft_replies(number(2), Answer::new("lagi", "Admin", "n"), at(9)).await.unwrap()
        else { panic!("not written") };
        assert_eq!(drafts.len(), 1);
    }

    async fn the_same_operation_is_known_by_what_the_others_were_answered(world: &World) {
        together(world, 2).await;
        let mut tx = world.begin().await;
        let Drafts::Written { drafts, .. } = tx.draft_replies(number(1), Answer::new("sudah", "Admin", "k_"), at(6)).await.unwrap()
        else { panic!("not written") };
        let (named, other) = (&drafts[0].1, &drafts[1].1);
        tx.drop_draft(named).await.unwrap();
        let again = tx.draft_replies(number(1), Answer::new("sudah", "Admin", "k_"), at(7)).await.unwrap();
        assert!(matches!(again, Drafts::Known(reply) if reply.0 == other.lease.id), "{again:?}");
        let other_one = tx.draft_replies(number(1), Answer::new("sudah", "Admin", "k"), at(7)).await.unwrap();
        assert!(matches!(other_one, Drafts::Written { underway: 1, .. }), "{other_one:?}");
    }

    async fn a_handover_moves_the_whole_incident(world: &World) {
        let all = together(world, 3).await;
        let mut tx = world.begin().await;
        tx.close_as_talk(number(3), "Admin", at(6)).await.unwrap();
        let given = tx.hand_over(number(2), &code("kominfo"), "bukan kami", "Admin", at(7)).await.unwrap().unwrap();
        assert_eq!(given.others, 1);
        tx.owe(vec![NewNotice { event: given.event, template: Template::Incident, inquiry: Some(given.inquiry),
            office: Some(code("kominfo")), ..notice(&Opened { id: given.inquiry, event: given.event, ..all[0].clone() }, "k@x.example", false) }], at(7)).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = world.read().await;
        let (incident, inquiries) = tx.incident(KJ).await.unwrap().unwrap();
        let offices: Vec<_> = inquiries.iter().map(|line| (line.number.sequence, line.office.as_str())).collect();
        assert_eq!(incident.office, code("kominfo"));
        assert_eq!(offices, [(1, "kominfo"), (2, "kominfo"), (3, "dinkes")], "what is closed stays where it was");
        drop(tx);
        let mut tx = world.begin().await;
        let reopened = tx.reopen(number(3), "Admin", at(8)).await.unwrap().unwrap();
        assert_eq!(tx.incident_of(reopened.inquiry).await.unwrap(), None, "its incident has gone elsewhere");
        let alone = Opened { id: reopened.inquiry, event: reopened.event, ..all[0].clone() };
        tx.owe(vec![notice(&alone, "a@x.example", false)], at(8)).await.unwrap();
        tx.commit().await.unwrap();
        sound(world, 100).await;
    }

    async fn who_leaves_stands_alone_and_those_who_stay_are_told(world: &World) {
        let all = together(world, 3).await;
        let mut tx = world.begin().await;
        let joined = tx.events_of(all[1].id).await.unwrap().pop().unwrap();
        let incident = Opened { id: all[0].id, event: joined.id, ..all[0].clone() };
        tx.owe(vec![NewNotice { template: Template::Incident, ..notice(&incident, "a@x.example", false) }], at(6)).await.unwrap();
        tx.keep_likenesses(vec![kept(all[0].id, None)]).await.unwrap();
        let left = tx.leave_incident(number(1), "Admin", at(7)).await.unwrap().unwrap();
        assert_eq!((left.inquiry, left.number, left.state), (all[0].id, KJ, State::Open));
        assert!(tx.candidates(&code("dinkes"), (at(-60), at(60)), 9).await.unwrap().is_empty(), "nothing joins it again");
        let again = tx.leave_incident(number(1), "Admin", at(8)).await;
        assert!(matches!(again, Err(StoreError::Unfit(_))), "{again:?}");
        assert_eq!(tx.leave_incident(number(99), "Admin", at(8)).await.unwrap(), None);
        let works = tx.claim_notices(&claim(at(9), at(60))).await.unwrap();
        let about = |template| works.iter().find(|work| work.template == template).and_then(|work| work.inquiry.as_ref());
        assert_eq!(about(Template::Incident).map(|inquiry| inquiry.id), Some(all[1].id));
        let facts = about(Template::Incident).unwrap().incident.as_ref().unwrap();
        assert_eq!((facts.number, facts.members, facts.open), (KJ, 2, 2));
        assert!(about(Template::Assignment).unwrap().incident.is_none());
        tx.commit().await.unwrap();
        sound(world, 100).await;
    }

    async fn one_that_was_answered_leaves_as_told(world: &World) {
        let all = together(world, 2).await;
        let mut tx = world.begin().await;
        tx.answer_elsewhere(number(2), Answer::new("sudah", "Admin", "k"), at(6)).await.unwrap();
        let left = tx.leave_incident(number(2), "Admin", at(7)).await.unwrap().unwrap();
        assert_eq!((left.inquiry, left.state), (all[1].id, State::Answered));
        tx.commit().await.unwrap();
        sound(world, 100).await;
    }

    async fn people_join_what_no_text_says_and_several_become_one(world: &World) {
        let all = together(world, 2).await;
        for at in 2..6 {
            let opened = world.inquiry(item(&format!("m{at}"), &format!("warga{at}"))).await;
            world.owe(&opened, "a@x.example", false).await;
        }
        let mut tx = world.begin().await;
        let second = tx.join_by_hand(&[number(3), number(4)], "Admin", at(6)).await.unwrap().unwrap();
        assert_eq!((second.joined, second.began.map(|(_, inquiry, _)| inquiry.0)), (2, Some(3)));
        let one = tx.join_by_hand(&[number(4), number(1), number(5)], "Admin", at(7)).await.unwrap().unwrap();
        assert_eq!((one.number, one.joined, one.began), (KJ, 3, None));
        assert_eq!(tx.incident(KJ).await.unwrap().unwrap().0.members, 5);
        assert_eq!(tx.incident(second.number).await.unwrap().unwrap().0.members, 0);
        assert_eq!(tx.join_by_hand(&[number(1), number(99)], "Admin", at(7)).await.unwrap(), Err(number(99)));
        tx.hand_over(number(6), &code("kominfo"), "", "Admin", at(8)).await.unwrap();
        let other = tx.join_by_hand(&[number(1), number(6)], "Admin", at(9)).await;
        assert!(matches!(other, Err(StoreError::Unfit(_))), "{other:?}");
        tx.close_as_talk(number(6), "Admin", at(9)).await.unwrap();
        let closed = tx.join_by_hand(&[number(6), number(1)], "Admin", at(9)).await;
        assert!(matches!(closed, Err(StoreError::Unfit(_))), "{closed:?}");
        let last = tx.events_of(all[0].id).await.unwrap().pop().unwrap();
        assert_eq!(last.kind, EventKind::IncidentBegan);
    }

    async fn what_may_belong_together_is_offered_until_somebody_decides(world: &World) {
        let all = apart(world, 4).await;
        let mut tx = world.begin().await;
        let offered = [kept(all[1].id, Some((all[0].id, 35))), kept(all[2].id, Some((all[0].id, 45))), kept(all[3].id, Some((all[0].id, 40)))];
        tx.keep_likenesses(offered.into()).await.unwrap();
        let offers = tx.offers(10).await.unwrap();
        let pairs: Vec<_> = offers.iter().map(|offer| (offer.inquiry.id, offer.with.id, offer.share)).collect();
        assert_eq!(pairs, [(all[2].id, all[0].id, 45), (all[3].id, all[0].id, 40), (all[1].id, all[0].id, 35)]);
        tx.join_by_hand(&[number(1), number(2)], "Admin", at(6)).await.unwrap().unwrap();
        assert!(tx.dismiss_offer(number(3)).await.unwrap());
        assert!(!tx.dismiss_offer(number(3)).await.unwrap());
        let offers = tx.offers(10).await.unwrap();
        assert_eq!((offers.len(), offers[0].incident.as_deref()), (1, Some("KJ-2026-00001")));
        tx.answer_elsewhere(number(4), Answer::new("sudah", "Admin", "k"), at(7)).await.unwrap();
        assert!(tx.offers(10).await.unwrap().is_empty());
    }

    async fn what_an_answer_left_open_holds_its_incident_open_for_nobody(world: &World) {
        let all = together(world, 3).await;
        let incident = world.read().await.incident(KJ).await.unwrap().unwrap().0.id;
        let mut tx = world.begin().await;
        tx.answer_elsewhere(number(1), Answer::new("sudah", "Admin", "k1"), at(60)).await.unwrap();
        tx.answer_elsewhere(number(2), Answer::new("sudah", "Admin", "k2"), at(60)).await.unwrap();
        assert_eq!(tx.hold_incident(incident).await.unwrap(), None, "the third was left out");
        tx.commit().await.unwrap();
        let started = format!("UPDATE deadline SET started_at = {} WHERE inquiry_id = {}", at(61).as_microsecond(), all[2].id);
        world.raw().await.run(&started).await.unwrap();
        let held = world.begin().await.hold_incident(incident).await.unwrap();
        assert_eq!(held, Some((KJ, all[2].id)), "its citizen has come back since");
    }

    async fn who_has_been_told_of_before_speaks_for_nobody_newer(world: &World) {
        let all = together(world, 2).await;
        let mut tx = world.begin().await;
        let due = tx.take_due_deadlines(at(7200), 10).await.unwrap();
        let event = step(&mut tx, &due[0], true, None, at(7200)).await;
        let overdue = |mail| NewNotice { event, template: Template::Overdue, ..notice(&all[0], mail, false) };
        tx.owe(vec![overdue("a@x.example")], at(-10)).await.unwrap();
        let due = tx.take_due_deadlines(at(7200), 10).await.unwrap();
        assert_eq!(due.iter().map(|due| (due.inquiry, due.spoken_for)).collect::<Vec<_>>(), [(all[1].id, false)]);
        tx.owe(vec![overdue("b@x.example")], at(10)).await.unwrap();
        assert!(tx.take_due_deadlines(at(7200), 10).await.unwrap()[0].spoken_for, "people were told since it began");
        tx.commit().await.unwrap();
        world.raw().await.run("UPDATE inquiry SET priority = 'emergency' WHERE id = 2").await.unwrap();
        let due = world.begin().await.take_due_deadlines(at(7200), 10).await.unwrap();
        assert!(!due[0].spoken_for, "nobody speaks for an emergency among others");
    }

    async fn two_that_were_told_of_do_not_silence_each_other(world: &World) {
        let all = together(world, 2).await;
        let mut tx = world.begin().await;
        for (at_, opened) in all.iter().enumerate() {
            let due = tx.take_due_deadlines(at(7200), 10).await.unwrap();
            let due = due.iter().find(|due| due.inquiry == opened.id).unwrap();
            let event = step(&mut tx, due, true, Some(at(9000)), at(7200)).await;
            let mail = format!("a{at_}@x.example");
            let overdue = NewNotice { event, template: Template::Overdue, ..notice(opened, &mail, false) };
            tx.owe(vec![overdue], at(7200)).await.unwrap();
        }
        let due = tx.take_due_deadlines(at(9000), 10).await.unwrap();
        let mut spoken: Vec<_> = due.iter().map(|due| (due.inquiry, due.spoken_for)).collect();
        spoken.sort();
        assert_eq!(spoken, [(all[0].id, false), (all[1].id, true)], "one is told of further up");
    }

    async fn one_speaks_for_all_when_time_runs_out(world: &World) {
        let all = together(world, 3).await;
        let mut tx = world.begin().await;
        let spoken = |due: Vec<sahut_store::watch::DueDeadline>| {
            due.into_iter().map(|due| (due.inquiry, due.spoken_for)).collect::<Vec<_>>()
        };
        let due = spoken(tx.take_due_deadlines(at(3600), 10).await.unwrap());
        assert_eq!(due, [(all[0].id, false), (all[1].id, true), (all[2].id, true)]);
        tx.answer_elsewhere(number(1), Answer::new("sudah", "Admin", "k"), at(3700)).await.unwrap();
        let due = spoken(tx.take_due_deadlines(at(3800), 10).await.unwrap());
        assert_eq!(due, [(all[1].id, false), (all[2].id, true)]);
    }
}
