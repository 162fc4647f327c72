//! `sahut outbox`: mails and answers that are owed, that were given up, or whose outcome nobody knows.

use sahut_domain::notice::NoticeId;
use sahut_domain::reply::ReplyId;

use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
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
    Hold,
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
                    What::Notice => tx.retry_notice(NoticeId(*id), now).await?,
                    What::Reply => tx.retry_reply(ReplyId(*id), now).await?,
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
            if !tx.resolve_uncertain(ReplyId(*reply), *arrived, "operator", now).await? {
                return Err(Failure::failed(format!(
                    "answer {reply} is not uncertain: see `sahut outbox list`"
                )));
            }
            tx.commit().await?;
            output::line(if *arrived { "Noted as sent." } else { "It is sent now." })
        }
        Command::Hold | Command::Release => {
            let held = matches!(args.command, Command::Hold);
            let mut tx = db.begin().await?;
            tx.hold(held, "operator", now).await?;
            tx.commit().await?;
            output::line(if held {
                "Nothing leaves until `sahut outbox release`."
            } else {
                "Mails and answers leave again."
            })
        }
    }
}

async fn list(db: &sahut_store::Db, json: bool) -> Result<(), Failure> {
    let mut tx = db.read().await?;
    let lines = tx.outbox(1000).await?;
    let held = tx.is_held().await?;
    if json {
        return output::json(&lines);
    }
    if held {
        output::line("Everything is held after a restore: `sahut outbox release` lets it go.")?;
    }
    if lines.is_empty() {
        return output::line("Nothing is owed.");
    }
    let rows: Vec<[String; 6]> = lines
        .iter()
        .map(|line| {
            let error = line.last_error.clone().unwrap_or_default();
            let what = format!("{} {}", line.what, line.id);
            [what, line.detail.clone(), line.to.clone(), line.state.clone(), line.attempt.to_string(), error]
        })
        .collect();
    output::table(["WHAT", "DETAIL", "TO", "STATE", "ATTEMPTS", "LAST ERROR"], &rows)
}
