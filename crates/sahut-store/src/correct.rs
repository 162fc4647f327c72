//! People put right what the rules decided: hand an inquiry to another office, say that one is mere talk, bring back what
//! was set aside. Each is a line of the journal and a lesson.

use jiff::Timestamp;
use sahut_domain::deadline::Segment;
use sahut_domain::decision::Decision;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use sahut_domain::message::MessageId;
use sahut_domain::office::OfficeCode;

use crate::journal::NewEvent;
use crate::value::args;
use crate::work::Stage;
use crate::{StoreError, Tx};

/// An inquiry that was given to an office by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// The journal's line, to tell the office about.
    pub event: EventId,
    /// Who had it.
    pub from: OfficeCode,
    /// Where it stands.
    pub state: State,
}

/// A message that was set aside.
#[derive(Debug, Clone)]
pub struct Aside {
    /// The message.
    pub message: MessageId,
    /// When it was written.
    pub written_at: Timestamp,
    /// Code of its channel.
    pub channel: String,
    /// The words.
    pub text: String,
    /// Why.
    pub decision: Decision,
}

/// Why a lesson was taught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Handover,
    Triage,
    BroughtBack,
    Talk,
}

impl Origin {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Handover => "handover",
            Self::Triage => "triage",
            Self::BroughtBack => "brought_back",
            Self::Talk => "talk",
        }
    }
}

