//! Reading a labelled file.

use std::path::Path;

use sahut_domain::Timestamp;

use crate::failure::{Failure, code};

/// Which columns are what.
pub(super) struct Columns<'a> {
    pub(super) text: &'a [String],
    pub(super) label: &'a str,
    pub(super) accept: Option<&'a str>,
    pub(super) direct: Option<&'a str>,
    pub(super) when: Option<&'a str>,
}

/// A labelled file, read.
pub(super) struct Labelled {
    pub(super) rows: Vec<Row>,
}

/// One text with who is right.
pub(super) struct Row {
    pub(super) subject: Option<String>,
    pub(super) text: String,
    pub(super) label: String,
    /// Others that are right too.
    pub(super) accept: Vec<String>,
    /// Whether it was written to the office alone.
    pub(super) direct: bool,
    /// When it was decided; the same for all where no column tells.
    pub(super) at: Timestamp,
}

/// What a column says of a message that was written to the office alone; everything else is a comment.
const DIRECT: [&str; 6] = ["1", "true", "yes", "ya", "direct", "langsung"];

impl Labelled {
    pub(super) fn read(path: &Path, columns: &Columns<'_>) -> Result<Self, Failure> {
        let comma = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let mut reader = csv::ReaderBuilder::new();
        // A tab needs no quotes around it, and a citizen's quotation mark is one.
        reader.delimiter(if comma { b',' } else { b'\t' }).quoting(comma).flexible(true);
        let mut reader = reader.from_path(path).map_err(|error| failure(path, &error))?;
        let headings = reader.headers().map_err(|error| failure(path, &error))?.clone();
        let column = |name: &str| {
            headings.iter().position(|heading| heading == name).ok_or_else(|| {
                let known: Vec<&str> = headings.iter().collect();
                let message = format!(
                    "{}: there is no column {name:?}; there are: {}",
                    path.display(),
                    known.join(", ")
                );
                Failure::new(code::USAGE, message)
            })
        };
        let text = columns.text.iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
        let label = column(columns.label)?;
        let optional = [columns.accept, columns.direct, columns.when];
        let [accept, direct, when] = optional.map(|name| name.map(column).transpose());
        let (accept, direct, when) = (accept?, direct?, when?);
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| failure(path, &error))?;
            let cell = |at: usize| record.get(at).unwrap_or_default();
            let (last, subject) = text.split_last().map_or((0, &[][..]), |(last, rest)| (*last, rest));
            let at = when.map_or(Ok(Timestamp::UNIX_EPOCH), |at| moment(path, cell(at)))?;
            let subject: Vec<&str> = subject.iter().map(|at| cell(*at)).collect();
            rows.push(Row {
                subject: (!subject.is_empty()).then(|| subject.join(" ")),
                text: cell(last).to_owned(),
                label: cell(label).trim().to_owned(),
                accept: accept
                    .map(|at| cell(at).split(',').map(|code| code.trim().to_owned()).collect())
                    .unwrap_or_default(),
                direct: direct.is_some_and(|at| DIRECT.contains(&cell(at).trim().to_lowercase().as_str())),
                at,
            });
        }
        Ok(Self { rows })
    }
}

/// A year, a day or a moment.
fn moment(path: &Path, text: &str) -> Result<Timestamp, Failure> {
    let text = text.trim();
    let written = ["", "T00:00Z", "-01-01T00:00Z"].map(|rest| [text, rest].concat());
    written.iter().find_map(|written| written.parse().ok()).ok_or_else(|| {
        let told = "is no year, no day (2025-01-31) and no moment (2025-01-31T08:00Z)";
        Failure::new(code::USAGE, format!("{}: {text:?} {told}", path.display()))
    })
}

fn failure(path: &Path, error: &csv::Error) -> Failure {
    Failure::new(code::IO, format!("cannot read {}: {error}", path.display()))
}
