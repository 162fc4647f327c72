//! Citizens who were answered, or asked, and do not write again: after a bound their inquiry closes by itself.
//!
//! The bound is counted in the working days of the office and only then believed when the channel is known to be complete
//! up to it: an hour without the platform must not look like an hour without the citizen.

use jiff::{SignedDuration, Timestamp};
use sahut_domain::fault;
use sahut_store::StoreError;
use sahut_store::clocks::Silent;

use crate::policies::SILENCE;
use crate::{Context, Regency, clocks};

/// Promises that one transaction takes.
const BATCH: i64 = 200;

/// When to look again at a citizen whose channel is not read up to the bound.
const HEAR_AGAIN: SignedDuration = SignedDuration::from_mins(30);

/// When to look again where no bound can be counted.
const NO_BOUND: SignedDuration = SignedDuration::from_hours(24);

/// Closes what waited for the citizen for long enough; answers how many promises it looked at.
pub async fn close_silent(context: &Context) -> Result<usize, StoreError> {
    let now = context.clock.now();
    if !context.db.read().await?.has_silent(now).await? {
        return Ok(0);
    }
    let regency = context.regency.get();
    let mut tx = context.db.begin().await?;
    let silent = tx.take_silent(now, BATCH).await?;
    for one in &silent {
        match bound(&regency, one) {
            None => tx.look_at_silence(one, now + NO_BOUND).await?,
            Some(bound) if bound > now => tx.look_at_silence(one, bound).await?,
            Some(bound) if one.heard_until.is_some_and(|heard| heard < bound) => {
                tx.look_at_silence(one, now + HEAR_AGAIN).await?;
            }
            Some(bound) => {
                tx.close_as_silent(one, bound, now).await?;
                tracing::info!(inquiry = %one.live.number, "inquiry.closed_as_silent");
            }
        }
    }
    fault::point("silence.before_commit");
    tx.commit().await?;
    Ok(silent.len())
}

/// Until when the citizen is waited for.
fn bound(regency: &Regency, silent: &Silent) -> Option<Timestamp> {
    let term = clocks::entry_of(regency, &silent.live).map_or(SILENCE, |entry| entry.silence);
    let due = clocks::calendar_of(regency, &silent.live)?.due(silent.since, term);
    due.ok().map(|due| due.at)
}
