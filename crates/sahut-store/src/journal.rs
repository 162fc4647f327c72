//! The journal: what happened, added and never changed, sealed so that a changed line is found.

use std::fmt::Write as _;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::inquiry::InquiryId;
use sahut_domain::message::MessageId;
use sahut_domain::office::OfficeCode;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::value::{Row, args, row};
use crate::{StoreError, Tx};

/// A line that is to be added.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// When it happened, by the platform's clock where there is one.
    pub at: Timestamp,
    /// Who did it: `sahut`, `platform`, or a person's name.
    pub actor: String,
    /// The office it concerns.
    pub office: Option<OfficeCode>,
    /// The channel it concerns.
    pub channel: Option<ChannelId>,
    /// The inquiry it concerns.
    pub inquiry: Option<InquiryId>,
    /// The message it concerns.
    pub message: Option<MessageId>,
    /// Facts, without a citizen's words.
    pub data: serde_json::Value,
}

impl NewEvent {
    /// A line about nothing in particular yet, done by the program itself.
    pub fn new(kind: EventKind, at: Timestamp) -> Self {
        Self {
            kind,
            at,
            actor: "sahut".to_owned(),
            office: None,
            channel: None,
            inquiry: None,
            message: None,
            data: serde_json::Value::Null,
        }
    }

    /// Names the channel.
    #[must_use]
    pub fn channel(mut self, channel: ChannelId) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Names the inquiry and its office.
    #[must_use]
    pub fn inquiry(mut self, inquiry: InquiryId, office: &OfficeCode) -> Self {
        self.inquiry = Some(inquiry);
        self.office = Some(office.clone());
        self
    }

    /// Names the message.
    #[must_use]
    pub fn message(mut self, message: MessageId) -> Self {
        self.message = Some(message);
        self
    }

    /// Names who did it.
    #[must_use]
    pub fn by(mut self, actor: impl Into<String>) -> Self {
        self.actor = actor.into();
        self
    }

    /// Adds facts.
    #[must_use]
    pub fn with(mut self, data: serde_json::Value) -> Self {
        self.data = data;
        self
    }
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// When we learned of it.
    pub recorded_at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// The office it concerns.
    pub office: Option<OfficeCode>,
    /// The channel it concerns.
    pub channel: Option<ChannelId>,
    /// The inquiry it concerns.
    pub inquiry: Option<InquiryId>,
    /// The message it concerns.
    pub message: Option<MessageId>,
    /// Facts.
    pub data: serde_json::Value,
}

const COLUMNS: &str = "SELECT id, kind, at, recorded_at, actor, office, channel_id, \
    inquiry_id, message_id, data FROM event";

fn event(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        id: row.get(0)?,
        kind: row.word(1)?,
        at: row.get(2)?,
        recorded_at: row.get(3)?,
        actor: row.get(4)?,
        office: row.get(5)?,
        channel: row.get(6)?,
        inquiry: row.get(7)?,
        message: row.get(8)?,
        data: row.json(9)?,
    })
}

