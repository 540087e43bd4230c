//! `/ws/exchange/{market}`: a market's book and trades as they change.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use shared::api::exchange::{BOOK_DEPTH_MAX, FeedMessage};
use shared::api::problem::Problem;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::find_market;
use crate::admission::Admission;
use crate::auth::Visitor;
use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, READERS_MAX, READERS_PER_ADDRESS_MAX};
use crate::http::extract::ApiPath;

/// A reader takes each message in this time, or is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// Without a message for so long, a ping asks whether the reader is there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// A client sends nothing but what the protocol itself needs.
const INCOMING_MAX_BYTES: usize = 1 << 10;

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
    let upgrade = upgrade.map_err(|rejection| ApiError::UpgradeRequired(rejection.body_text()))?;
    let upgrade = upgrade.max_message_size(INCOMING_MAX_BYTES).max_frame_size(INCOMING_MAX_BYTES);
    let place = exchange.readers.take(Some(&visitor.address), 1);
    let place = place.ok_or_else(|| {
        ApiError::Busy(format!("there are {READERS_MAX} readers of feeds, or {READERS_PER_ADDRESS_MAX} of one address"))
    })?;
    let (tasks, stop) = (exchange.tasks.clone(), exchange.stop.clone());
    Ok(upgrade.on_upgrade(move |mut socket| {
        tasks.track_future(async move {
            let _place = place;
            let (snapshot, messages) = feed.follow(&market, BOOK_DEPTH_MAX as usize);
            let reason = tell(&mut socket, &snapshot, messages, &stop).await;
            if let Some(reason) = reason {
                tracing::debug!(reason, "a reader of a feed is dropped");
                let _ = send_message(&mut socket, &FeedMessage::Closed { reason }).await;
            }
            let _ = tokio::time::timeout(PATIENCE, socket.send(Message::Close(None))).await;
        })
    }))
}

/// Tells a reader everything until it leaves, or a reason ends it.
async fn tell(
    socket: &mut WebSocket,
    snapshot: &FeedMessage,
    mut messages: broadcast::Receiver<Arc<str>>,
    stop: &CancellationToken,
) -> Option<String> {
    if !send_message(socket, snapshot).await {
        return None;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return Some("the server is stopping".to_owned()),
            message = messages.recv() => match message {
                Ok(text) if send(socket, Message::text(&*text)).await => {}
                Ok(_) => return None,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    return Some(format!("the reader is too slow: {missed} messages waited for it; connect again"));
                }
                Err(broadcast::error::RecvError::Closed) => return Some("the market is gone".to_owned()),
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    return Some("a client sends nothing here; orders go to POST /v1/exchange/orders".to_owned());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            },
            () = tokio::time::sleep(PING_EVERY) => {
                if !send(socket, Message::Ping(Default::default())).await {
                    return None;
                }
            }
        }
    }
}

async fn send_message(socket: &mut WebSocket, message: &FeedMessage) -> bool {
    match serde_json::to_string(message) {
        Ok(text) => send(socket, Message::text(text)).await,
        Err(_) => false,
    }
}

/// Whether the reader took it in time.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}
