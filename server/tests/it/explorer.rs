//! The explorer's feed, its CSV files and the API in Etherscan's form, over a real chain and its index.

use alloy_primitives::hex;
use serde_json::Value;

use super::server::{TestServer, is_minted};
use super::worker::result;

const TOKEN: &str = "0x0000000000000000000000000000000000A17001";

/// A server whose chain has one mint, and the miner that got it.
async fn with_a_mint(folder: &std::path::Path) -> (TestServer, String) {
    let server = TestServer::start(folder).await;
    let mut worker = server.connect_worker().await;
    let id = server.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
    assert_eq!(server.post(&path, &submission).await.status, 200);
    server.follow(&id, &[], is_minted).await;
    indexed(&server).await;
    (server, worker.key.address().to_string())
}

/// Waits until the index has the head.
async fn indexed(server: &TestServer) {
    loop {
        let index = server.get("/v1/status").await.json()["index"].clone();
        if index["behind"] == 0 && !index["height"].is_null() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn ask(server: &TestServer, query: &str) -> Value {
    let answer = server.get(&format!("/api?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_minted_is_found_in_every_form_and_filled_again_on_command() {
    let folder = tempfile::tempdir().unwrap();
    let (server, miner) = with_a_mint(folder.path()).await;
    let holders = server.get(&format!("/api/explorer/tokens/{TOKEN}/holders")).await.json();
    assert_eq!(holders["items"][0]["account"], miner.as_str().to_lowercase());
    assert_eq!(holders["items"][0]["share_per_million"], 1_000_000);
    let balance = holders["items"][0]["balance"].as_str().unwrap().to_owned();

    let supply = ask(&server, &format!("module=stats&action=tokensupply&contractaddress={TOKEN}")).await;
    assert_eq!((supply["status"].as_str(), supply["result"].as_str()), (Some("1"), Some(balance.as_str())));
    let transfers = ask(&server, &format!("module=account&action=TokenTx&address={miner}")).await;
    assert_eq!(transfers["result"][0]["value"], balance.as_str());
    assert_eq!(transfers["result"].as_array().unwrap().len(), 1);
    let held =
        ask(&server, &format!("module=account&action=tokenbalance&contractaddress={TOKEN}&address={miner}")).await;
    assert_eq!(held["result"], balance.as_str());
    let hub = server.app.hub_key.address();
    let sent = ask(&server, &format!("module=account&action=txlist&address={hub}&sort=desc")).await;
    assert_eq!(sent["result"][0]["hash"], transfers["result"][0]["hash"]);
    assert_eq!(sent["result"][0]["isError"], "0");
    let mint = sent["result"][0]["hash"].as_str().unwrap();
    let inside = ask(&server, &format!("module=account&action=txlistinternal&txhash={mint}")).await;
    let calls = inside["result"].as_array().unwrap();
    let of_token = calls.iter().find(|call| call["to"] == TOKEN.to_lowercase()).expect("the minter calls the token");
    assert_eq!((of_token["type"].as_str(), of_token["isError"].as_str()), (Some("call"), Some("0")), "{of_token}");
    let page = server.get(&format!("/explorer/transactions/{mint}/calls")).await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8(page.body).unwrap().contains("mintBatch"));
    let unknown = format!("0x{}", "00".repeat(32));
    assert_eq!(server.get(&format!("/explorer/transactions/{unknown}/calls")).await.status, 404);
    let topic = format!("0x{}", hex::encode(alloy_primitives::keccak256("Transfer(address,address,uint256)")));
    let logs = ask(&server, &format!("module=logs&action=getLogs&address={TOKEN}&topic0={topic}")).await;
    assert_eq!(logs["result"][0]["transactionHash"], transfers["result"][0]["hash"]);
    let at = transfers["result"][0]["timeStamp"].as_str().unwrap();
    let block = ask(&server, &format!("module=block&action=getblocknobytime&timestamp={at}&closest=before")).await;
    assert_eq!(block["result"], transfers["result"][0]["blockNumber"]);
    let head = ask(&server, "module=proxy&action=eth_blockNumber").await;
    assert_eq!(head["jsonrpc"], "2.0");
    assert!(head["result"].as_str().is_some_and(|height| height.starts_with("0x")));
    let abi = ask(&server, &format!("module=contract&action=getabi&address={TOKEN}")).await;
    assert!(abi["result"].as_str().unwrap().contains("totalSupply"));

    let csv = server.get(&format!("/api/explorer/csv/transfers?token={TOKEN}")).await;
    assert_eq!((csv.status, csv.header("content-type")), (200, "text/csv; charset=utf-8; header=present"));
    let text = String::from_utf8(csv.body).unwrap();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains(&balance));
    let validators = String::from_utf8(server.get("/api/explorer/csv/validators").await.body).unwrap();
    assert!(validators.starts_with("validator,voting_power,") && validators.lines().count() == 2, "{validators}");
    assert_eq!(server.get("/api/explorer/csv/nothing").await.status, 404);

    // What `aitbc index rebuild` writes: the same rows are there again.
    server.app.store.write(store::change::ClearIndex).await.unwrap();
    indexed(&server).await;
    let again = server.get(&format!("/api/explorer/tokens/{TOKEN}/holders")).await.json();
    assert_eq!(again, holders);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_their_form_and_unknown_names_are_400() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    for (query, told) in [
        ("module=account&action=balance", "Error! Missing address"),
        ("module=account&action=balance&address=0x12", "Error! Invalid address"),
        ("module=account&action=txlistinternal&address=0x12", "not indexed"),
        ("module=account&action=txlistinternal&txhash=0x12", "txhash"),
        (
            "module=account&action=txlist&address=0x0000000000000000000000000000000000000001&offset=5000",
            "offset is 1 to",
        ),
        ("module=logs&action=getLogs&topic0=0x1", "Invalid topic0"),
        ("module=logs&action=getLogs", "Missing address or topic"),
        ("module=contract&action=getabi&address=0x0000000000000000000000000000000000000001", "not verified"),
        ("module=block&action=getblocknobytime&timestamp=1&closest=near", "before or after"),
    ] {
        let answer = ask(&server, query).await;
        assert_eq!((answer["status"].as_str(), answer["message"].as_str()), (Some("0"), Some("NOTOK")), "{query}");
        assert!(answer["result"].as_str().unwrap().contains(told), "{query}: {answer}");
    }
    let none = ask(&server, "module=account&action=txlist&address=0x0000000000000000000000000000000000000001").await;
    assert_eq!(none["result"], serde_json::json!([]));
    for query in ["", "module=x&action=balance", "module=account&action=steal", "module=proxy&action=eth_sign"] {
        let answer = server.get(&format!("/api?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["message"], "NOTOK");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let posted = server.send("POST", "/api", &form, b"module=proxy&action=eth_gasPrice".to_vec()).await;
    assert_eq!(posted.json()["result"], "0x0");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_calls_so_often_and_hears_in_etherscans_form_when_to_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    // A call takes ten of 12 000 units a minute. Each counts, also one that is refused for what it asks.
    let mut calls = 0;
    let refused = loop {
        let answer = server.get("/api?module=nothing").await;
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.status, 400);
        calls += 1;
        assert!(calls < 10_000, "an address calls without end");
    };
    assert!(calls >= 1_200, "{calls}");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    let told = refused.json();
    assert_eq!((told["status"].as_str(), told["message"].as_str()), (Some("0"), Some("NOTOK")));
    assert!(told["result"].as_str().unwrap().starts_with("Max rate limit reached"), "{told}");
    server.stop().await;
}
