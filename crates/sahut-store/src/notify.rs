//! What the notify stage asks of the database: mails that are owed, and what became of them.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use sahut_domain::channel::{ChannelId, Platform};
use sahut_domain::deadline::{DeadlineId, DeadlineKind, Explanation, Moved};
use sahut_domain::decision::Decision;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::incident::{IncidentId, IncidentNumber};
use sahut_domain::inquiry::{InquiryId, InquiryNumber, Kind, State};
use sahut_domain::notice::{NoticeId, Template};
use sahut_domain::office::{OfficeCode, Person};
use sahut_domain::work::{Lease, Outcome};

use crate::journal::NewEvent;
use crate::value::{Row, args, row};
use crate::work::{Claim, Owed, Stage};
use crate::{StoreError, Tx};

/// A mail that is to be owed.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// What it is about.
    pub event: EventId,
    /// What it says.
    pub template: Template,
    /// Who gets it.
    pub recipient: Person,
    /// The office that the recipient answers for.
    pub office: Option<OfficeCode>,
    /// The inquiry it is about.
    pub inquiry: Option<InquiryId>,
    /// The channel it is about.
    pub channel: Option<ChannelId>,
    /// Goes before everything else.
    pub urgent: bool,
    /// Not before this moment.
    pub not_before: Timestamp,
}

/// A claimed notice, with what its template needs.
#[derive(Debug, Clone)]
pub struct NoticeWork {
    /// The lease.
    pub lease: Lease<i64>,
    /// The notice.
    pub id: NoticeId,
    /// The line of the journal that it tells of.
    pub event: EventId,
    /// What it says.
    pub template: Template,
    /// Who gets it.
    pub recipient: Person,
    /// Goes before everything else.
    pub urgent: bool,
    /// Code, name and short name of the recipient's office.
    pub office: Option<(OfficeCode, String, String)>,
    /// When the thing happened that it tells of.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// Facts of the event.
    pub data: serde_json::Value,
    /// The inquiry it is about.
    pub inquiry: Option<InquiryFacts>,
    /// The channel it is about.
    pub channel: Option<ChannelFacts>,
    /// Text of the message that the event is about.
    pub message_text: Option<String>,
    /// The promise that it urges.
    pub urged: Option<Urged>,
}

/// A promise that a mail urges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Urged {
    /// The promise.
    pub id: DeadlineId,
    /// What is promised.
    pub promise: DeadlineKind,
    /// It is owed still, and its time runs.
    pub running: bool,
    /// When it falls due.
    pub due_at: Timestamp,
    /// Why it is due then.
    pub explanation: Explanation,
}

impl NoticeWork {
    /// Whether it urges an answer to a promise that does not run any more, calls one late that falls due later again, or
    /// tells of an incident of which nothing is open: true when it was owed, and not now.
    pub fn is_moot(&self, now: Timestamp) -> bool {
        if self.template == Template::Incident {
            let incident = self.inquiry.as_ref().and_then(|inquiry| inquiry.incident.as_ref());
            return incident.is_none_or(|incident| incident.open == 0);
        }
        let still = self.urged.as_ref().filter(|urged| urged.running);
        match self.template {
            Template::Reminder => still.is_none(),
            Template::Overdue => still.is_none_or(|urged| urged.due_at > now),
            _ => false,
        }
    }
}

/// What mails tell of an inquiry.
#[derive(Debug, Clone)]
pub struct InquiryFacts {
    /// The inquiry.
    pub id: InquiryId,
    /// Its number.
    pub number: InquiryNumber,
    /// First words, masked.
    pub title: String,
    /// Its kind.
    pub kind: Kind,
    /// Where it stands now.
    pub state: State,
    /// Code and short name of the office that has it.
    pub office: (OfficeCode, String),
    /// What the citizen wrote first.
    pub text: String,
    /// How the citizen is called on the platform.
    pub citizen: String,
    /// Where it was written.
    pub permalink: Option<String>,
    /// When it was written.
    pub opened_at: Timestamp,
    /// The promise that the mail is about and that is open, else the last one of a first response.
    pub promise: Explanation,
    /// What that promise was before it was moved, the oldest first.
    pub moved: Vec<Moved>,
    /// The promise that is open.
    pub open: Option<DeadlineId>,
    /// Until when the office has it in hand, as it says, and what it said.
    pub acknowledged: Option<(Timestamp, String)>,
    /// Why it went to its office.
    pub decision: Decision,
    /// The channel that it came in by.
    pub channel: ChannelFacts,
    /// The incident that it belongs to.
    pub incident: Option<IncidentFacts>,
}

