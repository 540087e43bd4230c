//! Requests of JSON-RPC as no client writes them.

use alloy_primitives::hex;
use serde_json::{Value, json};
use test_support::fuzz;

use crate::setup::*;

#[test]
fn fuzz_json_rpc() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let guard = runtime.enter();
    let node = TestNode::new();
    let request = |id: Value, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let call = json!([{"to": address(1), "data": "0x00", "gas": "0x5208"}, "latest"]);
    let logs = json!([{"fromBlock": "0x0", "toBlock": "latest", "address": [address(1)], "topics": [null, ["0x00"]]}]);
    let raw = hex::encode_prefixed(ping(1, 0));
    let seeds = [
        request(json!(1), "eth_call", call.clone()),
        request(json!("a"), "eth_getLogs", logs),
        request(json!(-1), "eth_sendRawTransaction", json!([raw])),
        request(json!(null), "eth_getBlockByNumber", json!(["latest", true])),
        request(json!(1.5), "eth_feeHistory", json!(["0x4", "latest", [10, 50.5]])),
        request(json!(2), "eth_getProof", json!([address(1), ["0x0"], "latest"])),
        json!([request(json!(3), "eth_estimateGas", call), request(json!(4), "eth_newFilter", json!([{}]))]),
    ];
    let seeds = seeds.map(|seed| seed.to_string().into_bytes());
    fuzz("JSON-RPC", &seeds, |input| {
        let (status, body) = runtime.block_on(node.post(input.to_vec()));
        assert!(!status.is_server_error(), "{status}: {body}");
        if !body.is_empty() && status.is_success() {
            let answer: Value = serde_json::from_str(&body).unwrap();
            assert!(answer.is_object() || answer.is_array(), "{answer}");
        }
    });
    drop(guard);
    drop(node);
}
