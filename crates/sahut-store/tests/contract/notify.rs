//! Notices: owed once, claimed with all that they tell, settled under their lease.

use sahut_domain::event::EventKind;
use sahut_domain::notice::Template;
use sahut_domain::reply::ReplyState;
use sahut_domain::work::Outcome;
use sahut_store::HeldFor;
use sahut_store::deliver::Answer;
use sahut_store::notify::{NewNotice, NoticeEnd};

use crate::support::{World, at, claim, code, decision, item, notice, on_both, person, promise, step};

fn end(outcome: Outcome) -> NoticeEnd {
    NoticeEnd { outcome, address_refused: false }
}

on_both! {
    async fn a_notice_is_owed_once_and_tells_everything(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.owe(&opened, "a@x.example", false).await;
        world.owe(&opened, "a@x.example", true).await;
        let mut tx = world.begin().await;
        tx.owe(Vec::new(), at(1)).await.unwrap();
        assert!(!tx.has_due_notices(at(0)).await.unwrap());
        assert!(tx.has_due_notices(at(1)).await.unwrap());
        let mut claimed = tx.claim_notices(&claim(at(1), at(60))).await.unwrap();
        assert_eq!(claimed.len(), 1);
        let work = claimed.remove(0);
        assert_eq!((work.template, &work.recipient, work.at), (Template::Assignment, &person("a@x.example"), at(0)));
        assert_eq!(work.office, Some((code("dinkes"), "Dinas dinkes".to_owned(), "dinkes".to_owned())));
        assert_eq!(work.message_text.as_deref(), Some("puskesmas tutup? m1"));
        assert_eq!(work.data["number"], opened.number.to_string());
        let inquiry = work.inquiry.unwrap();
        assert_eq!((inquiry.id, inquiry.number, inquiry.text.as_str()), (opened.id, opened.number, "puskesmas tutup? m1"));
        assert_eq!((inquiry.promise, inquiry.citizen.as_str()), (promise(at(0)), "ani"));
        assert_eq!((inquiry.decision, inquiry.office.1.as_str()), (decision("dinkes", sahut_domain::inquiry::Kind::Complaint), "dinkes"));
        assert_eq!(inquiry.channel.code, "tg-dinkes");
        tx.commit().await.unwrap();
    }

    async fn a_notice_about_a_channel_tells_of_the_channel(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let about = NewNotice {
            template: Template::ChannelSilent, inquiry: None, channel: Some(world.other), office: None,
            ..notice(&opened, "a@x.example", false)
        };
        let mut tx = world.begin().await;
        tx.owe(vec![about], at(1)).await.unwrap();
        let work = tx.claim_notices(&claim(at(1), at(60))).await.unwrap().remove(0);
        assert!(work.inquiry.is_none() && work.office.is_none());
        assert_eq!(work.channel.unwrap().code, "hook-kominfo");
        tx.commit().await.unwrap();
    }

    async fn urgent_ones_go_first(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        for (mail, urgent) in [("a@x.example", false), ("b@x.example", false), ("c@x.example", true)] {
            world.owe(&opened, mail, urgent).await;
        }
        let mut tx = world.begin().await;
        let two = sahut_store::Claim { limit: 2, ..claim(at(1), at(60)) };
        let order: Vec<_> = tx.claim_notices(&two).await.unwrap().into_iter().map(|work| work.recipient.mail).collect();
        assert_eq!(order, ["c@x.example", "a@x.example"]);
        tx.commit().await.unwrap();
    }

    async fn what_became_of_mails_is_stored_under_their_lease(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        for mail in ["a@x.example", "b@x.example", "admin@dinkes.example", "d@x.example"] {
            world.owe(&opened, mail, false).await;
        }
        let mut tx = world.begin().await;
        let stale = tx.claim_notices(&claim(at(1), at(2))).await.unwrap();
        let works = tx.claim_notices(&claim(at(2), at(60))).await.unwrap();
        assert!(!tx.keep_notice(stale[3].lease, at(90)).await.unwrap());
        assert!(tx.keep_notice(works[3].lease, at(90)).await.unwrap());
        let refused = NoticeEnd { outcome: Outcome::Dead { error: "550 no such user".to_owned() }, address_refused: true };
        let ends = vec![
            (&stale[0], end(Outcome::Dead { error: "stale".to_owned() })),
            (&works[0], end(Outcome::Done)),
            (&works[1], end(Outcome::Again { at: at(500), error: "451 later".to_owned() })),
            (&works[2], refused),
        ];
        tx.settle_notices(ends, at(3)).await.unwrap();
        let outbox = tx.outbox(10).await.unwrap();
        let lines: Vec<_> = outbox.iter().map(|line| (line.state.as_str(), line.last_error.as_deref(), line.attempt)).collect();
        assert_eq!(lines, [("due", Some("451 later"), 2), ("dead", Some("550 no such user"), 2), ("due", None, 2)]);
        assert!(tx.is_refused("admin@dinkes.example").await.unwrap());
        assert!(!tx.is_refused("a@x.example").await.unwrap());
        assert!(tx.offices().await.unwrap()[0].people.is_empty(), "nobody is mailed there");
        let kinds: Vec<_> = tx.events_of(opened.id).await.unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::InquiryOpened, EventKind::NoticeSent, EventKind::NoticeFailed]);
        assert!(!tx.retry_notice(works[0].id, "Admin", at(4)).await.unwrap(), "it was sent");
        assert!(tx.retry_notice(works[2].id, "Admin", at(4)).await.unwrap());
        let again = tx.claim_notices(&claim(at(4), at(60))).await.unwrap();
        assert_eq!(again.iter().map(|work| (work.id, work.lease.attempt)).collect::<Vec<_>>(), [(works[2].id, 3)]);
        tx.commit().await.unwrap();
    }

    async fn waiting_is_no_failure_and_another_try_forgets_them(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.owe(&opened, "a@x.example", false).await;
        let mut tx = world.begin().await;
        let mut seen = Vec::new();
        let error = || "later".to_owned();
        for (n, outcome) in (2..).zip([
            Outcome::Wait { at: at(2), error: error() },
            Outcome::Again { at: at(3), error: error() },
            Outcome::Wait { at: at(4), error: error() },
            Outcome::Dead { error: error() },
        ]) {
            let work = tx.claim_notices(&claim(at(n), at(60))).await.unwrap().remove(0);
            seen.push((work.lease.attempt, work.lease.failures));
            tx.settle_notices(vec![(&work, end(outcome))], at(n)).await.unwrap();
        }
        let id = sahut_domain::notice::NoticeId(tx.outbox(1).await.unwrap()[0].id);
        assert!(tx.retry_notice(id, "Admin", at(6)).await.unwrap());
        let work = tx.claim_notices(&claim(at(6), at(60))).await.unwrap().remove(0);
        seen.push((work.lease.attempt, work.lease.failures));
        assert_eq!(seen, [(1, 0), (2, 0), (3, 1), (4, 1), (5, 0)]);
        tx.commit().await.unwrap();
    }

    async fn nothing_leaves_while_mail_is_held(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.owe(&opened, "a@x.example", false).await;
        let mut tx = world.begin().await;
        tx.queue_reply(opened.number, Answer::new("sudah", "Admin", "k1"), at(1)).await.unwrap();
        tx.hold(Some(HeldFor::Person), "Admin", at(1)).await.unwrap();
        tx.hold(Some(HeldFor::Person), "Admin", at(1)).await.unwrap();
        assert_eq!(tx.held_for().await.unwrap(), Some(HeldFor::Person));
        assert!(tx.claim_notices(&claim(at(1), at(60))).await.unwrap().is_empty());
        assert!(tx.claim_replies(&claim(at(1), at(60))).await.unwrap().is_empty());
        tx.hold(None, "Admin", at(2)).await.unwrap();
        assert_eq!(tx.claim_notices(&claim(at(2), at(60))).await.unwrap().len(), 1);
        let replies = tx.claim_replies(&claim(at(2), at(60))).await.unwrap();
        assert_eq!(replies.iter().map(|work| work.state).collect::<Vec<_>>(), [ReplyState::Queued]);
        tx.commit().await.unwrap();
    }

    async fn after_a_restore_no_answer_leaves_before_it_was_looked_for(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        tx.queue_reply(opened.number, Answer::new("sudah", "Admin", "k1"), at(1)).await.unwrap();
        tx.hold(Some(HeldFor::Restore), "operator", at(9)).await.unwrap();
        tx.hold(Some(HeldFor::Person), "Admin", at(9)).await.unwrap();
        assert_eq!(tx.held_for().await.unwrap(), Some(HeldFor::Restore), "still after a restore");
        let line = tx.outbox(10).await.unwrap().pop().unwrap();
        assert_eq!((line.detail.as_str(), line.inquiry), ("uncertain", Some(opened.number.to_string())));
        tx.hold(None, "operator", at(10)).await.unwrap();
        let work = tx.claim_replies(&claim(at(10), at(60))).await.unwrap().remove(0);
        assert_eq!((work.state, work.first_attempt_at), (ReplyState::Uncertain, Some(at(1))));
        assert!(tx.settle_uncertain(&work, "cannot be read", at(70), at(11)).await.unwrap().is_some(), "told");
        let work = tx.claim_replies(&claim(at(70), at(99))).await.unwrap().remove(0);
        assert_eq!(tx.settle_uncertain(&work, "cannot be read", at(99), at(71)).await.unwrap(), None, "once");
        tx.commit().await.unwrap();
    }

    async fn one_unreadable_notice_does_not_keep_the_others(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.owe(&opened, "a@x.example", false).await;
        world.raw().await.run("INSERT INTO notice (id, event_id, template, recipient, recipient_name, urgent, created_at, \
            state, not_before) SELECT 999, event_id, 'of a newer version', recipient, '', 1, 0, 'due', 0 FROM notice").await.unwrap();
        let mut tx = world.begin().await;
        assert_eq!(tx.claim_notices(&claim(at(1), at(60))).await.unwrap().len(), 1);
        let dead = tx.outbox(10).await.unwrap().pop().unwrap();
        assert_eq!((dead.id, dead.state.as_str()), (999, "dead"));
        tx.commit().await.unwrap();
    }

    async fn a_reminder_of_what_is_answered_by_now_is_not_worth_sending(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let due = tx.take_due_deadlines(at(3600), 10).await.unwrap().remove(0);
        let event = step(&mut tx, &due, false, Some(due.due_at), at(3600)).await;
        let reminder = NewNotice { event, template: Template::Reminder, ..notice(&opened, "a@x.example", false) };
        tx.owe(vec![reminder], at(3600)).await.unwrap();
        let owed = tx.claim_notices(&claim(at(3600), at(3700))).await.unwrap();
        assert!(!owed[0].is_moot(at(3600)), "it is owed an answer");
        tx.answer_inquiry(opened.id, &code("dinkes"), at(3650), "Admin", at(3650)).await.unwrap();
        let owed = tx.claim_notices(&claim(at(3700), at(3800))).await.unwrap();
        assert!(owed[0].is_moot(at(3700)));
        let lines = tx.events_of(opened.id).await.unwrap().len();
        tx.settle_moot(&owed).await.unwrap();
        assert!(!tx.has_due_notices(at(9999)).await.unwrap());
        assert_eq!(tx.events_of(opened.id).await.unwrap().len(), lines);
        tx.commit().await.unwrap();
        assert_eq!(world.count("SELECT COUNT(*) FROM notice WHERE state = 'done' AND sent_at IS NULL").await, 1);
    }
}
