//! The probes of this process, wired to its parts.

use std::sync::Arc;

use axum::Router;
use sahut_pipeline::{Context, Supervisor};
use sahut_web::probes::Probes;

use crate::failure::Failure;

/// Begins to record metrics.
pub(crate) fn install_metrics() -> Result<Probed, Failure> {
    sahut_web::probes::record_metrics().map(Probed).map_err(|error| Failure::failed(error.to_string()))
}

/// Metrics that are being recorded.
pub(crate) struct Probed(metrics_exporter_prometheus::PrometheusHandle);

/// The probes' router.
pub(crate) fn router(context: &Context, supervisor: &Supervisor, metrics: Probed) -> Router {
    let (stuck, tasks) = (supervisor.clone(), supervisor.clone());
    sahut_web::probes::router(Probes {
        db: context.db.clone(),
        clock: context.clock.clone(),
        stuck: Arc::new(move || stuck.stuck()),
        tasks: Arc::new(move || serde_json::to_value(tasks.statuses()).unwrap_or_default()),
        metrics: metrics.0,
    })
}
