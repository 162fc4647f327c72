//! The report as a workbook: a sheet a table, with real numbers, times and moments.

use jiff::civil::date;
use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::{Cell, Document, Section, WriteError};

/// The longest name that a sheet may have, in characters.
const LONGEST_NAME: usize = 31;

/// The bytes of the file.
pub fn xlsx(document: &Document) -> Result<Vec<u8>, WriteError> {
    write(document).map_err(|error| WriteError(error.to_string()))
}

fn write(document: &Document) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks::new();
    let mut book = Workbook::new();
    for section in &document.sections {
        let sheet = book.add_worksheet();
        sheet.set_name(section.title.chars().take(LONGEST_NAME).collect::<String>())?;
        sheet.set_landscape().set_paper_size(9);
        fill(document, section, sheet, &looks)?;
    }
    book.save_to_buffer()
}

fn fill(
    document: &Document,
    section: &Section,
    sheet: &mut Worksheet,
    looks: &Looks,
) -> Result<(), XlsxError> {
    let head = format!("{}. {}. {}", document.letterhead, document.title, document.subtitle);
    let mut line = 0;
    for text in
        std::iter::once(&head).chain([&document.id_line()]).chain(&document.notes).chain(&section.sentences)
    {
        sheet.write_string(line, 0, text)?;
        line += 1;
    }
    line += 1;
    for (at, column) in (0..).zip(&section.table.columns) {
        sheet.write_string_with_format(line, at, &column.title, &looks.heading)?;
        let longest = section.table.rows.iter().filter_map(|row| row.get(usize::from(at)));
        let longest = longest.map(|cell| document.text(cell).chars().count()).max().unwrap_or(0);
        let width = u32::try_from(longest.max(column.title.chars().count()) + 2).unwrap_or(60).min(60);
        sheet.set_column_width(at, f64::from(width))?;
    }
    for row in &section.table.rows {
        line += 1;
        for (at, cell) in (0..).zip(row) {
            put(document, cell, sheet, (line, at), looks)?;
        }
    }
    Ok(())
}

fn put(
    document: &Document,
    cell: &Cell,
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    looks: &Looks,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(text) => sheet.write_string(row, column, text)?,
        Cell::Count(count) => sheet.write_number_with_format(row, column, number(*count), &looks.count)?,
        Cell::Share(share) => {
            sheet.write_number_with_format(row, column, number(*share) / 1000.0, &looks.share)?
        }
        Cell::Span(span) => {
            let look = if span.at_least { &looks.at_least } else { &looks.span };
            sheet.write_number_with_format(row, column, number(span.minutes) / (24.0 * 60.0), look)?
        }
        Cell::Moment(at) => {
            let local = document.zone.to_datetime(*at);
            let days = local.date().since(date(1899, 12, 30)).map_or(0, |since| since.get_days());
            let minutes = i32::from(local.hour()) * 60 + i32::from(local.minute());
            let serial = f64::from(days) + f64::from(minutes) / (24.0 * 60.0);
            sheet.write_number_with_format(row, column, serial, &looks.moment)?
        }
        Cell::Nothing => sheet.write_string(row, column, document.text(cell))?,
    };
    Ok(())
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How cells look.
struct Looks {
    heading: Format,
    count: Format,
    share: Format,
    span: Format,
    at_least: Format,
    moment: Format,
}

impl Looks {
    fn new() -> Self {
        let look = |pattern: &str| Format::new().set_num_format(pattern);
        Self {
            heading: Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top),
            count: look("#,##0"),
            share: look("0.0%"),
            span: look("[h]:mm"),
            at_least: look("[h]:mm\"+\""),
            moment: look("d mmm yyyy hh:mm"),
        }
    }
}
