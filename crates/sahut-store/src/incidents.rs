//! Incidents: one happening behind many inquiries. What may belong together is looked for when an inquiry begins; what
//! does is answered together; people join, and take out again.
//!
//! Whoever joins an inquiry to others holds what it joins: an office that is just answering must not be given one more
//! inquiry that it does not see.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::incident::{IncidentId, IncidentNumber};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Priority, State};
use sahut_domain::message::Surface;
use sahut_domain::office::OfficeCode;
use serde::Serialize;

use crate::inquiries::{LINES, Line, as_text, line};
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
    /// The newest inquiries of these offices that began between two moments, at most so many, with what they are compared
    /// by.
    pub async fn candidates(
        &mut self,
        offices: BTreeSet<&str>,
        between: (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<Candidate>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT i.id, i.office, i.priority, i.triage, i.incident_id, i.opened_at, i.channel_id, t.surface, t.post,
                l.sketch
            FROM likeness l JOIN inquiry i ON i.id = l.inquiry_id JOIN thread t ON t.id = i.thread_id
            WHERE i.state <> 'closed' AND i.opened_at >= $1 AND i.opened_at <= $2 AND i.office{}
            ORDER BY l.inquiry_id DESC LIMIT $3",
            self.dialect().within(4)
        );
        let mut values = args![between.0, between.1, limit];
        values.push(offices.into_iter().map(str::to_owned).collect());
        self.rows(&sql, values, |row| {
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
        const LEAVING: &str = "SELECT COUNT(*) FROM reply WHERE inquiry_id = $1 AND state = 'due'";
        self.one(LEAVING, args![inquiry], |row| Ok(row.get::<i64>(0)? == 0)).await
    }

    /// Holds an incident, so that another inquiry can join it; answers its number, and the inquiry that falls due first.
    /// `None`: somebody is just changing it, or none of its inquiries owes an answer that is not on its way.
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
            "SELECT i.id FROM inquiry i WHERE i.incident_id = $1 AND i.state = 'open'
                AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.inquiry_id = i.id AND r.state = 'due')
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
        const OTHERS: &str = "SELECT other.id FROM inquiry i JOIN inquiry other ON other.incident_id = i.incident_id
            WHERE i.id = $1 AND other.id <> i.id AND other.state = 'open'
                AND NOT EXISTS (SELECT 1 FROM reply r WHERE r.inquiry_id = other.id AND r.state = 'due') LIMIT 1";
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

/// What people do.
impl Tx {
    /// Joins inquiries by hand, whatever their texts say: to the incident that one of them belongs to, or to one that
    /// begins now. Where they belong to several, these become one. The inner error is an inquiry that is not known.
    ///
    /// # Errors
    /// One is closed, or they are not all one office's.
    pub async fn join_by_hand(
        &mut self,
        numbers: &[InquiryNumber],
        actor: &str,
        now: Timestamp,
    ) -> Result<Result<JoinedByHand, InquiryNumber>, StoreError> {
        let mut named = Vec::new();
        for number in numbers {
            let Some(standing) = self.standing(*number).await? else { return Ok(Err(*number)) };
            named.push(standing);
        }
        let joining = self.hold_with_members(&named).await?;
        let Some(first) = joining.first().cloned() else {
            return Err(StoreError::Unfit("no inquiry was named; nothing was changed".to_owned()));
        };
        fit_to_join(&joining, &first)?;
        let known = joining.iter().filter_map(|standing| standing.incident).min();
        let (id, number, began) = if let Some((id, number)) = known {
            (id, number, None)
        } else {
            let (id, number, event) = self.begin_incident(first.inquiry, now, actor, now).await?;
            (id, number, Some((event, first.inquiry, first.office.clone())))
        };
        let there = |standing: &Standing| {
            standing.incident.is_some_and(|(own, _)| own == id)
                || (began.is_some() && standing.inquiry == first.inquiry)
        };
        let members: Vec<Member> = joining
            .iter()
            .filter(|standing| !there(standing))
            .map(|standing| Member {
                inquiry: standing.inquiry,
                office: standing.office.clone(),
                incident: id,
                at: now,
                facts: serde_json::json!({ "incident": number.to_string(), "by": "person" }),
            })
            .collect();
        let joined = members.len() + usize::from(began.is_some());
        self.join_incidents(members, actor, now).await?;
        Ok(Ok(JoinedByHand { number, joined, began }))
    }

    /// Takes an inquiry out of its incident: it stands alone again, and nothing joins it by itself any more. `None`: there
    /// is no such inquiry.
    ///
    /// # Errors
    /// It belongs to no incident.
    pub async fn leave_incident(
        &mut self,
        number: InquiryNumber,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Left>, StoreError> {
        self.hold_incident_of(number).await?;
        let Some(standing) = self.standing(number).await? else { return Ok(None) };
        let Standing { inquiry, office, state, incident, .. } = standing;
        let Some((incident, incident_number)) = incident else {
            return Err(StoreError::Unfit(format!(
                "inquiry {number} belongs to no incident; nothing was changed"
            )));
        };
        const OUT: &str = "UPDATE inquiry SET incident_id = NULL, version = version + 1 WHERE id = $1";
        self.exec(OUT, args![inquiry]).await?;
        self.exec("DELETE FROM likeness WHERE inquiry_id = $1", args![inquiry]).await?;
        // Mails about the incident tell of those who stay.
        const STAY: &str =
            "UPDATE notice SET inquiry_id = COALESCE((SELECT MIN(id) FROM inquiry WHERE incident_id = $2),
            inquiry_id) WHERE inquiry_id = $1 AND template = 'incident'";
        self.exec(STAY, args![inquiry, incident]).await?;
        let facts = serde_json::json!({ "incident": incident_number.to_string() });
        let event =
            NewEvent::new(EventKind::IncidentLeft, now).by(actor).inquiry(inquiry, &office).with(facts);
        let event = self.record_one(event, now).await?;
        Ok(Some(Left { inquiry, office, state, number: incident_number, event }))
    }

    /// Drops what was offered for an inquiry. `false`: nothing was.
    pub async fn dismiss_offer(&mut self, number: InquiryNumber) -> Result<bool, StoreError> {
        const DISMISS: &str =
            "UPDATE likeness SET offered_id = NULL, share = NULL WHERE offered_id IS NOT NULL
            AND inquiry_id = (SELECT id FROM inquiry WHERE year = $1 AND sequence = $2)";
        Ok(self.exec(DISMISS, args![i64::from(number.year), number.sequence]).await? == 1)
    }

    /// Whether an inquiry owes an answer together with others of its incident.
    pub async fn is_answered_with_others(&mut self, number: InquiryNumber) -> Result<bool, StoreError> {
        const OTHERS: &str = "SELECT COUNT(*) FROM inquiry i JOIN inquiry other ON other.incident_id = i.incident_id
            WHERE i.year = $1 AND i.sequence = $2 AND i.state = 'open' AND other.state = 'open' AND other.id <> i.id";
        let values = args![i64::from(number.year), number.sequence];
        self.one(OTHERS, values, |row| Ok(row.get::<i64>(0)? > 0)).await
    }

    /// Holds what is answered with an inquiry, itself first: all open ones of its incident, where it is open.
    pub(crate) async fn hold_answered_together(
        &mut self,
        number: InquiryNumber,
    ) -> Result<Vec<InquiryNumber>, StoreError> {
        self.hold_incident_of(number).await?;
        let open = format!(
            "SELECT other.year, other.sequence FROM inquiry i JOIN inquiry other ON other.id = i.id
                OR (other.incident_id = i.incident_id AND i.state = 'open' AND other.state = 'open')
            WHERE i.year = $1 AND i.sequence = $2 ORDER BY other.id{}",
            self.dialect().hold("other")
        );
        let values = args![i64::from(number.year), number.sequence];
        let mut together = self.rows(&open, values, |row| inquiry_number(row, 0)).await?;
        together.sort_by_key(|other| *other != number);
        Ok(together)
    }

    /// Holds the incident of an inquiry: before the inquiry, as everybody does.
    pub(crate) async fn hold_incident_of(&mut self, number: InquiryNumber) -> Result<(), StoreError> {
        let held = format!(
            "SELECT k.id FROM incident k
            WHERE k.id = (SELECT i.incident_id FROM inquiry i WHERE i.year = $1 AND i.sequence = $2){}",
            self.dialect().hold("k")
        );
        let values = args![i64::from(number.year), number.sequence];
        self.opt(&held, values, |row| row.get::<IncidentId>(0)).await?;
        Ok(())
    }

    /// Holds an incident and those of its inquiries that are not closed.
    pub(crate) async fn hold_unclosed_members(
        &mut self,
        incident: IncidentId,
    ) -> Result<Vec<InquiryId>, StoreError> {
        let held = format!("SELECT k.id FROM incident k WHERE k.id = $1{}", self.dialect().hold("k"));
        self.opt(&held, args![incident], |row| row.get::<IncidentId>(0)).await?;
        let members = format!(
            "SELECT i.id FROM inquiry i WHERE i.incident_id = $1 AND i.state <> 'closed' ORDER BY i.id{}",
            self.dialect().hold("i")
        );
        self.rows(&members, args![incident], |row| row.get(0)).await
    }

    /// Holds inquiries with all others of their incidents, oldest first.
    async fn hold_with_members(&mut self, named: &[Standing]) -> Result<Vec<Standing>, StoreError> {
        let incidents: BTreeSet<IncidentId> =
            named.iter().filter_map(|standing| standing.incident).map(|(id, _)| id).collect();
        let mut ids: BTreeSet<InquiryId> = named.iter().map(|standing| standing.inquiry).collect();
        for incident in &incidents {
            ids.extend(self.hold_unclosed_members(*incident).await?);
        }
        let dialect = self.dialect();
        let sql = format!("{STANDING} WHERE i.id{} ORDER BY i.id{}", dialect.within(1), dialect.hold("i"));
        let held = self.rows(&sql, vec![ids.into_iter().collect()], standing).await?;
        let elsewhere = |standing: &Standing| {
            standing.incident.is_some_and(|(incident, _)| !incidents.contains(&incident))
        };
        match held.iter().find(|standing| elsewhere(standing)) {
            Some(standing) => {
                Err(StoreError::Conflict(format!("inquiry {} has joined others", standing.number)))
            }
            None => Ok(held),
        }
    }

    async fn standing(&mut self, number: InquiryNumber) -> Result<Option<Standing>, StoreError> {
        let sql = format!("{STANDING} WHERE i.year = $1 AND i.sequence = $2");
        self.opt(&sql, args![i64::from(number.year), number.sequence], standing).await
    }
}

/// What people look at.
impl Tx {
    /// Incidents, the newest first; only those of an office, or in which something is open, where that is wanted.
    pub async fn incidents(
        &mut self,
        office: Option<&OfficeCode>,
        open: bool,
        limit: i64,
    ) -> Result<Vec<Incident>, StoreError> {
        let sql = format!(
            "{INCIDENTS} WHERE ($1 IS NULL OR k.office = $1) AND ($2 = 0 OR EXISTS
                (SELECT 1 FROM inquiry i WHERE i.incident_id = k.id AND i.state = 'open'))
            ORDER BY k.id DESC LIMIT $3"
        );
        self.rows(&sql, args![office, open, limit], incident).await
    }

    /// One incident with its inquiries, those that owe an answer first.
    pub async fn incident(
        &mut self,
        number: IncidentNumber,
    ) -> Result<Option<(Incident, Vec<Line>)>, StoreError> {
        let sql = format!("{INCIDENTS} WHERE k.year = $1 AND k.sequence = $2");
        let values = args![i64::from(number.year), number.sequence];
        let Some(incident) = self.opt(&sql, values, incident).await? else { return Ok(None) };
        let members = format!(
            "{LINES} WHERE i.incident_id = $1 ORDER BY CASE i.state WHEN 'open' THEN 0 ELSE 1 END, i.due_at, i.id"
        );
        let members = self.rows(&members, args![incident.id], line).await?;
        Ok(Some((incident, members)))
    }

    /// The number of the incident that an inquiry belongs to.
    pub async fn incident_of(&mut self, inquiry: InquiryId) -> Result<Option<IncidentNumber>, StoreError> {
        const OF: &str = "SELECT k.year, k.sequence FROM incident k
            JOIN inquiry i ON i.incident_id = k.id WHERE i.id = $1";
        self.opt(OF, args![inquiry], |row| number(row, 0)).await
    }

    /// What may belong together, the most alike first.
    pub async fn offers(&mut self, limit: i64) -> Result<Vec<Offer>, StoreError> {
        const OFFERED: &str = "SELECT i.id, o.id, k.year, k.sequence, l.share FROM likeness l
            JOIN inquiry i ON i.id = l.inquiry_id JOIN inquiry o ON o.id = l.offered_id
            LEFT JOIN incident k ON k.id = o.incident_id
            WHERE i.state = 'open' AND o.state <> 'closed' AND i.office = o.office
                AND (i.incident_id IS NULL OR o.incident_id IS NULL OR i.incident_id <> o.incident_id)
            ORDER BY l.share DESC, l.inquiry_id LIMIT $1";
        let offered: Vec<(InquiryId, InquiryId, Option<String>, i64)> = self
            .rows(OFFERED, args![limit], |row| {
                let incident = row.get::<Option<i64>>(2)?.map(|_| number(row, 2)).transpose()?;
                Ok((row.get(0)?, row.get(1)?, incident.map(|number| number.to_string()), row.get(4)?))
            })
            .await?;
        let ids = offered.iter().flat_map(|(one, other, ..)| [*one, *other]).collect();
        let lines = self.rows_in(&format!("{LINES} WHERE i.id"), args![], ids, line).await?;
        let lines: BTreeMap<InquiryId, Line> = lines.into_iter().map(|line| (line.id, line)).collect();
        let offer = |(one, other, incident, share)| {
            let (inquiry, with) = (lines.get(&one)?.clone(), lines.get(&other)?.clone());
            Some(Offer { inquiry, with, incident, share })
        };
        Ok(offered.into_iter().filter_map(offer).collect())
    }

    /// Numbers and first words, masked, of some inquiries of an incident that owe an answer, the newest first.
    pub async fn open_titles(
        &mut self,
        incident: IncidentId,
        limit: i64,
    ) -> Result<Vec<(InquiryNumber, String)>, StoreError> {
        const TITLES: &str = "SELECT year, sequence, title FROM inquiry WHERE incident_id = $1 AND state = 'open' ORDER BY id DESC LIMIT $2";
        self.rows(TITLES, args![incident, limit], |row| Ok((inquiry_number(row, 0)?, row.get(2)?))).await
    }
}

