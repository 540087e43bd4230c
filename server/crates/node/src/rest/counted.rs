//! What a request to one of the REST paths takes of its sender's allowance.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::RestError;
use crate::allowance::{Allowance, LONG_READ_UNITS};

/// REST paths whose reads are short.
const SHORT_PATHS: [&str; 5] = ["/rpc/head", "/rpc/net_info", "/rpc/validators", "/rpc/tx", "/rpc/openrpc.json"];

/// Counts a request to one of the REST paths.
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let is_short = SHORT_PATHS.contains(&request.uri().path());
    let units = if is_short { 1 } else { LONG_READ_UNITS };
    match request.extensions().get::<Allowance>().map(|allowance| allowance.take(units)) {
        Some(Err(error)) => RestError::from(error).into_response(),
        _ => next.run(request).await,
    }
}
