use alloy_primitives::hex;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::setup::*;

#[tokio::test]
async fn the_chain_reads_as_rest() {
    let node = TestNode::new();
    let raw = ping(1, 0);
    let request = Request::post("/rpc/tx")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(json!({ "raw": hex::encode_prefixed(&raw) }).to_string()))
        .unwrap();
    let (status, text) = node.send(request).await;
    assert_eq!((status, text), (StatusCode::ACCEPTED, json!({ "hash": hash_of(&raw) }).to_string()));
    node.handle().wait_for_transaction(hash_of(&raw), PATIENCE).await.unwrap().unwrap();

    let (_, head) = node.get("/rpc/head").await;
    assert_eq!((&head["number"], &head["transaction_count_total"]), (&json!(1), &json!(1)));
    let (_, by_number) = node.get("/rpc/blocks/1").await;
    let (_, by_hash) = node.get(&format!("/rpc/blocks/{}", head["hash"].as_str().unwrap())).await;
    assert_eq!(by_number, by_hash);
    assert_eq!(by_number["certificate"]["signatures"][0]["validator"], json!(address(VALIDATOR)));
    let (_, range) = node.get("/rpc/blocks-range?from=0&to=99").await;
    assert_eq!(range["blocks"].as_array().unwrap().len(), 2);
    let (_, transaction) = node.get(&format!("/rpc/tx/{}", hash_of(&raw))).await;
    assert_eq!((&transaction["state"], &transaction["block_number"]), (&json!("succeeded"), &json!(1)));
    let (_, balance) = node.get(&format!("/rpc/balance/{}", address(1))).await;
    assert_eq!((&balance["ait"], &balance["native_wei"], &balance["nonce"]), (&json!("0"), &json!("0"), &json!(1)));
    let (_, pool) = node.get("/rpc/mempool").await;
    assert_eq!(pool["ready_count"], 0);
    let (_, network) = node.get("/rpc/net_info").await;
    assert_eq!((&network["chain_id"], &network["fault"]), (&json!(CHAIN_ID), &Value::Null));
    let (_, validators) = node.get("/rpc/validators").await;
    let only = json!({
        "address": address(VALIDATOR),
        "voting_power": 1,
        "base_power": 1,
        "own_stake": "0",
        "delegated_stake": "0",
    });
    assert_eq!(validators, json!([only]));
}

#[tokio::test]
async fn every_rest_error_is_a_problem() {
    let node = TestNode::new();
    let absent = format!("/rpc/tx/0x{}", "11".repeat(32));
    for (path, status) in [
        ("/rpc/blocks/7", 404),
        ("/rpc/blocks/seven", 400),
        ("/rpc/blocks/0x12", 400),
        (absent.as_str(), 404),
        ("/rpc/tx/0x1", 400),
        ("/rpc/balance/vitalik", 400),
        ("/rpc/blocks-range?from=5&to=1", 422),
        ("/rpc/blocks-range?from=0&to=100", 422),
        ("/rpc/blocks-range?from=0", 400),
        ("/rpc/blocks-range?from=-1&to=1", 400),
    ] {
        check_problem(&node, Request::get(path).body(Body::empty()).unwrap(), status).await;
    }
    let post = |body: &str| {
        Request::post("/rpc/tx").header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap()
    };
    check_problem(&node, post("{"), 400).await;
    check_problem(&node, post(r#"{"raw":"0x00","more":1}"#), 422).await;
    check_problem(&node, post(r#"{"raw":"0x00"}"#), 422).await;
}

async fn check_problem(node: &TestNode, request: Request<Body>, status: u16) {
    let path = request.uri().to_string();
    let response = node.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status().as_u16(), status, "{path}");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let problem: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(problem["status"], status);
    assert!(problem["type"].is_string() && problem["title"].is_string() && problem["detail"].is_string());
}
