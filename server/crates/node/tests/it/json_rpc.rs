use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use alloy_sol_types::SolCall as _;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chain::ReceiptProof;
use contracts::{AI_TOKEN_ADDRESS, AIToken};
use serde_json::{Value, json};

use crate::setup::*;

#[tokio::test]
async fn wallets_learn_where_they_are_and_that_gas_is_free() {
    let node = TestNode::new();
    for (method, params, expected) in [
        ("eth_chainId", json!([]), json!("0x60f6")),
        ("net_version", json!([]), json!("24822")),
        ("eth_blockNumber", json!([]), json!("0x0")),
        ("eth_gasPrice", json!([]), json!("0x0")),
        ("eth_maxPriorityFeePerGas", json!([]), json!("0x0")),
        ("eth_accounts", json!([]), json!([])),
        ("eth_syncing", json!([]), json!(false)),
        ("net_listening", json!([]), json!(true)),
        ("net_peerCount", json!([]), json!("0x0")),
        ("eth_getBalance", json!([address(1), "latest"]), json!("0x0")),
        ("eth_getTransactionCount", json!([address(1), "pending"]), json!("0x0")),
        ("eth_getUncleCountByBlockNumber", json!(["latest"]), json!("0x0")),
        ("eth_getUncleByBlockNumberAndIndex", json!(["latest", "0x0"]), json!(null)),
        ("eth_getUncleByBlockHashAndIndex", json!([format!("0x{}", "12".repeat(32)), "0x0"]), json!(null)),
        ("web3_sha3", json!(["0x"]), json!("0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")),
        (
            "eth_feeHistory",
            json!(["0x4", "latest", [10, 50.5]]),
            json!({
                "baseFeePerGas": ["0x0", "0x0"], "gasUsedRatio": [0.0], "oldestBlock": "0x0", "reward": [["0x0", "0x0"]],
                "baseFeePerBlobGas": ["0x1", "0x1"], "blobGasUsedRatio": [0.0],
            }),
        ),
        (
            "eth_feeHistory",
            json!(["0x4", "latest", []]),
            json!({
                "baseFeePerGas": ["0x0", "0x0"], "gasUsedRatio": [0.0], "oldestBlock": "0x0",
                "baseFeePerBlobGas": ["0x1", "0x1"], "blobGasUsedRatio": [0.0],
            }),
        ),
        ("eth_blobBaseFee", json!([]), json!("0x1")),
    ] {
        assert_eq!(node.call(method, params).await, expected, "{method}");
    }
    assert!(node.call("web3_clientVersion", json!([])).await.as_str().unwrap().starts_with("aitbc/v"));
}

#[tokio::test]
async fn genesis_reads_as_an_ethereum_block() {
    let node = TestNode::new();
    let block = node.call("eth_getBlockByNumber", json!(["earliest", false])).await;
    assert_eq!(block["number"], "0x0");
    assert_eq!(block["parentHash"], format!("0x{}", "00".repeat(32)));
    assert_eq!(block["baseFeePerGas"], "0x0");
    assert_eq!(block["transactions"], json!([]));
    assert_eq!(block["uncles"], json!([]));
    assert_eq!(block["withdrawals"], json!([]));
    assert_eq!(block["hash"], json!(node.handle().genesis_hash()));
    let by_hash = node.call("eth_getBlockByHash", json!([block["hash"], true])).await;
    assert_eq!(by_hash, block);
    assert_eq!(node.call("eth_getBlockByNumber", json!(["0x1", false])).await, Value::Null);
    assert_eq!(node.call("aitbc_getCertificate", json!(["earliest"])).await, Value::Null);
    let code = node.call("eth_getCode", json!([AI_TOKEN_ADDRESS, "latest"])).await;
    assert!(code.as_str().unwrap().len() > 1_000);
}

