//! The web application on this server: rendered pages, static files, the explorer's feed.

mod admin;
mod assets;
mod backend;
mod contracts;
mod crawlers;
mod csv;
mod exchange;
mod exchange_csv;
mod explorer;
mod feed;
mod marketplace_csv;
mod own_reviews;
mod pages;
mod policy;
mod reference;
mod viewer;
mod wallet_links;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::from_fn_with_state;
use frontend::app::{ChainLabel, Example};
use frontend::backend::Backend;
use frontend::documents::ApiReference;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::http::openapi;
use crate::middleware;

/// Describes the picture that the first page shows: which prompt, seed and steps the model drew it from.
const EXAMPLE: &str = "example/picture.json";

/// Everything that people look at. Its fallback is the page for addresses where nothing lives, so no other part of the
/// server may have one.
///
/// `site_root` is the folder that Trunk wrote.
pub fn router(app: &Arc<App>, site_root: &Path) -> Router {
    let chain = ChainLabel { chain_id: app.identity.chain_id, dev: app.config.keys.is_development() };
    let backend = backend::SiteBackend {
        views: app.views(),
        figures: app.figures(),
        node: app.node.clone(),
        logs: app.logs(),
        charts: explorer::ChartFigures::default(),
        marketplace: app.marketplace.clone(),
        bounties: app.bounties(),
        search: app.search(),
        exchange: app.exchange_access(),
        verifications: app.verifications.clone(),
        reader: backend::Reader::default(),
    };
    let public: Arc<dyn Backend> = Arc::new(backend.clone());
    let reference = ApiReference(Arc::new(reference::page(&openapi::document(), node::openrpc_document())));
    let operators = pages::OperatorContext { operators: app.operators.clone(), admin: admin::SiteAdmin(app.admin()) };
    let context = pages::PageContext { backend, operators, chain, example: example(site_root), reference };
    let pages =
        pages::router(&site_root.to_string_lossy(), &context).layer(from_fn_with_state(app.callers(), viewer::know));
    let lists =
        Router::new().merge(csv::router(Arc::clone(&public))).merge(marketplace_csv::router(Arc::clone(&public)));
    let lists = lists.merge(feed::router(public));
    let lists = lists.layer(from_fn_with_state(Arc::clone(app), middleware::admit_list));
    let exchange_lists = exchange_csv::router(app.exchange_access())
        .layer(from_fn_with_state(Arc::clone(app), middleware::admit_list))
        .layer(from_fn_with_state(app.exchange_access(), middleware::catch_up));
    let router = Router::new()
        .merge(wallet_links::router())
        .merge(crawlers::router())
        .merge(admin::router(app))
        .merge(lists)
        .merge(exchange_lists)
        .merge(assets::router(site_root))
        .merge(pages.layer(from_fn_with_state(Arc::clone(app), middleware::admit_page)));
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
