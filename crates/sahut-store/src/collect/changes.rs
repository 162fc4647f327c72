//! What becomes of messages that are known: edited, hidden, deleted, shown again. What they said before is kept.

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::InquiryId;
use sahut_domain::message::{Item, MessageId, Visibility};
use sahut_domain::office::OfficeCode;
use sha2::{Digest as _, Sha256};

use crate::journal::NewEvent;
use crate::value::args;
use crate::{StoreError, Tx};

/// The digest of an answer of ours that has not been read back yet.
pub(super) const NOT_READ_BACK: i64 = 0;

/// A message that is known, as far as telling an edit from a repetition needs it.
pub(super) struct Known {
    pub(super) id: MessageId,
    pub(super) digest: i64,
    pub(super) edited_at: Option<Timestamp>,
}

/// What an item says about a message that is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The same, or an older version that came late.
    Nothing,
    /// Our own answer is on the platform, in the form that the platform gave it.
    ReadBack,
    /// It has changed.
    Changed,
}

impl Known {
    pub(super) fn compare(&self, item: &Item) -> News {
        let outdated = self.edited_at.zip(item.edited_at).is_some_and(|(stored, read)| read < stored);
        if self.digest == digest(item) || outdated {
            News::Nothing
        } else if self.digest == NOT_READ_BACK && item.visibility == Visibility::Shown {
            News::ReadBack
        } else {
            News::Changed
        }
    }
}

/// Hash of what an author can change. Attachments are left out: platforms sign their addresses anew at each reading.
pub(super) fn digest(item: &Item) -> i64 {
    match item.visibility {
        Visibility::Deleted => short_hash(Visibility::Deleted.as_str(), b""),
        shown => short_hash(shown.as_str(), item.text.as_bytes()),
    }
}

pub(super) fn short_hash(kind: &str, bytes: &[u8]) -> i64 {
    let hash = Sha256::new().chain_update(kind).chain_update([0]).chain_update(bytes).finalize();
    i64::from_le_bytes(std::array::from_fn(|i| hash[i]))
}

impl Tx {
    /// Stores what a message says now.
    pub(super) async fn revise(
        &mut self,
        channel: ChannelId,
        message: MessageId,
        item: &Item,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.keep_revision(message, now).await?;
        // What was deleted keeps the words that were read before: the platform sends none.
        const CHANGE: &str = "UPDATE message SET text = CASE WHEN $4 = 'deleted' THEN text ELSE $2 END,
            edited_at = COALESCE($3, edited_at), visibility = $4, digest = $5 WHERE id = $1";
        let values = args![message, &item.text, item.edited_at, item.visibility.as_str(), digest(item)];
        self.exec(CHANGE, values).await?;
        let kind = match item.visibility {
            Visibility::Deleted => EventKind::MessageDeleted,
            _ => EventKind::MessageEdited,
        };
        self.record_change(kind, item.edited_at.unwrap_or(now), channel, message, now).await
    }

    /// Notes how the platform shows an answer of ours, so that later changes are seen. No one edited it.
    pub(super) async fn read_back(&mut self, message: MessageId, item: &Item) -> Result<(), StoreError> {
        const READ: &str =
            "UPDATE message SET digest = $2, edited_at = $3, permalink = COALESCE(permalink, $4)
            WHERE id = $1";
        self.exec(READ, args![message, digest(item), item.edited_at, item.permalink.as_ref()]).await?;
        Ok(())
    }

    /// Marks messages that the platform says are deleted. Answers how many were not known to be.
    pub(super) async fn mark_deleted(
        &mut self,
        channel: ChannelId,
        deleted: &[String],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        const STANDING: &str =
            "SELECT id FROM message WHERE channel_id = $1 AND visibility <> 'deleted' AND external_id";
        let found =
            self.rows_in(STANDING, args![channel], deleted.iter().collect(), |row| row.get(0)).await?;
        for message in &found {
            self.keep_revision(*message, now).await?;
            const MARK: &str = "UPDATE message SET visibility = 'deleted', digest = $2 WHERE id = $1";
            self.exec(MARK, args![*message, short_hash(Visibility::Deleted.as_str(), b"")]).await?;
            self.record_change(EventKind::MessageDeleted, now, channel, *message, now).await?;
        }
        Ok(found.len())
    }

    async fn keep_revision(&mut self, message: MessageId, now: Timestamp) -> Result<(), StoreError> {
        const KEEP: &str =
            "INSERT INTO message_revision (id, message_id, text, visibility, edited_at, replaced_at)
            SELECT $1, id, text, visibility, edited_at, $3 FROM message WHERE id = $2";
        let id = self.id("message_revision").await?;
        self.exec(KEEP, args![id, message, now]).await?;
        Ok(())
    }

    async fn record_change(
        &mut self,
        kind: EventKind,
        at: Timestamp,
        channel: ChannelId,
        message: MessageId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const INQUIRY: &str = "SELECT inquiry.id, inquiry.office FROM message JOIN inquiry
            ON inquiry.id = message.inquiry_id WHERE message.id = $1";
        let inquiry: Option<(InquiryId, OfficeCode)> =
            self.opt(INQUIRY, args![message], |row| Ok((row.get(0)?, row.get(1)?))).await?;
        let mut event = NewEvent::new(kind, at).by("platform").channel(channel).message(message);
        if let Some((inquiry, office)) = inquiry {
            event = event.inquiry(inquiry, &office);
        }
        self.record_one(event, now).await?;
        Ok(())
    }
}