impl Tx {
    /// Adds lines, in their order, and answers their numbers.
    pub async fn record(
        &mut self,
        events: Vec<NewEvent>,
        now: Timestamp,
    ) -> Result<Vec<EventId>, StoreError> {
        let mut ids = self.ids("event", events.len()).await?;
        let mut given = Vec::with_capacity(events.len());
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let id = EventId(ids.next()?);
            given.push(id);
            rows.push(row![
                id,
                event.kind.as_str(),
                event.at,
                now,
                event.actor,
                event.office.as_ref(),
                event.channel,
                event.inquiry,
                event.message,
                event.data.to_string()
            ]);
        }
        const LINE: &str = "INSERT INTO event (id, kind, at, recorded_at, actor, office, channel_id, inquiry_id, \
             message_id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.insert(LINE, rows).await?;
        Ok(given)
    }

    /// Adds one line.
    pub async fn record_one(&mut self, event: NewEvent, now: Timestamp) -> Result<EventId, StoreError> {
        let recorded = self.record(vec![event], now).await?;
        recorded.first().copied().ok_or_else(|| StoreError::Refused("the journal took no line".to_owned()))
    }

    /// The lines about one inquiry, oldest first.
    pub async fn events_of(&mut self, inquiry: InquiryId) -> Result<Vec<Event>, StoreError> {
        self.rows(&format!("{COLUMNS} WHERE inquiry_id = $1 ORDER BY id"), args![inquiry], event).await
    }

    /// Lines after a given one, oldest first: for following what happens. On PostgreSQL a line can become visible after
    /// one with a higher number: a follower that must not miss any asks again from a little before.
    pub async fn events_after(&mut self, after: EventId, limit: i64) -> Result<Vec<Event>, StoreError> {
        self.rows(&format!("{COLUMNS} WHERE id > $1 ORDER BY id LIMIT $2"), args![after, limit], event).await
    }

    /// Seals the lines that were recorded before `settled` and are not sealed yet, ten thousand at most; answers how
    /// many. Choose `settled` older than any transaction can be open, so that no line can still appear below the seal.
    pub async fn seal_journal(&mut self, settled: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        const LAST: &str = "SELECT last_event, digest FROM seal ORDER BY id DESC LIMIT 1";
        const BATCH: i64 = 10_000;
        let last = self.opt(LAST, args![], |row| Ok((row.get::<i64>(0)?, row.get::<String>(1)?))).await?;
        let (after, before) = last.unwrap_or((0, String::new()));
        let lines =
            self.rows(&format!("{RAW} WHERE id > $1 ORDER BY id LIMIT $2"), args![after, BATCH], raw).await?;
        // Up to the first line that is too young: an older one above it would be missed if the seal went past it.
        let young = lines.iter().position(|line| line.recorded_at > settled.as_microsecond());
        let lines = &lines[..young.unwrap_or(lines.len())];
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(0) };
        let id = self.id("seal").await?;
        let sealed = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        // Two processes that seal at once: the second is refused by `first_event` and finds nothing left to seal.
        const SEAL: &str = "INSERT INTO seal (id, first_event, last_event, lines, digest, sealed_at)
            VALUES ($1, $2, $3, $4, $5, $6)";
        self.exec(SEAL, args![id, first.id, last.id, sealed, digest(&before, lines), now]).await?;
        Ok(lines.len() as u64)
    }

    /// Recomputes every seal and answers what does not agree: an empty list is a sound journal.
    pub async fn verify_journal(&mut self) -> Result<Vec<String>, StoreError> {
        const SEALS: &str = "SELECT id, last_event, lines, digest FROM seal ORDER BY id";
        let seals: Vec<(i64, i64, i64, String)> =
            self.rows(SEALS, args![], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).await?;
        let (mut after, mut before) = (0, String::new());
        let mut faults = Vec::new();
        for (id, last, count, sealed) in seals {
            let sql = format!("{RAW} WHERE id > $1 AND id <= $2 ORDER BY id");
            let lines = self.rows(&sql, args![after, last], raw).await?;
            if i64::try_from(lines.len()) != Ok(count) || digest(&before, &lines) != sealed {
                faults.push(format!("seal {id}: the lines {} to {last} are not what was sealed", after + 1));
            }
            (after, before) = (last, sealed);
        }
        Ok(faults)
    }
}

/// A line as it stands in the table: what a seal is made over.
struct RawLine {
    id: i64,
    recorded_at: i64,
    numbers: [Option<i64>; 4],
    texts: [Option<String>; 4],
}

const RAW: &str =
    "SELECT id, recorded_at, at, channel_id, inquiry_id, message_id, kind, actor, office, data FROM event";

fn raw(row: &Row) -> Result<RawLine, StoreError> {
    Ok(RawLine {
        id: row.get(0)?,
        recorded_at: row.get(1)?,
        numbers: [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?],
        texts: [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?],
    })
}

fn digest(before: &str, lines: &[RawLine]) -> String {
    let mut hash = Sha256::new();
    hash.update(before);
    for line in lines {
        hash.update(line.id.to_le_bytes());
        hash.update(line.recorded_at.to_le_bytes());
        for number in line.numbers {
            hash.update([u8::from(number.is_some())]);
            hash.update(number.unwrap_or(0).to_le_bytes());
        }
        for text in &line.texts {
            // Whether there is one, and its length, before the text: no two different journals read the same.
            let length = text.as_ref().map_or(-1, |text| i64::try_from(text.len()).unwrap_or(i64::MAX));
            hash.update(length.to_le_bytes());
            hash.update(text.as_deref().unwrap_or_default());
        }
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
