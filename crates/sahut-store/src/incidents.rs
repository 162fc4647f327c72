//! Incidents: one happening behind many inquiries. What may belong together is looked for when an inquiry begins; what
//! does is answered together; people join, and take out again.
//!
//! Whoever joins an inquiry to others holds what it joins: an office that is just answering must not be given one more
//! inquiry that it does not see.

mod by_hand;
mod lists;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::incident::{IncidentId, IncidentNumber};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Priority, State};
use sahut_domain::message::Surface;
use sahut_domain::office::OfficeCode;
use serde::Serialize;

use crate::inquiries::{Line, as_text};
use crate::journal::NewEvent;
use crate::value::{Row, args, row};
use crate::{StoreError, Tx};

/// An inquiry that a new one is compared with.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// The office that has it.
    pub office: OfficeCode,
    /// How urgent it is.
    pub priority: Priority,
    /// Left to people.
    pub triage: bool,
    /// The incident that it belongs to.
    pub incident: Option<IncidentId>,
    /// When it began.
    pub opened_at: Timestamp,
    /// Its channel.
    pub channel: ChannelId,
    /// Where its thread stands.
    pub surface: Surface,
    /// External id of the post that it hangs under.
    pub post: Option<String>,
    /// What it is compared by, as routing wrote it.
    pub sketch: Vec<u8>,
}

/// What is kept of an inquiry for comparing later ones with it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// What it is compared by.
    pub sketch: Vec<u8>,
    /// The inquiry that it may belong together with, and how alike they are in percent.
    pub offered: Option<(InquiryId, i64)>,
}

/// An inquiry that joins an incident.
#[derive(Debug, Clone)]
pub struct Member {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// Its office, which is the incident's.
    pub office: OfficeCode,
    /// The incident.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
    /// Why, for the journal.
    pub facts: serde_json::Value,
}

/// One line of the list of incidents.
#[derive(Debug, Clone, Serialize)]
pub struct Incident {
    /// The incident.
    pub id: IncidentId,
    /// Its number.
    #[serde(serialize_with = "as_text")]
    pub number: IncidentNumber,
    /// The office that has it.
    pub office: OfficeCode,
    /// That office's short name.
    pub office_name: String,
    /// First words of its first inquiry, masked.
    pub title: String,
    /// When its first inquiry began.
    pub opened_at: Timestamp,
    /// Inquiries that belong to it.
    pub members: i64,
    /// Those of them that owe an answer.
    pub open: i64,
    /// When the first of these falls due.
    pub due_at: Option<Timestamp>,
}

/// An inquiry that may belong together with another one.
#[derive(Debug, Clone, Serialize)]
pub struct Offer {
    /// The newer one.
    pub inquiry: Line,
    /// The older one.
    pub with: Line,
    /// The incident that the older one belongs to.
    pub incident: Option<String>,
    /// How alike their texts are, in percent.
    pub share: i64,
}

/// What became of joining by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedByHand {
    /// The incident.
    pub number: IncidentNumber,
    /// Inquiries that joined.
    pub joined: usize,
    /// The journal's line to tell the office about, where it began only now: with an inquiry of it.
    pub began: Option<(EventId, InquiryId, OfficeCode)>,
}

/// An inquiry that stands alone again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The inquiry.
    pub inquiry: InquiryId,
    /// Its office.
    pub office: OfficeCode,
    /// Where it stands.
    pub state: State,
    /// The incident that it belonged to.
    pub number: IncidentNumber,
    /// The journal's line, to tell the office about.
    pub event: EventId,
}

