//! Gathers the many small writes of reading channels into few transactions.
//!
//! Hundreds of channels end their rounds all the time; a commit each would keep the disk busy with nothing else. Here
//! whatever is waiting when the last commit is done goes into the next one, so batches grow with the load and a lone
//! write does not wait. A writer gets its answer only after the commit. A write that the database refuses is done again
//! by itself, so that it spoils nothing but itself.

use std::sync::Arc;

use jiff::Timestamp;
use sahut_domain::channel::ChannelId;
use sahut_domain::fault;
use sahut_domain::work::Lease;
use sahut_store::collect::{NewPage, RoundEnd, Stored, Walk};
use sahut_store::{StoreError, Tx};
use tokio::sync::{mpsc, oneshot};

use crate::Context;
use crate::supervisor::{Heart, TaskError};

/// Messages that one transaction takes at most, give or take a page.
const MOST_ROWS: usize = 1000;

/// Bytes of payload that one transaction takes at most, give or take a page: mails are large.
const MOST_BYTES: usize = 16 << 20;

/// Writes that may wait; a reader that comes on top of them waits with its page in hand.
const QUEUE: usize = 256;

/// A write of the collect stage, under the lease on its channel.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// A page, with the durable position after it.
    Page { page: Arc<NewPage>, cursor: Option<(i64, String)>, keep_until: Timestamp },
    /// A feed no longer exists.
    Gone { feed: i64 },
    /// The round is over.
    Settle { end: RoundEnd, block: Option<(String, Timestamp, String)> },
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is durable.
    Done(Stored),
    /// The lease on the channel was lost: nothing was written.
    LeaseLost,
}

struct Order {
    lease: Lease<ChannelId>,
    walks: Vec<Walk>,
    write: Write,
    answer: oneshot::Sender<Result<Written, StoreError>>,
}

/// Where writes are handed in. Cloned freely.
#[derive(Clone)]
pub(crate) struct Committer(mpsc::Sender<Order>);

/// The other end, which does the writing.
pub(crate) struct Desk(mpsc::Receiver<Order>);

/// A committer and its desk.
pub(crate) fn committer() -> (Committer, Desk) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Committer(sender), Desk(receiver))
}

