//! A file taken apart into records, one in memory at a time. What a record means is not decided here.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Terminator};
use sahut_mail::Mbox;
use serde_json::Value;

use super::lines::{Lines, MOST, trimmed};

/// Most bytes that are kept of one mail: its attachments are kept up to 25 MiB, which base64 makes longer by a third.
const MOST_OF_A_MAIL: usize = 40 << 20;

/// Most keys that are told apart in a file of JSON Lines: such a file has as many as a form, not as many as lines.
const MOST_KEYS: usize = 1000;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Commas or semicolons, quoted as RFC 4180 says, with a header.
    Csv,
    /// Tabs, without quoting, with a header.
    Tsv,
    /// A JSON object in each line.
    Jsonl,
    /// An archive of mails.
    Mbox,
}

impl Format {
    /// The format that a file's name promises.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "mbox" | "mbx" => Some(Self::Mbox),
            _ => None,
        }
    }
}

/// One record of a file.
#[derive(Debug)]
pub(super) struct Record {
    /// Where it begins: the number of a line, of an archive the byte.
    pub(super) place: u64,
    /// Where to go on after it: records of a table, bytes of an archive.
    pub(super) position: i64,
    /// Bytes of the file up to its end.
    pub(super) bytes: u64,
    /// It as it stands, without the line's end.
    pub(super) raw: Vec<u8>,
    /// What is in it, or what was expected.
    pub(super) content: Result<Content, String>,
}

/// What is in a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// The value of each column; empty where there is none.
    Cells(Vec<String>),
    /// A mail, and whether it was too long to be kept whole.
    Mail { cut: bool },
}

/// The records of a file.
pub(super) struct Records<R> {
    source: Source<R>,
    /// Names of the columns; none in an archive.
    pub(super) columns: Vec<String>,
    read: i64,
}

enum Source<R> {
    Csv { lines: Lines<R>, delimiter: u8 },
    Tsv(Lines<R>),
    Json(Lines<R>),
    Mails(Mbox<R>),
}

impl Records<BufReader<File>> {
    pub(super) fn open(path: &Path, format: Format) -> io::Result<Self> {
        let reader = || File::open(path).map(BufReader::new);
        let keys = if format == Format::Jsonl { keys(reader()?)? } else { Vec::new() };
        Self::new(reader()?, format, keys)
    }
}

impl<R: BufRead> Records<R> {
    /// Begins to read; `keys` are the columns of JSON Lines, which have no header.
    fn new(reader: R, format: Format, keys: Vec<String>) -> io::Result<Self> {
        let mut lines = match format {
            Format::Mbox => {
                let source = Source::Mails(Mbox::new(reader, MOST_OF_A_MAIL));
                return Ok(Self { source, columns: keys, read: 0 });
            }
            Format::Jsonl => {
                return Ok(Self { source: Source::Json(Lines::new(reader)), columns: keys, read: 0 });
            }
            Format::Csv | Format::Tsv => Lines::new(reader),
        };
        let mut header = Vec::new();
        lines.append(&mut header)?;
        let header = trimmed(&header);
        let delimiter = delimiter(header);
        let columns =
            if format == Format::Csv { quoted_cells(header, delimiter) } else { tabbed_cells(header) };
        let columns = columns
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("its header: {error}")))?;
        let source =
            if format == Format::Csv { Source::Csv { lines, delimiter } } else { Source::Tsv(lines) };
        Ok(Self { source, columns, read: 0 })
    }

    /// The next record; blank lines are none.
    pub(super) fn read(&mut self) -> io::Result<Option<Record>> {
        let columns = &self.columns;
        let found = match &mut self.source {
            Source::Csv { lines, delimiter } => {
                let delimiter = *delimiter;
                let append = |lines: &mut Lines<R>, raw: &mut Vec<u8>| append_quoted(lines, raw, delimiter);
                line_record(lines, append, |raw| fitting(quoted_cells(raw, delimiter)?, columns))?
            }
            Source::Tsv(lines) => {
                line_record(lines, Lines::append, |raw| fitting(tabbed_cells(raw)?, columns))?
            }
            Source::Json(lines) => line_record(lines, Lines::append, |raw| json_cells(raw, columns))?,
            Source::Mails(mails) => return Ok(mails.next().transpose()?.map(mail_record)),
        };
        self.read += i64::from(found.is_some());
        Ok(found.map(|record| Record { position: self.read, ..record }))
    }

    /// Passes over what was brought in before.
    pub(super) fn skip_to(&mut self, position: i64) -> io::Result<()> {
        let mut at = 0;
        while at < position {
            match self.read()? {
                Some(record) => at = record.position,
                None => break,
            }
        }
        Ok(())
    }
}

