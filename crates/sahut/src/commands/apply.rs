//! `sahut apply`: a folder of files becomes the running configuration, whole or not at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sahut_store::Db;
use serde::Serialize;

use crate::app::App;
use crate::commands::rules::{Reach, try_rules};
use crate::failure::Failure;
use crate::output;
use crate::regency::{Files, RegencySet};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder with the regency's files.
    folder: PathBuf,
    /// Only show what would change.
    #[arg(long)]
    dry_run: bool,
    /// Apply also where more of the last inquiries would go elsewhere than --most-moved says.
    #[arg(long)]
    yes: bool,
    /// How much of the last 500 inquiries may go elsewhere without --yes, in percent; without it what the settings say.
    #[arg(long)]
    most_moved: Option<f64>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What applying changes.
#[derive(Debug, Serialize)]
pub(crate) struct Plan {
    /// The set that runs now.
    running: Option<i64>,
    /// The set that runs afterwards, unless this was a dry run or nothing changed.
    applied: Option<i64>,
    unchanged: bool,
    files: Changes,
    offices: Changes,
    channels: Changes,
}

#[derive(Debug, Default, Serialize)]
struct Changes {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

pub(crate) async fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let db = app.beside().await?;
    let plan = if args.dry_run {
        let (files, set) = read(app, &args.folder)?;
        plan(&db, &files, &set).await?
    } else {
        let (files, mut set) = read(app, &args.folder)?;
        if !args.yes {
            let most_moved = args.most_moved.unwrap_or(app.settings.routing.most_moved);
            refuse_to_move_much(&db, &mut set, &args.folder, most_moved).await?;
        }
        apply_files(app, &db, &files, &set).await?
    };
    if args.json { output::json(&plan) } else { print(&plan, args.dry_run) }
}

/// Inquiries that a new set is tried on before it is applied, and how many make that worth while.
const TRIED: i64 = 500;
const TRIED_AT_LEAST: usize = 20;

/// Rules that would send many inquiries elsewhere are looked at by a person first.
async fn refuse_to_move_much(
    db: &Db,
    set: &mut RegencySet,
    folder: &Path,
    most_moved: f64,
) -> Result<(), Failure> {
    let tried = try_rules(db, &mut set.rules, Reach::last(TRIED)).await?;
    let share = tried.share_moved() * 100.0;
    if tried.inquiries < TRIED_AT_LEAST || share <= most_moved {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "these rules would send {share:.1} % of the last {} inquiries elsewhere, more than {most_moved:.1} %; nothing was changed. \
         `sahut rules try {}` shows which; apply again with --yes if that is meant",
        tried.inquiries,
        folder.display()
    )))
}

/// Makes a folder the running configuration. The same files again change nothing.
pub(crate) async fn apply_folder(app: &App, db: &Db, folder: &Path) -> Result<Plan, Failure> {
    let (files, set) = read(app, folder)?;
    apply_files(app, db, &files, &set).await
}

/// Makes files the running configuration.
pub(crate) async fn apply_files(
    app: &App,
    db: &Db,
    files: &Files,
    set: &RegencySet,
) -> Result<Plan, Failure> {
    let mut plan = plan(db, files, set).await?;
    if !plan.unchanged {
        let mut tx = db.begin().await?;
        plan.applied = Some(tx.apply(set.new_revision(files), "operator", app.clock.now()).await?);
        tx.commit().await?;
    }
    Ok(plan)
}

/// Reads and checks a folder.
pub(crate) fn read(app: &App, folder: &Path) -> Result<(Files, RegencySet), Failure> {
    let files = Files::read(folder)?;
    let set = RegencySet::check(&files, &app.http, app.clock.now());
    let set = set.map_err(|problems| Failure::problems(&problems))?;
    Ok((files, set))
}

async fn plan(db: &Db, files: &Files, set: &RegencySet) -> Result<Plan, Failure> {
    let mut tx = db.read().await?;
    let running = tx.revision().await?;
    let offices = tx.offices().await?;
    let channels = tx.channels().await?;
    let before = running.as_ref().map(|revision| revision.files.clone()).unwrap_or_default();
    let same = |path: &str| before.get(path) == files.0.get(path);
    let office_names = set.offices.iter().map(|office| office.code.to_string());
    let channel_names = set.channels.iter().map(|channel| channel.code.to_string());
    Ok(Plan {
        running: running.as_ref().map(|revision| revision.id),
        applied: None,
        unchanged: running.as_ref().is_some_and(|revision| revision.digest == files.digest()),
        files: changes(before.keys().cloned(), files.0.keys().cloned(), same),
        offices: changes(offices.iter().map(|office| office.code.to_string()), office_names, |code| {
            let now = set.offices.iter().find(|office| office.code.as_str() == code);
            offices.iter().find(|office| office.code.as_str() == code) == now
        }),
        channels: changes(
            channels.iter().map(|channel| channel.config.code.to_string()),
            channel_names,
            |code| {
                let now = set.channels.iter().find(|channel| channel.code.as_str() == code);
                channels.iter().map(|channel| &channel.config).find(|config| config.code.as_str() == code)
                    == now
            },
        ),
    })
}

fn changes(
    before: impl Iterator<Item = String>,
    after: impl Iterator<Item = String>,
    same: impl Fn(&str) -> bool,
) -> Changes {
    let before: BTreeSet<String> = before.collect();
    let after: BTreeSet<String> = after.collect();
    Changes {
        added: after.difference(&before).cloned().collect(),
        changed: after.intersection(&before).filter(|name| !same(name)).cloned().collect(),
        removed: before.difference(&after).cloned().collect(),
    }
}

pub(crate) fn print(plan: &Plan, dry_run: bool) -> Result<(), Failure> {
    if plan.unchanged {
        return output::line("Nothing changed: these files are the running configuration.");
    }
    let parts = [("files", &plan.files), ("offices", &plan.offices), ("channels", &plan.channels)];
    if plan.running.is_none() && !dry_run {
        // Everything is new: a line of each tells nothing that the folder does not.
        let counts = parts.map(|(what, changes)| format!("{} {what}", changes.added.len()));
        output::line(&format!("The first set: {}.", counts.join(", ")))?;
    } else {
        print_changes(&parts)?;
    }
    match plan.applied {
        Some(revision) => output::line(&format!("Configuration {revision} is running.")),
        None if dry_run => output::line("Nothing was changed: this was a dry run."),
        None => Ok(()),
    }
}

fn print_changes(parts: &[(&str, &Changes)]) -> Result<(), Failure> {
    for (what, changes) in parts {
        for (sign, names) in [("+", &changes.added), ("~", &changes.changed), ("-", &changes.removed)] {
            for name in names {
                output::line(&format!("{sign} {what}: {name}"))?;
            }
        }
    }
    Ok(())
}
