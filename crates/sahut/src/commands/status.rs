//! `sahut status`: everything in a few numbers.

use sahut_store::status::Status;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is told.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    status: Status,
    /// Messages that need nobody. Counted here alone: unlike the rest it grows with history.
    set_aside: i64,
    /// Offices where mail arrives and nobody acts.
    offices_silent: usize,
    /// Offices where nobody is on duty today.
    offices_unattended: usize,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let status = tx.status(app.clock.now()).await?;
    let set_aside = tx.count_set_aside().await?;
    let (offices_silent, offices_unattended) =
        (tx.silent_offices().await?.len(), unattended(app, &mut tx).await?);
    let told = Told { status, set_aside, offices_silent, offices_unattended };
    if args.json {
        return output::json(&told);
    }
    let Told { status, set_aside, offices_silent, offices_unattended } = told;
    let lines = [
        (
            "Inquiries",
            format!(
                "{} in all, {} open, {} overdue, {} left to people, {} passed back and forth",
                status.inquiries,
                status.inquiries_open,
                status.inquiries_overdue,
                status.inquiries_triage,
                status.inquiries_returned
            ),
        ),
        (
            "Messages",
            format!(
                "{} in all, {} waiting for a decision, {set_aside} set aside{}, {} that cannot be read{}",
                status.messages,
                status.messages_waiting,
                shown_by(set_aside, "sahut aside list"),
                status.quarantined,
                shown_by(status.quarantined, "sahut quarantine list"),
            ),
        ),
        ("Channels", format!("{} are read, {} ail", status.channels_active, status.channels_ailing)),
        (
            "Mails",
            format!(
                "{} owed, {} given up; {} that came back held{}",
                status.notices_due,
                status.notices_dead,
                status.letters_held,
                shown_by(status.letters_held, "sahut letter list"),
            ),
        ),
        (
            "Answers",
            format!(
                "{} on their way, {} uncertain, {} given up, {} waiting for approval{}",
                status.replies_due,
                status.replies_uncertain,
                status.replies_dead,
                status.proposals_waiting,
                shown_by(status.proposals_waiting, "sahut reply waiting"),
            ),
        ),
        (
            "Offices",
            format!(
                "{offices_unattended} with nobody on duty, {offices_silent} where nobody acts{}",
                shown_by(i64::from(offices_silent > 0), "sahut people --silent")
            ),
        ),
        ("Oldest work", format!("{} s beyond its moment", status.oldest_due_seconds)),
    ];
    for (name, value) in lines {
        output::line(&format!("{name:<12} {value}"))?;
    }
    if status.held {
        output::line("Mails and answers are held: `sahut outbox release` lets them go.")?;
    }
    Ok(())
}

/// Offices where nobody is on duty today.
async fn unattended(app: &App, tx: &mut sahut_store::Tx) -> Result<usize, Failure> {
    let Some(revision) = tx.revision().await? else { return Ok(0) };
    let Ok(set) = RegencySet::read(&Files(revision.files), revision.id) else { return Ok(0) };
    let today = set.zone().to_datetime(app.clock.now()).date();
    let empty = |office: &&sahut_domain::office::Office| {
        set.ladder.desk(&office.code).present(&office.people, today).is_empty()
    };
    Ok(set.offices.iter().filter(empty).count())
}

/// The command that shows what was counted, where there is something to show.
fn shown_by(count: i64, command: &str) -> String {
    if count > 0 { format!(" (`{command}`)") } else { String::new() }
}
