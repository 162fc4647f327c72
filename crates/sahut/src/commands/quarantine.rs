//! `sahut quarantine`: items that could not be read.

use sahut_store::quarantine::{Apart, Held, Retried};

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
enum Stage {
    /// An item of a page of a platform.
    Page,
    /// A delivery of a platform.
    Delivery,
    /// A row of an imported file.
    Import,
    /// A message that nothing could decide on.
    Route,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What is set apart, and why: the thousand that were first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try items again, all of them when none is named.
    Retry {
        /// Numbers from the list.
        ids: Vec<i64>,
        /// Only those that failed there.
        #[arg(long, conflicts_with = "ids")]
        stage: Option<Stage>,
    },
    /// Say that items are not needed: they are not shown any more. The journal keeps who said so.
    Drop {
        /// Numbers from the list.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let now = app.clock.now();
    match &args.command {
        Command::List { json } => list(&db.read().await?.quarantined().await?, *json),
        Command::Retry { ids, stage } => {
            let mut tx = db.begin().await?;
            let mut retried = Retried::default();
            if ids.is_empty() {
                let which = stage.map_or(Apart::All, |stage| Apart::Stage(word(stage)));
                retried = tx.retry_quarantined(which, now).await?;
            }
            for id in ids {
                let Retried { again, imports } = tx.retry_quarantined(Apart::Item(*id), now).await?;
                if again + imports == 0 {
                    return Err(unknown(*id));
                }
                retried.again += again;
                retried.imports += imports;
            }
            tx.commit().await?;
            tell(retried)
        }
        Command::Drop { ids } => {
            let mut tx = db.begin().await?;
            for id in ids {
                if !tx.drop_quarantined(*id, &args.by, now).await? {
                    return Err(unknown(*id));
                }
            }
            tx.commit().await?;
            output::line(&format!("{} item(s) are dropped.", ids.len()))
        }
    }
}

fn list(held: &[Held], json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&held);
    }
    if held.is_empty() {
        return output::line("Nothing is set apart.");
    }
    let row = |item: &Held| {
        let bytes = format!("{} bytes", item.bytes);
        [item.id.to_string(), item.channel.clone(), item.stage.clone(), bytes, item.error.clone()]
    };
    output::table(["ID", "CHANNEL", "STAGE", "SIZE", "ERROR"], &held.iter().map(row).collect::<Vec<_>>())
}

fn tell(Retried { again, imports }: Retried) -> Result<(), Failure> {
    if again > 0 || imports == 0 {
        output::line(&format!(
            "{again} item(s) are tried again by the running service: `sahut quarantine list` shows which of them \
             could still not be read."
        ))?;
    }
    if imports > 0 {
        output::line(&format!(
            "{imports} row(s) of imported files can only be read from a file: import the corrected file, then drop \
             them with `sahut quarantine drop`."
        ))?;
    }
    Ok(())
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Page => "page",
        Stage::Delivery => "delivery",
        Stage::Import => "import",
        Stage::Route => "route",
    }
}

fn unknown(id: i64) -> Failure {
    Failure::failed(format!(
        "nothing is set apart under {id}: see `sahut quarantine list`; nothing was changed"
    ))
}
