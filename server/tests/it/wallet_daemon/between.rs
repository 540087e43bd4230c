//! What stands between a daemon and its node, so that a test decides what reaches it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::server::TestServer;

/// Stands between a daemon and its node, and holds one call for ever.
pub(super) struct Between {
    node: String,
    calls: AtomicUsize,
    /// Which call is held, and whether the node gets it first.
    held: watch::Sender<Option<(Point, bool)>>,
    pub(super) reached: Notify,
    /// Transactions do not reach the node.
    swallows: AtomicBool,
    swallowed: Mutex<Vec<Value>>,
    /// The node cannot be reached any more once it told a nonce.
    closes: AtomicBool,
    accepting: OnceLock<AbortHandle>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Point {
    Call(usize),
    Sending,
}

impl Between {
    pub(super) async fn start(server: &TestServer) -> (Arc<Self>, String) {
        let (calls, held) = (AtomicUsize::new(0), watch::Sender::new(None));
        let node = format!("http://{}/rpc", server.address);
        let (swallows, closes) = (AtomicBool::new(false), AtomicBool::new(false));
        let (swallowed, accepting) = (Mutex::default(), OnceLock::new());
        let reached = Notify::new();
        let between = Arc::new(Self { node, calls, held, reached, swallows, swallowed, closes, accepting });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/rpc", post(pass)).with_state(Arc::clone(&between));
        let accepting = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        between.accepting.set(accepting.abort_handle()).unwrap();
        (between, url)
    }

    pub(super) fn swallow(&self, whether: bool) {
        self.swallows.store(whether, Ordering::SeqCst);
    }

    /// The transactions that were swallowed, each once.
    pub(super) fn swallowed(&self) -> Vec<Value> {
        let mut swallowed = self.swallowed.lock().unwrap().clone();
        swallowed.dedup();
        swallowed
    }

    pub(super) fn close_after_nonce(&self) {
        self.closes.store(true, Ordering::SeqCst);
    }

    pub(super) fn hold(&self, point: Option<(Point, bool)>) {
        self.calls.store(0, Ordering::SeqCst);
        self.held.send_replace(point);
    }

    /// Holds the call as long as it is the one.
    async fn wait_here(&self, point: (Point, bool)) {
        self.reached.notify_one();
        let mut held = self.held.subscribe();
        held.wait_for(|held| *held != Some(point)).await.unwrap();
    }
}

async fn pass(State(between): State<Arc<Between>>, body: Bytes) -> ([(header::HeaderName, &'static str); 1], Vec<u8>) {
    let asked: Value = serde_json::from_slice(&body).unwrap();
    if between.closes.load(Ordering::SeqCst) && asked["params"][1] == "pending" {
        let accepting = between.accepting.get().unwrap();
        accepting.abort();
        while !accepting.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    if between.swallows.load(Ordering::SeqCst) && asked["method"] == "eth_sendRawTransaction" {
        between.swallowed.lock().unwrap().push(asked["params"][0].clone());
        let refused = json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32000, "message": "swallowed" } });
        return ([(header::CONTENT_TYPE, "application/json")], refused.to_string().into_bytes());
    }
    let number = between.calls.fetch_add(1, Ordering::SeqCst);
    let held = *between.held.borrow();
    let is_here = |point| match point {
        Point::Call(at) => at == number,
        Point::Sending => asked["method"] == "eth_sendRawTransaction",
    };
    let here = held.filter(|(point, _)| is_here(*point));
    if let Some(point @ (_, false)) = here {
        between.wait_here(point).await;
        return ([(header::CONTENT_TYPE, "application/json")], Vec::new());
    }
    let (node, bytes) = (between.node.clone(), body.to_vec());
    let ask = move || {
        let mut answer = ureq::post(&node).header("content-type", "application/json").send(&bytes).unwrap();
        answer.body_mut().read_to_vec().unwrap()
    };
    let answer = tokio::task::spawn_blocking(ask).await.unwrap();
    if let Some(point) = here {
        between.wait_here(point).await;
    }
    ([(header::CONTENT_TYPE, "application/json")], answer)
}
