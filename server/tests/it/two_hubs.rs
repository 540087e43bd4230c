//! Two hubs on one chain: the first keeps it, the second follows it and settles through it. One miner works for both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use server::app::StartError;
use server::config::{ChainFrom, Config, ExchangeConfig};
use server::serve::{ServeError, Server};
use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::protocol::{HubMessage, WorkerMessage};
use store::record::ReceiptRecord;

use super::command_line::{aitbc, error, json};
use super::reconcile::send_mint;
use super::server::{TestServer, config, is_minted};
use super::wallet::Person;
use super::worker::{TestWorker, key, result};

/// Longest wait for a block of the other server.
const PATIENCE: Duration = Duration::from_secs(300);

/// A chain that others can follow, made with these options: the folder of its one validator.
pub(crate) async fn new_chain(place: &Path, options: &[&str]) -> PathBuf {
    let folder = place.join("chain");
    let init = ["node", "init", folder.to_str().unwrap(), "--validators", "1", "--first-port", "0"];
    let made = aitbc(&[&init[..], options].concat()).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder.join("validator-1")
}

/// A hub in this folder, on the chain of another server.
pub(crate) fn second(folder: &Path, first: &TestServer, genesis: &Path) -> Config {
    let urls = vec![format!("http://{}", first.address)];
    Config {
        hub_id: "second-hub".to_owned(),
        chain_from: Some(ChainFrom { urls, genesis: Some(genesis.to_owned()) }),
        exchange: ExchangeConfig { operates: false, ..ExchangeConfig::default() },
        ..config(folder)
    }
}

/// Has who manages the attesters of the chain in this folder admit the hub that did not start.
pub(crate) async fn admit(chain: &Path, first: &TestServer, refused: &ServeError) {
    let ServeError::Start(StartError::NotAttester { hub }) = refused else { panic!("{refused}") };
    let person = Person::new();
    let admin = std::fs::read_to_string(chain.join("keys/admin-dev.key")).unwrap();
    json(&person.import("authority", admin.trim()).await);
    let url = format!("http://{}", first.address);
    json(&person.signs("attester", &["add", "authority", &hub.to_string(), "--url", &url]).await);
}

