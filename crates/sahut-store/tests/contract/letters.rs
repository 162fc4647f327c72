//! Letters are kept once, taken in their order, held until a person decides; and what bounced is known.

use sahut_domain::event::EventKind;
use sahut_domain::letter::{LetterId, LetterState, Outcome};
use sahut_domain::message::Surface;
use sahut_domain::notice::{NoticeId, Template};
use sahut_domain::work::Outcome as Work;
use sahut_store::StoreError;
use sahut_store::deliver::Answer;
use sahut_store::letters::LetterEnd;
use sahut_store::notify::NoticeEnd;

use crate::support::{World, at, claim, code, item, on_both};

fn end(outcome: Outcome) -> LetterEnd {
    LetterEnd {
        outcome,
        detail: Some("why".to_owned()),
        sender: Some("a@x.example".to_owned()),
        notice: None,
    }
}

/// A notice that has left, to this address.
async fn sent(world: &World, mail: &str) -> NoticeId {
    let opened = world.inquiry(item("m1", "ani")).await;
    world.owe(&opened, mail, false).await;
    let mut tx = world.begin().await;
    let work = tx.claim_notices(&claim(at(1), at(60))).await.unwrap().remove(0);
    let done = NoticeEnd { outcome: Work::Done, address_refused: false };
    tx.settle_notices(vec![(&work, done)], at(2)).await.unwrap();
    tx.commit().await.unwrap();
    work.id
}

