//! `sahut migrate`: brings the schema up to this version, after a backup.

use sahut_store::Db;

use crate::app::App;
use crate::failure::Failure;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = Db::connect(&app.location(), &App::owner("sahut migrate")).await?;
    let schema = db.schema().await?;
    let pending = db.pending().await?;
    if pending.is_empty() {
        return output::line(&format!("The schema is up to date ({schema})."));
    }
    for migration in &pending {
        output::line(&format!("{} {}", if args.dry_run { "pending" } else { "applying" }, migration.name))?;
    }
    if args.dry_run {
        return Ok(());
    }
    let migrated = db.migrate().await?;
    if let Some(copy) = &migrated.copy {
        output::line(&format!("The database as it was is in {}.", copy.display()))?;
    }
    output::line(&format!("The schema went from {} to {}.", migrated.from, migrated.to))
}
