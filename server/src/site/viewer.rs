//! Who looks at a page: the session of the request's cookie.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::record::SessionRecord;

use crate::auth::{Callers, Presented};
use crate::session_cookie;

/// The session that a page is rendered for; it may await a code.
#[derive(Debug, Clone)]
pub(super) struct Viewer(pub(super) Presented);

impl Viewer {
    /// The session that acts for its account. One that awaits a code sees what a visitor sees.
    pub(super) fn signed_in(&self) -> Option<&SessionRecord> {
        self.0.acting().ok().flatten()
    }
}

/// Looks the session up before a page is rendered, and makes the browser forget one that is over.
pub(super) async fn know(State(callers): State<Callers>, mut request: Request, next: Next) -> Response {
    let secure = callers.origins.is_secure();
    if !session_cookie::is_there(request.headers(), secure) {
        return next.run(request).await;
    }
    match callers.find_session(request.headers()).await {
        Ok(Some(session)) => {
            request.extensions_mut().insert(Viewer(Presented::of(session)));
            next.run(request).await
        }
        Ok(None) => {
            let mut response = next.run(request).await;
            session_cookie::clear(response.headers_mut(), secure);
            response
        }
        Err(error) => error.into_response(),
    }
}
