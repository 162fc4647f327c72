//! What a record says, as a message.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sahut_domain::message::{Attachment, Author, Item, Surface, ThreadKey, Visibility};
use sahut_domain::office::OfficeCode;
use sahut_mail::{Correspondent, Limits, read, without_quotes};
use sha2::{Digest as _, Sha256};

use super::fields::{Field, Mapping};
use super::moment;
use super::records::Content;

/// How far a moment may be ahead of this machine's clock: zones are mistaken, the future is not written about.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What reading the meaning of a record needs to know.
pub(super) struct Meaning {
    pub(super) mapping: Option<Mapping>,
    pub(super) zone: TimeZone,
    pub(super) offices: BTreeSet<OfficeCode>,
    pub(super) now: Timestamp,
}

impl Meaning {
    /// The message, and the office that the source already knew. The error says what was expected, without the
    /// record's words.
    pub(super) fn of(
        &self,
        content: Content,
        raw: Vec<u8>,
    ) -> Result<(Item, Option<OfficeCode>), (String, Vec<u8>)> {
        let meant = match (content, &self.mapping) {
            (Content::Cells(cells), Some(mapping)) => self.row(&Row { cells, mapping }, &raw),
            (Content::Cells(_), None) => Err("a mail was expected".to_owned()),
            (Content::Mail { cut }, _) => self.mail(&raw, cut).map(|item| (item, None)),
        };
        match meant {
            Ok((item, office)) => Ok((Item { raw, ..item }, office)),
            Err(error) => Err((error, raw)),
        }
    }

    fn row(&self, row: &Row<'_>, raw: &[u8]) -> Result<(Item, Option<OfficeCode>), String> {
        let text = row.value(Field::Text).ok_or("a text was expected, and its column is empty")?;
        let external_id = row.value(Field::Id).unwrap_or_else(|| content_id(raw));
        let thread = row.value(Field::Thread).unwrap_or_else(|| external_id.clone());
        let item = Item {
            thread: ThreadKey { external_id: thread, surface: Surface::Direct, post: None },
            author: Author { name: row.value(Field::Author), ..Author::default() },
            text,
            subject: row.value(Field::Subject),
            written_at: self.written_at(row.value(Field::WrittenAt))?,
            permalink: row.value(Field::Permalink),
            ..blank(external_id)
        };
        Ok((item, self.office(row.value(Field::Office))?))
    }

    /// When it was written; what names no moment was written now.
    fn written_at(&self, text: Option<String>) -> Result<Timestamp, String> {
        let Some(text) = text else { return Ok(self.now) };
        let expected = || format!("{} was expected", moment::EXPECTED);
        let moment = moment::parse(&text, &self.zone).ok_or_else(expected)?;
        if self.is_ahead(moment) {
            Err("a date that is not in the future was expected".to_owned())
        } else {
            Ok(moment)
        }
    }

    fn is_ahead(&self, moment: Timestamp) -> bool {
        moment.duration_since(self.now) > AHEAD
    }

    fn office(&self, text: Option<String>) -> Result<Option<OfficeCode>, String> {
        let Some(text) = text else { return Ok(None) };
        // What is not even a code may be anything that a citizen wrote.
        let found = OfficeCode::parse(&text).ok();
        let what = found
            .as_ref()
            .map_or_else(|| "this is no office code".to_owned(), |code| format!("there is no office {code}"));
        if let Some(code) = found.filter(|code| self.offices.contains(code)) {
            return Ok(Some(code));
        }
        let known: Vec<&str> = self.offices.iter().map(OfficeCode::as_str).collect();
        Err(format!("{what}: the offices are {}", known.join(", ")))
    }

    fn mail(&self, raw: &[u8], cut: bool) -> Result<Item, String> {
        let mail = read(raw, &Limits::default()).map_err(|error| error.to_string())?;
        let root = mail.references.first().or(mail.in_reply_to.as_ref()).or(mail.message_id.as_ref());
        let thread = root.unwrap_or(&mail.identity).clone();
        let mut attachments = mail.attachments;
        if cut {
            let media_type = "message/rfc822".to_owned();
            attachments.push(Attachment {
                media_type,
                name: None,
                bytes: None,
                reference: None,
                content: None,
            });
        }
        Ok(Item {
            thread: ThreadKey { external_id: thread, surface: Surface::Mail, post: None },
            author: author(mail.from),
            automatic: mail.automatic.is_some(),
            text: without_quotes(&mail.text),
            subject: mail.subject,
            written_at: mail.date.filter(|date| !self.is_ahead(*date)).unwrap_or(self.now),
            attachments,
            ..blank(mail.identity)
        })
    }
}

/// A row of a table, asked for what it tells.
struct Row<'a> {
    cells: Vec<String>,
    mapping: &'a Mapping,
}