#[tokio::test]
async fn a_transaction_is_the_same_from_every_side() {
    let node = TestNode::new();
    let init_code = Bytes::from_static(&hex!("60138060093d393df36020356000358181559060005260206000a100"));
    let raw = sign(1, eip1559(0, TxKind::Create, init_code));
    let hash = node.call("eth_sendRawTransaction", json!([hex::encode_prefixed(&raw)])).await;
    assert_eq!(hash, json!(hash_of(&raw)));
    let included = node.handle().wait_for_transaction(hash_of(&raw), PATIENCE).await.unwrap().unwrap();
    assert_eq!(included.place.height, 1);

    let transaction = node.call("eth_getTransactionByHash", json!([hash])).await;
    for (field, expected) in [
        ("type", json!("0x2")),
        ("nonce", json!("0x0")),
        ("chainId", json!("0x60f6")),
        ("blockNumber", json!("0x1")),
        ("transactionIndex", json!("0x0")),
        ("gasPrice", json!("0x0")),
        ("maxFeePerGas", json!("0x1")),
        ("value", json!("0x0")),
        ("to", Value::Null),
        ("from", json!(address(1))),
    ] {
        let given = &transaction[field];
        let same = given.as_str().map(str::to_lowercase) == expected.as_str().map(str::to_lowercase);
        assert!(same, "{field}: {given} is not {expected}");
    }
    let receipt = node.call("eth_getTransactionReceipt", json!([hash])).await;
    let contract = address(1).create(0);
    for (field, expected) in [
        ("status", json!("0x1")),
        ("effectiveGasPrice", json!("0x0")),
        ("transactionHash", hash.clone()),
        ("contractAddress", json!(contract)),
        ("logs", json!([])),
        ("type", json!("0x2")),
    ] {
        assert_eq!(receipt[field], expected, "{field}");
    }
    assert_eq!(receipt["gasUsed"], receipt["cumulativeGasUsed"]);
    assert_eq!(receipt["logsBloom"].as_str().unwrap().len(), 2 + 512);

    let by_place = node.call("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x0"])).await;
    assert_eq!(by_place, transaction);
    let block = node.call("eth_getBlockByNumber", json!(["latest", true])).await;
    assert_eq!(block["transactions"], json!([transaction]));
    let by_hash = node.call("eth_getTransactionByBlockHashAndIndex", json!([block["hash"], "0x0"])).await;
    assert_eq!(by_hash, transaction);
    assert_eq!(node.call("eth_getBlockReceipts", json!(["latest"])).await, json!([receipt]));
    assert_eq!(node.call("eth_getBlockTransactionCountByNumber", json!(["0x1"])).await, "0x1");
    assert_eq!(node.call("eth_getBlockTransactionCountByHash", json!([block["hash"]])).await, "0x1");
    assert_eq!(node.call("eth_getRawTransactionByHash", json!([hash])).await, hex::encode_prefixed(&raw));
    assert_eq!(node.call("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x1"])).await, Value::Null);
    let certificate = node.call("aitbc_getCertificate", json!([{ "blockHash": block["hash"] }])).await;
    assert_eq!(certificate["blockHash"], block["hash"]);
    assert_eq!(certificate["signatures"][0]["validator"], json!(address(VALIDATOR)));
    let proof: ReceiptProof = serde_json::from_value(node.call("aitbc_getReceiptProof", json!([hash])).await).unwrap();
    let chain = proof.chain().unwrap();
    let genesis = node.call("eth_getBlockByNumber", json!(["0x0", false])).await;
    assert_eq!(json!(chain.genesis_hash), genesis["hash"]);
    let header = proof.block(&chain).unwrap().header;
    assert_eq!(json!(header.hash_slow()), block["hash"]);
    assert!(proof.receipt(&header).unwrap().is_success());
    assert_eq!(node.call("aitbc_getContradictions", json!([])).await, json!([]));
    assert_eq!(node.call("aitbc_getReceiptProof", json!([B256::ZERO])).await, Value::Null);
}

