//! Promises as clocks: what pauses them, lets them run again, ends and moves them.
//!
//! A promise of a first response runs until the office says something. A promise of a resolution lives beside it: it
//! stands still while the citizen has an answer or a question to write back on, runs again once they do, and ends when
//! the matter is settled or the citizen has been silent for too long. Who calls these verbs knows the calendars; here
//! moments are only stored, each move with the value from before and a line in the journal.

use jiff::Timestamp;
use sahut_domain::deadline::{DeadlineId, DeadlineKind, DeadlineState, Explanation, MoveReason, Moved};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, Priority, State};
use sahut_domain::office::OfficeCode;
use sahut_domain::segments::{Pause, Segments};

use crate::correct::Stood;
use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::work::Stage;
use crate::{StoreError, Tx};

/// A promise that runs or stands still, with its inquiry.
#[derive(Debug, Clone)]
pub struct Live {
    /// The promise.
    pub id: DeadlineId,
    /// What is promised.
    pub kind: DeadlineKind,
    /// Its inquiry.
    pub inquiry: InquiryId,
    /// The inquiry's number.
    pub number: InquiryNumber,
    /// The inquiry's kind.
    pub inquiry_kind: Kind,
    /// How urgent the inquiry is.
    pub priority: Priority,
    /// The office that has it.
    pub office: OfficeCode,
    /// When it falls due; while it stands still: when it would, had it not stopped.
    pub due_at: Timestamp,
    /// When it was missed.
    pub missed_at: Option<Timestamp>,
    /// Why it is due then.
    pub explanation: Explanation,
    /// The stretches of its life.
    pub segments: Segments,
    /// What it was before it was moved, the oldest first.
    pub history: Vec<Moved>,
}

/// A promise that is moved: why, and to where.
#[derive(Debug, Clone)]
pub struct Move<'a> {
    /// Why.
    pub why: MoveReason,
    /// The reason that was given.
    pub note: &'a str,
    /// Why it is due when it is from now on.
    pub explanation: Explanation,
}

/// A promise that waits for the citizen, whose next moment has come.
#[derive(Debug, Clone)]
pub struct Silent {
    /// The promise.
    pub live: Live,
    /// Since when nothing was done about it: the pause, or a handover in it, or that its closing was taken back.
    pub since: Timestamp,
    /// Up to when the citizen's words are known: everything on the channel until then was read and routed. `None`: the
    /// channel's platform does not say, or nobody reads it any more.
    pub heard_until: Option<Timestamp>,
    stood: Stood,
}

const LIVE: &str =
    "SELECT d.id, d.kind, d.inquiry_id, i.year, i.sequence, i.kind, i.priority, d.office, d.due_at,
        d.missed_at, d.explanation, d.segments, d.history
    FROM inquiry i JOIN deadline d ON d.inquiry_id = i.id AND d.live = 1";

/// Promises that run and stand still.
impl Tx {
    /// The promise of one kind that is live on an inquiry, held until the transaction ends.
    pub async fn live_promise(
        &mut self,
        inquiry: InquiryId,
        kind: DeadlineKind,
    ) -> Result<Option<Live>, StoreError> {
        let sql = format!("{LIVE} WHERE i.id = $1 AND d.kind = $2{}", self.dialect().hold("i, d"));
        self.opt(&sql, args![inquiry, kind.as_str()], live).await
    }

    /// A promise while it is live, held until the transaction ends.
    pub(crate) async fn promise_of(&mut self, deadline: DeadlineId) -> Result<Option<Live>, StoreError> {
        let sql = format!("{LIVE} WHERE d.id = $1{}", self.dialect().hold("i, d"));
        self.opt(&sql, args![deadline], live).await
    }

    /// All promises that are live, held until the transaction ends.
    pub async fn live_promises(&mut self) -> Result<Vec<Live>, StoreError> {
        let sql = format!("{LIVE} WHERE d.live = 1 ORDER BY i.id, d.id{}", self.dialect().hold("i, d"));
        self.rows(&sql, args![], live).await
    }

    /// Lets the time of a resolution run again at a moment: the citizen wrote. It falls due when `moved` says.
    pub async fn resume(
        &mut self,
        promise: &Live,
        at: Timestamp,
        moved: Move<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut segments = promise.segments.clone();
        segments.resume(at);
        const RUN: &str =
            "UPDATE deadline SET state = 'running', segments = $2 WHERE id = $1 AND state = 'paused'";
        self.exec(RUN, args![promise.id, stored(&segments)?]).await?;
        let data = facts(promise, serde_json::json!({ "due_at": moved.explanation.due.at }));
        let event = NewEvent::new(EventKind::DeadlineResumed, at).inquiry(promise.inquiry, &promise.office);
        self.record_one(event.with(data), now).await?;
        self.move_promise(promise, moved, "sahut", now).await?;
        Ok(())
    }

