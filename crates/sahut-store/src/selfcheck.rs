//! The promises, asked of the rows: what must never be found.

use jiff::Timestamp;
use serde::Serialize;

use crate::value::args;
use crate::{StoreError, Tx};

/// One promise and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Short name, stable for scripts.
    pub name: &'static str,
    /// The promise in words.
    pub promise: &'static str,
    /// Rows that break it; 0 is a promise kept.
    pub broken: i64,
    /// What to look at, where it is broken.
    pub detail: Option<String>,
}

/// Promises that one count answers. `$1` is the present moment.
const COUNTS: &[(&str, &str, &str)] = &[
    (
        "message-unique",
        "no message is stored twice",
        "SELECT COUNT(*) FROM (SELECT 1 FROM message GROUP BY channel_id, external_id HAVING COUNT(*) > 1) x
         WHERE $1 = $1",
    ),
    (
        "message-placed",
        "every routed message is in an inquiry, or has a decision that it needs nobody",
        "SELECT COUNT(*) FROM message m LEFT JOIN decision d ON d.message_id = m.id
         WHERE $1 = $1 AND ((m.disposition = 'inquiry' AND (d.message_id IS NULL OR m.inquiry_id IS NULL))
            OR (m.disposition = 'aside' AND (d.message_id IS NULL
                OR (d.kind NOT IN ('thanks', 'noise', 'spam') AND d.basis <> 'history'))))",
    ),
    (
        "inquiry-unique",
        "a citizen has one open inquiry in a thread",
        "SELECT COUNT(*) FROM (SELECT 1 FROM inquiry WHERE state <> 'closed' GROUP BY thread_id, citizen_id
         HAVING COUNT(*) > 1) x WHERE $1 = $1",
    ),
    (
        "inquiry-has-message",
        "every inquiry holds a message of its citizen",
        "SELECT COUNT(*) FROM inquiry i WHERE $1 = $1 AND NOT EXISTS
         (SELECT 1 FROM message m WHERE m.inquiry_id = i.id AND m.own = 0)",
    ),
    (
        "inquiry-promise",
        "every open inquiry has one live promise of a first response",
        "SELECT COUNT(*) FROM inquiry i WHERE $1 = $1 AND i.state = 'open' AND 1 <>
         (SELECT COUNT(*) FROM deadline d WHERE d.inquiry_id = i.id AND d.kind = 'first_response' AND d.live = 1)",
    ),
    (
        "inquiry-told",
        "every inquiry was told to somebody who can be reached, by itself or with its incident, unless its office had nobody",
        "SELECT COUNT(*) FROM inquiry i WHERE $1 = $1 AND NOT EXISTS
         (SELECT 1 FROM notice n WHERE n.inquiry_id = i.id AND (n.state = 'due' OR n.sent_at IS NOT NULL OR n.digest_id IS NOT NULL)
            AND n.template IN ('assignment', 'triage', 'incident', 'follow_up'))
         AND (i.incident_id IS NULL OR i.incident_id NOT IN (SELECT o.incident_id FROM inquiry o
            JOIN notice n ON n.inquiry_id = o.id WHERE o.incident_id IS NOT NULL
                AND (n.state = 'due' OR n.sent_at IS NOT NULL OR n.digest_id IS NOT NULL)
                AND n.template IN ('assignment', 'triage', 'incident', 'follow_up')))
         AND NOT (i.state <> 'open' AND EXISTS
            (SELECT 1 FROM event e WHERE e.inquiry_id = i.id AND e.kind = 'incident.left'))
         AND (EXISTS (SELECT 1 FROM notice n WHERE n.inquiry_id = i.id)
            OR EXISTS (SELECT 1 FROM person p WHERE p.office = i.office AND p.refused_at IS NULL))
         AND NOT EXISTS (SELECT 1 FROM message m JOIN channel c ON c.id = m.channel_id
            WHERE m.inquiry_id = i.id AND c.platform = 'import')",
    ),
    (
        "inquiry-journal",
        "every inquiry began with a line in the journal",
        "SELECT COUNT(*) FROM inquiry i WHERE $1 = $1 AND 1 <>
         (SELECT COUNT(*) FROM event e WHERE e.inquiry_id = i.id AND e.kind = 'inquiry.opened')",
    ),
    (
        "incident-office",
        "every open inquiry of an incident is the incident's office's",
        "SELECT COUNT(*) FROM inquiry i JOIN incident k ON k.id = i.incident_id
         WHERE $1 = $1 AND i.state = 'open' AND i.office <> k.office",
    ),
    (
        "incident-journal",
        "every incident began with a line in the journal, and so did its inquiries in it",
        "SELECT COUNT(*) FROM inquiry i WHERE $1 = $1 AND i.incident_id IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM event e WHERE e.inquiry_id = i.id AND e.kind IN ('incident.began', 'incident.joined'))",
    ),
    (
        "deadline-noticed",
        "a missed promise is in the journal within a minute",
        "SELECT COUNT(*) FROM deadline d WHERE (state = 'running' AND missed_at IS NULL AND due_at < $1 - 60000000)
         OR (missed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM event e
             WHERE e.inquiry_id = d.inquiry_id AND e.kind = 'deadline.missed' AND e.at = d.due_at))",
    ),
    (
        "deadline-missed-once",
        "a missed promise is in the journal once",
        "SELECT COUNT(*) FROM (SELECT 1 FROM event WHERE kind = 'deadline.missed'
         GROUP BY inquiry_id, at HAVING COUNT(*) > 1 AND COUNT(*) >
            (SELECT COUNT(*) FROM deadline d WHERE d.inquiry_id = event.inquiry_id AND d.due_at = event.at)) x
         WHERE $1 = $1",
    ),
    (
        "deadline-waits",
        "time stands still only while the citizen may write, and ends with the inquiry",
        "SELECT COUNT(*) FROM inquiry i JOIN deadline d ON d.inquiry_id = i.id WHERE $1 = $1 AND
         ((i.state = 'open' AND d.state = 'paused') OR (i.state = 'closed' AND d.live = 1))",
    ),
    (
        "step-once",
        "a step of the ladder is taken once",
        "SELECT COUNT(*) FROM (SELECT 1 FROM event WHERE kind = 'reminder.due' GROUP BY inquiry_id,
         REPLACE(REPLACE(data, '\"told\":true', ''), '\"told\":false', '') HAVING COUNT(*) > 1) x WHERE $1 = $1",
    ),
    (
        "reply-answered",
        "every sent reply stands in the thread",
        "SELECT COUNT(*) FROM reply r WHERE $1 = $1 AND r.delivery = 'sent' AND r.external_id IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM message m WHERE m.channel_id = r.channel_id AND m.external_id = r.external_id)",
    ),
    (
        "number-gaps",
        "inquiry numbers have no gaps",
        "SELECT COUNT(*) FROM inquiry_count y WHERE $1 = $1 AND y.last <>
         (SELECT COUNT(*) FROM inquiry i WHERE i.year = y.year)",
    ),
];

