//! What people mail back is done once, what is forged does nothing, and machines are never answered.

use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::letter::{LetterId, Outcome};
use sahut_domain::notice::Template;
use sahut_domain::work::Outcome as Work;
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::{Supervisor, mailroom};
use sahut_store::Claim;
use sahut_store::inquiries::Inquiry;
use sahut_store::letters::LetterLine;
use sahut_store::notify::{NoticeEnd, NoticeWork};

use sahut_testing::{Dovecot, or_skip};

use crate::regency::{Town, eventually};

const FIRST: InquiryNumber = InquiryNumber { year: 2026, sequence: 1 };
const ADMIN: &str = "admin@pupr.example";
const HEAD: &str = "kepala@pupr.example";
const PASSED: &str = "Authentication-Results: mx.contoh.example; dmarc=pass header.from=pupr.example\r\n";

/// A town with one complaint, of which its office was told by mail.
struct Scene {
    clock: ManualClock,
    town: Town,
    /// Where the answer of the office's admin is wanted.
    address: String,
    message_id: String,
}

impl Scene {
    async fn open(approval: bool) -> Self {
        let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let clock = ManualClock::at(start);
        let town = Town::without_platforms(clock.clock()).await;
        town.answer_by_mail(&[HEAD, ADMIN], approval);
        town.complaint(town.channels[0], "ani").await;
        let mut scene = Self { clock, town, address: String::new(), message_id: String::new() };
        let told = scene.mailed().await;
        let work = told.iter().find(|work| work.recipient.mail == ADMIN).unwrap();
        scene.address = scene.address_of(work);
        scene.message_id = format!("<sahut.test.n{}@contoh.example>", work.id);
        scene
    }

    /// Lets all mails that are owed leave.
    async fn mailed(&self) -> Vec<NoticeWork> {
        self.clock.advance(60);
        let now = self.clock.clock().now();
        let mut tx = self.town.context.db.begin().await.unwrap();
        let claimed = tx.claim_notices(&Claim { owner: "test", now, until: now, limit: 100 }).await.unwrap();
        let sent = NoticeEnd { outcome: Work::Done, address_refused: false };
        tx.settle_notices(claimed.iter().map(|work| (work, sent.clone())).collect(), now).await.unwrap();
        tx.commit().await.unwrap();
        claimed
    }

    fn address_of(&self, work: &NoticeWork) -> String {
        let regency = self.town.context.regency.get();
        let replies = regency.outbox.as_ref().unwrap().replies.as_ref().unwrap();
        replies.address_of(work).unwrap().address().to_owned()
    }

    /// Lets a mail come in and be handled; answers what became of it.
    async fn receive(&self, mail: &str) -> LetterLine {
        self.clock.advance(60);
        let context = &self.town.context;
        mailroom::keep(&context.db, mail.as_bytes(), context.clock.now()).await.unwrap();
        while mailroom::handle(context).await.unwrap() > 0 {}
        context.db.read().await.unwrap().letters(false, 1).await.unwrap().remove(0)
    }

    /// What became of words that the admin mails back.
    async fn say(&self, words: &str) -> Outcome {
        self.receive(&self.mail(PASSED, ADMIN, words)).await.outcome.unwrap()
    }

    fn mail(&self, headers: &str, from: &str, words: &str) -> String {
        mail_to(&self.address, headers, from, words)
    }

    async fn inquiry(&self) -> Inquiry {
        self.town.context.db.read().await.unwrap().inquiry(FIRST).await.unwrap().unwrap()
    }

    /// Who is owed which mail.
    async fn owed(&self) -> Vec<(String, Template)> {
        let told = self.mailed().await;
        told.into_iter().map(|work| (work.recipient.mail, work.template)).collect()
    }
}

fn mail_to(address: &str, headers: &str, from: &str, words: &str) -> String {
    format!(
        "{headers}From: Admin <{from}>\r\nTo: Sahut <{address}>\r\nSubject: Re: aduan\r\n\r\n{words}\r\n\r\n\
         Pada Sel, 24 Nov 2026 pukul 08.00 Sahut <{address}> menulis:\r\n> Pengaduan baru\r\n"
    )
}

