//! `sahut people`: who is mailed, who is away, and who gets mail and never acts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::office::OfficeCode;
use sahut_render::format::{date, moment};
use sahut_render::words::word;
use sahut_store::people::PersonLine;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

const LANGUAGE: Language = Language::Indonesian;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only those of this office.
    #[arg(long, value_parser = OfficeCode::parse)]
    office: Option<OfficeCode>,
    /// Only those who get mail and never act.
    #[arg(long)]
    silent: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is told of somebody.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    line: PersonLine,
    /// The last day of a leave that has begun.
    on_leave_until: Option<Date>,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let (mut tx, now) = (db.read().await?, app.clock.now());
    let set =
        tx.revision().await?.and_then(|revision| RegencySet::read(&Files(revision.files), revision.id).ok());
    let zone = set.as_ref().map_or(TimeZone::UTC, RegencySet::zone);
    let leaves = set.map(|set| set.ladder.desks).unwrap_or_default();
    let today = zone.to_datetime(now).date();
    let chosen = |line: &PersonLine| {
        args.office.as_ref().is_none_or(|office| line.office == *office)
            && (!args.silent || line.silent_at.is_some())
    };
    let people = tx.people(now).await?.into_iter().filter(chosen);
    let told: Vec<Told> =
        people.map(|line| Told { on_leave_until: on_leave_until(&leaves, &line, today), line }).collect();
    if args.json {
        return output::json(&told);
    }
    let rows: Vec<[String; 8]> = told.iter().map(|told| row(told, &zone)).collect();
    output::table(
        ["OPD", "NAMA", "PERAN", "CUTI SAMPAI", "DITOLAK", "MEMBUKA", "BERTINDAK", "SURAT 14 HARI"],
        &rows,
    )
}

fn on_leave_until(
    leaves: &BTreeMap<OfficeCode, sahut_domain::ladder::Desk>,
    line: &PersonLine,
    today: Date,
) -> Option<Date> {
    let leaves = leaves.get(&line.office)?.leave.iter();
    leaves.filter(|leave| leave.covers(&line.mail, today)).map(|leave| leave.to).max()
}

fn row(told: &Told, zone: &TimeZone) -> [String; 8] {
    let line = &told.line;
    let at = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| moment(at, zone, LANGUAGE));
    let sent = if line.silent_at.is_some() { " (tidak ada yang bertindak)" } else { "" };
    [
        line.office_name.clone(),
        line.name.clone(),
        word(line.role, LANGUAGE).to_owned(),
        told.on_leave_until.map_or_else(|| "-".to_owned(), |day| date(day, LANGUAGE)),
        at(line.refused_at),
        at(line.seen_at),
        at(line.acted_at),
        format!("{}{sent}", line.sent),
    ]
}
