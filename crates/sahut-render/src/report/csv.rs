//! The report as one file of tables for spreadsheets.
//!
//! For Excel as it is set up in Indonesia: fields parted by semicolons, a decimal comma, UTF-8 with a byte order mark, and
//! lines that end in CR LF. Each table begins with a line that names it, and ends with an empty one. Counts have no marks
//! between their thousands, so that every program reads them as numbers.

use super::{Cell, Document, WriteError};

/// The bytes of the file.
pub fn csv(document: &Document) -> Result<Vec<u8>, WriteError> {
    let mut file = ::csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(::csv::Terminator::CRLF)
        .flexible(true)
        .from_writer("\u{feff}".as_bytes().to_vec());
    let failed = |error: ::csv::Error| WriteError(error.to_string());
    file.write_record([&document.letterhead, &document.title, &document.subtitle]).map_err(failed)?;
    file.write_record([document.id_line()]).map_err(failed)?;
    for note in &document.notes {
        file.write_record([note]).map_err(failed)?;
    }
    for section in &document.sections {
        file.write_record([""]).map_err(failed)?;
        file.write_record([&section.title]).map_err(failed)?;
        file.write_record(section.table.columns.iter().map(|column| &column.title)).map_err(failed)?;
        for row in &section.table.rows {
            file.write_record(row.iter().map(|cell| plain(document, cell))).map_err(failed)?;
        }
    }
    file.into_inner().map_err(|error| WriteError(error.to_string()))
}

fn plain(document: &Document, cell: &Cell) -> String {
    match cell {
        Cell::Count(count) => count.to_string(),
        other => document.text(other),
    }
}
