//! A page of comments on its way through the first two stages, against the bare database.
//!
//! Ours: fetch the page over HTTP, read it, store it, decide on each comment, open inquiries with their promises, write
//! the journal and owe the mails; two commits. The limit: four plain tables, many rows a statement, one commit. And the
//! same page once more: ours finds that it knows everything; the limit is an insert that changes nothing.

mod limit;
mod platform;
mod town;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use sahut_pipeline::route::route_batch;
use sahut_testing::measure::{Line, Target, cpu, median};

use limit::Limit;
use platform::Platform;
use town::Town;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Rounds that are measured, after one that is not.
const ROUNDS: usize = 9;

/// Comments in a round.
const COMMENTS: usize = 5_000;

#[tokio::main]
async fn main() -> Outcome {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    measure(folder.path(), 100, "pipeline", Some("pipeline-dup")).await?;
    measure(folder.path(), 1000, "pipeline-1000", None).await
}

/// Processor time of one comment, in microseconds: new, and known.
#[derive(Default)]
struct Times {
    new: Vec<f64>,
    known: Vec<f64>,
}

async fn measure(folder: &Path, page: usize, name: &'static str, known: Option<&'static str>) -> Outcome {
    let mut platform = Platform::start(page)?;
    let town = Town::open(&folder.join(format!("ours-{page}.db")), &platform.url()).await?;
    let mut limit = Limit::open(&folder.join(format!("limit-{page}.db")), page).await?;
    let (mut ours, mut bare) = (Times::default(), Times::default());
    for round in 0..=ROUNDS {
        let mine = our_round(&town, &mut platform, page).await?;
        let theirs = limit_round(&mut limit, page).await?;
        if round > 0 {
            for (times, (new, known)) in [(&mut ours, mine), (&mut bare, theirs)] {
                times.new.push(new);
                times.known.push(known);
            }
        }
    }
    let line = |name, ours, limit| {
        let (ours, limit) = (median(ours), Some(median(limit)));
        Line { name, ours, limit, unit: "us CPU a comment", target: Target::Times(3.0) }.print();
    };
    line(name, ours.new, bare.new);
    if let Some(name) = known {
        line(name, ours.known, bare.known);
    }
    Ok(())
}

async fn our_round(town: &Town, platform: &mut Platform, page: usize) -> Outcome<(f64, f64)> {
    let (mut new, mut known) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..COMMENTS / page {
        platform.turn();
        let begun = cpu();
        let stored = town.collect().await?;
        while route_batch(&town.context).await? > 0 {}
        let routed = cpu();
        let again = town.collect().await?;
        new += routed.saturating_sub(begun);
        known += cpu().saturating_sub(routed);
        if (stored.new, again.known) != (page, page) {
            return Err(format!("stored {stored:?}, then {again:?}").into());
        }
    }
    Ok((a_comment(new), a_comment(known)))
}

async fn limit_round(limit: &mut Limit, page: usize) -> Outcome<(f64, f64)> {
    let (mut new, mut known) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..COMMENTS / page {
        let begun = cpu();
        limit.insert().await?;
        let inserted = cpu();
        limit.insert_known().await?;
        new += inserted.saturating_sub(begun);
        known += cpu().saturating_sub(inserted);
    }
    Ok((a_comment(new), a_comment(known)))
}

fn a_comment(time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand is exact")]
    let comments = COMMENTS as f64;
    time.as_secs_f64() * 1e6 / comments
}
