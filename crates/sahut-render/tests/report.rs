//! The report of an invented month: its four faces agree to the digit.
//!
//! With `SAHUT_REPORT_DIR` set, the faces are written there, to be looked at.

#![cfg(test)]
#![expect(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the numbers of a test are small"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::calendar::WorkingCalendar;
use sahut_domain::channel::{ChannelId, Platform};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::InquiryId;
use sahut_domain::office::OfficeCode;
use sahut_domain::report::{Brief, ChannelFacts, Fold, Line, Report, Setting};
use sahut_render::mail::{Context, render_mail};
use sahut_render::report::{Cell, Document, csv, html, id, pdf, xlsx};
use serde_json::json;

const OFFICES: [&str; 12] = [
    "PUPR",
    "Dinkes",
    "Dinas LH",
    "Dukcapil",
    "Dinsos",
    "Dishub",
    "PDAM",
    "Satpol PP",
    "Dikbud",
    "Kec. Topos",
    "Kec. Lebong Utara",
    "Diskominfo",
];
const KINDS: [&str; 4] = ["complaint", "information", "aspiration", "emergency"];
const TOPICS: [&str; 5] = ["jalan", "sampah", "air-bersih", "ktp", "puskesmas"];

/// A number that looks like chance and is always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn office(at: u64) -> OfficeCode {
    OfficeCode::parse(&format!("opd-{at}")).unwrap()
}

fn setting() -> Setting {
    let zone = TimeZone::get("Asia/Jakarta").unwrap();
    let named = |at: usize| (office(at as u64), OFFICES[at].to_owned());
    let calendar = |at| (office(at), WorkingCalendar::civil_service("kantor", zone.clone()));
    let channel = |at: u64| {
        let platform = [Platform::Facebook, Platform::Instagram, Platform::Telegram][at as usize % 3];
        let name =
            format!("{} {}", ["Facebook", "Instagram", "Telegram"][at as usize % 3], OFFICES[at as usize]);
        let complete_until = "2026-11-20T00:00:00Z".parse().ok();
        (
            ChannelId(at as i64),
            ChannelFacts { name, platform, office: office(at), complete_until, retired: false },
        )
    };
    Setting {
        regency: "Pemerintah Kabupaten Contoh".to_owned(),
        offices: (0..OFFICES.len()).map(named).collect::<BTreeMap<_, _>>(),
        calendars: (0..OFFICES.len() as u64).map(calendar).collect(),
        channels: (0..OFFICES.len() as u64).map(channel).collect(),
        zone,
    }
}

/// A month with some hundred inquiries, and some from before.
fn report() -> Report {
    let mut fold = Fold::new("2026-10".parse().unwrap(), setting(), None, at("2026-11-24T00:00:00Z", 0));
    let mut dice = Dice(7);
    let mut number = 0;
    let mut tell = |kind, when: Timestamp, whose: u64, inquiry: i64, told: serde_json::Value| {
        number += 1;
        fold.take(Line {
            id: number,
            kind,
            at: when,
            actor: "Admin".to_owned(),
            office: Some(office(whose)),
            channel: Some(ChannelId(whose as i64)),
            inquiry: Some(InquiryId(inquiry)),
            told: serde_json::from_value(told).unwrap(),
        });
    };
    for inquiry in 1..=640 {
        let whose = dice.below(11) * dice.below(11) / 11;
        let begins = at("2026-09-20T17:00:00Z", dice.below(41 * 24 * 60));
        let due = begins + jiff::SignedDuration::from_hours(24);
        let (kind, topic) = (KINDS[dice.below(4).pow(2) as usize / 4], TOPICS[dice.below(5) as usize]);
        let number = format!("K-2026-{inquiry:05}");
        let told = json!({ "number": number, "kind": kind, "topic": topic, "due_at": due });
        tell(EventKind::InquiryOpened, begins, whose, inquiry, told);
        if dice.below(10) < 9 - whose / 3 {
            let took = jiff::SignedDuration::from_mins(dice.below(20 * (whose + 2)) as i64 * 15);
            tell(EventKind::InquiryAnswered, begins + took, whose, inquiry, json!({ "due_at": due }));
            tell(EventKind::ReplySent, begins + took, whose, inquiry, json!({ "reply": inquiry }));
            if dice.below(12) == 0 {
                let again = begins + took + jiff::SignedDuration::from_hours(30);
                tell(EventKind::InquiryReopened, again, whose, inquiry, json!({ "due_at": due }));
            }
        }
        if dice.below(15) == 0 {
            let moved = begins + jiff::SignedDuration::from_hours(2);
            let (from, to) = (office(whose), office(whose + 1));
            tell(
                EventKind::InquiryHandedOver,
                moved,
                whose + 1,
                inquiry,
                json!({ "from": from, "to": to, "triage": false }),
            );
        }
        if dice.below(20) == 0 {
            let paused = begins + jiff::SignedDuration::from_hours(3);
            tell(
                EventKind::DeadlinePaused,
                paused,
                whose,
                inquiry,
                json!({ "deadline": inquiry, "why": "question" }),
            );
            tell(EventKind::ExtensionAsked, paused, whose, inquiry, json!({ "deadline": inquiry }));
        }
        if dice.below(30) == 0 {
            tell(
                EventKind::IncidentJoined,
                begins,
                whose,
                inquiry,
                json!({ "incident": format!("KJ-2026-{:05}", whose + 1) }),
            );
        }
        let aside = ["noise", "spam", "thanks"][dice.below(3) as usize];
        tell(EventKind::MessageSetAside, begins, whose, 0, json!({ "kind": aside }));
    }
    fold.finish()
}

