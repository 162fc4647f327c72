//! The report as a document: what stands in it and in which order, whatever it is written as.

use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::report::{FEW, Report};

use super::cell::Cell;
use super::sections;
use crate::catalogue::say;
use crate::format::{moment, month_name};

/// The report, ready to be laid out.
#[derive(Debug, Clone)]
pub struct Document {
    /// Name of the regency.
    pub letterhead: String,
    /// What it is.
    pub title: String,
    /// The month, and the office where it tells of one only.
    pub subtitle: String,
    /// Its number.
    pub id: String,
    /// How things stood when, and how they were counted.
    pub notes: Vec<String>,
    /// The sections.
    pub sections: Vec<Section>,
    /// The language that it is written in.
    pub language: Language,
    /// The zone that its moments are told in.
    pub zone: TimeZone,
}

/// One subject: sentences, and the table that they stand on.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading, short enough for the name of a sheet.
    pub title: String,
    /// What its main numbers say.
    pub sentences: Vec<String>,
    /// What is drawn of its table.
    pub chart: Option<Chart>,
    /// Its numbers.
    pub table: Table,
}

/// Rows of typed cells.
#[derive(Debug, Clone)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as wide as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its heading.
    pub title: String,
    /// How much of the width it takes beside the others.
    pub weight: u16,
}

/// What is drawn of a table.
#[derive(Debug, Clone)]
pub enum Chart {
    /// One bar a line.
    Bars {
        /// What is drawn.
        title: String,
        /// Label, length, and what is written beside it.
        bars: Vec<(String, u64, String)>,
        /// The length of a full bar.
        full: u64,
    },
    /// A grid whose darkness tells how many.
    Heat {
        /// What is drawn.
        title: String,
        /// Headings of the columns.
        columns: Vec<String>,
        /// Rows with their labels.
        rows: Vec<(String, Vec<u64>)>,
    },
}

impl Document {
    /// Puts the numbers of a report into words and tables.
    pub fn of(report: &Report, language: Language) -> Self {
        let zone = TimeZone::get(&report.zone).unwrap_or(TimeZone::UTC);
        let month = month_name(report.month, language);
        let mut subtitle = say(language, "report.of_month", &[("month", &month)]);
        if let Some(office) = &report.office {
            subtitle = format!("{subtitle}, {}", office.name);
        }
        let at = moment(report.as_of, &zone, language);
        let mut notes = vec![say(language, "report.as_of", &[("moment", &at)])];
        if !report.is_over {
            notes.push(say(language, "report.not_over", &[]));
        }
        notes.push(say(language, "report.method", &[("few", &FEW.to_string())]));
        Self {
            letterhead: report.regency.clone(),
            title: say(language, "report.title", &[]),
            subtitle,
            id: super::id(report),
            notes,
            sections: sections::all(report, language),
            language,
            zone,
        }
    }

    /// A cell as it is written in this document.
    pub fn text(&self, cell: &Cell) -> String {
        cell.text(self.language, &self.zone)
    }

    /// Its number, as people read it.
    pub(super) fn id_line(&self) -> String {
        say(self.language, "report.id", &[("id", &self.id)])
    }
}