/// Whether inquiries can belong to one incident.
fn fit_to_join(joining: &[Standing], first: &Standing) -> Result<(), StoreError> {
    for standing in joining {
        let number = standing.number;
        if standing.state == State::Closed {
            return Err(StoreError::Unfit(format!("inquiry {number} is closed; nothing was changed")));
        }
        if standing.office != first.office {
            return Err(StoreError::Unfit(format!(
                "inquiry {number} is {}'s and {} is {}'s: give one to the other office first; nothing was changed",
                standing.office, first.number, first.office
            )));
        }
    }
    Ok(())
}

const INTO: &str = "UPDATE inquiry SET incident_id = $1, version = version + 1 WHERE id = $2";

const INCIDENTS: &str = "SELECT k.id, k.year, k.sequence, k.office, o.short_name, k.title, k.opened_at,
        (SELECT COUNT(*) FROM inquiry i WHERE i.incident_id = k.id),
        (SELECT COUNT(*) FROM inquiry i WHERE i.incident_id = k.id AND i.state = 'open'),
        (SELECT MIN(i.due_at) FROM inquiry i WHERE i.incident_id = k.id AND i.state = 'open')
    FROM incident k JOIN office o ON o.code = k.office";

fn incident(row: &Row) -> Result<Incident, StoreError> {
    Ok(Incident {
        id: row.get(0)?,
        number: number(row, 1)?,
        office: row.get(3)?,
        office_name: row.get(4)?,
        title: row.get(5)?,
        opened_at: row.get(6)?,
        members: row.get(7)?,
        open: row.get(8)?,
        due_at: row.get(9)?,
    })
}

