//! What Otterscan asks.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use alloy_sol_types::SolCall as _;
use contracts::{AI_TOKEN_ADDRESS, AIToken};
use serde_json::{Value, json};

use crate::setup::*;

/// Init code of a contract that makes another one with each call.
const FACTORY: Bytes = Bytes::from_static(&hex!("60118060093d393df3" "6460016000f36000526005601b6000f000"));

/// A node with the factory in block 1, its first contract in block 2, and a transfer that failed in block 3.
async fn explored() -> (TestNode, [B256; 3], Address, Address) {
    let node = TestNode::new();
    let factory = address(1).create(0);
    let transfer = AIToken::transferCall { to: address(2), value: U256::from(1) }.abi_encode();
    let transactions = [
        eip1559(0, TxKind::Create, FACTORY),
        eip1559(1, TxKind::Call(factory), Bytes::new()),
        eip1559(2, TxKind::Call(AI_TOKEN_ADDRESS), transfer.into()),
    ];
    let mut hashes = Vec::new();
    for transaction in transactions {
        hashes.push(node.execute(&sign(1, transaction)).await.transaction.hash());
    }
    (node, hashes.try_into().unwrap(), factory, factory.create(1))
}

#[tokio::test]
async fn a_node_is_probed_and_code_and_makers_are_found() {
    let (node, [made, called, _], factory, child) = explored().await;
    assert_eq!(node.call("ots_getApiLevel", json!([])).await, 8);
    let head = node.call("eth_getBlockByNumber", json!(["latest", false])).await;
    let header = node.call("erigon_getHeaderByNumber", json!(["latest"])).await;
    for field in ["hash", "number", "stateRoot", "timestamp", "baseFeePerGas", "extraData"] {
        assert_eq!(header[field], head[field], "{field}");
    }
    assert_eq!(node.call("erigon_getHeaderByNumber", json!([2])).await["number"], "0x2");
    assert_eq!(node.call("erigon_getHeaderByNumber", json!([4])).await, Value::Null);

    for (at, has_code) in [("0x1", false), ("0x2", true), ("latest", true)] {
        assert_eq!(node.call("ots_hasCode", json!([child, at])).await, has_code, "{at}");
    }
    assert_eq!(node.call("ots_hasCode", json!([address(1), "latest"])).await, false);
    let creator = |hash: B256, creator: Address| json!({ "hash": hash, "creator": creator });
    for (contract, expected) in [
        (factory, creator(made, address(1))),
        (child, creator(called, factory)),
        (address(1), Value::Null),
        (AI_TOKEN_ADDRESS, Value::Null),
    ] {
        assert_eq!(node.call("ots_getContractCreator", json!([contract])).await, expected, "{contract}");
    }
    for (sender, nonce, expected) in [
        (address(1), 0, json!(made)),
        (address(1), 1, json!(called)),
        (address(1), 3, Value::Null),
        (address(2), 0, Value::Null),
        (factory, 1, Value::Null),
    ] {
        let found = node.call("ots_getTransactionBySenderAndNonce", json!([sender, nonce])).await;
        assert_eq!(found, expected, "{sender} {nonce}");
        let whole = node.call("eth_getTransactionBySenderAndNonce", json!([sender, format!("{nonce:#x}")])).await;
        assert_eq!(whole["hash"], expected, "{sender} {nonce}");
        if !expected.is_null() {
            assert_eq!(whole, node.call("eth_getTransactionByHash", json!([expected])).await);
        }
    }
}

#[tokio::test]
async fn the_inside_of_a_transaction_is_listed_in_its_order() {
    let (node, [made, called, failed], factory, child) = explored().await;
    let trace = node.call("ots_traceTransaction", json!([called])).await;
    let kinds: Vec<_> = trace.as_array().unwrap().iter().map(|entry| (&entry["type"], &entry["depth"])).collect();
    assert_eq!(kinds, [(&json!("CALL"), &json!(0)), (&json!("CREATE"), &json!(1))], "{trace}");
    assert_eq!(
        (&trace[0]["to"], &trace[1]["from"], &trace[1]["to"]),
        (&json!(factory), &json!(factory), &json!(child))
    );
    assert_eq!((&trace[1]["input"], &trace[1]["output"]), (&json!("0x60016000f3"), &json!("0x00")));
    let operations = node.call("ots_getInternalOperations", json!([called])).await;
    assert_eq!(operations, json!([{ "type": 2, "from": factory, "to": child, "value": "0x0" }]));
    assert_eq!(node.call("ots_getInternalOperations", json!([made])).await, json!([]), "the outermost is not inside");
    // ERC20InsufficientBalance(address,uint256,uint256)
    let error = node.call("ots_getTransactionError", json!([failed])).await;
    assert!(error.as_str().unwrap().starts_with("0xe450d38c"), "{error}");
    assert_eq!(node.call("ots_getTransactionError", json!([called])).await, "0x");
    for method in ["ots_getTransactionError", "ots_traceTransaction", "ots_getInternalOperations"] {
        assert_eq!(node.call(method, json!([B256::ZERO])).await, Value::Null, "{method}");
    }
}

#[tokio::test]
async fn blocks_have_details_and_pages_from_their_end() {
    let (node, [_, _, failed], ..) = explored().await;
    let block = node.call("eth_getBlockByNumber", json!(["0x3", false])).await;
    let details = node.call("ots_getBlockDetails", json!([3])).await;
    assert_eq!((&details["block"]["hash"], &details["block"]["transactionCount"]), (&block["hash"], &json!(1)));
    assert!(details["block"].get("transactions").is_none(), "{details}");
    assert_eq!((&details["totalFees"], &details["issuance"]["issuance"]), (&json!("0x0"), &json!("0x0")));
    assert_eq!(node.call("ots_getBlockDetailsByHash", json!([block["hash"]])).await, details);
    assert_eq!(node.call("ots_getBlockDetails", json!([9])).await, Value::Null);

    let page = node.call("ots_getBlockTransactions", json!([3, 0, 10])).await;
    let transaction = &page["fullblock"]["transactions"][0];
    // The selector alone.
    assert_eq!((&transaction["hash"], &transaction["input"]), (&json!(failed), &json!("0xa9059cbb")));
    let receipt = &page["receipts"][0];
    assert_eq!(
        (&receipt["status"], &receipt["logs"], &receipt["logsBloom"]),
        (&json!("0x0"), &Value::Null, &Value::Null)
    );
    assert_eq!((&receipt["transactionHash"], &receipt["timestamp"]), (&json!(failed), &block["timestamp"]));
    let beyond = node.call("ots_getBlockTransactions", json!([3, 1, 10])).await;
    assert_eq!(
        (&beyond["fullblock"]["transactions"], &beyond["fullblock"]["transactionCount"]),
        (&json!([]), &json!(1))
    );
    assert_eq!(node.call("ots_getBlockTransactions", json!([9, 0, 10])).await, Value::Null);
    assert_eq!(node.error("ots_getBlockTransactions", json!([3, 0, 101])).await["code"], -32_005);
    assert_eq!(node.error("ots_getBlockTransactions", json!([3, 0, 0])).await["code"], -32_602);
}