#[tokio::test]
async fn an_answer_by_mail_is_queued_once_and_confirmed() {
    let scene = Scene::open(false).await;
    let mail = scene.mail(PASSED, ADMIN, "Tim kami ke lokasi besok.");
    let letter = scene.receive(&mail).await;
    assert_eq!((letter.outcome, letter.inquiry), (Some(Outcome::Answered), Some(FIRST)));
    // A server delivers it again, with other trace headers.
    scene.receive(&format!("Received: from a by b\r\n{mail}")).await;
    let replies = scene.inquiry().await.replies;
    assert_eq!(replies.len(), 1);
    assert_eq!(
        (replies[0].text.as_str(), replies[0].author.as_str()),
        ("Tim kami ke lokasi besok.", "Admin admin@pupr.example")
    );
    assert_eq!(scene.owed().await, [(ADMIN.to_owned(), Template::Confirmation)]);
}

#[tokio::test]
async fn a_colleague_of_the_same_office_may_answer_and_nobody_else() {
    let scene = Scene::open(false).await;
    let letter = scene.receive(&scene.mail(PASSED, HEAD, "Kami cek.")).await;
    assert_eq!(letter.outcome, Some(Outcome::Answered));
    let passed = PASSED.replace("pupr.example", "lain.example");
    let letter = scene.receive(&scene.mail(&passed, "orang@lain.example", "Saya saja.")).await;
    assert_eq!(letter.outcome, Some(Outcome::OtherSender));
    let told = scene.owed().await;
    assert!(told.iter().all(|(to, _)| to == HEAD || to == ADMIN), "{told:?}");
    assert_eq!(scene.inquiry().await.replies.len(), 1);
}

#[tokio::test]
async fn who_has_left_the_office_has_no_say() {
    let scene = Scene::open(false).await;
    scene.town.answer_by_mail(&[HEAD], false);
    let letter = scene.receive(&scene.mail(PASSED, ADMIN, "Saya masih punya surat lama.")).await;
    assert_eq!(letter.outcome, Some(Outcome::OtherSender));
    assert!(scene.inquiry().await.replies.is_empty());
    assert!(scene.owed().await.is_empty(), "nor is told of it");
}

#[tokio::test]
async fn forged_mails_do_nothing() {
    let scene = Scene::open(false).await;
    for headers in [
        "",
        "Authentication-Results: mx.contoh.example; dmarc=fail header.from=pupr.example\r\n",
        "Authentication-Results: mx.penipu.example; dmarc=pass\r\n",
        &format!("Authentication-Results: mx.penipu.example; spf=none\r\n{PASSED}"),
        &format!("{PASSED}From: penipu@penipu.example\r\n"),
    ] {
        let letter = scene.receive(&scene.mail(headers, ADMIN, headers)).await;
        assert!(
            matches!(letter.outcome, Some(Outcome::Unproven | Outcome::OtherSender)),
            "{headers}: {letter:?}"
        );
    }
    let (local, domain) = scene.address.split_once('@').unwrap();
    let wrong = format!("{}aaaa@{domain}", &local[..local.len() - 4]);
    for address in
        [wrong.as_str(), "sahut@contoh.example", "sahut+1-@contoh.example", "sahut+99-abc@contoh.example"]
    {
        let letter = scene.receive(&mail_to(address, PASSED, ADMIN, address)).await;
        assert_eq!(letter.outcome, Some(Outcome::Untied), "{address}");
        let letter = scene.receive(&mail_to(address, PASSED, "orang@asing.example", address)).await;
        assert_eq!(letter.outcome, Some(Outcome::Stranger), "{address}");
    }
    assert!(scene.inquiry().await.replies.is_empty());
    let told = scene.owed().await;
    assert_eq!(told.len(), 3, "held mails are told of, and not each time: {told:?}");
    assert!(told.iter().all(|(to, _)| to == ADMIN));
    let status = scene.town.context.db.read().await.unwrap().status(scene.clock.clock().now()).await.unwrap();
    assert_eq!(status.letters_held, 9);
}

