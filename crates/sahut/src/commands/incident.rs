//! `sahut incident`: one happening behind many inquiries; what belongs together is joined, and taken apart again.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::incident::IncidentNumber;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_render::format::{moment, time_left};
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_store::Tx;
use sahut_store::inquiries::Line;
use serde::Serialize;

use crate::app::App;
use crate::failure::{Failure, code};
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Incidents, the newest first.
    List {
        /// Only of this office.
        #[arg(long)]
        office: Option<String>,
        /// Only those in which an inquiry owes an answer.
        #[arg(long)]
        open: bool,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// One incident with all its inquiries.
    Show {
        /// Its number, such as KJ-2026-00012.
        number: IncidentNumber,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Inquiries that may belong together: `join` them, or `dismiss` the offer.
    Offers {
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
        limit: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Join inquiries of one office, with all others of their incidents: one answer is for all of them.
    Join {
        /// Their numbers, such as K-2026-00123.
        #[arg(required = true, num_args = 2..)]
        numbers: Vec<InquiryNumber>,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
    /// Take an inquiry out of its incident: it stands alone again.
    Leave {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
    /// Drop what is offered for an inquiry.
    Dismiss {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List { office, open, limit, json } => {
            list(app, office.as_deref(), *open, *limit, *json).await
        }
        Command::Show { number, json } => show(app, *number, *json).await,
        Command::Offers { limit, json } => offers(app, *limit, *json).await,
        Command::Join { numbers, by } => join(app, numbers, by).await,
        Command::Leave { number, by } => leave(app, *number, by).await,
        Command::Dismiss { number } => dismiss(app, *number).await,
    }
}

async fn list(app: &App, office: Option<&str>, open: bool, limit: i64, json: bool) -> Result<(), Failure> {
    let office = office.map(OfficeCode::parse).transpose();
    let office = office.map_err(|error| Failure::new(code::USAGE, error.to_string()))?;
    let db = app.beside().await?;
    let incidents = db.read().await?.incidents(office.as_ref(), open, limit).await?;
    if json {
        return output::json(&incidents);
    }
    if incidents.is_empty() {
        return output::line("Tidak ada.");
    }
    let (now, language) = (app.clock.now(), Language::Indonesian);
    let rows: Vec<[String; 6]> = incidents
        .into_iter()
        .map(|incident| {
            let left = incident.due_at.map_or_else(String::new, |due_at| time_left(due_at, now, language));
            let (members, open) = (incident.members.to_string(), incident.open.to_string());
            let (number, title) = (incident.number.to_string(), one_line(&incident.title));
            [number, incident.office_name, members, open, left, title]
        })
        .collect();
    output::table(["NOMOR", "OPD", "ADUAN", "TERBUKA", "TENGGAT", "ISI"], &rows)
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    incident: sahut_store::incidents::Incident,
    inquiries: Vec<Line>,
}

async fn show(app: &App, number: IncidentNumber, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let found = tx.incident(number).await?;
    let (incident, inquiries) = found.ok_or_else(|| {
        Failure::failed(format!("there is no incident {number}: `sahut incident list` shows what there is"))
    })?;
    if json {
        return output::json(&Shown { incident, inquiries });
    }
    let began = moment(incident.opened_at, &zone(&mut tx).await?, Language::Indonesian);
    output::line(&format!("{number}  {}", one_line(&incident.title)))?;
    output::line(&format!(
        "{} · {} aduan, {} belum ditanggapi · sejak {began}",
        incident.office_name, incident.members, incident.open
    ))?;
    output::line("")?;
    let now = app.clock.now();
    let rows: Vec<[String; 5]> = inquiries.iter().map(|line| row(line, now)).collect();
    output::table(["NOMOR", "KANAL", "KEADAAN", "TENGGAT", "ISI"], &rows)?;
    let open = inquiries.iter().find(|line| line.state == State::Open);
    match open {
        Some(open) => output::line(&format!("\nJawab semuanya: sahut reply {} \"…\"", open.number)),
        None => Ok(()),
    }
}

fn row(line: &Line, now: Timestamp) -> [String; 5] {
    let language = Language::Indonesian;
    let left = if line.state == State::Open { time_left(line.due_at, now, language) } else { String::new() };
    let (channel, title) = (one_line(&line.channel), one_line(&line.title));
    [line.number.to_string(), channel, word(line.state, language).to_owned(), left, title]
}

async fn zone(tx: &mut Tx) -> Result<TimeZone, Failure> {
    let revision = tx.revision().await?;
    let set = revision.and_then(|revision| RegencySet::read(&Files(revision.files), revision.id).ok());
    Ok(set.map_or(TimeZone::UTC, |set| set.zone()))
}

async fn offers(app: &App, limit: i64, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let offers = db.read().await?.offers(limit).await?;
    if json {
        return output::json(&offers);
    }
    if offers.is_empty() {
        return output::line("Tidak ada.");
    }
    let rows: Vec<[String; 5]> = offers
        .into_iter()
        .map(|offer| {
            let with = match offer.incident {
                Some(incident) => format!("{} ({incident})", offer.with.number),
                None => offer.with.number.to_string(),
            };
            let texts = [offer.inquiry.title, offer.with.title].map(|title| one_line(&title));
            let share = format!("{} %", offer.share);
            [offer.inquiry.number.to_string(), with, share, offer.inquiry.office_name, texts.join(" | ")]
        })
        .collect();
    output::table(["NOMOR", "MUNGKIN DENGAN", "MIRIP", "OPD", "ISI"], &rows)?;
    output::line("\nGabungkan: sahut incident join NOMOR NOMOR    Abaikan: sahut incident dismiss NOMOR")
}

async fn join(app: &App, numbers: &[InquiryNumber], by: &str) -> Result<(), Failure> {
    if numbers.iter().all(|number| Some(number) == numbers.first()) {
        return Err(Failure::new(
            code::USAGE,
            "an incident is of two inquiries or more: name another one too",
        ));
    }
    let now = app.clock.now();
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    let joined = tx.join_by_hand(numbers, by, now).await?.map_err(unknown)?;
    if let Some((event, inquiry, office)) = &joined.began {
        tx.tell_office(Template::Incident, *event, *inquiry, office, None, now).await?;
    }
    tx.commit().await?;
    output::line(&format!("{} inquiries joined {}.", joined.joined, joined.number))
}

async fn leave(app: &App, number: InquiryNumber, by: &str) -> Result<(), Failure> {
    let now = app.clock.now();
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    let left = take_out(&mut tx, number, by, now).await?;
    tx.commit().await?;
    output::line(&format!("{number} stands alone again; it belonged to {left}."))
}

/// Takes an inquiry out of its incident, and owes its office the mail about it that it never got.
async fn take_out(
    tx: &mut Tx,
    number: InquiryNumber,
    by: &str,
    now: Timestamp,
) -> Result<IncidentNumber, Failure> {
    let left = tx.leave_incident(number, by, now).await?.ok_or_else(|| unknown(number))?;
    if left.state == State::Open {
        tx.tell_office(Template::Assignment, left.event, left.inquiry, &left.office, None, now).await?;
    }
    Ok(left.number)
}

async fn dismiss(app: &App, number: InquiryNumber) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    if !tx.dismiss_offer(number).await? {
        return Err(Failure::failed(format!(
            "nothing is offered for {number}: `sahut incident offers` shows what is"
        )));
    }
    tx.commit().await?;
    output::line(&format!("{number} is offered no more."))
}

fn unknown(number: InquiryNumber) -> Failure {
    Failure::failed(format!("there is no inquiry {number}: `sahut inquiry list` shows what there is"))
}
