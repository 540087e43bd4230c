//! On which threads the node answers strangers: at a low priority, where the processors are busy, except what the network itself lives
//! of, and transactions. Those have a lane of their own, so that nobody's calls delay them; the lane is bounded, and what finds
//! it full goes with all other calls.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use node::{MAX_TRANSACTION_CALL_BYTES, sends_transaction};

use crate::low_priority::LowPriority;
use crate::shares::Shares;

/// Calls that send a transaction and are in work at once in their lane.
const TRANSACTIONS_MAX: usize = 64;

/// Those of one network address.
const TRANSACTIONS_OF_ADDRESS_MAX: usize = 8;

/// The lanes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct NodeLanes {
    low: LowPriority,
    transactions: Arc<Shares>,
}

impl NodeLanes {
    pub(crate) fn new(low: LowPriority) -> Self {
        Self { low, transactions: Shares::new(TRANSACTIONS_MAX, TRANSACTIONS_OF_ADDRESS_MAX) }
    }

    /// Where everything runs that may wait.
    pub(crate) fn low_priority(&self) -> &LowPriority {
        &self.low
    }

    /// Serves a request of this network address in its lane.
    pub(crate) async fn serve(&self, address: &str, request: Request, next: Next) -> Response {
        if is_of_the_network(request.method(), request.uri().path()) {
            return next.run(request).await;
        }
        if !may_send_transaction(&request) {
            return self.low.run(request, next).await;
        }
        let (parts, body) = request.into_parts();
        // It comes in within the bounds of its sender.
        let Ok(body) = axum::body::to_bytes(body, MAX_TRANSACTION_CALL_BYTES).await else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let place = if sends_transaction(&body) { self.transactions.take(Some(address), 1) } else { None };
        let request = Request::from_parts(parts, Body::from(body));
        match place {
            Some(_place) => next.run(request).await,
            None => self.low.run(request, next).await,
        }
    }
}

/// What other nodes follow the chain by, and what takes a transaction.
fn is_of_the_network(method: &Method, path: &str) -> bool {
    match path {
        "/rpc/head" | "/rpc/blocks-range/decided" => method == Method::GET,
        "/rpc/tx" => method == Method::POST,
        _ => false,
    }
}

/// A JSON-RPC call by POST that says it is no longer than the largest transaction. Longer ones are not looked into here.
fn may_send_transaction(request: &Request) -> bool {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    request.method() == Method::POST
        && request.uri().path() == "/rpc"
        && announced.is_some_and(|bytes: usize| bytes <= MAX_TRANSACTION_CALL_BYTES)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::middleware::from_fn_with_state;
    use axum::routing::{any, post};
    use serde_json::json;
    use tower::ServiceExt as _;

    use super::*;

    async fn in_lane(State(lanes): State<NodeLanes>, request: Request, next: Next) -> Response {
        lanes.serve("192.0.2.1", request, next).await
    }

    /// Answers with the name of the thread, and with how many bytes came.
    fn router(lanes: &NodeLanes) -> Router {
        let answer = |body: axum::body::Bytes| async move {
            let is_low = std::thread::current().name() == Some("low-priority");
            format!("{} {}", if is_low { "low" } else { "usual" }, body.len())
        };
        let routes = Router::new().route("/rpc", post(answer)).route("/{*path}", any(answer));
        routes.layer(from_fn_with_state(lanes.clone(), in_lane))
    }

    async fn ask(lanes: &NodeLanes, request: Request) -> String {
        let answer = router(lanes).oneshot(request).await.unwrap();
        String::from_utf8(axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap().to_vec()).unwrap()
    }

    fn call(body: &str) -> Request {
        Request::post("/rpc").header(header::CONTENT_LENGTH, body.len()).body(Body::from(body.to_owned())).unwrap()
    }

    fn transaction() -> String {
        json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": ["0x02"] }).to_string()
    }

    #[tokio::test]
    async fn transactions_have_a_lane_of_their_own_and_no_call_gets_into_it() {
        let lanes = NodeLanes::new(LowPriority::start().unwrap());
        let sent = transaction();
        assert_eq!(ask(&lanes, call(&sent)).await, format!("usual {}", sent.len()));
        let read =
            json!({ "jsonrpc": "2.0", "id": "eth_sendRawTransaction", "method": "eth_call", "params": [] }).to_string();
        for other in [read, format!("[{sent}]"), String::new()] {
            assert_eq!(ask(&lanes, call(&other)).await, format!("low {}", other.len()));
        }
        let unannounced = Request::post("/rpc").body(Body::from(sent.clone())).unwrap();
        assert_eq!(ask(&lanes, unannounced).await, format!("low {}", sent.len()));
        assert_eq!(lanes.transactions.in_use(), 0, "a place is not given back");
    }

    #[tokio::test]
    async fn a_full_lane_turns_no_transaction_away() {
        let lanes = NodeLanes::new(LowPriority::start().unwrap());
        let sent = transaction();
        let held = lanes.transactions.take(Some("192.0.2.1"), TRANSACTIONS_OF_ADDRESS_MAX).unwrap();
        assert_eq!(ask(&lanes, call(&sent)).await, format!("low {}", sent.len()), "its address has its share");
        drop(held);
        let held = lanes.transactions.take(None, TRANSACTIONS_MAX).unwrap();
        assert_eq!(ask(&lanes, call(&sent)).await, format!("low {}", sent.len()), "all places are taken");
        drop(held);
        assert_eq!(ask(&lanes, call(&sent)).await, format!("usual {}", sent.len()));
    }

    #[test]
    fn nodes_and_transactions_keep_their_priority_and_calls_do_not() {
        for (method, path) in
            [(Method::GET, "/rpc/head"), (Method::GET, "/rpc/blocks-range/decided"), (Method::POST, "/rpc/tx")]
        {
            assert!(is_of_the_network(&method, path), "{path}");
        }
        for (method, path) in [(Method::POST, "/rpc"), (Method::GET, "/rpc/blocks-range"), (Method::GET, "/rpc/tx")] {
            assert!(!is_of_the_network(&method, path), "{path}");
        }
    }
}