impl Tx {
    /// Gives an inquiry to an office: another one, or the same, which then is confirmed. The citizen's promise runs on;
    /// the time from now on is the new office's. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// The inquiry is closed, or the office is not known.
    pub async fn hand_over(
        &mut self,
        number: InquiryNumber,
        to: &OfficeCode,
        reason: &str,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<HandedOver>, StoreError> {
        let Some((inquiry, from, state, triage)) = self.hold_by_number(number).await? else {
            return Ok(None);
        };
        if state == State::Closed {
            return Err(StoreError::Unfit(format!("inquiry {number} is closed; nothing was changed")));
        }
        const KNOWN: &str = "SELECT COUNT(*) FROM office WHERE code = $1 AND retired = 0";
        if self.one(KNOWN, args![to], |row| row.get::<i64>(0)).await? == 0 {
            return Err(StoreError::Unfit(format!("there is no office {to}; nothing was changed")));
        }
        const GIVE: &str = "UPDATE inquiry SET office = $2, triage = 0, version = version + 1 WHERE id = $1";
        self.exec(GIVE, args![inquiry, to]).await?;
        self.move_clock(inquiry, to, now).await?;
        let origin = if triage { Origin::Triage } else { Origin::Handover };
        self.teach_first(inquiry, Some(to), origin, actor, now).await?;
        let data = serde_json::json!({ "from": from, "to": to, "reason": reason, "triage": triage });
        let event =
            NewEvent::new(EventKind::InquiryHandedOver, now).by(actor).inquiry(inquiry, to).with(data);
        let event = self.record_one(event, now).await?;
        Ok(Some(HandedOver { inquiry, event, from, state }))
    }

    /// Closes an inquiry that asks for nothing: talk, thanks, an advertisement. Its promise is void. `None`: there is no
    /// such inquiry.
    ///
    /// # Errors
    /// The inquiry is closed already.
    pub async fn close_as_talk(
        &mut self,
        number: InquiryNumber,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<InquiryId>, StoreError> {
        let Some((inquiry, office, state, _)) = self.hold_by_number(number).await? else { return Ok(None) };
        if state == State::Closed {
            return Err(StoreError::Unfit(format!(
                "inquiry {number} is closed already; nothing was changed"
            )));
        }
        const CLOSE: &str = "UPDATE inquiry SET state = 'closed', closed_at = $2, kind = 'noise', triage = 0,
            version = version + 1, deadline_id = NULL, deadline_live = NULL WHERE id = $1";
        self.exec(CLOSE, args![inquiry, now]).await?;
        const VOID: &str = "UPDATE deadline SET state = 'void', live = 0, next_at = NULL
            WHERE inquiry_id = $1 AND live = 1";
        self.exec(VOID, args![inquiry]).await?;
        self.teach_first(inquiry, None, Origin::Talk, actor, now).await?;
        let data = serde_json::json!({ "reason": "talk" });
        let event =
            NewEvent::new(EventKind::InquiryClosed, now).by(actor).inquiry(inquiry, &office).with(data);
        self.record_one(event, now).await?;
        Ok(Some(inquiry))
    }

    /// Brings a message back that was set aside: it is routed again, as one that needs somebody. `false`: no message
    /// with this number is set aside.
    pub async fn bring_back(
        &mut self,
        message: MessageId,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const BACK: &str = "UPDATE message SET disposition = 'waiting', brought_back = 1
            WHERE id = $1 AND disposition = 'aside'";
        if self.exec(BACK, args![message]).await? == 0 {
            return Ok(false);
        }
        const OLD: &str = "DELETE FROM decision WHERE message_id = $1 RETURNING body";
        let old: Option<String> = self.opt(OLD, args![message], |row| row.get(0)).await?;
        let old: serde_json::Value =
            old.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
        self.teach(message, None, Origin::BroughtBack, actor, now).await?;
        let data = serde_json::json!({ "decision": old });
        let event = NewEvent::new(EventKind::MessageBroughtBack, now).by(actor).message(message).with(data);
        self.record_one(event, now).await?;
        self.wake(Stage::Route);
        Ok(true)
    }

    /// Messages that were set aside, the newest first; only those before a number where one is given.
    pub async fn set_asides(
        &mut self,
        before: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<Aside>, StoreError> {
        const LIST: &str = "SELECT m.id, m.written_at, c.code, m.text, d.body FROM message m
            JOIN channel c ON c.id = m.channel_id JOIN decision d ON d.message_id = m.id
            WHERE m.disposition = 'aside' AND m.id < $1 ORDER BY m.id DESC LIMIT $2";
        let before = before.map_or(i64::MAX, |before| before.0);
        self.rows(LIST, args![before, limit], |row| {
            Ok(Aside {
                message: row.get(0)?,
                written_at: row.get(1)?,
                channel: row.get(2)?,
                text: row.get(3)?,
                decision: row.json(4)?,
            })
        })
        .await
    }

    async fn hold_by_number(
        &mut self,
        number: InquiryNumber,
    ) -> Result<Option<(InquiryId, OfficeCode, State, bool)>, StoreError> {
        let sql = format!(
            "SELECT id, office, state, triage FROM inquiry WHERE year = $1 AND sequence = $2{}",
            self.dialect().hold("inquiry")
        );
        self.opt(&sql, args![i64::from(number.year), number.sequence], |row| {
            Ok((row.get(0)?, row.get(1)?, row.word(2)?, row.get(3)?))
        })
        .await
    }

    /// From now on the running promise is another office's; what it took so far stays with who had it.
    async fn move_clock(
        &mut self,
        inquiry: InquiryId,
        to: &OfficeCode,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT id, segments FROM deadline WHERE inquiry_id = $1 AND live = 1{}",
            self.dialect().hold("deadline")
        );
        let live: Vec<(i64, Vec<Segment>)> =
            self.rows(&sql, args![inquiry], |row| Ok((row.get(0)?, row.json(1)?))).await?;
        for (deadline, mut segments) in live {
            let running = segments.last().is_none_or(|last| last.running);
            if let Some(last) = segments.last_mut().filter(|last| last.to.is_none()) {
                last.to = Some(now.max(last.from));
            }
            segments.push(Segment { from: now, to: None, office: to.clone(), running });
            let segments = serde_json::to_string(&segments)
                .map_err(|error| StoreError::bad_row("deadline", deadline, error))?;
            const MOVE: &str = "UPDATE deadline SET office = $2, segments = $3 WHERE id = $1";
            self.exec(MOVE, args![deadline, to, segments]).await?;
        }
        Ok(())
    }

    /// A lesson about the message that began an inquiry.
    async fn teach_first(
        &mut self,
        inquiry: InquiryId,
        seat: Option<&OfficeCode>,
        origin: Origin,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const FIRST: &str = "SELECT id FROM message WHERE inquiry_id = $1 AND own = 0
            ORDER BY written_at, id LIMIT 1";
        match self.opt(FIRST, args![inquiry], |row| row.get(0)).await? {
            Some(message) => self.teach(message, seat, origin, actor, now).await,
            None => Ok(()),
        }
    }

    /// What was decided last on a message is the lesson.
    async fn teach(
        &mut self,
        message: MessageId,
        seat: Option<&OfficeCode>,
        origin: Origin,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = self.id("lesson").await?;
        const TEACH: &str = "INSERT INTO lesson (id, message_id, seat, needed, origin, actor, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (message_id) DO UPDATE SET id = excluded.id, seat = excluded.seat,
                needed = excluded.needed, origin = excluded.origin, actor = excluded.actor, at = excluded.at";
        let needed = origin != Origin::Talk;
        self.exec(TEACH, args![id, message, seat, needed, origin.as_str(), actor, now]).await?;
        Ok(())
    }
}
