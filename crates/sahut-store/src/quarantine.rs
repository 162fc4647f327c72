//! Items that could not be read, and owed work that was given up: visible, and to be tried again by a person.

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::InquiryNumber;
use serde::Serialize;

use crate::collect::NewPage;
use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::work::{Owed, Stage};
use crate::{StoreError, Tx};

/// An item that was set apart.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Its number.
    pub id: i64,
    /// Code of the channel.
    pub channel: String,
    /// Its external id or a hash of the payload; the number of the delivery or of the message.
    pub key: String,
    /// Where it failed: `page`, `delivery`, `import` or `route`.
    pub stage: String,
    /// What is wrong with it.
    pub error: String,
    /// Size of the payload in bytes.
    pub bytes: i64,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
    /// When it was last seen.
    pub last_seen_at: Timestamp,
}

/// Which set-apart items are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart<'a> {
    /// All of them.
    All,
    /// Those that failed at one stage.
    Stage(&'a str),
    /// One.
    Item(i64),
}

/// What became of asking for items again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retried {
    /// Items that are tried again.
    pub again: u64,
    /// Rows of imported files: only their file can be read again.
    pub imports: u64,
}

/// An item of a page that a person wants to be read again.
#[derive(Debug, Clone)]
pub struct AskedItem {
    /// Its number.
    pub id: i64,
    /// Its channel.
    pub channel: ChannelId,
    /// The payload.
    pub raw: Vec<u8>,
    /// When it was first seen.
    pub first_seen_at: Timestamp,
}