fn at(from: &str, minutes: u64) -> Timestamp {
    from.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minutes as i64)
}

#[test]
fn the_same_numbers_have_the_same_number_and_are_read_back() {
    let report = report();
    let stored = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, report);
    assert_eq!(id(&read), id(&report));
    let other = Report { brought_back: 1, ..report.clone() };
    assert_ne!(id(&other), id(&report));
    assert!(id(&report).starts_with("2026-10-"));
}

#[test]
fn a_page_paper_a_workbook_and_tables_agree_to_the_digit() {
    let report = report();
    let document = Document::of(&report, Language::Indonesian);
    let page = html::html(&document).unwrap();
    let tables = String::from_utf8(csv::csv(&document).unwrap()).unwrap();
    let paper = pdf::pdf(&document);
    let book = xlsx::xlsx(&document).unwrap();
    if let Some(folder) = std::env::var_os("SAHUT_REPORT_DIR").map(std::path::PathBuf::from) {
        std::fs::write(folder.join("report.html"), &page).unwrap();
        std::fs::write(folder.join("report.csv"), &tables).unwrap();
        std::fs::write(folder.join("report.pdf"), &paper).unwrap();
        std::fs::write(folder.join("report.xlsx"), &book).unwrap();
    }
    let cells = || document.sections.iter().flat_map(|section| section.table.rows.iter().flatten());
    let written: Vec<String> = cells().map(|cell| document.text(cell)).collect();
    assert!(written.len() > 400, "{}", written.len());

    assert_eq!(cells_of_page(&page), written);
    assert_eq!(words_of_paper(&paper), words(&written), "the same words in the same order");
    let plain: Vec<String> = cells()
        .map(|cell| if let Cell::Count(count) = cell { count.to_string() } else { document.text(cell) })
        .collect();
    assert_eq!(cells_of_tables(&tables, &document), plain);
    assert_eq!(cells_of_book(&book, &document), written);
}

#[test]
fn the_mail_says_what_the_report_says() {
    let report = report();
    let brief = report.brief(id(&report), 5);
    let kept: Brief = serde_json::from_value(serde_json::to_value(&brief).unwrap()).unwrap();
    assert_eq!(kept, brief, "it is read back from the journal as it was");
    let mail = render_mail(&Context::MonthlyReport(kept), Language::Indonesian).unwrap();
    if let Some(folder) = std::env::var_os("SAHUT_REPORT_DIR").map(std::path::PathBuf::from) {
        std::fs::write(folder.join("mail.html"), &mail.html).unwrap();
    }
    let document = Document::of(&report, Language::Indonesian);
    for sentence in &document.sections[0].sentences {
        assert!(mail.plain.contains(sentence.as_str()), "{sentence}: {}", mail.plain);
    }
    assert!(mail.plain.contains(&document.id) && mail.html.len() < 20_000);
}

#[test]
fn no_face_is_made_of_nothing() {
    let now = at("2026-10-05T00:00:00Z", 0);
    let empty = Fold::new("2026-10".parse().unwrap(), setting(), Some(office(3)), now).finish();
    let document = Document::of(&empty, Language::English);
    assert!(document.notes.iter().any(|note| note.contains("not over")), "{:?}", document.notes);
    assert!(html::html(&document).unwrap().contains("Dukcapil"));
    assert!(pdf::pdf(&document).starts_with(b"%PDF-1.7"));
    assert!(!xlsx::xlsx(&document).unwrap().is_empty() && !csv::csv(&document).unwrap().is_empty());
}

/// What stands between these tags, in order.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let parts = text.split(open).skip(1);
    parts.filter_map(|part| part.split_once('>')?.1.split_once(close)).map(|(inner, _)| inner).collect()
}

fn cells_of_page(page: &str) -> Vec<String> {
    let plain = |cell: &str| {
        cell.replace("&gt;", ">").replace("&lt;", "<").replace("&#x2f;", "/").replace("&amp;", "&")
    };
    between(page, "<td", "</td>").into_iter().map(plain).collect()
}

