//! Facts to render mails with, one or more of every template.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use sahut_domain::calendar::{Closure, ClosureKind, Term, WorkingCalendar};
use sahut_domain::channel::{Ailment, Platform};
use sahut_domain::deadline::{DeadlineKind, Explanation, Policy, promise};
use sahut_domain::decision::Doubt;
use sahut_domain::incident::IncidentNumber;
use sahut_domain::inquiry::{InquiryNumber, Kind, Passing};
use sahut_domain::letter::Outcome;
use sahut_domain::message::Surface;
use sahut_domain::office::OfficeCode;
use sahut_domain::report::{Brief, Counts, Named, OfficeCounts, Span, Spread};
use sahut_render::Context;
use sahut_render::mail::{
    About, Approval, Assignment, CalendarEnds, Candidate, ChannelSilent, ChannelTrouble, Confirmation,
    Digest, DigestEntry, FollowUp, HandedOver, Incident, MailTrouble, Overdue, Place, Reminder, ReplyFailed,
    ReplyUncertain, Said, Together, Triage, Unattended, Weekly,
};
use sahut_render::tame::title;

const TEXT: &str = "Jalan rusak di Pasar Baru\n\nPak, sudah 3 bulan jalan depan pasar berlubang. Kalau hujan airnya \
                    selutut, ibu saya jatuh kemarin. Hubungi saya 0812-3456-7890.";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Jakarta").unwrap()
}

fn friday_afternoon() -> Explanation {
    let mut calendar = WorkingCalendar::civil_service("kantor", zone());
    let closure = Closure { kind: ClosureKind::Local, name: "Hari jadi kabupaten".to_owned() };
    calendar.closures.insert(date(2026, 11, 23), closure);
    let policy = Policy {
        kind: DeadlineKind::FirstResponse,
        term: Term::WorkingDays(1),
        legal_basis: "Standar pelayanan kabupaten".to_owned(),
    };
    promise(&policy, &calendar, at("2026-11-20T08:30:00Z")).unwrap()
}

/// An ordinary inquiry, in an installation without pages.
pub(crate) fn about() -> About {
    About {
        number: InquiryNumber { year: 2026, sequence: 123 },
        title: title(TEXT.lines().next().unwrap_or_default()),
        office: "Dinas PUPR".to_owned(),
        kind: Kind::Complaint,
        said: Said {
            text: TEXT.to_owned(),
            citizen: "warga_pasar_baru".to_owned(),
            channel: "Instagram Dinas Kesehatan".to_owned(),
            at: at("2026-11-20T08:30:00Z"),
            permalink: Some("https://www.instagram.com/p/abc/c/17900000000000001/".to_owned()),
        },
        promise: friday_afternoon(),
        moved: Vec::new(),
        in_hand: None,
        reason: "kata \"jalan berlubang\" dan \"jalan rusak\" termasuk tugas dinas ini (topik jalan)"
            .to_owned(),
        together: None,
        tell: None,
        link: None,
        not_ours: None,
        by_reply: false,
    }
}

fn incident(about: About) -> Incident {
    let line = |sequence, title: &str| (InquiryNumber { year: 2026, sequence }, title.to_owned());
    let titles = vec![line(131, "Pasar Baru berlubang lagi"), line(130, &about.title)];
    let number = IncidentNumber { year: 2026, sequence: 12 };
    Incident { title: about.title.clone(), about, number, members: 37, titles }
}

fn handed_over(about: About, passing: Passing, named: Option<&str>) -> HandedOver {
    HandedOver {
        from: "Dinas Lingkungan Hidup".to_owned(),
        by: "Admin DLH".to_owned(),
        reason: about.said.text.lines().next().unwrap_or_default().to_owned(),
        passing,
        named: named.map(str::to_owned),
        about,
    }
}

fn confirmation(about: Option<About>, outcome: Outcome) -> Confirmation {
    let place = Some(Place { platform: Platform::Facebook, surface: Surface::Comment });
    let offices =
        ["dinkes", "puprhub"].map(|code| (OfficeCode::parse(code).unwrap(), format!("Dinas {code}")));
    let refused = outcome == Outcome::UnknownOffice;
    Confirmation {
        place: place.filter(|_| outcome == Outcome::Answered),
        detail: if refused { "pupr".to_owned() } else { String::new() },
        words: "Terima kasih. Tim kami memeriksa jalan itu besok pagi.".to_owned(),
        offices: if refused { offices.to_vec() } else { Vec::new() },
        others: 3,
        files: 1,
        until: None,
        zone: zone(),
        about,
        outcome,
    }
}

fn approval(about: About, words: &str) -> Approval {
    let place = Some(Place { platform: Platform::Facebook, surface: Surface::Direct });
    Approval { about, author: "Admin Dinas PUPR".to_owned(), words: words.to_owned(), place, proposal: 7 }
}

