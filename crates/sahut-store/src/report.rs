//! What the monthly report asks of the database: the journal's lines, and how things are called.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::{EventId, EventKind};
use sahut_domain::office::OfficeCode;
use sahut_domain::report::{ChannelFacts, Fold, Line, Told};

use crate::journal::NewEvent;
use crate::value::{Row, args};
use crate::{StoreError, Tx};

/// Lines that are read at once.
const PAGE: i64 = 20_000;

impl Tx {
    /// Lets a report take all lines of the journal that count.
    pub async fn tell_report(&mut self, fold: &mut Fold) -> Result<(), StoreError> {
        for kind in Fold::KINDS {
            let mut after = (Timestamp::MIN.as_microsecond(), 0);
            loop {
                let lines = self.lines_of(*kind, fold.as_of(), after).await?;
                let Some(last) = lines.last() else { break };
                after = (last.at.as_microsecond(), last.id);
                for line in lines {
                    fold.take(line);
                }
            }
        }
        Ok(())
    }

    async fn lines_of(
        &mut self,
        kind: EventKind,
        until: Timestamp,
        after: (i64, i64),
    ) -> Result<Vec<Line>, StoreError> {
        const LINES: &str = "SELECT id, at, actor, office, channel_id, inquiry_id, data FROM event
            WHERE kind = $1 AND at < $2 AND (at, id) > ($3, $4) ORDER BY at, id LIMIT $5";
        let read = |row: &Row| {
            Ok(Line {
                id: row.get(0)?,
                kind,
                at: row.get(1)?,
                actor: row.get(2)?,
                office: row.get(3)?,
                channel: row.get(4)?,
                inquiry: row.get(5)?,
                told: row.json::<Option<Told>>(6)?.unwrap_or_default(),
            })
        };
        self.rows(LINES, args![kind.as_str(), until, after.0, after.1, PAGE], read).await
    }

    /// When the journal was begun: what happened before was learned of only in part.
    pub async fn journal_begins(&mut self) -> Result<Option<Timestamp>, StoreError> {
        const FIRST: &str = "SELECT recorded_at FROM event ORDER BY id LIMIT 1";
        self.opt(FIRST, args![], |row| row.get(0)).await
    }

    /// Short names of all offices, also of those that are retired: what happened there stays theirs.
    pub async fn office_names(&mut self) -> Result<BTreeMap<OfficeCode, String>, StoreError> {
        const NAMES: &str = "SELECT code, short_name FROM office";
        let names = self.rows(NAMES, args![], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(names.await?.into_iter().collect())
    }

    /// The channels as a report names them. Files that were brought in are none: nobody can be quiet there.
    pub async fn channel_facts(&mut self) -> Result<BTreeMap<ChannelId, ChannelFacts>, StoreError> {
        const CHANNELS: &str =
            "SELECT id, name, platform, office, watermark, retired FROM channel WHERE platform <> 'import'";
        let read = |row: &Row| {
            let facts = ChannelFacts {
                name: row.get(1)?,
                platform: row.word(2)?,
                office: row.get(3)?,
                complete_until: row.get(4)?,
                retired: row.get(5)?,
            };
            Ok((row.get(0)?, facts))
        };
        Ok(self.rows(CHANNELS, args![], read).await?.into_iter().collect())
    }

    /// Keeps in the journal that the report of a month was made, with its main numbers.
    pub async fn note_report(
        &mut self,
        office: &OfficeCode,
        numbers: serde_json::Value,
        now: Timestamp,
    ) -> Result<EventId, StoreError> {
        let mut event = NewEvent::new(EventKind::ReportMade, now).with(numbers);
        event.office = Some(office.clone());
        self.record_one(event, now).await
    }
}
