//! The monthly report reads the journal, and finds what the verbs left in it.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use sahut_domain::Clock;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::InquiryId;
use sahut_domain::message::Item;
use sahut_domain::office::OfficeCode;
use sahut_domain::report::{Fold, Report, Setting};
use sahut_store::deliver::Answer;
use sahut_store::journal::NewEvent;

use crate::support::{World, at, code, item, on_both};

async fn report(world: &World, office: Option<OfficeCode>) -> Report {
    let mut tx = world.read().await;
    let zone = TimeZone::get("Asia/Jakarta").unwrap();
    let offices = tx.office_names().await.unwrap();
    let hours =
        |office: &OfficeCode| (office.clone(), WorkingCalendar::civil_service("kantor", zone.clone()));
    let calendars: BTreeMap<_, _> = offices.keys().map(hours).collect();
    let channels = tx.channel_facts().await.unwrap();
    let setting = Setting { regency: "Kabupaten".to_owned(), zone, offices, calendars, channels };
    let mut fold = Fold::new("2026-03".parse().unwrap(), setting, office, at(86_400 * 60));
    tx.tell_report(&mut fold).await.unwrap();
    fold.finish()
}

on_both! {
    async fn a_report_counts_what_offices_and_citizens_did(world: &World) {
        let thread = |id: &str| {
            let mut item = item(id, "ani");
            id.clone_into(&mut item.thread.external_id);
            item
        };
        let answered = world.inquiry(thread("m1")).await;
        let late = world.inquiry(Item { written_at: at(-3600), ..thread("m2") }).await;
        let talk = world.inquiry(Item { written_at: at(-120), ..thread("m3") }).await;
        let mut tx = world.begin().await;
        tx.answer_elsewhere(answered.number, Answer::new("sudah", "Admin", "k1"), at(1800)).await.unwrap();
        tx.answer_elsewhere(late.number, Answer::new("sudah", "Admin", "k2"), at(2 * 3600)).await.unwrap();
        tx.close_as_talk(talk.number, "Admin", at(200)).await.unwrap();
        tx.commit().await.unwrap();
        let waits = world.inquiry(Item { written_at: at(-180), ..thread("m4") }).await;
        let mut tx = world.begin().await;
        tx.hand_over(waits.number, &code("kominfo"), "bukan kami", "Admin", at(300)).await.unwrap();
        tx.ask_time(waits.number, at(86_400 * 5), "lapangan", "Admin", at(400)).await.unwrap();
        tx.commit().await.unwrap();

        let whole = report(world, None).await;
        let total = &whole.total;
        assert_eq!((total.received, total.answered, total.unanswered, total.needless), (4, 2, 1, 1));
        assert_eq!((total.late, total.late_unanswered, total.in_time), (2, 1, 1));
        assert_eq!(total.wall.median.map(|span| (span.minutes, span.at_least)), Some((180, false)));
        assert_eq!((total.handed_away, total.handed_in, total.extensions_asked, total.backlog_total()), (1, 1, 1, 1));
        assert_eq!(whole.longest_open[0].office.code, code("kominfo"));
        assert_eq!(whole.longest_open[0].number, waits.number.to_string());
        assert_eq!((whole.channels[0].messages + whole.channels[1].messages, whole.channels.len()), (4, 2));
        let first = world.read().await.events_after(EventId(0), 1).await.unwrap().remove(0);
        assert_eq!(world.read().await.journal_begins().await.unwrap(), Some(first.recorded_at));

        let kominfo = report(world, Some(code("kominfo"))).await.total;
        assert_eq!((kominfo.received, kominfo.unanswered, kominfo.handed_in, kominfo.handed_away), (1, 1, 1, 0));
        assert_eq!(report(world, None).await, whole, "it is the same whenever it is made");
    }

    async fn a_made_report_is_in_the_journal_with_its_numbers(world: &World) {
        let mut tx = world.begin().await;
        assert!(!tx.has_rung("report", "2026-02").await.unwrap());
        assert!(tx.ring_bell("report", "2026-02", at(0)).await.unwrap());
        assert!(tx.has_rung("report", "2026-02").await.unwrap());
        let event = tx.note_report(&code("kominfo"), serde_json::json!({ "id": "2026-02-x" }), at(1)).await.unwrap();
        tx.commit().await.unwrap();
        let events = world.read().await.events_after(EventId(event.0 - 1), 10).await.unwrap();
        assert_eq!((events[0].kind, events[0].office.clone()), (EventKind::ReportMade, Some(code("kominfo"))));
        let facts = world.read().await.channel_facts().await.unwrap();
        assert_eq!(facts[&ChannelId(1)].office, code("dinkes"));
    }

    /// One hundred thousand inquiries, half of them answered: run with `--run-ignored only` to see how long it takes.
    #[ignore = "it only measures"]
    async fn a_hundred_thousand_inquiries_are_counted_in_seconds(world: &World) {
        for batch in 0..20 {
            let mut tx = world.begin().await;
            let lines = (batch * 5_000..(batch + 1) * 5_000).flat_map(|inquiry| {
                let line = |kind, when, told| NewEvent::new(kind, at(when)).channel(world.channel)
                    .inquiry(InquiryId(inquiry), &code("dinkes")).with(told);
                let told = serde_json::json!({ "number": format!("K-2026-{inquiry}"), "kind": "complaint",
                    "due_at": at(inquiry * 10 + 3600), "deadline": inquiry, "basis": "topics", "topic": "jalan" });
                let opened = line(EventKind::InquiryOpened, inquiry * 10, told);
                let answer = line(EventKind::InquiryAnswered, inquiry * 10 + 1800, serde_json::json!({ "late": false }));
                std::iter::once(opened).chain((inquiry % 2 == 0).then_some(answer))
            });
            tx.record(lines.collect(), at(0)).await.unwrap();
            tx.commit().await.unwrap();
        }
        let clock = Clock::system();
        let begun = clock.now();
        let total = report(world, None).await.total;
        println!("told in {:#}", clock.now().duration_since(begun));
        assert_eq!((total.received, total.answered, total.late), (100_000, 50_000, 50_000));
    }
}
