//! What happens around every request: counting, logging, and an answer even for a panic.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::{ApiError, LoggedError};
use crate::metrics::{AnswerLabels, Metrics, RouteLabels};

/// Label of requests that match no route. Their paths are not used, because there is no limit to their number.
const NO_ROUTE: &str = "other";

/// Counts and times a request, and logs failures. Bodies, prompts and secrets are never logged.
pub(crate) async fn observe(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let method = request.method().to_string();
    let request_id = request.headers().get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let started = Instant::now();
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    let labels = RouteLabels { method: method.clone(), route: route.clone() };
    metrics.request_seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
    metrics.requests.get_or_create(&AnswerLabels { method: method.clone(), route: route.clone(), status }).inc();
    let reason = response.extensions().get::<LoggedError>().map(LoggedError::reason);
    let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    if response.status().is_server_error() {
        tracing::error!(method, route, status, elapsed_us, request_id, reason, "a request failed");
    } else {
        tracing::debug!(method, route, status, elapsed_us, request_id, reason, "a request was answered");
    }
    response
}

/// A panic is a fault of this program: the client hears so in the usual form.
pub(crate) fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let reason = text.unwrap_or("unknown").to_owned();
    tracing::error!(reason, "a handler panicked");
    ApiError::Internal(reason).into_response()
}
