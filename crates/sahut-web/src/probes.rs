//! Whether the process lives and is ready, and its metrics: for the machine that watches it, not for the public.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use sahut_domain::Clock;
use sahut_store::status::Status;
use sahut_store::{Db, StoreError};
use serde_json::json;
use thiserror::Error;

/// How long a probe waits for the database.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the probes look at.
#[derive(Clone)]
pub struct Probes {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Names of tasks that have given no sign of life for too long.
    pub stuck: Arc<dyn Fn() -> Vec<&'static str> + Send + Sync>,
    /// How each task does, for the operator.
    pub tasks: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The metrics of this process.
    pub metrics: PrometheusHandle,
}

/// Another recorder of metrics was installed before.
#[derive(Debug, Error)]
#[error("the metrics of this process are recorded by somebody else already: {0}")]
pub struct MetricsTaken(String);

/// Begins to record the metrics of this process; once a process.
pub fn record_metrics() -> Result<PrometheusHandle, MetricsTaken> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Suffix("_seconds".to_owned()),
            &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0],
        )
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| MetricsTaken(error.to_string()))
}

/// `/livez`, `/readyz` (and `/healthz`, the same) and `/metrics`.
pub fn router(probes: Probes) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/healthz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(probes)
}

async fn livez(State(probes): State<Probes>) -> impl IntoResponse {
    let stuck = (probes.stuck)();
    let status = if stuck.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "stuck": stuck, "tasks": (probes.tasks)() })))
}

/// Ready means: the database takes a write.
async fn readyz(State(probes): State<Probes>) -> impl IntoResponse {
    let written = tokio::time::timeout(PATIENCE, write(&probes)).await;
    let problem = match written {
        Ok(Ok(())) => return (StatusCode::OK, Json(json!({ "ready": true }))),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the database does not answer in time".to_owned(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "problem": problem })))
}

async fn write(probes: &Probes) -> Result<(), StoreError> {
    let mut tx = probes.db.begin().await?;
    tx.touch(probes.clock.now()).await?;
    tx.commit().await
}

async fn metrics(State(probes): State<Probes>) -> impl IntoResponse {
    if let Ok(Ok(status)) = tokio::time::timeout(PATIENCE, look(&probes)).await {
        gauge(&status);
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, probes.metrics.render())
}

async fn look(probes: &Probes) -> Result<Status, StoreError> {
    probes.db.read().await?.status(probes.clock.now()).await
}

fn gauge(status: &Status) {
    let gauges = [
        ("sahut_messages_waiting", status.messages_waiting),
        ("sahut_deliveries_due", status.deliveries_due),
        ("sahut_notices_due", status.notices_due),
        ("sahut_notices_dead", status.notices_dead),
        ("sahut_letters_held", status.letters_held),
        ("sahut_proposals_waiting", status.proposals_waiting),
        ("sahut_replies_due", status.replies_due),
        ("sahut_replies_uncertain", status.replies_uncertain),
        ("sahut_replies_dead", status.replies_dead),
        ("sahut_quarantined", status.quarantined),
        ("sahut_inquiries_open", status.inquiries_open),
        ("sahut_inquiries_overdue", status.inquiries_overdue),
        ("sahut_channels_active", status.channels_active),
        ("sahut_channels_ailing", status.channels_ailing),
        ("sahut_oldest_due_seconds", status.oldest_due_seconds),
        ("sahut_oldest_lease_seconds", status.oldest_lease_seconds),
    ];
    for (name, value) in gauges {
        #[expect(clippy::cast_precision_loss, reason = "counts and seconds stay far below 2^52")]
        metrics::gauge!(name).set(value as f64);
    }
}
