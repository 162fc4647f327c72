//! Who is there: people whose mail arrives and who never act, and what an office did in a week.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::InquiryNumber;
use sahut_domain::office::{OfficeCode, Role};
use serde::Serialize;

use crate::journal::NewEvent;
use crate::value::args;
use crate::{StoreError, Tx};

/// How far back is looked for what somebody did, and since when a mail had the time to be acted on.
pub const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(14 * 24);
const TIME_TO_ACT: SignedDuration = SignedDuration::from_hours(24);

/// As many mails without an act make somebody one who never acts.
const NEVER_ACTED_ON: i64 = 5;

/// Somebody who is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonLine {
    /// The office.
    pub office: OfficeCode,
    /// Its short name.
    pub office_name: String,
    /// Name as it is shown.
    pub name: String,
    /// Address.
    pub mail: String,
    /// What this person is there.
    pub role: Role,
    /// The mail server refused the address for good.
    pub refused_at: Option<Timestamp>,
    /// When this person last opened an inquiry.
    pub seen_at: Option<Timestamp>,
    /// When this person last did something about one.
    pub acted_at: Option<Timestamp>,
    /// Since when mail arrives there and nobody acts.
    pub silent_at: Option<Timestamp>,
    /// Mails that arrived within the last two weeks.
    pub sent: i64,
}

/// What an office did in a week, out of the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week {
    /// Inquiries that began there.
    pub received: i64,
    /// Inquiries that other offices gave it, and that it gave others.
    pub taken_over: i64,
    /// See `taken_over`.
    pub handed_over: i64,
    /// Answers that kept or ended a promise.
    pub answered: i64,
    /// Of those, the ones in time.
    pub on_time: i64,
    /// For each first response, when its promise began and when it was given.
    pub responses: Vec<(Timestamp, Timestamp)>,
    /// What became late.
    pub late: Vec<InquiryNumber>,
}

impl Tx {
    /// Everybody who is mailed, by office.
    pub async fn people(&mut self, now: Timestamp) -> Result<Vec<PersonLine>, StoreError> {
        const PEOPLE: &str = "SELECT p.office, o.short_name, p.name, p.mail, p.role, p.refused_at, p.seen_at, p.acted_at,
                p.silent_at, (SELECT COUNT(*) FROM notice n WHERE n.recipient = p.mail AND n.sent_at > $1)
            FROM person p JOIN office o ON o.code = p.office WHERE o.retired = 0 ORDER BY o.position, p.position";
        self.rows(PEOPLE, args![now - LOOKED_BACK], |row| {
            Ok(PersonLine {
                office: row.get(0)?,
                office_name: row.get(1)?,
                name: row.get(2)?,
                mail: row.get(3)?,
                role: row.word(4)?,
                refused_at: row.get(5)?,
                seen_at: row.get(6)?,
                acted_at: row.get(7)?,
                silent_at: row.get(8)?,
                sent: row.get(9)?,
            })
        })
        .await
    }

    /// Offices where somebody gets mail and nobody acts.
    pub async fn silent_offices(&mut self) -> Result<BTreeSet<OfficeCode>, StoreError> {
        const SILENT: &str = "SELECT office FROM person p WHERE role = 'duty' AND refused_at IS NULL
            GROUP BY office HAVING COUNT(*) = COUNT(silent_at)";
        Ok(self.rows(SILENT, args![], |row| row.get(0)).await?.into_iter().collect())
    }

    /// Names of people of an office who get mail and never act.
    pub async fn silent_people(&mut self, office: &OfficeCode) -> Result<Vec<String>, StoreError> {
        const SILENT: &str =
            "SELECT name FROM person WHERE office = $1 AND silent_at IS NOT NULL ORDER BY position";
        self.rows(SILENT, args![office], |row| row.get(0)).await
    }

