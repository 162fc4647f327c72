//! Set-apart items that a person wants to be read again, since a mended reader may understand them.
//!
//! Reading a payload is pure and quick, so an item needs no lease: it is taken, read and stored in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sahut_store::StoreError;
use sahut_store::quarantine::{AskedItem, ReadAgain};

use crate::Context;
use crate::supervisor::panic_text;
use crate::walk::new_page;

/// Reads one item again; answers how many it were.
pub(crate) async fn reread_one(context: &Context) -> Result<usize, StoreError> {
    if !context.db.read().await?.has_asked().await? {
        return Ok(0);
    }
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let Some(item) = tx.take_asked().await? else { return Ok(0) };
    let read = read(context, &item);
    if let ReadAgain::Failed(error) = &read {
        tracing::warn!(item = item.id, error, "quarantine.still_unread");
    }
    tx.settle_asked(&item, read, now).await?;
    tx.commit().await?;
    Ok(1)
}

fn read(context: &Context, item: &AskedItem) -> ReadAgain {
    let regency = context.regency.get();
    let connector = match regency.connectors.get(&item.channel) {
        Some(Ok(connector)) => connector,
        Some(Err(reason)) => return ReadAgain::Failed(reason.clone()),
        None => return ReadAgain::Failed("its channel has no connector".to_owned()),
    };
    match catch_unwind(AssertUnwindSafe(|| connector.read_again(&item.raw, item.first_seen_at))) {
        Ok(None) => ReadAgain::WithItsFeed,
        Ok(Some(mut page)) => match page.bad.pop() {
            Some(bad) => ReadAgain::Failed(bad.error),
            None => ReadAgain::Read(new_page(page)),
        },
        Err(panic) => ReadAgain::Failed(format!("the connector failed: {}", panic_text(&*panic))),
    }
}
