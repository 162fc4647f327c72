//! Incidents as people look at them.

use std::collections::BTreeMap;

use sahut_domain::incident::{IncidentId, IncidentNumber};
use sahut_domain::inquiry::{InquiryId, InquiryNumber};
use sahut_domain::office::OfficeCode;

use super::{Incident, Offer, inquiry_number, number};
use crate::inquiries::{LINES, Line, line};
use crate::value::{Row, args};
use crate::{StoreError, Tx};

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
