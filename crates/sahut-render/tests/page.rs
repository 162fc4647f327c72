//! Every page in every language: what it holds, that a stranger's text cannot harm it, and that it stays light.

#![expect(clippy::unwrap_used, reason = "a sample that cannot be made fails the test")]

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::calendar::{Term, WorkingCalendar};
use sahut_domain::deadline::{DeadlineKind, Explanation, Policy, promise};
use sahut_domain::event::EventKind;
use sahut_domain::incident::IncidentNumber;
use sahut_domain::inquiry::{InquiryNumber, Kind, State};
use sahut_domain::message::{Surface, Visibility};
use sahut_domain::reply::{Intent, Limit, ReplyState};
use sahut_render::page::{
    Act, Deed, Done, Filled, Forms, Given, InHand, InquiryPage, Page, PostShown, Problem, Refusal, STYLE,
    Said, Stay,
};
use sahut_render::{Language, render_page};

const LONG: Limit = Limit::Length { platform: "Facebook", unit: "characters", has: 9000, most: 8000 };

const NUMBER: InquiryNumber = InquiryNumber { year: 2026, sequence: 123 };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Jakarta").unwrap()
}

fn friday_afternoon() -> Explanation {
    let policy = Policy {
        kind: DeadlineKind::FirstResponse,
        term: Term::WorkingDays(1),
        legal_basis: "Standar pelayanan kabupaten".to_owned(),
    };
    let calendar = WorkingCalendar::civil_service("kantor", zone());
    promise(&policy, &calendar, at("2026-11-20T08:30:00Z")).unwrap()
}

fn inquiry(text: &str) -> InquiryPage {
    let now = at("2026-11-20T09:00:00Z");
    let short: String = text.chars().take(200).collect();
    let in_hand = |words: &str| InHand {
        until: at("2026-11-23T09:00:00Z"),
        by: "Admin PUPR".to_owned(),
        words: words.to_owned(),
    };
    let deed = |kind, words: Option<&str>| Deed {
        at: now,
        kind,
        by: Some("Admin PUPR".to_owned()),
        moved: Some(("Dinas LH".to_owned(), "Dinas PUPR".to_owned())),
        until: Some(now),
        words: words.map(str::to_owned),
    };
    let said = |own, text: &str| Said {
        own,
        text: text.to_owned(),
        at: now,
        visibility: Visibility::Shown,
        edited: own,
        permalink: Some("https://www.instagram.com/p/abc/c/17900000000000001/".to_owned()),
    };
    InquiryPage {
        number: NUMBER,
        title: sahut_render::tame::title(text),
        office: "Dinas PUPR".to_owned(),
        kind: Kind::Complaint,
        state: State::Open,
        person: "Admin PUPR".to_owned(),
        channel: "Facebook PUPR".to_owned(),
        surface: Surface::Comment,
        citizen: short.clone(),
        post: Some(PostShown { text: text.to_owned(), at: now, permalink: None }),
        thread: vec![said(false, text), said(true, "Terima kasih, kami periksa."), said(false, text)],
        left_out: 12,
        promise: Some(friday_afternoon()),
        zone: zone(),
        now,
        in_hand: Some(in_hand(&short)),
        asked: Some(in_hand(&short)),
        reason: "kata \"jalan berlubang\" termasuk tugas dinas ini (topik jalan)".to_owned(),
        tell: Some("Gangguan listrik ditangani PLN: telepon 123.".to_owned()),
        together: Some((IncidentNumber { year: 2026, sequence: 12 }, 36)),
        replies: vec![Given {
            text: text.to_owned(),
            by: "Admin PUPR".to_owned(),
            at: now,
            state: ReplyState::Failed,
            error: Some(short.clone()),
        }],
        deeds: vec![
            deed(EventKind::InquiryHandedOver, Some(&short)),
            deed(EventKind::InquiryNoted, Some(text)),
        ],
        stays: vec![Stay { office: "Dinas LH".to_owned(), seconds: 5400 }],
        forms: Forms {
            action: "/i/AAAAAB".to_owned(),
            key: "k1".to_owned(),
            version: 4,
            acts: Act::ALL.to_vec(),
            opened: Act::Answer,
            limit: Some(LONG),
            offices: (0..39).map(|n| (format!("dinas-{n}"), format!("Dinas nomor {n}"))).collect(),
            until: vec![at("2026-11-23T09:00:00Z"), at("2026-11-24T09:00:00Z")],
            more: vec![at("2026-11-25T09:00:00Z")],
            decides: "Diskominfo".to_owned(),
            is_deciding: false,
            bound: false,
            filled: Filled::default(),
            problem: None,
        },
    }
}

