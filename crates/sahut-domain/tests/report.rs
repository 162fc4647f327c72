//! The monthly report, from journals written by hand: every number is one that can be counted on paper.

#![cfg(test)]
#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers of a test are small"
)]

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::channel::{ChannelId, Platform};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryId, Kind};
use sahut_domain::office::OfficeCode;
use sahut_domain::report::{ChannelFacts, Counts, Fold, Line, Month, Report, Setting, Span};
use serde_json::{Value, json};

fn at(text: &str) -> Timestamp {
    // Local time of the western zone.
    format!("{text}:00+07:00").parse().unwrap()
}

fn code(text: &str) -> OfficeCode {
    OfficeCode::parse(text).unwrap()
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn setting(zone: &str) -> Setting {
    let zone = TimeZone::get(zone).unwrap();
    let offices = ["dinkes", "pupr", "dlh"];
    let channel = ChannelFacts {
        name: "Facebook Dinkes".to_owned(),
        platform: Platform::Facebook,
        office: code("dinkes"),
        complete_until: Some(at("2026-12-01T00:00")),
        retired: false,
    };
    Setting {
        regency: "Kabupaten Contoh".to_owned(),
        offices: offices.map(|office| (code(office), office.to_uppercase())).into(),
        calendars: offices
            .map(|office| (code(office), WorkingCalendar::civil_service("kantor", zone.clone())))
            .into(),
        channels: [(ChannelId(1), channel)].into(),
        zone,
    }
}

/// A journal that grows line by line.
#[derive(Default, Clone)]
struct Journal(Vec<Line>);

impl Journal {
    fn tell(&mut self, kind: EventKind, when: &str, office: &str, inquiry: i64, told: Value) -> &mut Self {
        self.0.push(Line {
            id: self.0.len() as i64 + 1,
            kind,
            at: at(when),
            actor: "Admin".to_owned(),
            office: Some(code(office)),
            channel: Some(ChannelId(1)),
            inquiry: Some(InquiryId(inquiry)),
            told: serde_json::from_value(told).unwrap(),
        });
        self
    }

    fn opened(&mut self, when: &str, office: &str, inquiry: i64, due: &str) -> &mut Self {
        let told = json!({ "number": format!("K-2026-{inquiry:05}"), "kind": "complaint", "topic": "jalan", "due_at": at(due) });
        self.tell(EventKind::InquiryOpened, when, office, inquiry, told)
    }

    fn answered(&mut self, when: &str, office: &str, inquiry: i64) -> &mut Self {
        self.tell(EventKind::InquiryAnswered, when, office, inquiry, json!({ "late": false }))
    }

    fn report_of(&self, month_text: &str, office: Option<&str>, now: &str, zone: &str) -> Report {
        let mut fold = Fold::new(month(month_text), setting(zone), office.map(code), at(now));
        self.0.iter().for_each(|line| fold.take(line.clone()));
        fold.finish()
    }

    fn october(&self) -> Report {
        self.report_of("2026-10", None, "2026-11-24T09:00", "Asia/Jakarta")
    }
}

fn span(minutes: u64, at_least: bool) -> Span {
    Span { minutes, at_least }
}

/// Monday 5 October 2026 is an ordinary working day.
fn a_month() -> Journal {
    let mut journal = Journal::default();
    journal
        // Answered in time after 90 minutes, all of them working ones.
        .opened("2026-10-05T08:00", "dinkes", 1, "2026-10-06T16:00")
        .answered("2026-10-05T09:30", "dinkes", 1)
        // Asked on a Friday evening, answered late on Tuesday at 10.00: all of Monday, and 2.5 hours.
        .opened("2026-10-09T18:00", "dinkes", 2, "2026-10-12T16:00")
        .answered("2026-10-13T10:00", "dinkes", 2)
        // Never answered, and late at the month's end.
        .opened("2026-10-30T08:00", "pupr", 3, "2026-10-30T16:30")
        // Not answered, and not due at the month's end; answered in time in November.
        .opened("2026-10-30T15:00", "pupr", 4, "2026-11-02T16:00")
        .answered("2026-11-02T08:00", "pupr", 4)
        // Talk.
        .opened("2026-10-20T10:00", "pupr", 5, "2026-10-21T16:00")
        .tell(EventKind::InquiryClosed, "2026-10-20T11:00", "pupr", 5, json!({ "reason": "talk" }))
        // Before the month, and after it.
        .opened("2026-09-20T10:00", "dlh", 6, "2026-09-21T16:00")
        .opened("2026-11-01T00:00", "dlh", 7, "2026-11-02T16:00");
    journal
}

#[test]
fn a_months_numbers_are_those_counted_by_hand() {
    let report = a_month().october();
    let total = &report.total;
    assert_eq!((total.received, total.answered, total.unanswered, total.needless), (5, 2, 2, 1));
    assert_eq!((total.late, total.late_unanswered, total.in_time), (2, 1, 1));
    assert_eq!((total.punctuality(), total.judged()), (Some(333), 3));
    // 90 minutes; Friday 18.00 to Tuesday 10.00; Friday 08.00, and 15.00, to Sunday 00.00.
    assert_eq!(total.wall.n, 4);
    let waits = [90, 4 * 24 * 60 - 8 * 60, 40 * 60, 33 * 60];
    assert_eq!((waits[3], waits[1]), (1980, 5280));
    assert_eq!(total.wall.median, Some(span(33 * 60, true)), "one that waits may take any place behind");
    assert_eq!(total.wall.ninety, Some(span(88 * 60, true)));
    assert_eq!(
        total.working.median,
        Some(span(90, true)),
        "the one at work for 90 minutes since Friday 15.00 waits on"
    );
    assert_eq!(total.outside_hours, 1);
    assert_eq!(
        report.longest_open.iter().map(|open| open.number.as_str()).collect::<Vec<_>>(),
        ["K-2026-00006", "K-2026-00003", "K-2026-00004"]
    );
    assert_eq!((report.longest_open[0].days, report.longest_open[0].late), (41, true));
    assert_eq!(total.backlog, [0, 2, 0, 0, 0, 1]);
    assert_eq!(report.topics, [("jalan".to_owned(), 5)]);
    assert_eq!(
        report.kinds.iter().map(|kind| (kind.kind, kind.received, kind.late)).collect::<Vec<_>>(),
        [(Kind::Complaint, 5, 2)]
    );
    assert_eq!((report.arrivals[8][0], report.arrivals[8][4], report.arrivals[18][4]), (1, 1, 1));
    let channel = &report.channels[0];
    assert_eq!(
        (channel.messages, channel.replies, channel.last_activity),
        (5, 0, Some(at("2026-10-30T15:00")))
    );
    assert_eq!((channel.dormant_days, channel.complete_until), (Some(1), Some(at("2026-11-01T00:00"))));
    assert!(report.is_over);
}

#[test]
fn an_office_alone_has_its_own_numbers() {
    let journal = a_month();
    let whole = journal.october();
    for office in ["dinkes", "pupr"] {
        let alone = journal.report_of("2026-10", Some(office), "2026-11-24T09:00", "Asia/Jakarta");
        let listed = whole.offices.iter().find(|listed| listed.office.code == code(office)).unwrap();
        assert_eq!(alone.total, listed.counts, "{office}");
        assert_eq!(alone.offices.len(), 1);
    }
}

#[test]
fn what_happens_after_the_month_does_not_change_its_report() {
    let before = a_month().october();
    let mut later = a_month();
    later.answered("2026-11-03T10:00", "pupr", 3).tell(
        EventKind::InquiryHandedOver,
        "2026-11-04T10:00",
        "dlh",
        4,
        json!({ "from": "pupr", "to": "dlh", "triage": false }),
    );
    assert_eq!(later.october(), before);
}

#[test]
fn a_month_that_is_not_over_says_so_and_counts_until_now() {
    let report = a_month().report_of("2026-10", None, "2026-10-10T00:00", "Asia/Jakarta");
    assert!(!report.is_over);
    assert_eq!((report.total.received, report.total.answered, report.as_of), (2, 1, at("2026-10-10T00:00")));
}

#[test]
fn a_month_begins_at_midnight_of_its_own_zone() {
    let mut journal = Journal::default();
    // 00.30 of the first of October in the east, still September in the west.
    journal.opened("2026-09-30T22:30", "dinkes", 1, "2026-10-02T16:00");
    let received = |zone| journal.report_of("2026-10", None, "2026-12-01T00:00", zone).total.received;
    assert_eq!((received("Asia/Jakarta"), received("Asia/Jayapura")), (0, 1));
}

#[test]
fn moved_promises_reopened_and_handed_over_inquiries_count_as_they_stand() {
    let mut journal = Journal::default();
    journal
        .opened("2026-10-05T08:00", "dinkes", 1, "2026-10-06T16:00")
        .tell(
            EventKind::InquiryHandedOver,
            "2026-10-05T09:00",
            "pupr",
            1,
            json!({ "from": "dinkes", "to": "pupr", "triage": false }),
        )
        .tell(
            EventKind::InquiryHandedOver,
            "2026-10-05T10:00",
            "dinkes",
            1,
            json!({ "from": "pupr", "to": "dinkes", "triage": false }),
        )
        .tell(
            EventKind::InquiryHandedOver,
            "2026-10-05T11:00",
            "dlh",
            1,
            json!({ "from": "dinkes", "to": "dlh", "triage": false }),
        )
        .tell(EventKind::ExtensionAsked, "2026-10-06T09:00", "dlh", 1, json!({ "deadline": 1 }))
        .tell(EventKind::ExtensionGranted, "2026-10-06T10:00", "dlh", 1, json!({ "deadline": 1 }))
        .tell(
            EventKind::DeadlineMoved,
            "2026-10-06T10:00",
            "dlh",
            1,
            json!({ "deadline": 1, "due_at": at("2026-10-09T16:00") }),
        )
        .tell(
            EventKind::DeadlineMoved,
            "2026-10-06T10:00",
            "dlh",
            1,
            json!({ "promise": "resolution", "due_at": at("2026-10-06T11:00") }),
        )
        .answered("2026-10-08T10:00", "dlh", 1)
        .tell(
            EventKind::DeadlinePaused,
            "2026-10-08T10:00",
            "dlh",
            1,
            json!({ "deadline": 9, "why": "question" }),
        )
        .tell(
            EventKind::InquiryReopened,
            "2026-10-10T10:00",
            "dlh",
            1,
            json!({ "due_at": at("2026-10-12T16:00") }),
        )
        .tell(EventKind::DeadlineResumed, "2026-10-10T10:00", "dlh", 1, json!({ "deadline": 9 }))
        .tell(
            EventKind::DeadlinePaused,
            "2026-10-12T10:00",
            "dlh",
            1,
            json!({ "deadline": 9, "why": "answered" }),
        );
    let report = journal.october();
    let total = &report.total;
    assert_eq!(
        (total.received, total.in_time, total.late),
        (1, 1, 0),
        "the first promise was kept after it was moved"
    );
    assert_eq!((total.reopened, total.backlog_total()), (1, 1), "and another one is open");
    assert_eq!((total.handed_away, total.ping_pong, total.three_hops), (3, 1, 1));
    assert_eq!((total.extensions_asked, total.extensions_granted, total.extensions_refused), (1, 1, 0));
    assert_eq!(
        (total.pauses, total.paused_minutes),
        (1, 48 * 60),
        "an answer that is waited on parks nothing"
    );
    let of = |office: &str| {
        let found = report.offices.iter().find(|listed| listed.office.code == code(office));
        found.map_or_else(Counts::default, |listed| listed.counts.clone())
    };
    assert_eq!((of("dinkes").handed_away, of("dinkes").handed_in, of("dinkes").received), (2, 1, 0));
    assert_eq!((of("dlh").handed_in, of("dlh").received), (1, 1));
}

#[test]
fn a_month_is_read_as_it_is_written() {
    assert_eq!(month("2026-02").to_string(), "2026-02");
    assert_eq!((month("2026-02").last().day(), month("2026-01").before()), (28, month("2025-12")));
    for wrong in ["2026-13", "2026", "Oktober", ""] {
        assert!(wrong.parse::<Month>().is_err(), "{wrong}");
    }
}

/// One inquiry: when it begins and is due, when it is answered if it is, and whether it is closed as talk instead.
type Life = (u32, u32, Option<u32>, bool);

proptest! {
    /// Received is answered, unanswered and needless; what can be judged is in time or late; and none of it depends on
    /// the order in which the lines are read.
    #[test]
    fn the_numbers_add_up(lives in proptest::collection::vec(
        (0_u32..50_000, 1_u32..5_000, proptest::option::of(1_u32..9_000), any::<bool>()), 0..60), turn in 0_usize..60) {
        let report = told(&lives, 0);
        let total = &report.total;
        prop_assert_eq!(total.received, total.answered + total.unanswered + total.needless);
        prop_assert_eq!(total.answered + total.late_unanswered, total.judged());
        prop_assert_eq!(total.wall.n, total.answered + total.unanswered);
        prop_assert_eq!(total.received, report.arrivals.iter().flatten().sum::<u64>());
        prop_assert_eq!(total.received, report.kinds.iter().map(|kind| kind.received).sum::<u64>());
        let sum = |number: fn(&Counts) -> u64| report.offices.iter().map(|office| number(&office.counts)).sum::<u64>();
        prop_assert_eq!(sum(|counts| counts.received), total.received);
        prop_assert_eq!(sum(|counts| counts.late), total.late);
        prop_assert_eq!(sum(Counts::backlog_total), total.backlog_total());

        // Counted again in the plainest way.
        let (begins, ends) = month("2026-10").bounds(&TimeZone::get("Asia/Jakarta").unwrap());
        let of_month = lives.iter().map(|life| moments(*life)).filter(|life| begins <= life.0 && life.0 < ends);
        let (mut received, mut late, mut times) = (0, 0, Vec::new());
        for (opened, due, answered, talk) in of_month {
            received += 1;
            let answered = answered.filter(|answered| *answered < ends);
            if answered.is_none() && talk {
                continue;
            }
            let end = answered.unwrap_or(ends);
            late += u64::from(end > due);
            times.push(((end.as_second() - opened.as_second()) as u64 / 60, answered.is_none()));
        }
        times.sort_unstable();
        prop_assert_eq!((total.received, total.late), (received, late));
        let median = times.get((times.len().div_ceil(2)).max(1) - 1).map(|(minutes, _)| *minutes);
        prop_assert_eq!(total.wall.median.map(|span| span.minutes), median);
        prop_assert_eq!(told(&lives, turn), report);
    }
}

/// An inquiry's moments; talk is closed a minute after it began.
fn moments((begins, due, answered, talk): Life) -> (Timestamp, Timestamp, Option<Timestamp>, bool) {
    let opened = at("2026-09-28T00:00") + SignedDuration::from_mins(begins.into());
    let after = |minutes: u32| opened + SignedDuration::from_mins(minutes.into());
    (opened, after(due), answered.filter(|_| !talk).map(after), talk)
}

fn told(lives: &[Life], turn: usize) -> Report {
    let mut journal = Journal::default();
    for (inquiry, life) in (1..).zip(lives) {
        let (opened, due, answered, talk) = moments(*life);
        let office = ["dinkes", "pupr", "dlh"][inquiry as usize % 3];
        let mut line = |kind, when, told| {
            journal.tell(kind, "2026-01-01T00:00", office, inquiry, told);
            journal.0.last_mut().unwrap().at = when;
        };
        let kind = ["complaint", "information"][inquiry as usize % 2];
        line(
            EventKind::InquiryOpened,
            opened,
            json!({ "number": format!("K-{inquiry}"), "kind": kind, "due_at": due }),
        );
        if let Some(answered) = answered {
            line(EventKind::InquiryAnswered, answered, json!({}));
        }
        if talk {
            line(
                EventKind::InquiryClosed,
                opened + SignedDuration::from_mins(1),
                json!({ "reason": "talk" }),
            );
        }
    }
    let middle = turn.min(journal.0.len());
    journal.0.rotate_left(middle);
    journal.october()
}