/// Every template, most of them without pages and one with.
pub(crate) fn samples() -> Vec<(&'static str, Context)> {
    let link = "https://sahut.example/i/AAAAAB";
    let with_page =
        About { link: Some(link.to_owned()), not_ours: Some(format!("{link}/not-ours#not-ours")), ..about() };
    let by_reply = About { by_reply: true, ..about() };
    let mut samples = vec![
        ("assignment_with_page", Context::Assignment(Assignment { about: with_page })),
        ("assignment_with_replies", Context::Assignment(Assignment { about: by_reply.clone() })),
        ("confirmation", Context::Confirmation(confirmation(Some(by_reply.clone()), Outcome::Answered))),
        (
            "confirmation_refused",
            Context::Confirmation(confirmation(Some(by_reply.clone()), Outcome::UnknownOffice)),
        ),
        ("confirmation_held", Context::Confirmation(confirmation(None, Outcome::Untied))),
        (
            "approval_by_reply",
            Context::Approval(approval(by_reply, "Terima kasih. Tim kami memeriksa jalan itu besok.")),
        ),
    ];
    samples.extend(inquiry_mails(&about(), "Terima kasih. Tim kami memeriksa jalan itu besok pagi."));
    samples.extend(mails_of_many("Jalan rusak di Pasar Baru"));
    samples.extend(channel_mails("Telegram Dinas Sosial", "status 401: Unauthorized"));
    samples
}

/// Every template, with a stranger's text in every place where one can come.
pub(crate) fn saying(text: &str) -> Vec<(&'static str, Context)> {
    let about = About {
        title: title(text),
        reason: "kata yang menunjuk ke dinas ini".to_owned(),
        said: Said { text: text.to_owned(), citizen: text.chars().take(80).collect(), ..about().said },
        ..about()
    };
    let short: String = text.chars().take(80).collect();
    let mut samples = inquiry_mails(&about, text);
    samples.extend(mails_of_many(&title(text)));
    samples.extend(channel_mails(&short, &short));
    samples
}

fn inquiry_mails(about: &About, reply: &str) -> Vec<(&'static str, Context)> {
    let about = || about.clone();
    let reply = reply.to_owned();
    let now = at("2026-11-25T13:00:00Z");
    let candidates = [("Dinas PUPR", "puprhub", &["jalan rusak"][..]), ("Dinas LH", "dlh", &[])]
        .map(|(office, code, words)| Candidate {
            office: office.to_owned(),
            code: code.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        })
        .to_vec();
    let outside = Some("PLN".to_owned());
    let detail = "komentar ini sudah dihapus".to_owned();
    vec![
        ("assignment", Context::Assignment(Assignment { about: about() })),
        ("incident", Context::Incident(incident(about()))),
        (
            "reminder_for_incident",
            Context::Reminder(Reminder {
                about: About {
                    together: Some(Together {
                        incident: IncidentNumber { year: 2026, sequence: 12 },
                        open: 36,
                    }),
                    ..about()
                },
                left_seconds: 13_500,
            }),
        ),
        ("handed_over", Context::HandedOver(handed_over(about(), Passing::Named, None))),
        (
            "handed_over_disputed",
            Context::HandedOver(handed_over(about(), Passing::Disputed, Some("Dinas Perhubungan"))),
        ),
        ("handed_over_decided", Context::HandedOver(handed_over(about(), Passing::Decided, None))),
        ("follow_up", Context::FollowUp(FollowUp { about: about() })),
        ("reminder", Context::Reminder(Reminder { about: about(), left_seconds: 13_500 })),
        (
            "reminder_in_hand",
            Context::Reminder(Reminder {
                about: About { in_hand: Some((now, "tim ke lapangan Kamis".to_owned())), ..about() },
                left_seconds: 13_500,
            }),
        ),
        ("overdue", Context::Overdue(Overdue { about: about(), now, to_superior: false })),
        ("overdue_to_superior", Context::Overdue(Overdue { about: about(), now, to_superior: true })),
        ("triage", Context::Triage(Triage { about: about(), doubt: Doubt::Tie, outside: None, candidates })),
        (
            "triage_not_ours",
            Context::Triage(Triage {
                about: About {
                    tell: Some("Gangguan listrik ditangani PLN: telepon 123.".to_owned()),
                    ..about()
                },
                doubt: Doubt::NotOurs,
                outside,
                candidates: Vec::new(),
            }),
        ),
        ("reply_failed", Context::ReplyFailed(ReplyFailed { about: about(), reply: reply.clone(), detail })),
        (
            "reply_uncertain",
            Context::ReplyUncertain(ReplyUncertain { about: about(), reply: reply.clone(), tried_at: now }),
        ),
        ("approval", Context::Approval(approval(about(), &reply))),
        (
            "confirmation_of_anything",
            Context::Confirmation(Confirmation {
                detail: reply.chars().take(80).collect(),
                words: reply,
                ..confirmation(Some(about()), Outcome::Proposed)
            }),
        ),
    ]
}

