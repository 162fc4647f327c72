//! `sahut routing models` and `use`: what was learned, and whether it helps to decide.

use std::str::FromStr;

use sahut_pipeline::learn::LESSONS_AT_LEAST;
use sahut_store::learn::ModelLine;

use crate::app::App;
use crate::failure::Failure;
use crate::output;

/// A model by its number, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice(Option<i64>);

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self(None)),
            number => number
                .parse()
                .map(|number| Self(Some(number)))
                .map_err(|_| "give the number of a model, or `none`".to_owned()),
        }
    }
}

pub(super) async fn list(app: &App, json: bool) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.read().await?;
    let (models, corrections) = (tx.models(20).await?, tx.lesson_count().await?);
    if json {
        return output::json(&serde_json::json!({ "corrections": corrections, "models": models }));
    }
    output::line(&format!(
        "{corrections} correction(s) by people so far; models are trained from {LESSONS_AT_LEAST} on."
    ))?;
    if models.is_empty() {
        return output::line("There is no model yet: the rules decide alone.");
    }
    let rows: Vec<[String; 6]> = models
        .iter()
        .map(|model| {
            [
                model.id.to_string(),
                model.made_at.strftime("%Y-%m-%d %H:%M").to_string(),
                model.lessons.to_string(),
                model.right.to_string(),
                model.rules_right.to_string(),
                state(model),
            ]
        })
        .collect();
    output::table(["MODEL", "TRAINED (UTC)", "LESSONS", "RIGHT", "RULES RIGHT", "STATE"], &rows)
}

pub(super) async fn choose(app: &App, Choice(model): Choice, by: &str) -> Result<(), Failure> {
    let db = app.beside().await?;
    let mut tx = db.begin().await?;
    let reason = format!("taken out of use by {by}");
    if !tx.use_model(model, &reason, by, app.clock.now()).await? {
        return Err(Failure::failed(
            "no model with this number is kept; nothing was changed: `sahut routing models` shows what there is",
        ));
    }
    tx.commit().await?;
    output::line("The running process takes it up within seconds.")
}

/// Whether a model helps to decide, and why not.
fn state(model: &ModelLine) -> String {
    match &model.reason {
        _ if model.in_use => "in use".to_owned(),
        Some(reason) => format!("not used: {reason}"),
        None => "not used".to_owned(),
    }
}