/// What mails tell of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentFacts {
    /// The incident.
    pub id: IncidentId,
    /// Its number.
    pub number: IncidentNumber,
    /// First words of its first inquiry, masked.
    pub title: String,
    /// Inquiries that belong to it.
    pub members: i64,
    /// Those of them that owe an answer.
    pub open: i64,
}

/// What mails tell of a channel.
#[derive(Debug, Clone)]
pub struct ChannelFacts {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its platform.
    pub platform: Platform,
    /// What ails it, in words for the operator.
    pub detail: Option<String>,
    /// Up to when it is known to be complete.
    pub watermark: Option<Timestamp>,
    /// When it was last read well.
    pub read_at: Option<Timestamp>,
    /// When somebody last wrote there.
    pub item_at: Option<Timestamp>,
}

/// How sending a notice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeEnd {
    /// What became of it.
    pub outcome: Outcome,
    /// The mail server refused the address for good: nobody is mailed there any more.
    pub address_refused: bool,
}

const FACTS: &str =
    "SELECT n.id, n.template, n.recipient, n.recipient_name, o.code, o.name, o.short_name, e.at, e.data,
        m.text,
        i.id, i.year, i.sequence, i.title, i.kind, i.state, io.code, io.short_name, first.text,
        COALESCE(z.name, z.handle, ''), first.permalink, i.opened_at, d.explanation, x.body,
        c.code, c.name, c.platform, c.ailment_detail, c.read_at, c.item_at, c.watermark,
        i.deadline_id, n.urgent, k.id, k.year, k.sequence, k.title,
        (SELECT COUNT(*) FROM inquiry other WHERE other.incident_id = k.id),
        (SELECT COUNT(*) FROM inquiry other WHERE other.incident_id = k.id AND other.state = 'open'),
        r.id, r.explanation, d.history, r.history,
        i.acknowledged_until, i.acknowledged_note, n.event_id, e.actor
    FROM notice n
    JOIN event e ON e.id = n.event_id
    LEFT JOIN office o ON o.code = n.office
    LEFT JOIN message m ON m.id = e.message_id
    LEFT JOIN inquiry i ON i.id = n.inquiry_id
    LEFT JOIN incident k ON k.id = i.incident_id
    LEFT JOIN office io ON io.code = i.office
    LEFT JOIN citizen z ON z.id = i.citizen_id
    LEFT JOIN message first ON first.id =
        (SELECT MIN(id) FROM message WHERE message.inquiry_id = i.id AND message.own = 0)
    LEFT JOIN decision x ON x.message_id = first.id
    LEFT JOIN deadline d ON d.inquiry_id = i.id AND d.kind = 'first_response' AND d.round = i.round
    LEFT JOIN deadline r ON r.inquiry_id = i.id AND r.kind = 'resolution' AND r.state = 'running'
    LEFT JOIN channel c ON c.id = COALESCE(i.channel_id, n.channel_id)
    WHERE n.id";

/// Why nothing leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldFor {
    /// A person wanted it so.
    Person,
    /// The database is older than what it did: what it owes may have left.
    Restore,
}

impl HeldFor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Restore => "restore",
        }
    }
}

impl Tx {
    /// Owes mails. One that is owed already is not owed twice.
    pub async fn owe(&mut self, notices: Vec<NewNotice>, now: Timestamp) -> Result<(), StoreError> {
        if notices.is_empty() {
            return Ok(());
        }
        let mut ids = self.ids("notice", notices.len()).await?;
        let mut rows = Vec::with_capacity(notices.len());
        for notice in notices {
            rows.push(row![
                ids.next()?,
                notice.event,
                notice.template.as_str(),
                notice.recipient.mail,
                notice.recipient.name,
                notice.office.as_ref(),
                notice.inquiry,
                notice.channel,
                notice.urgent,
                now,
                notice.not_before
            ]);
        }
        const OWE: &str = "INSERT INTO notice (id, event_id, template, recipient, recipient_name, office, inquiry_id, \
             channel_id, urgent, created_at, state, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'due', ?)
             ON CONFLICT (event_id, recipient, template) DO NOTHING";
        self.insert(OWE, rows).await?;
        self.wake(Stage::Notify);
        Ok(())
    }

