use std::future::ready;
use std::net::Ipv4Addr;
use std::time::Duration;

use alloy_primitives::{Bytes, TxKind, U256, hex};
use futures::{SinkExt as _, StreamExt as _};
use node::{BlockTiming, MeteredListener, SignsOfLife, Socket};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::setup::*;

struct Client {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    notifications: Vec<Value>,
}

impl Client {
    async fn connect(node: &TestNode) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = node.router.clone();
        let service = router.into_make_service_with_connect_info::<Socket>();
        tokio::spawn(async move { axum::serve(MeteredListener(listener), service).await });
        let (socket, _) = connect_async(format!("ws://127.0.0.1:{port}/rpc")).await.unwrap();
        Self { socket, notifications: Vec::new() }
    }

    async fn receive(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap().unwrap().unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(text.as_str()).unwrap();
            }
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let message = self.receive().await;
            if message.get("id").is_some() {
                return message;
            }
            self.notifications.push(message);
        }
    }

    async fn notification(&mut self, subscription: &Value) -> Value {
        loop {
            let position = self.notifications.iter().position(|item| item["params"]["subscription"] == *subscription);
            if let Some(position) = position {
                return self.notifications.remove(position)["params"]["result"].clone();
            }
            let message = self.receive().await;
            assert_eq!(message["method"], "eth_subscription");
            self.notifications.push(message);
        }
    }
}

#[tokio::test]
async fn heads_logs_and_arrivals_are_pushed() {
    let node = TestNode::new();
    let init_code = Bytes::from_static(&hex!("60138060093d393df36020356000358181559060005260206000a100"));
    node.execute(&sign(1, eip1559(0, TxKind::Create, init_code))).await;
    let contract = address(1).create(0);

    let mut client = Client::connect(&node).await;
    let heads = client.call("eth_subscribe", json!(["newHeads"])).await["result"].clone();
    assert!(heads.as_str().unwrap().starts_with("0x"), "{heads}");
    let logs = client.call("eth_subscribe", json!(["logs", { "address": contract }])).await["result"].clone();
    let arrivals = client.call("eth_subscribe", json!(["newPendingTransactions"])).await["result"].clone();

    let mut data = U256::from(7).to_be_bytes_vec();
    data.extend(U256::from(70).to_be_bytes_vec());
    let raw = sign(1, eip1559(1, TxKind::Call(contract), data.into()));
    let sent = client.call("eth_sendRawTransaction", json!([hex::encode_prefixed(&raw)])).await;
    assert_eq!(sent["result"], json!(hash_of(&raw)));

    assert_eq!(client.notification(&arrivals).await, json!(hash_of(&raw)));
    let head = client.notification(&heads).await;
    assert_eq!((&head["number"], &head["baseFeePerGas"]), (&json!("0x2"), &json!("0x0")));
    let log = client.notification(&logs).await;
    assert_eq!((&log["blockHash"], &log["transactionHash"]), (&head["hash"], &json!(hash_of(&raw))));

    assert_eq!(client.call("eth_unsubscribe", json!([heads])).await["result"], true);
    assert_eq!(client.call("eth_unsubscribe", json!([logs])).await["result"], true);
    node.execute(&ping(2, 0)).await;
    assert!(client.notification(&arrivals).await.is_string());
    assert!(client.notifications.is_empty(), "nothing comes after unsubscribing: {:?}", client.notifications);
}