/// Sends a small job and has the worker of this server draw it. Gives the receipt, once it was minted.
async fn minted(server: &TestServer, worker: &mut TestWorker, seed: u64) -> ReceiptRecord {
    let id = server.submit(&[], seed).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let answer = server.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    server.follow(&id, &[], is_minted).await;
    server.app.store.find_receipt_of_job(id.parse().unwrap()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_at_each_of_two_hubs_is_minted_once_on_the_chain_of_the_first() {
    let place = tempfile::tempdir().unwrap();
    let folder = new_chain(place.path(), &[]).await;
    let first = TestServer::start(&folder).await;
    let url = format!("http://{}", first.address);
    let config = second(&place.path().join("second"), &first, &folder.join("genesis.json"));

    // A hub whose receipts nobody would mint attests none.
    let refused = Server::start(config.clone()).await.err().unwrap();
    let ServeError::Start(StartError::NotAttester { hub }) = refused else { panic!("{refused}") };
    let person = Person::new();
    let admin = std::fs::read_to_string(folder.join("keys/admin-dev.key")).unwrap();
    json(&person.import("authority", admin.trim()).await);
    json(&person.import("stranger", &hex::encode(key(9).to_bytes())).await);
    let hub_text = hub.to_string();
    let by_stranger = error(&person.signs("attester", &["add", "stranger", &hub_text, "--url", &url]).await);
    assert!(by_stranger.contains("does not manage the attesters"), "{by_stranger}");
    json(&person.signs("attester", &["add", "authority", &hub_text, "--url", &url]).await);
    let again = error(&person.signs("attester", &["add", "authority", &hub_text, "--url", &url]).await);
    assert!(again.contains("an attester already"), "{again}");
    let listed = json(&aitbc(&["attester", "list", "--url", &url, "--json"]).await);
    assert!(listed["attesters"].as_array().unwrap().contains(&json!(hub)), "{listed}");

    let other = TestServer::start_with(config).await;
    assert_eq!(other.app.node.genesis_hash(), first.app.node.genesis_hash());
    assert!(!place.path().join("second/keys/validator-dev.key").exists(), "it decides nothing");
    let mut workers =
        [TestWorker::connect(first.address, key(1), 1).await, TestWorker::connect(other.address, key(1), 1).await];
    let [mut of_first, mut of_other] = [Vec::new(), Vec::new()];
    for seed in 1..3 {
        of_first.push(minted(&first, &mut workers[0], seed).await);
        of_other.push(minted(&other, &mut workers[1], seed).await);
    }

    // Handed in once more by somebody else, a receipt is in the register of the chain already.
    let before = first.app.node.token_supply().await.unwrap();
    for (through, receipt) in [(&other, &of_first[0]), (&first, &of_other[0])] {
        let hash = send_mint(through, &key(7), &receipt.signed).await;
        let included = first.app.node.wait_for_transaction(hash, PATIENCE).await.unwrap().unwrap();
        assert!(!included.receipt.success, "it was minted twice");
        through.app.node.wait_for_transaction(hash, PATIENCE).await.unwrap().unwrap();
    }
    let mut sum = Amount::ZERO;
    for (receipts, hub_id) in [(&of_first, "aitbc-dev-hub"), (&of_other, "second-hub")] {
        for receipt in receipts {
            assert_eq!((receipt.settlement, receipt.signed.receipt.hub_id.as_str()), (SettlementState::Minted, hub_id));
            let included = first.app.node.transaction(receipt.transaction_hash.unwrap()).unwrap().unwrap();
            assert!(included.receipt.success && Some(included.place.height) == receipt.block_number);
            sum = sum.checked_add(receipt.amount).unwrap();
        }
    }
    assert!(sum > Amount::ZERO);
    for server in [&first, &other] {
        assert_eq!(server.app.node.token_supply().await.unwrap(), sum);
        assert_eq!(server.get("/health").await.status, 200);
    }
    assert_eq!(before, sum);
    other.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_whose_chain_is_away_keeps_its_receipts_and_settles_them_when_it_is_back() {
    let place = tempfile::tempdir().unwrap();
    let folder = new_chain(place.path(), &[]).await;
    let first = TestServer::start(&folder).await;
    let address = first.address;
    let settings = second(&place.path().join("second"), &first, &folder.join("genesis.json"));
    let refused = Server::start(settings.clone()).await.err().unwrap();
    admit(&folder, &first, &refused).await;
    TestServer::start_with(settings.clone()).await.stop().await;

    first.stop().await;
    // It starts without the first: the chain, as it was last, says that it may attest.
    let other = TestServer::start_with(settings).await;
    let mut worker = TestWorker::connect(other.address, key(1), 1).await;
    let id = other.submit(&[], 1).await;
    let assignment = worker.assignment().await;
    let submission = serde_json::to_value(result(&worker.key, &assignment)).unwrap();
    let answer = other.post(&format!("/v1/miners/jobs/{}/result", assignment.lease_id), &submission).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let away = tokio::time::timeout(PATIENCE, async {
        loop {
            let health = other.get("/health").await;
            if health.status == 503 {
                break health.json()["detail"].as_str().unwrap().to_owned();
            }
        }
    });
    assert!(away.await.unwrap().contains("does not follow"));
    let first = TestServer::start_with(Config { listen: address, ..config(&folder) }).await;
    other.follow(&id, &[], is_minted).await;
    assert_eq!(other.app.node.token_supply().await.unwrap(), first.app.node.token_supply().await.unwrap());
    other.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_gives_no_job_to_a_slot_that_works_for_another_hub() {
    let place = tempfile::tempdir().unwrap();
    let server = TestServer::start(place.path()).await;
    let mut worker = TestWorker::connect(server.address, key(1), 1).await;
    let early = server.submit(&[], 1).await;
    let crossing = worker.assignment().await;
    assert_eq!(crossing.task.job_id.to_string(), early);
    worker.send(&WorkerMessage::Slots { slots: 0 }).await;
    worker.send(&WorkerMessage::Decline { lease_id: crossing.lease_id }).await;
    let other = server.submit(&[], 2).await;
    let is_queued = |job: &serde_json::Value| job["state"] == "QUEUED";
    server.follow(&early, &[], is_queued).await;
    server.follow(&other, &[], is_queued).await;
    assert_eq!(server.app.hub.board().miner(worker.address()).unwrap().faults, 0);
    worker.send(&WorkerMessage::Slots { slots: 1 }).await;
    let next = loop {
        match worker.receive().await {
            HubMessage::Assign(assignment) => break assignment,
            HubMessage::Notice { text } => panic!("{text}"),
            _ => {}
        }
    };
    assert_ne!(next.lease_id, crossing.lease_id);
    server.stop().await;
}
