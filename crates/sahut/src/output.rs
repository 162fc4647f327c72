//! What commands print: data to standard output, for people or as JSON; messages to standard error.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::{Failure, code};

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::failed(error.to_string()))?;
    line(&text)
}

/// Prints one line. A reader that went away (`| head`) ends the command without a complaint.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(code::IO, format!("cannot write to standard output: {error}"))),
    }
}

/// Prints rows under headings, columns as wide as they need to be.
pub(crate) fn table<const WIDTH: usize>(
    headings: [&str; WIDTH],
    rows: &[[String; WIDTH]],
) -> Result<(), Failure> {
    let mut widths = headings.map(|heading| heading.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    line(&joined(headings.map(str::to_owned).as_ref(), &widths))?;
    rows.iter().try_for_each(|row| line(&joined(row, &widths)))
}

fn joined(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
