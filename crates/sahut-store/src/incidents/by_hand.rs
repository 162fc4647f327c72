//! What people do with incidents: join, take apart, hold what is handled together.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sahut_domain::event::EventKind;
use sahut_domain::incident::{IncidentId, IncidentNumber};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, State};
use sahut_domain::office::OfficeCode;

use super::{JoinedByHand, Left, Member, inquiry_number, number};
use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::{StoreError, Tx};

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
        match self.take_out(standing, actor, now).await? {
            Some(left) => Ok(Some(left)),
            None => Err(StoreError::Unfit(format!(
                "inquiry {number} belongs to no incident; nothing was changed"
            ))),
        }
    }

    /// Takes an inquiry that is held out of its incident, where it belongs to one: what its citizen wants now is something
    /// else, and nobody else's answer answers it.
    pub async fn part_from_incident(
        &mut self,
        inquiry: InquiryId,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Left>, StoreError> {
        let sql = format!("{STANDING} WHERE i.id = $1");
        match self.opt(&sql, args![inquiry], standing).await? {
            Some(standing) => self.take_out(standing, actor, now).await,
            None => Ok(None),
        }
    }

    /// Lets an inquiry stand alone. `None`: it does.
    async fn take_out(
        &mut self,
        standing: Standing,
        actor: &str,
        now: Timestamp,
    ) -> Result<Option<Left>, StoreError> {
        let Standing { inquiry, office, state, incident, .. } = standing;
        let Some((incident, incident_number)) = incident else { return Ok(None) };
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

    /// Holds what is answered with an inquiry, itself first: all open ones of its incident, where it is open. Each with
    /// whether an answer to it is on its way already.
    pub(crate) async fn hold_answered_together(
        &mut self,
        number: InquiryNumber,
    ) -> Result<Vec<(InquiryNumber, bool)>, StoreError> {
        self.hold_incident_of(number).await?;
        let open = format!(
            "SELECT other.year, other.sequence,
                (SELECT COUNT(*) FROM reply r WHERE r.inquiry_id = other.id AND r.state = 'due' AND r.intent <> 'receipt')
            FROM inquiry i JOIN inquiry other ON other.id = i.id
                OR (other.incident_id = i.incident_id AND i.state = 'open' AND other.state = 'open')
            WHERE i.year = $1 AND i.sequence = $2 ORDER BY other.id{}",
            self.dialect().hold("other")
        );
        let values = args![i64::from(number.year), number.sequence];
        let underway = |row: &Row| Ok((inquiry_number(row, 0)?, row.get::<i64>(2)? > 0));
        let mut together = self.rows(&open, values, underway).await?;
        together.sort_by_key(|(other, _)| *other != number);
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
