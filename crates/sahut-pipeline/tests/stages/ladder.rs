//! Who is told of a promise, and when: each step once, whatever the clock does; and how many mails one person gets.

use sahut_domain::event::{EventId, EventKind};
use sahut_domain::ladder::{Desk, Ladder, Leave};
use sahut_domain::notice::Template;
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::{ManualClock, Timestamp};
use sahut_mail::SmtpError;
use sahut_pipeline::mornings;
use sahut_pipeline::notify::carry_due;
use sahut_pipeline::watch::watch_deadlines;
use sahut_store::journal::Event;
use sahut_store::notify::NewNotice;

use crate::regency::Town;

/// A town whose clock begins on a Tuesday, an hour before the office closes at 16.00 UTC.
struct Scene {
    clock: ManualClock,
    town: Town,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn person(mail: &str) -> Person {
    Person { name: mail.to_owned(), mail: mail.to_owned() }
}

fn pupr() -> OfficeCode {
    OfficeCode::parse("pupr").unwrap()
}

impl Scene {
    async fn open(desk: Desk) -> Self {
        let clock = ManualClock::at(at("2026-11-24T15:00:00Z"));
        let town = Town::without_platforms(clock.clock()).await;
        town.climb(Ladder {
            secretary: vec![person("sekda@x.example")],
            regent: vec![person("bupati@x.example")],
            desks: [(pupr(), desk)].into(),
            ..Ladder::default()
        });
        Self { clock, town }
    }

    async fn watch_at(&self, now: &str) {
        self.clock.set(at(now));
        while watch_deadlines(&self.town.context).await.unwrap() > 0 {}
    }

    /// Everything that can leave now.
    async fn mails(&self) -> Vec<(Template, String)> {
        let mut sent = Vec::new();
        let carry = |work: &sahut_store::notify::NoticeWork, _| {
            sent.push((work.template, work.recipient.mail.clone()));
            Ok::<(), SmtpError>(())
        };
        carry_due(&self.town.context, 100, carry).await.unwrap();
        sent.sort_by_key(|(template, mail)| (template.as_str(), mail.clone()));
        sent
    }

    async fn steps(&self) -> Vec<(String, bool)> {
        let events = self.events().await.into_iter().filter(|event| event.kind == EventKind::ReminderDue);
        events
            .map(|event| (event.data["step"].as_str().unwrap().to_owned(), event.data["told"] == true))
            .collect()
    }

    async fn events(&self) -> Vec<Event> {
        self.town.context.db.read().await.unwrap().events_after(EventId(0), 10_000).await.unwrap()
    }

