//! Receipts: citizens are told that their message arrived, and by which code they can ask for it. They leave like every
//! other reply and count for nothing.

use std::collections::HashMap;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::event::EventKind;
use sahut_domain::inquiry::InquiryId;
use sahut_domain::message::{CitizenId, MessageId};
use sahut_domain::office::OfficeCode;
use sahut_domain::reply::{Intent, ReplyId};

use crate::journal::NewEvent;
use crate::value::{args, row};
use crate::work::Stage;
use crate::{StoreError, Tx};

/// A receipt that is to leave.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    /// The inquiry that began.
    pub inquiry: InquiryId,
    /// Its office.
    pub office: OfficeCode,
    /// Its channel.
    pub channel: ChannelId,
    /// The message that began it.
    pub message: MessageId,
    /// The words, with the code.
    pub text: String,
}

impl Tx {
    /// How many receipts stand under a post, or are on their way there.
    pub async fn receipts_under(&mut self, channel: ChannelId, post: &str) -> Result<i64, StoreError> {
        const UNDER: &str = "SELECT COUNT(DISTINCT r.id) FROM thread t JOIN message m ON m.thread_id = t.id
            JOIN reply r ON r.inquiry_id = m.inquiry_id AND r.intent = 'receipt'
            WHERE t.channel_id = $1 AND t.post = $2";
        self.one(UNDER, args![channel, post], |row| row.get(0)).await
    }

    /// How many receipts each citizen was given on a channel since a moment.
    pub async fn receipts_since(
        &mut self,
        channel: ChannelId,
        since: Timestamp,
    ) -> Result<HashMap<CitizenId, i64>, StoreError> {
        const SINCE: &str = "SELECT i.citizen_id, COUNT(*) FROM reply r JOIN inquiry i ON i.id = r.inquiry_id
            WHERE r.channel_id = $1 AND r.intent = 'receipt' AND r.created_at > $2 GROUP BY i.citizen_id";
        let given = self.rows(SINCE, args![channel, since], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(given.await?.into_iter().collect())
    }

    /// Queues receipts. An inquiry has one at most, and a second one is refused.
    pub async fn queue_receipts(
        &mut self,
        receipts: Vec<NewReceipt>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if receipts.is_empty() {
            return Ok(());
        }
        let mut ids = self.ids("reply", receipts.len()).await?;
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        for receipt in receipts {
            let id = ReplyId(ids.next()?);
            let NewReceipt { inquiry, office, channel, message, text } = receipt;
            rows.push(row![id, format!("receipt-{inquiry}"), inquiry, channel, message, text, now, now]);
            let data = serde_json::json!({ "reply": id, "intent": Intent::Receipt });
            let event = NewEvent::new(EventKind::ReplyQueued, now).channel(channel);
            events.push(event.inquiry(inquiry, &office).with(data));
        }
        const QUEUE: &str = "INSERT INTO reply (id, key, inquiry_id, channel_id, message_id, text, author, intent, \
             created_at, delivery, state, not_before) VALUES (?, ?, ?, ?, ?, ?, 'sahut', 'receipt', ?, 'queued', 'due', ?)";
        self.insert(QUEUE, rows).await?;
        self.record(events, now).await?;
        self.wake(Stage::Deliver);
        Ok(())
    }
}
