//! `sahut deadlines recompute`: running promises under today's calendars and policies.
//!
//! Nothing is rewritten silently: what would move is shown first, each promise keeps what it was, and what was missed, or
//! would only become late by counting again, stays as it is unless that is asked for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sahut_domain::deadline::{DeadlineKind, Explanation, MoveReason};
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::office::OfficeCode;
use sahut_pipeline::{Regency, clocks};
use sahut_store::Tx;
use sahut_store::clocks::{Live, Move};
use serde::Serialize;

use super::told;
use crate::app::App;
use crate::failure::Failure;
use crate::output;

/// The share of running promises above which moving them has to be confirmed, in percent.
const MANY: usize = 10;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command, each on its own")]
pub(super) struct Args {
    /// Only show what would move.
    #[arg(long)]
    dry_run: bool,
    /// Also those that were missed already, and those that would be late by it.
    #[arg(long)]
    late: bool,
    /// Move them, however many they are.
    #[arg(long)]
    yes: bool,
    /// Why, for the journal.
    #[arg(long, default_value = "")]
    reason: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A promise that would fall due at another moment.
struct Change {
    live: Live,
    anew: Explanation,
}

#[derive(Serialize)]
struct Line {
    #[serde(serialize_with = "as_text")]
    number: InquiryNumber,
    promise: DeadlineKind,
    office: OfficeCode,
    due_at: Timestamp,
    new_due_at: Timestamp,
}

fn as_text<S: serde::Serializer>(number: &InquiryNumber, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// What counting again would do.
struct Plan {
    changes: Vec<Change>,
    running: usize,
    /// Left as they are, as they were missed or would be late.
    left: usize,
}

pub(super) async fn run(app: &App, args: &Args, by: &str) -> Result<(), Failure> {
    let (db, now) = (app.beside().await?, app.clock.now());
    let (regency, _) = app.regency(&db).await?;
    let mut tx = db.begin().await?;
    let plan = plan(&mut tx, &regency, args.late, now).await?;
    show(&regency, &plan, args.json)?;
    if args.dry_run || plan.changes.is_empty() {
        return Ok(());
    }
    if plan.changes.len() * 100 > plan.running * MANY && !args.yes {
        return Err(Failure::failed(format!(
            "{} of {} running promises would move; nothing was changed: look at them, then say --yes",
            plan.changes.len(),
            plan.running
        )));
    }
    let moved = plan.changes.len();
    for Change { live, anew } in plan.changes {
        let change = Move { why: MoveReason::Recomputed, note: &args.reason, explanation: anew };
        tx.move_promise(&live, change, by, now).await?;
    }
    tx.commit().await?;
    output::say(&format!("{moved} tenggat dipindahkan; yang lama tersimpan dalam riwayatnya."));
    Ok(())
}

async fn plan(tx: &mut Tx, regency: &Regency, late: bool, now: Timestamp) -> Result<Plan, Failure> {
    let live = tx.live_promises().await?;
    let mut plan = Plan { changes: Vec::new(), running: live.len(), left: 0 };
    for live in live {
        // What cannot be counted any more stays as it was promised.
        let Some(Ok(anew)) = clocks::recounted(regency, &live) else { continue };
        if anew.due.at == live.due_at {
            continue;
        }
        if !late && (live.missed_at.is_some() || anew.due.at <= now) {
            plan.left += 1;
            continue;
        }
        plan.changes.push(Change { live, anew });
    }
    Ok(plan)
}

fn show(regency: &Regency, plan: &Plan, json: bool) -> Result<(), Failure> {
    if json {
        let lines = plan.changes.iter().map(|Change { live, anew }| Line {
            number: live.number,
            promise: live.kind,
            office: live.office.clone(),
            due_at: live.due_at,
            new_due_at: anew.due.at,
        });
        return output::json(&lines.collect::<Vec<_>>());
    }
    let row = |Change { live, anew }: &Change| {
        let promise = sahut_render::words::word(live.kind, sahut_domain::Language::Indonesian);
        let (was, due) = (told(regency, live.due_at), told(regency, anew.due.at));
        [live.number.to_string(), live.office.to_string(), promise.to_owned(), was, due]
    };
    if !plan.changes.is_empty() {
        let rows: Vec<_> = plan.changes.iter().map(row).collect();
        output::table(["NOMOR", "OPD", "JANJI", "SEKARANG", "MENJADI"], &rows)?;
        output::line("")?;
        output::table(["OPD", "LEBIH LAMBAT", "LEBIH CEPAT"], &by_office(plan))?;
        output::line("")?;
    }
    output::line(&format!(
        "{} dari {} tenggat yang berjalan berubah; {} lainnya dibiarkan karena sudah atau akan menjadi terlambat.",
        plan.changes.len(),
        plan.running,
        plan.left
    ))
}

fn by_office(plan: &Plan) -> Vec<[String; 3]> {
    let mut offices: BTreeMap<&OfficeCode, (usize, usize)> = BTreeMap::new();
    for Change { live, anew } in &plan.changes {
        let (later, sooner) = offices.entry(&live.office).or_default();
        *(if anew.due.at > live.due_at { later } else { sooner }) += 1;
    }
    let row = |(office, (later, sooner)): (&OfficeCode, (usize, usize))| {
        [office.to_string(), later.to_string(), sooner.to_string()]
    };
    offices.into_iter().map(row).collect()
}
