//! Replies: they leave at most once, and every doubt is looked up.

use sahut_domain::event::EventKind;
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::message::{Item, Visibility};
use sahut_domain::reply::{ReplyId, ReplyState};
use sahut_domain::work::Outcome;
use sahut_store::collect::NewPage;
use sahut_store::deliver::{Answer, Queued};
use sahut_store::route::Waiting;

use crate::support::{World, at, claim, item, on_both, own, state_of};

on_both! {
    async fn an_answer_is_queued_once_and_goes_to_the_last_message(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        let first = tx.queue_reply(opened.number, Answer::new("sudah buka", "Admin Dinkes", "k1"), at(60)).await.unwrap();
        let Queued::New(id) = first else { panic!("{first:?}") };
        let again = tx.queue_reply(opened.number, Answer::new("lain", "Admin Dinkes", "k1"), at(61)).await.unwrap();
        assert_eq!(again, Queued::Known(id));
        let nobody = InquiryNumber { year: 2026, sequence: 99 };
        assert_eq!(tx.queue_reply(nobody, Answer::new("x", "Admin", "k2"), at(61)).await.unwrap(), Queued::NoInquiry);
        assert_eq!(tx.reply_text(id).await.unwrap(), Some(("sudah buka".to_owned(), None)));
        assert_eq!(tx.reply_text(ReplyId(99)).await.unwrap(), None);
        assert!(tx.has_due_replies(at(60)).await.unwrap());
        let work = tx.claim_replies(&claim(at(60), at(120))).await.unwrap().remove(0);
        assert_eq!((work.lease.id, work.state, work.key.as_str()), (id.0, ReplyState::Queued, "k1"));
        assert_eq!((work.inquiry, work.channel, work.channel_code.as_str()), (opened.id, world.channel, "tg-dinkes"));
        assert_eq!((work.answers.as_str(), work.thread_external_id.as_str(), work.post.as_deref()), ("m1", "t1", Some("p1")));
        assert_eq!((work.answers_written_at, work.citizen_wrote_at), (at(0), at(0)));
        assert_eq!(work.citizen.external_id.as_deref(), Some("ani"));
        assert_eq!(work.answers_raw.as_deref(), Some(&b"{\"id\":\"m1\"}"[..]));
        tx.commit().await.unwrap();
    }

    async fn what_the_citizen_deleted_cannot_be_answered(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.store_page(NewPage { deleted: vec!["m1".to_owned()], ..NewPage::default() }, at(9)).await;
        let mut tx = world.begin().await;
        let queued = tx.queue_reply(opened.number, Answer::new("x", "Admin", "k1"), at(10)).await.unwrap();
        assert_eq!(queued, Queued::NothingToAnswer);
    }

    async fn an_answer_that_comes_back_failed_and_its_office_is_told(world: &World) {
        let (opened, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        tx.begin_sending(&work, at(200), at(61)).await.unwrap();
        tx.settle_sent(&work, Some("r1"), None, at(62), at(65)).await.unwrap();
        tx.commit().await.unwrap();
        let report = Item { automatic: true, ..item("report", "mailer-daemon") };
        let returned = vec![("report".to_owned(), "r1".to_owned(), "it came back (5.1.1)".to_owned())];
        let page = NewPage { items: vec![report], returned, ..NewPage::default() };
        world.store_page(page.clone(), at(70)).await;
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!(inquiry.replies[0].delivery, ReplyState::Failed);
        assert_eq!(inquiry.replies[0].last_error.as_deref(), Some("it came back (5.1.1)"));
        assert_eq!(inquiry.events.last().unwrap().kind, EventKind::ReplyFailed);
        assert_eq!(inquiry.promises[0].met_at, Some(at(62)), "the office did answer");
        let status = world.read().await.status(at(71)).await.unwrap();
        assert_eq!((status.replies_dead, status.notices_due), (1, 1), "an office is told");

        // Sent again, it is not taken back by the old report.
        let mut tx = world.begin().await;
        assert!(tx.retry_reply(ReplyId(work.lease.id), "Admin", at(80)).await.unwrap());
        let work = tx.claim_replies(&claim(at(81), at(200))).await.unwrap().remove(0);
        tx.begin_sending(&work, at(200), at(82)).await.unwrap();
        assert!(tx.settle_sent(&work, Some("r1"), None, at(83), at(83)).await.unwrap());
        tx.commit().await.unwrap();
        world.store_page(page, at(90)).await;
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!(inquiry.replies[0].delivery, ReplyState::Sent);
    }

    async fn a_sent_reply_answers_the_inquiry_at_the_platforms_moment(world: &World) {
        let (opened, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        assert!(tx.begin_sending(&work, at(200), at(61)).await.unwrap());
        tx.commit().await.unwrap();
        let mut tx = world.begin().await;
        assert!(tx.settle_sent(&work, Some("r1"), Some("https://example.com/r1"), at(62), at(65)).await.unwrap());
        assert!(!tx.settle_sent(&work, Some("r1"), None, at(62), at(66)).await.unwrap(), "once");
        assert!(tx.is_our_reply(world.channel, "r1").await.unwrap());
        assert!(!tx.is_our_reply(world.other, "r1").await.unwrap());
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state.as_str(), inquiry.line.answered_at), ("answered", Some(at(62))));
        assert_eq!((inquiry.promises[0].met_at, inquiry.promises[0].missed_at), (Some(at(62)), None));
        assert_eq!((inquiry.replies[0].delivery, inquiry.replies[0].sent_at), (ReplyState::Sent, Some(at(62))));
        let said: Vec<_> = inquiry.messages.iter().map(|message| (message.own, message.text.as_str())).collect();
        assert_eq!(said, [(false, "puskesmas tutup? m1"), (true, "sudah buka")]);
        let channel = world.read().await.channel("tg-dinkes").await.unwrap().unwrap();
        assert_eq!(channel.own_at, Some(at(62)));
    }

    async fn our_answer_that_is_read_back_is_no_edit_and_waits_for_nobody(world: &World) {
        let (_, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        tx.begin_sending(&work, at(200), at(61)).await.unwrap();
        tx.settle_sent(&work, Some("r1"), None, at(62), at(62)).await.unwrap();
        tx.commit().await.unwrap();
        let as_shown = Item { written_at: at(62), ..own("r1", "Sudah  buka.") };
        let first = world.store(vec![as_shown.clone()], at(70)).await;
        assert_eq!((first.known, first.read_back), (1, 1));
        let again = world.store(vec![as_shown.clone()], at(71)).await;
        assert_eq!((again.known, again.read_back), (1, 0));
        assert!(!world.read().await.has_waiting().await.unwrap());
        assert_eq!(world.count("SELECT COUNT(*) FROM message_revision").await, 0);
        let hidden = Item { visibility: Visibility::Hidden, ..as_shown };
        assert_eq!(world.store(vec![hidden], at(72)).await.changed, 1, "but a later change is seen");
    }

    async fn a_late_answer_is_late_once(world: &World) {
        let (opened, work) = world.claimed_reply("maaf terlambat").await;
        let mut tx = world.begin().await;
        tx.begin_sending(&work, at(9000), at(8000)).await.unwrap();
        tx.settle_sent(&work, Some("r1"), None, at(8000), at(8001)).await.unwrap();
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.promises[0].missed_at, inquiry.promises[0].met_at), (Some(at(7200)), Some(at(8000))));
        let missed: Vec<_> = inquiry.events.iter().filter(|event| event.kind == EventKind::DeadlineMissed).collect();
        assert_eq!(missed.iter().map(|event| event.at).collect::<Vec<_>>(), [at(7200)]);
    }

    async fn one_answer_at_a_time_leaves_a_channel_in_their_order(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        let mut tx = world.begin().await;
        for (key, second) in [("second", 61), ("first", 60), ("third", 62)] {
            tx.queue_reply(opened.number, Answer::new(key, "Admin", key), at(second)).await.unwrap();
        }
        let mut order = Vec::new();
        while let Some(work) = tx.claim_replies(&claim(at(100), at(300))).await.unwrap().pop() {
            assert!(tx.claim_replies(&claim(at(100), at(300))).await.unwrap().is_empty(), "it is on its way");
            tx.begin_sending(&work, at(300), at(100)).await.unwrap();
            tx.settle_sent(&work, Some(&work.key), None, at(101), at(101)).await.unwrap();
            order.push(work.key);
        }
        assert_eq!(order, ["first", "second", "third"]);
        tx.commit().await.unwrap();
    }

    async fn a_stale_attempt_neither_sends_nor_settles(world: &World) {
        let (opened, stale) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        let fresh = tx.claim_replies(&claim(at(120), at(300))).await.unwrap().remove(0);
        assert!(!tx.begin_sending(&stale, at(400), at(121)).await.unwrap());
        assert!(!tx.settle_sent(&stale, Some("r1"), None, at(121), at(121)).await.unwrap());
        assert_eq!(tx.settle_uncertain(&stale, "?", at(500), at(121)).await.unwrap(), None);
        let dead = Outcome::Dead { error: "refused".to_owned() };
        assert_eq!(tx.settle_not_sent(&stale, &dead, at(121)).await.unwrap(), None);
        assert!(tx.begin_sending(&fresh, at(400), at(122)).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(state_of(world, opened.id).await, "open");
        assert_eq!(world.raw().await.texts("SELECT delivery FROM reply").await, ["sending"]);
    }

    async fn an_attempt_that_died_is_looked_up_before_anything_else(world: &World) {
        let (_, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        tx.begin_sending(&work, at(120), at(61)).await.unwrap();
        let found = tx.claim_replies(&claim(at(120), at(300))).await.unwrap().remove(0);
        assert_eq!((found.state, found.first_attempt_at), (ReplyState::Sending, Some(at(61))));
        let told = tx.settle_uncertain(&found, "the line broke", at(180), at(121)).await.unwrap();
        assert!(told.is_some());
        assert!(tx.claim_replies(&claim(at(179), at(300))).await.unwrap().is_empty());
        let found = tx.claim_replies(&claim(at(180), at(300))).await.unwrap().remove(0);
        assert_eq!(found.state, ReplyState::Uncertain);
        assert_eq!(tx.settle_uncertain(&found, "still", at(240), at(181)).await.unwrap(), None, "told once");
        tx.commit().await.unwrap();
    }

    async fn what_did_not_arrive_is_tried_again_or_given_up(world: &World) {
        let (opened, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        tx.begin_sending(&work, at(120), at(61)).await.unwrap();
        let again = Outcome::Again { at: at(200), error: "429".to_owned() };
        assert_eq!(tx.settle_not_sent(&work, &again, at(62)).await.unwrap(), None);
        let work = tx.claim_replies(&claim(at(200), at(300))).await.unwrap().remove(0);
        assert_eq!(work.state, ReplyState::Queued);
        let dead = Outcome::Dead { error: "the comment is gone".to_owned() };
        assert!(tx.settle_not_sent(&work, &dead, at(201)).await.unwrap().is_some());
        assert!(!tx.has_due_replies(at(9999)).await.unwrap());
        let line = tx.outbox(10).await.unwrap().remove(0);
        assert_eq!((line.what, line.state.as_str(), line.detail.as_str(), line.to.as_str()), ("reply", "dead", "failed", "tg-dinkes"));
        assert!(!tx.retry_reply(ReplyId(99), "Admin", at(300)).await.unwrap());
        assert!(tx.retry_reply(ReplyId(line.id), "Admin", at(300)).await.unwrap());
        assert_eq!(tx.claim_replies(&claim(at(300), at(400))).await.unwrap()[0].state, ReplyState::Queued);
        let kinds: Vec<_> = tx.events_of(opened.id).await.unwrap().iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::InquiryOpened, EventKind::ReplyQueued, EventKind::ReplyFailed, EventKind::ReplyRetried]);
        tx.commit().await.unwrap();
    }

    async fn a_person_says_what_became_of_an_uncertain_reply(world: &World) {
        let (opened, work) = world.claimed_reply("sudah buka").await;
        let id = ReplyId(work.lease.id);
        let mut tx = world.begin().await;
        assert!(!tx.resolve_uncertain(id, true, "Admin", at(61)).await.unwrap(), "nothing is uncertain");
        tx.begin_sending(&work, at(120), at(61)).await.unwrap();
        tx.settle_uncertain(&work, "?", at(100), at(62)).await.unwrap();
        let looking = tx.claim_replies(&claim(at(100), at(300))).await.unwrap().remove(0);
        assert!(tx.resolve_uncertain(id, false, "Admin", at(101)).await.unwrap());
        assert!(!tx.begin_sending(&looking, at(400), at(102)).await.unwrap(), "taken from whoever looked it up");
        let work = tx.claim_replies(&claim(at(101), at(300))).await.unwrap().remove(0);
        assert_eq!(work.state, ReplyState::Queued);
        tx.begin_sending(&work, at(300), at(103)).await.unwrap();
        tx.settle_uncertain(&work, "?", at(400), at(104)).await.unwrap();
        assert!(tx.resolve_uncertain(id, true, "Admin", at(105)).await.unwrap());
        let work = tx.claim_replies(&claim(at(105), at(300))).await.unwrap().remove(0);
        assert_eq!((work.said_by.as_deref(), work.first_attempt_at), (Some("Admin"), Some(at(61))));
        assert!(tx.settle_sent(&work, None, None, at(61), at(106)).await.unwrap());
        assert!(!tx.resolve_uncertain(id, true, "Admin", at(107)).await.unwrap());
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state.as_str(), inquiry.line.answered_at), ("answered", Some(at(61))));
        let line = |kind| inquiry.events.iter().find(|event| event.kind == kind).unwrap();
        assert_eq!(line(EventKind::ReplySent).data["said_by"], "Admin");
        assert_eq!((line(EventKind::ReplyRetried).actor.as_str(), line(EventKind::ReplyRetried).at), ("Admin", at(101)));
    }

    async fn a_reply_that_is_read_before_it_is_settled_is_recognised_as_ours(world: &World) {
        let (opened, work) = world.claimed_reply("sudah  buka\nya").await;
        world.store(vec![Item { written_at: at(62), ..own("r1", "sudah buka ya") }], at(62)).await;
        let mut tx = world.begin().await;
        let back = tx.take_waiting(10).await.unwrap().remove(0);
        assert_eq!(tx.recognise_own(&back, at(63)).await.unwrap(), None, "not handed over yet");
        tx.begin_sending(&work, at(200), at(61)).await.unwrap();
        for other in [
            Waiting { text: "lain".to_owned(), ..back.clone() },
            Waiting { parent: Some("m9".to_owned()), ..back.clone() },
            Waiting { written_at: at(61 - 300), ..back.clone() },
        ] {
            assert_eq!(tx.recognise_own(&other, at(63)).await.unwrap(), None, "{other:?}");
        }
        let flat = Waiting { parent: Some("t1".to_owned()), ..back };
        assert_eq!(tx.recognise_own(&flat, at(63)).await.unwrap(), Some(work.inquiry));
        tx.file_own(&[flat.message]).await.unwrap();
        assert!(!tx.settle_sent(&work, Some("r1"), None, at(64), at(64)).await.unwrap(), "settled already");
        tx.commit().await.unwrap();
        assert_eq!(state_of(world, opened.id).await, "answered");
        assert_eq!(world.count("SELECT COUNT(*) FROM message WHERE inquiry_id IS NOT NULL AND own = 1").await, 1);
    }

    async fn of_replies_with_the_same_words_the_one_to_what_it_hangs_under_is_read_back(world: &World) {
        let (below, first) = world.claimed_reply("sudah buka").await;
        let root = world.inquiry(Item { written_at: at(5), ..item("t1", "budi") }).await;
        let mut tx = world.begin().await;
        tx.begin_sending(&first, at(120), at(61)).await.unwrap();
        tx.settle_uncertain(&first, "?", at(9000), at(62)).await.unwrap();
        tx.queue_reply(root.number, Answer::new("sudah buka", "Admin", "k2"), at(62)).await.unwrap();
        let second = tx.claim_replies(&claim(at(63), at(300))).await.unwrap().remove(0);
        tx.begin_sending(&second, at(300), at(64)).await.unwrap();
        tx.commit().await.unwrap();
        world.store(vec![Item { parent: Some("t1".to_owned()), written_at: at(64), ..own("r2", "sudah buka") }], at(65)).await;
        let mut tx = world.begin().await;
        let back = tx.take_waiting(10).await.unwrap().remove(0);
        assert_eq!(tx.recognise_own(&back, at(65)).await.unwrap(), Some(root.id));
        let ids = [&first, &second].map(|work| ReplyId(work.lease.id));
        assert_eq!(tx.other_replies(first.thread, ids[0]).await.unwrap(), ["r2"]);
        assert!(tx.other_replies(first.thread, ids[1]).await.unwrap().is_empty());
        assert!(tx.is_other_reply(world.channel, "r2", ids[0]).await.unwrap());
        assert!(!tx.is_other_reply(world.channel, "r2", ids[1]).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!((&*state_of(world, below.id).await, &*state_of(world, root.id).await), ("open", "answered"));
    }

    async fn a_reply_that_a_person_saw_is_known_when_it_is_read_back(world: &World) {
        let (opened, work) = world.claimed_reply("sudah buka").await;
        let mut tx = world.begin().await;
        tx.begin_sending(&work, at(120), at(61)).await.unwrap();
        tx.settle_uncertain(&work, "?", at(400), at(62)).await.unwrap();
        assert!(tx.resolve_uncertain(ReplyId(work.lease.id), true, "Admin", at(63)).await.unwrap());
        let work = tx.claim_replies(&claim(at(63), at(300))).await.unwrap().remove(0);
        tx.settle_sent(&work, None, None, at(61), at(64)).await.unwrap();
        tx.commit().await.unwrap();
        world.store(vec![Item { parent: Some("m1".to_owned()), written_at: at(61), ..own("r1", "sudah buka") }], at(70)).await;
        let mut tx = world.begin().await;
        let back = tx.take_waiting(10).await.unwrap().remove(0);
        assert_eq!(tx.recognise_own(&back, at(70)).await.unwrap(), Some(opened.id));
        assert!(tx.is_our_reply(back.channel, "r1").await.unwrap());
        assert_eq!(tx.recognise_own(&back, at(71)).await.unwrap(), None, "once");
        tx.commit().await.unwrap();
    }

    async fn an_answer_by_another_way_counts_and_is_not_sent(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.store_page(NewPage { deleted: vec!["m1".to_owned()], ..NewPage::default() }, at(9)).await;
        let mut tx = world.begin().await;
        let given = tx.answer_elsewhere(opened.number, Answer::new("lewat surat", "Admin", "k"), at(60)).await.unwrap();
        let Queued::New(id) = given else { panic!("{given:?}") };
        let again = tx.answer_elsewhere(opened.number, Answer::new("lewat surat", "Admin", "k"), at(61)).await.unwrap();
        assert_eq!(again, Queued::Known(id));
        assert!(!tx.has_due_replies(at(9999)).await.unwrap());
        tx.commit().await.unwrap();
        let inquiry = world.read().await.inquiry(opened.number).await.unwrap().unwrap();
        assert_eq!((inquiry.line.state.as_str(), inquiry.line.answered_at), ("answered", Some(at(60))));
        assert_eq!((inquiry.replies[0].delivery, inquiry.replies[0].text.as_str()), (ReplyState::Elsewhere, "lewat surat"));
        assert!(inquiry.events.iter().any(|event| event.kind == EventKind::ReplyElsewhere && event.actor == "Admin"));
    }

    async fn what_came_from_a_file_is_answered_by_another_way_only(world: &World) {
        let opened = world.inquiry(item("m1", "ani")).await;
        world.raw().await.run("UPDATE channel SET platform = 'import'").await.unwrap();
        let mut tx = world.begin().await;
        let refused = tx.queue_reply(opened.number, Answer::new("sudah", "Admin", "k"), at(60)).await.unwrap();
        assert_eq!(refused, Queued::Imported);
    }
}
