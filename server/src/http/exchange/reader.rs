//! A reader of a feed: a WebSocket on which the server tells and nobody else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures::SinkExt as _;
use serde::Serialize;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::auth::Visitor;
use crate::error::ApiError;
use crate::exchange::{ExchangeAccess, READERS_MAX, READERS_PER_ADDRESS_MAX};
use crate::shares::Share;

/// A reader takes each message in this time, or is dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// Without a message for so long, a ping asks whether the reader is there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// A client sends nothing but what the protocol itself needs.
const INCOMING_MAX_BYTES: usize = 1 << 10;

/// A connection that may be opened, and its place among those that are.
pub(super) struct Reader {
    upgrade: WebSocketUpgrade,
    place: Share,
}

/// What a reader is told.
pub(super) struct Told<M> {
    pub(super) snapshot: M,
    /// Everything after it.
    pub(super) messages: broadcast::Receiver<Arc<str>>,
    /// Makes the last message, which says why the server ends the connection.
    pub(super) closed: fn(String) -> M,
}

impl Reader {
    /// # Errors
    /// A request for something else than a WebSocket, and one more than there are places.
    pub(super) fn admit(
        exchange: &ExchangeAccess,
        visitor: &Visitor,
        upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    ) -> Result<Self, ApiError> {
        let upgrade = upgrade.map_err(|rejection| ApiError::UpgradeRequired(rejection.body_text()))?;
        let upgrade = upgrade.max_message_size(INCOMING_MAX_BYTES).max_frame_size(INCOMING_MAX_BYTES);
        let place = exchange.readers.take(Some(&visitor.address), 1);
        let place = place.ok_or_else(|| {
            let most = format!("{READERS_MAX} readers of feeds, or {READERS_PER_ADDRESS_MAX} of one address");
            ApiError::Busy(format!("there are {most}"))
        })?;
        Ok(Self { upgrade, place })
    }

    /// Opens the connection and tells everything, until the reader leaves or a reason ends it. `follow` begins once the
    /// connection stands.
    pub(super) fn tell<M, F>(self, exchange: &ExchangeAccess, follow: F) -> Response
    where
        M: Serialize + Send + Sync + 'static,
        F: FnOnce() -> Told<M> + Send + 'static,
    {
        let (tasks, stop) = (exchange.tasks.clone(), exchange.stop.clone());
        let Self { upgrade, place } = self;
        upgrade.on_upgrade(move |mut socket| {
            tasks.track_future(async move {
                let _place = place;
                let Told { snapshot, messages, closed } = follow();
                if let Some(reason) = tell(&mut socket, &snapshot, messages, &stop).await {
                    tracing::debug!(reason, "a reader of a feed is dropped");
                    let _ = send_message(&mut socket, &closed(reason)).await;
                }
                let _ = tokio::time::timeout(PATIENCE, socket.send(Message::Close(None))).await;
            })
        })
    }
}

async fn tell<M: Serialize>(
    socket: &mut WebSocket,
    snapshot: &M,
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
                Ok(text) => match tokio::time::timeout(PATIENCE, send_waiting(socket, &text, &mut messages)).await {
                    Ok(Ok(None)) => {}
                    Ok(Ok(Some(missed))) => return Some(too_slow(missed)),
                    Ok(Err(_)) | Err(_) => return None,
                },
                Err(broadcast::error::RecvError::Lagged(missed)) => return Some(too_slow(missed)),
                Err(broadcast::error::RecvError::Closed) => return Some("the feed has ended".to_owned()),
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

fn too_slow(missed: u64) -> String {
    format!("the reader is too slow: {missed} messages waited for it; connect again")
}

/// Sends a message and those that wait behind it with one write: where many readers wait for a processor, messages come faster
/// than writes. Answers how many were missed, if some were.
async fn send_waiting(
    socket: &mut WebSocket,
    first: &str,
    messages: &mut broadcast::Receiver<Arc<str>>,
) -> Result<Option<u64>, axum::Error> {
    socket.feed(Message::text(first)).await?;
    // No more than wait now, so that a fast market keeps no reader from being heard.
    for _ in 0..messages.len() {
        match messages.try_recv() {
            Ok(text) => socket.feed(Message::text(&*text)).await?,
            Err(broadcast::error::TryRecvError::Lagged(missed)) => return Ok(Some(missed)),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => break,
        }
    }
    socket.flush().await?;
    Ok(None)
}

async fn send_message<M: Serialize>(socket: &mut WebSocket, message: &M) -> bool {
    match serde_json::to_string(message) {
        Ok(text) => send(socket, Message::text(text)).await,
        Err(_) => false,
    }
}

/// Whether the reader took it in time.
async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(tokio::time::timeout(PATIENCE, socket.send(message)).await, Ok(Ok(())))
}