    /// Moves a promise, and keeps what it was. Answers the journal's line, where its due moment is another one.
    pub async fn move_promise(
        &mut self,
        promise: &Live,
        moved: Move<'_>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<EventId>, StoreError> {
        let (was_due_at, due_at) = (promise.due_at, moved.explanation.due.at);
        let mut history = promise.history.clone();
        if due_at != was_due_at || moved.why != MoveReason::Resumed {
            history.push(Moved {
                at: now,
                by: actor.to_owned(),
                why: moved.why,
                note: moved.note.to_owned(),
                was_due_at,
                due_at,
                was_revision: promise.explanation.revision,
            });
        }
        // The watch stage looks at it at once, and works out when to look next. What was missed and falls due later again is missed no more; the journal keeps that it was.
        const MOVE: &str = "UPDATE deadline SET due_at = $2, explanation = $3, history = $4,
            next_at = $5, missed_at = CASE WHEN $2 > $5 THEN NULL ELSE missed_at END, steps = $6 WHERE id = $1";
        let steps = self.steps_after_move(promise, due_at > now).await?;
        let values = args![promise.id, due_at, stored(&moved.explanation)?, stored(&history)?, now, steps];
        self.exec(MOVE, values).await?;
        self.exec("UPDATE inquiry SET due_at = $2 WHERE deadline_id = $1", args![promise.id, due_at]).await?;
        self.wake(Stage::Watch);
        if due_at == was_due_at {
            return Ok(None);
        }
        let data = facts(
            promise,
            serde_json::json!({ "due_at": due_at, "was_due_at": was_due_at, "why": moved.why, "reason": moved.note }),
        );
        let event = NewEvent::new(EventKind::DeadlineMoved, now).by(actor);
        self.record_one(event.inquiry(promise.inquiry, &promise.office).with(data), now).await.map(Some)
    }

    /// The steps that count as taken once a promise is moved: where it falls due again, people are told of that again.
    async fn steps_after_move(&mut self, promise: &Live, due_again: bool) -> Result<String, StoreError> {
        const STEPS: &str = "SELECT steps FROM deadline WHERE id = $1";
        let mut steps: Vec<String> = self.one(STEPS, args![promise.id], |row| row.json(0)).await?;
        steps.retain(|key| !(due_again && promise.missed_at.is_some() && key.starts_with("due")));
        stored(&steps)
    }

    /// Puts a sooner promise of a resolution in the place of the one that is live.
    pub async fn hasten_resolution(
        &mut self,
        later: &Live,
        promise: &Explanation,
        next_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut segments = later.segments.clone();
        segments.end(promise.started_at);
        const VOID: &str =
            "UPDATE deadline SET state = 'void', live = 0, next_at = NULL, segments = $2 WHERE id = $1";
        self.exec(VOID, args![later.id, stored(&segments)?]).await?;
        const ROUND: &str =
            "SELECT MAX(round) + 1 FROM deadline WHERE inquiry_id = $1 AND kind = 'resolution'";
        let round = self.one(ROUND, args![later.inquiry], |row| row.get(0)).await?;
        let id = DeadlineId(self.id("deadline").await?);
        let row = crate::route::promise_row(
            id,
            later.inquiry,
            &later.office,
            promise,
            DeadlineKind::Resolution,
            round,
            next_at,
        )?;
        self.insert(crate::route::PROMISE, vec![row]).await?;
        let data = serde_json::json!({ "promise": DeadlineKind::Resolution, "deadline": id,
            "due_at": promise.due.at, "was_due_at": later.due_at });
        let event = NewEvent::new(EventKind::DeadlineMoved, promise.started_at);
        self.record_one(event.inquiry(later.inquiry, &later.office).with(data), now).await?;
        Ok(())
    }

    /// Lets the time of a resolution stand still from a moment on, which may have been missed by then.
    pub(crate) async fn pause_resolution(
        &mut self,
        inquiry: InquiryId,
        at: Timestamp,
        why: Pause,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(mut promise) = self.live_promise(inquiry, DeadlineKind::Resolution).await? else {
            return Ok(false);
        };
        let stopped_at = promise.segments.stopped_at().unwrap_or(at);
        if !promise.segments.pause(at, why) {
            return Ok(false);
        }
        const PAUSE: &str = "UPDATE deadline SET state = 'paused', segments = $2, next_at = $3,
            missed_at = CASE WHEN $3 > due_at THEN due_at ELSE NULL END WHERE id = $1";
        // The moment at which it stopped counts; `next_at` may lie before now: somebody looks at once how long to wait.
        self.exec(PAUSE, args![promise.id, stored(&promise.segments)?, stopped_at]).await?;
        self.note_miss(&promise, stopped_at, now).await?;
        let data = facts(&promise, serde_json::json!({ "why": why, "due_at": promise.due_at }));
        let event = NewEvent::new(EventKind::DeadlinePaused, at).inquiry(inquiry, &promise.office);
        self.record_one(event.with(data), now).await?;
        self.wake(Stage::Watch);
        Ok(true)
    }