#[tokio::test]
async fn each_kind_of_subscription_has_its_own_parameter() {
    let node = TestNode::new();
    let mut client = Client::connect(&node).await;
    for (params, words) in [
        (json!(["newWeather"]), "newWeather"),
        (json!(["newHeads", true]), "`newHeads` takes no parameter"),
        (json!(["logs", true]), "`logs` takes a filter"),
        (json!(["logs", { "address": "0x12" }]), "`logs` takes a filter"),
        (json!(["newPendingTransactions", { "address": [] }]), "`newPendingTransactions` takes `true`"),
        (json!(["newPendingTransactions", "yes"]), "`newPendingTransactions` takes `true`"),
    ] {
        let answer = client.call("eth_subscribe", params.clone()).await;
        assert_eq!(answer["error"]["code"], -32_602, "{params}: {answer}");
        assert!(answer["error"]["message"].as_str().unwrap().contains(words), "{params}: {answer}");
    }
    for params in [
        json!(["newHeads", null]),
        json!(["newHeads", {}]),
        json!(["logs"]),
        json!(["logs", null]),
        json!(["newPendingTransactions", null]),
        json!(["newPendingTransactions", false]),
    ] {
        let answer = client.call("eth_subscribe", params.clone()).await;
        assert!(answer["result"].is_string(), "{params}: {answer}");
    }
    let whole = client.call("eth_subscribe", json!(["newPendingTransactions", true])).await["result"].clone();
    node.execute(&ping(3, 0)).await;
    let transaction = client.notification(&whole).await;
    assert_eq!(transaction["hash"], json!(hash_of(&ping(3, 0))));
    assert_eq!((&transaction["nonce"], &transaction["blockHash"]), (&json!("0x0"), &Value::Null));
    assert_eq!(client.call("eth_chainId", json!([])).await["result"], "0x60f6");
}

#[tokio::test]
async fn who_gives_no_sign_of_life_loses_its_websocket_and_who_answers_keeps_it() {
    // The limit is what a machine that is busy with other things may keep a client from answering.
    let (ping_interval, inactive_limit) = (Duration::from_millis(250), Duration::from_secs(5));
    let signs = SignsOfLife { ping_interval, inactive_limit, max_failures: 1 };
    let node = TestNode::new();
    let router = node::router_with(node.handle(), signs).unwrap();
    let node = TestNode { router, ..node };
    let (mut answers, silent) = (Client::connect(&node).await, Client::connect(&node).await);
    // Its bytes are read and never looked at, so that no ping is answered.
    let MaybeTlsStream::Plain(mut silent) = silent.socket.into_inner() else { panic!("a plain connection") };
    let mut nowhere = tokio::io::sink();
    let is_closed = tokio::io::copy(&mut silent, &mut nowhere);
    let answering = async {
        while let Some(message) = answers.socket.next().await {
            message.unwrap();
        }
    };
    tokio::select! {
        closed = tokio::time::timeout(PATIENCE, is_closed) => assert!(closed.is_ok(), "a dead socket is kept for ever"),
        () = answering => panic!("a client that answers loses its WebSocket"),
    }
    assert!(answers.call("eth_chainId", json!([])).await["result"].is_string());
}

#[tokio::test]
async fn shutting_down_ends_the_connection() {
    let node = TestNode::new();
    let mut client = Client::connect(&node).await;
    client.call("eth_subscribe", json!(["newHeads"])).await;
    let TestNode { node, .. } = node;
    tokio::task::spawn_blocking(move || node.shutdown()).await.unwrap().unwrap();
    loop {
        match tokio::time::timeout(PATIENCE, client.socket.next()).await.unwrap() {
            None | Some(Err(_) | Ok(Message::Close(_))) => break,
            Some(Ok(_)) => {}
        }
    }
}

#[tokio::test]
async fn no_id_makes_a_request_vanish_over_a_websocket() {
    let node = TestNode::new();
    let mut client = Client::connect(&node).await;
    let raw = hex::encode_prefixed(ping(1, 0));
    for id in [r#""id":-1,"#, r#""id":1.5,"#, ""] {
        let body = format!(r#"{{"jsonrpc":"2.0",{id}"method":"eth_sendRawTransaction","params":["{raw}"]}}"#);
        client.socket.send(Message::text(body)).await.unwrap();
        let answer = client.receive().await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32_600), &Value::Null), "{answer}");
    }
    assert!(node.handle().transaction(hash_of(&ping(1, 0))).unwrap().is_none());
    let body = format!(r#"{{"jsonrpc":"2.0","id":null,"method":"eth_sendRawTransaction","params":["{raw}"]}}"#);
    client.socket.send(Message::text(body)).await.unwrap();
    assert_eq!(client.receive().await["result"], json!(hash_of(&ping(1, 0))));
}

