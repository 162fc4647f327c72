//! The door where platforms deliver by themselves.
//!
//! A delivery is verified over its raw bytes, committed, and only then answered with 200; reading it comes later. A
//! second delivery of the same is answered and dropped.
//!
//! Meta has one address for all accounts of an app, so what comes to one channel's address may tell of others': it is
//! kept for each channel that owns one of the accounts and would have admitted the delivery itself.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use sahut_channels::{Connector, Delivery, Push, PushRefused};
use sahut_domain::channel::ChannelId;
use sahut_domain::fault;

use crate::Context;

/// The largest delivery, in bytes: read no further than this before it is refused.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// The door: `GET` and `POST /hook/{channel}`.
pub fn router(context: Context) -> Router {
    Router::new()
        .route("/hook/{channel}", get(challenge).post(deliver))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(context)
}

async fn challenge(
    State(context): State<Context>,
    Path(channel): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> (StatusCode, String) {
    let Ok((_, connector)) = find(&context, &channel).await else { return answer(StatusCode::NOT_FOUND) };
    let Some(push) = connector.push() else { return answer(StatusCode::NOT_FOUND) };
    let query: Vec<(String, String)> = query.into_iter().collect();
    match push.challenge(&query) {
        Ok(body) => (StatusCode::OK, body),
        Err(refused) => refuse(&channel, &refused),
    }
}

async fn deliver(
    State(context): State<Context>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let (id, connector) = match find(&context, &channel).await {
        Ok(found) => found,
        Err(status) => return answer(status),
    };
    let Some(push) = connector.push() else { return answer(StatusCode::NOT_FOUND) };
    let now = context.clock.now();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let delivery = match push.admit(&header, &body, now) {
        Ok(delivery) => delivery,
        Err(refused) => return refuse(&channel, &refused),
    };
    let owners = if delivery.accounts.is_empty() {
        BTreeSet::from([id])
    } else {
        owners(&context, &channel, &delivery, |push| push.admit(&header, &body, now).is_ok())
    };
    let kept = keep(&context, &owners, &delivery.key, &body).await;
    fault::point("door.before_answer");
    match kept {
        Ok(new) => {
            let fate = match new {
                _ if owners.is_empty() => "unowned",
                true => "kept",
                false => "known",
            };
            metrics::counter!("sahut_deliveries_total", "fate" => fate).increment(1);
            answer(StatusCode::OK)
        }
        Err(error) => {
            tracing::warn!(channel, %error, "delivery.not_kept");
            // The platform tries again: nothing was acknowledged.
            answer(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// The channels that own an account which the delivery tells of. Only those count that would have admitted it at their
/// own address: who knows one app's secret speaks for that app's accounts and for no others.
fn owners(
    context: &Context,
    channel: &str,
    delivery: &Delivery,
    admits: impl Fn(&dyn Push) -> bool,
) -> BTreeSet<ChannelId> {
    let mut owners = BTreeSet::new();
    let mut unowned: BTreeSet<&String> = delivery.accounts.iter().collect();
    for (id, connector) in &context.regency.get().connectors {
        let Some(push) = connector.as_ref().ok().and_then(|connector| connector.push()) else { continue };
        if delivery.accounts.iter().any(|account| push.owns(account)) && admits(push) {
            unowned.retain(|account| !push.owns(account));
            owners.insert(*id);
        }
    }
    if !unowned.is_empty() {
        tracing::warn!(channel, accounts = ?unowned, "delivery.unowned");
        metrics::counter!("sahut_delivery_accounts_unowned_total").increment(unowned.len() as u64);
    }
    owners
}

/// Keeps a delivery for each of its channels; answers whether it was new to one of them.
async fn keep(
    context: &Context,
    channels: &BTreeSet<ChannelId>,
    key: &str,
    body: &[u8],
) -> Result<bool, sahut_store::StoreError> {
    let mut tx = context.db.begin().await?;
    let mut new = false;
    for channel in channels {
        new |= tx.admit_delivery(*channel, key, body, context.clock.now()).await?;
    }
    tx.commit().await?;
    Ok(new)
}

async fn find(context: &Context, code: &str) -> Result<(ChannelId, Arc<dyn Connector>), StatusCode> {
    let unavailable = |error: sahut_store::StoreError| {
        tracing::warn!(channel = code, %error, "delivery.not_kept");
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut tx = context.db.read().await.map_err(unavailable)?;
    let channel = tx.channel(code).await.map_err(unavailable)?.ok_or(StatusCode::NOT_FOUND)?;
    match context.regency.get().connectors.get(&channel.id) {
        Some(Ok(connector)) => Ok((channel.id, Arc::clone(connector))),
        _ => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn refuse(channel: &str, refused: &PushRefused) -> (StatusCode, String) {
    tracing::warn!(channel, %refused, "delivery.refused");
    metrics::counter!("sahut_deliveries_total", "fate" => "refused").increment(1);
    let status = match refused {
        PushRefused::Signature | PushRefused::Stale => StatusCode::UNAUTHORIZED,
        PushRefused::Malformed(_) => StatusCode::BAD_REQUEST,
    };
    (status, refused.to_string())
}

/// An answer without a body of its own.
fn answer(status: StatusCode) -> (StatusCode, String) {
    (status, String::new())
}