/// The next record of a file of lines: `append` finds its end, `cells` what is in it.
fn line_record<R: BufRead>(
    lines: &mut Lines<R>,
    append: impl Fn(&mut Lines<R>, &mut Vec<u8>) -> io::Result<bool>,
    cells: impl Fn(&[u8]) -> Result<Vec<String>, String>,
) -> io::Result<Option<Record>> {
    loop {
        let (mut raw, place) = (Vec::new(), lines.number + 1);
        if !append(lines, &mut raw)? {
            return Ok(None);
        }
        let content = if raw.len() > MOST {
            Err("a record of at most 1 MiB was expected; is a quote opened and never closed?".to_owned())
        } else {
            raw.truncate(trimmed(&raw).len());
            cells(&raw).map(Content::Cells)
        };
        if !raw.trim_ascii().is_empty() {
            return Ok(Some(Record { place, position: 0, bytes: lines.bytes, raw, content }));
        }
    }
}

fn mail_record(mail: sahut_mail::MboxMail) -> Record {
    let position = i64::try_from(mail.end).unwrap_or(i64::MAX);
    Record {
        place: mail.start,
        position,
        bytes: mail.end,
        raw: mail.raw,
        content: Ok(Content::Mail { cut: mail.cut }),
    }
}

/// Appends lines until no quote is open.
fn append_quoted<R: BufRead>(lines: &mut Lines<R>, raw: &mut Vec<u8>, delimiter: u8) -> io::Result<bool> {
    let any = lines.append(raw)?;
    let mut quotes = Quotes::new(delimiter);
    let mut seen = 0;
    while quotes.pass(raw.get(seen..).unwrap_or_default()) && raw.len() <= MOST {
        seen = raw.len();
        if !lines.append(raw)? {
            break;
        }
    }
    Ok(any)
}

/// Where quotes open and close: a quote opens at the beginning of a field only, and a doubled one is a sign.
struct Quotes {
    delimiter: u8,
    open: bool,
    quoted: bool,
    last: u8,
}

impl Quotes {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, open: false, quoted: false, last: delimiter }
    }

    /// Goes over more bytes of a record; answers whether a quote is open after them.
    fn pass(&mut self, bytes: &[u8]) -> bool {
        for &byte in bytes {
            let begins = self.last == self.delimiter;
            match byte {
                b'"' if self.open => self.open = false,
                b'"' if begins || (self.quoted && self.last == b'"') => {
                    (self.open, self.quoted) = (true, true);
                }
                _ if !self.open && byte == self.delimiter => self.quoted = false,
                _ => {}
            }
            // Within quotes a delimiter is a sign like others: what follows it begins no field.
            self.last = if self.open && byte == self.delimiter { 0 } else { byte };
        }
        self.open
    }
}

/// Spreadsheets set to Indonesian write semicolons, because the comma is their decimal point.
fn delimiter(header: &[u8]) -> u8 {
    let count = |sign: u8| header.split(|byte| *byte == sign).count();
    if count(b';') > count(b',') { b';' } else { b',' }
}

fn quoted_cells(raw: &[u8], delimiter: u8) -> Result<Vec<String>, String> {
    let mut quotes = Quotes::new(delimiter);
    if quotes.pass(raw) {
        return Err("a quote is opened and never closed".to_owned());
    }
    let mut builder = ReaderBuilder::new();
    // The record is cut out already: a line's end in it belongs to a field.
    builder
        .has_headers(false)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(raw.len().max(1));
    let mut cells = StringRecord::new();
    match builder.from_reader(raw).read_record(&mut cells) {
        Ok(_) => Ok(cells.iter().map(str::to_owned).collect()),
        Err(_) => Err(not_utf8()),
    }
}

fn tabbed_cells(raw: &[u8]) -> Result<Vec<String>, String> {
    let line = str::from_utf8(raw).map_err(|_| not_utf8())?;
    Ok(line.split('\t').map(str::to_owned).collect())
}

fn not_utf8() -> String {
    "text in UTF-8 was expected: save the file in UTF-8 and import it again".to_owned()
}

/// A record of another width is not read: its values would stand under the wrong names.
fn fitting(cells: Vec<String>, columns: &[String]) -> Result<Vec<String>, String> {
    if cells.len() == columns.len() {
        return Ok(cells);
    }
    Err(format!("{} columns were expected, as in the header, and there are {}", columns.len(), cells.len()))
}

fn json_cells(raw: &[u8], columns: &[String]) -> Result<Vec<String>, String> {
    let value = object(raw)?;
    let of = |path: &String| path.split('.').try_fold(&value, |value, key| value.get(key)).map(cell);
    Ok(columns.iter().map(|path| of(path).unwrap_or_default()).collect())
}

