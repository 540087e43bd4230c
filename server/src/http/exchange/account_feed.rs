//! `/ws/exchange/account`: a trader's own orders and trades as they change.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::api::exchange_feeds::AccountMessage;
use shared::api::problem::Problem;

use super::handle;
use super::reader::{Reader, Told};
use crate::admission::Admission;
use crate::auth::{Caller, Callers, Visitor};
use crate::error::ApiError;
use crate::exchange::ExchangeAccess;

/// The longest wait until the lists have what is older than a snapshot.
const ROWS_PATIENCE: Duration = Duration::from_secs(10);

/// The orders and trades of the wallet that is signed in, or whose key is given, as messages of the form `AccountMessage`: a
/// snapshot of the open orders, then what changes. A program that has a session and no page sends the header `Origin`.
#[utoipa::path(
    get, path = "/ws/exchange/account", tag = "exchange",
    responses(
        (status = 101, description = "A WebSocket; each of its texts is an `AccountMessage`"),
        (status = 401, body = Problem, description = "Nobody is signed in", content_type = "application/problem+json"),
        (status = 403, body = Problem, description = "A page of another site asks with the session", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "No exchange is here", content_type = "application/problem+json"),
        (status = 426, body = Problem, description = "No WebSocket was asked for", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many connections of one network address", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "Too many readers, or lists that lag behind", content_type = "application/problem+json"),
    ),
    security(("session" = []), ("api_key" = []))
)]
pub async fn follow(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    State(callers): State<Callers>,
    visitor: Visitor,
    caller: Caller,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    admission.count_session(&visitor).await?;
    let handle = handle(&exchange)?;
    let trader = caller.address().ok_or(ApiError::NotSignedIn)?;
    if caller.key().is_none() {
        // A browser sends the cookie along with every connection, whichever page opens it.
        callers.origins.check_own_page(&headers)?;
    }
    let reader = Reader::admit(&exchange, &visitor, upgrade)?;
    let (snapshot, messages) = handle.follow_account(trader).await?;
    // So everything older than the snapshot can be read in the lists; what comes meanwhile waits as messages.
    if !handle.caught_up(ROWS_PATIENCE).await {
        return Err(ApiError::Busy(
            "the lists lack what was acknowledged; the feed can be asked for again soon".to_owned(),
        ));
    }
    Ok(reader.tell(&exchange, move || Told { snapshot, messages, closed: |reason| AccountMessage::Closed { reason } }))
}
