use std::sync::PoisonError;

use axum::body::Body;
use axum::error_handling::HandleError;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{BoxError, Json, Router};
use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{BatchRequestConfig, Server, ServerConfig, stop_channel};

use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::{rest, rpc};

/// Largest JSON-RPC request or WebSocket message, in bytes.
pub const MAX_REQUEST_BYTES: u32 = 2 * 1024 * 1024;

/// Largest JSON-RPC answer, in bytes.
pub const MAX_RESPONSE_BYTES: u32 = 32 * 1024 * 1024;

/// Most requests in one batch.
pub const MAX_BATCH_REQUESTS: u32 = 100;

/// Most JSON-RPC requests and WebSocket connections at once.
pub const MAX_CONNECTIONS: u32 = 1_000;

/// Most subscriptions of one WebSocket connection.
const MAX_SUBSCRIPTIONS_PER_CONNECTION: u32 = 64;

/// Everything under `/rpc`: JSON-RPC by POST and WebSocket on the path itself, REST below it.
///
/// # Errors
/// [`NodeError::Thread`] if two methods have one name, which a test rules out.
pub fn router(handle: NodeHandle) -> Result<Router, NodeError> {
    let module = rpc::module(&handle).map_err(|error| NodeError::Thread(error.to_string()))?;
    let config = ServerConfig::builder()
        .max_request_body_size(MAX_REQUEST_BYTES)
        .max_response_body_size(MAX_RESPONSE_BYTES)
        .max_connections(MAX_CONNECTIONS)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS_PER_CONNECTION)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH_REQUESTS))
        .set_id_provider(rpc::HexIds)
        .build();
    let (stop, running) = stop_channel();
    handle.shared.rpc_servers.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    let answering =
        RpcServiceBuilder::new().layer_fn(|inner| rpc::EveryRequest::new(inner, MAX_RESPONSE_BYTES as usize));
    let server = Server::builder().set_config(config).set_rpc_middleware(answering);
    let service = server.to_service_builder().build(module, stop);
    let json_rpc =
        HandleError::new(
            service,
            |error: BoxError| async move { (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()) },
        );
    let json_rpc = Router::new().route_service("/rpc", json_rpc).layer(middleware::from_fn(bound_body));
    Ok(Router::new()
        .route("/rpc/head", get(rest::show_head))
        .route("/rpc/blocks/{id}", get(rest::show_block))
        .route("/rpc/blocks-range", get(rest::list_blocks))
        .route("/rpc/tx/{hash}", get(rest::show_transaction))
        .route("/rpc/tx", post(rest::create_transaction))
        .route("/rpc/balance/{address}", get(rest::show_balance))
        .route("/rpc/mempool", get(rest::show_mempool))
        .route("/rpc/net_info", get(rest::show_network))
        .route("/rpc/validators", get(rest::list_validators))
        .with_state(handle)
        .merge(json_rpc))
}

/// Reads the body of a POST within its bound, also where no length was announced, and answers 413 beyond it.
async fn bound_body(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(rpc::Posted);
    match axum::body::to_bytes(body, MAX_REQUEST_BYTES as usize).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Json(rpc::body_too_large(MAX_REQUEST_BYTES))).into_response(),
    }
}