on_both! {
    async fn a_letter_is_kept_once_and_comes_back_as_it_was(world: &World) {
        let mut tx = world.begin().await;
        assert!(!tx.has_waiting_letters().await.unwrap());
        assert!(tx.keep_letter("k1", b"From: a\r\n\r\nhalo\0", at(1)).await.unwrap());
        assert!(!tx.keep_letter("k1", b"another", at(2)).await.unwrap(), "a copy");
        assert!(tx.keep_letter("k2", b"", at(3)).await.unwrap());
        assert!(tx.has_waiting_letters().await.unwrap());
        let letter = tx.take_letter().await.unwrap().unwrap();
        assert_eq!((letter.key.as_str(), letter.raw.as_slice(), letter.received_at), ("k1", &b"From: a\r\n\r\nhalo\0"[..], at(1)));
        assert!(tx.settle_letter(letter.id, &end(Outcome::Answered), at(4)).await.unwrap());
        assert!(!tx.settle_letter(letter.id, &end(Outcome::Noted), at(5)).await.unwrap(), "once");
        let second = tx.take_letter().await.unwrap().unwrap();
        assert!(tx.settle_letter(second.id, &end(Outcome::Stranger), at(6)).await.unwrap());
        assert_eq!(tx.take_letter().await.unwrap(), None);
        let (line, raw) = tx.letter(letter.id).await.unwrap().unwrap();
        assert_eq!((line.state, line.outcome, line.detail.as_deref()), (LetterState::Settled, Some(Outcome::Answered), Some("why")));
        assert_eq!(raw.unwrap(), b"From: a\r\n\r\nhalo\0");
        assert!(tx.letter(LetterId(99)).await.unwrap().is_none());
    }

    async fn what_is_held_waits_for_a_person(world: &World) {
        let notice = sent(world, "a@x.example").await;
        let mut tx = world.begin().await;
        for (key, about) in [("k1", Some(notice)), ("k2", None)] {
            tx.keep_letter(key, b"halo", at(3)).await.unwrap();
            let letter = tx.take_letter().await.unwrap().unwrap();
            tx.settle_letter(letter.id, &LetterEnd { notice: about, ..end(Outcome::Unproven) }, at(4)).await.unwrap();
        }
        let held = tx.letters(true, 10).await.unwrap();
        assert_eq!(held.iter().map(|line| line.inquiry.is_some()).collect::<Vec<_>>(), [false, true]);
        assert_eq!(tx.status(at(5)).await.unwrap().letters_held, 2);
        let refused = tx.accept_letter(held[0].id, "operator", at(5)).await;
        assert!(matches!(refused, Err(StoreError::Unfit(_))), "{refused:?}");
        assert!(tx.drop_letter(held[0].id, "operator", at(5)).await.unwrap());
        assert!(!tx.drop_letter(held[0].id, "operator", at(5)).await.unwrap());
        assert!(tx.accept_letter(held[1].id, "operator", at(6)).await.unwrap());
        assert!(!tx.accept_letter(held[1].id, "operator", at(6)).await.unwrap());
        let again = tx.take_letter().await.unwrap().unwrap();
        assert_eq!((again.id, again.accepted_by.as_deref()), (held[1].id, Some("operator")));
        assert!(tx.letters(true, 10).await.unwrap().is_empty());
        assert_eq!(tx.letters(false, 10).await.unwrap().len(), 2);
    }

    async fn old_mails_go_and_what_became_of_them_stays(world: &World) {
        let mut tx = world.begin().await;
        for (key, outcome) in [("k1", Outcome::Answered), ("k2", Outcome::Unproven)] {
            tx.keep_letter(key, b"halo", at(1)).await.unwrap();
            let letter = tx.take_letter().await.unwrap().unwrap();
            tx.settle_letter(letter.id, &end(outcome), at(2)).await.unwrap();
        }
        assert_eq!(tx.drop_letter_bodies(at(1)).await.unwrap(), 0);
        assert_eq!(tx.drop_letter_bodies(at(2)).await.unwrap(), 1, "what is held is still needed");
        assert_eq!(tx.drop_letter_bodies(at(2)).await.unwrap(), 0);
        assert!(!tx.keep_letter("k1", b"halo", at(9)).await.unwrap(), "still known");
        let gone = tx.letters(false, 10).await.unwrap().pop().unwrap();
        assert_eq!(tx.letter(gone.id).await.unwrap().unwrap().1, None);
    }

    async fn a_mail_that_was_given_back_is_no_longer_sent(world: &World) {
        let notice = sent(world, "admin@dinkes.example").await;
        let mut tx = world.begin().await;
        assert!(tx.notice_facts(NoticeId(99)).await.unwrap().is_none());
        let facts = tx.notice_facts(notice).await.unwrap().unwrap();
        assert_eq!((facts.template, facts.office.as_ref()), (Template::Assignment, Some(&code("dinkes"))));
        assert!(facts.inquiry.is_some() && facts.at == at(0) && facts.created_at == at(1));
        let event = tx.bounce_notice(&facts, "given back (5.1.1)", at(9)).await.unwrap().unwrap();
        assert_eq!(tx.bounce_notice(&facts, "given back (5.1.1)", at(9)).await.unwrap(), None, "told once");
        assert!(tx.is_refused("admin@dinkes.example").await.unwrap());
        let last = tx.events_of(facts.inquiry.unwrap().0).await.unwrap().pop().unwrap();
        assert_eq!((last.id, last.kind, last.data["bounced"].as_bool()), (event, EventKind::NoticeFailed, Some(true)));
        assert_eq!(tx.status(at(9)).await.unwrap().notices_dead, 1);
        assert!(tx.retry_notice(notice, "operator", at(10)).await.unwrap());
        assert!(!tx.is_refused("admin@dinkes.example").await.unwrap(), "given another chance");
    }

    async fn mailboxes_are_read_on_from_where_they_were(world: &World) {
        let mut tx = world.begin().await;
        assert_eq!(tx.mailbox_cursor("a@x/INBOX").await.unwrap(), None);
        tx.move_mailbox_cursor("a@x/INBOX", (7, 12)).await.unwrap();
        tx.move_mailbox_cursor("a@x/INBOX", (8, 1)).await.unwrap();
        assert_eq!(tx.mailbox_cursor("a@x/INBOX").await.unwrap(), Some((8, 1)));
        assert_eq!(tx.mailbox_cursor("b@x/INBOX").await.unwrap(), None);
    }

    async fn who_wrote_and_what_was_done_meanwhile_is_known(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let (person, offices) = tx.person_at("ADMIN@dinkes.example").await.unwrap().unwrap();
        assert_eq!((person.mail.as_str(), offices.as_slice()), ("admin@dinkes.example", &[code("dinkes")][..]));
        assert!(tx.person_at("orang@asing.example").await.unwrap().is_none());
        assert_eq!(tx.surface_of(opened.id).await.unwrap().map(|(_, surface)| surface), Some(Surface::Comment));
        tx.queue_reply(opened.number, Answer::new("sudah", "Admin", "k"), at(60)).await.unwrap();
        let since = async |tx: &mut sahut_store::Tx, at, by| {
            tx.answered_since(opened.id, at, by).await.unwrap().map(|(_, author)| author)
        };
        assert_eq!(since(&mut tx, at(0), "Kepala").await.as_deref(), Some("Admin"));
        assert_eq!(since(&mut tx, at(0), "Admin").await, None, "one's own");
        assert_eq!(since(&mut tx, at(60), "Kepala").await, None, "known when the mail was written");
        world_told(&mut tx, opened.id).await;
    }
}

/// Mails about events of a kind are counted for each who gets them.
async fn world_told(tx: &mut sahut_store::Tx, inquiry: sahut_domain::inquiry::InquiryId) {
    let event =
        sahut_store::journal::NewEvent::new(EventKind::LetterHeld, at(70)).inquiry(inquiry, &code("dinkes"));
    let event = tx.record_one(event, at(70)).await.unwrap();
    let notice = sahut_store::notify::NewNotice {
        event,
        template: Template::Confirmation,
        recipient: crate::support::person("a@x.example"),
        office: None,
        inquiry: Some(inquiry),
        channel: None,
        urgent: false,
        not_before: at(70),
    };
    tx.owe(vec![notice], at(70)).await.unwrap();
    for (mail, since, count) in [("a@x.example", 60, 1), ("a@x.example", 71, 0), ("b@x.example", 60, 0)] {
        assert_eq!(tx.count_told(mail, EventKind::LetterHeld, at(since)).await.unwrap(), count);
    }
    assert_eq!(tx.count_told("a@x.example", EventKind::LetterSettled, at(0)).await.unwrap(), 0);
}
