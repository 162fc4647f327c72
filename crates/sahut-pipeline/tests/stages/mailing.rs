//! Mails leave however slow the mail server is, and one that hangs holds up no other.

use sahut_domain::notice::Template;
use sahut_domain::office::Person;
use sahut_domain::work::Outcome;
use sahut_domain::{ManualClock, Timestamp};
use sahut_pipeline::{Supervisor, notify};
use sahut_store::Claim;
use sahut_store::journal::Event;
use sahut_store::notify::{NewNotice, NoticeEnd};
use sahut_testing::{Mood, SmtpSink, Stage, or_skip};

use crate::regency::{Town, eventually};

/// A town with one complaint, whose mails are owed to whom a test wants.
struct Scene {
    clock: ManualClock,
    town: Town,
    opened: Event,
}

impl Scene {
    async fn open(port: u16) -> Self {
        let start: Timestamp = "2026-11-24T01:00:00Z".parse().unwrap();
        let clock = ManualClock::at(start);
        let town = Town::without_platforms(clock.clock()).await;
        town.mail_through(port);
        let opened = town.complaint(town.channels[0], "ani").await;
        Self { clock, town, opened }
    }

    async fn owe(&self, mails: &[&str]) {
        let now = self.clock.clock().now();
        let notice = |mail: &&str| NewNotice {
            event: self.opened.id,
            template: Template::Assignment,
            recipient: Person { name: "Admin".to_owned(), mail: (*mail).to_owned() },
            office: self.opened.office.clone(),
            inquiry: self.opened.inquiry,
            channel: None,
            urgent: false,
            not_before: now,
        };
        let mut tx = self.town.context.db.begin().await.unwrap();
        tx.owe(mails.iter().map(notice).collect(), now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Starts the stage as the running process does.
    fn start(&self) -> Supervisor {
        let supervisor = Supervisor::new(self.clock.clock());
        let context = self.town.context.clone();
        supervisor
            .start("notify", "mails what is owed", true, move |heart| notify::run(context.clone(), heart));
        supervisor
    }

    async fn owed_to(&self) -> Vec<String> {
        self.town.owed().await.into_iter().map(|(to, ..)| to).collect()
    }
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_is_no_loop_that_hangs() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let scene = Scene::open(silent.local_addr().unwrap().port()).await;
    scene.owe(&["a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"]).await;
    let supervisor = scene.start();
    let tried = async || scene.town.owed().await.iter().filter(|(.., attempt)| *attempt > 0).count();
    eventually(async || tried().await == 4).await;

    scene.clock.advance(125);
    let beat = || supervisor.statuses()[0].last_beat;
    eventually(async || beat() == Some(scene.clock.clock().now())).await;
    assert!(supervisor.stuck().is_empty());
    assert_eq!(tried().await, 4, "the others are not claimed before there is a connection for them");
    supervisor.stop_hard();
}

#[tokio::test]
async fn a_mail_that_hangs_holds_up_no_other() {
    let Some(server) = or_skip(SmtpSink::start()) else { return };
    server.moods(&[Mood::hang(Stage::Rcpt).matching("macet@")]).unwrap();
    let scene = Scene::open(server.port()).await;
    scene.owe(&["macet@x.example", "a@x.example"]).await;
    let supervisor = scene.start();
    eventually(async || scene.owed_to().await == ["macet@x.example"]).await;

    scene.owe(&["b@x.example"]).await;
    eventually(async || scene.owed_to().await == ["macet@x.example"]).await;
    assert_eq!(server.kept().unwrap().len(), 3, "with the one to the office itself");
    supervisor.stop_hard();
}

#[tokio::test]
async fn what_a_refused_address_should_have_been_told_is_told_to_somebody_else() {
    let Some(server) = or_skip(SmtpSink::start()) else { return };
    server.moods(&[Mood::reply(Stage::Rcpt, "550 5.1.1 no such user").matching("admin@pupr")]).unwrap();
    let scene = Scene::open(server.port()).await;
    let supervisor = scene.start();
    let told = || {
        let receivers = server.kept().unwrap().into_iter().flat_map(|mail| mail.to);
        receivers.filter(|to| to == "operator@contoh.example").count()
    };
    eventually(async || told() == 2).await;

    // The running configuration still names the address, the server would take it now: it is not mailed any more.
    server.moods(&[]).unwrap();
    scene.town.complaint(scene.town.channels[0], "budi").await;
    eventually(async || told() == 3).await;
    eventually(async || scene.town.owed().await.iter().all(|(_, state, _)| state == "dead")).await;
    assert_eq!(server.kept().unwrap().len(), 3, "the inquiry twice, and the address once");
    let checks =
        scene.town.context.db.read().await.unwrap().selfcheck(scene.clock.clock().now()).await.unwrap();
    assert!(checks.iter().all(|check| check.broken == 0), "{checks:?}");
    supervisor.stop_hard();
}

#[tokio::test]
async fn days_of_waiting_for_a_person_are_no_failures() {
    let Some(server) = or_skip(SmtpSink::start()) else { return };
    server.moods(&[Mood::reply(Stage::Mail, "451 4.3.0 later").times(1)]).unwrap();
    let scene = Scene::open(server.port()).await;
    for _ in 0..50 {
        let now = scene.clock.clock().now();
        let mut tx = scene.town.context.db.begin().await.unwrap();
        let claim = Claim { owner: "test", now, until: now, limit: 1 };
        let work = tx.claim_notices(&claim).await.unwrap().remove(0);
        let outcome = Outcome::Wait { at: now, error: "535 wrong password".to_owned() };
        tx.settle_notices(vec![(&work, NoticeEnd { outcome, address_refused: false })], now).await.unwrap();
        tx.commit().await.unwrap();
    }
    let supervisor = scene.start();
    eventually(async || {
        scene.clock.advance(1);
        server.kept().unwrap().len() == 1
    })
    .await;
    supervisor.stop_hard();
}