    /// Owes to other people what somebody could not be told. One who is owed it already is not owed it twice.
    pub async fn owe_instead(
        &mut self,
        notice: NoticeId,
        people: &[Person],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for person in people {
            const INSTEAD: &str =
                "INSERT INTO notice (id, event_id, template, recipient, recipient_name, office,
                    inquiry_id, channel_id, urgent, created_at, state, not_before)
                SELECT $2, event_id, template, $3, $4, office, inquiry_id, channel_id, urgent, $5, 'due', $5
                FROM notice WHERE id = $1 ON CONFLICT (event_id, recipient, template) DO NOTHING";
            let id = self.id("notice").await?;
            self.exec(INSTEAD, args![notice, id, &person.mail, &person.name, now]).await?;
        }
        self.wake(Stage::Notify);
        Ok(())
    }

    /// Claims mails that are due, urgent ones first, with everything that their templates need. None while mail is held
    /// after a restore.
    pub async fn claim_notices(&mut self, claim: &Claim<'_>) -> Result<Vec<NoticeWork>, StoreError> {
        if self.is_held().await? {
            return Ok(Vec::new());
        }
        let leases = self.claim(Owed::Notice, claim).await?;
        let ids = leases.iter().map(|lease| lease.id).collect();
        let found = self.rows_in(FACTS, args![], ids, |row| Ok((row.get(0)?, work(row, &leases)))).await?;
        let mut found: HashMap<i64, Result<NoticeWork, StoreError>> = found.into_iter().collect();
        let urged = self.urged(found.values().flatten()).await?;
        let mut claimed = Vec::with_capacity(found.len());
        for lease in &leases {
            match found.remove(&lease.id) {
                Some(Ok(mut work)) => {
                    work.urged = work.data["deadline"].as_i64().and_then(|id| urged.get(&id).cloned());
                    claimed.push(work);
                }
                // Given up, so that it does not keep the others from being sent.
                Some(Err(error)) => {
                    let outcome = Outcome::Dead { error: error.to_string() };
                    self.settle(Owed::Notice, *lease, &outcome, claim.now).await?;
                }
                None => {}
            }
        }
        Ok(claimed)
    }

    /// The promises that mails urge, by their numbers.
    async fn urged(
        &mut self,
        works: impl Iterator<Item = &NoticeWork>,
    ) -> Result<HashMap<i64, Urged>, StoreError> {
        const URGED: &str = "SELECT id, kind,
            CAST(CASE WHEN state = 'running' THEN 1 ELSE 0 END AS BIGINT), due_at, explanation
            FROM deadline WHERE id";
        let ids = works.filter_map(|work| work.data["deadline"].as_i64()).collect();
        let found = self.rows_in(URGED, args![], ids, |row| {
            let id: DeadlineId = row.get(0)?;
            let (promise, running) = (row.word(1)?, row.get(2)?);
            Ok((id.0, Urged { id, promise, running, due_at: row.get(3)?, explanation: row.json(4)? }))
        });
        Ok(found.await?.into_iter().collect())
    }

    /// Keeps the lease on a notice; asked right before the mail is handed over. `false`: it was lost, do not send.
    pub async fn keep_notice(&mut self, lease: Lease<i64>, until: Timestamp) -> Result<bool, StoreError> {
        self.extend(Owed::Notice, lease, until).await
    }

    /// Settles mails that are not worth sending any more. Nothing happened that the journal should tell of.
    pub async fn settle_moot(&mut self, moot: &[NoticeWork]) -> Result<(), StoreError> {
        for work in moot {
            const MOOT: &str = "UPDATE notice SET state = 'done', lease_owner = NULL, lease_until = NULL
                WHERE id = $1 AND attempt = $2 AND state = 'due'";
            self.exec(MOOT, args![work.lease.id, work.lease.attempt]).await?;
        }
        Ok(())
    }

    /// Stores what became of mails, with the journal's lines; answers the lines about those that were given up. Leases
    /// that were lost are passed over.
    pub async fn settle_notices(
        &mut self,
        ends: Vec<(&NoticeWork, NoticeEnd)>,
        now: Timestamp,
    ) -> Result<Vec<(NoticeId, EventId)>, StoreError> {
        let mut events = Vec::new();
        let mut settled = Vec::new();
        for (work, end) in ends {
            if !self.settle(Owed::Notice, work.lease, &end.outcome, now).await? {
                continue;
            }
            let (kind, error) = match &end.outcome {
                Outcome::Done => (EventKind::NoticeSent, None),
                Outcome::Dead { error } => (EventKind::NoticeFailed, Some(error)),
                Outcome::Again { .. } | Outcome::Wait { .. } => continue,
            };
            if end.address_refused {
                const REFUSED: &str = "UPDATE person SET refused_at = $2, refused_detail = $3
                    WHERE mail = $1 AND refused_at IS NULL";
                self.exec(REFUSED, args![&work.recipient.mail, now, error]).await?;
            }
            let mut data = serde_json::json!({ "notice": work.id, "template": work.template,
                "attempt": work.lease.attempt });
            if let Some(error) = error {
                data["error"] = error.as_str().into();
                data["recipient"] = work.recipient.mail.as_str().into();
                data["recipient_name"] = work.recipient.name.as_str().into();
            }
            settled.push((work.id, kind));
            let mut event = NewEvent::new(kind, now).with(data);
            event.office = work.office.as_ref().map(|(code, _, _)| code.clone());
            event.inquiry = work.inquiry.as_ref().map(|inquiry| inquiry.id);
            events.push(event);
        }
        let recorded = self.record(events, now).await?;
        let failed =
            settled.into_iter().zip(recorded).filter(|((_, kind), _)| *kind == EventKind::NoticeFailed);
        Ok(failed.map(|((notice, _), event)| (notice, event)).collect())
    }

    /// Tries a given-up notice again, on somebody's order; with it an address that was refused is given another chance.
    /// `false`: there is none with this number.
    pub async fn retry_notice(
        &mut self,
        notice: NoticeId,
        actor: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.retry(Owed::Notice, notice.0, now).await? {
            return Ok(false);
        }
        const FORGIVE: &str = "UPDATE person SET refused_at = NULL, refused_detail = NULL
            WHERE refused_at IS NOT NULL AND mail = (SELECT recipient FROM notice WHERE id = $1)";
        self.exec(FORGIVE, args![notice]).await?;
        const ABOUT: &str = "SELECT office, inquiry_id FROM notice WHERE id = $1";
        let mut event = NewEvent::new(EventKind::NoticeRetried, now).by(actor);
        (event.office, event.inquiry) =
            self.one(ABOUT, args![notice], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        self.record_one(event.with(serde_json::json!({ "notice": notice })), now).await?;
        self.wake(Stage::Notify);
        Ok(true)
    }

    /// The addresses that the mail server has refused for good.
    pub async fn refused_addresses(&mut self) -> Result<BTreeSet<String>, StoreError> {
        const REFUSED: &str = "SELECT DISTINCT mail FROM person WHERE refused_at IS NOT NULL";
        Ok(self.rows(REFUSED, args![], |row| row.get(0)).await?.into_iter().collect())
    }

    /// Whether the mail server has refused an address for good.
    pub async fn is_refused(&mut self, mail: &str) -> Result<bool, StoreError> {
        const REFUSED: &str = "SELECT COUNT(*) FROM person WHERE mail = $1 AND refused_at IS NOT NULL";
        self.one(REFUSED, args![mail], |row| Ok(row.get::<i64>(0)? > 0)).await
    }

    /// Why mail and replies are held; none when they leave.
    pub async fn held_for(&mut self) -> Result<Option<HeldFor>, StoreError> {
        let held: Option<String> =
            self.opt("SELECT value FROM meta WHERE key = 'held'", args![], |row| row.get(0)).await?;
        Ok(held.map(|why| if why == HeldFor::Restore.as_str() { HeldFor::Restore } else { HeldFor::Person }))
    }

    /// Whether mail and replies are held: nothing leaves until a person says so.
    pub async fn is_held(&mut self) -> Result<bool, StoreError> {
        Ok(self.held_for().await?.is_some())
    }

    /// Holds mail and replies, or lets them go. After a restore, answers that were on their way in the copy become
    /// uncertain: they may be public, so they are looked up, or a person is asked, before any is sent.
    pub async fn hold(
        &mut self,
        held: Option<HeldFor>,
        actor: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match held {
            Some(why) => {
                const HOLD: &str = "INSERT INTO meta (key, value) VALUES ('held', $1)
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE excluded.value = 'restore'";
                self.exec(HOLD, args![why.as_str()]).await?;
            }
            None => {
                self.exec("DELETE FROM meta WHERE key = 'held'", args![]).await?;
            }
        }
        if held == Some(HeldFor::Restore) {
            self.doubt_replies().await?;
        }
        let data = serde_json::json!({ "held": held.is_some(), "why": held.map(HeldFor::as_str) });
        let event = NewEvent::new(EventKind::OutboxHeld, now).by(actor).with(data);
        self.record_one(event, now).await?;
        self.wake(Stage::Notify);
        self.wake(Stage::Deliver);
        Ok(())
    }
}

