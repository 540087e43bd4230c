//! An index is killed at random moments, again and again, and ends like one that was never killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use alloy_primitives::U256;
use indexer::Indexer;
use node::Node;

use crate::setup::*;
use crate::setup_index::*;

const ROUNDS: u64 = 8;
const SENDERS: u8 = 4;
const DIRECTORY_VARIABLE: &str = "AITBC_INDEX_CRASH_DIRECTORY";
const SEED_VARIABLE: &str = "AITBC_INDEX_CRASH_SEED";

/// The victim: announces transfers for ever, indexes them at the same time, and prints a line for each step.
#[test]
#[ignore = "run by `a_killed_index_counts_everything_once` as its child"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let node = Node::start(config(Path::new(&directory))).unwrap();
        let store = open_store(Path::new(&directory)).await;
        for seed in 1..=SENDERS {
            tokio::spawn(announce_for_ever(node.handle(), seed));
        }
        let indexer = Indexer::new(node.handle(), store);
        loop {
            let step = indexer.step().await.unwrap();
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nstep {step:?}").unwrap();
            out.flush().unwrap();
        }
    });
}

async fn announce_for_ever(node: node::NodeHandle, seed: u8) {
    let mut nonce = node.next_nonce(address(seed)).unwrap();
    loop {
        let raw = match nonce {
            0 => create_liar(seed, 0),
            _ => {
                let to = address(1 + u8::try_from(nonce % u64::from(SENDERS)).unwrap());
                announce(seed, nonce, liar_of(1), to, U256::from(nonce))
            }
        };
        node.submit_raw_transaction(&raw).await.unwrap();
        node.wait_for_transaction(hash_of(&raw), PATIENCE).await.unwrap();
        nonce += 1;
    }
}

#[tokio::test]
async fn a_killed_index_counts_everything_once() {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    println!("{SEED_VARIABLE}={seed}");
    let directory = tempfile::tempdir().unwrap();
    let mut random = seed;
    for _ in 0..ROUNDS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        run_until_killed(directory.path(), (random >> 33) % 60);
    }
    let node = Node::start(config(directory.path())).unwrap();
    let killed = open_store(directory.path()).await;
    catch_up(&Indexer::new(node.handle(), killed.clone())).await;
    let other = tempfile::tempdir().unwrap();
    let fresh = open_store(other.path()).await;
    // Blocks that waited for their index at the kill may have been made meanwhile: both see the same head now.
    catch_up(&Indexer::new(node.handle(), fresh.clone())).await;
    catch_up(&Indexer::new(node.handle(), killed.clone())).await;
    let (killed, fresh) = (contents(&killed, 1..=SENDERS).await, contents(&fresh, 1..=SENDERS).await);
    assert!(fresh.transfers.len() > 1 && !fresh.holders.is_empty(), "{} transfers", fresh.transfers.len());
    assert_eq!(killed, fresh);
}

/// Starts the victim, kills it with SIGKILL after so many steps.
fn run_until_killed(directory: &Path, steps: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while let Some(Ok(line)) = output.next() {
        seen += u64::from(line.starts_with("step "));
        if seen > steps {
            break;
        }
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(seen > steps && !status.success(), "the child ended by itself: {status}");
}
