//! Lessons and models: what people decided, and what was learned from it.

use jiff::Timestamp;
use sahut_domain::decision::Decision;
use sahut_domain::event::EventKind;
use sahut_domain::message::Surface;
use sahut_domain::office::OfficeCode;
use serde::Serialize;

use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::{StoreError, Tx};

/// Models whose bodies are kept, so that one can be put to use again.
const KEPT_BODIES: i64 = 5;

/// A message with what people decided on it.
#[derive(Debug, Clone)]
pub struct StoredLesson {
    /// Its words.
    pub text: String,
    /// Its subject.
    pub subject: Option<String>,
    /// The office on whose channel it was written.
    pub owner: OfficeCode,
    /// Where its thread stands.
    pub surface: Surface,
    /// Whose it is: code of an office, or name of somebody outside; absent where only that was decided whether it needs
    /// somebody.
    pub seat: Option<String>,
    /// Whether it needs somebody.
    pub needed: bool,
    /// When that was decided.
    pub at: Timestamp,
}

/// A lesson beside the decision that it corrects or confirms.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Whose it is.
    pub seat: String,
    /// What was decided before.
    pub decision: Decision,
}

/// A model, without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelLine {
    /// Its number.
    pub id: i64,
    /// Number of the configuration set whose rules it was trained with.
    pub revision: i64,
    /// When it was trained.
    pub made_at: Timestamp,
    /// Corrections that people had made by then.
    pub corrections: i64,
    /// Lessons that were held back from it in turn.
    pub lessons: i64,
    /// How often it was right about them.
    pub right: i64,
    /// How often the rules alone were.
    pub rules_right: i64,
    /// Whether it helps to decide.
    pub in_use: bool,
    /// Why it does not.
    pub reason: Option<String>,
}

/// A model that was trained and measured.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// Number of the configuration set.
    pub revision: i64,
    /// Corrections that people had made by then.
    pub corrections: i64,
    /// Lessons that were held back from it in turn.
    pub lessons: i64,
    /// How often it was right about them.
    pub right: i64,
    /// How often the rules alone were.
    pub rules_right: i64,
    /// Why it is not put to use; absent: it is.
    pub refused: Option<String>,
    /// Its bytes.
    pub body: Vec<u8>,
}

const LINE: &str =
    "SELECT id, revision, made_at, corrections, lessons, model_right, rules_right, in_use, reason FROM model";

impl Tx {
    /// How many messages people have put right.
    pub async fn lesson_count(&mut self) -> Result<i64, StoreError> {
        self.one("SELECT COUNT(*) FROM lesson", args![], |row| row.get(0)).await
    }

