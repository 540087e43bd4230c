//! Content security policy and cache headers.

use axum::http::{HeaderName, HeaderValue};

/// A dedicated worker obeys the policy that comes with its own script, not the page's.
pub(super) const WORKER: HeaderValue =
    HeaderValue::from_static("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'");

/// Fixed names carry no hash, so a browser asks each time and mostly hears "not modified".
pub(super) const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Pages of somebody who is signed in, or who created a job: no cache on the way may keep them.
pub(super) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Fonts and pictures change with their names only.
pub(super) const A_WEEK: HeaderValue = HeaderValue::from_static("public, max-age=604800");

/// Headers of everything that the site serves, besides those of the whole server.
pub(super) const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=()"),
    ),
];

/// The policy of one rendered document; only scripts with its nonce run.
pub(super) fn document(nonce: &str) -> String {
    format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'self'; \
         form-action 'self'; frame-ancestors 'none'"
    )
}
