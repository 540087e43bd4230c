//! Health checks and metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use shared::api::status::{Health, NetworkStatus};

use crate::app::App;
use crate::error::ApiError;
use crate::exchange::ExchangeError;
use crate::follow::FollowState;
use crate::status::Figures;

/// Whether a miner can draw, and on which device.
#[utoipa::path(get, path = "/v1/health", tag = "operations", responses((status = 200, body = Health)))]
pub async fn stage1_health(State(figures): State<Figures>) -> Result<Json<Health>, ApiError> {
    Ok(Json(figures.health()?))
}

/// Live figures of hub and chain.
#[utoipa::path(get, path = "/v1/status", tag = "operations", responses((status = 200, body = NetworkStatus)))]
pub async fn network_status(State(figures): State<Figures>) -> Result<Json<NetworkStatus>, ApiError> {
    Ok(Json(figures.network_status().await?))
}

/// The process runs.
pub async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Database and chain answer, and the server is not stopping.
pub async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    if app.stop.is_cancelled() {
        return Err(ApiError::Unavailable("the server is stopping".to_owned()));
    }
    app.store.ping().await?;
    let head = app.node.head()?;
    if let Some(reason) = app.node.why_no_blocks()? {
        return Err(ApiError::Unavailable(format!("the node makes no blocks: {reason}")));
    }
    if let Some(fault) = app.follow.as_ref().and_then(FollowState::fault) {
        return Err(ApiError::Unavailable(format!("the node does not follow: {fault}")));
    }
    let exchange_fault = match &app.exchange {
        Ok(exchange) => exchange.fault(),
        Err(ExchangeError::Fault(fault)) => Some(fault.clone()),
        Err(_) => None,
    };
    if let Some(fault) = exchange_fault {
        return Err(ApiError::Unavailable(format!("the exchange takes nothing: {fault}")));
    }
    // Settlement goes on, so that a balancer must not take this server out.
    let disk = app.node.disk_shortage().map_or_else(|| "ok".to_owned(), |shortage| shortage.to_string());
    let behind_blocks = app.follow.as_ref().map_or(0, FollowState::behind_blocks);
    let head_number = head.number;
    Ok(Json(json!({ "status": "ok", "head_number": head_number, "behind_blocks": behind_blocks, "disk": disk })))
}

/// Prometheus metrics.
pub async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    app.metrics.miners_online.set(i64::try_from(app.hub.board().miners().count()).unwrap_or(i64::MAX));
    if let Ok(exchange) = &app.exchange {
        let state = exchange.state();
        app.metrics.exchange_trades_to_settle.set(i64::try_from(state.trades_to_settle).unwrap_or(i64::MAX));
        app.metrics.exchange_fault.set(i64::from(exchange.fault().is_some()));
        app.metrics.exchange_differing.set(i64::from(state.reconciliation.differing));
    }
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], app.metrics.text())
}
