//! A bid that was acknowledged is filled once, at whatever moment the hub dies.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use server::config::{Config, Limits};
use shared::Address;
use shared::api::bids::{BidState, BidView};

use super::{HALF, bid, key_of, leave, read};
use crate::server::{TestServer, config, small_job};
use crate::victim::run_until_killed;
use crate::worker::{TestWorker, key};

const ROUNDS: u64 = 3;

/// One for every bid of all rounds: a bid waits until a slot is free, and this miner delivers nothing.
const SLOTS: u32 = 200;
const FOLDER_VARIABLE: &str = "AITBC_BIDS_FOLDER";
const SEED_VARIABLE: &str = "AITBC_BIDS_SEED";

const CLIENT: Address = Address::repeat_byte(0xc1);

fn generous(folder: &Path) -> Config {
    let limits = Limits { images_per_key_per_minute: 100_000, ..Limits::default() };
    Config { limits, ..config(folder) }
}

/// The victim: leaves bids for ever that the connected miner's offer fits, and prints each that is acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `a_killed_hub_fills_each_bid_once` as its child"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let server = TestServer::start_with(generous(Path::new(&folder))).await;
    let secret = key_of(&server, CLIENT).await;
    let _miner = TestWorker::connect(server.address, key(1), SLOTS).await;
    for seed in 0.. {
        let made = leave(&server, &secret, &bid(&small_job(seed), 2 * HALF)).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {}", made["id"].as_str().unwrap()).unwrap();
        out.flush().unwrap();
        drop(out);
        // A client has a few open bids: the next one waits until there is room.
        while server.app.store.list_waiting_bids(server::clock::now()).await.unwrap().len() > 8 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_fills_each_bid_once() {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    let mut random: u64 = given.unwrap_or_else(|| server::clock::now().0);
    println!("{SEED_VARIABLE}={random}");
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for _ in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (directory, lines) = (folder.path().to_owned(), (random >> 33) % 12);
        let printed = tokio::task::spawn_blocking(move || {
            run_until_killed("bids::crash::child", FOLDER_VARIABLE, &directory, lines)
        });
        acknowledged.extend(printed.await.unwrap());
    }

    let server = TestServer::start_with(generous(folder.path())).await;
    let secret = key_of(&server, CLIENT).await;
    let _miner = TestWorker::connect(server.address, key(1), SLOTS).await;
    let mut jobs = BTreeSet::new();
    for id in &acknowledged {
        let filled = super::bid_when(&server, &secret, &serde_json::json!(id), |bid| bid["state"] == "filled").await;
        let bid: BidView = serde_json::from_value(filled).unwrap();
        assert_eq!(bid.state, BidState::Filled);
        assert!(server.app.store.find_job(bid.job_id).await.unwrap().is_some(), "{id} has no job");
        assert!(jobs.insert(bid.job_id), "two bids have one job");
    }
    let listed = read(&server, &secret, "/v1/bids").await.json();
    let open = listed["bids"].as_array().unwrap().iter().filter(|bid| bid["state"] == "open").count();
    assert_eq!(open, 0, "a bid was stored and is left: {listed}");
    let page = store::repository::Keyset { before_seq: None, limit: 1_000 };
    let stored = server.app.store.list_jobs(&Default::default(), page).await.unwrap();
    let known: Vec<_> = listed["bids"].as_array().unwrap().iter().map(|bid| bid["job_id"].clone()).collect();
    assert!(stored.len() <= known.len(), "a job that no bid asked for");
    server.stop().await;
}
