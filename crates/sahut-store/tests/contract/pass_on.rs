//! Inquiries that are not their office's own, and the page they are looked at on.

use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Passing};
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::Limit;
use sahut_store::configuration::NewRevision;
use sahut_store::deliver::Answer;
use sahut_store::pass_on::{NotOurs, PassedOn};
use sahut_store::{StoreError, Tx};

use crate::support::{World, at, claim, code, item, office, on_both, revision};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };

/// Two more offices.
async fn four_offices(world: &World) {
    let offices = ["dinkes", "kominfo", "pupr", "dlh"].map(office).to_vec();
    let mut tx = world.begin().await;
    tx.apply(NewRevision { offices, ..revision("four") }, "test", at(-60)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn pass(
    tx: &mut Tx,
    to: Option<&str>,
    actor: &str,
    seconds: i64,
) -> Result<Option<PassedOn>, StoreError> {
    let to: Option<OfficeCode> = to.map(code);
    let decides = code("kominfo");
    let said = NotOurs { to: to.as_ref(), reason: "bukan tugas kami", actor, decides: &decides };
    tx.not_ours(FIRST, said, at(seconds)).await
}

on_both! {
    async fn offices_pass_on_twice_and_then_it_is_decided(world: &World) {
        four_offices(world).await;
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let first = pass(&mut tx, Some("pupr"), "Admin Dinkes", 60).await.unwrap().unwrap();
        assert_eq!((first.passing, first.from, first.to), (Passing::Named, code("dinkes"), code("pupr")));
        let second = pass(&mut tx, Some("dinkes"), "Admin PUPR", 120).await.unwrap().unwrap();
        assert_eq!(second.passing, Passing::Named);
        let stands = tx.how_it_stands(opened.id).await.unwrap();
        assert_eq!((stands.hops, stands.returns, stands.bound), (2, 1, false), "it came back");
        let third = pass(&mut tx, Some("dlh"), "Admin Dinkes", 180).await.unwrap().unwrap();
        assert_eq!((third.passing, &third.to), (Passing::Disputed, &code("kominfo")));
        assert!(tx.inquiry(FIRST).await.unwrap().unwrap().line.triage);
        let undecided = pass(&mut tx, None, "Admin Kominfo", 200).await;
        assert!(matches!(undecided, Err(StoreError::Unfit(_))), "those who decide name one: {undecided:?}");
        let decided = pass(&mut tx, Some("pupr"), "Admin Kominfo", 240).await.unwrap().unwrap();
        assert_eq!((decided.passing, &decided.to), (Passing::Decided, &code("pupr")));
        let stands = tx.how_it_stands(opened.id).await.unwrap();
        assert_eq!((stands.hops, stands.returns, stands.bound), (3, 2, true));
        let again = pass(&mut tx, Some("dlh"), "Admin PUPR", 300).await;
        assert!(matches!(again, Err(StoreError::Unfit(_))), "what was decided holds: {again:?}");
        // The citizen's promise ran on, and each office's own time adds up to it.
        let at_offices: Vec<(OfficeCode, i64)> = stands.segments.iter().map(|segment| {
            (segment.office.clone(), segment.to.unwrap_or(at(300)).duration_since(segment.from).as_secs())
        }).collect();
        let offices = ["dinkes", "pupr", "dinkes", "kominfo", "pupr"].map(code);
        assert_eq!(at_offices, offices.into_iter().zip([60; 5]).collect::<Vec<_>>());
    }

    async fn the_next_office_is_told_who_passed_it_on_and_why(world: &World) {
        four_offices(world).await;
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        pass(&mut tx, Some("pupr"), "Admin Dinkes", 60).await.unwrap().unwrap();
        let told = tx.claim_notices(&claim(at(61), at(120))).await.unwrap();
        let told: Vec<_> = told.iter().map(|work| (work.template, work.recipient.mail.as_str(), &work.data)).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        let (template, mail, data) = told[0];
        assert_eq!((template, mail), (Template::HandedOver, "admin@pupr.example"));
        assert_eq!((data["from"].as_str(), data["reason"].as_str()), (Some("dinkes"), Some("bukan tugas kami")));
        let line = tx.events_of(opened.id).await.unwrap().pop().unwrap();
        assert_eq!((line.kind, line.actor.as_str(), line.office), (EventKind::InquiryHandedOver, "Admin Dinkes", Some(code("pupr"))));
        assert_eq!(line.data["passing"], "named");
    }

    async fn who_does_not_know_leaves_it_to_those_who_decide(world: &World) {
        four_offices(world).await;
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let passed = pass(&mut tx, None, "Admin Dinkes", 60).await.unwrap().unwrap();
        assert_eq!((passed.passing, &passed.to), (Passing::Unknown, &code("kominfo")));
        tx.commit().await.unwrap();
        let lessons = "SELECT COUNT(*) FROM lesson";
        assert_eq!(world.count(lessons).await, 0, "nobody knows better yet");
        let mut tx = world.begin().await;
        tx.hand_over(FIRST, &code("dlh"), "sampah", "Admin Kominfo", at(90)).await.unwrap().unwrap();
        assert!(!tx.how_it_stands(opened.id).await.unwrap().bound, "it was not disputed");
        tx.commit().await.unwrap();
        assert_eq!(world.count(lessons).await, 1);
    }

    async fn passing_on_wants_a_reason_and_another_office(world: &World) {
        four_offices(world).await;
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let (pupr, decides) = (code("pupr"), code("kominfo"));
        let said = NotOurs { to: Some(&pupr), reason: " ", actor: "Admin", decides: &decides };
        assert!(matches!(tx.not_ours(FIRST, said, at(10)).await, Err(StoreError::Unfit(_))));
        for to in ["dinkes", "tidak-ada"] {
            let refused = pass(&mut tx, Some(to), "Admin", 10).await;
            assert!(matches!(refused, Err(StoreError::Unfit(_))), "{refused:?}");
        }
    }

    async fn a_form_is_acted_on_once(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        assert!(tx.begin_operation("k1", opened.id, "note", at(1)).await.unwrap());
        assert!(!tx.begin_operation("k1", opened.id, "note", at(2)).await.unwrap());
        let done = tx.operation("k1").await.unwrap().unwrap();
        assert_eq!((done.inquiry, done.act.as_str(), done.done_at), (opened.id, "note", at(1)));
        assert_eq!(tx.operation("k2").await.unwrap(), None);
    }

    async fn an_answer_on_its_way_changes_the_version(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let before = tx.hold_version(FIRST).await.unwrap().unwrap();
        tx.answer_together(FIRST, Answer::new("baik", "Admin", "k1"), |_| Ok(()), at(5)).await.unwrap();
        let after = tx.hold_version(FIRST).await.unwrap().unwrap();
        assert!(after > before, "who answers at the same time is told");
        assert_eq!(tx.how_it_stands(opened.id).await.unwrap().version, after);
        assert_eq!(tx.number_of(opened.id).await.unwrap(), Some((FIRST, code("dinkes"))));
        assert_eq!(tx.number_of(InquiryId(99)).await.unwrap(), None);
    }

    async fn the_outline_of_an_answer_is_held_against_limits(world: &World) {
        world.inquiry(item("m1", "ani")).await;
        let mut tx = world.read().await;
        let outline = tx.outline_reply(FIRST).await.unwrap().unwrap();
        assert_eq!((outline.channel_code.as_str(), outline.answers.as_str(), outline.text.as_str()), ("tg-dinkes", "m1", ""));
        let missing = InquiryNumber { year: 2026, sequence: 99 };
        assert!(tx.outline_reply(missing).await.unwrap().is_none());
        drop(tx);
        let mut tx = world.begin().await;
        let long = Limit::Length { platform: "Telegram", unit: "characters", has: 5000, most: 4096 };
        let answered = tx.answer_together(FIRST, Answer::new("baik", "Admin", "k1"), |_| Err(long.clone()), at(5)).await;
        assert!(format!("{answered:?}").contains("TooLong"), "{answered:?}");
    }

    async fn everybody_of_an_office_that_is_not_retired_is_known(world: &World) {
        let mut tx = world.begin().await;
        let mails: Vec<String> = tx.everybody().await.unwrap().into_iter().map(|person| person.mail).collect();
        assert_eq!(mails, ["admin@dinkes.example", "admin@kominfo.example"]);
        tx.apply(NewRevision { offices: vec![office("kominfo")], channels: Vec::new(), ..revision("one") }, "test", at(1)).await.unwrap();
        let left = tx.everybody().await.unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}
