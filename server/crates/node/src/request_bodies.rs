//! The memory that all bodies of requests to `/rpc` take together while they come in and are answered.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rpc;
use crate::transaction_call::{TransactionCall, sends_transaction};

/// Largest JSON-RPC request by POST, in bytes.
pub const MAX_REQUEST_BYTES: u32 = 2 * 1024 * 1024;

/// Bodies up to this size are not counted: the connections bound them.
const SMALL_BYTES: usize = 16 << 10;

/// Most bytes of larger bodies at once.
pub const MAX_BODIES_BYTES: usize = 32 << 20;

/// The budget.
#[derive(Clone, Debug)]
pub(crate) struct RequestBodies(Arc<Semaphore>);

impl Default for RequestBodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_BODIES_BYTES)))
    }
}

impl RequestBodies {
    /// Reads a body within its bound and the budget, also where no length was announced, and passes the request on.
    pub(crate) async fn bound(self, request: Request, next: Next) -> Response {
        let limit = MAX_REQUEST_BYTES as usize;
        let Ok(_room) = self.reserve(request.headers(), limit) else {
            let error = rpc::no_room("bytes of requests that come in, try again later", MAX_BODIES_BYTES);
            return (StatusCode::TOO_MANY_REQUESTS, Json(error)).into_response();
        };
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(rpc::Posted);
        match axum::body::to_bytes(body, limit).await {
            Ok(bytes) => {
                if sends_transaction(&bytes) {
                    parts.extensions.insert(TransactionCall);
                }
                next.run(Request::from_parts(parts, Body::from(bytes))).await
            }
            Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Json(rpc::body_too_large(MAX_REQUEST_BYTES))).into_response(),
        }
    }

    /// Room by the announced length, or by the limit where there is none; a small body needs no room.
    fn reserve(&self, headers: &HeaderMap, limit: usize) -> Result<Option<OwnedSemaphorePermit>, StatusCode> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = announced.unwrap_or(limit).min(limit);
        if bytes <= SMALL_BYTES {
            return Ok(None);
        }
        let permits = u32::try_from(bytes).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let room = Arc::clone(&self.0).try_acquire_many_owned(permits);
        room.map(Some).map_err(|_| StatusCode::TOO_MANY_REQUESTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_one_room_and_small_ones_need_none() {
        let (bodies, limit) = (RequestBodies::default(), MAX_REQUEST_BYTES as usize);
        let announcing = |bytes: usize| HeaderMap::from_iter([(header::CONTENT_LENGTH, bytes.into())]);
        let unknown = HeaderMap::new();
        let held: Vec<_> = std::iter::from_fn(|| bodies.reserve(&unknown, limit).ok()).take(100).collect();
        assert_eq!(held.len(), MAX_BODIES_BYTES / limit, "a body without a length counts with its limit");
        assert!(bodies.reserve(&announcing(SMALL_BYTES + 1), limit).is_err());
        assert!(matches!(bodies.reserve(&announcing(SMALL_BYTES), limit), Ok(None)));
        drop(held);
        assert!(bodies.reserve(&announcing(SMALL_BYTES + 1), limit).unwrap().is_some());
        assert_eq!(bodies.0.available_permits(), MAX_BODIES_BYTES, "room is not given back");
    }
}
