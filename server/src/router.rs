//! All routes, grouped by audience.

use std::sync::Arc;

use axum::Router;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::http::{
    admin, bids, bounties, etherscan, exchange, generate_image, health, job_events, jobs, keys, log, miners, openai,
    openapi, quotes, receipts, reviews, search, second_factor, sessions, webhooks,
};
use crate::job_token::JOB_TOKEN_HEADER;
use crate::unread_answers::SMALL_BYTES;
use crate::unrouted::{method_not_allowed, path_not_found};
use crate::{middleware, site};

/// Everything that the server answers.
///
/// The pages of [`crate::site`] are the fallback for every path that no route here has.
pub fn router(app: Arc<App>) -> Result<Router, node::NodeError> {
    let rpc = node::router(app.node.clone())?;
    let api = api(&app).fallback(path_not_found).method_not_allowed_fallback(method_not_allowed);
    let routes = Router::new()
        .nest("/v1", api.clone())
        .nest("/api/v1", api)
        .merge(operations())
        .merge(short_forms(&app))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&app))
        .merge(what_the_node_is_asked(&app, rpc));
    let routes = with_pages(routes, &app)
        .layer(CatchPanicLayer::custom(middleware::answer_panic))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::bound_body))
        .layer(from_fn_with_state(Arc::clone(&app), middleware::bound_answer))
        .layer(from_fn(openai::in_their_form))
        .layer(compression())
        .layer(from_fn_with_state(Arc::clone(&app.metrics), middleware::observe))
        .layer(cors(&app.config.allowed_origins))
        .layer(security_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(security_header(header::REFERRER_POLICY, "same-origin"))
        .layer(security_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(from_fn_with_state(app.node_lanes.low_priority().clone(), middleware::many_at_low_priority));
    Ok(routes)
}

/// The calls of strangers to the node, which share no thread with what the hub and its pages do.
fn what_the_node_is_asked(app: &Arc<App>, rpc: Router) -> Router {
    let counted = rpc.clone().layer(from_fn_with_state(Arc::clone(app), middleware::allow_calls));
    etherscan::router(Arc::clone(app), rpc)
        .merge(counted)
        .layer(from_fn_with_state(Arc::clone(app), middleware::in_lane))
}

/// Compresses what is made for one request. The least effort saves most of the bytes, and anybody may ask for it.
fn compression() -> CompressionLayer<impl Predicate> {
    let layer = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let may = |_: StatusCode, _: Version, _: &HeaderMap, marks: &Extensions| marks.get::<openapi::AsItIs>().is_none();
    layer.compress_when(DefaultPredicate::new().and(SizeAbove::new(SMALL_BYTES + 1)).and(may))
}

/// The pages, as the fallback.
fn with_pages(routes: Router, app: &Arc<App>) -> Router {
    routes.merge(site::router(app, &app.config.site_root))
}

/// What clients, workers and pages call; also under `/api`.
fn api(app: &Arc<App>) -> Router<Arc<App>> {
    let jobs_to_make = Router::new()
        .route("/jobs", post(jobs::create_job))
        .route("/quotes", post(quotes::quote))
        .route("/generate-image", post(generate_image::generate_image))
        .route("/bids", post(bids::create_bid))
        .route("/bids/quote", post(bids::quote_bid))
        .route("/miners/{address}/reviews", post(reviews::write_review))
        .route("/webhooks", post(webhooks::create_webhook))
        .route("/webhooks/{id}/deliveries/{job_id}/again", post(webhooks::send_again))
        .merge(openai_jobs())
        .route_layer(from_fn_with_state(Arc::clone(app), middleware::count_attempt));
    let lists = Router::new()
        .route("/jobs", get(jobs::list_jobs))
        .route("/jobs/{id}/explain", get(jobs::explain_job))
        .route("/receipts", get(receipts::list_receipts))
        .route("/miners", get(miners::list_miners))
        .route("/miners/{address}/why-idle", get(miners::why_idle))
        .route("/miners/{address}/reviews", get(reviews::list_reviews))
        .route("/models", get(openai::models::list))
        .route("/search", get(search::search))
        .route("/bounties", get(bounties::list_bounties))
        .route("/bounties/{id}", get(bounties::get_bounty))
        .route("/demand", get(bounties::get_demand))
        .route("/webhooks/{id}/deliveries", get(webhooks::list_deliveries))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/entries", get(log::entries))
        .route("/log/proof/inclusion", get(log::inclusion))
        .route("/log/proof/consistency", get(log::consistency))
        .route("/jobs/{id}/failure", get(log::failure))
        .route("/exchange/{market}/book", get(exchange::market::book))
        .route("/exchange/accounts/{address}/delegates", get(exchange::accounts::delegates))
        .route_layer(from_fn_with_state(Arc::clone(app), middleware::admit_list));
    let for_clients = Router::new()
        .route("/jobs/{id}", get(jobs::get_job).delete(jobs::delete_job))
        .route("/jobs/{id}/cancel", post(jobs::cancel_job))
        .route("/jobs/{id}/events", get(job_events::job_events))
        .route("/jobs/{id}/result", get(jobs::get_result))
        .route("/jobs/{id}/artifacts/{position}", get(jobs::get_artifact))
        .route("/jobs/{id}/receipt", get(jobs::get_receipt))
        .route("/bids", get(bids::list_bids))
        .route("/bids/{id}", get(bids::get_bid).delete(bids::cancel_bid))
        .route("/webhooks", get(webhooks::list_webhooks))
        .route("/webhooks/{id}", delete(webhooks::remove_webhook));
    let for_everybody = Router::new()
        .route("/receipts/{receipt_hash}", get(receipts::get_receipt))
        .route("/miners/{address}", get(miners::get_miner))
        .route("/models/{*model}", get(bids::model_or_bids))
        .route("/health", get(health::stage1_health))
        .route("/status", get(health::network_status));
    let for_workers = Router::new()
        .route("/miners/session", get(miners::open_session))
        .route("/miners/jobs/{lease_id}/result", post(miners::post_result));
    jobs_to_make
        .merge(lists)
        .merge(exchange_lists(app))
        .merge(for_clients)
        .merge(for_wallets())
        .merge(for_traders())
        .merge(for_operators(app))
        .merge(for_everybody)
        .merge(for_workers)
}

/// What a wallet does to sign in, and what it does then.
fn for_wallets() -> Router<Arc<App>> {
    Router::new()
        .route("/sessions/nonce", post(sessions::give_nonce))
        .route("/sessions", post(sessions::sign_in).get(sessions::list_sessions).delete(sessions::end_sessions))
        .route("/sessions/{id}", delete(sessions::end_session))
        .route("/sessions/code", post(second_factor::give_code))
        .route("/second-factor", post(second_factor::begin).get(second_factor::view))
        .route("/second-factor/confirm", post(second_factor::confirm))
        .route("/second-factor/remove", post(second_factor::remove))
        .route("/keys", post(keys::create_key).get(keys::list_keys))
        .route("/keys/{id}", delete(keys::revoke_key))
}

/// Lists of the exchange's rows.
fn exchange_lists(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/exchange/{market}/trades", get(exchange::market::trades))
        .route("/exchange/{market}/candles", get(exchange::market::candles))
        .route("/exchange/{market}/ticker", get(exchange::market::ticker))
        .route("/exchange/accounts/{address}/orders", get(exchange::accounts::orders))
        .route("/exchange/accounts/{address}/fills", get(exchange::accounts::fills))
        .route("/exchange/accounts/{address}/withdrawals", get(exchange::accounts::withdrawals))
        .route_layer(from_fn_with_state(Arc::clone(app), middleware::admit_list))
        .route_layer(from_fn_with_state(app.exchange_access(), middleware::catch_up))
}

/// What operators see and change.
fn for_operators(app: &Arc<App>) -> Router<Arc<App>> {
    let changes = Router::new()
        .route("/admin/miners/{address}/pause", post(admin::pause_miner))
        .route("/admin/miners/{address}/resume", post(admin::resume_miner))
        .route("/admin/amnesties", post(admin::declare_amnesty))
        .route("/admin/reviews/{receipt_hash}/hide", post(admin::hide_review))
        .route("/admin/reviews/{receipt_hash}/show", post(admin::show_review))
        .route("/admin/keys/{id}/limits", post(admin::limit_key))
        .route("/admin/keys/{id}/revoke", post(admin::revoke_key));
    Router::new()
        .route("/admin/health", get(admin::health))
        .route("/admin/jobs", get(admin::jobs))
        .route("/admin/miners", get(admin::miners))
        .route("/admin/keys", get(admin::keys))
        .route("/admin/limits", get(admin::limits))
        .route("/admin/changes", get(admin::changes))
        .route_layer(from_fn_with_state(Arc::clone(app), middleware::admit_list))
        .merge(changes)
}

/// What traders ask of the exchange, and what they send it.
fn for_traders() -> Router<Arc<App>> {
    Router::new()
        .route("/exchange", get(exchange::view))
        .route("/exchange/accounts/{address}", get(exchange::accounts::account))
        .route("/exchange/orders", post(exchange::orders::place))
        .route(
            "/exchange/orders/{id}",
            get(exchange::orders::get).delete(exchange::orders::cancel_one).patch(exchange::orders::reduce_one),
        )
        .route("/exchange/reductions", post(exchange::orders::reduce))
        .route("/exchange/cancels", post(exchange::orders::cancel))
        .route("/exchange/withdrawals", post(exchange::orders::withdraw))
}

/// The exchange under short names, and its feeds.
fn short_forms(app: &Arc<App>) -> Router<Arc<App>> {
    let book = Router::new()
        .route("/api/orders/orderbook", get(exchange::short_forms::order_book))
        .route_layer(from_fn_with_state(Arc::clone(app), middleware::admit_list));
    Router::new()
        .route("/api/trades/recent", get(exchange::short_forms::recent_trades))
        .route("/api/orders", get(exchange::short_forms::open_orders))
        .route_layer(from_fn_with_state(Arc::clone(app), middleware::admit_list))
        .route_layer(from_fn_with_state(app.exchange_access(), middleware::catch_up))
        .merge(book)
        .route("/ws/exchange/{market}", get(exchange::feed::follow))
        .route("/ws/exchange/account", get(exchange::account_feed::follow))
}

/// What OpenAI's clients call for work; [`openai::in_their_form`] gives the errors of their paths their form.
fn openai_jobs() -> Router<Arc<App>> {
    Router::new()
        .route("/chat/completions", post(openai::chat::create))
        .route("/completions", post(openai::completions::create))
        .route("/embeddings", post(openai::embeddings::create))
        .route("/images/generations", post(openai::images::create))
}

/// What operators and probes call.
fn operations() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(health::ready))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/openapi.json", get(openapi::openapi))
}

fn security_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Pages of the server's own origin need no permission; others must be named in the configuration.
fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        // Official clients send headers that change with every version; a browser asks for them only where it read that
        // the origin is allowed.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            openai::RECEIPT_HEADER,
            openai::JOB_HEADER,
            JOB_TOKEN_HEADER,
        ])
}
