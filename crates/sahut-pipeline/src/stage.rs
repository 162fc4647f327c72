//! The shape that all stages share: take what is due, work, commit once; wait for a wake-up or a second.
//!
//! A stage that waits for others (a mail server, a platform) sends its pieces of work out, each as a task of its own
//! ([`Errands`]): one that is slow holds up neither the others nor the loop, which goes on giving signs of life.

use std::time::Duration;

use sahut_domain::{Chance, Clock};
use sahut_store::work::Stage;
use sahut_store::{Db, StoreError};
use tokio::task::{JoinError, JoinSet};

use crate::supervisor::{Heart, TaskError, panic_text};
use crate::{Regency, Shared};

/// How long a stage waits for a wake-up before it asks by itself.
pub(crate) const ASK_EVERY: Duration = Duration::from_secs(1);

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

/// Pieces of work that are out, each a task of its own, and what came back.
pub(crate) struct Errands<T> {
    most: usize,
    out: JoinSet<T>,
    /// What came back, until the stage has settled it: the database may be away for a while.
    pub(crate) back: Vec<T>,
}

impl<T: Send + 'static> Errands<T> {
    /// None yet, and never more than `most` at once.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, out: JoinSet::new(), back: Vec::new() }
    }

    /// How many more may go out.
    pub(crate) fn room(&self) -> usize {
        self.most.saturating_sub(self.out.len())
    }

    /// Sends one out.
    pub(crate) fn send(&mut self, errand: impl Future<Output = T> + Send + 'static) {
        self.out.spawn(errand);
    }

    /// Takes in what came back meanwhile.
    pub(crate) fn take_in(&mut self) {
        while let Some(ended) = self.out.try_join_next() {
            self.back.extend(returned(ended));
        }
    }

    /// Waits for the next to come back, or, where there is room, for new work; never for long, since the loop has to
    /// give its sign of life. `false`: none is out, so there is nothing to wait for here.
    pub(crate) async fn wait(&mut self, context: &Context, stage: Stage) -> bool {
        if self.out.is_empty() {
            return false;
        }
        let room = self.room() > 0;
        tokio::select! {
            Some(ended) = self.out.join_next() => self.back.extend(returned(ended)),
            () = context.db.woken(stage), if room => {}
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
        true
    }

    /// Waits until all are back.
    pub(crate) async fn all_back(&mut self, heart: &Heart) {
        while !self.out.is_empty() {
            heart.beat();
            tokio::select! {
                Some(ended) = self.out.join_next() => self.back.extend(returned(ended)),
                () = tokio::time::sleep(ASK_EVERY) => {}
            }
        }
    }
}

impl Errands<Result<(), StoreError>> {
    /// What kept those that came back from storing how they ended, if anything did.
    pub(crate) fn settled(&mut self) -> Result<(), StoreError> {
        self.take_in();
        self.back.drain(..).collect()
    }
}

/// A panic is this piece's trouble and nobody else's: its lease runs out, and it is tried again.
fn returned<T>(ended: Result<T, JoinError>) -> Option<T> {
    let panic = ended.map_err(JoinError::try_into_panic);
    match panic {
        Ok(back) => Some(back),
        Err(Ok(panic)) => {
            tracing::error!(error = panic_text(&*panic), "errand.panicked");
            None
        }
        Err(Err(_)) => None,
    }
}
