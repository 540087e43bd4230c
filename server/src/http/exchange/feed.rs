//! `/ws/exchange/{market}`: a market's book and trades as they change.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use shared::api::exchange::BOOK_DEPTH_MAX;
use shared::api::exchange_feeds::FeedMessage;
use shared::api::problem::Problem;

use super::find_market;
use super::reader::{Reader, Told};
use crate::admission::Admission;
use crate::auth::Visitor;
use crate::error::ApiError;
use crate::exchange::ExchangeAccess;
use crate::http::extract::ApiPath;

/// A market's book and trades, as messages of the form `FeedMessage`: a snapshot, then what changes.
#[utoipa::path(
    get, path = "/ws/exchange/{market}", tag = "exchange", params(("market" = String, Path)),
    responses(
        (status = 101, description = "A WebSocket; each of its texts is a `FeedMessage`"),
        (status = 404, body = Problem, description = "No such market", content_type = "application/problem+json"),
        (status = 426, body = Problem, description = "No WebSocket was asked for", content_type = "application/problem+json"),
        (status = 429, body = Problem, description = "Too many connections of one network address", content_type = "application/problem+json"),
        (status = 503, body = Problem, description = "Too many readers", content_type = "application/problem+json"),
    )
)]
pub async fn follow(
    State(exchange): State<ExchangeAccess>,
    State(admission): State<Admission>,
    visitor: Visitor,
    ApiPath(id): ApiPath<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    admission.count_session(&visitor).await?;
    let (handle, market) = find_market(&exchange, &id)?;
    let feed = handle.feed(&market).ok_or_else(|| ApiError::not_found("market", &id))?;
    let reader = Reader::admit(&exchange, &visitor, upgrade)?;
    Ok(reader.tell(&exchange, move || {
        let (snapshot, messages) = feed.follow(&market, BOOK_DEPTH_MAX as usize);
        Told { snapshot, messages, closed: |reason| FeedMessage::Closed { reason } }
    }))
}
