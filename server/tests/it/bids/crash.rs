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
use crate::worker::{TestWorker, key, result};

const ROUNDS: u64 = 3;

const SLOTS: u32 = 4;
const FOLDER_VARIABLE: &str = "AITBC_BIDS_FOLDER";
const SEED_VARIABLE: &str = "AITBC_BIDS_SEED";

const CLIENT: Address = Address::repeat_byte(0xc1);

fn generous(folder: &Path) -> Config {
    let limits = Limits { images_per_key_per_minute: 100_000, ..Limits::default() };
    Config { limits, ..config(folder) }
}

/// Answers whatever it gets: a bid waits until a slot is free.
async fn serve(server: &TestServer, mut miner: TestWorker) -> ! {
    loop {
        let assignment = miner.assignment().await;
        let path = format!("/v1/miners/jobs/{}/result", assignment.lease_id);
        let submission = serde_json::to_value(result(&key(1), &assignment)).unwrap();
        server.post(&path, &submission).await;
    }
}

/// The victim: leaves bids for ever that the connected miner's offer fits, and prints each that is acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `a_killed_hub_fills_each_bid_once` as its child"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let server = TestServer::start_with(generous(Path::new(&folder))).await;
    let secret = key_of(&server, CLIENT).await;
    let miner = TestWorker::connect(server.address, key(1), SLOTS).await;
    tokio::join!(serve(&server, miner), leave_for_ever(&server, &secret));
}

async fn leave_for_ever(server: &TestServer, secret: &str) {
    for seed in 0.. {
        let made = leave(server, secret, &bid(&small_job(seed), 2 * HALF)).await;
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
    let miner = TestWorker::connect(server.address, key(1), SLOTS).await;
    let listed = read(&server, &secret, "/v1/bids").await.json();
    let ids: Vec<_> = listed["bids"].as_array().unwrap().iter().map(|bid| bid["id"].clone()).collect();
    for id in &acknowledged {
        assert!(ids.contains(&serde_json::json!(id)), "{id} was acknowledged and is lost");
    }
    // Those that were stored and not acknowledged are filled as well.
    let all_are_filled = async {
        let mut jobs = BTreeSet::new();
        for id in &ids {
            let filled = super::bid_when(&server, &secret, id, |bid| bid["state"] == "filled").await;
            let bid: BidView = serde_json::from_value(filled).unwrap();
            assert_eq!(bid.state, BidState::Filled);
            assert!(server.app.store.find_job(bid.job_id).await.unwrap().is_some(), "{id} has no job");
            assert!(jobs.insert(bid.job_id), "two bids have one job");
        }
    };
    tokio::select! {
        _ = serve(&server, miner) => {}
        () = all_are_filled => {}
    }
    let page = store::repository::Keyset { before_seq: None, limit: 1_000 };
    let stored = server.app.store.list_jobs(&Default::default(), page).await.unwrap();
    assert_eq!(stored.len(), ids.len(), "a job that no bid asked for, or a bid without one");
    server.stop().await;
}