impl Committer {
    /// Hands a write in, with the walks that ended since the last one, and waits until both are durable. Were walks lost,
    /// their feeds would be walked once more.
    pub(crate) async fn write(
        &self,
        lease: Lease<ChannelId>,
        walks: Vec<Walk>,
        write: Write,
    ) -> Result<Written, StoreError> {
        let (answer, answered) = oneshot::channel();
        let closed = || StoreError::Unavailable("the writer of pages is not running".to_owned());
        self.0.send(Order { lease, walks, write, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

impl Desk {
    /// Writes until all committers are gone, or the task is asked to stop and nothing waits any more.
    pub(crate) async fn run(&mut self, context: &Context, heart: &Heart) -> Result<(), TaskError> {
        loop {
            heart.beat();
            let first = tokio::select! {
                order = self.0.recv() => order,
                () = tokio::time::sleep(std::time::Duration::from_secs(5)) => continue,
            };
            let Some(first) = first else { return Ok(()) };
            commit(context, self.gather(first)).await;
        }
    }

    /// A batch of what waits, as much as one transaction takes.
    fn gather(&mut self, first: Order) -> Vec<Order> {
        let (mut rows, mut bytes) = (first.rows(), first.bytes());
        let mut batch = vec![first];
        while rows < MOST_ROWS
            && bytes < MOST_BYTES
            && let Ok(order) = self.0.try_recv()
        {
            rows += order.rows();
            bytes += order.bytes();
            batch.push(order);
        }
        batch
    }
}

impl Order {
    /// Answers the writer. One that was dropped meanwhile does not miss it: the lease protects what follows.
    fn settle(self, written: Result<Written, StoreError>) {
        let _ = self.answer.send(written);
    }

    fn rows(&self) -> usize {
        let items = if let Write::Page { page, .. } = &self.write { page.items.len() } else { 0 };
        items.max(1) + self.walks.len()
    }

    fn bytes(&self) -> usize {
        let Write::Page { page, .. } = &self.write else { return 0 };
        let items = page.items.iter().map(|item| item.raw.len());
        items.chain(page.bad.iter().map(|(_, _, raw)| raw.len())).sum()
    }
}

async fn commit(context: &Context, batch: Vec<Order>) {
    match write_all(context, &batch).await {
        Ok(written) => {
            fault::point("collect.after_commit");
            for (order, written) in batch.into_iter().zip(written) {
                order.settle(Ok(written));
            }
        }
        Err(error) if batch.len() > 1 => {
            tracing::debug!(%error, writes = batch.len(), "commit.apart");
            for order in batch {
                let alone = write_all(context, std::slice::from_ref(&order)).await;
                order.settle(alone.map(|written| written.first().copied().unwrap_or(Written::LeaseLost)));
            }
        }
        Err(error) => {
            if let Some(only) = batch.into_iter().next() {
                only.settle(Err(error));
            }
        }
    }
}

async fn write_all(context: &Context, batch: &[Order]) -> Result<Vec<Written>, StoreError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    // Channels first, as everybody does who also touches their feeds.
    let held = tx.hold_channels(batch.iter().map(|order| order.lease.id)).await?;
    let walks = batch.iter().filter(|order| held.holds(&order.lease)).flat_map(|order| &order.walks);
    tx.finish_walks(walks).await?;
    let mut written = Vec::with_capacity(batch.len());
    let mut ends = Vec::new();
    for order in batch {
        if let Write::Settle { end, .. } = &order.write {
            ends.push((order.lease, end));
        }
        written.push(if held.holds(&order.lease) {
            write_one(&mut tx, order, now).await?
        } else {
            Written::LeaseLost
        });
    }
    // Last, so that it sees the wake-ups that came until now.
    tx.settle_channels(&held, &ends, now).await?;
    tx.commit().await?;
    Ok(written)
}

/// Writes what is one order's own.
async fn write_one(tx: &mut Tx, order: &Order, now: Timestamp) -> Result<Written, StoreError> {
    let lease = order.lease;
    match &order.write {
        Write::Page { page, cursor, keep_until } => {
            if !tx.keep_channel(lease, *keep_until).await? {
                return Ok(Written::LeaseLost);
            }
            let stored = tx.store_page(lease.id, NewPage::clone(page), now).await?;
            if let Some((feed, cursor)) = cursor {
                tx.move_cursor(*feed, cursor).await?;
            }
            return Ok(Written::Done(stored));
        }
        Write::Gone { feed } => tx.lose_feed(*feed).await?,
        Write::Settle { block: Some((scope, until, detail)), .. } => {
            tx.block_budget(scope, *until, detail).await?;
        }
        Write::Settle { block: None, .. } => {}
    }
    Ok(Written::Done(Stored::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_bounded_in_bytes() {
        let (committer, mut desk) = committer();
        let order = |megabytes: usize| {
            let bad = vec![("k".to_owned(), String::new(), vec![0; megabytes << 20])];
            let page = Arc::new(NewPage { bad, ..NewPage::default() });
            let lease = Lease { id: ChannelId(1), attempt: 1, failures: 0, until: Timestamp::MAX };
            let write = Write::Page { page, cursor: None, keep_until: Timestamp::MAX };
            Order { lease, walks: Vec::new(), write, answer: oneshot::channel().0 }
        };
        for _ in 0..5 {
            committer.0.try_send(order(6)).ok();
        }
        let batch = desk.gather(order(1));
        assert_eq!(batch.len(), 4, "19 MiB: it was below the bound before the last page");
        assert_eq!(desk.gather(order(0)).len(), 3, "the rest");
    }
}
