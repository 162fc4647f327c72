//! People put right what the rules decided: hand an inquiry to another office or confirm the one that has it, say that one
//! is mere talk, bring back what was set aside. Each is a line of the journal and a lesson. What people did by mistake is
//! taken back, and its lesson with it.

use jiff::Timestamp;
use sahut_domain::deadline::DeadlineId;
use sahut_domain::decision::Decision;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::incident::IncidentId;
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, State};
use sahut_domain::message::MessageId;
use sahut_domain::office::OfficeCode;
use sahut_domain::segments::Segments;
use serde::{Deserialize, Serialize};

use crate::clocks::stored;
use crate::journal::NewEvent;
use crate::value::args;
use crate::work::Stage;
use crate::{StoreError, Tx};

/// So often offices pass an inquiry on among themselves; after that those who decide say whose it is.
pub(crate) const MOST_HOPS: i64 = 2;

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
    /// How many other inquiries of its incident moved with it.
    pub others: usize,
}

/// An inquiry that is open again, or answered again, after it was closed by mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopened {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// The journal's line, to tell the office about.
    pub event: EventId,
    /// Who has it.
    pub office: OfficeCode,
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

/// An inquiry that nobody else changes until the transaction ends.
pub(crate) struct Held {
    pub(crate) id: InquiryId,
    pub(crate) office: OfficeCode,
    pub(crate) stood: Stood,
    /// Grows with every change.
    pub(crate) version: i64,
    /// How often it went from an office to another.
    pub(crate) hops: i64,
    /// Those who decide settled who has it.
    pub(crate) bound: bool,
}

/// An inquiry that goes to an office, and how.
pub(crate) struct Gift<'a> {
    pub(crate) to: &'a OfficeCode,
    /// Facts for the journal.
    pub(crate) data: serde_json::Value,
    /// The office has to decide who answers, rather than to answer.
    pub(crate) triage: bool,
    /// Whoever gives it decides whose it is.
    pub(crate) decides: bool,
    pub(crate) actor: &'a str,
}

/// How an inquiry stood: kept in the journal's line about its closing, so that the closing can be taken back.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Stood {
    pub(crate) state: State,
    pub(crate) kind: Kind,
    pub(crate) triage: bool,
}

/// What the journal keeps of a closing.
#[derive(Debug, Deserialize)]
struct Closing {
    stood: Stood,
    /// What people had taught before the closing taught something else.
    lesson: Option<Taught>,
}

