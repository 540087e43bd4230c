use std::sync::PoisonError;
use std::time::Duration;

use axum::error_handling::HandleError;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, get_service, post};
use axum::{BoxError, Json, Router};
use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{BatchRequestConfig, PingConfig, Server, ServerConfig, stop_channel};
use tower::ServiceExt as _;

use crate::allowance::Allowance;
use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::import_bodies::ImportBodies;
use crate::lanes::Lane;
use crate::large_answers::LargeAnswers;
use crate::request_bodies::{MAX_REQUEST_BYTES, RequestBodies};
use crate::sockets::{MAX_PUSHED_BYTES, MAX_SOCKETS_PER_CALLER, Socket, SocketBudget};
use crate::transaction_call::{MAX_TRANSACTION_CALLS, TransactionCall};
use crate::{rest, rpc};

/// Largest JSON-RPC answer, in bytes.
pub const MAX_RESPONSE_BYTES: u32 = 16 * 1024 * 1024;

/// Most messages in the queue of one WebSocket.
const MAX_WAITING_MESSAGES: u32 = 8;

/// Most requests in one batch.
pub const MAX_BATCH_REQUESTS: u32 = 100;

/// Most JSON-RPC requests by POST at once, beside those that send a transaction.
pub const MAX_CONNECTIONS: u32 = 512;

/// Most WebSockets.
pub const MAX_SOCKETS: u32 = 256;

/// Most subscriptions of one WebSocket connection.
const MAX_SUBSCRIPTIONS_PER_CONNECTION: u32 = 64;

/// When a WebSocket's client is asked for a sign of life, and when it counts as gone.
#[derive(Clone, Copy, Debug)]
pub struct SignsOfLife {
    pub ping_interval: Duration,
    /// Without a sign of life for so long, a WebSocket fails once.
    pub inactive_limit: Duration,
    /// Failures after which a WebSocket is closed.
    pub max_failures: usize,
}

impl Default for SignsOfLife {
    fn default() -> Self {
        Self { ping_interval: Duration::from_secs(30), inactive_limit: Duration::from_secs(60), max_failures: 2 }
    }
}

/// Everything under `/rpc`: JSON-RPC by POST and WebSocket on the path itself, REST below it.
///
/// # Errors
/// [`NodeError::Thread`] if two methods have one name, which a test rules out.
pub fn router(handle: NodeHandle) -> Result<Router, NodeError> {
    router_with(handle, SignsOfLife::default())
}

/// The same, where clients of WebSockets are waited for otherwise.
///
/// # Errors
/// As [`router`].
pub fn router_with(handle: NodeHandle, signs_of_life: SignsOfLife) -> Result<Router, NodeError> {
    let handle = handle.in_lane(Lane::Stranger);
    let module = rpc::module(&handle).map_err(|error| NodeError::Thread(error.to_string()))?;
    let (stop, running) = stop_channel();
    handle.shared.rpc_servers.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    let answering = RpcServiceBuilder::new()
        .layer_fn(|inner| rpc::EveryRequest::new(inner, MAX_RESPONSE_BYTES as usize, MAX_PUSHED_BYTES as usize));
    let serving = |config: ServerConfig| {
        let server = Server::builder().set_config(config).set_rpc_middleware(answering.clone());
        let service = server.to_service_builder().build(module.clone(), stop.clone());
        HandleError::new(
            service,
            |error: BoxError| async move { (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()) },
        )
    };
    let (bodies, budget) = (RequestBodies::default(), SocketBudget::default());
    let (calls, transactions) =
        (serving(config_of_posts(MAX_CONNECTIONS)), serving(config_of_posts(MAX_TRANSACTION_CALLS)));
    let posted = move |request: Request| {
        let is_transaction = request.extensions().get::<TransactionCall>().is_some();
        let service = if is_transaction { transactions.clone() } else { calls.clone() };
        service.oneshot(request)
    };
    let posts = post(posted).layer(middleware::from_fn(move |request, next| bodies.clone().bound(request, next)));
    let sockets = get_service(serving(config_of_sockets(signs_of_life)))
        .layer(middleware::from_fn(move |request, next| begin_socket(budget.clone(), request, next)));
    let large_answers = LargeAnswers::default();
    let imports = ImportBodies::default();
    let import = post(rest::import_block)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(move |request, next| imports.clone().bound(request, next)));
    Ok(Router::new()
        .route("/rpc/head", get(rest::show_head))
        .route("/rpc/blocks/{id}", get(rest::show_block))
        .route("/rpc/blocks-range", get(rest::list_blocks))
        .route("/rpc/blocks-range/decided", get(rest::list_decided_blocks))
        .route("/rpc/blocks/import", import)
        .route("/rpc/tx/{hash}", get(rest::show_transaction))
        .route("/rpc/tx", post(rest::create_transaction))
        .route("/rpc/balance/{address}", get(rest::show_balance))
        .route("/rpc/mempool", get(rest::show_mempool))
        .route("/rpc/net_info", get(rest::show_network))
        .route("/rpc/validators", get(rest::list_validators))
        .route("/rpc/openrpc.json", get(|| async { Json(rpc::openrpc_document()) }))
        .with_state(handle)
        .layer(middleware::from_fn(rest::count))
        .merge(Router::new().route("/rpc", posts.merge(sockets)))
        .layer(middleware::from_fn(move |request, next| large_answers.clone().bound(request, next))))
}

fn config_of_posts(at_once: u32) -> ServerConfig {
    ServerConfig::builder()
        .http_only()
        .max_request_body_size(MAX_REQUEST_BYTES)
        .max_response_body_size(MAX_RESPONSE_BYTES)
        .max_connections(at_once)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH_REQUESTS))
        .build()
}

fn config_of_sockets(signs_of_life: SignsOfLife) -> ServerConfig {
    let SignsOfLife { ping_interval, inactive_limit, max_failures } = signs_of_life;
    let pings =
        PingConfig::new().ping_interval(ping_interval).inactive_limit(inactive_limit).max_failures(max_failures);
    ServerConfig::builder()
        .ws_only()
        .max_request_body_size(MAX_PUSHED_BYTES)
        .max_response_body_size(MAX_PUSHED_BYTES)
        .max_connections(MAX_SOCKETS)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS_PER_CONNECTION)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH_REQUESTS))
        .set_message_buffer_capacity(MAX_WAITING_MESSAGES)
        .set_id_provider(rpc::HexIds)
        .enable_ws_ping(pings)
        .build()
}

/// Begins to count what a WebSocket holds. Only a connection that is watched may become one.
async fn begin_socket(budget: SocketBudget, mut request: Request, next: Next) -> Response {
    if request.method() != Method::GET || !asks_for_socket(request.headers()) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(ConnectInfo(socket)) = request.extensions().get::<ConnectInfo<Socket>>().cloned() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "this server does not watch its connections").into_response();
    };
    let caller = request.extensions().get::<Allowance>().map(Allowance::caller);
    if socket.begin(&budget, caller).is_err() {
        let error = rpc::no_room("WebSockets of one network address", MAX_SOCKETS_PER_CALLER);
        return (StatusCode::TOO_MANY_REQUESTS, Json(error)).into_response();
    }
    request.extensions_mut().insert(socket);
    next.run(request).await
}

fn asks_for_socket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}
