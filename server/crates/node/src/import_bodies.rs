//! The memory that blocks take which others hand over, while they come in and are checked.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::error::NodeError;
use crate::rest::RestError;

/// Most blocks that are handed over at once. They are taken one after another in any case.
pub const MAX_IMPORTS_AT_ONCE: usize = 2;

/// Largest body that hands a block over, in bytes. It holds blocks of half as many bytes, as hexadecimal digits; the few that
/// are larger are had by following.
pub const MAX_IMPORT_BODY_BYTES: usize = 8 << 20;

/// The places.
#[derive(Clone, Debug)]
pub(crate) struct ImportBodies(Arc<Semaphore>);

impl Default for ImportBodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_IMPORTS_AT_ONCE)))
    }
}

impl ImportBodies {
    /// Reads a body within its bound, where there is a place, and passes the request on.
    pub(crate) async fn bound(self, request: Request, next: Next) -> Response {
        let Ok(_place) = self.0.try_acquire() else {
            let busy = NodeError::Busy { what: "blocks that come in", limit: MAX_IMPORTS_AT_ONCE };
            return RestError::from(busy).into_response();
        };
        let (parts, body) = request.into_parts();
        match axum::body::to_bytes(body, MAX_IMPORT_BODY_BYTES).await {
            Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Err(_) => RestError::too_large(MAX_IMPORT_BODY_BYTES).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn beyond_the_places_a_block_is_refused_and_may_be_sent_again() {
        let bodies = ImportBodies::default();
        let places = Arc::clone(&bodies.0);
        let router = Router::new()
            .route("/", post(|| async {}))
            .layer(middleware::from_fn(move |request, next| bodies.clone().bound(request, next)));
        let send = || router.clone().oneshot(Request::post("/").body(Body::empty()).unwrap());
        let held = places.try_acquire_many(u32::try_from(MAX_IMPORTS_AT_ONCE).unwrap()).unwrap();
        assert_eq!(send().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(held);
        assert_eq!(send().await.unwrap().status(), StatusCode::OK);
        assert_eq!(places.available_permits(), MAX_IMPORTS_AT_ONCE, "a place is not given back");
    }
}
