//! What the worker asks the chain, through the node's JSON-RPC.

use alloy_primitives::keccak256;
use shared::{Address, B256, Bytes};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use super::scope;

const RPC_PATH: &str = "/rpc";

/// Whether the contract that pays has used this receipt: its `usedReceipt(bytes32)`.
pub(crate) async fn has_used(contract: Address, receipt_hash: B256) -> Result<bool, JsValue> {
    let selector = keccak256(b"usedReceipt(bytes32)");
    let data = Bytes::from([&selector[..4], receipt_hash.as_slice()].concat());
    let call = serde_json::json!({"to": contract, "data": data});
    let body = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]});
    let answer = post_json(RPC_PATH, &body.to_string()).await?;
    let answer: serde_json::Value =
        serde_json::from_str(&answer).map_err(|error| JsValue::from_str(&error.to_string()))?;
    match answer["result"].as_str().and_then(|word| word.parse::<B256>().ok()) {
        Some(word) => Ok(word != B256::ZERO),
        None => Err(JsValue::from_str(&format!("the node answered {}", answer["error"]["message"]))),
    }
}

/// Posts JSON to this origin and gives back the body.
async fn post_json(path: &str, body: &str) -> Result<String, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    let response: Response = JsFuture::from(scope().fetch_with_str_and_init(path, &init)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    text.as_string().ok_or_else(|| JsValue::from_str("the answer is no text"))
}