#[tokio::test]
async fn the_recorder_is_called_estimated_logged_and_proved() {
    let node = TestNode::new();
    let init_code = Bytes::from_static(&hex!("60138060093d393df36020356000358181559060005260206000a100"));
    node.execute(&sign(1, eip1559(0, TxKind::Create, init_code))).await;
    let contract = address(1).create(0);
    let mut data = U256::from(7).to_be_bytes_vec();
    data.extend(U256::from(70).to_be_bytes_vec());
    let data = Bytes::from(data);

    let filter = node.call("eth_newFilter", json!([{ "address": contract }])).await;
    let later = node.call("eth_newFilter", json!([{ "fromBlock": "0x2" }])).await;
    let past = node.call("eth_newFilter", json!([{ "fromBlock": "0x0", "toBlock": "0x1" }])).await;
    assert_eq!(node.call("eth_getFilterChanges", json!([later])).await, json!([]));
    let blocks = node.call("eth_newBlockFilter", json!([])).await;
    let request = json!({ "from": address(1), "to": contract, "data": data, "gasPrice": "0x3b9aca00" });
    let estimate = node.call("eth_estimateGas", json!([request])).await;
    let gas = u64::from_str_radix(estimate.as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    assert!((21_000..60_000).contains(&gas), "{gas}");
    assert_eq!(node.call("eth_call", json!([request, "latest"])).await, "0x");

    let transaction = alloy_consensus::TxEip1559 { gas_limit: gas, ..eip1559(1, TxKind::Call(contract), data) };
    let included = node.execute(&sign(1, transaction)).await;
    assert!(included.receipt.success);

    let topic = json!(alloy_primitives::B256::from(U256::from(7)));
    let logs =
        node.call("eth_getLogs", json!([{ "fromBlock": "0x0", "address": [contract], "topics": [topic] }])).await;
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!(logs[0]["removed"], false);
    assert_eq!(logs[0]["logIndex"], "0x0");
    assert_eq!(logs[0]["blockNumber"], "0x2");
    assert_eq!(node.call("eth_getFilterChanges", json!([filter])).await, logs);
    assert_eq!(node.call("eth_getFilterChanges", json!([filter])).await, json!([]));
    for method in ["eth_getFilterChanges", "eth_getFilterLogs"] {
        assert_eq!(node.call(method, json!([later])).await, logs, "{method}");
        assert_eq!(node.call(method, json!([past])).await, json!([]), "{method}: the filter ends before the log");
    }
    assert_eq!(node.call("eth_getFilterChanges", json!([blocks])).await, json!([included.block_hash]));
    assert_eq!(node.call("eth_uninstallFilter", json!([filter])).await, true);
    assert_eq!(node.error("eth_getFilterChanges", json!([filter])).await["code"], -32_001);

    let calls = json!({ "tracer": "callTracer" });
    let trace = node.call("debug_traceTransaction", json!([included.transaction.hash(), calls])).await;
    assert_eq!((&trace["type"], &trace["to"]), (&json!("CALL"), &json!(contract)));
    let of_block = node.call("debug_traceBlockByNumber", json!(["0x2", calls])).await;
    assert_eq!(of_block, json!([{ "txHash": included.transaction.hash(), "result": trace }]));
    assert_eq!(node.call("debug_traceBlockByHash", json!([included.block_hash, calls])).await, of_block);
    let simulated = node.call("debug_traceCall", json!([request, "latest", calls])).await;
    assert_eq!(simulated["from"], json!(address(1)));
    assert_eq!(node.call("debug_traceTransaction", json!([B256::ZERO])).await, Value::Null);
    let error = node.error("debug_traceCall", json!([request, "latest", { "tracer": "myTracer" }])).await;
    assert_eq!(error["code"], -32_602, "{error}");
    let raw: Bytes = serde_json::from_value(node.call("debug_getRawHeader", json!(["latest"])).await).unwrap();
    assert_eq!(alloy_primitives::keccak256(&raw), included.block_hash);
    assert_eq!(node.call("debug_getRawReceipts", json!(["latest"])).await.as_array().unwrap().len(), 1);

    let slot = node.call("eth_getStorageAt", json!([contract, "0x7", "latest"])).await;
    assert_eq!(slot, json!(alloy_primitives::B256::from(U256::from(70))));
    let before = node.call("eth_getStorageAt", json!([contract, "0x7", "0x1"])).await;
    assert_eq!(before, json!(alloy_primitives::B256::ZERO));
    let proof = node.call("eth_getProof", json!([contract, ["0x7"], "latest"])).await;
    assert_eq!(proof["storageProof"][0]["value"], "0x46");
    assert!(!proof["accountProof"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_revert_carries_its_data() {
    let node = TestNode::new();
    let transfer = AIToken::transferCall { to: address(2), value: U256::from(1) }.abi_encode();
    let request = json!({ "from": address(1), "to": AI_TOKEN_ADDRESS, "input": Bytes::from(transfer) });
    for method in ["eth_call", "eth_estimateGas"] {
        let error = node.error(method, json!([request])).await;
        assert_eq!(error["code"], 3, "{error}");
        assert!(error["message"].as_str().unwrap().starts_with("execution reverted"));
        // ERC20InsufficientBalance(address,uint256,uint256)
        assert!(error["data"].as_str().unwrap().starts_with("0xe450d38c"), "{error}");
    }
}

#[tokio::test]
async fn state_can_be_overridden_in_a_call() {
    let node = TestNode::new();
    let anywhere = Address::repeat_byte(0x77);
    let overrides = json!({ anywhere.to_string(): { "code": "0x60015460005260206000f3", "stateDiff": {
        "0x0000000000000000000000000000000000000000000000000000000000000001":
        "0x000000000000000000000000000000000000000000000000000000000000002a" } } });
    let result = node.call("eth_call", json!([{ "to": anywhere }, "latest", overrides])).await;
    assert_eq!(result, json!(alloy_primitives::B256::from(U256::from(42))));
    let error = node.error("eth_call", json!([{ "to": anywhere }, "latest", {}, { "number": "0x1" }])).await;
    assert_eq!(error["code"], -32_602);
}

#[tokio::test]
async fn bad_requests_have_the_codes_of_the_specification() {
    let node = TestNode::new();
    let submit = |raw: &[u8]| json!([hex::encode_prefixed(raw)]);
    let foreign = alloy_consensus::TxEip1559 { chain_id: 1, ..eip1559(0, TxKind::Create, Bytes::new()) };
    for (method, params, code, words) in [
        ("eth_doesNotExist", json!([]), -32_601, "not found"),
        ("eth_getBalance", json!([]), -32_602, ""),
        ("eth_getBalance", json!(["0x12", "latest"]), -32_602, ""),
        ("eth_getBalance", json!([address(1), "0x5"]), -32_001, "block 0x5 is not known"),
        ("eth_call", json!([{ "data": "0x01", "input": "0x02" }]), -32_602, "differ"),
        ("eth_sendRawTransaction", json!(["0xzz"]), -32_602, ""),
        ("eth_sendRawTransaction", json!(["0x"]), -32_000, "does not decode"),
        ("eth_sendRawTransaction", json!(["0x02c0"]), -32_000, "does not decode"),
        ("eth_sendRawTransaction", submit(&sign(1, foreign)), -32_003, "invalid chain id"),
        ("eth_getLogs", json!([{ "fromBlock": "0x2", "toBlock": "0x1" }]), -32_602, "after"),
        // Ethereum's execution-apis: a range beyond the head is refused whole, and never cut at the head.
        ("eth_getLogs", json!([{ "fromBlock": "0x0", "toBlock": "0x1" }]), -32_602, "beyond current head block"),
        ("eth_getLogs", json!([{ "fromBlock": "0x5", "toBlock": "0x6" }]), -32_602, "beyond current head block"),
        ("eth_getLogs", json!([{ "fromBlock": "0x5", "toBlock": "latest" }]), -32_602, "after"),
        ("eth_subscribe", json!(["newHeads"]), -32_601, "WebSocket"),
        ("eth_unsubscribe", json!(["0x1"]), -32_601, "WebSocket"),
        ("eth_feeHistory", json!(["0x1", "latest", [50, 10]]), -32_602, "percentiles"),
        ("eth_getFilterChanges", json!(["0x99"]), -32_001, "filter"),
    ] {
        let error = node.error(method, params.clone()).await;
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        assert!(error["message"].as_str().unwrap().contains(words), "{method} {params}: {error}");
    }
}

#[tokio::test]
async fn malformed_and_oversized_bodies_are_answered() {
    let node = TestNode::new();
    let (_, text) = node.post("{").await;
    assert!(text.contains("-32700"), "{text}");
    let (_, text) = node.post(r#"{"id":1}"#).await;
    assert!(text.contains("-32600"), "{text}");
    let (status, text) = node.post(vec![b' '; 3 * 1024 * 1024]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(text.contains("-32005"), "{text}");
    let (status, _) = node.send(Request::get("/rpc").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn batches_are_answered_whole_and_bounded() {
    let node = TestNode::new();
    let request = |id: u32, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": [] });
    let batch = json!([request(1, "eth_chainId"), request(2, "nonsense"), request(3, "net_version")]);
    let answers: Vec<Value> = serde_json::from_str(&node.post(batch.to_string()).await.1).unwrap();
    let of = |id: u32| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(of(1)["result"], "0x60f6");
    assert_eq!(of(2)["error"]["code"], -32_601);
    assert_eq!(of(3)["result"], "24822");
    let long: Vec<Value> = (0..101).map(|id| request(id, "eth_chainId")).collect();
    let (_, text) = node.post(json!(long).to_string()).await;
    assert!(text.contains("error") && !text.contains("0x60f6"), "{text}");
}

#[tokio::test]
async fn no_id_makes_a_request_vanish() {
    let node = TestNode::new();
    let raw = hex::encode_prefixed(ping(1, 0));
    let request = |id: &str| format!(r#"{{"jsonrpc":"2.0",{id}"method":"eth_sendRawTransaction","params":["{raw}"]}}"#);
    for id in [r#""id":-1,"#, r#""id":1.5,"#, r#""id":{},"#, r#""id":true,"#, ""] {
        for body in [request(id), format!("[{}]", request(id))] {
            let (status, text) = node.post(body.clone()).await;
            assert_eq!(status, StatusCode::OK, "{body}");
            let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{body} is answered `{text}`"));
            let answer = answer.get(0).cloned().unwrap_or(answer);
            assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32_600), &Value::Null), "{body}");
            assert!(answer["error"]["message"].as_str().unwrap().contains("`id` is a string"), "{answer}");
        }
    }
    assert!(node.handle().pending_transaction(hash_of(&ping(1, 0))).is_none(), "it says that nothing was done");
    assert!(node.handle().transaction(hash_of(&ping(1, 0))).unwrap().is_none(), "it says that nothing was done");
    let (_, text) = node.post(request(r#""id":null,"#)).await;
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["result"], &answer["id"]), (&json!(hash_of(&ping(1, 0))), &Value::Null));
    let batch = format!("[{},{}]", request(r#""id":-1,"#), r#"{"jsonrpc":"2.0","id":7,"method":"eth_chainId"}"#);
    let answers: Vec<Value> = serde_json::from_str(&node.post(batch).await.1).unwrap();
    assert_eq!((answers.len(), &answers[1]["result"]), (2, &json!("0x60f6")), "the others are served");
}

#[tokio::test]
async fn a_filter_tells_each_arriving_transaction_once() {
    let node = TestNode::new();
    node.execute(&ping(1, 0)).await;
    let filter = node.call("eth_newPendingTransactionFilter", json!([])).await;
    assert_eq!(node.call("eth_getFilterChanges", json!([filter])).await, json!([]));
    let sent = [ping(1, 1), ping(2, 0)];
    for raw in &sent {
        node.call("eth_sendRawTransaction", json!([hex::encode_prefixed(raw)])).await;
    }
    let hashes = sent.map(|raw| hash_of(&raw));
    assert_eq!(node.call("eth_getFilterChanges", json!([filter])).await, json!(hashes));
    assert_eq!(node.call("eth_getFilterChanges", json!([filter])).await, json!([]));
    assert_eq!(node.error("eth_getFilterLogs", json!([filter])).await["code"], -32_001, "it has no logs");
    assert_eq!(node.call("eth_uninstallFilter", json!([filter])).await, true);
}

#[tokio::test]
async fn parameters_of_a_wrong_type_are_told_in_the_words_of_json() {
    let node = TestNode::new();
    let (somebody, hash) = (address(1), alloy_primitives::B256::ZERO);
    let calls = [
        ("eth_getLogs", json!([{ "address": somebody, "topics": [hash], "fromBlock": "0x0", "blockHash": hash }])),
        ("eth_newFilter", json!([{ "address": [somebody] }])),
        ("eth_getBalance", json!([somebody, "latest"])),
        ("eth_call", json!([{ "to": somebody, "data": "0x", "gas": "0x1" }, "latest", { somebody.to_string(): {} }])),
        ("eth_estimateGas", json!([{ "accessList": [] }])),
        ("eth_getProof", json!([somebody, ["0x0"], "latest"])),
        ("eth_getBlockByNumber", json!(["0x0", true])),
        ("eth_feeHistory", json!(["0x1", "latest", [50]])),
        ("eth_getTransactionByHash", json!([hash])),
        ("eth_sendRawTransaction", json!(["0x00"])),
    ];
    let odd = [json!(5), json!(-1), json!(1.5), json!(true), json!("x"), json!([1]), json!({ "a": 1 })];
    for (method, params) in calls {
        let mut places: Vec<String> = (0..params.as_array().unwrap().len()).map(|at| format!("/{at}")).collect();
        places.extend(
            params[0].as_object().into_iter().flat_map(|fields| fields.keys().map(|name| format!("/0/{name}"))),
        );
        for (place, value) in places.iter().flat_map(|place| odd.iter().map(move |value| (place, value))) {
            let mut params = params.clone();
            *params.pointer_mut(place).unwrap() = value.clone();
            let single = node.answer(method, params.clone()).await;
            let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }]);
            let batch: Value = serde_json::from_str(&node.post(batch.to_string()).await.1).unwrap();
            for told in [single.to_string(), batch.to_string()] {
                for word in ["untagged", "struct ", "enum ", "u64", "u8", "variant"] {
                    assert!(!told.contains(word), "{method} {params}: {told}");
                }
            }
        }
    }
    let error = node.error("eth_getBalance", json!([5])).await;
    let expected =
        "invalid params: invalid type: integer `5`, expected 20 bytes, represented as a hex string of length 40";
    assert_eq!(error, json!({ "code": -32_602, "message": expected }));
}

#[tokio::test]
async fn the_description_is_served_and_says_which_parameters_are_needed() {
    let node = TestNode::new();
    let (status, document) = node.get("/rpc/openrpc.json").await;
    assert_eq!((status, &document["openrpc"]), (StatusCode::OK, &json!("1.3.2")));
    assert_eq!(node.call("rpc.discover", json!([])).await, document);
    for method in document["methods"].as_array().unwrap() {
        let (name, params) = (method["name"].as_str().unwrap(), method["params"].as_array().unwrap());
        let needed = params.iter().filter(|param| param["required"] == true).count();
        // Subscriptions are refused by POST before their parameters are looked at.
        if name.ends_with("subscribe") {
            continue;
        }
        let answer = node.answer(name, json!([])).await;
        let is_refused = answer["error"]["code"] == -32_602;
        assert_eq!(is_refused, needed > 0, "{name}: {answer}");
        // Nothing is described behind which the node would refuse what is needed.
        let nulls = vec![Value::Null; params.len() - needed];
        if needed == 0 && !nulls.is_empty() {
            assert!(node.answer(name, json!(nulls)).await.get("error").is_none(), "{name} with nulls");
        }
    }
}
