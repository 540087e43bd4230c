//! Static files: the bundles and styles that Trunk built, and what lies in `public/`.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;

use super::policy;

/// Files at the root of the site that browsers and programs ask for by name.
const ROOT_FILES: [&str; 19] = [
    "favicon.svg",
    "favicon.ico",
    "apple-touch-icon.png",
    "llms.txt",
    "provider.js",
    "wallets.js",
    "jobs.js",
    "account.js",
    "allowances.js",
    "chat.js",
    "compose.js",
    "contract.js",
    "conversation.js",
    "search.js",
    "tokens.js",
    "pay.js",
    "passkeys.js",
    "exchange.js",
    "review.js",
];

/// Loads the wallet's bundle; a document of its own with a policy of its own.
const WORKER_LOADER: &str = "wallet_worker_loader.js";

/// Serves the folder that Trunk wrote. Compressed neighbours are preferred where the browser takes them.
pub(super) fn router(site_root: &Path) -> Router {
    let folder = |name: &str, cache: HeaderValue| {
        let files = ServeDir::new(site_root.join(name)).precompressed_br().precompressed_gzip();
        Router::new()
            .fallback_service(files)
            .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, cache))
    };
    let worker_loader = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy::WORKER))
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, policy::REVALIDATE))
        .service(ServeFile::new(site_root.join(WORKER_LOADER)));
    let mut router = Router::new()
        .nest("/pkg", folder("pkg", policy::REVALIDATE))
        .nest("/fonts", folder("fonts", policy::A_WEEK))
        .nest("/example", folder("example", policy::A_WEEK))
        .nest("/trading", folder("trading", policy::REVALIDATE))
        .route_service(&format!("/{WORKER_LOADER}"), worker_loader);
    for name in ROOT_FILES {
        router = router.route_service(&format!("/{name}"), ServeFile::new(site_root.join(name)));
    }
    router
}