fn words(texts: &[String]) -> Vec<String> {
    let mut words: Vec<String> =
        texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    words.sort_unstable();
    words
}

/// The words that the small plain letters set in tables, sorted: cells of several lines are parted by those beside them.
fn words_of_paper(paper: &[u8]) -> Vec<String> {
    let text: String = paper.iter().map(|byte| char::from(*byte)).collect();
    let mut set = Vec::new();
    for piece in text.split("BT\n").skip(1) {
        let piece = piece.split("ET").next().unwrap_or_default();
        let shown = piece.rsplit_once("Tj").map_or("", |(shown, _)| shown);
        let Some((look, shown)) = shown.split_once('(').filter(|_| shown.contains("/P 7.5 ")) else {
            continue;
        };
        let _ = look;
        set.push(shown.trim_end().trim_end_matches(')').replace("\\(", "(").replace("\\)", ")"));
    }
    words(&set)
}

fn cells_of_tables(tables: &str, document: &Document) -> Vec<String> {
    assert!(tables.starts_with('\u{feff}'));
    let mut lines = tables.split("\r\n");
    let mut cells = Vec::new();
    for section in &document.sections {
        lines
            .by_ref()
            .find(|line| *line == section.title || *line == format!("\"{}\"", section.title))
            .unwrap();
        lines.next();
        for _ in &section.table.rows {
            cells.extend(lines.next().unwrap().split(';').map(|cell| cell.trim_matches('"').to_owned()));
        }
    }
    cells
}

/// Reads the workbook's own XML: what numbers there are, and how they are to look.
fn cells_of_book(book: &[u8], document: &Document) -> Vec<String> {
    let parts = unzip(book);
    let part = |name: &str| parts.get(name).unwrap().clone();
    let strings = between(&part("xl/sharedStrings.xml"), "<t", "</t>")
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    let mut cells = Vec::new();
    for (at, section) in document.sections.iter().enumerate() {
        let sheet = part(&format!("xl/worksheets/sheet{}.xml", at + 1));
        let rows = between(&sheet, "<row ", "</row>");
        for (row, typed) in rows[rows.len() - section.table.rows.len()..].iter().zip(&section.table.rows) {
            let values = row.split("<c ").skip(1);
            for (value, cell) in values.zip(typed) {
                let number = between(value, "<v", "</v>")[0];
                let text = value.contains("t=\"s\"");
                let shown = if text {
                    strings[number.parse::<usize>().unwrap()]
                        .replace("&gt;", ">")
                        .replace("&lt;", "<")
                        .replace("&amp;", "&")
                } else {
                    shown(number.parse().unwrap(), cell, document)
                };
                cells.push(shown);
            }
        }
    }
    cells
}

/// A number of a workbook as the look of its cell shows it.
fn shown(number: f64, cell: &Cell, document: &Document) -> String {
    let again = match cell {
        Cell::Count(_) => Cell::Count(number as u64),
        Cell::Share(_) => Cell::Share((number * 1000.0).round() as u64),
        Cell::Span(span) => {
            Cell::Span(sahut_domain::report::Span { minutes: (number * 1440.0).round() as u64, ..*span })
        }
        Cell::Moment(_) => {
            let minutes = (number * 1440.0).round() as i64;
            let local =
                jiff::civil::date(1899, 12, 30).at(0, 0, 0, 0) + jiff::SignedDuration::from_mins(minutes);
            Cell::Moment(document.zone.to_ambiguous_timestamp(local).compatible().unwrap())
        }
        other => other.clone(),
    };
    document.text(&again)
}

/// The texts of a ZIP file by their names, without a library that the program does not have.
fn unzip(file: &[u8]) -> BTreeMap<String, String> {
    let number = |at: usize, bytes: usize| {
        file[at..at + bytes].iter().rev().fold(0_usize, |sum, byte| sum * 256 + usize::from(*byte))
    };
    let end = file.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let (count, mut at) = (number(end + 10, 2), number(end + 16, 4));
    let mut parts = BTreeMap::new();
    for _ in 0..count {
        let (method, packed, from) = (number(at + 10, 2), number(at + 20, 4), number(at + 42, 4));
        let (name, extra, comment) = (number(at + 28, 2), number(at + 30, 2), number(at + 32, 2));
        let named = String::from_utf8_lossy(&file[at + 46..at + 46 + name]).into_owned();
        let data = from + 30 + number(from + 26, 2) + number(from + 28, 2);
        let mut text = String::new();
        let packed = &file[data..data + packed];
        if method == 8 {
            flate2::read::DeflateDecoder::new(packed).read_to_string(&mut text).unwrap();
        } else {
            let _ = write!(text, "{}", String::from_utf8_lossy(packed));
        }
        parts.insert(named, text);
        at += 46 + name + extra + comment;
    }
    parts
}
