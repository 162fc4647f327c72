//! `sahut inquiry`: lists, and one inquiry with everything around it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sahut_domain::Language;
use sahut_domain::inquiry::{InquiryNumber, State};
use sahut_domain::notice::Template;
use sahut_domain::office::OfficeCode;
use sahut_render::explain::deadline_words;
use sahut_render::format::{moment, time_left};
use sahut_render::tame::one_line;
use sahut_render::words::word;
use sahut_store::inquiries::{Filter, Inquiry};

use super::incident;
use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Inquiries, emergencies first, then by due moment.
    List(ListArgs),
    /// One inquiry: messages, reasons, promises, answers, journal.
    Show {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give an inquiry to an office, or confirm the one that has it. Routing learns from it.
    Give(GiveArgs),
    /// Close an inquiry that asks for nothing: talk, thanks, an advertisement. Routing learns from it.
    Talk {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Who says so.
        #[arg(long, default_value = "operator")]
        by: String,
    },
}

#[derive(Debug, clap::Args)]
struct GiveArgs {
    /// Its number, such as K-2026-00123.
    number: InquiryNumber,
    /// Code of the office.
    office: String,
    /// Why, for the office and the journal.
    #[arg(long, default_value = "")]
    reason: String,
    /// Only this one: it is taken out of its incident first. Otherwise the whole incident is given.
    #[arg(long)]
    only: bool,
    /// Who decides.
    #[arg(long, default_value = "operator")]
    by: String,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Only of this office.
    #[arg(long)]
    office: Option<String>,
    /// Only in this state: open, answered, waiting, closed.
    #[arg(long)]
    state: Option<State>,
    /// Only what is late.
    #[arg(long)]
    overdue: bool,
    /// Only what people have to decide.
    #[arg(long)]
    triage: bool,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: i64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list(app, args).await,
        Command::Show { number, json } => show(app, *number, *json).await,
        Command::Give(args) => give(app, args).await,
        Command::Talk { number, by } => talk(app, *number, by).await,
    }
}

async fn give(app: &App, args: &GiveArgs) -> Result<(), Failure> {
    let now = app.clock.now();
    let office = OfficeCode::parse(&args.office)
        .map_err(|error| Failure::new(crate::failure::code::USAGE, error.to_string()))?;
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    if args.only {
        tx.leave_incident(args.number, &args.by, now).await?.ok_or_else(|| unknown(args.number))?;
    }
    let given = tx.hand_over(args.number, &office, &args.reason, &args.by, now).await?;
    let given = given.ok_or_else(|| unknown(args.number))?;
    // What owes no answer any more is nothing to mail about.
    if (given.from != office || args.only) && given.state == State::Open {
        let template = if given.others > 0 { Template::Incident } else { Template::Assignment };
        incident::tell(&mut tx, template, given.event, given.inquiry, &office, now).await?;
    }
    tx.commit().await?;
    let from = if given.from == office { String::new() } else { format!(", from {}", given.from) };
    let others = match given.others {
        0 => String::new(),
        others => format!(", with {others} others of its incident"),
    };
    output::line(&format!("{} is {office}'s now{from}{others}.", args.number))
}

async fn talk(app: &App, number: InquiryNumber, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    tx.close_as_talk(number, by, app.clock.now()).await?.ok_or_else(|| unknown(number))?;
    tx.commit().await?;
    output::line(&format!("{number} is closed: it asks for nothing."))
}

fn unknown(number: InquiryNumber) -> Failure {
    Failure::failed(format!("there is no inquiry {number}: `sahut inquiry list` shows what there is"))
}

async fn list(app: &App, args: &ListArgs) -> Result<(), Failure> {
    let now = app.clock.now();
    let office = args.office.as_deref().map(OfficeCode::parse).transpose();
    let filter = Filter {
        office: office.map_err(|error| Failure::new(crate::failure::code::USAGE, error.to_string()))?,
        state: args.state,
        due_before: args.overdue.then_some(now),
        triage: args.triage,
    };
    let db = app.beside().await?;
    let lines = db.read().await?.inquiries(&filter, args.limit).await?;
    if args.json {
        return output::json(&lines);
    }
    let language = Language::Indonesian;
    let rows: Vec<[String; 6]> = lines
        .iter()
        .map(|line| {
            let left = match line.state {
                State::Open => time_left(line.due_at, now, language),
                _ => String::new(),
            };
            [
                line.number.to_string(),
                line.office_name.clone(),
                word(line.kind, language).to_owned(),
                word(line.state, language).to_owned(),
                left,
                one_line(&line.title),
            ]
        })
        .collect();
    if rows.is_empty() {
        return output::line("Tidak ada.");
    }
    output::table(["NOMOR", "OPD", "JENIS", "KEADAAN", "TENGGAT", "ISI"], &rows)
}

async fn show(app: &App, number: InquiryNumber, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let found = tx.inquiry(number).await?;
    let inquiry = found.ok_or_else(|| unknown(number))?;
    if json {
        return output::json(&inquiry);
    }
    let zone = inquiry.promises.first().and_then(|promise| TimeZone::get(&promise.explanation.zone).ok());
    let zone = zone.unwrap_or(TimeZone::UTC);
    let reason = match (tx.revision().await?, &inquiry.decision) {
        (Some(revision), Some(decision)) => {
            let set = RegencySet::read(&Files(revision.files), revision.id).ok();
            let name = |code: &OfficeCode| {
                let office =
                    set.as_ref().and_then(|set| set.offices.iter().find(|office| office.code == *code));
                office.map_or_else(|| code.to_string(), |office| office.name.clone())
            };
            sahut_routing::explain(decision, &name, Language::Indonesian)
        }
        _ => String::new(),
    };
    print(&inquiry, &reason, &zone, app.clock.now())
}

fn print(inquiry: &Inquiry, reason: &str, zone: &TimeZone, now: Timestamp) -> Result<(), Failure> {
    let language = Language::Indonesian;
    let line = &inquiry.line;
    let at = |moment_at| moment(moment_at, zone, language);
    output::line(&format!("{}  {}", line.number, one_line(&line.title)))?;
    output::line(&format!(
        "{} · {} · {} · {}",
        line.office_name,
        word(line.kind, language),
        word(line.state, language),
        one_line(&line.channel)
    ))?;
    if let Some(incident) = &inquiry.incident {
        output::line(&format!("Kejadian: {incident}"))?;
    }
    if let Some(post) = &inquiry.post {
        output::line(&format!("Unggahan ({}): {}", at(post.published_at), one_line(&post.text)))?;
    }
    output::line("")?;
    for message in &inquiry.messages {
        let who = if message.own { "OPD" } else { "Warga" };
        output::line(&format!("{who} ({}): {}", at(message.written_at), one_line(&message.text)))?;
    }
    output::line("")?;
    for promise in &inquiry.promises {
        output::line(&format!("Tenggat: {}", deadline_words(&promise.explanation, language)))?;
        if let Some(met_at) = promise.met_at {
            output::line(&format!("  dijawab {}", at(met_at)))?;
        } else if line.state == State::Open {
            output::line(&format!("  {}", time_left(promise.due_at, now, language)))?;
        }
    }
    output::line(&format!("Alasan: {reason}"))?;
    for reply in &inquiry.replies {
        let error = reply.last_error.as_ref().map(|error| format!(" – {error}")).unwrap_or_default();
        output::line(&format!("Balasan {}: {}{error}", reply.id, word(reply.delivery, language)))?;
    }
    output::line("")?;
    inquiry
        .events
        .iter()
        .try_for_each(|event| output::line(&format!("{}  {}  {}", at(event.at), event.kind, event.actor)))
}
