//! The web application on this server: rendered pages, static files, the explorer's feed.

mod assets;
mod backend;
mod explorer;
mod feed;
mod pages;
mod policy;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Redirect;
use axum::routing::get;
use frontend::app::{ChainLabel, Example};
use frontend::backend::Backend;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;

/// Describes the picture that the first page shows: which prompt, seed and steps the model drew it from.
const EXAMPLE: &str = "example/picture.json";

/// Everything that people look at. Its fallback is the page for addresses where nothing lives, so no other part of the
/// server may have one.
///
/// `site_root` is the folder that Trunk wrote.
pub fn router(app: &App, site_root: &Path) -> Router {
    let chain = ChainLabel { chain_id: app.identity.chain_id, dev: app.config.keys.is_development() };
    let backend: Arc<dyn Backend> =
        Arc::new(backend::SiteBackend { views: app.views(), figures: app.figures(), node: app.node.clone() });
    let context = pages::PageContext { backend: Arc::clone(&backend), chain, example: example(site_root) };
    let router = Router::new()
        .route("/BrowserWallet", get(|| async { Redirect::permanent("/wallet") }))
        .merge(feed::router(backend))
        .merge(assets::router(site_root))
        .merge(pages::router(&site_root.to_string_lossy(), &context));
    policy::ALWAYS.into_iter().fold(router, with_header)
}

fn with_header(router: Router, (name, value): (HeaderName, HeaderValue)) -> Router {
    router.layer(SetResponseHeaderLayer::if_not_present(name, value))
}

/// The example picture; the first page does without it where it is missing.
fn example(site_root: &Path) -> Option<Example> {
    let path = site_root.join(EXAMPLE);
    let text = std::fs::read_to_string(&path)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "the first page has no example picture"))
        .ok()?;
    serde_json::from_str(&text)
        .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "the example picture has no description"))
        .ok()
}
