//! `sahut deadlines`: why promises are due when they are, more time for them, and counting them again.

mod recompute;

use jiff::Timestamp;
use sahut_domain::Language;
use sahut_domain::calendar::Term;
use sahut_domain::deadline::DeadlineKind;
use sahut_domain::inquiry::InquiryNumber;
use sahut_pipeline::{Regency, clocks};
use sahut_render::format::moment;

use super::inquiry::{show, unknown};
use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Who orders it, as the journal names them.
    #[arg(long, global = true, default_value = "operator", env = "USER")]
    by: String,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Why the promises of an inquiry are due when they are: how they were counted, when they stood still, what moved them.
    Show {
        /// Its number, such as K-2026-00123.
        number: InquiryNumber,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask for more time. What the policy allows is granted at once, the rest waits for a decision.
    Extend(ExtendArgs),
    /// Grant the more time that was asked for.
    Grant(DecideArgs),
    /// Refuse the more time that was asked for.
    Refuse(DecideArgs),
    /// Count running promises again under today's calendars and policies.
    Recompute(recompute::Args),
}

#[derive(Debug, clap::Args)]
struct ExtendArgs {
    /// Its number, such as K-2026-00123.
    number: InquiryNumber,
    /// Until when, such as 2026-12-04T16:00+07:00.
    #[arg(long, required_unless_present = "working_days")]
    until: Option<Timestamp>,
    /// So many working days more.
    #[arg(long, conflicts_with = "until", value_parser = clap::value_parser!(u32).range(1..=250))]
    working_days: Option<u32>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Which promise: `first_response` or resolution; the one that the office owes next where nothing is said.
    #[arg(long)]
    promise: Option<DeadlineKind>,
}

#[derive(Debug, clap::Args)]
struct DecideArgs {
    /// Its number, such as K-2026-00123.
    number: InquiryNumber,
    /// What the office should know about the decision.
    #[arg(long, default_value = "")]
    note: String,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Show { number, json } => show::clocks(app, *number, *json).await,
        Command::Extend(extend) => ask(app, extend, &args.by).await,
        Command::Grant(decide) => grant(app, decide, &args.by).await,
        Command::Refuse(decide) => refuse(app, decide, &args.by).await,
        Command::Recompute(recompute) => recompute::run(app, recompute, &args.by).await,
    }
}

async fn ask(app: &App, args: &ExtendArgs, by: &str) -> Result<(), Failure> {
    let (db, now) = (app.beside().await?, app.clock.now());
    let (regency, _) = app.regency(&db).await?;
    let mut tx = db.begin().await?;
    let until = match (args.until, args.working_days) {
        (Some(until), _) => until,
        (None, days) => {
            let inquiry = tx.inquiry(args.number).await?.ok_or_else(|| unknown(args.number))?;
            let open = inquiry.line.state == sahut_domain::inquiry::State::Open;
            let usual = if open { DeadlineKind::FirstResponse } else { DeadlineKind::Resolution };
            let live = tx.live_promise(inquiry.line.id, args.promise.unwrap_or(usual)).await?;
            let live = live.ok_or_else(|| Failure::failed(format!("{} owes no answer now", args.number)))?;
            let calendar = clocks::calendar_of(&regency, &live)
                .ok_or_else(|| Failure::failed("its office has no calendar"))?;
            let due = calendar.due(live.due_at, Term::WorkingDays(days.unwrap_or(0)));
            due.map_err(|error| Failure::failed(error.to_string()))?.at
        }
    };
    let asked = tx.ask_more_time(args.number, args.promise, until, &args.reason, by, now).await?;
    asked.ok_or_else(|| unknown(args.number))?;
    let asked = tx.asked_extension(args.number).await?;
    let allowed = asked.filter(|(asked, live)| {
        clocks::allowed_until(&regency, live).is_some_and(|until| asked.until <= until)
    });
    let granted = match &allowed {
        Some((asked, live)) => clocks::grant(&mut tx, (asked, live), "", "sahut", now).await?,
        None => false,
    };
    tx.commit().await?;
    let until = told(&regency, until);
    output::line(&if granted {
        format!("{}: batas waktu menjadi {until}, sesuai kebijakan.", args.number)
    } else {
        format!(
            "{}: tambahan waktu sampai {until} menunggu keputusan: sahut deadlines grant {0}, atau refuse.",
            args.number
        )
    })
}

async fn grant(app: &App, args: &DecideArgs, by: &str) -> Result<(), Failure> {
    let (db, now) = (app.beside().await?, app.clock.now());
    let (regency, _) = app.regency(&db).await?;
    let mut tx = db.begin().await?;
    let (asked, live) = tx.asked_extension(args.number).await?.ok_or_else(|| nothing_asked(args.number))?;
    clocks::grant(&mut tx, (&asked, &live), &args.note, by, now).await?;
    tx.commit().await?;
    output::line(&format!("{}: batas waktu menjadi {}.", args.number, told(&regency, asked.until)))
}

async fn refuse(app: &App, args: &DecideArgs, by: &str) -> Result<(), Failure> {
    let (db, now) = (app.beside().await?, app.clock.now());
    let (regency, _) = app.regency(&db).await?;
    let mut tx = db.begin().await?;
    let (asked, live) = tx.asked_extension(args.number).await?.ok_or_else(|| nothing_asked(args.number))?;
    tx.refuse(&asked, &live, &args.note, by, now).await?;
    tx.commit().await?;
    output::line(&format!(
        "{}: tambahan waktu ditolak; batas waktu tetap {}.",
        args.number,
        told(&regency, live.due_at)
    ))
}

fn nothing_asked(number: InquiryNumber) -> Failure {
    Failure::failed(format!("nobody asked for more time for {number}, or it is decided on already"))
}

/// A moment in the regency's zone.
fn told(regency: &Regency, at: Timestamp) -> String {
    let calendar = regency.calendar(&regency.triage_office);
    let zone = calendar.map_or(jiff::tz::TimeZone::UTC, |calendar| calendar.zone.clone());
    moment(at, &zone, Language::Indonesian)
}
