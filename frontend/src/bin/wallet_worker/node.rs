//! What the wallet asks the chain, through the node's JSON-RPC.

use std::str::FromStr;

use alloy_primitives::keccak256;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::amount::Amount;
use shared::chain::{MINTER_ADDRESS, TOKEN_ADDRESS};
use shared::{Address, B256, Bytes, U256};
use wallet::protocol::{Outcome, Refusal};
use wallet::receipt_check::ReceiptProof;
use wallet::token;
use wallet::transaction::{AccessList, Fees};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use super::browser::{describe, fetch};
use super::host;

/// Whether the register at this contract has the receipt with this EIP-712 hash as used: its `usedReceipt(bytes32)`.
pub(crate) async fn has_used(contract: Address, struct_hash: B256) -> Result<bool, String> {
    let selector = keccak256(b"usedReceipt(bytes32)");
    let data = Bytes::from([&selector[..4], struct_hash.as_slice()].concat());
    let word: B256 = call("eth_call", json!([{"to": contract, "data": data}, "latest"])).await?;
    Ok(word != B256::ZERO)
}

/// What proves the outcome of a transaction; `None` while no block has it.
pub(crate) async fn receipt_proof(transaction_hash: B256) -> Result<Option<ReceiptProof>, String> {
    call("aitbc_getReceiptProof", json!([transaction_hash])).await
}

pub(crate) async fn chain_id() -> Result<u64, Refusal> {
    number("eth_chainId", json!([])).await
}

pub(crate) async fn head() -> Result<u64, Refusal> {
    number("eth_blockNumber", json!([])).await
}

/// The nonce of the account's next transaction, behind those that wait.
pub(crate) async fn next_nonce(account: Address) -> Result<u64, Refusal> {
    number("eth_getTransactionCount", json!([account, "pending"])).await
}

/// AIT of an account.
pub(crate) async fn balance(account: Address) -> Result<Amount, Refusal> {
    let input = token::balance_of(account);
    let balance: u128 = number("eth_call", json!([{"to": TOKEN_ADDRESS, "data": input}, "latest"])).await?;
    Ok(Amount::from_atto(balance))
}

/// Whether the account attests receipts on this chain, as hubs do: `isAttester(address)` of the minter.
pub(crate) async fn is_attester(account: Address) -> Result<bool, Refusal> {
    let selector = keccak256(b"isAttester(address)");
    let data = Bytes::from([&selector[..4], account.into_word().as_slice()].concat());
    let call_of_minter = json!([{"to": MINTER_ADDRESS, "data": data}, "latest"]);
    let word: B256 = call("eth_call", call_of_minter).await.map_err(refused)?;
    Ok(word != B256::ZERO)
}

pub(crate) async fn is_contract(account: Address) -> Result<bool, Refusal> {
    let code: Bytes = call("eth_getCode", json!([account, "latest"])).await.map_err(refused)?;
    Ok(!code.is_empty())
}

/// What the transaction would need, found by running it. It fails where the transaction would fail.
pub(crate) async fn gas_limit(from: Address, to: Option<Address>, value: U256, input: &Bytes) -> Result<u64, Refusal> {
    let mut transaction = json!({"from": from, "data": input, "value": format!("{value:#x}")});
    if let Some(to) = to {
        transaction["to"] = json!(to);
    }
    let gas: Value = call("eth_estimateGas", json!([transaction]))
        .await
        .map_err(|detail| Refusal::WouldFail { detail: format!("the chain says: {detail}") })?;
    let gas: u64 = hex_number(&gas)?;
    // The state may have changed a little when the block is made.
    Ok(gas.saturating_add(gas / 5))
}

/// What gas costs now, with as much again where it costs anything, as the price may rise.
pub(crate) async fn fees() -> Result<Fees, Refusal> {
    let price: u128 = number("eth_gasPrice", json!([])).await?;
    if price == 0 {
        return Ok(Fees::free());
    }
    let tip: u128 = number("eth_maxPriorityFeePerGas", json!([])).await?;
    let max_fee_per_gas = price.saturating_mul(2).max(tip);
    Ok(Fees::Market { max_fee_per_gas, max_priority_fee_per_gas: tip, access_list: AccessList::default() })
}

pub(crate) async fn send(raw: &Bytes) -> Result<B256, String> {
    call("eth_sendRawTransaction", json!([raw])).await
}

/// Whether the node has the transaction, in a block or waiting for one.
pub(crate) async fn knows(hash: B256) -> Result<bool, String> {
    Ok(!call::<Value>("eth_getTransactionByHash", json!([hash])).await?.is_null())
}

/// `None` while no block contains the transaction.
pub(crate) async fn outcome(hash: B256) -> Result<Option<Outcome>, Refusal> {
    let receipt: Value = call("eth_getTransactionReceipt", json!([hash])).await.map_err(refused)?;
    if receipt.is_null() {
        return Ok(None);
    }
    let block_number = hex_number(&receipt["blockNumber"])?;
    Ok(Some(Outcome { block_number, succeeded: receipt["status"] == "0x1" }))
}

pub(crate) fn refused(detail: String) -> Refusal {
    Refusal::Node { detail }
}

/// A number as Ethereum's JSON-RPC writes it.
pub(crate) fn hex_number<T: TryFrom<U256>>(value: &Value) -> Result<T, Refusal> {
    let number = value.as_str().filter(|text| text.starts_with("0x")).and_then(|text| U256::from_str(text).ok());
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| refused(format!("{value} is no number that fits")))
}

async fn number<T: TryFrom<U256>>(method: &str, params: Value) -> Result<T, Refusal> {
    hex_number(&call::<Value>(method, params).await.map_err(refused)?)
}

/// One question. The error is the node's own words, or why there is no answer.
pub(crate) async fn call<T: DeserializeOwned>(method: &str, params: Value) -> Result<T, String> {
    let mut answer = exchange(method, params).await?;
    if let Some(message) = answer["error"]["message"].as_str() {
        return Err(message.to_owned());
    }
    serde_json::from_value(answer["result"].take()).map_err(|error| format!("{method}: {error}"))
}

/// One question with the node's whole answer. The error is why there is none.
pub(crate) async fn exchange(method: &str, params: Value) -> Result<Value, String> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let url = host::rpc_url().await.map_err(|_| "the node's address cannot be read".to_owned())?;
    let answer = post_json(&url, &body.to_string()).await.map_err(|error| describe(&error))?;
    serde_json::from_str(&answer).map_err(|error| error.to_string())
}

/// Posts JSON and gives back the body.
async fn post_json(url: &str, body: &str) -> Result<String, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JsValue::from_str(body));
    let response: Response = JsFuture::from(fetch(url, &init)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    text.as_string().ok_or_else(|| JsValue::from_str("the answer is no text"))
}
