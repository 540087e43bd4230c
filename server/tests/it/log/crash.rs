//! A hub is killed at random moments. Whatever it had signed of its log is the beginning of its log ever after, and the log
//! tells exactly what the tables tell.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use server::config::{Config, Limits};
use shared::B256;
use shared::amount::Amount;
use shared::api::log::ConsistencyProof;
use shared::id::JobId;
use shared::job::lifecycle::JobState;
use shared::log::LogEntry;
use shared::log::proof::{Head, verify_consistency};
use shared::log::tree::{Frontier, leaf_hash};
use store::repository::{JobFilter, Keyset, ReceiptFilter};

use super::{checkpoint, read, serve};
use crate::server::{TestServer, config};
use crate::victim::run_until_killed;

const ROUNDS: u64 = 4;
const FOLDER_VARIABLE: &str = "AITBC_LOG_FOLDER";
const SEED_VARIABLE: &str = "AITBC_LOG_SEED";

/// Visitors of one address may have very many jobs.
fn generous(folder: &Path) -> Config {
    let much = Amount::from_ait(1_000_000);
    let limits = Limits {
        sponsored_per_address_per_day: 100_000,
        sponsored_in_total_per_day: 100_000,
        sponsored_mint_per_address_per_day: much,
        sponsored_mint_in_total_per_day: much,
        ..Limits::default()
    };
    Config { limits, ..config(folder) }
}

/// The victim: serves jobs and cancels some, for ever, and prints each checkpoint that it gave out.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by `a_killed_hub_never_forks_its_log` as its child"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    let server = TestServer::start_with(generous(Path::new(&folder))).await;
    let mut worker = server.connect_worker().await;
    for seed in 0_u64.. {
        let (id, token) = server.submit_for_token(seed).await;
        loop {
            let assignment = worker.assignment().await;
            let is_own = assignment.task.job_id.to_string() == id;
            if is_own && seed % 3 == 2 {
                server.send("DELETE", &format!("/v1/jobs/{id}"), &[("x-job-token", &token)], vec![]).await;
                break;
            }
            // One of the jobs that the hub's former life left.
            serve(&server, &worker, &assignment).await;
            if is_own {
                break;
            }
        }
        let Head { size, root } = checkpoint(&server).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {size} {root}").unwrap();
        out.flush().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_never_forks_its_log() {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    let mut random: u64 = given.unwrap_or_else(|| server::clock::now().0);
    println!("{SEED_VARIABLE}={random}");
    let folder = tempfile::tempdir().unwrap();
    let mut heads: Vec<Head> = Vec::new();
    for _ in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (directory, lines) = (folder.path().to_owned(), (random >> 33) % 7);
        let printed = tokio::task::spawn_blocking(move || {
            run_until_killed("log::crash::child", FOLDER_VARIABLE, &directory, lines)
        });
        heads.extend(printed.await.unwrap().iter().map(|line| head(line)));
    }
    assert!(!heads.is_empty());
    assert!(heads.is_sorted_by_key(|head| head.size), "the log never gets shorter: {heads:?}");

    let server = TestServer::start_with(generous(folder.path())).await;
    let now = checkpoint(&server).await;
    for earlier in heads.into_iter().filter(|head| head.size > 0) {
        let path = format!("/v1/log/proof/consistency?from={}&to={}", earlier.size, now.size);
        let proven: ConsistencyProof = read(&server, &path).await;
        verify_consistency(earlier, now, &proven.proof).unwrap();
    }
    check_all(&server, now).await;
    server.stop().await;
}

fn head(line: &str) -> Head {
    let (size, root) = line.split_once(' ').unwrap();
    Head { size: size.parse().unwrap(), root: root.parse::<B256>().unwrap() }
}

/// The entries are one tree, and there is one for each receipt and each failure, and no other.
async fn check_all(server: &TestServer, now: Head) {
    let store = &server.app.store;
    let records = store.list_log(0, now.size).await.unwrap();
    let mut frontier = Frontier::default();
    records.iter().for_each(|record| drop(frontier.append(leaf_hash(record.json.as_bytes()))));
    assert_eq!((frontier.size(), frontier.root()), (now.size, now.root));
    let (mut receipts, mut failures) = (BTreeSet::new(), BTreeSet::new());
    for record in records {
        match record.entry().unwrap() {
            LogEntry::Receipt(receipt) => assert!(receipts.insert(receipt.receipt_hash), "a receipt is logged once"),
            LogEntry::Failure(signed) => {
                signed.verify().unwrap();
                assert!(failures.insert(signed.failure.job_id), "a job fails once");
            }
            _ => {}
        }
    }
    let all = Keyset { before_seq: None, limit: 100_000 };
    let stored = store.list_receipts(&ReceiptFilter::default(), all).await.unwrap();
    let stored: BTreeSet<B256> = stored.iter().map(|receipt| receipt.signed.receipt_hash).collect();
    assert_eq!(receipts, stored);
    let jobs = store.list_jobs(&JobFilter::default(), all).await.unwrap();
    let failed = jobs.iter().filter(|job| job.state.is_terminal() && job.state != JobState::Completed);
    let failed: BTreeSet<JobId> = failed.map(|job| job.id).collect();
    assert_eq!(failures, failed);
}
