//! Many mails in one: how much somebody is owed at once, what is folded into a digest, and what that tells.
//!
//! A folded notice is done and points at the journal's line of its digest; the digest is a notice like every other, so it
//! is sent at least once, and given to somebody else when its address is refused. A digest that could not leave is folded
//! into the next one with all that it would have told.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, State};
use sahut_domain::notice::Template;
use sahut_domain::office::{OfficeCode, Person};

use crate::journal::NewEvent;
use crate::notify::NewNotice;
use crate::value::{Row, args};
use crate::{StoreError, Tx};

/// The stretch in which somebody's mails are counted.
pub const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What can be told in a digest, as words of a list in SQL. What is urgent, and what needs a closer look, leaves alone.
const FOLDABLE: &str = "('assignment', 'follow_up', 'reminder', 'overdue', 'triage', 'incident', 'digest')";

/// What could leave now, or failed before; `$1` is the present moment.
const PENDING: &str = "state = 'due' AND urgent = 0 AND (lease_until IS NULL OR lease_until <= $1)
    AND (not_before <= $1 OR last_error IS NOT NULL)";

/// Whose mails wait, with how many they are. What is urgent is not counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Who.
    pub person: Person,
    /// The office that they are mailed for.
    pub office: Option<OfficeCode>,
    /// Mails that could leave now.
    pub due: i64,
    /// Of those, and of those that failed before, mails that a digest can tell of.
    pub foldable: i64,
    /// Some have waited for more than an hour: for a mail server, for this program, or for the morning.
    pub held_up: bool,
    /// Mails that left within the last hour, or are leaving now.
    pub lately: i64,
    /// When the first of those will have left an hour ago.
    pub free_at: Timestamp,
}

/// One inquiry of a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestLine {
    /// The inquiry.
    pub id: InquiryId,
    /// Its number.
    pub number: InquiryNumber,
    /// First words, masked.
    pub title: String,
    /// Its kind.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Code and short name of the office that has it.
    pub office: (OfficeCode, String),
    /// When its promise falls due.
    pub due_at: Timestamp,
    /// Until when the office has it in hand, as it says.
    pub acknowledged_until: Option<Timestamp>,
}

