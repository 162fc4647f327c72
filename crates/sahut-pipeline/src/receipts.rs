//! Receipts: citizens are told that their message arrived, where the office wants that.
//!
//! A page must not be flooded, and two machines must not answer each other for ever: only so many stand under one post,
//! and one citizen gets only so many a day.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jiff::{SignedDuration, Timestamp};
use sahut_domain::channel::ChannelId;
use sahut_domain::inquiry::{InquiryId, PublicCode};
use sahut_domain::message::{CitizenId, MessageId, Surface};
use sahut_domain::office::OfficeCode;
use sahut_store::receipts::NewReceipt;
use sahut_store::{StoreError, Tx};

use crate::Regency;

/// As many receipts stand under one post, for all to read.
const UNDER_A_POST: i64 = 3;

/// As many one citizen gets in a day on one channel.
const A_DAY: i64 = 3;

/// A receipt that comes later than this after the message tells nobody anything.
pub(crate) const WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// An inquiry that began.
pub(crate) struct Begun {
    pub(crate) inquiry: InquiryId,
    pub(crate) office: OfficeCode,
    pub(crate) channel: ChannelId,
    pub(crate) message: MessageId,
    pub(crate) citizen: CitizenId,
    pub(crate) surface: Surface,
    pub(crate) post: Option<String>,
    pub(crate) opened_at: Timestamp,
    pub(crate) code: PublicCode,
}

/// Queues the receipts of inquiries that began.
pub(crate) async fn give(
    tx: &mut Tx,
    regency: &Regency,
    begun: Vec<Begun>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut given = Given::default();
    let mut receipts = Vec::new();
    for begun in begun {
        let Some(config) = regency.receipts.get(&begun.channel) else { continue };
        let in_time = now.duration_since(begun.opened_at) <= WITHIN;
        if !in_time || !config.reach.reach(begun.surface) || given.is_enough(tx, &begun, now).await? {
            continue;
        }
        let text = sahut_render::receipt(&begun.code.spoken(), config.text.as_deref(), regency.language);
        let Begun { inquiry, office, channel, message, .. } = begun;
        receipts.push(NewReceipt { inquiry, office, channel, message, text });
    }
    tx.queue_receipts(receipts, now).await
}

/// What was given before, as far as it was asked for, and in this batch.
#[derive(Default)]
struct Given {
    under: HashMap<(ChannelId, String), i64>,
    to: HashMap<ChannelId, HashMap<CitizenId, i64>>,
}

impl Given {
    /// Counts one more, unless there are enough.
    async fn is_enough(&mut self, tx: &mut Tx, begun: &Begun, now: Timestamp) -> Result<bool, StoreError> {
        let to = match self.to.entry(begun.channel) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                unknown.insert(tx.receipts_since(begun.channel, now - SignedDuration::from_hours(24)).await?)
            }
        };
        let to = to.entry(begun.citizen).or_default();
        if *to >= A_DAY {
            return Ok(true);
        }
        if let (Surface::Comment, Some(post)) = (begun.surface, &begun.post) {
            let under = match self.under.entry((begun.channel, post.clone())) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(tx.receipts_under(begun.channel, post).await?),
            };
            if *under >= UNDER_A_POST {
                return Ok(true);
            }
            *under += 1;
        }
        *to += 1;
        Ok(false)
    }
}
