//! The shape that all stages share: take what is due, work, commit once; wait for a wake-up or a second.

use std::time::Duration;

use sahut_domain::{Chance, Clock};
use sahut_store::work::Stage;
use sahut_store::{Db, StoreError};

use crate::supervisor::{Heart, TaskError};
use crate::{Regency, Shared};

/// How long a stage waits for a wake-up before it asks by itself.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The longest pause while the database cannot be used.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What every stage is given.
#[derive(Clone)]
pub struct Context {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub chance: Chance,
    /// The running configuration.
    pub regency: Shared<Regency>,
    /// How this process names itself on the leases that it holds.
    pub owner: String,
}

/// Runs a stage until it is asked to stop. `step` does one batch and answers how much it did; while it did something it
/// is called again at once.
pub(crate) async fn run<Step, Stepping>(
    context: &Context,
    heart: &Heart,
    stage: Stage,
    step: Step,
) -> Result<(), TaskError>
where
    Step: Fn() -> Stepping,
    Stepping: Future<Output = Result<usize, StoreError>>,
{
    let mut pause = ASK_EVERY;
    while !heart.is_stopping() {
        heart.beat();
        match step().await {
            Ok(0) => {
                pause = ASK_EVERY;
                wait(context, heart, stage, pause).await;
            }
            Ok(_) => pause = ASK_EVERY,
            // A full disk, a busy or absent database: nothing is lost by waiting, and the process lives on.
            Err(error) if error.is_transient() => {
                tracing::warn!(?stage, %error, "stage.waits");
                metrics::counter!("sahut_stage_waits_total", "stage" => format!("{stage:?}")).increment(1);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = heart.stopping() => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn wait(context: &Context, heart: &Heart, stage: Stage, pause: Duration) {
    tokio::select! {
        () = context.db.woken(stage) => {}
        () = tokio::time::sleep(pause) => {}
        () = heart.stopping() => {}
    }
}