    /// The matter is settled: the resolution is met, at the moment at which its time stopped.
    pub(crate) async fn meet_resolution(
        &mut self,
        inquiry: InquiryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(promise) = self.live_promise(inquiry, DeadlineKind::Resolution).await? else {
            return Ok(());
        };
        let met_at = promise.segments.stopped_at().unwrap_or(now);
        self.meet(promise, met_at, now, now).await
    }

    async fn meet(
        &mut self,
        mut promise: Live,
        met_at: Timestamp,
        ended_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        promise.segments.end(ended_at);
        // `next_at` stays: nobody looks at it now, and when the closing is taken back it is looked at as before.
        const MEET: &str = "UPDATE deadline SET state = 'met', live = 0, met_at = $2, segments = $3,
            missed_at = CASE WHEN $2 > due_at THEN due_at ELSE NULL END WHERE id = $1";
        self.exec(MEET, args![promise.id, met_at, stored(&promise.segments)?]).await?;
        self.note_miss(&promise, met_at, now).await?;
        let late = met_at > promise.due_at;
        let data = facts(&promise, serde_json::json!({ "due_at": promise.due_at, "late": late }));
        let event = NewEvent::new(EventKind::DeadlineMet, met_at).inquiry(promise.inquiry, &promise.office);
        self.record_one(event.with(data), now).await?;
        Ok(())
    }

    /// The journal holds every miss, also one that nobody has looked at before its time stopped.
    async fn note_miss(&mut self, promise: &Live, at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        if at <= promise.due_at || promise.missed_at.is_some() {
            return Ok(());
        }
        let data = facts(promise, serde_json::json!({ "due_at": promise.due_at }));
        let event = NewEvent::new(EventKind::DeadlineMissed, promise.due_at);
        self.record_one(event.inquiry(promise.inquiry, &promise.office).with(data), now).await?;
        Ok(())
    }

    /// The resolution that ended with the closing of an inquiry lives again: it runs as if it had never ended, or the
    /// citizen is waited for anew.
    pub(crate) async fn revive_resolution(
        &mut self,
        inquiry: InquiryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const LAST: &str = "SELECT id, segments FROM deadline WHERE inquiry_id = $1 AND kind = 'resolution'
            ORDER BY id DESC LIMIT 1";
        let last: Option<(DeadlineId, Segments)> =
            self.opt(LAST, args![inquiry], |row| Ok((row.get(0)?, row.json(1)?))).await?;
        let Some((id, mut segments)) = last else { return Ok(()) };
        segments.take_up(now);
        let (state, look_at) = if segments.is_running() {
            (DeadlineState::Running, None)
        } else {
            (DeadlineState::Paused, Some(now))
        };
        const REVIVE: &str = "UPDATE deadline SET state = $2, live = 1, met_at = NULL, segments = $3,
            next_at = COALESCE($4, next_at) WHERE id = $1";
        self.exec(REVIVE, args![id, state.as_str(), stored(&segments)?, look_at]).await?;
        Ok(())
    }
}