fn channel_mails(channel: &str, detail: &str) -> Vec<(&'static str, Context)> {
    let (channel, detail) = (channel.to_owned(), detail.to_owned());
    let (code, office) = ("tg-dinsos".to_owned(), "Dinas Sosial".to_owned());
    let (read_at, platform) = (at("2026-11-24T02:00:00Z"), Platform::Telegram);
    vec![
        (
            "channel_trouble",
            Context::ChannelTrouble(ChannelTrouble {
                channel: channel.clone(),
                code: code.clone(),
                platform,
                office: office.clone(),
                ailment: Ailment::Credential,
                detail: detail.clone(),
                since: read_at,
                complete_until: Some(at("2026-11-24T01:42:00Z")),
                zone: zone(),
            }),
        ),
        (
            "channel_silent",
            Context::ChannelSilent(ChannelSilent {
                channel,
                code,
                platform,
                office: office.clone(),
                last_at: None,
                read_at: Some(read_at),
                zone: zone(),
            }),
        ),
        (
            "mail_trouble",
            Context::MailTrouble(MailTrouble {
                person: "Admin Dinsos".to_owned(),
                address: "admin@dinsos.lebong.example".to_owned(),
                office,
                detail,
                at: read_at,
                zone: zone(),
            }),
        ),
        (
            "calendar_ends",
            Context::CalendarEnds(CalendarEnds {
                calendar: "kantor".to_owned(),
                until: jiff::civil::date(2026, 12, 31),
            }),
        ),
    ]
}

fn mails_of_many(title: &str) -> Vec<(&'static str, Context)> {
    let now = at("2026-11-25T01:00:00Z");
    let number = |sequence| InquiryNumber { year: 2026, sequence };
    let entry = |sequence, due: &str| DigestEntry {
        number: number(sequence),
        title: title.to_owned(),
        office: "Dinas PUPR".to_owned(),
        kind: Kind::Complaint,
        due_at: at(due),
        in_hand_until: None,
        link: None,
    };
    let in_hand = DigestEntry {
        in_hand_until: Some(at("2026-11-26T03:00:00Z")),
        link: Some("https://sahut.example/aduan/K-2026-00125".to_owned()),
        ..entry(125, "2026-11-25T09:00:00Z")
    };
    let lines = vec![entry(123, "2026-11-24T09:00:00Z"), in_hand];
    let many = (1..=50).map(|sequence| entry(sequence, "2026-11-25T09:00:00Z")).collect();
    let weekly = Weekly {
        office: "Dinas PUPR".to_owned(),
        from: at("2026-11-15T17:00:00Z"),
        to: at("2026-11-22T17:00:00Z"),
        received: 41,
        taken_over: 2,
        handed_over: 3,
        answered: 37,
        on_time: 30,
        median_seconds: Some(13_500),
        late: vec![number(101), number(117)],
        silent: vec!["Admin PUPR".to_owned()],
        zone: zone(),
    };
    let offices =
        vec![("Dinas Sosial".to_owned(), Some("Kepala Dinsos".to_owned())), ("Topos".to_owned(), None)];
    vec![
        ("digest_of_the_morning", Context::Digest(Digest { lines, morning: true, now, zone: zone() })),
        ("digest_of_many", Context::Digest(Digest { lines: many, morning: false, now, zone: zone() })),
        ("weekly", Context::Weekly(weekly)),
        ("unattended", Context::Unattended(Unattended { offices })),
        ("monthly_report", Context::MonthlyReport(brief())),
    ]
}

fn brief() -> Brief {
    let span = |minutes, at_least| Some(Span { minutes, at_least });
    let total = Counts {
        received: 1234,
        answered: 1100,
        unanswered: 120,
        needless: 14,
        late: 96,
        late_unanswered: 61,
        in_time: 1065,
        working: Spread { n: 1220, median: span(135, false), ninety: span(900, true) },
        wall: Spread { n: 1220, median: span(420, false), ninety: span(5520, true) },
        ..Counts::default()
    };
    let worst = OfficeCounts {
        office: Named { code: OfficeCode::parse("dlh").unwrap(), name: "Dinas LH".to_owned() },
        counts: Counts { received: 40, late: 12, ..Counts::default() },
    };
    Brief {
        id: "2026-10-0123456789".to_owned(),
        month: "2026-10".parse().unwrap(),
        total,
        worst: vec![worst],
    }
}
