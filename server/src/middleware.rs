//! What happens around every request: counting, logging, bounds for body and answer, and an answer even for a panic; and
//! around requests for jobs, pages and lists, which are counted for their sender.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::arriving_bodies;
use crate::auth::{Caller, Visitor};
use crate::error::{ApiError, LoggedError};
use crate::exchange::ExchangeAccess;
use crate::http::extract::refuse_unread;
use crate::low_priority::{LowPriority, OneOfMany};
use crate::metrics::{AnswerLabels, Metrics, RouteLabels};
use crate::reads;

/// Label of requests that match no route. Their paths are not used, because there is no limit to their number.
const NO_ROUTE: &str = "other";

/// A client may send any word as the method, so that only the known ones become labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Counts and times a request, and logs failures. Bodies, prompts and secrets are never logged.
pub(crate) async fn observe(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let request_id = request.headers().get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let started = Instant::now();
    let response = next.run(request).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    let labels = RouteLabels { method, route: route.clone() };
    metrics.request_seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
    metrics.requests.get_or_create(&AnswerLabels { method, route: route.clone(), status }).inc();
    let error = response.extensions().get::<LoggedError>();
    let is_busy = error.is_some_and(|LoggedError(error)| matches!(**error, ApiError::Busy(_)));
    let reason = error.map(LoggedError::reason);
    let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    // Who is turned away for want of room must not fill the log.
    if response.status().is_server_error() && !is_busy {
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

/// Counts a request for a job before its body is read. A caller whose key is not known counts as a visitor.
pub(crate) async fn count_attempt(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let admission = app.admission();
    let (mut parts, body) = request.into_parts();
    let found = Caller::from_request_parts(&mut parts, &app).await;
    let counted = match &found {
        Ok(caller) => admission.count_attempt(caller).await,
        Err(_) => admission.count_attempt(&Caller::Visitor { address: visitor.address }).await,
    };
    let refusal = match (counted, found) {
        (Ok(()), Ok(caller)) => {
            parts.extensions.insert(caller);
            return Ok(next.run(Request::from_parts(parts, body)).await);
        }
        (Err(limited), _) => limited,
        (Ok(()), Err(unknown)) => unknown,
    };
    Err(refuse_unread(Request::from_parts(parts, body), refusal).await)
}

/// Serves what the node is asked in the lane that it belongs to.
pub(crate) async fn in_lane(State(app): State<Arc<App>>, visitor: Visitor, request: Request, next: Next) -> Response {
    app.node_lanes.serve(&visitor.address, request, next).await
}

/// Serves a read over one of many connections of its address where it keeps nobody waiting. A farm of miners has one address
/// and the jobs of others; an office has one too, and what its people order, cancel and sign in with are few requests.
pub(crate) async fn many_at_low_priority(State(low): State<LowPriority>, request: Request, next: Next) -> Response {
    let is_one_of_many = request.extensions().get::<OneOfMany>().is_some();
    if is_one_of_many && may_wait(request.method(), request.uri().path()) {
        low.run(request, next).await
    } else {
        next.run(request).await
    }
}

/// A read that is neither a miner's session nor a stream of what happens.
fn may_wait(method: &Method, path: &str) -> bool {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let is_of_a_miner = path == "/v1/miners/session" || path.starts_with("/v1/miners/jobs/");
    let is_stream = path.starts_with("/ws/") || (path.starts_with("/v1/jobs/") && path.ends_with("/events"));
    matches!(*method, Method::GET | Method::HEAD) && !is_of_a_miner && !is_stream
}

/// Says of a request to `/rpc` whose it is, so that each of its calls counts.
pub(crate) async fn allow_calls(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(app.allowance(&visitor));
    next.run(request).await
}

/// Lets a body come in within the bounds of its sender.
pub(crate) async fn bound_body(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    arriving_bodies::bound(app.body_bounds.clone(), visitor.address, request, next).await
}

/// Sends an answer within the bounds of its reader.
pub(crate) async fn bound_answer(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    app.unread_answers.bound(&visitor.address, request, next).await
}

/// Makes a list when it is its reader's turn.
pub(crate) async fn admit_list(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    reads::list(&app.reads, &visitor.address, request, next).await
}

/// Lets the exchange's rows catch up with its answers, before a list of them takes a turn.
pub(crate) async fn catch_up(State(exchange): State<ExchangeAccess>, request: Request, next: Next) -> Response {
    exchange.catch_up().await;
    next.run(request).await
}

/// Makes a page when it is its reader's turn.
pub(crate) async fn admit_page(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    reads::page(&app.reads, &visitor.address, request, next).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_may_wait_and_sessions_streams_and_what_is_sent_may_not() {
        for path in ["/v1/miners/session", "/api/v1/miners/session", "/v1/miners/jobs/lease_1/result"] {
            assert!(!may_wait(&Method::GET, path), "{path}");
        }
        for path in ["/ws/exchange/account", "/v1/jobs/job_1/events", "/api/v1/jobs/job_1/events"] {
            assert!(!may_wait(&Method::GET, path), "{path}");
        }
        for path in ["/v1/miners", "/v1/miners/0x1", "/", "/api", "/v1/miners/session/", "/v1/jobs/miners/jobs/"] {
            assert!(may_wait(&Method::GET, path) && may_wait(&Method::HEAD, path), "{path}");
        }
        for method in [Method::POST, Method::DELETE, Method::PATCH] {
            assert!(!may_wait(&method, "/v1/jobs"), "{method}");
        }
    }

    #[test]
    fn a_method_that_nobody_knows_is_no_label_of_its_own() {
        assert_eq!(method_label(&Method::DELETE), "DELETE");
        for odd in ["BREW", "get", "X-1", "TRACE"] {
            assert_eq!(method_label(&odd.parse().unwrap()), NO_ROUTE);
        }
    }
}
