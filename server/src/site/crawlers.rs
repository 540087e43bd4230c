//! What search engines and other programs that read the web ask for: `robots.txt` (RFC 9309) and `sitemap.xml`
//! (sitemaps.org, protocol 0.9).

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use frontend::origin::origin;

use crate::error::ApiError;

/// Pages that exist without any block, job or miner. The lists among them link to all others.
const PAGES: [&str; 15] = [
    "/",
    "/chat",
    "/jobs",
    "/models",
    "/bounties",
    "/miners",
    "/explorer",
    "/explorer/blocks",
    "/explorer/transactions",
    "/explorer/receipts",
    "/explorer/tokens",
    "/explorer/validators",
    "/exchange",
    "/wallet",
    "/docs",
];

/// Paths for programs that know them. A crawler there would only cost.
const CLOSED: [&str; 6] = ["/v1/", "/api/", "/rpc", "/metrics", "/admin", "/explorer/search"];

pub(super) fn router() -> Router {
    Router::new().route("/robots.txt", get(robots)).route("/sitemap.xml", get(sitemap))
}

async fn robots(headers: HeaderMap) -> Result<Response, ApiError> {
    let closed: String = CLOSED.map(|path| format!("Disallow: {path}\n")).concat();
    let text = format!("User-agent: *\n{closed}Allow: /\n\nSitemap: {}/sitemap.xml\n", asked(&headers)?);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn sitemap(headers: HeaderMap) -> Result<Response, ApiError> {
    let origin = asked(&headers)?;
    let urls: String = PAGES.map(|path| format!("<url><loc>{origin}{path}</loc></url>\n")).concat();
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{urls}</urlset>\n"
    );
    Ok(([(header::CONTENT_TYPE, "application/xml")], text).into_response())
}

fn asked(headers: &HeaderMap) -> Result<String, ApiError> {
    origin(headers).ok_or_else(|| ApiError::NotFound("the Host header names no host".to_owned()))
}
