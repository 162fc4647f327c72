//! `sahut quarantine`: items that could not be read.

use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What is set apart, and why.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try items again, all of them when none is named.
    Retry {
        /// Numbers from the list.
        ids: Vec<i64>,
    },
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let held = db.read().await?.quarantined().await?;
    match &args.command {
        Command::List { json: true } => output::json(&held),
        Command::List { json: false } if held.is_empty() => output::line("Nothing is set apart."),
        Command::List { json: false } => {
            let rows: Vec<[String; 5]> = held
                .iter()
                .map(|item| {
                    let bytes = format!("{} bytes", item.bytes);
                    [item.id.to_string(), item.channel.clone(), item.stage.clone(), bytes, item.error.clone()]
                })
                .collect();
            output::table(["ID", "CHANNEL", "STAGE", "SIZE", "ERROR"], &rows)
        }
        Command::Retry { ids } => {
            if let Some(unknown) = ids.iter().find(|id| !held.iter().any(|item| item.id == **id)) {
                return Err(Failure::failed(format!(
                    "nothing is set apart under {unknown}: see `sahut quarantine list`"
                )));
            }
            let chosen: Vec<_> =
                held.iter().filter(|item| ids.is_empty() || ids.contains(&item.id)).collect();
            let mut tx = db.begin().await?;
            for item in &chosen {
                tx.retry_quarantined(item, app.clock.now()).await?;
            }
            tx.commit().await?;
            output::line(&format!("{} item(s) are tried again.", chosen.len()))
        }
    }
}
