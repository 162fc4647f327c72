//! Deliveries of platforms that push: kept before they are answered, read later.

use std::collections::HashMap;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::work::{Lease, Outcome};

use crate::value::args;
use crate::work::{Claim, Owed, Stage};
use crate::{StoreError, Tx};

/// An admitted delivery that is to be read.
#[derive(Debug, Clone)]
pub struct DeliveryWork {
    /// The lease.
    pub lease: Lease<i64>,
    /// Its channel.
    pub channel: ChannelId,
    /// The raw bytes.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Timestamp,
}

impl Tx {
    /// Keeps a delivery before it is answered. `false`: it was known already.
    pub async fn admit_delivery(
        &mut self,
        channel: ChannelId,
        key: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        const ADMIT: &str = "INSERT INTO delivery (id, channel_id, key, body, received_at, state, not_before)
            VALUES ($1, $2, $3, $4, $5, 'due', $5) ON CONFLICT (channel_id, key) DO NOTHING";
        let id = self.id("delivery").await?;
        let new = self.exec(ADMIT, args![id, channel, key, body, now]).await? == 1;
        self.wake(Stage::Receive);
        Ok(new)
    }

    /// Whether there is a delivery to claim: asked of a snapshot, so that nothing to do does not take the writer.
    pub async fn has_due_deliveries(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        const DUE: &str = "SELECT 1 FROM delivery WHERE state = 'due' AND not_before <= $1
            AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
        Ok(self.opt(DUE, args![now], |_| Ok(())).await?.is_some())
    }

    /// Claims deliveries to read, those that waited longest first.
    pub async fn claim_deliveries(&mut self, claim: &Claim<'_>) -> Result<Vec<DeliveryWork>, StoreError> {
        let leases = self.claim(Owed::Delivery, claim).await?;
        let ids = leases.iter().map(|lease| lease.id).collect();
        const WORK: &str = "SELECT id, channel_id, body, received_at FROM delivery WHERE id";
        let found = self
            .rows_in(WORK, args![], ids, |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))));
        let mut found: HashMap<i64, (ChannelId, Vec<u8>, Timestamp)> = found.await?.into_iter().collect();
        let work = leases.into_iter().filter_map(|lease| {
            let (channel, body, received_at) = found.remove(&lease.id)?;
            Some(DeliveryWork { lease, channel, body, received_at })
        });
        Ok(work.collect())
    }

    /// Stores what became of a delivery. One that nobody can read is set apart. `false`: the lease was lost and nothing
    /// was stored.
    pub async fn settle_delivery(
        &mut self,
        work: &DeliveryWork,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !self.settle(Owed::Delivery, work.lease, outcome, now).await? {
            return Ok(false);
        }
        if let Outcome::Dead { error } = outcome {
            let bad = vec![(work.lease.id.to_string(), error.clone(), work.body.clone())];
            self.store_bad(work.channel, "delivery", bad, now).await?;
        }
        Ok(true)
    }
}
