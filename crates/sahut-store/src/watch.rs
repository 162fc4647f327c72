//! What the watch stage asks of the database: promises whose next moment has come, channels that went quiet or ail.

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use sahut_domain::channel::{Ailment, ChannelId};
use sahut_domain::deadline::{DeadlineId, DeadlineKind, Explanation};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::incident::IncidentId;
use sahut_domain::inquiry::{InquiryId, Kind, Priority};
use sahut_domain::ladder::{Promised, Rung};
use sahut_domain::office::OfficeCode;

use crate::journal::NewEvent;
use crate::value::args;
use crate::{StoreError, Tx};

/// A promise whose next moment has come.
#[derive(Debug, Clone)]
pub struct DueDeadline {
    /// The promise.
    pub id: DeadlineId,
    /// What is promised.
    pub promise: DeadlineKind,
    /// Its inquiry.
    pub inquiry: InquiryId,
    /// The office that has it.
    pub office: OfficeCode,
    /// The inquiry's kind.
    pub kind: Kind,
    /// How urgent the inquiry is.
    pub priority: Priority,
    /// When it began.
    pub started_at: Timestamp,
    /// When it falls due.
    pub due_at: Timestamp,
    /// Steps of the ladder that were taken, by their keys.
    pub taken: Vec<String>,
    /// Until when the office has it in hand, as it says.
    pub acknowledged_until: Option<Timestamp>,
    /// The journal holds already that it was missed.
    pub missed: bool,
    /// The incident that its inquiry belongs to.
    pub incident: Option<IncidentId>,
    /// People are told of another open inquiry of the same incident, as urgent as this one, for all: it falls due sooner
    /// and was not missed yet, or they were told that it is overdue after this promise began.
    pub spoken_for: bool,
    /// Why it is due then.
    pub explanation: Explanation,
}

impl DueDeadline {
    /// What the ladder has to know of it.
    pub fn promised(&self) -> Promised {
        Promised {
            promise: self.promise,
            term: self.explanation.policy.term,
            started_at: self.started_at,
            due_at: self.due_at,
            kind: self.kind,
            priority: self.priority,
        }
    }
}

/// What a look at a promise came to.
#[derive(Debug, Clone)]
pub struct Looked {
    /// It has passed without an answer, and the journal does not hold that yet.
    pub missed: bool,
    /// Steps that are taken now, the lowest first; people are told of the last one alone.
    pub taken: Vec<Rung>,
    /// When somebody has to look at it again.
    pub next_at: Option<Timestamp>,
}

/// A channel that people have to be told about.
#[derive(Debug, Clone)]
pub struct AilingChannel {
    /// The channel.
    pub id: ChannelId,
    /// Its office.
    pub office: OfficeCode,
    /// What ails it.
    pub ailment: Ailment,
    /// Since when.
    pub since: Timestamp,
}

/// A channel that is quieter than it ever is.
#[derive(Debug, Clone)]
pub struct SilentChannel {
    /// The channel.
    pub id: ChannelId,
    /// Its office.
    pub office: OfficeCode,
    /// When somebody last wrote there.
    pub item_at: Timestamp,
    /// The usual gap between messages, in seconds.
    pub rhythm: i64,
}

