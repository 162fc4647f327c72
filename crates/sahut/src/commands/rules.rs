//! `sahut rules`: check a set, run its examples, try it on what came in so far, and go back to an earlier one.

mod trying;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sahut_domain::Clock;
use serde::Serialize;

use crate::app::App;
use crate::commands::{apply, check};
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};
use crate::settings::Settings;

pub(crate) use trying::try_rules;

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
    },
    /// Run the examples of a folder's rules.
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
        /// How many inquiries, the newest first.
        #[arg(long, default_value_t = 1000)]
        last: i64,
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
        Command::Check { folder } => check::run(config, &check::Args { folder: folder.clone() }),
        Command::Test { folder, json } => test(config, folder.as_deref(), *json),
        Command::Try { folder, last, json } => try_folder(&App::load(config)?, folder, *last, *json).await,
        Command::List { limit, json } => list(&App::load(config)?, *limit, *json).await,
        Command::Rollback { revision } => roll_back(&App::load(config)?, *revision).await,
    }
}

/// Examples run whenever a set is read: one that fails is an error of its file.
fn test(config: &Path, folder: Option<&Path>, json: bool) -> Result<(), Failure> {
    let app = match folder {
        Some(_) if !config.exists() => App::with(Settings::default(), Clock::system())?,
        _ => App::load(config)?,
    };
    let files = Files::read(folder.unwrap_or(&app.settings.regency.files))?;
    let set = RegencySet::read(&files, 0).map_err(|problems| Failure::problems(&problems))?;
    let examples = set.rules.examples();
    if json {
        return output::json(examples);
    }
    let rows: Vec<[String; 2]> =
        examples.iter().map(|(file, count)| [file.clone(), count.to_string()]).collect();
    output::table(["FILE", "EXAMPLES"], &rows)?;
    output::line(&format!("{} examples, all hold.", examples.values().sum::<usize>()))
}

async fn try_folder(app: &App, folder: &Path, last: i64, json: bool) -> Result<(), Failure> {
    let (_, mut set) = apply::read(app, folder)?;
    let db = app.beside().await?;
    let tried = try_rules(&db, &mut set.rules, last).await?;
    if json { output::json(&tried) } else { tried.print() }
}

#[derive(Serialize)]
struct Line {
    revision: i64,
    applied_at: jiff::Timestamp,
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
