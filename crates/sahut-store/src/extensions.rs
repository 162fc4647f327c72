//! More time: asked for with a reason, granted or refused by somebody, or granted at once where the policy allows it.

use jiff::Timestamp;
use sahut_domain::deadline::{DeadlineId, DeadlineKind, ExtensionId, ExtensionState, MoveReason};
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use serde::Serialize;

use crate::acts::Done;
use crate::clocks::{Live, Move};
use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::{StoreError, Tx};

/// More time that an office asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extension {
    /// The request.
    pub id: ExtensionId,
    /// The promise.
    pub deadline: DeadlineId,
    /// Why it is needed.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What became of it.
    pub state: ExtensionState,
    /// Who decided.
    pub decided_by: Option<String>,
    /// What they said.
    pub decided_note: Option<String>,
}

const EXTENSION: &str =
    "SELECT e.id, e.deadline_id, e.reason, e.asked_by, e.asked_at, e.until, e.state, e.decided_by,
        e.decided_note FROM extension e JOIN deadline d ON d.id = e.deadline_id";

impl Tx {
    /// Asks for more time for a promise that is live, until a moment. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// No such promise is live, the moment is not later than the promise's, no reason is given, or somebody has asked
    /// before and nobody has decided yet.
    pub async fn ask_more_time(
        &mut self,
        number: InquiryNumber,
        kind: Option<DeadlineKind>,
        until: Timestamp,
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<(ExtensionId, Done)>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        let unfit = |why: &str| Err(StoreError::Unfit(format!("{why}; nothing was changed")));
        let open = held.stood.state == State::Open;
        let kind = kind.unwrap_or(if open { DeadlineKind::FirstResponse } else { DeadlineKind::Resolution });
        let Some(promise) = self.live_promise(held.id, kind).await? else {
            return unfit(&format!("{number} owes no answer now"));
        };
        let due_at = promise.due_at;
        if until <= due_at {
            return unfit(&format!("{number} is due later than that already"));
        }
        if reason.trim().is_empty() {
            return unfit("more time needs a reason");
        }
        const ASK: &str = "INSERT INTO extension (id, deadline_id, reason, asked_by, asked_at, until, state)
            VALUES ($1, $2, $3, $4, $5, $6, 'asked') ON CONFLICT DO NOTHING";
        let extension = ExtensionId(self.id("extension").await?);
        if self.exec(ASK, args![extension, promise.id, reason, actor, now, until]).await? == 0 {
            return unfit(&format!("more time for {number} was asked for before and is not decided on yet"));
        }
        let data = serde_json::json!({ "extension": extension, "promise": kind, "deadline": promise.id,
            "until": until, "was_due_at": due_at, "reason": reason });
        let done = self.done(held, EventKind::ExtensionAsked, actor, data, now).await?;
        Ok(Some((extension, done)))
    }

    /// Requests on which nobody has decided yet, the oldest first, each with its promise where that is still live.
    pub async fn asked_extensions(&mut self) -> Result<Vec<(Extension, Option<Live>)>, StoreError> {
        let sql = format!("{EXTENSION} WHERE e.state = 'asked' ORDER BY e.id");
        let asked = self.rows(&sql, args![], extension).await?;
        let mut found = Vec::with_capacity(asked.len());
        for one in asked {
            let live = self.promise_of(one.deadline).await?;
            found.push((one, live));
        }
        Ok(found)
    }

    /// How many requests wait for a decision.
    pub async fn count_asked_extensions(&mut self) -> Result<i64, StoreError> {
        self.one("SELECT COUNT(*) FROM extension WHERE state = 'asked'", args![], |row| row.get(0)).await
    }

    /// The request of an inquiry on which nobody has decided yet, with its promise, held until the transaction ends.
    pub async fn asked_extension(
        &mut self,
        number: InquiryNumber,
    ) -> Result<Option<(Extension, Live)>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        let sql = format!(
            "{EXTENSION} WHERE d.inquiry_id = $1 AND e.state = 'asked' AND d.live = 1 ORDER BY e.id LIMIT 1"
        );
        let Some(asked) = self.opt(&sql, args![held.id], extension).await? else { return Ok(None) };
        let live = self.promise_of(asked.deadline).await?;
        Ok(live.map(|live| (asked, live)))
    }

    /// Grants more time: the promise falls due later, and what it was is kept. `moved` says how it is counted; its reason
    /// is that of the request. `false`: somebody has decided before.
    pub async fn grant(
        &mut self,
        asked: &Extension,
        promise: &Live,
        moved: Move<'_>,
        note: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.decide(asked, promise, ExtensionState::Granted, note, actor, now).await? {
            return Ok(false);
        }
        self.move_promise(
            promise,
            Move { why: MoveReason::Extended, note: &asked.reason, ..moved },
            actor,
            now,
        )
        .await?;
        Ok(true)
    }

    /// Refuses more time. `false`: somebody has decided before.
    pub async fn refuse(
        &mut self,
        asked: &Extension,
        promise: &Live,
        note: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.decide(asked, promise, ExtensionState::Refused, note, actor, now).await
    }

    async fn decide(
        &mut self,
        asked: &Extension,
        promise: &Live,
        state: ExtensionState,
        note: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DECIDE: &str =
            "UPDATE extension SET state = $2, decided_by = $3, decided_at = $4, decided_note = $5
            WHERE id = $1 AND state = 'asked'";
        if self.exec(DECIDE, args![asked.id, state.as_str(), actor, now, note]).await? == 0 {
            return Ok(false);
        }
        let kind = match state {
            ExtensionState::Granted => EventKind::ExtensionGranted,
            ExtensionState::Asked | ExtensionState::Refused => EventKind::ExtensionRefused,
        };
        let data = serde_json::json!({ "extension": asked.id, "promise": promise.kind, "deadline": promise.id,
            "until": asked.until, "was_due_at": promise.due_at, "reason": asked.reason, "note": note });
        let event = NewEvent::new(kind, now).by(actor).inquiry(promise.inquiry, &promise.office);
        self.record_one(event.with(data), now).await?;
        Ok(true)
    }

    pub(crate) async fn extensions_of(&mut self, inquiry: InquiryId) -> Result<Vec<Extension>, StoreError> {
        let sql = format!("{EXTENSION} WHERE d.inquiry_id = $1 ORDER BY e.id");
        self.rows(&sql, args![inquiry], extension).await
    }
}

fn extension(row: &Row) -> Result<Extension, StoreError> {
    Ok(Extension {
        id: row.get(0)?,
        deadline: row.get(1)?,
        reason: row.get(2)?,
        asked_by: row.get(3)?,
        asked_at: row.get(4)?,
        until: row.get(5)?,
        state: row.word(6)?,
        decided_by: row.get(7)?,
        decided_note: row.get(8)?,
    })
}
