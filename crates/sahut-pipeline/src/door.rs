//! The door where platforms deliver by themselves.
//!
//! A delivery is verified over its raw bytes, committed, and only then answered with 200; reading it comes later. A
//! second delivery of the same is answered and dropped.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use sahut_channels::{Connector, PushRefused};
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
    let kept = keep(&context, id, &delivery.key, &body).await;
    fault::point("door.before_answer");
    match kept {
        Ok(new) => {
            let fate = if new { "kept" } else { "known" };
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

async fn keep(
    context: &Context,
    channel: ChannelId,
    key: &str,
    body: &[u8],
) -> Result<bool, sahut_store::StoreError> {
    let mut tx = context.db.begin().await?;
    let new = tx.admit_delivery(channel, key, body, context.clock.now()).await?;
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
