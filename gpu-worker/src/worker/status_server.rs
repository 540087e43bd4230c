//! The worker's state on this machine's own loopback: `/status` as JSON for `gpu-worker status`, `/metrics` for
//! Prometheus. It is read-only, so that no page in a browser can change anything.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use inference::files::write_atomically;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::monitor::State as Doing;
use super::monitor::{HubStatus, Monitor, StatusReport};
use crate::error::{Result, WorkerError};

/// In the data folder: where the running worker's status is.
pub const ADDRESS_FILE: &str = "status-address";

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Section `[status]` of the worker's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatusConfig {
    /// Loopback address of `/status` and `/metrics`; port 0 takes a free one.
    pub listen: SocketAddr,
}

impl Default for StatusConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
    }
}

/// A server that ends when this is dropped.
#[derive(Debug)]
pub struct StatusServer {
    task: JoinHandle<()>,
    address_file: PathBuf,
}

impl Drop for StatusServer {
    fn drop(&mut self) {
        self.task.abort();
        // A file of an earlier worker leads to no server; `status` says so.
        let _ = std::fs::remove_file(&self.address_file);
    }
}

/// Starts to tell.
///
/// # Errors
/// An address that others could reach, and one that is taken.
pub async fn start(config: &StatusConfig, data: &Path, monitor: Arc<Mutex<Monitor>>) -> Result<StatusServer> {
    let StatusConfig { listen } = config;
    if !listen.ip().is_loopback() {
        return Err(WorkerError::config(format!("status.listen is a loopback address, got {listen}")));
    }
    let taken = |error: std::io::Error| {
        WorkerError::config(format!("status.listen {listen}: {error}; port 0 takes one that is free"))
    };
    let listener = TcpListener::bind(listen).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let address_file = data.join(ADDRESS_FILE);
    write_atomically(&address_file, address.to_string().as_bytes())?;
    let routes = Router::new().route("/status", get(status)).route("/metrics", get(metrics)).with_state(monitor);
    let task = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the status is not told any more");
        }
    });
    tracing::info!(%address, "status and metrics are told");
    Ok(StatusServer { task, address_file })
}

type Watched = Arc<Mutex<Monitor>>;

fn report(monitor: &Watched) -> StatusReport {
    monitor.lock().unwrap_or_else(PoisonError::into_inner).report(Instant::now())
}

async fn status(State(monitor): State<Watched>) -> Json<StatusReport> {
    Json(report(&monitor))
}

async fn metrics(State(monitor): State<Watched>) -> impl IntoResponse {
    match exposition(&report(&monitor)) {
        Ok(text) => (StatusCode::OK, [(CONTENT_TYPE, METRICS_TYPE)], text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "text/plain")], error.to_string()),
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Model {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfHub {
    hub: String,
}

/// The report in the OpenMetrics text format.
fn exposition(report: &StatusReport) -> std::result::Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("aitbc_worker");
    let jobs = Family::<Outcome, Counter>::default();
    for (outcome, count) in
        [("completed", report.jobs.completed), ("failed", report.jobs.failed), ("canceled", report.jobs.canceled)]
    {
        jobs.get_or_create(&Outcome { outcome }).inc_by(count);
    }
    registry.register("jobs", "Jobs that ended", jobs);
    let warm = Family::<Model, Gauge>::default();
    for model in &report.models {
        warm.get_or_create(&Model { model: model.name.clone() }).set(model.warm.into());
    }
    registry.register("model_warm", "Whether a model is loaded", warm);
    for (name, help, value) in [
        ("jobs_running", "Jobs in hand", number(report.jobs.running)),
        ("slots", "Jobs that may run at once", number(report.facts.slots)),
        ("devices_lost", "Devices that are out of service", number(report.lost.len())),
        ("serving", "Whether new jobs are taken", (report.state == Doing::Serving).into()),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        registry.register(name, help, gauge);
    }
    of_hubs(&report.hubs, &mut registry);
    let mut exposition = String::new();
    text::encode(&mut exposition, &registry)?;
    Ok(exposition)
}

fn of_hubs(hubs: &[HubStatus], registry: &mut Registry) {
    type Figure = (&'static str, &'static str, fn(&HubStatus) -> i64);
    let figures: [Figure; 5] = [
        ("connected", "Whether a session with the hub is up", |hub| hub.ahead_ms.is_some().into()),
        ("hub_ahead_milliseconds", "The hub's clock before this machine's", |hub| hub.ahead_ms.unwrap_or(0)),
        ("hub_jobs_running", "Jobs of the hub in hand", |hub| number(hub.jobs.running)),
        ("hub_slots", "Slots that the hub may fill now", |hub| number(hub.slots)),
        ("results_waiting", "Results that the hub has not taken yet", |hub| number(hub.results_waiting)),
    ];
    for (name, help, figure) in figures {
        let family = Family::<OfHub, Gauge>::default();
        for hub in hubs {
            family.get_or_create(&OfHub { hub: hub.url.clone() }).set(figure(hub));
        }
        registry.register(name, help, family);
    }
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
