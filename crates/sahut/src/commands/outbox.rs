//! `sahut outbox`: mails and answers that are owed, that were given up, or whose outcome nobody knows.

use sahut_domain::Timestamp;
use sahut_domain::notice::NoticeId;
use sahut_domain::reply::ReplyId;
use sahut_store::{Db, HeldFor};

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// A mail.
    Notice,
    /// An answer to a citizen.
    Reply,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What is owed.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try again what was given up.
    Retry {
        /// Of which sort.
        what: What,
        /// Numbers from the list.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Say what became of an answer that nobody knows the outcome of, after a look at the platform.
    Resolve {
        /// Number of the answer.
        reply: i64,
        /// It is there; otherwise it is sent now.
        #[arg(long)]
        arrived: bool,
    },
    /// Hold all mails and answers: nothing leaves until they are released.
    Hold {
        /// The database was restored by other means (`pg_restore`): answers that are owed may have been published, so
        /// they are looked for before they are sent.
        #[arg(long)]
        restored: bool,
    },
    /// Let mails and answers leave again.
    Release,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let now = app.clock.now();
    match &args.command {
        Command::List { json } => list(&db, *json).await,
        Command::Retry { what, ids } => {
            let mut tx = db.begin().await?;
            for id in ids {
                let found = match what {
                    What::Notice => tx.retry_notice(NoticeId(*id), &args.by, now).await?,
                    What::Reply => tx.retry_reply(ReplyId(*id), &args.by, now).await?,
                };
                if !found {
                    return Err(Failure::failed(format!(
                        "{id} was not given up: see `sahut outbox list`; nothing was changed"
                    )));
                }
            }
            tx.commit().await?;
            output::line(&format!("{} are tried again.", ids.len()))
        }
        Command::Resolve { reply, arrived } => {
            let mut tx = db.begin().await?;
            if !tx.resolve_uncertain(ReplyId(*reply), *arrived, &args.by, now).await? {
                return Err(Failure::failed(format!(
                    "answer {reply} is not uncertain: see `sahut outbox list`"
                )));
            }
            tx.commit().await?;
            output::line(if *arrived {
                "Noted: the service counts it as sent with its next look."
            } else {
                "It is sent now."
            })
        }
        Command::Hold { restored } => {
            let why = if *restored { HeldFor::Restore } else { HeldFor::Person };
            hold(&db, Some(why), &args.by, now).await?;
            output::line("Nothing leaves until `sahut outbox release`.")
        }
        Command::Release => {
            hold(&db, None, &args.by, now).await?;
            output::line("Mails and answers leave again.")
        }
    }
}

async fn hold(db: &Db, why: Option<HeldFor>, by: &str, now: Timestamp) -> Result<(), Failure> {
    let mut tx = db.begin().await?;
    tx.hold(why, by, now).await?;
    Ok(tx.commit().await?)
}

async fn list(db: &Db, json: bool) -> Result<(), Failure> {
    let mut tx = db.read().await?;
    let lines = tx.outbox(1000).await?;
    let held = tx.held_for().await?;
    if json {
        return output::json(&lines);
    }
    if let Some(why) = held {
        let since = if why == HeldFor::Restore { " after a restore" } else { "" };
        output::line(&format!("Everything is held{since}: `sahut outbox release` lets it go."))?;
    }
    if lines.is_empty() {
        return output::line("Nothing is owed.");
    }
    let rows: Vec<[String; 7]> = lines
        .iter()
        .map(|line| {
            let error = line.last_error.clone().unwrap_or_default();
            let what = format!("{} {}", line.what, line.id);
            let inquiry = line.inquiry.clone().unwrap_or_default();
            let (detail, to, state) = (line.detail.clone(), line.to.clone(), line.state.clone());
            [what, inquiry, detail, to, state, line.attempt.to_string(), error]
        })
        .collect();
    output::table(["WHAT", "INQUIRY", "DETAIL", "TO", "STATE", "ATTEMPTS", "LAST ERROR"], &rows)
}