/// Citizens who do not write any more.
impl Tx {
    /// Whether somebody has to look at a promise that waits for the citizen.
    pub async fn has_silent(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str =
            "SELECT 1 FROM deadline WHERE live = 1 AND state = 'paused' AND next_at <= $1 LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }

    /// Takes promises that wait for the citizen and whose next moment has come, for this transaction. Those of citizens
    /// who wrote and were not routed yet are left alone.
    pub async fn take_silent(&mut self, now: Timestamp, limit: i64) -> Result<Vec<Silent>, StoreError> {
        let sql = format!(
            "SELECT d.id, d.kind, d.inquiry_id, i.year, i.sequence, i.kind, i.priority, d.office, d.due_at,
                d.missed_at, d.explanation, d.segments, d.history, i.state, i.triage,
                CASE WHEN c.retired = 1 OR c.platform = 'import' THEN NULL ELSE c.watermark END
             FROM deadline d JOIN inquiry i ON i.id = d.inquiry_id JOIN channel c ON c.id = i.channel_id
             WHERE d.live = 1 AND d.state = 'paused' AND d.next_at <= $1 AND i.state IN ('answered', 'waiting')
                AND NOT EXISTS (SELECT 1 FROM message m WHERE m.thread_id = i.thread_id
                    AND m.citizen_id = i.citizen_id AND m.disposition IN ('waiting', 'quarantined'))
             ORDER BY d.next_at, d.id LIMIT $2{}",
            self.dialect().take("d, i")
        );
        self.rows(&sql, args![now, limit], |row| {
            let live = live(row)?;
            let since = live.segments.last_began().unwrap_or(now);
            let stood = Stood { state: row.word(13)?, kind: live.inquiry_kind, triage: row.get(14)? };
            Ok(Silent { live, since, heard_until: row.get(15)?, stood })
        })
        .await
    }

    /// Notes when to look again whether the citizen is still silent.
    pub async fn look_at_silence(&mut self, silent: &Silent, next_at: Timestamp) -> Result<(), StoreError> {
        self.exec("UPDATE deadline SET next_at = $2 WHERE id = $1", args![silent.live.id, next_at]).await?;
        Ok(())
    }

    /// Closes an inquiry whose citizen did not write again until a moment. Its resolution was met when they were
    /// answered; where they were only asked something, nothing was promised any more.
    pub async fn close_as_silent(
        &mut self,
        silent: &Silent,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        let Silent { live, stood, .. } = silent;
        const CLOSE: &str = "UPDATE inquiry SET state = 'closed', closed_at = $2, closing = 'silent',
            version = version + 1 WHERE id = $1";
        self.exec(CLOSE, args![live.inquiry, at]).await?;
        let answered = live.segments.paused_for() == Some(Pause::Answered);
        if let Some(answered_at) = live.segments.waits_since().filter(|_| answered) {
            self.meet(live.clone(), answered_at, at, now).await?;
        } else {
            let mut segments = live.segments.clone();
            segments.end(at);
            const VOID: &str = "UPDATE deadline SET state = 'void', live = 0, segments = $2 WHERE id = $1";
            self.exec(VOID, args![live.id, stored(&segments)?]).await?;
        }
        let data = facts(live, serde_json::json!({ "reason": "silent", "stood": stood }));
        let event = NewEvent::new(EventKind::InquiryClosed, at).inquiry(live.inquiry, &live.office);
        self.record_one(event.with(data), now).await
    }
}

/// Where an inquiry stands, and when it was last answered.
impl Tx {
    /// What the office says once it owes no first response: an answer or a question more. `true`: the inquiry stands
    /// elsewhere now, or something else is waited for.
    pub(crate) async fn say_more(
        &mut self,
        inquiry: InquiryId,
        office: &OfficeCode,
        at: Timestamp,
        actor: &str,
        why: Pause,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let stands = format!(
            "SELECT i.state, (SELECT MAX(met_at) FROM deadline d WHERE d.inquiry_id = i.id) FROM inquiry i
             WHERE i.id = $1 AND i.state IN ('answered', 'waiting'){}",
            self.dialect().hold("i")
        );
        let stands: Option<(State, Option<Timestamp>)> =
            self.opt(&stands, args![inquiry], |row| Ok((row.word(0)?, row.get(1)?))).await?;
        let Some((stood, met_at)) = stands else { return Ok(false) };
        if met_at.is_some_and(|met_at| at < met_at) {
            return Ok(false);
        }
        let paused = self.pause_resolution(inquiry, at, why, now).await?;
        let state = match why {
            Pause::Answered => State::Answered,
            Pause::Question => State::Waiting,
        };
        if state == stood {
            return Ok(paused);
        }
        const STAND: &str = "UPDATE inquiry SET state = $2, version = version + 1 WHERE id = $1";
        self.exec(STAND, args![inquiry, state.as_str()]).await?;
        let intent = if why == Pause::Answered { "answer" } else { "question" };
        let event = NewEvent::new(EventKind::InquiryAnswered, at).by(actor).inquiry(inquiry, office);
        self.record_one(event.with(serde_json::json!({ "intent": intent, "was": stood })), now).await?;
        Ok(true)
    }
}

/// What every line of the journal about a promise says, and more.
fn facts(promise: &Live, more: serde_json::Value) -> serde_json::Value {
    let mut facts = serde_json::json!({ "promise": promise.kind, "deadline": promise.id });
    if let (Some(facts), serde_json::Value::Object(more)) = (facts.as_object_mut(), more) {
        facts.extend(more);
    }
    facts
}

pub(crate) fn stored(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

pub(crate) fn live(row: &Row) -> Result<Live, StoreError> {
    let id: DeadlineId = row.get(0)?;
    let year: i64 = row.get(3)?;
    let year = i16::try_from(year).map_err(|error| StoreError::bad_row("deadline", id, error))?;
    Ok(Live {
        id,
        kind: row.word(1)?,
        inquiry: row.get(2)?,
        number: InquiryNumber { year, sequence: row.get(4)? },
        inquiry_kind: row.word(5)?,
        priority: row.word(6)?,
        office: row.get(7)?,
        due_at: row.get(8)?,
        missed_at: row.get(9)?,
        explanation: row.json(10)?,
        segments: row.json(11)?,
        history: row.json(12)?,
    })
}