/// Where an inquiry stands among incidents.
#[derive(Debug, Clone)]
struct Standing {
    inquiry: InquiryId,
    number: InquiryNumber,
    office: OfficeCode,
    state: State,
    incident: Option<(IncidentId, IncidentNumber)>,
}

const STANDING: &str = "SELECT i.id, i.year, i.sequence, i.office, i.state, i.incident_id, k.year, k.sequence
    FROM inquiry i LEFT JOIN incident k ON k.id = i.incident_id";

fn standing(row: &Row) -> Result<Standing, StoreError> {
    let incident = match row.get::<Option<IncidentId>>(5)? {
        Some(id) => Some((id, number(row, 6)?)),
        None => None,
    };
    Ok(Standing {
        inquiry: row.get(0)?,
        number: inquiry_number(row, 1)?,
        office: row.get(3)?,
        state: row.word(4)?,
        incident,
    })
}

/// A number whose year stands in this column, and its sequence in the next.
pub(crate) fn number(row: &Row, column: usize) -> Result<IncidentNumber, StoreError> {
    Ok(IncidentNumber { year: year(row, column)?, sequence: row.get(column + 1)? })
}

fn inquiry_number(row: &Row, column: usize) -> Result<InquiryNumber, StoreError> {
    Ok(InquiryNumber { year: year(row, column)?, sequence: row.get(column + 1)? })
}

fn year(row: &Row, column: usize) -> Result<i16, StoreError> {
    let year: i64 = row.get(column)?;
    i16::try_from(year).map_err(|error| StoreError::bad_row("number", year, error))
}