impl Tx {
    /// Whose mails could leave now.
    pub async fn due_recipients(&mut self, now: Timestamp) -> Result<Vec<Recipient>, StoreError> {
        let sql = format!(
            "WITH lately AS (SELECT recipient, COUNT(*) AS sent, MIN(sent_at) AS earliest FROM notice
                WHERE urgent = 0 AND sent_at > $2 AND sent_at < $3 GROUP BY recipient),
             leaving AS (SELECT recipient, COUNT(*) AS sent FROM notice
                WHERE state = 'due' AND urgent = 0 AND lease_until > $1 GROUP BY recipient)
             SELECT n.recipient, MIN(n.recipient_name), MIN(n.office),
                CAST(SUM(CASE WHEN n.not_before <= $1 THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN n.template IN {FOLDABLE} THEN 1 ELSE 0 END) AS BIGINT),
                CAST(MAX(CASE WHEN n.created_at < $2 THEN 1 ELSE 0 END) AS BIGINT),
                CAST(COALESCE(MIN(l.sent), 0) + COALESCE(MIN(g.sent), 0) AS BIGINT), COALESCE(MIN(l.earliest), $1)
             FROM notice n LEFT JOIN lately l ON l.recipient = n.recipient
                LEFT JOIN leaving g ON g.recipient = n.recipient
             WHERE n.state = 'due' AND n.urgent = 0 AND (n.lease_until IS NULL OR n.lease_until <= $1)
                AND (n.not_before <= $1 OR n.last_error IS NOT NULL)
             GROUP BY n.recipient HAVING MIN(n.not_before) <= $1 ORDER BY n.recipient"
        );
        self.rows(&sql, args![now, now - AN_HOUR, now + AN_HOUR], |row| {
            Ok(Recipient {
                person: Person { mail: row.get(0)?, name: row.get(1)? },
                office: row.get(2)?,
                due: row.get(3)?,
                foldable: row.get(4)?,
                held_up: row.get::<i64>(5)? == 1,
                lately: row.get(6)?,
                free_at: row.get::<Timestamp>(7)? + AN_HOUR,
            })
        })
        .await
    }

    /// Folds what people are owed into one mail each, and answers how many mails those were. A digest is owed also where
    /// there is nothing to fold: that of the morning tells what is open at the office.
    pub async fn fold(
        &mut self,
        people: Vec<(Person, Option<OfficeCode>)>,
        morning: bool,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let event = |(_, office): &(Person, Option<OfficeCode>)| NewEvent {
            office: office.clone(),
            ..NewEvent::new(EventKind::DigestDue, now).with(serde_json::json!({ "morning": morning }))
        };
        let events = self.record(people.iter().map(event).collect(), now).await?;
        let pending: BTreeSet<String> = self
            .rows(&format!("SELECT DISTINCT recipient FROM notice WHERE {PENDING}"), args![now], |row| {
                row.get(0)
            })
            .await?
            .into_iter()
            .collect();
        let mut folded = 0;
        let mut digests = Vec::with_capacity(people.len());
        for ((recipient, office), event) in people.into_iter().zip(events) {
            if pending.contains(&recipient.mail) {
                folded += self.fold_into(&recipient.mail, event, now).await?;
            }
            digests.push(NewNotice {
                event,
                template: Template::Digest,
                recipient,
                office,
                inquiry: None,
                channel: None,
                urgent: false,
                not_before: now,
            });
        }
        self.owe(digests, now).await?;
        Ok(folded)
    }

    async fn fold_into(&mut self, mail: &str, event: EventId, now: Timestamp) -> Result<u64, StoreError> {
        let again = format!(
            "UPDATE notice SET digest_id = $3 WHERE digest_id IN
                (SELECT event_id FROM notice WHERE {PENDING} AND recipient = $2 AND template = 'digest')"
        );
        self.exec_built(again, args![now, mail, event]).await?;
        let fold = format!(
            "UPDATE notice SET state = 'done', digest_id = $3, lease_owner = NULL, lease_until = NULL
             WHERE {PENDING} AND recipient = $2 AND template IN {FOLDABLE}"
        );
        self.exec_built(fold, args![now, mail, event]).await
    }

    /// What a digest tells: the inquiries of the mails that were folded into it and still wait for somebody, and all open
    /// ones of an office where one is named; what falls due first comes first.
    pub async fn digest(
        &mut self,
        event: EventId,
        office: Option<&OfficeCode>,
    ) -> Result<Vec<DigestLine>, StoreError> {
        const LINES: &str = "WITH told AS (
                SELECT inquiry_id AS id FROM notice WHERE digest_id = $1 AND inquiry_id IS NOT NULL
                UNION SELECT id FROM inquiry WHERE office = $2 AND state = 'open')
            SELECT i.id, i.year, i.sequence, i.title, i.kind, i.state, o.short_name, MIN(d.due_at), i.acknowledged_until, i.office
            FROM told JOIN inquiry i ON i.id = told.id JOIN office o ON o.code = i.office
                JOIN deadline d ON d.inquiry_id = i.id AND d.live = 1 AND d.state = 'running'
            GROUP BY i.id, i.year, i.sequence, i.title, i.kind, i.state, o.short_name, i.acknowledged_until, i.office
            ORDER BY MIN(d.due_at), i.id";
        self.rows(LINES, args![event, office], line).await
    }

    /// Lets mails of some templates that an office is owed wait until a moment: nobody is woken for them.
    pub async fn let_wait(
        &mut self,
        office: &OfficeCode,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let wait = "UPDATE notice SET not_before = $2 WHERE office = $1 AND state = 'due' AND urgent = 0
            AND not_before <= $3 AND (lease_until IS NULL OR lease_until <= $3)
            AND template IN ('reminder', 'overdue', 'digest', 'weekly', 'unattended')";
        self.exec(wait, args![office, until, now]).await?;
        Ok(())
    }

    /// Offices whose mails of such templates could leave now.
    pub async fn quiet_offices(&mut self, now: Timestamp) -> Result<Vec<OfficeCode>, StoreError> {
        const OFFICES: &str = "SELECT DISTINCT office FROM notice WHERE state = 'due' AND urgent = 0
            AND not_before <= $1 AND (lease_until IS NULL OR lease_until <= $1) AND office IS NOT NULL
            AND template IN ('reminder', 'overdue', 'digest', 'weekly', 'unattended')";
        self.rows(OFFICES, args![now], |row| row.get(0)).await
    }

    /// Lets what somebody is owed and cannot be folded wait until a moment, but for the first few and what is urgent.
    pub async fn put_off_others(
        &mut self,
        mail: &str,
        until: Timestamp,
        first: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let others = format!(" AND template NOT IN {FOLDABLE}");
        self.put_off_but(mail, until, first, &others, now).await
    }

    /// Offices that owe an answer.
    pub async fn owing_offices(&mut self) -> Result<BTreeSet<OfficeCode>, StoreError> {
        const OWING: &str = "SELECT DISTINCT office FROM inquiry WHERE state = 'open'";
        Ok(self.rows(OWING, args![], |row| row.get(0)).await?.into_iter().collect())
    }

    /// Lets what somebody is owed wait until a moment, but for the first few and what is urgent.
    pub async fn put_off(
        &mut self,
        mail: &str,
        until: Timestamp,
        first: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.put_off_but(mail, until, first, "", now).await
    }

    async fn put_off_but(
        &mut self,
        mail: &str,
        until: Timestamp,
        first: i64,
        which: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Who has waited longest leaves first; SQLite knows no OFFSET without a LIMIT.
        let sql = format!(
            "UPDATE notice SET not_before = $2 WHERE id IN (SELECT id FROM notice
                WHERE recipient = $1 AND state = 'due' AND urgent = 0 AND not_before <= $3
                    AND (lease_until IS NULL OR lease_until <= $3){which}
                ORDER BY not_before, id LIMIT 9223372036854775807 OFFSET $4)"
        );
        self.exec_built(sql, args![mail, until, now, first]).await?;
        Ok(())
    }
}

fn line(row: &Row) -> Result<DigestLine, StoreError> {
    Ok(DigestLine {
        id: row.get(0)?,
        number: crate::incidents::inquiry_number(row, 1)?,
        title: row.get(3)?,
        kind: row.word(4)?,
        state: row.word(5)?,
        office: (row.get(9)?, row.get(6)?),
        due_at: row.get(7)?,
        acknowledged_until: row.get(8)?,
    })
}
