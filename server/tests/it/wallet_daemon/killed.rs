//! `kill -9` at every point of a payment: it is neither lost nor paid twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::routing::post;
use serde_json::{Value, json};
use shared::{Address, U256};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use super::daemon::TestDaemon;
use super::money::{FRIEND, balance, settled, transfer, with_money};
use crate::server::TestServer;

/// Stands between a daemon and its node, and holds one call for ever.
struct Between {
    node: String,
    calls: AtomicUsize,
    /// Which call is held, and whether the node gets it first.
    held: watch::Sender<Option<(Point, bool)>>,
    reached: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Point {
    Call(usize),
    Sending,
}

impl Between {
    async fn start(server: &TestServer) -> (Arc<Self>, String) {
        let (calls, held) = (AtomicUsize::new(0), watch::Sender::new(None));
        let node = format!("http://{}/rpc", server.address);
        let between = Arc::new(Self { node, calls, held, reached: Notify::new() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/rpc", post(pass)).with_state(Arc::clone(&between));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (between, url)
    }

    fn hold(&self, point: Option<(Point, bool)>) {
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

async fn nonce(server: &TestServer, account: Address) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionCount", "params": [account, "latest"] });
    server.post("/rpc", &call).await.json()["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_neither_loses_nor_doubles_a_payment() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(&place.path().join("data")).await;
    let folder = place.path().join("wallets");
    let (daemon, miner) = with_money(&server, &folder).await;
    daemon.stop().await;
    let (between, url) = Between::start(&server).await;
    let mut points: Vec<(Point, bool)> = (0..8).map(|number| (Point::Call(number), number % 2 == 0)).collect();
    points.extend([(Point::Sending, false), (Point::Sending, true)]);
    let (mut paid, amount) = (0, 3);
    for (round, point) in points.into_iter().enumerate() {
        let (key, body) = (format!("round-{round}"), transfer(amount));
        let daemon = TestDaemon::start(&folder, &url, &[]).await;
        daemon.unlock("miner").await;
        between.hold(Some(point));
        let asking = daemon.begin_to_pay(&key, &body);
        between.reached.notified().await;
        daemon.kill().await;
        between.hold(None);
        asking.await.unwrap();

        let again = TestDaemon::start(&folder, &url, &[]).await;
        if point.0 == Point::Sending {
            // Nobody asks again, and no wallet is unlocked: what was signed is sent by the daemon alone.
            while balance(&server, FRIEND).await == U256::from(paid * amount) {
                tokio::task::yield_now().await;
            }
        }
        again.unlock("miner").await;
        let view = settled(&again, &key, &body).await;
        paid += 1;
        assert_eq!((&view["state"], &view["nonce"]), (&json!("settled"), &json!(paid - 1)), "{point:?}");
        assert_eq!(balance(&server, FRIEND).await, U256::from(paid * amount), "{point:?}");
        assert_eq!(nonce(&server, miner).await, format!("{paid:#x}"), "{point:?}");
        again.kill().await;
    }
    server.stop().await;
}