fn object(raw: &[u8]) -> Result<Value, String> {
    // The parser's own words quote the record.
    match serde_json::from_slice(raw) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err("a JSON object in one line was expected".to_owned()),
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// The keys of all records, those within others by their path (`author.name`), in their order: one that only a late
/// record has is a column too.
fn keys(reader: impl BufRead) -> io::Result<Vec<String>> {
    let mut records = Records::new(reader, Format::Jsonl, Vec::new())?;
    let mut keys = Vec::new();
    while let Some(record) = records.read()? {
        if let Ok(value) = object(&record.raw) {
            note_keys(&value, "", &mut keys);
        }
    }
    Ok(keys)
}

fn note_keys(value: &Value, path: &str, keys: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                note_keys(value, &path, keys);
            }
        }
        _ if keys.len() >= MOST_KEYS || keys.iter().any(|known| known == path) => {}
        _ => keys.push(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8], format: Format) -> Vec<Record> {
        let keys = if format == Format::Jsonl { keys(text).unwrap() } else { Vec::new() };
        let Ok(mut records) = Records::new(text, format, keys) else { return Vec::new() };
        std::iter::from_fn(|| records.read().unwrap()).collect()
    }

    fn cells(record: &Record) -> Vec<&str> {
        match &record.content {
            Ok(Content::Cells(cells)) => cells.iter().map(String::as_str).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn quotes_hold_lines_delimiters_and_quotes() {
        let csv =
            "a,b\r\n1,\"dua\r\nbaris, \"\"dan\"\" tanda\"\r\n\r\npipa 5\" bocor,x\n\"\",\"\"\"q\"\"\"\n";
        let records = all(csv.as_bytes(), Format::Csv);
        let found: Vec<_> =
            records.iter().map(|record| (record.place, record.position, cells(record))).collect();
        assert_eq!(
            found,
            [
                (2, 1, vec!["1", "dua\r\nbaris, \"dan\" tanda"]),
                (5, 2, vec!["pipa 5\" bocor", "x"]),
                (6, 3, vec!["", "\"q\""])
            ]
        );
    }

    #[test]
    fn tabs_are_not_quoted_and_semicolons_are_commas_in_indonesia() {
        assert_eq!(cells(&all(b"a\tb\n\"x\t5\" y\n", Format::Tsv)[0]), ["\"x", "5\" y"]);
        assert_eq!(cells(&all(b"a;b\n1,5;\"x;y\"\n", Format::Csv)[0]), ["1,5", "x;y"]);
    }

    #[test]
    fn keys_within_keys_are_found_by_their_path() {
        let text =
            b"{\"isi\":\"halo\",\"dari\":{\"nama\":\"W\"},\"no\":7}\n{\"isi\":\"lagi\",\"x\":null}\n[1]\n";
        let records = all(text, Format::Jsonl);
        let columns = keys(text.as_slice()).unwrap();
        let of = |record: &Record, name: &str| {
            cells(record)[columns.iter().position(|column| column == name).unwrap()].to_owned()
        };
        assert_eq!([of(&records[0], "dari.nama"), of(&records[0], "no")], ["W", "7"]);
        assert_eq!([of(&records[1], "isi"), of(&records[1], "x")], ["lagi", ""]);
        assert!(records[2].content.is_err());
    }

    #[test]
    fn a_key_that_appears_late_is_a_column() {
        let text = "{\"isi\":\"a\"}\n".repeat(300) + "{\"isi\":\"b\",\"judul\":\"c\"}\n";
        assert_eq!(cells(&all(text.as_bytes(), Format::Jsonl)[300]), ["b", "c"]);
    }

    #[test]
    fn a_bad_record_leaves_its_neighbours_alone() {
        let records = all(b"a,b\nx\n1,\xff\n1,2\n1,\"2\n", Format::Csv);
        let good: Vec<bool> = records.iter().map(|record| record.content.is_ok()).collect();
        assert_eq!(good, [false, false, true, false]);
    }

    #[test]
    fn reading_goes_on_where_it_was_left() {
        let mbox = b"From a 10:00\nSubject: satu\n\nisi\n\nFrom b 10:01\nSubject: dua\n\nisi\n";
        for (text, format) in [(b"a,b\n1,2\n3,4\n".as_slice(), Format::Csv), (mbox.as_slice(), Format::Mbox)]
        {
            let first = all(text, format).remove(0);
            let mut resumed = Records::new(text, format, Vec::new()).unwrap();
            resumed.skip_to(first.position).unwrap();
            assert_eq!(resumed.read().unwrap().unwrap().raw, all(text, format)[1].raw);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(text in proptest::collection::vec(prop_oneof![
            Just(b"\"".to_vec()), Just(b",".to_vec()), Just(b"\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"\t".to_vec()),
            Just(b"{\"a\":{\"b\":1}}\n".to_vec()), Just(b"\n\nFrom a 10:00\n".to_vec()), proptest::collection::vec(any::<u8>(), 0..9)
        ], 0..60)) {
            let text = text.concat();
            for format in [Format::Csv, Format::Tsv, Format::Jsonl, Format::Mbox] {
                let mut before = 0;
                for record in all(&text, format) {
                    prop_assert!(record.position > before);
                    before = record.position;
                }
            }
        }

        #[test]
        fn what_is_written_as_csv_is_read_back(rows in proptest::collection::vec(("[a-z\",;\n\r ]{1,9}", "[ -~\n]{1,9}"), 1..9)) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record(["a", "b"]).unwrap();
            for (a, b) in &rows {
                writer.write_record([format!("x{a}"), b.clone()]).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let read: Vec<_> = all(&text, Format::Csv).iter().map(|record| {
                let cells = cells(record);
                (cells[0][1..].to_owned(), cells[1].to_owned())
            }).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
