//! `sahut selfcheck`: asks the database whether every promise holds.

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
    let checks = db.read().await?.selfcheck(app.clock.now()).await?;
    if args.json {
        output::json(&checks)?;
    } else {
        for check in &checks {
            let verdict = if check.broken == 0 { "ok  " } else { "FAIL" };
            output::line(&format!("{verdict} {:<22} {}", check.name, check.promise))?;
            if let Some(detail) = &check.detail {
                output::line(&format!("     {detail}"))?;
            }
        }
    }
    let broken = checks.iter().filter(|check| check.broken > 0).count();
    if broken == 0 { Ok(()) } else { Err(Failure::failed(format!("{broken} promise(s) are broken"))) }
}