/// What the route stage asks.
impl Tx {
    /// The newest inquiries of an office that began between two moments, at most so many, with what they are compared by.
    pub async fn candidates(
        &mut self,
        office: &OfficeCode,
        between: (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<Candidate>, StoreError> {
        const NEWEST: &str =
            "SELECT i.id, i.office, i.priority, i.triage, i.incident_id, i.opened_at, i.channel_id,
                t.surface, t.post, l.sketch
            FROM inquiry i JOIN likeness l ON l.inquiry_id = i.id JOIN thread t ON t.id = i.thread_id
            WHERE i.state <> 'closed' AND i.office = $1 AND i.opened_at >= $2 AND i.opened_at <= $3
            ORDER BY i.opened_at DESC, i.id DESC LIMIT $4";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.rows(NEWEST, args![office, between.0, between.1, limit], |row| {
            Ok(Candidate {
                inquiry: row.get(0)?,
                office: row.get(1)?,
                priority: row.word(2)?,
                triage: row.get(3)?,
                incident: row.get(4)?,
                opened_at: row.get(5)?,
                channel: row.get(6)?,
                surface: row.word(7)?,
                post: row.get(8)?,
                sketch: row.get(9)?,
            })
        })
        .await
    }

    /// Holds an inquiry that stands alone, so that another one can begin an incident with it. `false`: somebody is just
    /// changing it, it is answered, or its answer is on its way.
    pub async fn hold_alone(&mut self, inquiry: InquiryId) -> Result<bool, StoreError> {
        let take = self.dialect().take("i");
        let alone = format!(
            "SELECT i.id FROM inquiry i WHERE i.id = $1 AND i.state = 'open' AND i.incident_id IS NULL{take}"
        );
        if self.opt(&alone, args![inquiry], |row| row.get::<InquiryId>(0)).await?.is_none() {
            return Ok(false);
        }
        // Asked only now: an answer that was being queued until it was held is seen.
        const LEAVING: &str = "SELECT COUNT(*) FROM reply
            WHERE inquiry_id = $1 AND state = 'due' AND intent <> 'receipt'";
        self.one(LEAVING, args![inquiry], |row| Ok(row.get::<i64>(0)? == 0)).await
    }

