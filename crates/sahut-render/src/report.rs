//! The monthly report as people read it: one document, written in four ways that agree to the digit.
//!
//! [`Document::of`] turns the numbers into sections, each with a sentence for its main number and a table of typed cells;
//! [`html`], [`pdf`], [`xlsx`] and [`csv`] only lay those out. A number is written by [`Cell::text`] wherever it is text.

mod cell;
mod chart;
pub mod csv;
mod document;
pub mod html;
mod paper;
pub mod pdf;
mod sections;
pub mod xlsx;

use std::fmt::Write as _;

use sahut_domain::report::Report;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

pub(crate) use sections::{main_sentences, worst_line, written};

pub use cell::Cell;
pub use document::{Chart, Column, Document, Section, Table};

/// The number of a report: its month and a digest of its numbers. The same numbers have the same one.
pub fn id(report: &Report) -> String {
    let numbers = serde_json::to_vec(report).unwrap_or_default();
    let digest = Sha256::digest(&numbers);
    digest.iter().take(5).fold(format!("{}-", report.month), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// A report that could not be written.
#[derive(Debug, Error)]
#[error("the report could not be written: {0}")]
pub struct WriteError(pub(crate) String);