fn work(row: &Row, leases: &[Lease<i64>]) -> Result<NoticeWork, StoreError> {
    let id: i64 = row.get(0)?;
    let lease = leases.iter().find(|lease| lease.id == id).copied();
    let office = match row.get::<Option<OfficeCode>>(4)? {
        Some(code) => Some((code, row.get(5)?, row.get(6)?)),
        None => None,
    };
    let channel = match row.get::<Option<String>>(24)? {
        Some(code) => Some(ChannelFacts {
            code,
            name: row.get(25)?,
            platform: row.word(26)?,
            detail: row.get(27)?,
            read_at: row.get(28)?,
            item_at: row.get(29)?,
            watermark: row.get(30)?,
        }),
        None => None,
    };
    let inquiry = match (row.get::<Option<InquiryId>>(10)?, &channel) {
        (Some(id), Some(channel)) => Some(inquiry_facts(row, id, channel.clone())?),
        _ => None,
    };
    Ok(NoticeWork {
        lease: lease.ok_or_else(|| StoreError::bad_row("notice", id, "not claimed"))?,
        id: NoticeId(id),
        event: row.get(45)?,
        template: row.word(1)?,
        recipient: Person { mail: row.get(2)?, name: row.get(3)? },
        urgent: row.get(32)?,
        office,
        at: row.get(7)?,
        actor: row.get(46)?,
        data: row.json(8)?,
        message_text: row.get(9)?,
        urged: None,
        inquiry,
        channel,
    })
}