impl Tx {
    /// Asks every promise of the rows.
    pub async fn selfcheck(&mut self, now: Timestamp) -> Result<Vec<Check>, StoreError> {
        let mut checks = Vec::new();
        for (name, promise, sql) in COUNTS {
            let broken: i64 = self.one(sql, args![now], |row| row.get(0)).await?;
            checks.push(Check { name, promise, broken, detail: None });
        }
        let faults = self.verify_journal().await?;
        checks.push(Check {
            name: "journal-sealed",
            promise: "no sealed line of the journal was changed",
            broken: i64::try_from(faults.len()).unwrap_or(i64::MAX),
            detail: (!faults.is_empty()).then(|| faults.join("; ")),
        });
        Ok(checks)
    }

    /// Asks the database whether its own pages and references hold together; slow on a large file.
    pub async fn integrity(&mut self) -> Result<Vec<String>, StoreError> {
        if self.dialect() == crate::Dialect::Postgres {
            return Ok(Vec::new());
        }
        let mut faults: Vec<String> = self.rows("PRAGMA integrity_check", args![], |row| row.get(0)).await?;
        faults.retain(|line| line != "ok");
        let orphans: Vec<String> = self
            .rows("PRAGMA foreign_key_check", args![], |row| {
                Ok(format!(
                    "a row of {} points at nothing in {}",
                    row.get::<String>(0)?,
                    row.get::<String>(2)?
                ))
            })
            .await?;
        faults.extend(orphans);
        Ok(faults)
    }
}