/// A lesson about a message.
#[derive(Debug, Serialize, Deserialize)]
struct Taught {
    message: MessageId,
    seat: Option<String>,
    needed: bool,
    origin: String,
    actor: String,
    at: Timestamp,
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
    /// the time from now on is the new office's. Its whole incident moves with it. `None`: there is no such inquiry.
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
        let Some(held) = self.hold_by_number(number).await? else { return Ok(None) };
        let data = serde_json::json!({ "from": held.office, "to": to, "reason": reason,
            "triage": held.stood.triage });
        let gift = Gift { to, data, triage: false, decides: held.stood.triage, actor };
        self.give(number, held, gift, now).await.map(Some)
    }

    /// Gives an inquiry that is held, with its whole incident, to an office.
    pub(crate) async fn give(
        &mut self,
        number: InquiryNumber,
        held: Held,
        gift: Gift<'_>,
        now: Timestamp,
    ) -> Result<HandedOver, StoreError> {
        let (Held { id: inquiry, office: from, stood, .. }, Gift { to, actor, .. }) = (&held, &gift);
        if stood.state == State::Closed {
            return Err(StoreError::Unfit(format!(
                "inquiry {number} is closed; nothing was changed: `sahut inquiry reopen {number}` takes that back"
            )));
        }
        if !self.is_office(to).await? {
            return Err(StoreError::Unfit(format!("there is no office {to}; nothing was changed")));
        }
        let together = self.hold_together(*inquiry, to).await?;
        // What is only claimed against others teaches nothing: the decision will.
        if !gift.triage {
            let origin = if stood.triage { Origin::Triage } else { Origin::Handover };
            self.teach_first(*inquiry, Some(to), origin, actor, now).await?;
        }
        let kind = if from == *to && !gift.triage {
            EventKind::InquiryConfirmed
        } else {
            EventKind::InquiryHandedOver
        };
        let bound = gift.decides && held.hops >= MOST_HOPS;
        const GIVE: &str = "UPDATE inquiry SET office = $2, triage = $3, version = version + 1,
            hops = hops + CASE WHEN office <> $2 AND triage = 0 THEN 1 ELSE 0 END,
            returns = returns + CASE WHEN office <> $2 AND $3 = 0 AND EXISTS (SELECT 1 FROM event e
                WHERE e.inquiry_id = inquiry.id AND e.office = $2
                    AND e.kind IN ('inquiry.opened', 'inquiry.handed_over')) THEN 1 ELSE 0 END,
            bound = CASE WHEN $4 = 1 THEN 1 ELSE bound END,
            acknowledged_until = NULL, acknowledged_by = NULL, acknowledged_note = NULL WHERE id = $1";
        let mut events = Vec::new();
        for given in &together {
            self.exec(GIVE, args![*given, *to, gift.triage, bound]).await?;
            if from != *to {
                self.move_clock(*given, to, now).await?;
            }
            events.push(NewEvent::new(kind, now).by(*actor).inquiry(*given, to).with(gift.data.clone()));
        }
        let recorded = self.record(events, now).await?;
        let own = together.iter().zip(recorded).find(|(given, _)| *given == inquiry).map(|(_, event)| event);
        let event =
            own.ok_or_else(|| StoreError::Conflict(format!("inquiry {number} has left its incident")))?;
        let others = together.len() - 1;
        Ok(HandedOver { inquiry: *inquiry, event, from: from.clone(), state: stood.state, others })
    }

    async fn is_office(&mut self, code: &OfficeCode) -> Result<bool, StoreError> {
        const KNOWN: &str = "SELECT COUNT(*) FROM office WHERE code = $1 AND retired = 0";
        self.one(KNOWN, args![code], |row| Ok(row.get::<i64>(0)? > 0)).await
    }

    /// Holds an inquiry with all others of its incident, which from now on is this office's.
    async fn hold_together(
        &mut self,
        inquiry: InquiryId,
        to: &OfficeCode,
    ) -> Result<Vec<InquiryId>, StoreError> {
        const OF: &str = "SELECT incident_id FROM inquiry WHERE id = $1 AND incident_id IS NOT NULL";
        let incident: Option<IncidentId> = self.opt(OF, args![inquiry], |row| row.get(0)).await?;
        let Some(incident) = incident else { return Ok(vec![inquiry]) };
        self.exec("UPDATE incident SET office = $2 WHERE id = $1", args![incident, to]).await?;
        self.hold_unclosed_members(incident).await
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
        let Some(Held { id: inquiry, office, stood, .. }) = self.hold_by_number(number).await? else {
            return Ok(None);
        };
        if stood.state == State::Closed {
            return Err(StoreError::Unfit(format!(
                "inquiry {number} is closed already; nothing was changed"
            )));
        }
        const CLOSE: &str = "UPDATE inquiry SET state = 'closed', closed_at = $2, closing = 'talk', kind = 'noise', triage = 0,
            version = version + 1, deadline_id = NULL, deadline_live = NULL WHERE id = $1";
        self.exec(CLOSE, args![inquiry, now]).await?;
        // `next_at` stays: nobody looks at a void promise, and one that is taken up again is looked at when it was to be.
        const VOID: &str = "UPDATE deadline SET state = 'void', live = 0 WHERE inquiry_id = $1 AND live = 1";
        self.exec(VOID, args![inquiry]).await?;
        let lesson = self.lesson_about(inquiry).await?;
        self.teach_first(inquiry, None, Origin::Talk, actor, now).await?;
        let data = serde_json::json!({ "reason": "talk", "stood": stood, "lesson": lesson });
        let event =
            NewEvent::new(EventKind::InquiryClosed, now).by(actor).inquiry(inquiry, &office).with(data);
        self.record_one(event, now).await?;
        Ok(Some(inquiry))
    }

    /// Takes back that an inquiry was closed as talk: it stands as it stood, what was taught before stands again in the
    /// place of its lesson, and its promise runs as if it had never been void: the citizen waited all the time, unless the
    /// office answered meanwhile. `None`: there is no such inquiry.
    ///
    /// # Errors
    /// The inquiry is not closed, its office is retired, or its citizen has begun another one in the same thread since.
    pub async fn reopen(
        &mut self,
        number: InquiryNumber,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Reopened>, StoreError> {
        let Some(Held { id: inquiry, office, stood, .. }) = self.hold_by_number(number).await? else {
            return Ok(None);
        };
        if stood.state != State::Closed {
            return Err(StoreError::Unfit(format!("inquiry {number} is not closed; nothing was changed")));
        }
        self.refuse_second(number, inquiry).await?;
        self.refuse_retired(number, &office).await?;
        const CLOSING: &str = "SELECT data FROM event WHERE inquiry_id = $1 AND kind = 'inquiry.closed'
            ORDER BY id DESC LIMIT 1";
        let Closing { stood, lesson } = self.one(CLOSING, args![inquiry], |row| row.json(0)).await?;
        let deadline = match stood.state {
            State::Open => Some(self.revive_promise(inquiry).await?),
            _ => None,
        };
        self.revive_resolution(inquiry, now).await?;
        // Its incident may have gone to another office meanwhile.
        const REOPEN: &str = "UPDATE inquiry SET state = $2, closed_at = NULL, closing = NULL, kind = $3, triage = $4,
            incident_id = (SELECT k.id FROM incident k WHERE k.id = inquiry.incident_id AND k.office = inquiry.office),
            version = version + 1, deadline_id = $5, deadline_live = $6 WHERE id = $1";
        let live = deadline.map(|_| 1_i64);
        let (state, kind) = (stood.state.as_str(), stood.kind.as_str());
        self.exec(REOPEN, args![inquiry, state, kind, stood.triage, deadline, live]).await?;
        const WITHDRAW: &str = "DELETE FROM lesson WHERE origin = 'talk' AND message_id IN
            (SELECT id FROM message WHERE inquiry_id = $1)";
        self.exec(WITHDRAW, args![inquiry]).await?;
        if let Some(lesson) = &lesson {
            self.store_lesson(lesson).await?;
        }
        let event = NewEvent::new(EventKind::InquiryRestored, now).by(actor).inquiry(inquiry, &office);
        let event = self.record_one(event.with(serde_json::json!({ "state": stood.state })), now).await?;
        let answered = self.count_answer_meanwhile(inquiry, &office, now).await?;
        let state = if answered { State::Answered } else { stood.state };
        Ok(Some(Reopened { inquiry, event, office, state }))
    }

    /// Counts the first answer to all that the citizen wrote in an inquiry, where it was given while that was closed.
    async fn count_answer_meanwhile(
        &mut self,
        inquiry: InquiryId,
        office: &OfficeCode,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ASKED: &str = "SELECT id, written_at FROM message WHERE inquiry_id = $1 AND own = 0";
        let asked: Vec<(MessageId, Timestamp)> =
            self.rows(ASKED, args![inquiry], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        const REPLIED: &str = "SELECT sent_at, author FROM reply
            WHERE inquiry_id = $1 AND delivery IN ('sent', 'elsewhere') AND intent <> 'receipt' ORDER BY sent_at";
        let mut answers: Vec<(Timestamp, String)> =
            self.rows(REPLIED, args![inquiry], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let last = asked.iter().map(|(_, at)| *at).max();
        let by_hand =
            self.answers_read_before(asked.into_iter().map(|(message, _)| message).collect()).await?;
        answers.extend(by_hand.into_iter().map(|(at, ..)| (at, "platform".to_owned())));
        let first = answers.into_iter().filter(|(at, _)| Some(*at) >= last).min_by_key(|(at, _)| *at);
        match first {
            Some((at, author)) => self.answer_inquiry(inquiry, office, at, &author, now).await,
            None => Ok(false),
        }
    }

    /// Nobody would be told of an inquiry at an office that is no more.
    async fn refuse_retired(&mut self, number: InquiryNumber, office: &OfficeCode) -> Result<(), StoreError> {
        if self.is_office(office).await? {
            return Ok(());
        }
        Err(StoreError::Unfit(format!(
            "inquiry {number} is at {office}, which is no office of the running set any more; nothing was changed: \
             apply a set that names {office}, reopen {number}, and give it to another office"
        )))
    }

    /// One citizen has one inquiry at a time in one thread: the later one holds what was written since.
    async fn refuse_second(&mut self, number: InquiryNumber, inquiry: InquiryId) -> Result<(), StoreError> {
        const LATER: &str = "SELECT l.year, l.sequence FROM inquiry i JOIN inquiry l
            ON l.thread_id = i.thread_id AND l.citizen_id = i.citizen_id AND l.state <> 'closed' WHERE i.id = $1";
        let later: Option<(i64, i64)> =
            self.opt(LATER, args![inquiry], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let Some((year, sequence)) = later else { return Ok(()) };
        let later = InquiryNumber { year: i16::try_from(year).unwrap_or(0), sequence };
        Err(StoreError::Unfit(format!(
            "the citizen of {number} has written again in the same place since, and that is {later}; nothing was \
             changed: answer there"
        )))
    }

    /// Lets the last promise of a first response run again, from when it always ran.
    async fn revive_promise(&mut self, inquiry: InquiryId) -> Result<DeadlineId, StoreError> {
        const REVIVE: &str = "UPDATE deadline SET state = 'running', live = 1 WHERE id =
            (SELECT MAX(id) FROM deadline WHERE inquiry_id = $1 AND kind = 'first_response' AND state = 'void')
            RETURNING id";
        self.one(REVIVE, args![inquiry], |row| row.get(0)).await
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

    /// How many messages stand aside.
    pub async fn count_set_aside(&mut self) -> Result<i64, StoreError> {
        const COUNT: &str = "SELECT COUNT(*) FROM message WHERE disposition = 'aside'";
        self.one(COUNT, args![], |row| row.get(0)).await
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

    pub(crate) async fn hold_by_number(&mut self, number: InquiryNumber) -> Result<Option<Held>, StoreError> {
        self.hold_incident_of(number).await?;
        let sql = format!(
            "SELECT id, office, state, kind, triage, version, hops, bound FROM inquiry WHERE year = $1 AND sequence = $2{}",
            self.dialect().hold("inquiry")
        );
        self.opt(&sql, args![i64::from(number.year), number.sequence], |row| {
            let stood = Stood { state: row.word(2)?, kind: row.word(3)?, triage: row.get(4)? };
            Ok(Held {
                id: row.get(0)?,
                office: row.get(1)?,
                stood,
                version: row.get(5)?,
                hops: row.get(6)?,
                bound: row.get(7)?,
            })
        })
        .await
    }

    /// From now on the live promises are another office's; what it took so far stays with who had it.
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
        let live: Vec<(i64, Segments)> =
            self.rows(&sql, args![inquiry], |row| Ok((row.get(0)?, row.json(1)?))).await?;
        for (deadline, mut segments) in live {
            segments.hand_over(now, to);
            const MOVE: &str = "UPDATE deadline SET office = $2, segments = $3,
                next_at = CASE WHEN state = 'running' THEN $4 ELSE next_at END WHERE id = $1";
            self.exec(MOVE, args![deadline, to, stored(&segments)?, now]).await?;
        }
        // Another office keeps other hours: its steps are worked out anew.
        self.wake(Stage::Watch);
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
        let lesson = Taught {
            message,
            seat: seat.map(ToString::to_string),
            needed: origin != Origin::Talk,
            origin: origin.as_str().to_owned(),
            actor: actor.to_owned(),
            at: now,
        };
        self.store_lesson(&lesson).await
    }

    async fn store_lesson(&mut self, lesson: &Taught) -> Result<(), StoreError> {
        let id = self.id("lesson").await?;
        const TEACH: &str = "INSERT INTO lesson (id, message_id, seat, needed, origin, actor, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (message_id) DO UPDATE SET id = excluded.id, seat = excluded.seat,
                needed = excluded.needed, origin = excluded.origin, actor = excluded.actor, at = excluded.at";
        let Taught { message, seat, needed, origin, actor, at } = lesson;
        self.exec(TEACH, args![id, *message, seat.as_deref(), *needed, origin, actor, *at]).await?;
        Ok(())
    }

    /// What people have taught about the message that began an inquiry.
    async fn lesson_about(&mut self, inquiry: InquiryId) -> Result<Option<Taught>, StoreError> {
        const LESSON: &str = "SELECT l.message_id, l.seat, l.needed, l.origin, l.actor, l.at FROM lesson l
            WHERE l.message_id = (SELECT m.id FROM message m WHERE m.inquiry_id = $1 AND m.own = 0
                ORDER BY m.written_at, m.id LIMIT 1)";
        self.opt(LESSON, args![inquiry], |row| {
            Ok(Taught {
                message: row.get(0)?,
                seat: row.get(1)?,
                needed: row.get(2)?,
                origin: row.get(3)?,
                actor: row.get(4)?,
                at: row.get(5)?,
            })
        })
        .await
    }
}