fn inquiry_facts(row: &Row, id: InquiryId, channel: ChannelFacts) -> Result<InquiryFacts, StoreError> {
    let year: i64 = row.get(11)?;
    let year = i16::try_from(year).map_err(|error| StoreError::bad_row("inquiry", id, error))?;
    let told: serde_json::Value = row.json(8)?;
    let (promise, open, moved) = match row.get(39)? {
        Some(resolution) if told["promise"] == "resolution" => {
            (row.json(40)?, Some(resolution), row.json(42)?)
        }
        _ => (row.json(22)?, row.get(31)?, row.json(41)?),
    };
    Ok(InquiryFacts {
        id,
        number: InquiryNumber { year, sequence: row.get(12)? },
        title: row.get(13)?,
        kind: row.word(14)?,
        state: row.word(15)?,
        office: (row.get(16)?, row.get(17)?),
        text: row.get(18)?,
        citizen: row.get(19)?,
        permalink: row.get(20)?,
        opened_at: row.get(21)?,
        promise,
        moved,
        open,
        acknowledged: row
            .get::<Option<Timestamp>>(43)?
            .map(|until| Ok::<_, StoreError>((until, row.get::<Option<String>>(44)?.unwrap_or_default())))
            .transpose()?,
        decision: row.json(23)?,
        channel,
        incident: incident_facts(row)?,
    })
}

fn incident_facts(row: &Row) -> Result<Option<IncidentFacts>, StoreError> {
    let Some(id) = row.get(33)? else { return Ok(None) };
    Ok(Some(IncidentFacts {
        id,
        number: crate::incidents::number(row, 34)?,
        title: row.get(36)?,
        members: row.get(37)?,
        open: row.get(38)?,
    }))
}
