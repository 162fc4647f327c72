//! Bells at times of day. A bell only leaves a row, keyed by the day; whoever finds the row does the work, once.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use sahut_store::StoreError;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::Context;
use crate::supervisor::{Heart, TaskError};

/// The nightly sweep: what is past its retention goes.
const SWEEP: &str = "sweep";

/// When the sweep rings, in UTC: 02.15 in the western zone of Indonesia.
const SWEEP_AT: &str = "0 15 19 * * *";

/// How long raw payloads and letters are kept, in days.
const PAYLOADS_FOR: i64 = 90;

/// How long inquiries are compared with later ones, and offered to be joined, in days.
const LIKENESSES_FOR: i64 = 7;

/// The journal is sealed up to this long ago: no transaction is open for longer.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Rings bells until asked to stop.
pub async fn ring(context: Context, heart: Heart) -> Result<(), TaskError> {
    let mut scheduler = JobScheduler::new().await?;
    let ringing = context.clone();
    let sweep = Job::new_async(SWEEP_AT, move |_, _| {
        let context = ringing.clone();
        Box::pin(async move {
            if let Err(error) = leave_row(&context, SWEEP).await {
                tracing::warn!(bell = SWEEP, %error, "bell.not_rung");
            }
        })
    })?;
    scheduler.add(sweep).await?;
    scheduler.start().await?;
    while !heart.is_stopping() {
        heart.beat();
        tokio::select! {
            () = heart.stopping() => {}
            () = tokio::time::sleep(std::time::Duration::from_secs(20)) => {}
        }
    }
    scheduler.shutdown().await?;
    Ok(())
}

async fn leave_row(context: &Context, bell: &str) -> Result<(), StoreError> {
    let now = context.clock.now();
    let day = now.to_string().chars().take(10).collect::<String>();
    let mut tx = context.db.begin().await?;
    tx.ring_bell(bell, &day, now).await?;
    tx.commit().await
}

/// Does what bells have rung for, and seals the journal.
pub(crate) async fn answer(context: &Context) -> Result<(), StoreError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    for (bell, day) in tx.rung_bells().await? {
        if bell == SWEEP {
            let dropped = tx.drop_payloads(days_ago(now, PAYLOADS_FOR)).await?
                + tx.drop_letter_bodies(days_ago(now, PAYLOADS_FOR)).await?
                + tx.drop_likenesses(days_ago(now, LIKENESSES_FOR)).await?
                + tx.drop_bells(days_ago(now, PAYLOADS_FOR)).await?;
            tracing::info!(day, dropped, "sweep.done");
            // It takes a bounded bite: the bell goes on ringing until nothing is left.
            if dropped > 0 {
                continue;
            }
        }
        tx.bell_done(&bell, &day, now).await?;
    }
    tx.seal_journal(now - SETTLED_AFTER, now).await?;
    tx.commit().await
}

fn days_ago(now: Timestamp, days: i64) -> Timestamp {
    now.checked_sub((days * 24).hours()).unwrap_or(Timestamp::UNIX_EPOCH)
}
