//! Beside the stages: what people put right is learned from, and what was learned is held to what they say next.
//!
//! A model is trained when enough was taught since the last one. It is put to use only where it was right more often
//! than the rules alone about lessons that were held back from it, and it is taken out of use when it is right less
//! often about what people decide afterwards. Training takes seconds on a thread of its own and needs no network.

use std::sync::Arc;
use std::time::Duration;

use sahut_domain::message::Surface;
use sahut_routing::{Input, Lesson, Measured, Model, RuleSet, Taught};
use sahut_store::StoreError;
use sahut_store::learn::{Checked, ModelLine, NewModel, StoredLesson};

use crate::supervisor::{Heart, TaskError};
use crate::{Context, Regency};

/// How often it is asked whether there is something to learn.
const ASK_EVERY: Duration = Duration::from_secs(20);

/// Nothing is learned from fewer corrections.
pub const LESSONS_AT_LEAST: i64 = 20;

/// Lessons that one model learns from at most, the newest first.
const LESSONS_AT_MOST: i64 = 10_000;

/// So many corrections of a model's own decisions are looked at, and it is judged by no fewer.
const CHECKED_AT_MOST: i64 = 200;
const CHECKED_AT_LEAST: usize = 10;

/// Learns until asked to stop.
pub async fn run(context: Context, heart: Heart) -> Result<(), TaskError> {
    while !heart.is_stopping() {
        heart.beat();
        match learn(&context, &heart).await {
            Ok(()) => {}
            Err(error) if error.is_transient() => tracing::warn!(%error, "learn.waits"),
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = heart.stopping() => {}
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
    }
    Ok(())
}

/// One look: takes a model out of use that does worse than the rules, and trains another when enough was taught.
pub async fn learn(context: &Context, heart: &Heart) -> Result<(), StoreError> {
    let mut tx = context.db.read().await?;
    let corrections = tx.lesson_count().await?;
    let last = tx.models(1).await?.into_iter().next();
    let in_use = tx.model_number().await?;
    let checked = match in_use {
        Some(model) => tx.checked(model, CHECKED_AT_MOST).await?,
        None => Vec::new(),
    };
    drop(tx);
    if let Some((model, reason)) = in_use.zip(does_worse(&checked)) {
        tracing::warn!(model, reason, "model.off");
        let mut tx = context.db.begin().await?;
        tx.use_model(None, &reason, "sahut", context.clock.now()).await?;
        tx.commit().await?;
    }
    let regency = context.regency.get();
    if is_due(corrections, last.as_ref(), regency.revision) {
        train(context, heart, regency, corrections).await?;
    }
    Ok(())
}

/// Another model is due when the corrections grew by a tenth, or by twenty; and for other rules.
fn is_due(corrections: i64, last: Option<&ModelLine>, revision: i64) -> bool {
    let grown = |last: &ModelLine| corrections - last.corrections >= (last.corrections / 10).clamp(5, 20);
    corrections >= LESSONS_AT_LEAST && last.is_none_or(|last| grown(last) || last.revision != revision)
}

async fn train(
    context: &Context,
    heart: &Heart,
    regency: Arc<Regency>,
    corrections: i64,
) -> Result<(), StoreError> {
    let lessons = context.db.read().await?.lessons(LESSONS_AT_MOST).await?;
    let revision = regency.revision;
    let mut training = tokio::task::spawn_blocking(move || learn_from(&regency.rules, &lessons));
    let trained = loop {
        heart.beat();
        tokio::select! {
            trained = &mut training => break trained,
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    };
    let Ok((model, measured)) = trained else {
        return Err(StoreError::Refused(
            "training a model panicked: this is a fault of the program".to_owned(),
        ));
    };
    let refused = (!measured.is_worth_it()).then(|| {
        format!(
            "no better than the rules (right about {} of {} lessons held back, the rules alone about {})",
            measured.model, measured.lessons, measured.rules
        )
    });
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let new = NewModel {
        revision,
        corrections,
        lessons: count(measured.lessons),
        right: count(measured.model),
        rules_right: count(measured.rules),
        refused,
        body: model.to_bytes(),
    };
    let mut tx = context.db.begin().await?;
    let id = tx.store_model(new, context.clock.now()).await?;
    tx.commit().await?;
    let (lessons, right, rules) = (measured.lessons, measured.model, measured.rules);
    tracing::info!(model = id, lessons, right, rules, in_use = measured.is_worth_it(), "model.trained");
    Ok(())
}

fn learn_from(rules: &RuleSet, stored: &[StoredLesson]) -> (Model, Measured) {
    let lessons: Vec<Lesson<'_>> = stored.iter().map(lesson).collect();
    Model::learn_and_measure(rules, &lessons)
}

fn lesson(stored: &StoredLesson) -> Lesson<'_> {
    let input = Input {
        subject: stored.subject.as_deref(),
        owner: Some(&stored.owner),
        direct: stored.surface != Surface::Comment,
        ..Input::of(&stored.text)
    };
    let taught = stored.seat.as_deref().map_or(Taught::Needed(stored.needed), Taught::Seat);
    Lesson { input, taught, at: stored.at }
}

/// Why a model is to be taken out of use, where it is: people agreed with the rules alone more often than with it. Where a
/// danger decided, neither did.
fn does_worse(checked: &[Checked]) -> Option<String> {
    let checked: Vec<&Checked> = checked.iter().filter(|checked| checked.decision.danger.is_none()).collect();
    let first_by_rules = |checked: &&&Checked| {
        let first = checked.decision.scores.first();
        first.is_some_and(|score| score.office.as_str() == checked.seat)
    };
    let first_by_model =
        |checked: &&&Checked| checked.decision.ranking().next() == Some(checked.seat.as_str());
    let model = checked.iter().filter(first_by_model).count();
    let rules = checked.iter().filter(first_by_rules).count();
    (checked.len() >= CHECKED_AT_LEAST && model < rules).then(|| {
        format!(
            "people agreed with it {model} times of {}, with the rules alone {rules} times",
            checked.len()
        )
    })
}
