//! Who is there, and what an office did in a week.

use jiff::SignedDuration;
use sahut_domain::event::EventKind;
use sahut_domain::notice::Template;
use sahut_domain::office::Role;
use sahut_domain::work::Outcome;
use sahut_store::configuration::{NewRevision, Standing};
use sahut_store::notify::{NewNotice, NoticeEnd};

use crate::support::{World, at, claim, code, item, notice, on_both, person, revision};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Sends so many mails to the office's admin.
async fn send(world: &World, mails: usize) {
    let one = world.inquiry(item("m1", "ani")).await;
    let templates =
        [Template::Assignment, Template::FollowUp, Template::Reminder, Template::Overdue, Template::Triage];
    let mut tx = world.begin().await;
    let owed = templates.iter().take(mails);
    let owed =
        owed.map(|template| NewNotice { template: *template, ..notice(&one, "admin@dinkes.example", false) });
    tx.owe(owed.collect(), at(1)).await.unwrap();
    let works = tx.claim_notices(&claim(at(1), at(60))).await.unwrap();
    let done = || NoticeEnd { outcome: Outcome::Done, address_refused: false };
    tx.settle_notices(works.iter().map(|work| (work, done())).collect(), at(2)).await.unwrap();
    tx.commit().await.unwrap();
}

on_both! {
    async fn who_belongs_to_an_office_without_being_on_duty_gets_no_mail_by_itself(world: &World) {
        let head = Standing { office: code("dinkes"), person: person("kepala@dinkes.example"), role: Role::Head };
        let mut tx = world.begin().await;
        tx.apply(NewRevision { standing: vec![head], ..revision("second") }, "Admin", at(0)).await.unwrap();
        assert_eq!(tx.offices().await.unwrap()[0].people.len(), 1);
        let people = tx.people(at(1)).await.unwrap();
        let roles: Vec<_> = people.iter().map(|one| (one.mail.as_str(), one.role)).collect();
        assert_eq!(roles, [("admin@dinkes.example", Role::Duty), ("kepala@dinkes.example", Role::Head), ("admin@kominfo.example", Role::Duty)]);
        tx.commit().await.unwrap();
    }

    async fn who_gets_mail_and_never_acts_is_found_until_somebody_does(world: &World) {
        send(world, 5).await;
        let mut tx = world.begin().await;
        assert!(tx.note_silence(at(60)).await.unwrap().is_empty(), "they had no time to act yet");
        let lines = tx.note_silence(at(0) + 2 * DAY).await.unwrap();
        assert_eq!(lines.len(), 1);
        assert!(tx.note_silence(at(0) + 3 * DAY).await.unwrap().is_empty(), "told once");
        assert_eq!(tx.silent_offices().await.unwrap(), [code("dinkes")].into());
        assert_eq!(tx.silent_people(&code("dinkes")).await.unwrap().len(), 1);
        let silent = tx.people(at(0) + 3 * DAY).await.unwrap().remove(0);
        assert_eq!((silent.sent, silent.silent_at), (5, Some(at(0) + 2 * DAY)));
        tx.note_act("admin@dinkes.example", at(0) + 3 * DAY).await.unwrap();
        assert!(tx.silent_offices().await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }

    async fn what_an_office_does_on_the_platform_counts_for_its_people(world: &World) {
        send(world, 5).await;
        let mut tx = world.begin().await;
        tx.note_silence(at(0) + 2 * DAY).await.unwrap();
        let one = tx.events_after(sahut_domain::event::EventId(0), 100).await.unwrap();
        let inquiry = one.iter().find(|event| event.kind == EventKind::InquiryOpened).unwrap().inquiry.unwrap();
        tx.answer_inquiry(inquiry, &code("dinkes"), at(0) + 2 * DAY, "platform", at(0) + 2 * DAY).await.unwrap();
        tx.note_silence(at(0) + 3 * DAY).await.unwrap();
        assert!(tx.silent_offices().await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }

    async fn a_week_is_counted_from_the_journal(world: &World) {
        let first = world.inquiry(item("m1", "ani")).await;
        let second = world.inquiry(item("m2", "budi")).await;
        let mut tx = world.begin().await;
        tx.hand_over(second.number, &code("kominfo"), "bukan kami", "Admin", at(60)).await.unwrap().unwrap();
        tx.answer_inquiry(first.id, &code("dinkes"), at(9000), "Admin", at(9000)).await.unwrap();
        let weeks = tx.weeks(at(-60), at(0) + 7 * DAY).await.unwrap();
        let (here, there) = (&weeks[&code("dinkes")], &weeks[&code("kominfo")]);
        assert_eq!((here.received, here.handed_over, here.answered, here.on_time), (2, 1, 1, 0));
        assert_eq!((&here.responses[..], &here.late[..]), (&[(at(0), at(9000))][..], &[first.number][..]));
        assert_eq!((there.received, there.taken_over), (0, 1));
        assert!(tx.weeks(at(9001), at(9002)).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }
}