fn render(page: &Page, language: Language) -> String {
    render_page(page, language).unwrap()
}

fn shown(page: InquiryPage) -> String {
    render(&Page::Inquiry(Box::new(page)), Language::Indonesian)
}

fn refusals() -> Vec<Refusal> {
    let number = NUMBER;
    vec![
        Refusal::Forged,
        Refusal::Expired,
        Refusal::Moved(number, "Dinas LH".to_owned()),
        Refusal::Left,
        Refusal::TooOften,
        Refusal::Foreign,
        Refusal::Malformed,
        Refusal::Unavailable,
    ]
}

/// All pages, with these words wherever a stranger's can come.
fn pages(text: &str) -> Vec<Page> {
    let mut pages = vec![Page::Inquiry(Box::new(inquiry(text)))];
    let problems = [
        Problem::Changed(inquiry(text).deeds.pop().map(Box::new)),
        Problem::Changed(None),
        Problem::NoWords,
        Problem::TooMany(20_000),
        Problem::NoMoment,
        Problem::NoOffice,
        Problem::Limit(LONG),
        Problem::Unanswerable,
        Problem::Unfit,
        Problem::Quoted,
    ];
    for (problem, act) in problems.into_iter().zip(Act::ALL.into_iter().cycle()) {
        let mut page = inquiry(text);
        page.forms.opened = act;
        page.forms.problem = Some((act, problem));
        page.forms.filled = Filled {
            text: text.chars().take(300).collect(),
            intent: Some(Intent::Question),
            ..Filled::default()
        };
        pages.push(Page::Inquiry(Box::new(page)));
    }
    for act in Act::ALL {
        pages.push(Page::Done(Done {
            number: NUMBER,
            act,
            at: at("2026-11-20T09:00:00Z"),
            zone: zone(),
            office: "Dinas PUPR".to_owned(),
            waits_for: None,
            back: Some("/i/AAAAAB".to_owned()),
        }));
    }
    pages.extend(refusals().into_iter().map(Page::Refusal));
    pages
}

#[test]
fn every_page_is_whole_in_every_language() {
    for page in pages("Jalan rusak di Pasar Baru") {
        for language in Language::ALL {
            let html = render(&page, *language);
            assert!(html.contains(&format!("<html lang=\"{language}\">")), "{html}");
            assert_eq!(html.matches("<h1").count(), 1, "one heading: {html}");
            assert!(html.contains("name=\"viewport\"") && html.contains(&format!("<style>{STYLE}</style>")));
            for key in ["page.", "refusal.", "mail."] {
                let said = html.replace("admin@", "").replace(STYLE, "");
                assert!(!said.contains(&format!(">{key}")), "a sentence is missing: {html}");
            }
        }
    }
}

#[test]
fn a_page_loads_nothing_runs_nothing_and_fits_the_first_answer_of_a_server() {
    for page in pages("Jalan rusak di Pasar Baru, sudah tiga bulan berlubang.") {
        let html = render(&page, Language::Indonesian);
        for loader in
            ["<img", "<script", "<link", "<iframe", "src=", "url(", "@import", " style=", "onclick", "onload"]
        {
            assert!(!html.contains(loader), "{loader} in {html}");
        }
        assert!(html.len() < 14_000, "{} bytes", html.len());
    }
}

