//! What commands print: data to standard output, for people or as JSON; messages to standard error.

use std::io::{self, IsTerminal, Write as _};

use serde::Serialize;

use crate::failure::{Failure, code};

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::failed(error.to_string()))?;
    line(&text)
}

/// Prints one line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    print(format!("{text}\n").as_bytes())
}

/// Prints what is lines already. A reader that went away (`| head`) ends the command without a complaint.
pub(crate) fn print(text: &[u8]) -> Result<(), Failure> {
    match io::stdout().write_all(text) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::new(code::IO, format!("cannot write to standard output: {error}"))),
    }
}

/// Says one line to the person at the terminal, beside the data. Nothing is done about nobody listening.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Whether a stream shows colours: a terminal does, unless its owner wants none (<https://no-color.org>).
pub(crate) fn shows_colours(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
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
