//! What people of an office do about an inquiry besides answering it: say that they have it in hand, ask for more time,
//! write a note, settle it. Each is a line of the journal.

use jiff::Timestamp;
use sahut_domain::deadline::ExtensionId;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use sahut_domain::office::OfficeCode;

use crate::correct::Held;
use crate::journal::NewEvent;
use crate::value::args;
use crate::work::Stage;
use crate::{StoreError, Tx};

/// Something that was done about an inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// The office that has it.
    pub office: OfficeCode,
    /// The journal's line.
    pub event: EventId,
}

impl Tx {
    /// Notes that the office has an open inquiry in hand and will answer by a moment; until then it is not reminded.
    /// `None`: there is no such inquiry.
    ///
    /// # Errors
    /// The inquiry owes no answer, or the moment has passed.
    pub async fn acknowledge(
        &mut self,
        number: InquiryNumber,
        until: Timestamp,
        note: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Done>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        refuse_unless_open(number, &held)?;
        if until <= now {
            return Err(StoreError::Unfit("that moment has passed; nothing was changed".to_owned()));
        }
        const IN_HAND: &str = "UPDATE inquiry SET acknowledged_until = $2, acknowledged_by = $3,
            acknowledged_note = $4, version = version + 1 WHERE id = $1";
        self.exec(IN_HAND, args![held.id, until, actor, note]).await?;
        let data = serde_json::json!({ "until": until, "note": note });
        self.done(held, EventKind::InquiryAcknowledged, actor, data, now).await.map(Some)
    }

    /// Asks for more time, until a moment, for the promise that the office owes next: that of an answer while one is open,
    /// else that of a resolution. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// As of [`Tx::ask_more_time`].
    pub async fn ask_time(
        &mut self,
        number: InquiryNumber,
        until: Timestamp,
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<(ExtensionId, Done)>, StoreError> {
        self.ask_more_time(number, None, until, reason, actor, now).await
    }

    /// Keeps a note about an inquiry that the citizen does not see. `None`: there is no such inquiry.
    pub async fn note(
        &mut self,
        number: InquiryNumber,
        text: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Done>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        let data = serde_json::json!({ "text": text });
        self.done(held, EventKind::InquiryNoted, actor, data, now).await.map(Some)
    }

    /// Closes an inquiry whose matter is settled; its promise of a resolution is met. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// It is closed already, or its citizen was never answered.
    pub async fn close_as_settled(
        &mut self,
        number: InquiryNumber,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Done>, StoreError> {
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        match held.stood.state {
            State::Answered | State::Waiting => {}
            State::Closed => {
                return Err(StoreError::Unfit(format!(
                    "inquiry {number} is closed already; nothing was changed"
                )));
            }
            State::Open => {
                return Err(StoreError::Unfit(format!(
                    "{number} waits for an answer; nothing was changed: answer its citizen first"
                )));
            }
        }
        const SETTLE: &str = "UPDATE inquiry SET state = 'closed', closed_at = $2, closing = 'settled',
            version = version + 1 WHERE id = $1";
        self.exec(SETTLE, args![held.id, now]).await?;
        self.meet_resolution(held.id, now).await?;
        let data = serde_json::json!({ "reason": "settled", "stood": held.stood });
        self.done(held, EventKind::InquiryClosed, actor, data, now).await.map(Some)
    }

    /// Notes that somebody did something about an inquiry, by the address that they were mailed at.
    pub async fn note_act(&mut self, mail: &str, now: Timestamp) -> Result<(), StoreError> {
        const ACTED: &str = "UPDATE person SET acted_at = $2, seen_at = $2, silent_at = NULL WHERE mail = $1";
        self.exec(ACTED, args![mail, now]).await?;
        Ok(())
    }

    /// Notes that somebody opened an inquiry, by the address that they were mailed at.
    pub async fn note_seen(&mut self, mail: &str, now: Timestamp) -> Result<(), StoreError> {
        self.exec("UPDATE person SET seen_at = $2 WHERE mail = $1", args![mail, now]).await?;
        Ok(())
    }

    pub(crate) async fn done(
        &mut self,
        held: Held,
        kind: EventKind,
        actor: &str,
        data: serde_json::Value,
        now: Timestamp,
    ) -> Result<Done, StoreError> {
        let event = NewEvent::new(kind, now).by(actor).inquiry(held.id, &held.office).with(data);
        let event = self.record_one(event, now).await?;
        self.wake(Stage::Watch);
        Ok(Done { inquiry: held.id, office: held.office, event })
    }
}

fn refuse_unless_open(number: InquiryNumber, held: &Held) -> Result<(), StoreError> {
    if held.stood.state == State::Open {
        return Ok(());
    }
    Err(StoreError::Unfit(format!("{number} owes no answer now; nothing was changed")))
}