    /// Everything that can be learned from, the newest first and at most so many: what people decided; and inquiries that
    /// an office answered without passing them on, which says that the office was right. Without the latter a model would
    /// only know where the rules fail. An office that was chosen by the danger says nothing about the subject.
    pub async fn lessons(&mut self, limit: i64) -> Result<Vec<StoredLesson>, StoreError> {
        const TAUGHT: &str =
            "SELECT m.text, m.subject, c.office, t.surface, l.seat, l.needed, l.at FROM lesson l
            JOIN message m ON m.id = l.message_id JOIN channel c ON c.id = m.channel_id
            JOIN thread t ON t.id = m.thread_id
            ORDER BY l.id DESC LIMIT $1";
        let mut lessons = self.rows(TAUGHT, args![limit], lesson).await?;
        let left = limit - i64::try_from(lessons.len()).unwrap_or(limit);
        const CONFIRMED: &str = "SELECT m.text, m.subject, c.office, t.surface, i.office, CAST(1 AS BIGINT),
                i.answered_at FROM inquiry i
            JOIN message m ON m.inquiry_id = i.id AND m.own = 0
                AND m.id = (SELECT f.id FROM message f WHERE f.inquiry_id = i.id AND f.own = 0
                    ORDER BY f.written_at, f.id LIMIT 1)
            JOIN channel c ON c.id = m.channel_id JOIN thread t ON t.id = m.thread_id
            WHERE i.answered_at IS NOT NULL AND i.triage = 0 AND i.state <> 'closed'
                AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.message_id = m.id AND d.basis = 'emergency')
                AND NOT EXISTS (SELECT 1 FROM lesson l JOIN message t ON t.id = l.message_id
                    WHERE t.inquiry_id = i.id)
            ORDER BY i.id DESC LIMIT $1";
        lessons.extend(self.rows(CONFIRMED, args![left], lesson).await?);
        Ok(lessons)
    }

    /// Lessons about whose a message is that were taught after a model was made, about messages that it had decided on,
    /// the newest first: how it does.
    pub async fn checked(&mut self, model: i64, limit: i64) -> Result<Vec<Checked>, StoreError> {
        const CHECKED: &str = "SELECT l.seat, d.body FROM lesson l
            JOIN decision d ON d.message_id = l.message_id
            WHERE l.seat IS NOT NULL AND l.at >= (SELECT made_at FROM model WHERE id = $1)
            ORDER BY l.id DESC LIMIT $2";
        let checked: Vec<Checked> = self
            .rows(CHECKED, args![model, limit], |row| {
                Ok(Checked { seat: row.get(0)?, decision: row.json(1)? })
            })
            .await?;
        let by_it =
            |decision: &Decision| decision.learned.as_ref().is_some_and(|learned| learned.model == model);
        Ok(checked.into_iter().filter(|checked| by_it(&checked.decision)).collect())
    }

    /// Stores a model; one that is not refused is in use from now on instead of the one before.
    pub async fn store_model(&mut self, new: NewModel, now: Timestamp) -> Result<i64, StoreError> {
        let id = self.id("model").await?;
        let in_use = new.refused.is_none();
        if in_use {
            self.retire_model(&format!("model {id} took its place")).await?;
        }
        const STORE: &str = "INSERT INTO model
            (id, revision, made_at, corrections, lessons, model_right, rules_right, in_use, reason, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let facts = serde_json::json!({ "model": id, "lessons": new.lessons, "right": new.right,
            "rules_right": new.rules_right, "in_use": in_use });
        let values = args![
            id,
            new.revision,
            now,
            new.corrections,
            new.lessons,
            new.right,
            new.rules_right,
            in_use,
            new.refused,
            new.body
        ];
        self.exec(STORE, values).await?;
        const FORGET: &str = "UPDATE model SET body = NULL WHERE in_use = 0 AND id <= $1";
        self.exec(FORGET, args![id - KEPT_BODIES]).await?;
        self.record_one(NewEvent::new(EventKind::ModelTrained, now).with(facts), now).await?;
        Ok(id)
    }

    /// The model that is in use, with its bytes.
    pub async fn model_in_use(&mut self) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
        const IN_USE: &str = "SELECT id, body FROM model WHERE in_use = 1";
        self.opt(IN_USE, args![], |row| Ok((row.get(0)?, row.get(1)?))).await
    }

    /// The number of the model that is in use.
    pub async fn model_number(&mut self) -> Result<Option<i64>, StoreError> {
        self.opt("SELECT id FROM model WHERE in_use = 1", args![], |row| row.get(0)).await
    }

    /// Models, the newest first.
    pub async fn models(&mut self, limit: i64) -> Result<Vec<ModelLine>, StoreError> {
        self.rows(&format!("{LINE} ORDER BY id DESC LIMIT $1"), args![limit], line).await
    }

    /// Puts a model to use that is kept, or none. `false`: no model with this number is kept.
    pub async fn use_model(
        &mut self,
        model: Option<i64>,
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.retire_model(reason).await?;
        if let Some(model) = model {
            const USE: &str = "UPDATE model SET in_use = 1, reason = NULL WHERE id = $1 AND body IS NOT NULL";
            if self.exec(USE, args![model]).await? == 0 {
                return Ok(false);
            }
        }
        let facts = serde_json::json!({ "model": model, "reason": reason });
        self.record_one(NewEvent::new(EventKind::ModelChosen, now).by(actor).with(facts), now).await?;
        Ok(true)
    }

    async fn retire_model(&mut self, reason: &str) -> Result<(), StoreError> {
        self.exec("UPDATE model SET in_use = 0, reason = $1 WHERE in_use = 1", args![reason]).await?;
        Ok(())
    }
}

fn lesson(row: &Row) -> Result<StoredLesson, StoreError> {
    Ok(StoredLesson {
        text: row.get(0)?,
        subject: row.get(1)?,
        owner: row.get(2)?,
        surface: row.word(3)?,
        seat: row.get(4)?,
        needed: row.get(5)?,
        at: row.get(6)?,
    })
}

fn line(row: &Row) -> Result<ModelLine, StoreError> {
    Ok(ModelLine {
        id: row.get(0)?,
        revision: row.get(1)?,
        made_at: row.get(2)?,
        corrections: row.get(3)?,
        lessons: row.get(4)?,
        right: row.get(5)?,
        rules_right: row.get(6)?,
        in_use: row.get(7)?,
        reason: row.get(8)?,
    })
}
