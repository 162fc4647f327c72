//! Many mails in one, and how many one person gets.

use jiff::SignedDuration;
use sahut_domain::event::EventId;
use sahut_domain::notice::Template;
use sahut_domain::work::Outcome;
use sahut_store::digests::AN_HOUR;
use sahut_store::notify::{NewNotice, NoticeEnd};

use crate::support::{World, at, claim, code, item, notice, on_both, person};

on_both! {
    async fn what_somebody_is_owed_is_told_in_one_mail(world: &World) {
        let mut opened = Vec::new();
        for name in ["m1", "m2", "m3"] {
            let one = world.inquiry(item(name, name)).await;
            world.owe(&one, "a@x.example", false).await;
            opened.push(one);
        }
        world.owe(&opened[0], "b@x.example", false).await;
        world.owe(&opened[0], "a@x.example", true).await;
        let mut tx = world.begin().await;
        let found = tx.due_recipients(at(1)).await.unwrap();
        let counted: Vec<_> = found.iter().map(|one| (one.person.mail.as_str(), one.due, one.foldable, one.held_up, one.lately)).collect();
        assert_eq!(counted, [("a@x.example", 3, 3, false, 0), ("b@x.example", 1, 1, false, 0)]);
        assert_eq!(tx.fold(vec![(found[0].person.clone(), found[0].office.clone())], false, at(2)).await.unwrap(), 3);
        let works = tx.claim_notices(&claim(at(2), at(60))).await.unwrap();
        let digest = works.iter().find(|work| work.template == Template::Digest).unwrap();
        assert_eq!((works.len(), digest.recipient.mail.as_str()), (2, "a@x.example"), "b's own is beside it");
        let event = digest.event;
        let lines = tx.digest(event, None).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.id).collect::<Vec<_>>(), opened.iter().map(|one| one.id).collect::<Vec<_>>());
        tx.answer_inquiry(opened[1].id, &code("dinkes"), at(3), "Admin", at(3)).await.unwrap();
        assert_eq!(tx.digest(event, None).await.unwrap().len(), 2, "what is answered waits no more");
        let fourth = NewNotice { event: EventId(1), ..notice(&opened[0], "c@x.example", false) };
        tx.owe(vec![fourth], at(3)).await.unwrap();
        assert_eq!(tx.digest(event, Some(&code("dinkes"))).await.unwrap().len(), 2);
        assert_eq!(tx.owing_offices().await.unwrap(), [code("dinkes")].into());
        let checks = tx.selfcheck(at(3)).await.unwrap();
        assert!(checks.iter().all(|check| check.broken == 0), "{checks:?}");
        tx.commit().await.unwrap();
    }

    async fn a_digest_that_could_not_leave_is_told_in_the_next(world: &World) {
        let one = world.inquiry(item("m1", "ani")).await;
        world.owe(&one, "a@x.example", false).await;
        let mut tx = world.begin().await;
        tx.fold(vec![(person("a@x.example"), None)], false, at(1)).await.unwrap();
        let work = tx.claim_notices(&claim(at(1), at(60))).await.unwrap().remove(0);
        let later = NoticeEnd { outcome: Outcome::Again { at: at(9000), error: "451".to_owned() }, address_refused: false };
        tx.settle_notices(vec![(&work, later)], at(2)).await.unwrap();
        assert!(tx.due_recipients(at(3)).await.unwrap().is_empty(), "nothing is due before then");
        assert_eq!(tx.fold(vec![(person("a@x.example"), None)], true, at(3)).await.unwrap(), 1);
        let next = tx.claim_notices(&claim(at(3), at(60))).await.unwrap().remove(0);
        assert_ne!(next.event, work.event);
        assert_eq!(tx.digest(next.event, None).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
    }

    async fn mails_of_the_last_hour_are_counted_and_others_put_off(world: &World) {
        let one = world.inquiry(item("m1", "ani")).await;
        world.owe(&one, "a@x.example", false).await;
        let mut tx = world.begin().await;
        let work = tx.claim_notices(&claim(at(1), at(60))).await.unwrap().remove(0);
        let done = NoticeEnd { outcome: Outcome::Done, address_refused: false };
        tx.settle_notices(vec![(&work, done)], at(10)).await.unwrap();
        tx.owe(vec![NewNotice { template: Template::FollowUp, ..notice(&one, "a@x.example", false) }], at(11)).await.unwrap();
        let found = tx.due_recipients(at(20)).await.unwrap().remove(0);
        assert_eq!((found.lately, found.free_at), (1, at(10) + AN_HOUR));
        tx.put_off("a@x.example", found.free_at, 0, at(20)).await.unwrap();
        assert!(!tx.has_due_notices(at(3609)).await.unwrap());
        let found = tx.due_recipients(at(3610)).await.unwrap().remove(0);
        assert_eq!((found.lately, found.due), (0, 1));
        tx.commit().await.unwrap();
    }

    async fn who_has_waited_longest_is_not_put_off(world: &World) {
        let one = world.inquiry(item("m1", "ani")).await;
        let owed = |template| NewNotice { template, ..notice(&one, "a@x.example", false) };
        let mut tx = world.begin().await;
        tx.owe(vec![owed(Template::ChannelTrouble), owed(Template::ChannelSilent), owed(Template::Reminder)], at(1)).await.unwrap();
        tx.put_off_others("a@x.example", at(60), 1, at(1)).await.unwrap();
        assert_eq!(tx.due_recipients(at(1)).await.unwrap()[0].due, 2, "what can be folded is not touched");
        tx.put_off("a@x.example", at(60), 1, at(1)).await.unwrap();
        let works = tx.claim_notices(&claim(at(1), at(30))).await.unwrap();
        assert_eq!(works.iter().map(|work| work.template).collect::<Vec<_>>(), [Template::ChannelTrouble]);
        assert_eq!(tx.due_recipients(at(60)).await.unwrap()[0].due, 3);
        tx.commit().await.unwrap();
    }

    async fn what_nobody_is_woken_for_waits(world: &World) {
        let one = world.inquiry(item("m1", "ani")).await;
        let owed = |template| NewNotice { template, ..notice(&one, "a@x.example", false) };
        let mut tx = world.begin().await;
        tx.owe(vec![owed(Template::Assignment), owed(Template::Reminder)], at(1)).await.unwrap();
        assert_eq!(tx.quiet_offices(at(1)).await.unwrap(), [code("dinkes")]);
        let opening = at(1) + SignedDuration::from_hours(8);
        tx.let_wait(&code("dinkes"), opening, at(1)).await.unwrap();
        assert!(tx.quiet_offices(at(1)).await.unwrap().is_empty());
        tx.put_off_others("a@x.example", at(9), 0, at(1)).await.unwrap();
        let works = tx.claim_notices(&claim(at(1), at(60))).await.unwrap();
        assert_eq!(works.iter().map(|work| work.template).collect::<Vec<_>>(), [Template::Assignment], "that can be folded");
        tx.commit().await.unwrap();
    }
}
