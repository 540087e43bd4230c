//! What strangers ask of a node is bounded, and costs nobody else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use node::{Allowance, CallsRefused, Lane, STRANGER_READS};
use serde_json::json;

use crate::setup::*;

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_strangers_are_refused_beyond_their_lane_and_keep_nobody_else_waiting() {
    let node = TestNode::new();
    let filter = node.call("eth_newBlockFilter", json!([])).await;
    let block = node.execute(&ping(1, 0)).await.block_hash;
    let mut releases = Vec::new();
    for _ in 0..STRANGER_READS {
        let (release, released) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let handle = node.handle().in_lane(Lane::Stranger);
        let caller = tokio::spawn(async move {
            let read = move |_: &node::chain::Snapshot| {
                let _ = begin.send(());
                let _ = released.recv();
                Ok(())
            };
            handle.query(read).await
        });
        begun.await.unwrap();
        // The caller goes away; its read goes on and keeps its place.
        caller.abort();
        releases.push(release);
    }
    let call = json!([{ "to": address(1), "data": "0x" }, "latest"]);
    let refused = node.error("eth_call", call.clone()).await;
    assert_eq!(refused["code"], -32_005, "{refused}");
    assert_eq!(node.error("eth_getFilterChanges", json!([filter])).await["code"], -32_005);
    let (status, problem) = node.get(&format!("/rpc/balance/{}", address(1))).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem}");
    for lane in [Lane::Page, Lane::Settlement] {
        let head = node.handle().in_lane(lane).query(|snapshot| Ok(snapshot.head().number)).await;
        assert_eq!(head.unwrap(), 1, "{lane:?} waits for strangers");
    }
    assert_eq!(node.call("eth_blockNumber", json!([])).await, "0x1");
    drop(releases);
    assert_eq!(node.call("eth_call", call).await, "0x");
    let told = node.call("eth_getFilterChanges", json!([filter])).await;
    assert_eq!(told, json!([block]), "a refused poll took nothing from the next");
}

#[tokio::test]
async fn a_simulated_call_has_less_gas_than_a_block() {
    let node = TestNode::new();
    // Returns the gas that is left.
    let code = "0x5a60005260206000f3";
    let to = address(9);
    for gas in [json!(null), json!("0x5f5e100"), json!("0xffffffffffffffff")] {
        let call = json!([{ "to": to, "gas": gas }, "latest", { to.to_string(): { "code": code } }]);
        let left = node.call("eth_call", call).await;
        let left = u128::from_str_radix(left.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
        assert!((29_000_000..30_000_000).contains(&left), "{gas}: {left}");
    }
}

#[tokio::test]
async fn nobody_guesses_the_filter_of_another() {
    let node = TestNode::new();
    let mut ids = BTreeSet::new();
    for _ in 0..16 {
        let id = node.call("eth_newBlockFilter", json!([])).await.as_str().unwrap().to_owned();
        assert!(id.len() > 2 + 24, "{id} has too few bits");
        ids.insert(id);
    }
    assert_eq!(ids.len(), 16);
    assert_eq!(node.call("eth_uninstallFilter", json!(["0x1"])).await, false);
    for id in ids {
        assert_eq!(node.call("eth_uninstallFilter", json!([id])).await, true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_stranger_ends_with_its_time_and_says_how_long_that_is() {
    let node = TestNode::with(|config| config.stranger_call_time = std::time::Duration::ZERO);
    let endless = json!([{ "to": address(9) }, "latest", { address(9).to_string(): { "code": "0x5b5f56" } }]);
    for method in ["eth_call", "eth_estimateGas"] {
        let stopped = node.error(method, endless.clone()).await;
        assert_eq!(stopped["code"], -32_005, "{stopped}");
        assert!(stopped["message"].as_str().unwrap().contains("computed for 0 ms"), "{stopped}");
    }
    let call = node::chain::Call { to: Some(address(8)), ..Default::default() };
    assert_eq!(node.handle().estimate_gas(call).await.unwrap(), 21_000, "the node's own calls have that bound too");
}

#[tokio::test]
async fn calls_of_one_stranger_are_counted_one_by_one_in_a_batch_too() {
    let node = TestNode::new();
    let left = Arc::new(Mutex::new(25_u32));
    let taken = Arc::clone(&left);
    let allowance = Allowance::new("somebody", move |units| {
        let mut left = taken.lock().unwrap();
        *left = left.checked_sub(units).ok_or(CallsRefused { per_minute: 25, wait_seconds: 7 })?;
        Ok(())
    });
    let send = |body: serde_json::Value| {
        let mut request = Request::post("/rpc").header("content-type", "application/json");
        request.extensions_mut().unwrap().insert(allowance.clone());
        node.send(request.body(Body::from(body.to_string())).unwrap())
    };
    let request = |method: &str, params| json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let call = request("eth_call", json!([{ "to": address(1) }, "latest"]));
    let began = Instant::now();
    let (_, answers) = send(json!([call, call, call, request("eth_chainId", json!([]))])).await;
    // At once, a refusal would invite the next request.
    assert!(began.elapsed() >= Duration::from_secs(1), "a refusal waits a second");
    let answers: Vec<serde_json::Value> = serde_json::from_str(&answers).unwrap();
    assert_eq!((&answers[0]["result"], &answers[1]["result"]), (&json!("0x"), &json!("0x")));
    assert_eq!(answers[2]["error"]["code"], -32_005, "{}", answers[2]);
    let why = answers[2]["error"]["message"].as_str().unwrap();
    assert!(why.contains("25 units a minute") && why.contains("in 7 s"), "{why}");
    assert_eq!(answers[3]["result"], "0x60f6", "a short read takes one unit");
    assert_eq!(*left.lock().unwrap(), 4);
    let mut request = Request::get("/rpc/mempool");
    request.extensions_mut().unwrap().insert(allowance.clone());
    let (status, why) = node.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{why}");
}