#[tokio::test]
async fn a_large_answer_is_refused_over_a_websocket_where_several_would_wait() {
    let node = TestNode::with(|config| {
        config.timing = BlockTiming { batching_window: Duration::from_secs(3_600), ..BlockTiming::default() };
    });
    for nonce in 0..10 {
        let call = eip1559(nonce, TxKind::Call(address(9)), vec![0; 100_000].into());
        let call = alloy_consensus::TxEip1559 { gas_limit: 2_000_000, ..call };
        node.handle().submit_raw_transaction(&sign(1, call)).await.unwrap();
    }
    let mut client = Client::connect(&node).await;
    let refused = client.call("txpool_content", json!([])).await;
    assert_eq!(refused["error"]["code"], -32_005, "{}", refused["error"]);
    assert!(refused["error"]["message"].as_str().unwrap().contains("ask by POST"), "{refused}");
    assert_eq!(client.call("txpool_status", json!([])).await["result"]["pending"], "0xa", "the connection goes on");
    assert!(node.call("txpool_content", json!([])).await["pending"].is_object());
}

const REQUESTS: usize = 2_000;

/// The attack: ask for much over one WebSocket and read nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_asked_for_nothing_more_and_holds_few_bytes() {
    let node = TestNode::with(|config| {
        config.timing = BlockTiming { batching_window: Duration::from_secs(3_600), ..BlockTiming::default() };
    });
    let filler = Bytes::from(vec![0; 100_000]);
    let call = alloy_consensus::TxEip1559 { gas_limit: 2_000_000, ..eip1559(0, TxKind::Call(address(9)), filler) };
    let raw = sign(1, call);
    node.handle().submit_raw_transaction(&raw).await.unwrap();
    let (begin, mut begun) = tokio::sync::watch::channel(0_usize);
    let counting = node::Allowance::new("somebody", move |_| {
        begin.send_modify(|calls| *calls += 1);
        Ok(())
    });
    let node = TestNode { router: node.router.clone().layer(axum::Extension(counting)), ..node };
    let client = Client::connect(&node).await;
    let (mut writes, mut reads) = client.socket.split();
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_getTransactionByHash", "params": [hash_of(&raw)] });
    let request = request.to_string();
    // Each answer has 200 kB, and all of them 400 MB. The requests fit into what the system keeps of a connection.
    for _ in 0..REQUESTS {
        writes.send(Message::text(request.clone())).await.unwrap();
    }
    let all = begun.wait_for(|calls| *calls == REQUESTS);
    let are_all_begun = tokio::time::timeout(Duration::from_secs(2), all).await.is_ok();
    assert!(!are_all_begun, "all requests of a client that reads nothing were answered");
    for read in 0..REQUESTS {
        let mut texts = reads.by_ref().filter(|message| ready(matches!(message, Ok(Message::Text(_)))));
        let answer = tokio::time::timeout(PATIENCE, texts.next()).await.unwrap().unwrap().unwrap();
        assert!(answer.len() > 200_000, "{answer}");
        let waiting = *begun.borrow() - read;
        assert!(waiting < REQUESTS / 10, "{waiting} answers wait for their client");
    }
}

#[tokio::test]
async fn a_connection_that_nobody_watches_becomes_no_websocket() {
    let node = TestNode::new();
    let request = axum::http::Request::get("/rpc")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    let (status, why) = node.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(status, axum::http::StatusCode::INTERNAL_SERVER_ERROR, "{why}");
    let plain = axum::http::Request::get("/rpc").body(axum::body::Body::empty()).unwrap();
    assert_eq!(node.send(plain).await.0, axum::http::StatusCode::METHOD_NOT_ALLOWED);
}