impl Tx {
    /// Takes promises whose next moment has come, for this transaction.
    pub async fn take_due_deadlines(
        &mut self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<DueDeadline>, StoreError> {
        let sql = format!(
            "SELECT d.id, d.inquiry_id, d.office, i.priority, d.due_at, d.missed_at, d.explanation,
                CAST(CASE WHEN EXISTS (SELECT 1 FROM inquiry other
                        JOIN deadline o ON o.inquiry_id = other.id AND o.kind = d.kind AND o.state = 'running'
                    WHERE other.incident_id = i.incident_id AND other.id <> i.id
                        AND other.priority = i.priority
                        AND (o.due_at < d.due_at OR (o.due_at = d.due_at AND other.id < i.id))
                        AND (o.missed_at IS NULL OR EXISTS (SELECT 1 FROM notice n WHERE n.inquiry_id = other.id
                            AND n.template = 'overdue' AND n.state <> 'dead' AND n.created_at >= d.started_at
                            AND (d.kind = 'first_response' OR EXISTS
                                (SELECT 1 FROM event e WHERE e.id = n.event_id AND e.at = o.due_at)))))
                    THEN 1 ELSE 0 END AS BIGINT), i.incident_id, d.kind, i.kind, d.started_at, d.steps,
                i.acknowledged_until
             FROM deadline d JOIN inquiry i ON i.id = d.inquiry_id
             WHERE d.live = 1 AND d.state = 'running' AND d.next_at <= $1 ORDER BY d.next_at, d.id LIMIT $2{}",
            self.dialect().take("d")
        );
        self.rows(&sql, args![now, limit], |row| {
            Ok(DueDeadline {
                id: row.get(0)?,
                inquiry: row.get(1)?,
                office: row.get(2)?,
                priority: row.word(3)?,
                due_at: row.get(4)?,
                missed: row.get::<Option<Timestamp>>(5)?.is_some(),
                explanation: row.json(6)?,
                spoken_for: row.get(7)?,
                incident: row.get(8)?,
                promise: row.word(9)?,
                kind: row.word(10)?,
                started_at: row.get(11)?,
                taken: row.json(12)?,
                acknowledged_until: row.get(13)?,
            })
        })
        .await
    }

    /// Notes what looks at promises came to: that they passed unanswered at their due moment, however late that is
    /// noticed, and the steps that are taken. Answers, for each, the line of the step that people are told of.
    pub async fn note_looks(
        &mut self,
        looks: &[(&DueDeadline, Looked)],
        now: Timestamp,
    ) -> Result<Vec<Option<EventId>>, StoreError> {
        let (mut events, mut told) = (Vec::new(), Vec::with_capacity(looks.len()));
        for (due, looked) in looks {
            let taken: Vec<&String> =
                due.taken.iter().chain(looked.taken.iter().map(|rung| &rung.key)).collect();
            let steps = serde_json::to_string(&taken)
                .map_err(|error| StoreError::bad_row("deadline", due.id, error))?;
            const LOOKED: &str = "UPDATE deadline SET next_at = $2, steps = $3,
                missed_at = CASE WHEN $4 = 1 THEN due_at ELSE missed_at END WHERE id = $1";
            self.exec(LOOKED, args![due.id, looked.next_at, steps, looked.missed]).await?;
            let line = |kind, at, data| NewEvent::new(kind, at).inquiry(due.inquiry, &due.office).with(data);
            let facts =
                serde_json::json!({ "deadline": due.id, "promise": due.promise, "due_at": due.due_at });
            if looked.missed {
                events.push(line(EventKind::DeadlineMissed, due.due_at, facts.clone()));
            }
            for (left, rung) in
                looked.taken.iter().enumerate().map(|(at, rung)| (looked.taken.len() - 1 - at, rung))
            {
                let mut data = facts.clone();
                data["step"] = rung.key.as_str().into();
                data["level"] = rung.level.into();
                data["told"] = (left == 0).into();
                events.push(line(EventKind::ReminderDue, rung.at, data));
            }
            told.push((!looked.taken.is_empty()).then(|| events.len() - 1));
        }
        let recorded = self.record(events, now).await?;
        Ok(told.into_iter().map(|at| at.and_then(|at| recorded.get(at).copied())).collect())
    }

    /// Channels that have ailed since before `since_before` and that nobody was told about after `told_before`.
    pub async fn ailing_channels(
        &mut self,
        since_before: Timestamp,
        told_before: Timestamp,
    ) -> Result<Vec<AilingChannel>, StoreError> {
        const AILING: &str = "SELECT id, office, ailment, ailment_since FROM channel
            WHERE retired = 0 AND state <> 'paused' AND ailment IS NOT NULL
              AND (ailment_since <= $1 OR state = 'parked')
              AND (ailment_told_at IS NULL OR ailment_told_at <= $2) ORDER BY id";
        self.rows(AILING, args![since_before, told_before], |row| {
            Ok(AilingChannel {
                id: row.get(0)?,
                office: row.get(1)?,
                ailment: row.word(2)?,
                since: row.get(3)?,
            })
        })
        .await
    }

    /// Notes that people are told about a channel's ailment now.
    pub async fn note_ailment_told(
        &mut self,
        channel: &AilingChannel,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        self.exec("UPDATE channel SET ailment_told_at = $2 WHERE id = $1", args![channel.id, now]).await?;
        let data = serde_json::json!({ "ailment": channel.ailment, "since": channel.since });
        let mut event = NewEvent::new(EventKind::ChannelTroubled, now).channel(channel.id).with(data);
        event.office = Some(channel.office.clone());
        self.record_one(event, now).await
    }

    /// Channels that have been quiet for longer than `gaps` of their usual gaps and at least since `quiet_before`, and
    /// that nobody was told about.
    pub async fn silent_channels(
        &mut self,
        gaps: i64,
        quiet_before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<SilentChannel>, StoreError> {
        const SILENT: &str = "SELECT id, office, item_at, rhythm FROM channel
            WHERE retired = 0 AND state = 'active' AND silence_told_at IS NULL AND rhythm > 0
              AND item_at <= $2 AND item_at + rhythm * $1 * 1000000 <= $3 ORDER BY id";
        self.rows(SILENT, args![gaps, quiet_before, now], |row| {
            Ok(SilentChannel {
                id: row.get(0)?,
                office: row.get(1)?,
                item_at: row.get(2)?,
                rhythm: row.get(3)?,
            })
        })
        .await
    }

    /// Notes that people are told about a channel's silence now.
    pub async fn note_silence_told(
        &mut self,
        channel: &SilentChannel,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        self.exec("UPDATE channel SET silence_told_at = $2 WHERE id = $1", args![channel.id, now]).await?;
        let data = serde_json::json!({ "last": channel.item_at, "usual_gap_seconds": channel.rhythm });
        let mut event = NewEvent::new(EventKind::ChannelSilent, now).channel(channel.id).with(data);
        event.office = Some(channel.office.clone());
        self.record_one(event, now).await
    }

    /// Notes that people are told that the holidays of a calendar are known until a day only; once in a week, which its
    /// Monday names. `None`: they were told this week.
    pub async fn note_calendar_ending(
        &mut self,
        calendar: &str,
        week: Date,
        until: Date,
        now: Timestamp,
    ) -> Result<Option<EventId>, StoreError> {
        let bell = format!("calendar {calendar}");
        if !self.ring_bell(&bell, &week.to_string(), now).await? {
            return Ok(None);
        }
        let data = serde_json::json!({ "calendar": calendar, "known_until": until });
        self.record_one(NewEvent::new(EventKind::CalendarEnding, now).with(data), now).await.map(Some)
    }

    /// Rings a bell for a day. `false`: it rang before, whoever rang it.
    pub async fn ring_bell(&mut self, name: &str, day: &str, now: Timestamp) -> Result<bool, StoreError> {
        const RING: &str =
            "INSERT INTO bell (name, day, rung_at) VALUES ($1, $2, $3) ON CONFLICT (name, day) DO NOTHING";
        Ok(self.exec(RING, args![name, day, now]).await? == 1)
    }

    /// The bells that rang for one of these days.
    pub async fn bells_of(&mut self, days: &[String]) -> Result<HashSet<(String, String)>, StoreError> {
        let days = days.iter().collect();
        let rung = self.rows_in("SELECT name, day FROM bell WHERE day", args![], days, |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        Ok(rung.await?.into_iter().collect())
    }

    /// Forgets bells that rang before a moment, some thousands at a time.
    pub async fn drop_bells(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        const OLD: &str = "DELETE FROM bell WHERE done_at IS NOT NULL AND rung_at < $1";
        self.exec(OLD, args![before]).await
    }

    /// Whether a bell rang for a day, or for a month.
    pub async fn has_rung(&mut self, name: &str, day: &str) -> Result<bool, StoreError> {
        const RANG: &str = "SELECT 1 FROM bell WHERE name = $1 AND day = $2";
        Ok(self.opt(RANG, args![name, day], |_| Ok(())).await?.is_some())
    }

    /// Bells that rang and whose work is not done.
    pub async fn rung_bells(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        const RUNG: &str = "SELECT name, day FROM bell WHERE done_at IS NULL ORDER BY rung_at";
        self.rows(RUNG, args![], |row| Ok((row.get(0)?, row.get(1)?))).await
    }

    /// Notes that a bell's work is done.
    pub async fn bell_done(&mut self, name: &str, day: &str, now: Timestamp) -> Result<(), StoreError> {
        self.exec("UPDATE bell SET done_at = $3 WHERE name = $1 AND day = $2", args![name, day, now]).await?;
        Ok(())
    }

    /// Deletes raw payloads and read deliveries from before a moment: their retention is over. A few thousand at a time,
    /// so that nobody waits long for the writer: call it again until it answers 0.
    pub async fn drop_payloads(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        const PAYLOADS: &str = "DELETE FROM payload WHERE id IN
            (SELECT id FROM payload WHERE received_at < $1 ORDER BY received_at LIMIT 2000)";
        const DELIVERIES: &str = "DELETE FROM delivery WHERE id IN
            (SELECT id FROM delivery WHERE state = 'done' AND received_at < $1 ORDER BY received_at LIMIT 2000)";
        Ok(self.exec(PAYLOADS, args![before]).await? + self.exec(DELIVERIES, args![before]).await?)
    }
}