    /// Holds an incident, so that another inquiry can join it; answers its number, and the inquiry that falls due first.
    /// `None`: somebody is just changing it, or no answer that is not on its way has been owed since the last one was
    /// given in it. What an answer left open holds the incident open for nobody else.
    pub async fn hold_incident(
        &mut self,
        incident: IncidentId,
    ) -> Result<Option<(IncidentNumber, InquiryId)>, StoreError> {
        let held =
            format!("SELECT k.year, k.sequence FROM incident k WHERE k.id = $1{}", self.dialect().take("k"));
        let Some(number) = self.opt(&held, args![incident], |row| number(row, 0)).await? else {
            return Ok(None);
        };
        let open = format!(
            "SELECT i.id FROM inquiry i JOIN deadline d ON d.id = i.deadline_id
            WHERE i.incident_id = $1 AND i.state = 'open'
                AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.inquiry_id = i.id AND r.state = 'due'
                    AND r.intent <> 'receipt')
                AND NOT EXISTS (SELECT 1 FROM inquiry other JOIN deadline met ON met.inquiry_id = other.id
                    WHERE other.incident_id = i.incident_id AND met.met_at >= d.started_at)
            ORDER BY i.due_at, i.id LIMIT 1{}",
            self.dialect().take("i")
        );
        let open: Option<InquiryId> = self.opt(&open, args![incident], |row| row.get(0)).await?;
        Ok(open.map(|inquiry| (number, inquiry)))
    }

    /// Begins an incident with its first inquiry.
    pub async fn begin_incident(
        &mut self,
        first: InquiryId,
        at: Timestamp,
        actor: &str,
        now: Timestamp,
    ) -> Result<(IncidentId, IncidentNumber, EventId), StoreError> {
        let id = IncidentId(self.id("incident").await?);
        const BEGIN: &str = "INSERT INTO incident (id, year, sequence, office, title, opened_at, recorded_at)
            SELECT $1, i.year, (SELECT COALESCE(MAX(k.sequence), 0) + 1 FROM incident k WHERE k.year = i.year), i.office,
                i.title, i.opened_at, $3
            FROM inquiry i WHERE i.id = $2 RETURNING year, sequence, office";
        let values = args![id, first, now];
        let read = |row: &Row| Ok((number(row, 0)?, row.get(2)?));
        let (number, office): (IncidentNumber, OfficeCode) = self.one(BEGIN, values, read).await?;
        self.exec(INTO, args![id, first]).await?;
        let facts = serde_json::json!({ "incident": number.to_string() });
        let event = NewEvent::new(EventKind::IncidentBegan, at).by(actor).inquiry(first, &office).with(facts);
        Ok((id, number, self.record_one(event, now).await?))
    }

    /// Whether another inquiry of the same incident owes an answer that is not on its way.
    pub async fn is_waited_with_others(&mut self, inquiry: InquiryId) -> Result<bool, StoreError> {
        const OTHERS: &str =
            "SELECT other.id FROM inquiry i JOIN inquiry other ON other.incident_id = i.incident_id
            WHERE i.id = $1 AND other.id <> i.id AND other.state = 'open'
                AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.inquiry_id = other.id AND r.state = 'due'
                    AND r.intent <> 'receipt') LIMIT 1";
        Ok(self.opt(OTHERS, args![inquiry], |row| row.get::<InquiryId>(0)).await?.is_some())
    }

    /// Lets inquiries join incidents; answers the journal's lines.
    pub async fn join_incidents(
        &mut self,
        members: Vec<Member>,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<EventId>, StoreError> {
        const JOIN: &str = "WITH joined (inquiry, incident) AS (VALUES (?, ?)) UPDATE inquiry \
             SET incident_id = joined.incident, version = version + 1 FROM joined WHERE inquiry.id = joined.inquiry";
        self.insert(JOIN, members.iter().map(|member| row![member.inquiry, member.incident]).collect())
            .await?;
        let events = members.into_iter().map(|member| {
            NewEvent::new(EventKind::IncidentJoined, member.at)
                .by(actor)
                .inquiry(member.inquiry, &member.office)
                .with(member.facts)
        });
        self.record(events.collect(), now).await
    }

    /// Keeps what later inquiries are compared with.
    pub async fn keep_likenesses(&mut self, kept: Vec<Kept>) -> Result<(), StoreError> {
        const KEEP: &str = "INSERT INTO likeness (inquiry_id, sketch, offered_id, share) VALUES (?, ?, ?, ?)";
        let rows = kept.into_iter().map(|kept| {
            let (offered, share) = kept.offered.unzip();
            row![kept.inquiry, kept.sketch, offered, share]
        });
        self.insert(KEEP, rows.collect()).await?;
        Ok(())
    }

    /// How many inquiries belong to an incident.
    pub async fn count_members(&mut self, incident: IncidentId) -> Result<i64, StoreError> {
        self.one("SELECT COUNT(*) FROM inquiry WHERE incident_id = $1", args![incident], |row| row.get(0))
            .await
    }

    /// Forgets what inquiries that began before a moment are compared by, and what was offered. A few thousand at a time:
    /// call it again until it answers 0.
    pub async fn drop_likenesses(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        const OLD: &str = "DELETE FROM likeness WHERE inquiry_id IN (SELECT l.inquiry_id FROM likeness l
            JOIN inquiry i ON i.id = l.inquiry_id WHERE i.recorded_at < $1 ORDER BY l.inquiry_id LIMIT 2000)";
        self.exec(OLD, args![before]).await
    }
}

const INTO: &str = "UPDATE inquiry SET incident_id = $1, version = version + 1 WHERE id = $2";

/// A number whose year stands in this column, and its sequence in the next.
pub(crate) fn number(row: &Row, column: usize) -> Result<IncidentNumber, StoreError> {
    Ok(IncidentNumber { year: year(row, column)?, sequence: row.get(column + 1)? })
}

pub(crate) fn inquiry_number(row: &Row, column: usize) -> Result<InquiryNumber, StoreError> {
    Ok(InquiryNumber { year: year(row, column)?, sequence: row.get(column + 1)? })
}

fn year(row: &Row, column: usize) -> Result<i16, StoreError> {
    let year: i64 = row.get(column)?;
    i16::try_from(year).map_err(|error| StoreError::bad_row("number", year, error))
}
