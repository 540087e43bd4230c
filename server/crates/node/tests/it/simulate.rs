//! `eth_simulateV1` and `eth_createAccessList` as clients see them.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_ADDRESS, AIToken};
use serde_json::{Value, json};

use crate::setup::*;

/// Returns slot 1 of itself.
const READS_SLOT: &str = "0x60015460005260206000f3";
const TARGET: Address = Address::repeat_byte(0x77);

fn slot_one(value: u64) -> Value {
    json!({ TARGET.to_string(): { "code": READS_SLOT, "stateDiff": {
        (B256::from(U256::from(1)).to_string()): B256::from(U256::from(value)) } } })
}

#[tokio::test]
async fn blocks_are_simulated_with_the_fields_of_blocks() {
    let node = TestNode::new();
    let transfer = AIToken::transferCall { to: address(2), value: U256::from(1) }.abi_encode();
    let request = json!([{ "blockStateCalls": [
        { "blockOverrides": { "number": "0x2", "baseFeePerGas": "0x0", "withdrawals": [] },
          "stateOverrides": slot_one(42),
          "calls": [{ "from": address(1), "to": TARGET }] },
        { "calls": [
            { "from": address(1), "to": AI_TOKEN_ADDRESS, "input": alloy_primitives::Bytes::from(transfer) },
            { "from": address(1), "to": TARGET, "gas": "0x186a0", "gasPrice": "0x1" } ] },
    ], "returnFullTransactions": true }, "latest"]);
    let blocks = node.call("eth_simulateV1", request.clone()).await;
    assert_eq!(blocks.as_array().unwrap().len(), 3, "{blocks}");
    let genesis = node.call("eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!((&blocks[0]["number"], &blocks[0]["parentHash"]), (&json!("0x1"), &genesis["hash"]));
    assert_eq!((&blocks[0]["calls"], &blocks[0]["transactions"]), (&json!([]), &json!([])));
    let call = &blocks[1]["calls"][0];
    assert_eq!((&call["status"], &call["returnData"]), (&json!("0x1"), &json!(B256::from(U256::from(42)))));
    assert_eq!((&call["logs"], call.get("error")), (&json!([]), None));
    assert_eq!(call["gasUsed"], blocks[1]["gasUsed"]);
    assert!(call["maxUsedGas"].is_string(), "{call}");
    let transaction = &blocks[1]["transactions"][0];
    assert_eq!((&transaction["from"], &transaction["type"]), (&json!(address(1)), &json!("0x2")));
    assert_eq!((&transaction["blockHash"], &transaction["nonce"]), (&blocks[1]["hash"], &json!("0x0")));

    let failed = &blocks[2]["calls"][0];
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("0x0"), &json!(3)));
    // ERC20InsufficientBalance(address,uint256,uint256)
    assert!(failed["error"]["data"].as_str().unwrap().starts_with("0xe450d38c"), "{failed}");
    assert_eq!(failed["returnData"], failed["error"]["data"]);
    let priced = &blocks[2]["transactions"][1];
    assert_eq!((&priced["type"], &priced["gas"], &priced["nonce"]), (&json!("0x0"), &json!("0x186a0"), &json!("0x2")));

    // Nothing of it stays, and the same question has the same answer.
    assert_eq!(node.call("eth_blockNumber", json!([])).await, "0x0");
    assert_eq!(node.call("eth_getTransactionByHash", json!([transaction["hash"]])).await, Value::Null);
    assert_eq!(node.call("eth_simulateV1", request).await, blocks);
    let hashes = json!([{ "blockStateCalls": [{ "calls": [{ "to": TARGET }] }] }]);
    assert!(node.call("eth_simulateV1", hashes).await[0]["transactions"][0].is_string());
}

#[tokio::test]
async fn transfers_are_logs_with_their_places() {
    let node = TestNode::new();
    let pays = |value: &str| json!({ "from": address(1), "to": address(2), "value": value });
    let rich = json!({ address(1).to_string(): { "balance": "0x64" } });
    let request = json!([{ "traceTransfers": true, "blockStateCalls": [
        { "stateOverrides": rich, "calls": [pays("0x1"), pays("0x2")] } ] }]);
    let block = &node.call("eth_simulateV1", request).await[0];
    let log = &block["calls"][1]["logs"][0];
    for (field, expected) in [
        ("address", json!(Address::repeat_byte(0xee))),
        ("data", json!(B256::from(U256::from(2)))),
        ("blockHash", block["hash"].clone()),
        ("blockNumber", json!("0x1")),
        ("transactionHash", block["transactions"][1].clone()),
        ("transactionIndex", json!("0x1")),
        ("logIndex", json!("0x1")),
    ] {
        assert_eq!(log[field], expected, "{field}");
    }
}

