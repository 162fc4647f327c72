//! `sahut status`: everything in a few numbers.

use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let status = db.read().await?.status(app.clock.now()).await?;
    if args.json {
        return output::json(&status);
    }
    let lines = [
        (
            "Inquiries",
            format!(
                "{} in all, {} open, {} overdue, {} left to people",
                status.inquiries, status.inquiries_open, status.inquiries_overdue, status.inquiries_triage
            ),
        ),
        (
            "Messages",
            format!(
                "{} in all, {} waiting for a decision, {} set apart",
                status.messages, status.messages_waiting, status.quarantined
            ),
        ),
        ("Channels", format!("{} are read, {} ail", status.channels_active, status.channels_ailing)),
        ("Mails", format!("{} owed, {} given up", status.notices_due, status.notices_dead)),
        (
            "Answers",
            format!(
                "{} on their way, {} uncertain, {} given up",
                status.replies_due, status.replies_uncertain, status.replies_dead
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
