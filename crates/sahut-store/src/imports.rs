//! Where imports of files stand: each batch of rows and the position after it are one transaction.

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use serde::Serialize;

use crate::value::args;
use crate::{StoreError, Tx};

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Its row.
    #[serde(skip)]
    pub id: i64,
    /// Where to go on in the file: records for tables, bytes for mboxes.
    pub position: i64,
    /// Messages that were new.
    pub imported: i64,
    /// Messages that were known.
    pub known: i64,
    /// Records that could not be read; they are in the quarantine.
    pub refused: i64,
    /// When it was finished.
    pub finished_at: Option<Timestamp>,
}

impl Tx {
    /// Begins an import of a file, or finds where it was left: the same content into the same channel is the same
    /// import.
    pub async fn begin_import(
        &mut self,
        channel: ChannelId,
        digest: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Import, StoreError> {
        const BEGIN: &str = "INSERT INTO import (id, channel_id, digest, name, position, imported, known, refused, started_at)
            VALUES ($1, $2, $3, $4, 0, 0, 0, 0, $5) ON CONFLICT (channel_id, digest) DO NOTHING";
        let id = self.id("import").await?;
        self.exec(BEGIN, args![id, channel, digest, name, now]).await?;
        const FIND: &str = "SELECT id, position, imported, known, refused, finished_at FROM import
            WHERE channel_id = $1 AND digest = $2";
        self.one(FIND, args![channel, digest], |row| {
            Ok(Import {
                id: row.get(0)?,
                position: row.get(1)?,
                imported: row.get(2)?,
                known: row.get(3)?,
                refused: row.get(4)?,
                finished_at: row.get(5)?,
            })
        })
        .await
    }

    /// Stores how far an import has come; part of the transaction that stores the rows before that position.
    pub async fn advance_import(&mut self, import: &Import) -> Result<(), StoreError> {
        const ADVANCE: &str =
            "UPDATE import SET position = $2, imported = $3, known = $4, refused = $5, finished_at = $6
            WHERE id = $1";
        let values = args![
            import.id,
            import.position,
            import.imported,
            import.known,
            import.refused,
            import.finished_at
        ];
        self.exec(ADVANCE, values).await?;
        Ok(())
    }
}