#[tokio::test]
async fn what_is_held_is_carried_out_on_somebodys_word() {
    let scene = Scene::open(false).await;
    let letter = scene.receive(&scene.mail("", ADMIN, "Kami cek.")).await;
    assert_eq!(letter.outcome, Some(Outcome::Unproven));
    let untied = scene.receive(&mail_to("sahut@contoh.example", PASSED, ADMIN, "Halo")).await;
    let context = &scene.town.context;
    let mut tx = context.db.begin().await.unwrap();
    assert!(tx.accept_letter(untied.id, "operator", context.clock.now()).await.is_err(), "about what?");
    assert!(tx.drop_letter(untied.id, "operator", context.clock.now()).await.unwrap());
    assert!(tx.accept_letter(letter.id, "operator", context.clock.now()).await.unwrap());
    assert!(!tx.accept_letter(LetterId(99), "operator", context.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    while mailroom::handle(context).await.unwrap() > 0 {}
    let replies = scene.inquiry().await.replies;
    assert_eq!((replies.len(), replies[0].text.as_str()), (1, "Kami cek."));
}

#[tokio::test]
async fn machines_are_never_answered() {
    let scene = Scene::open(false).await;
    for header in [
        "Auto-Submitted: auto-replied\r\n",
        "Precedence: bulk\r\n",
        "X-Auto-Response-Suppress: All\r\n",
        "List-Id: <daftar.contoh.example>\r\n",
        &format!("Message-ID: {}\r\n", scene.message_id),
    ] {
        let letter = scene.receive(&scene.mail(&format!("{PASSED}{header}"), ADMIN, header)).await;
        assert_eq!(letter.outcome, Some(Outcome::Automatic), "{header}");
    }
    assert!(scene.owed().await.is_empty() && scene.inquiry().await.replies.is_empty());
}

#[tokio::test]
async fn a_machine_in_somebodys_name_is_not_answered_for_ever() {
    let scene = Scene::open(false).await;
    for count in 0..40 {
        assert_eq!(scene.say(&format!("#catatan {count}")).await, Outcome::Noted);
    }
    assert!(scene.owed().await.len() <= 30);
}

#[tokio::test]
async fn commands_are_done_and_wrong_ones_are_answered() {
    let scene = Scene::open(false).await;
    for (words, outcome) in [
        ("#catatan sudah ditelepon", Outcome::Noted),
        ("#selesai", Outcome::NotAnswered),
        ("#selesaikan", Outcome::UnknownCommand),
        ("#bukan", Outcome::Incomplete),
        ("#bukan dinkes bukan jalan", Outcome::UnknownOffice),
        ("#bukan PUPR", Outcome::SameOffice),
        ("#setuju", Outcome::NothingProposed),
        ("#sedang sampai besok tim di lokasi", Outcome::InHand),
        ("#tambah 3 hari menunggu alat", Outcome::TimeAsked),
        ("#tambah 4 hari menunggu alat", Outcome::AskedBefore),
        ("#tanya Di RT berapa?", Outcome::Asked),
        ("", Outcome::Empty),
        (&"a".repeat(20_000), Outcome::TooLong),
    ] {
        assert_eq!(scene.say(words).await, outcome, "{words:.40}");
    }
    let inquiry = scene.inquiry().await;
    let did = |kind| inquiry.events.iter().filter(|event| event.kind == kind).count();
    assert_eq!(did(EventKind::InquiryNoted), 1);
    assert_eq!((did(EventKind::InquiryAcknowledged), did(EventKind::ExtensionAsked)), (1, 1));
    assert_eq!(inquiry.replies.len(), 1);
    let told = scene.owed().await;
    assert_eq!(told.iter().filter(|(_, template)| *template == Template::Confirmation).count(), 13);
}

#[tokio::test]
async fn two_who_answer_at_once_are_told_about_each_other() {
    let scene = Scene::open(false).await;
    scene.receive(&scene.mail(PASSED, HEAD, "Besok kami perbaiki.")).await;
    assert_eq!(scene.say("Kami cek dulu.").await, Outcome::AnsweredMeanwhile);
    assert_eq!(scene.inquiry().await.replies.len(), 1);
    // Who was told and still wants to answer does so on that mail.
    let told = scene.mailed().await;
    let told = told.iter().find(|work| work.recipient.mail == ADMIN).unwrap();
    let again = mail_to(&scene.address_of(told), PASSED, ADMIN, "Kami cek dulu, dan kabari.");
    assert_eq!(scene.receive(&again).await.outcome, Some(Outcome::Answered));
}

#[tokio::test]
async fn an_answer_that_needs_approval_leaves_when_it_is_approved() {
    let scene = Scene::open(true).await;
    assert_eq!(scene.say("Besok kami perbaiki.").await, Outcome::Proposed);
    assert!(scene.inquiry().await.replies.is_empty());
    let told = scene.mailed().await;
    let asked = told.iter().find(|work| work.template == Template::Approval).unwrap();
    assert_eq!(asked.recipient.mail, HEAD);
    let decide = |from: &str, words: &str| mail_to(&scene.address_of(asked), PASSED, from, words);
    assert_eq!(
        scene.receive(&decide(ADMIN, "#setuju")).await.outcome,
        Some(Outcome::NothingProposed),
        "one's own"
    );
    assert_eq!(scene.receive(&decide(HEAD, "Bagus")).await.outcome, Some(Outcome::NothingProposed));
    assert_eq!(scene.receive(&decide(HEAD, "#setuju")).await.outcome, Some(Outcome::Approved));
    assert_eq!(
        scene.receive(&decide(HEAD, "#setuju\n")).await.outcome,
        Some(Outcome::NothingProposed),
        "once"
    );
    let replies = scene.inquiry().await.replies;
    assert_eq!((replies.len(), replies[0].author.as_str()), (1, "Admin admin@pupr.example"));
}

#[tokio::test]
async fn thanks_for_a_confirmation_and_what_is_quoted_are_not_published() {
    let scene = Scene::open(false).await;
    let quoted = format!("Baik. Balas ke {}", scene.address);
    assert_eq!(scene.say(&quoted).await, Outcome::Quoted);
    assert_eq!(scene.say("Baik.\n#catatan rahasia").await, Outcome::Misplaced);
    assert_eq!(scene.say("#catatan sudah ditelepon").await, Outcome::Noted);
    let told = scene.mailed().await;
    let noted = told.iter().find(|work| work.data["outcome"] == "noted").unwrap();
    let thanks = mail_to(&scene.address_of(noted), PASSED, ADMIN, "Terima kasih.");
    assert_eq!(scene.receive(&thanks).await.outcome, Some(Outcome::NotMeant));
    assert!(scene.inquiry().await.replies.is_empty(), "the citizen sees none of it");
}

#[tokio::test]
async fn what_was_answered_meanwhile_is_not_approved() {
    let scene = Scene::open(true).await;
    assert_eq!(scene.say("Besok kami perbaiki.").await, Outcome::Proposed);
    let told = scene.mailed().await;
    let asked = told.iter().find(|work| work.template == Template::Approval).unwrap();
    // The head answers without asking anybody.
    let own = mail_to(&scene.address, PASSED, HEAD, "Sudah kami perbaiki.");
    assert_eq!(scene.receive(&own).await.outcome, Some(Outcome::Answered));
    let late = mail_to(&scene.address_of(asked), PASSED, HEAD, "#setuju");
    assert_eq!(scene.receive(&late).await.outcome, Some(Outcome::AnsweredMeanwhile));
    assert_eq!(scene.inquiry().await.replies.len(), 1, "the citizen is answered once");
}

#[tokio::test]
async fn an_answer_that_is_not_approved_goes_back_to_its_writer() {
    let scene = Scene::open(true).await;
    scene.say("Bukan urusan kami!").await;
    let told = scene.mailed().await;
    let asked = told.iter().find(|work| work.template == Template::Approval).unwrap();
    let refused = mail_to(&scene.address_of(asked), PASSED, HEAD, "#tolak kurang sopan");
    assert_eq!(scene.receive(&refused).await.outcome, Some(Outcome::Returned));
    let told = scene.mailed().await;
    let back = told.iter().find(|work| work.recipient.mail == ADMIN).unwrap();
    assert_eq!(back.data["outcome"], "not_approved");
    assert!(back.data["named"].as_str().unwrap().ends_with("kurang sopan"));
    assert!(scene.inquiry().await.replies.is_empty());
}

#[tokio::test]
async fn a_mail_that_is_given_back_is_told_to_others_and_its_address_is_not_mailed_again() {
    let scene = Scene::open(false).await;
    let report = |status: &str, action: &str, headers: &str| {
        format!(
            "From: MAILER-DAEMON@mx.contoh.example\r\nTo: {}\r\nSubject: gagal {status}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n--x\r\n\r\nMaaf.\r\n--x\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n\
             Final-Recipient: rfc822; {ADMIN}\r\nAction: {action}\r\nStatus: {status}\r\n--x\r\n\
             Content-Type: text/rfc822-headers\r\n\r\n{headers}\r\n--x--\r\n",
            "sahut@contoh.example"
        )
    };
    let ours = format!("Message-ID: {}\r\nReply-To: {}\r\n", scene.message_id, scene.address);
    let late = scene.receive(&report("4.4.1", "delayed", &ours)).await;
    assert_eq!(late.outcome, Some(Outcome::Delayed));
    let other = report("5.1.1", "failed", "Message-ID: <orang@lain.example>\r\n");
    assert_eq!(scene.receive(&other).await.outcome, Some(Outcome::Automatic), "no mail of ours");
    let refused = async || scene.town.context.db.read().await.unwrap().refused_addresses().await.unwrap();
    assert!(refused().await.is_empty());
    let failed = scene.receive(&report("5.1.1", "failed", &ours)).await;
    assert_eq!(failed.outcome, Some(Outcome::Bounced));
    assert!(refused().await.contains(ADMIN));
    scene.receive(&report("5.2.1", "failed", &ours)).await;
    let mut told = scene.owed().await;
    told.sort();
    assert_eq!(
        told,
        [("operator@contoh.example".to_owned(), Template::MailTrouble)],
        "the head was told already"
    );
}

#[tokio::test]
async fn a_letter_that_cannot_be_read_keeps_no_other_waiting() {
    let scene = Scene::open(false).await;
    assert_eq!(scene.receive("").await.outcome, Some(Outcome::Unreadable));
    assert_eq!(scene.say("Kami cek.").await, Outcome::Answered);
}

#[tokio::test]
async fn an_old_office_has_no_say_any_more() {
    let scene = Scene::open(false).await;
    assert_eq!(scene.say("Kami cek.").await, Outcome::Answered);
    let inquiry = scene.inquiry().await;
    let mut tx = scene.town.context.db.begin().await.unwrap();
    tx.answer_inquiry(
        inquiry.line.id,
        &inquiry.line.office,
        scene.clock.clock().now(),
        "Admin",
        scene.clock.clock().now(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(scene.say("#selesai").await, Outcome::Settled);
    assert_eq!(scene.inquiry().await.line.state, State::Closed);
    assert_eq!(scene.say("#selesai\n").await, Outcome::Closed);
    scene.clock.advance(100 * 24 * 3600);
    assert_eq!(scene.say("Terlambat.").await, Outcome::Outdated);
}

#[tokio::test]
async fn what_arrives_in_a_real_mailbox_is_done_once_however_often_it_is_read() {
    let Some(dovecot) = or_skip(Dovecot::start(&[("sahut@contoh.example", "rahasia")])) else { return };
    let scene = Scene::open(false).await;
    scene.town.read_answers_at(&dovecot, &[HEAD, ADMIN]);
    let mail = scene.mail(PASSED, ADMIN, "Tim kami ke lokasi besok.");
    dovecot.deliver(&scene.address, mail.as_bytes()).unwrap();
    dovecot.deliver(&scene.address, mail.as_bytes()).unwrap();
    let supervisor = Supervisor::new(scene.clock.clock());
    let context = scene.town.context.clone();
    supervisor.start("mailbox", "reads", true, move |heart| mailroom::read_mailbox(context.clone(), heart));
    let context = scene.town.context.clone();
    supervisor.start("mailroom", "does", true, move |heart| mailroom::run(context.clone(), heart));
    let kept = async || scene.town.context.db.read().await.unwrap().letters(false, 10).await.unwrap();
    eventually(async || kept().await.iter().any(|letter| letter.outcome == Some(Outcome::Answered))).await;

    // It listens on: what comes later is read as it comes.
    dovecot.deliver(&scene.address, scene.mail("", ADMIN, "Palsu.").as_bytes()).unwrap();
    eventually(async || kept().await.iter().any(|letter| letter.outcome == Some(Outcome::Unproven))).await;
    assert_eq!(kept().await.len(), 2, "the copy is one with the first");
    assert_eq!(scene.inquiry().await.replies.len(), 1);
    supervisor.stop_hard();
}
