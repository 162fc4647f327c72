//! `sahut rules`: check a set, run its examples, try it on what came in so far, and go back to an earlier one.

mod examining;
mod trying;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::app::App;
use crate::commands::{apply, check};
use crate::failure::{Failure, code};
use crate::output;
use crate::regency::{Files, RegencySet};

pub(crate) use trying::{Reach, try_rules};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Read a folder's files and tell every problem at once: with its file, line and column, and what to do.
    Check {
        /// The folder; without it the one that the settings name.
        folder: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run the examples of a folder's rules, and tell of each whether it holds; of one that does not also what was
    /// decided instead. Ends with 1 where one fails.
    Test {
        /// The folder; without it the one that the settings name.
        folder: Option<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Decide what came in so far by a folder's rules, and tell what would go elsewhere. Nothing is stored.
    Try {
        /// The folder.
        folder: PathBuf,
        /// How many inquiries, and as many messages that were set aside, the newest first.
        #[arg(long, default_value_t = 1000, conflicts_with = "since")]
        last: i64,
        /// All that came in since this day, such as 2026-11-01.
        #[arg(long)]
        since: Option<Date>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// The sets that ran, the newest first.
    List {
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Make an earlier set the running one again, under a new number.
    Rollback {
        /// Its number; without it the one before the running one.
        revision: Option<i64>,
    },
}

pub(crate) async fn run(config: &Path, args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Check { folder, json: true } => examining::check(config, folder.as_deref()),
        Command::Check { folder, json: false } => check::run(config, &check::Args { folder: folder.clone() }),
        Command::Test { folder, json } => examining::test(config, folder.as_deref(), *json),
        Command::Try { folder, last, since, json } => {
            try_folder(&App::load(config)?, folder, *last, *since, *json).await
        }
        Command::List { limit, json } => list(&App::load(config)?, *limit, *json).await,
        Command::Rollback { revision } => roll_back(&App::load(config)?, *revision).await,
    }
}

async fn try_folder(
    app: &App,
    folder: &Path,
    last: i64,
    since: Option<Date>,
    json: bool,
) -> Result<(), Failure> {
    let (_, mut set) = apply::read(app, folder)?;
    let db = app.beside().await?;
    let reach = match since {
        None => Reach::last(last),
        Some(day) => Reach { since: midnight(day, &set)?, last: i64::MAX },
    };
    let tried = try_rules(&db, &mut set.rules, reach).await?;
    if json { output::json(&tried) } else { tried.print() }
}

/// When a day begins where the regency is.
fn midnight(day: Date, set: &RegencySet) -> Result<Timestamp, Failure> {
    set.zone()
        .to_timestamp(day.at(0, 0, 0, 0))
        .map_err(|error| Failure::new(code::USAGE, format!("--since {day}: {error}")))
}

#[derive(Serialize)]
struct Line {
    revision: i64,
    applied_at: Timestamp,
    by: String,
    digest: String,
    /// Files that are other ones than in the set before.
    changed: Vec<String>,
}

async fn list(app: &App, limit: i64, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let mut lines = Vec::new();
    let mut after: Option<Line> = None;
    let mut after_files = BTreeMap::new();
    // One more than is shown, to tell what changed in the oldest of those.
    for past in tx.past_revisions(limit.saturating_add(1)).await? {
        let files = tx.revision_files(past.id).await?.unwrap_or_default();
        if let Some(mut line) = after.take() {
            line.changed = changed(&files, &after_files);
            lines.push(line);
        }
        let (revision, applied_at) = (past.id, past.applied_at);
        after = Some(Line { revision, applied_at, by: past.actor, digest: past.digest, changed: Vec::new() });
        after_files = files;
    }
    if i64::try_from(lines.len()).is_ok_and(|shown| shown < limit) {
        lines.extend(after);
    }
    if json {
        return output::json(&lines);
    }
    let rows: Vec<[String; 4]> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let running = if at == 0 { " (running)" } else { "" };
            let applied = line.applied_at.strftime("%Y-%m-%d %H:%M").to_string();
            [format!("{}{running}", line.revision), applied, line.by.clone(), line.changed.join(", ")]
        })
        .collect();
    output::table(["SET", "APPLIED (UTC)", "BY", "CHANGED"], &rows)
}

/// Files that only one of two sets has, or that differ.
fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

async fn roll_back(app: &App, revision: Option<i64>) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let revision = match revision {
        Some(revision) => revision,
        None => tx.past_revisions(2).await?.get(1).map(|past| past.id).ok_or_else(|| {
            Failure::failed("there is no set before the running one: `sahut rules list` shows what there is")
        })?,
    };
    let files = tx.revision_files(revision).await?.ok_or_else(|| {
        Failure::failed(format!("there is no set {revision}: `sahut rules list` shows what there is"))
    })?;
    drop(tx);
    let files = Files(files);
    let set = RegencySet::check(&files, &app.http, app.clock.now())
        .map_err(|problems| Failure::problems(&problems))?;
    let plan = apply::apply_files(app, &db, &files, &set).await?;
    apply::print(&plan, false)
}