impl Row<'_> {
    fn value(&self, field: Field) -> Option<String> {
        let cell = self.cells.get(self.mapping.of(field)?)?;
        let text = cell.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// A row that has no number is known by what it says: the same row is one message, whichever file it comes in.
fn content_id(raw: &[u8]) -> String {
    let hash = Sha256::digest(raw.trim_ascii());
    format!("{:032x}", u128::from_be_bytes(std::array::from_fn(|index| hash[index])))
}

fn author(from: Option<Correspondent>) -> Author {
    match from {
        Some(Correspondent { name, address }) => {
            Author { external_id: Some(address.clone()), name, handle: Some(address) }
        }
        None => Author::default(),
    }
}

fn blank(external_id: String) -> Item {
    Item {
        thread: ThreadKey { external_id: external_id.clone(), surface: Surface::Direct, post: None },
        external_id,
        parent: None,
        author: Author::default(),
        own: false,
        automatic: false,
        text: String::new(),
        subject: None,
        written_at: Timestamp::UNIX_EPOCH,
        edited_at: None,
        visibility: Visibility::Shown,
        permalink: None,
        attachments: Vec::new(),
        raw: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::import::fields::wish;

    const COLUMNS: [&str; 5] = ["nomor", "tanggal", "nama", "isi", "opd"];

    fn meaning() -> Meaning {
        Meaning {
            mapping: Mapping::choose(&COLUMNS.map(str::to_owned), &[wish("office=opd").unwrap()]).ok(),
            zone: TimeZone::get("Asia/Jakarta").unwrap(),
            offices: ["dinkes", "dpupr"].iter().map(|code| OfficeCode::parse(code).unwrap()).collect(),
            now: "2026-11-24T03:00:00Z".parse().unwrap(),
        }
    }

    fn row(cells: [&str; 5]) -> Result<(Item, Option<OfficeCode>), String> {
        let content = Content::Cells(cells.map(str::to_owned).to_vec());
        meaning().of(content, cells.join(",").into_bytes()).map_err(|(error, _)| error)
    }

    #[test]
    fn a_row_says_who_wrote_what_when_to_whom() {
        let (item, office) =
            row(["17", "24/11/2026 08.00", "warga", " air mati\r\nlagi ", "dinkes"]).unwrap();
        assert_eq!((item.external_id.as_str(), item.thread.external_id.as_str()), ("17", "17"));
        assert_eq!((item.text.as_str(), item.author.name.as_deref()), ("air mati\nlagi", Some("warga")));
        assert_eq!(item.written_at, "2026-11-24T01:00:00Z".parse().unwrap());
        assert_eq!(office.unwrap().as_str(), "dinkes");
    }

    #[test]
    fn a_row_without_number_is_known_by_what_it_says() {
        let id = |text| row(["", "", "", text, ""]).unwrap().0.external_id;
        assert_eq!(id("air mati"), id("air mati"));
        assert_ne!(id("air mati"), id("air keruh"));
        assert_eq!(row(["", "", "", "x", ""]).unwrap().0.written_at, meaning().now);
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_not_what_was_written() {
        for (cells, expected) in [
            (["1", "kemarin sore", "", "x", ""], "2026-11-24 10:15"),
            (["1", "2027-11-24", "", "x", ""], "not in the future"),
            (["1", "", "", "  ", ""], "a text was expected"),
            (["1", "", "", "x", "dinsos"], "there is no office dinsos: the offices are dinkes, dpupr"),
            (["1", "", "", "x", "Rahasia Saya"], "this is no office code: the offices are"),
        ] {
            let error = row(cells).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("sore") && !error.contains("Rahasia"), "{error}");
        }
    }

    #[test]
    fn a_mail_of_an_archive_stands_in_its_thread() {
        let raw = b"From: Warga <w@contoh.id>\nMessage-ID: <b@x>\nReferences: <a@x>\nSubject: air\n\
            Date: Mon, 23 Nov 2026 08:00:00 +0700\n\nMasih mati.\n"
            .to_vec();
        let (item, _) = meaning().of(Content::Mail { cut: false }, raw.clone()).unwrap();
        assert_eq!((item.thread.external_id.as_str(), item.thread.surface), ("<a@x>", Surface::Mail));
        assert_eq!((item.text.as_str(), item.subject.as_deref()), ("Masih mati.", Some("air")));
        assert_eq!(item.written_at, "2026-11-23T01:00:00Z".parse().unwrap());
        assert_eq!((item.author.key(), item.raw), (Some("w@contoh.id"), raw));
    }

    proptest! {
        #[test]
        fn any_cells_and_any_bytes_are_survived(cells in proptest::collection::vec(".{0,12}", 0..7), raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = meaning().of(Content::Cells(cells), raw.clone());
            let _ = meaning().of(Content::Mail { cut: true }, raw);
        }
    }
}
