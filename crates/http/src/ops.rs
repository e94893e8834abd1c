//! For health checks and metrics: `/livez`, `/readyz`, `/metrics`.

use axum::{
    Json, Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rapport_engine::readiness::Readiness;
use serde_json::json;

/// Upper bounds of the histograms, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Makes this process keep metrics, once. The handle goes to [`ops()`].
///
/// # Errors
/// When a recorder is installed already.
pub fn install_recorder() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?.install_recorder()
}

/// The router for operators' tools. It shows no personal data, but belongs on an address the public cannot reach.
///
/// `/livez` answers as long as the process runs; `/readyz` answers 503 with the troubles when a part cannot do its job; `/metrics`
/// is there when a recorder is.
pub fn ops(readiness: Readiness, metrics: Option<PrometheusHandle>) -> Router {
    let router = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(move || async move { ready(&readiness) }));
    match metrics {
        Some(handle) => router.route("/metrics", get(move || async move { render(&handle) })),
        None => router,
    }
}

fn ready(readiness: &Readiness) -> Response {
    let troubles = readiness.troubles();
    let status = if troubles.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let told: Vec<_> = troubles.iter().map(|(part, why)| json!({ "part": part, "why": why })).collect();
    let notes = readiness.notes();
    let notes: Vec<_> = notes.iter().map(|(part, what)| json!({ "part": part, "what": what })).collect();
    let mut body = json!({ "ready": troubles.is_empty(), "troubles": told });
    if let (Some(body), false) = (body.as_object_mut(), notes.is_empty()) {
        body.insert("notes".into(), notes.into());
    }
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

fn render(handle: &PrometheusHandle) -> Response {
    // Nobody else tidies the histograms of a handle without a listener of its own.
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