    async fn complaints(&self, count: usize) {
        for number in 0..count {
            self.town.complaint(self.town.channels[0], &format!("warga{number}")).await;
        }
    }
}

fn head() -> Desk {
    Desk { head: Some(person("kepala@x.example")), ..Desk::default() }
}

fn told(template: Template, mails: &[&str]) -> Vec<(Template, String)> {
    mails.iter().map(|mail| (template, (*mail).to_owned())).collect()
}

#[tokio::test]
async fn after_downtime_all_steps_are_noted_and_people_hear_of_the_highest() {
    let scene = Scene::open(head()).await;
    scene.complaints(1).await;
    assert_eq!(scene.mails().await, told(Template::Assignment, &["admin@pupr.example"]));
    // Due on Wednesday at 16.00; three working days later is Monday at 16.00.
    scene.watch_at("2026-11-30T15:30:00Z").await;
    let steps = [
        ("50% office", false),
        ("80% office", false),
        ("due office+head", false),
        ("due+1d communications", true),
    ];
    assert_eq!(scene.steps().await, steps.map(|(step, told)| (step.to_owned(), told)));
    assert_eq!(
        scene.mails().await,
        told(Template::Overdue, &["admin@pupr.example"]),
        "who communicates here"
    );
    // The clock goes back to before all of it, and on again: nothing repeats.
    scene.watch_at("2026-11-24T15:10:00Z").await;
    scene.watch_at("2026-11-30T15:40:00Z").await;
    assert_eq!((scene.steps().await.len(), scene.mails().await.len()), (4, 0));
    scene.watch_at("2026-12-01T07:45:00Z").await;
    assert_eq!(scene.mails().await, told(Template::Overdue, &["sekda@x.example"]));
    let missed = scene.events().await.iter().filter(|event| event.kind == EventKind::DeadlineMissed).count();
    assert_eq!(missed, 1);
}

#[tokio::test]
async fn at_the_due_moment_the_head_is_told_when_the_office_opens() {
    let scene = Scene::open(head()).await;
    scene.complaints(1).await;
    scene.mails().await;
    scene.watch_at("2026-11-25T16:00:00Z").await;
    assert_eq!(scene.mails().await, [], "nobody is woken");
    scene.clock.set(at("2026-11-26T07:31:00Z"));
    assert_eq!(scene.mails().await, told(Template::Overdue, &["admin@pupr.example", "kepala@x.example"]));
}

#[tokio::test]
async fn who_has_it_in_hand_is_not_reminded_until_then() {
    let scene = Scene::open(head()).await;
    scene.complaints(1).await;
    scene.mails().await;
    let number =
        scene.events().await.iter().find_map(|event| event.data["number"].as_str()?.parse().ok()).unwrap();
    let mut tx = scene.town.context.db.begin().await.unwrap();
    let until = at("2026-11-25T14:00:00Z");
    tx.acknowledge(number, until, "besok", "Admin", at("2026-11-24T15:05:00Z")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    scene.watch_at("2026-11-25T13:59:00Z").await;
    assert_eq!((scene.steps().await, scene.mails().await), (Vec::new(), Vec::new()));
    scene.watch_at("2026-11-25T14:00:00Z").await;
    assert_eq!(scene.steps().await, [("50% office".to_owned(), true)]);
    assert_eq!(scene.mails().await, told(Template::Reminder, &["admin@pupr.example"]));

    let mut tx = scene.town.context.db.begin().await.unwrap();
    tx.acknowledge(number, at("2026-11-27T00:00:00Z"), "lusa", "Admin", at("2026-11-25T14:05:00Z"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    scene.watch_at("2026-11-26T07:40:00Z").await;
    assert_eq!(
        scene.mails().await,
        told(Template::Overdue, &["kepala@x.example"]),
        "the head hears of it all the same"
    );
}

#[tokio::test]
async fn many_at_once_are_one_mail_and_an_hour_holds_only_so_many() {
    let scene = Scene::open(head()).await;
    scene.complaints(6).await;
    assert_eq!(scene.mails().await, told(Template::Digest, &["admin@pupr.example"]));
    let mut ladder = scene.town.context.regency.get().ladder.clone();
    ladder.mails.most_an_hour = 3;
    scene.town.climb(ladder);
    for number in 10..12 {
        scene.town.complaint(scene.town.channels[0], &format!("warga{number}")).await;
        assert_eq!(scene.mails().await.len(), 1);
    }
    scene.town.complaint(scene.town.channels[0], "warga12").await;
    scene.town.complaint(scene.town.channels[0], "warga13").await;
    assert_eq!(scene.mails().await, [], "the rest waits");
    scene.clock.advance(3600);
    assert_eq!(scene.mails().await, told(Template::Assignment, &["admin@pupr.example"; 2]));
}

#[tokio::test]
async fn more_than_an_hour_allows_and_no_digest_can_tell_leaves_hour_by_hour() {
    let scene = Scene::open(head()).await;
    scene.complaints(13).await;
    let mut tx = scene.town.context.db.begin().await.unwrap();
    let now = scene.clock.clock().now();
    let events = scene.events().await.into_iter().filter(|event| event.kind == EventKind::InquiryOpened);
    let owed = events.map(|event| NewNotice {
        event: event.id,
        template: Template::ChannelTrouble,
        recipient: person("operator@x.example"),
        office: None,
        inquiry: event.inquiry,
        channel: None,
        urgent: false,
        not_before: now,
    });
    tx.owe(owed.collect(), now).await.unwrap();
    tx.commit().await.unwrap();
    let mut left = Vec::new();
    for _ in 0..3 {
        let mails = scene.mails().await;
        left.push(mails.iter().filter(|(template, _)| *template == Template::ChannelTrouble).count());
        scene.clock.advance(3600);
    }
    assert_eq!(left, [12, 1, 0]);
}

#[tokio::test]
async fn in_the_morning_each_person_gets_one_mail_with_all_that_waits() {
    let scene = Scene::open(head()).await;
    scene.complaints(2).await;
    let refused =
        carry_due(&scene.town.context, 100, |_, _| Err(SmtpError::Again("refused".to_owned()))).await;
    assert_eq!(refused.unwrap(), 2);
    scene.watch_at("2026-11-25T07:20:00Z").await;
    mornings::ring(&scene.town.context).await.unwrap();
    assert_eq!(scene.mails().await, [], "what has waited already waits for the morning");
    scene.clock.set(at("2026-11-25T07:30:00Z"));
    for _ in 0..2 {
        mornings::ring(&scene.town.context).await.unwrap();
    }
    assert_eq!(scene.mails().await, told(Template::Digest, &["admin@pupr.example"]));
    scene.clock.set(at("2026-11-25T09:00:00Z"));
    assert_eq!(scene.mails().await, [], "nothing is told twice");
}

#[tokio::test]
async fn a_head_is_told_once_of_each_week_that_was_lived_through() {
    let scene = Scene::open(head()).await;
    scene.complaints(1).await;
    let mut weekly = Vec::new();
    for morning in ["2026-11-25T07:30:00Z", "2026-11-30T07:30:00Z", "2026-12-01T07:30:00Z"] {
        scene.clock.set(at(morning));
        mornings::ring(&scene.town.context).await.unwrap();
        let mails = scene.mails().await.into_iter();
        weekly.push(mails.filter(|(template, _)| *template == Template::Weekly).count());
    }
    assert_eq!(weekly, [0, 1, 0], "of the week before it began there is nothing to tell");
}

#[tokio::test]
async fn whoever_is_away_is_stood_in_for() {
    let leave = |deputy: Option<Person>| Leave {
        mail: "admin@pupr.example".to_owned(),
        from: "2026-11-24".parse().unwrap(),
        to: "2026-11-25".parse().unwrap(),
        deputy,
    };
    let with_deputy = Desk { leave: vec![leave(Some(person("wakil@x.example")))], ..head() };
    let scene = Scene::open(with_deputy).await;
    scene.complaints(1).await;
    assert_eq!(scene.mails().await, told(Template::Assignment, &["wakil@x.example"]));

    let scene = Scene::open(Desk { leave: vec![leave(None)], ..head() }).await;
    scene.complaints(1).await;
    assert_eq!(scene.mails().await, told(Template::Assignment, &["kepala@x.example"]));
    scene.clock.set(at("2026-11-25T08:00:00Z"));
    mornings::ring(&scene.town.context).await.unwrap();
    assert!(scene.mails().await.contains(&(Template::Unattended, "kepala@x.example".to_owned())));

    let scene = Scene::open(Desk { silent: true, ..head() }).await;
    scene.complaints(1).await;
    assert_eq!(scene.mails().await, told(Template::Assignment, &["admin@pupr.example", "kepala@x.example"]));
}
