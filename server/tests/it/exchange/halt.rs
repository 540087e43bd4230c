//! The chain makes no blocks for a while: orders go on, nothing settles, nothing is lost, and all of it is final once blocks
//! come again. The chain has two validators here, and one of them is a process of its own that is killed.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use alloy_primitives::Bytes;
use contracts::genesis::test_dollar_listing;
use contracts::{ExchangeParameters, TEST_DOLLAR_ADDRESS, exchange_deployments};
use node::chain::{Genesis, GenesisContract, Validator, ValidatorSet};
use serde_json::{Value, json};
use server::keys::Keys;
use shared::Address;
use shared::exchange::Side;

use super::trader::{DOLLAR, MARKET, Trader, units_of};
use crate::command_line::aitbc;
use crate::server::TestServer;

/// The other validator.
struct OtherValidator(Child);

impl OtherValidator {
    fn start(folder: &Path) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new(env!("CARGO_BIN_EXE_aitbc"));
        command.args(["node", "start", "--port", &port.to_string(), "--data"]).arg(folder);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for OtherValidator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A chain of two validators with the exchange from block 0, which a development chain of one has by itself.
async fn new_chain(folder: &Path) {
    let made = aitbc(&["node", "init", folder.to_str().unwrap(), "--validators", "2", "--first-port", "0"]).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let keys = Keys::development(&folder.join("validator-1/keys"), true).unwrap();
    let admin = keys.chain.unwrap().admin;
    let parameters = ExchangeParameters {
        admin,
        settler: keys.hub.address(),
        fee_recipient: admin,
        exit_delay_seconds: 30,
        listings: vec![test_dollar_listing()],
    };
    let path = folder.join("validator-1/genesis.json");
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let contracts = file["contracts"].as_array_mut().unwrap();
    for deployment in exchange_deployments(&parameters) {
        contracts.push(json!({"address": deployment.address, "init_code": deployment.creation_code}));
    }
    file["hash"] = json!(genesis_of(&file).block_hash().unwrap());
    for number in 1..=2 {
        std::fs::write(folder.join(format!("validator-{number}/genesis.json")), file.to_string()).unwrap();
    }
}

fn genesis_of(file: &Value) -> Genesis {
    let address = |value: &Value| -> Address { serde_json::from_value(value.clone()).unwrap() };
    let validators = file["validators"].as_array().unwrap().iter().map(|validator| Validator {
        address: address(&validator["address"]),
        voting_power: validator["voting_power"].as_u64().unwrap(),
    });
    let contracts = file["contracts"].as_array().unwrap().iter().map(|contract| GenesisContract {
        address: address(&contract["address"]),
        init_code: serde_json::from_value::<Bytes>(contract["init_code"].clone()).unwrap(),
    });
    Genesis {
        chain_id: file["chain_id"].as_u64().unwrap(),
        timestamp_unix_s: file["timestamp_unix_s"].as_u64().unwrap(),
        block_gas_limit: file["block_gas_limit"].as_u64().unwrap(),
        validators: ValidatorSet::new(validators).unwrap(),
        contracts: contracts.collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_chain_halts_orders_match_and_afterwards_all_of_it_is_final() {
    let place = tempfile::tempdir().unwrap();
    let chain = place.path().join("chain");
    new_chain(&chain).await;
    let (own, others) = (chain.join("validator-1"), chain.join("validator-2"));
    let other = OtherValidator::start(&others);
    let server = TestServer::start(&own).await;
    let seller = Trader::with_ait(&server, 2, 100).await;
    let buyer = Trader::with_dollars(&server, 3, 1_000).await;

    drop(other);
    while server.app.node.quorum_shortage().unwrap().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let head = server.app.node.head().unwrap().number;
    seller.place(&server, Side::Sell, 50, 200).await;
    let taken = buyer.place(&server, Side::Buy, 30, 200).await;
    assert_eq!(taken["fills"][0]["state"], "matched", "{taken}");
    let waiting = buyer.place(&server, Side::Buy, 10, 190).await;
    let asked = buyer.withdraw(&server, TEST_DOLLAR_ADDRESS, 100 * DOLLAR).await;
    assert_eq!((asked.status, asked.json()["state"].as_str()), (201, Some("accepted")));
    // What is promised is not promised again while nothing settles.
    let needed = buyer.order(&server, Side::Buy, 44_970, 200).await;
    let refused = buyer.post(&server, &needed).await.problem(422);
    assert!(refused["detail"].as_str().unwrap().contains("are needed"), "{refused}");
    let account = buyer.account(&server).await;
    assert_eq!(account["trades_to_settle"], 1);
    assert_eq!(units_of(&account, TEST_DOLLAR_ADDRESS, "in_contract_units"), 1_000 * DOLLAR);
    assert_eq!(server.app.node.head().unwrap().number, head, "one of two validators made a block");
    let lack = server.get("/rpc/net_info").await;
    assert!(String::from_utf8_lossy(&lack.body).contains("voting power"), "{lack:?}");

    // The operator dies meanwhile, too, and both come back.
    server.stop().await;
    let server = TestServer::start(&own).await;
    assert_eq!(buyer.account(&server).await["trades_to_settle"], 1);
    let other = OtherValidator::start(&others);
    buyer.settled(&server).await;
    seller.settled(&server).await;
    let left = 1_000 * DOLLAR - 30 * 2 * DOLLAR / 100 - 100 * DOLLAR;
    buyer.until(&server, |account| units_of(account, TEST_DOLLAR_ADDRESS, "in_contract_units") == left).await;
    let trades = server.get(&format!("/v1/exchange/{MARKET}/trades")).await.json();
    let trades = trades["trades"].as_array().unwrap();
    assert_eq!((trades.len(), trades[0]["state"].as_str()), (1, Some("final")), "{trades:?}");
    let order = server.get(&format!("/v1/exchange/orders/{}", waiting["order"]["id"])).await.json();
    assert_eq!(order["order"]["state"], "open");
    let view = server.get("/v1/exchange").await.json();
    assert_eq!((&view["fault"], view["reconciliation"]["differing"].as_u64()), (&Value::Null, Some(0)));
    server.stop().await;
    drop(other);
}
