//! `sahut report`: the report of a month, as a page, on paper, as a workbook, as tables, or as data.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use sahut_domain::office::OfficeCode;
use sahut_domain::report::{Month, Report};
use sahut_pipeline::reports;
use sahut_render::report::{Document, WriteError, csv, html, id, pdf, xlsx};
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output;

const EXAMPLES: &str = "Examples:
  sahut report --out laporan.pdf                        last month, on A4
  sahut report --month 2026-10 --out laporan.xlsx       a workbook with a sheet for each table
  sahut report --month 2026-10 --office dinkes > d.html one office, as a page
  sahut report --month 2026-10 --format json            the numbers alone";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The month, such as 2026-10; last month where none is named.
    #[arg(long)]
    month: Option<Month>,
    /// The code of the one office to tell of.
    #[arg(long)]
    office: Option<String>,
    /// What to write; what the ending of --out says where this is not given, else a page.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file to write; standard output where none is named.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One page that needs nothing else.
    Html,
    /// A4 with page numbers.
    Pdf,
    /// A workbook for spreadsheets.
    Xlsx,
    /// Tables parted by semicolons.
    Csv,
    /// The numbers alone.
    Json,
}

/// The numbers under their number.
#[derive(Debug, Serialize)]
struct Numbered<'a> {
    id: String,
    report: &'a Report,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let format = args.format.or_else(|| ending(args.out.as_deref()?)).unwrap_or(Format::Html);
    if args.out.is_none() && matches!(format, Format::Pdf | Format::Xlsx) && std::io::stdout().is_terminal() {
        return Err(Failure::failed("a terminal cannot show this: name a file with --out"));
    }
    let db = app.beside().await?;
    let (regency, _) = app.regency(&db).await?;
    let office = args.office.as_deref().map(|code| known_office(&regency, code)).transpose()?;
    let now = app.clock.now();
    let this = reports::month_of(&regency, now);
    let month = args.month.unwrap_or_else(|| this.before());
    if month > this {
        return Err(Failure::failed(format!("{month} has not begun")));
    }
    let report = reports::make(&db, &regency, month, office, now).await?;
    let written =
        write(&report, format, regency.language).map_err(|error| Failure::failed(error.to_string()))?;
    let Some(out) = &args.out else { return output::print(&written) };
    std::fs::write(out, &written).map_err(|error| Failure::file(out, "cannot write", &error))?;
    output::say(&format!("{}: {}", out.display(), id(&report)));
    Ok(())
}

fn write(report: &Report, format: Format, language: sahut_render::Language) -> Result<Vec<u8>, WriteError> {
    let document = Document::of(report, language);
    Ok(match format {
        Format::Html => html::html(&document)?.into_bytes(),
        Format::Pdf => pdf::pdf(&document),
        Format::Xlsx => xlsx::xlsx(&document)?,
        Format::Csv => csv::csv(&document)?,
        Format::Json => {
            let numbered = Numbered { id: document.id, report };
            let mut text = serde_json::to_vec_pretty(&numbered).unwrap_or_default();
            text.push(b'\n');
            text
        }
    })
}

fn ending(file: &Path) -> Option<Format> {
    let ending = file.extension()?.to_str()?.to_lowercase();
    match ending.as_str() {
        "html" | "htm" => Some(Format::Html),
        "pdf" => Some(Format::Pdf),
        "xlsx" => Some(Format::Xlsx),
        "csv" => Some(Format::Csv),
        "json" => Some(Format::Json),
        _ => None,
    }
}

fn known_office(regency: &sahut_pipeline::Regency, code: &str) -> Result<OfficeCode, Failure> {
    let known = OfficeCode::parse(code).ok().filter(|code| regency.offices.contains_key(code));
    known.ok_or_else(|| Failure::failed(format!("there is no office {code:?}")))
}