/// What came of reading an item again.
#[derive(Debug, Clone)]
pub enum ReadAgain {
    /// It was read: this is in it.
    Read(NewPage),
    /// It still cannot be read, for this reason.
    Failed(String),
    /// Its payload does not suffice: it is read with the feed that it stands in.
    WithItsFeed,
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
    /// Number of the inquiry that it is about.
    pub inquiry: Option<String>,
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
        const HELD: &str = "SELECT q.id, c.code, q.key, q.stage, q.error, CAST(LENGTH(q.raw) AS BIGINT),
                q.first_seen_at, q.last_seen_at FROM quarantine q JOIN channel c ON c.id = q.channel_id
            WHERE q.state = 'held' ORDER BY q.id LIMIT 1000";
        self.rows(HELD, args![], |row| {
            Ok(Held {
                id: row.get(0)?,
                channel: row.get(1)?,
                key: row.get(2)?,
                stage: row.get(3)?,
                error: row.get(4)?,
                bytes: row.get(5)?,
                first_seen_at: row.get(6)?,
                last_seen_at: row.get(7)?,
            })
        })
        .await
    }

    /// Lets set-apart items go back to where they failed: a message waits for a decision again, a delivery is read
    /// again. An item of a page stays set apart until it has been read again ([`Tx::take_asked`]) and stored.
    pub async fn retry_quarantined(
        &mut self,
        which: Apart<'_>,
        now: Timestamp,
    ) -> Result<Retried, StoreError> {
        let (item, stage) = match which {
            Apart::All => (None, None),
            Apart::Stage(stage) => (None, Some(stage)),
            Apart::Item(item) => (Some(item), None),
        };
        const ASK: &str = "UPDATE quarantine SET asked_at = $3 WHERE state = 'held' AND stage = 'page'
            AND ($1 IS NULL OR id = $1) AND ($2 IS NULL OR stage = $2)";
        let asked = self.exec(ASK, args![item, stage, now]).await?;
        const BACK: &str = "SELECT id, channel_id, stage, key FROM quarantine WHERE state = 'held'
            AND stage IN ('route', 'delivery') AND ($1 IS NULL OR id = $1) AND ($2 IS NULL OR stage = $2) ORDER BY id";
        let back: Vec<(i64, ChannelId, String, String)> = self
            .rows(BACK, args![item, stage], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .await?;
        for (_, _, stage, key) in &back {
            self.give_back(stage, key.parse().unwrap_or(0), now).await?;
        }
        let again = asked + back.len() as u64;
        self.recovered(back.into_iter().map(|(id, channel, ..)| (id, channel)).collect(), now).await?;
        const IMPORTS: &str = "SELECT COUNT(*) FROM quarantine WHERE state = 'held' AND stage = 'import'
            AND ($1 IS NULL OR id = $1) AND ($2 IS NULL OR stage = $2)";
        let imports: i64 = self.one(IMPORTS, args![item, stage], |row| row.get(0)).await?;
        self.wake(Stage::Receive);
        self.wake(Stage::Route);
        Ok(Retried { again, imports: imports.unsigned_abs() })
    }

    async fn give_back(&mut self, stage: &str, number: i64, now: Timestamp) -> Result<(), StoreError> {
        if stage == "route" {
            const AGAIN: &str =
                "UPDATE message SET disposition = 'waiting' WHERE id = $1 AND disposition = 'quarantined'";
            self.exec(AGAIN, args![number]).await?;
        } else {
            self.retry(Owed::Delivery, number, now).await?;
        }
        Ok(())
    }

    /// Notes that a set-apart item is not needed: it is not shown any more, and not set apart again when it is seen
    /// again. `false`: there is none of this number.
    pub async fn drop_quarantined(
        &mut self,
        item: i64,
        by: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const DROP: &str =
            "UPDATE quarantine SET state = 'dropped', asked_at = NULL WHERE id = $1 AND state = 'held'
            RETURNING channel_id";
        let Some(channel) = self.opt(DROP, args![item], |row| row.get(0)).await? else { return Ok(false) };
        let data = serde_json::json!({ "quarantine": item });
        let event = NewEvent::new(EventKind::ItemDropped, now).by(by).channel(channel).with(data);
        self.record_one(event, now).await?;
        Ok(true)
    }

    /// Whether somebody wants items to be read again: asked of a snapshot, so that nothing to do does not take the writer.
    pub async fn has_asked(&mut self) -> Result<bool, StoreError> {
        const ASKED: &str = "SELECT 1 FROM quarantine WHERE asked_at IS NOT NULL LIMIT 1";
        Ok(self.opt(ASKED, args![], |_| Ok(())).await?.is_some())
    }

    /// An item that somebody wants to be read again, for this transaction to settle.
    pub async fn take_asked(&mut self) -> Result<Option<AskedItem>, StoreError> {
        let sql = format!(
            "SELECT id, channel_id, raw, first_seen_at FROM quarantine WHERE asked_at IS NOT NULL
            ORDER BY id LIMIT 1{}",
            self.dialect().take("quarantine")
        );
        self.opt(&sql, args![], |row| {
            Ok(AskedItem {
                id: row.get(0)?,
                channel: row.get(1)?,
                raw: row.get(2)?,
                first_seen_at: row.get(3)?,
            })
        })
        .await
    }

    /// Stores what came of reading an item again. It is let go only when what is in it is stored with it.
    pub async fn settle_asked(
        &mut self,
        item: &AskedItem,
        read: ReadAgain,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const ANSWERED: &str =
            "UPDATE quarantine SET asked_at = NULL, error = COALESCE($2, error) WHERE id = $1";
        let error = if let ReadAgain::Failed(error) = &read { Some(error) } else { None };
        self.exec(ANSWERED, args![item.id, error]).await?;
        match read {
            ReadAgain::Read(page) => {
                self.store_page(item.channel, page, now).await?;
                // Storing may have let go of it already, where it is known by its external id.
                const STILL: &str = "SELECT id, channel_id FROM quarantine WHERE id = $1 AND state = 'held'";
                let still = self.rows(STILL, args![item.id], |row| Ok((row.get(0)?, row.get(1)?))).await?;
                self.recovered(still, now).await
            }
            ReadAgain::Failed(_) => Ok(()),
            ReadAgain::WithItsFeed => {
                const DEEP: &str = "UPDATE feed SET walked_deep_at = NULL, urgent_at = $2
                    WHERE channel_id = $1 AND gone = 0 AND kind = 'newest_first'";
                self.hurry_channel(item.channel, now).await?;
                self.exec(DEEP, args![item.channel, now]).await?;
                Ok(())
            }
        }
    }

    /// Sets unreadable items apart, each once: key, error, payload. One that was given back and failed again is set
    /// apart again, one that somebody dropped is not. Answers how many were not set apart before.
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
                WHERE channel_id = $1 AND stage = $2 AND key = $3 AND state IN ('held', 'dropped')";
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
            AND stage IN ('page', 'import') AND EXISTS (SELECT 1 FROM message
                WHERE message.channel_id = quarantine.channel_id AND message.external_id = quarantine.key)";
        let stored = self.rows(STORED, args![channel], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        self.recovered(stored, now).await
    }

    async fn recovered(&mut self, items: Vec<(i64, ChannelId)>, now: Timestamp) -> Result<(), StoreError> {
        for (id, channel) in items {
            const RECOVERED: &str =
                "UPDATE quarantine SET state = 'recovered', asked_at = NULL WHERE id = $1";
            self.exec(RECOVERED, args![id]).await?;
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
            "SELECT n.id, n.template, n.recipient, n.state, n.attempt, n.not_before, n.last_error, n.created_at,
                i.year, i.sequence
            FROM notice n LEFT JOIN inquiry i ON i.id = n.inquiry_id
            WHERE n.id IN (SELECT id FROM notice WHERE state = 'due'
                UNION ALL SELECT id FROM notice WHERE state = 'dead') ORDER BY n.id LIMIT $1";
        const REPLIES: &str =
            "SELECT r.id, r.delivery, c.code, r.state, r.attempt, r.not_before, r.last_error,
                r.created_at, i.year, i.sequence
            FROM reply r JOIN channel c ON c.id = r.channel_id JOIN inquiry i ON i.id = r.inquiry_id
            WHERE r.id IN (SELECT id FROM reply WHERE state = 'due'
                UNION ALL SELECT id FROM reply WHERE state = 'dead') ORDER BY r.id LIMIT $1";
        let mut lines = self.rows(NOTICES, args![limit], |row| outbox_line("notice", row)).await?;
        lines.extend(self.rows(REPLIES, args![limit], |row| outbox_line("reply", row)).await?);
        Ok(lines)
    }
}

fn outbox_line(what: &'static str, row: &Row) -> Result<OutboxLine, StoreError> {
    let id = row.get(0)?;
    let year = row.get::<Option<i64>>(8)?.map(i16::try_from).transpose();
    let year = year.map_err(|error| StoreError::bad_row(what, id, error))?;
    let number = year.zip(row.get(9)?).map(|(year, sequence)| InquiryNumber { year, sequence });
    Ok(OutboxLine {
        what,
        id,
        inquiry: number.map(|number| number.to_string()),
        detail: row.get(1)?,
        to: row.get(2)?,
        state: row.get(3)?,
        attempt: row.get(4)?,
        not_before: row.get(5)?,
        last_error: row.get(6)?,
        created_at: row.get(7)?,
    })
}
