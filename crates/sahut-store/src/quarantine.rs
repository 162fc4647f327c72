//! Items that could not be read, and owed work that was given up: visible, and to be tried again by a person.

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::EventKind;
use serde::Serialize;

use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::work::{Owed, Stage};
use crate::{StoreError, Tx};

/// An item that was set apart.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Its number.
    pub id: i64,
    /// Its channel.
    #[serde(skip)]
    pub channel_id: ChannelId,
    /// Code of the channel.
    pub channel: String,
    /// Its external id or a hash of the payload; the number of the delivery or of the message.
    pub key: String,
    /// Where it failed: `page`, `delivery` or `route`.
    pub stage: String,
    /// What is wrong with it.
    pub error: String,
    /// The payload.
    #[serde(skip)]
    pub raw: Vec<u8>,
    /// Size of the payload in bytes.
    pub bytes: usize,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
}

/// A mail or an answer that is still owed, or was given up.
#[derive(Debug, Clone, Serialize)]
pub struct OutboxLine {
    /// `notice` or `reply`.
    pub what: &'static str,
    /// Its number.
    pub id: i64,
    /// The notice's template, or the reply's state of delivery.
    pub detail: String,
    /// Where it goes: an address of mail, or the channel's code.
    pub to: String,
    /// `due` or `dead`.
    pub state: String,
    /// Attempts so far.
    pub attempt: i64,
    /// When it is tried next.
    pub not_before: Timestamp,
    /// What last went wrong.
    pub last_error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Tx {
    /// Items that are set apart: the thousand that were first.
    pub async fn quarantined(&mut self) -> Result<Vec<Held>, StoreError> {
        const HELD: &str = "SELECT q.id, q.channel_id, c.code, q.key, q.stage, q.error, q.raw,
                q.first_seen_at, q.last_seen_at FROM quarantine q JOIN channel c ON c.id = q.channel_id WHERE q.state = 'held'
            ORDER BY q.id LIMIT 1000";
        self.rows(HELD, args![], |row| {
            let raw: Vec<u8> = row.get(6)?;
            Ok(Held {
                id: row.get(0)?,
                channel_id: row.get(1)?,
                channel: row.get(2)?,
                key: row.get(3)?,
                stage: row.get(4)?,
                error: row.get(5)?,
                bytes: raw.len(),
                raw,
                first_seen_at: row.get(7)?,
                last_seen_at: row.get(8)?,
            })
        })
        .await
    }

    /// Lets a set-apart item go back to where it failed: a message waits for a decision again, a delivery is read
    /// again. An item of a page is read again with its feed, which is walked to its end once more where the platform
    /// can show it again; it stays set apart until it has been stored.
    pub async fn retry_quarantined(&mut self, held: &Held, now: Timestamp) -> Result<(), StoreError> {
        let number = held.key.parse::<i64>().unwrap_or(0);
        match held.stage.as_str() {
            "route" => {
                const AGAIN: &str = "UPDATE message SET disposition = 'waiting' WHERE id = $1 AND disposition = 'quarantined'";
                self.exec(AGAIN, args![number]).await?;
                self.wake(Stage::Route);
                self.recovered(vec![(held.id, held.channel_id)], now).await
            }
            "delivery" => {
                self.retry(Owed::Delivery, number, now).await?;
                self.wake(Stage::Collect);
                self.recovered(vec![(held.id, held.channel_id)], now).await
            }
            _ => {
                const DEEP: &str = "UPDATE feed SET walked_deep_at = NULL, urgent_at = $2
                    WHERE channel_id = $1 AND gone = 0 AND kind = 'newest_first'";
                self.exec(DEEP, args![held.channel_id, now]).await?;
                self.hurry_channel(held.channel_id, now).await
            }
        }
    }

    /// Sets unreadable items apart, each once: key, error, payload. One that was given back and failed again is set
    /// apart again. Answers how many were not set apart before.
    pub(crate) async fn store_bad(
        &mut self,
        channel: ChannelId,
        stage: &'static str,
        bad: Vec<(String, String, Vec<u8>)>,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut new = 0;
        for (key, error, raw) in bad {
            const SEEN: &str = "UPDATE quarantine SET last_seen_at = $4, error = $5
                WHERE channel_id = $1 AND stage = $2 AND key = $3 AND state = 'held'";
            if self.exec(SEEN, args![channel, stage, &key, now, &error]).await? > 0 {
                continue;
            }
            const HOLD: &str =
                "INSERT INTO quarantine (id, channel_id, stage, key, error, raw, first_seen_at,
                    last_seen_at, state)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 'held')
                ON CONFLICT (channel_id, stage, key) DO UPDATE SET error = excluded.error, raw = excluded.raw,
                    last_seen_at = excluded.last_seen_at, state = 'held' RETURNING id";
            let values = args![self.id("quarantine").await?, channel, stage, &key, &error, raw, now];
            let id: i64 = self.one(HOLD, values, |row| row.get(0)).await?;
            let data = serde_json::json!({ "quarantine": id, "stage": stage, "error": error });
            let event = NewEvent::new(EventKind::ItemQuarantined, now).channel(channel).with(data);
            self.record_one(event, now).await?;
            new += 1;
        }
        Ok(new)
    }

    /// Lets go of items of pages that have been stored after all.
    pub(crate) async fn recover_stored(
        &mut self,
        channel: ChannelId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const STORED: &str = "SELECT id, channel_id FROM quarantine WHERE channel_id = $1 AND state = 'held'
            AND stage = 'page' AND EXISTS (SELECT 1 FROM message
                WHERE message.channel_id = quarantine.channel_id AND message.external_id = quarantine.key)";
        let stored = self.rows(STORED, args![channel], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        self.recovered(stored, now).await
    }

    async fn recovered(&mut self, items: Vec<(i64, ChannelId)>, now: Timestamp) -> Result<(), StoreError> {
        for (id, channel) in items {
            self.exec("UPDATE quarantine SET state = 'recovered' WHERE id = $1", args![id]).await?;
            let data = serde_json::json!({ "quarantine": id });
            let event = NewEvent::new(EventKind::ItemRecovered, now).channel(channel).with(data);
            self.record_one(event, now).await?;
        }
        Ok(())
    }

    /// Mails and answers that are owed or were given up, oldest first.
    pub async fn outbox(&mut self, limit: i64) -> Result<Vec<OutboxLine>, StoreError> {
        // Each half from its own index: the done ones are many.
        const NOTICES: &str =
            "SELECT id, template, recipient, state, attempt, not_before, last_error, created_at
            FROM notice WHERE id IN (SELECT id FROM notice WHERE state = 'due'
                UNION ALL SELECT id FROM notice WHERE state = 'dead') ORDER BY id LIMIT $1";
        const REPLIES: &str = "SELECT r.id, r.delivery, c.code, r.state, r.attempt, r.not_before, r.last_error,
                r.created_at
            FROM reply r JOIN channel c ON c.id = r.channel_id WHERE r.id IN (SELECT id FROM reply WHERE state = 'due'
                UNION ALL SELECT id FROM reply WHERE state = 'dead') ORDER BY r.id LIMIT $1";
        let mut lines = self.rows(NOTICES, args![limit], |row| outbox_line("notice", row)).await?;
        lines.extend(self.rows(REPLIES, args![limit], |row| outbox_line("reply", row)).await?);
        Ok(lines)
    }
}

fn outbox_line(what: &'static str, row: &Row) -> Result<OutboxLine, StoreError> {
    Ok(OutboxLine {
        what,
        id: row.get(0)?,
        detail: row.get(1)?,
        to: row.get(2)?,
        state: row.get(3)?,
        attempt: row.get(4)?,
        not_before: row.get(5)?,
        last_error: row.get(6)?,
        created_at: row.get(7)?,
    })
}