#[tokio::test]
async fn what_keeps_a_simulation_from_running_has_the_codes_of_its_specification() {
    let node = TestNode::new();
    node.execute(&ping(1, 0)).await;
    let simulate = |validation: bool, block: Value| {
        let blocks = if block.is_array() { block } else { json!([block]) };
        node.error("eth_simulateV1", json!([{ "validation": validation, "blockStateCalls": blocks }]))
    };
    let call = |fields: Value| {
        let mut call = json!({ "from": address(1), "to": TARGET });
        call.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "calls": [call] })
    };
    let header = |fields: Value| json!({ "blockOverrides": fields });
    let code = json!({ address(1).to_string(): { "code": "0x00" } });
    let init_code = format!("0x{}", "00".repeat(49_153));
    for (code, validation, block) in [
        (-38_010, true, call(json!({ "nonce": "0x0" }))),
        (-38_011, true, call(json!({ "nonce": "0x2" }))),
        (-38_013, false, call(json!({ "gas": "0x5207" }))),
        (-38_014, false, call(json!({ "value": "0x1" }))),
        (
            -38_015,
            false,
            json!({ "blockOverrides": { "gasLimit": "0x5208" }, "calls": [{ "to": TARGET, "gas": "0x5209" }] }),
        ),
        (-38_020, false, header(json!({ "number": "0x1" }))),
        (-38_021, false, json!([header(json!({ "time": "0xffffffff" })), header(json!({ "time": "0xffffffff" }))])),
        (-38_024, true, json!({ "stateOverrides": code, "calls": [{ "from": address(1), "to": TARGET }] })),
        (-38_025, true, json!({ "calls": [{ "from": address(1), "input": init_code }] })),
        (-38_026, false, header(json!({ "number": "0x102" }))),
        (
            -38_026,
            false,
            json!({ "stateOverrides": { TARGET.to_string(): { "code": "0xfe" } },
            "calls": [{ "to": TARGET }, { "to": TARGET }] }),
        ),
        (-32_602, false, json!([])),
        (-32_602, false, header(json!({ "baseFeePerGas": "0x1" }))),
        (-32_602, false, header(json!({ "withdrawals": [{}] }))),
        (-32_602, false, header(json!({ "blobBaseFee": "0x1" }))),
        (-32_602, false, header(json!({ "difficulty": "0x1" }))),
        (-32_602, false, json!({ "calls": [], "precompiles": [] })),
        (-32_602, false, call(json!({ "chainId": "0x1" }))),
        (-32_602, false, call(json!({ "type": "0x3" }))),
        (-32_602, false, call(json!({ "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2" }))),
        (-32_602, false, json!({ "stateOverrides": { TARGET.to_string(): { "movePrecompileToAddress": TARGET } } })),
    ] {
        let error = simulate(validation, block.clone()).await;
        assert_eq!(error["code"], code, "{block}: {error}");
    }
    let unknown = node.error("eth_simulateV1", json!([{ "blockStateCalls": [{}] }, "0x9"])).await;
    assert_eq!(unknown["code"], -32_001, "{unknown}");
    let field = node.error("eth_simulateV1", json!([{ "blockStateCalls": [{}], "traceCalls": true }])).await;
    assert_eq!(field["code"], -32_602, "{field}");
}

#[tokio::test]
async fn an_access_list_is_found_also_for_a_call_that_fails() {
    let node = TestNode::new();
    let request = json!({ "from": address(1), "to": TARGET });
    let found = node.call("eth_createAccessList", json!([request, "latest", slot_one(1)])).await;
    let slots = json!([{ "address": TARGET, "storageKeys": [B256::from(U256::from(1))] }]);
    assert_eq!((&found["accessList"], found.get("error")), (&slots, None), "{found}");
    let gas = found["gasUsed"].as_str().unwrap();
    assert!((21_000..30_000).contains(&u64::from_str_radix(&gas[2..], 16).unwrap()), "{gas}");
    let transfer = AIToken::transferCall { to: address(2), value: U256::from(1) }.abi_encode();
    let fails = json!({ "from": address(1), "to": AI_TOKEN_ADDRESS, "input": alloy_primitives::Bytes::from(transfer) });
    let found = node.call("eth_createAccessList", json!([fails])).await;
    assert!(found["error"].as_str().unwrap().starts_with("execution reverted"), "{found}");
    assert_eq!(found["accessList"][0]["address"], json!(AI_TOKEN_ADDRESS), "{found}");
}