#[test]
fn every_field_has_a_label_and_every_name_stands_once() {
    let html = shown(inquiry("Jalan rusak"));
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    for field in html.split("<textarea id=\"").chain(html.split("<select id=\"")).skip(1) {
        let Some(id) = field.split('"').next().filter(|id| id.len() < 30 && !id.contains('<')) else {
            continue;
        };
        assert!(html.contains(&format!("<label for=\"{id}\">")), "{id} has no label");
    }
    assert_eq!(html.matches("<form method=\"post\"").count(), Act::ALL.len());
    assert_eq!(html.matches("name=\"version\" value=\"4\"").count(), Act::ALL.len());
}

#[test]
fn a_mistake_is_announced_and_what_was_typed_stays() {
    let mut page = inquiry("Jalan rusak");
    page.forms.opened = Act::Note;
    page.forms.filled.text = "catatan <b>panjang</b>".to_owned();
    page.forms.problem = Some((Act::Note, Problem::TooMany(4000)));
    let html = shown(page);
    assert!(html.contains("<title>Belum terkirim:"), "{html}");
    assert!(html.contains("role=\"alert\"") && html.contains("paling banyak 4.000 karakter"), "{html}");
    assert!(html.contains("aria-invalid=\"true\"") && html.contains("<details id=\"note\" open>"), "{html}");
    assert!(html.contains("catatan &lt;b&gt;panjang"), "{html}");
    assert_eq!(html.matches("catatan &lt;b&gt;").count(), 1, "only in the form that was sent: {html}");
}

#[test]
fn what_cannot_be_done_is_not_offered() {
    let mut page = inquiry("Jalan rusak");
    page.forms.limit = Some(Limit::Window { closed_at: page.now, advice: "" });
    page.forms.bound = true;
    page.forms.acts = vec![Act::Answer, Act::NotOurs, Act::Note];
    let html = shown(page);
    assert!(html.contains("tidak menerima jawaban lagi") && !html.contains("AAAAAB/answer"), "{html}");
    assert!(html.contains("sudah memutuskan") && !html.contains("AAAAAB/not-ours\""), "{html}");
    assert!(html.contains("AAAAAB/note") && !html.contains("AAAAAB/settle"), "{html}");
}

#[test]
fn a_citizens_numbers_are_masked() {
    let html = shown(inquiry("NIK 1707012345678901, wa 0812-3456-7890, surel warga.contoh@example.org"));
    for secret in ["0123456", "3456-78", "warga.contoh"] {
        assert!(!html.contains(secret), "{html}");
    }
}

#[test]
fn hostile_texts_are_harmless() {
    let megabyte = "<b>&\"'".repeat(170_000);
    for text in [
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "</textarea></form></blockquote></main><h1>Palsu</h1>",
        "\"><form action=https://jahat.example>",
        "{{ 7 * 7 }}{% include \"base.html\" %}{number}",
        "\u{202e}txet desrever\u{202c} \u{2066}isolated\u{2069}\u{0}\u{1b}[31m",
        "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}algo",
        &megabyte,
        "",
    ] {
        for page in pages(text) {
            let html = render(&page, Language::Indonesian);
            assert!(html.len() < 90_000, "{} bytes", html.len());
            for tag in ["<script", "<img", "<b>", "</h1><h1", "<h1>Palsu", "<form action"] {
                assert!(!html.contains(tag), "{tag} passes");
            }
            let body = html.replace(STYLE, "");
            let typed = body.split("<textarea").skip(1).filter_map(|rest| rest.split("</textarea>").next());
            let body = typed.fold(body.clone(), |body, typed| body.replace(typed, ""));
            assert!(!body.contains(|c: char| c.is_control() && c != '\n'), "a control character passes");
            assert!(!body.contains(['\u{202e}', '\u{2066}', '\u{309}']), "a hidden character passes");
            assert!(!body.contains(">49"), "it evaluates what it was given");
        }
    }
}
