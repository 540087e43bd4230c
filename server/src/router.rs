//! All routes, grouped by audience.

use std::sync::Arc;

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{generate_image, health, job_events, jobs, miners, openai, openapi, receipts};
use crate::middleware;

/// Everything that the server answers.
///
/// The pages of [`crate::site`] are the fallback for every path that no route here has.
pub fn router(app: Arc<App>) -> Result<Router, node::NodeError> {
    let api = api().fallback(path_not_found).method_not_allowed_fallback(method_not_allowed);
    let routes = Router::new()
        .nest("/v1", api.clone())
        .nest("/api/v1", api)
        .merge(operations())
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(&app))
        .merge(node::router(app.node.clone())?);
    let routes = with_pages(routes, &app)
        .layer(CatchPanicLayer::custom(middleware::answer_panic))
        .layer(from_fn(openai::in_their_form))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(Arc::clone(&app.metrics), middleware::observe))
        .layer(cors(&app.config.allowed_origins))
        .layer(security_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(security_header(header::REFERRER_POLICY, "same-origin"))
        .layer(security_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
    Ok(routes)
}

/// The pages, as the fallback.
fn with_pages(routes: Router, app: &App) -> Router {
    routes.merge(crate::site::router(app, &app.config.site_root))
}

/// What clients, workers and pages call; also under `/api`.
fn api() -> Router<Arc<App>> {
    let for_clients = Router::new()
        .route("/jobs", post(jobs::create_job).get(jobs::list_jobs))
        .route("/jobs/{id}", get(jobs::get_job).delete(jobs::cancel_job))
        .route("/jobs/{id}/cancel", post(jobs::cancel_job))
        .route("/jobs/{id}/events", get(job_events::job_events))
        .route("/jobs/{id}/result", get(jobs::get_result))
        .route("/jobs/{id}/artifacts/{position}", get(jobs::get_artifact))
        .route("/jobs/{id}/receipt", get(jobs::get_receipt))
        .route("/jobs/{id}/explain", get(jobs::explain_job))
        .route("/generate-image", post(generate_image::generate_image));
    let for_everybody = Router::new()
        .route("/receipts", get(receipts::list_receipts))
        .route("/receipts/{receipt_hash}", get(receipts::get_receipt))
        .route("/miners", get(miners::list_miners))
        .route("/miners/{address}", get(miners::get_miner))
        .route("/health", get(health::stage1_health))
        .route("/status", get(health::network_status));
    let for_workers = Router::new()
        .route("/miners/session", get(miners::open_session))
        .route("/miners/jobs/{lease_id}/result", post(miners::post_result));
    for_clients.merge(for_everybody).merge(for_workers).merge(openai_calls())
}

/// What OpenAI's clients call; [`openai::in_their_form`] gives the errors of these paths their form.
fn openai_calls() -> Router<Arc<App>> {
    Router::new()
        .route("/chat/completions", post(openai::chat::create))
        .route("/completions", post(openai::completions::create))
        .route("/embeddings", post(openai::embeddings::create))
        .route("/images/generations", post(openai::images::create))
        .route("/models", get(openai::models::list))
        .route("/models/{*model}", get(openai::models::get))
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

async fn path_not_found(OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::NotFound(format!("there is nothing at {}", uri.path()))
}

async fn method_not_allowed(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    ApiError::MethodNotAllowed { method: method.to_string(), path: uri.path().to_owned() }
}

fn security_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// Pages of the server's own origin need no permission; others must be named in the configuration.
fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        // Official clients send headers that change with every version; a browser asks for them only where it read that
        // the origin is allowed.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            HeaderName::from_static("x-request-id"),
            openai::RECEIPT_HEADER,
            openai::JOB_HEADER,
        ])
}