    /// Looks for people whose mail arrives and who never act, and for those who do again; answers the journal's lines
    /// about offices that fell silent now. Whatever an office does counts for all of its people.
    pub async fn note_silence(&mut self, now: Timestamp) -> Result<Vec<EventId>, StoreError> {
        const ACTED: &str = "EXISTS (SELECT 1 FROM event e WHERE e.office = person.office AND e.at > $1 AND e.kind IN
            ('inquiry.answered', 'inquiry.acknowledged', 'inquiry.noted', 'extension.asked', 'inquiry.closed'))";
        let before = self.silent_offices().await?;
        let since = now - LOOKED_BACK;
        let clear = format!(
            "UPDATE person SET silent_at = NULL WHERE silent_at IS NOT NULL AND (acted_at > $1 OR {ACTED})"
        );
        self.exec_built(clear, args![since]).await?;
        let silent = format!(
            "UPDATE person SET silent_at = $2 WHERE silent_at IS NULL AND role = 'duty'
                AND (acted_at IS NULL OR acted_at <= $1) AND NOT {ACTED}
                AND (SELECT COUNT(*) FROM notice n WHERE n.recipient = person.mail AND n.sent_at > $1
                    AND n.sent_at <= $3 AND (n.inquiry_id IS NOT NULL OR n.template = 'digest')) >= $4"
        );
        self.exec_built(silent, args![since, now, now - TIME_TO_ACT, NEVER_ACTED_ON]).await?;
        let fallen = self.silent_offices().await?;
        let events = fallen.difference(&before).map(|office| {
            let mut event = NewEvent::new(EventKind::OfficeSilent, now);
            event.office = Some(office.clone());
            event
        });
        self.record(events.collect(), now).await
    }

    /// What offices did between two moments, out of the journal alone; by office.
    pub async fn weeks(
        &mut self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<BTreeMap<OfficeCode, Week>, StoreError> {
        const LINES: &str = "SELECT e.kind, e.office, e.at, e.data, i.year, i.sequence,
                COALESCE((SELECT MAX(b.at) FROM event b WHERE b.inquiry_id = e.inquiry_id AND b.at <= e.at
                    AND b.kind IN ('inquiry.opened', 'inquiry.reopened')), e.at)
            FROM event e JOIN inquiry i ON i.id = e.inquiry_id
            WHERE e.kind IN ('inquiry.opened', 'inquiry.answered', 'inquiry.handed_over', 'deadline.missed')
                AND e.at >= $1 AND e.at < $2 ORDER BY e.id";
        let lines = self
            .rows(LINES, args![from, to], |row| {
                Ok(Line {
                    kind: row.word(0)?,
                    office: row.get(1)?,
                    at: row.get(2)?,
                    data: row.json(3)?,
                    number: crate::incidents::inquiry_number(row, 4)?,
                    began_at: row.get(6)?,
                })
            })
            .await?;
        let mut weeks: BTreeMap<OfficeCode, Week> = BTreeMap::new();
        for line in lines {
            let Some(office) = line.office.clone() else { continue };
            if let Some(from) = line.handed_from() {
                weeks.entry(from).or_default().handed_over += 1;
            }
            weeks.entry(office).or_default().count(&line);
        }
        Ok(weeks)
    }
}

/// A line of the journal that counts for a week.
struct Line {
    kind: EventKind,
    office: Option<OfficeCode>,
    at: Timestamp,
    data: serde_json::Value,
    number: InquiryNumber,
    began_at: Timestamp,
}

impl Line {
    fn handed_from(&self) -> Option<OfficeCode> {
        let from = self.data.get("from").filter(|_| self.kind == EventKind::InquiryHandedOver)?;
        OfficeCode::parse(from.as_str()?).ok()
    }
}

impl Week {
    fn count(&mut self, line: &Line) {
        match line.kind {
            EventKind::InquiryOpened => self.received += 1,
            EventKind::InquiryHandedOver => self.taken_over += 1,
            // What is said once no first response is owed says nothing of being late: the answer is counted already.
            EventKind::InquiryAnswered if !line.data["late"].is_boolean() => {}
            EventKind::InquiryAnswered => {
                self.answered += 1;
                self.on_time += i64::from(line.data["late"] == false);
                self.responses.push((line.began_at, line.at));
            }
            _ if !self.late.contains(&line.number) => self.late.push(line.number),
            _ => {}
        }
    }
}
