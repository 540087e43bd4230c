//! A node is killed at random moments, again and again, and must have lost nothing it acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use alloy_primitives::B256;
use node::Node;
use node::chain::{Chain, DecidedBlock};

use crate::setup::*;

const ROUNDS: u64 = 12;
const SENDERS: u8 = 8;
const DIRECTORY_VARIABLE: &str = "AITBC_CRASH_DIRECTORY";
const SEED_VARIABLE: &str = "AITBC_CRASH_SEED";

/// The victim: sends transactions for ever and prints each hash once it is acknowledged.
#[test]
#[ignore = "run by `a_killed_node_loses_nothing` as its child"]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let node = Node::start(config(Path::new(&directory))).unwrap();
    let senders = (1..=SENDERS).map(|seed| {
        let handle = node.handle();
        async move {
            let mut nonce = handle.next_nonce(address(seed)).unwrap();
            loop {
                let hash = handle.submit_raw_transaction(&ping(seed, nonce)).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "\nacknowledged {hash}").unwrap();
                out.flush().unwrap();
                nonce += 1;
            }
        }
    });
    runtime.block_on(futures::future::join_all(senders.map(|sender| runtime.spawn(sender))));
}

#[tokio::test]
async fn a_killed_node_loses_nothing() {
    let seed = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    println!("{SEED_VARIABLE}={seed}");
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut height = 0;
    let mut random = seed;
    // The last block that was decided before each kill, by height.
    let mut decided = BTreeMap::new();
    for round in 0..ROUNDS {
        random = split_mix(random);
        let before_kill = random % 120;
        let gained = run_until_killed(directory.path(), before_kill);
        acknowledged.extend(gained);
        height = check_database(directory.path(), &acknowledged, height, round);
        decided.extend(recorded_decision(directory.path()));
    }
    println!("{} acknowledged transactions, {height} blocks at the last kill", acknowledged.len());
    assert!(height > 0 && acknowledged.len() as u64 > ROUNDS);

    let node = Node::start(config(directory.path())).unwrap();
    for hash in acknowledged {
        let included = node.handle().wait_for_transaction(hash, PATIENCE).await.unwrap();
        assert!(included.is_some(), "{hash} was acknowledged and never came into a block");
    }
    for (height, hash) in decided {
        let stands = node.handle().block_by_number(height).unwrap().map(|block| block.header.hash());
        assert_eq!(stands, Some(hash), "another block stands at height {height} than was decided");
    }
}

/// Starts the victim, kills it with SIGKILL after `lines` acknowledgements, and returns all that it had printed.
fn run_until_killed(directory: &Path, lines: u64) -> Vec<B256> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut hashes = Vec::new();
    let mut killed = false;
    // What was in the pipe at the kill was acknowledged too.
    while let Some(Ok(line)) = output.next() {
        hashes.extend(line.strip_prefix("acknowledged ").and_then(|hash| hash.parse::<B256>().ok()));
        if !killed && hashes.len() as u64 > lines {
            child.kill().unwrap();
            killed = true;
        }
    }
    let status = child.wait().unwrap();
    assert!(killed && !status.success(), "the child ended by itself: {status}");
    hashes
}

/// Every block is whole and linked, the state belongs to the head, and every acknowledged transaction is in a block
/// or still waits. Returns the height, which never falls.
fn check_database(directory: &Path, acknowledged: &BTreeSet<B256>, previous_height: u64, round: u64) -> u64 {
    let chain = Chain::open(&directory.join("chain.redb"), &genesis()).unwrap();
    let snapshot = chain.snapshot().unwrap();
    let head = snapshot.head().clone();
    assert!(head.number >= previous_height, "round {round}: the head fell from {previous_height} to {}", head.number);
    assert_eq!(snapshot.recompute_state_root().unwrap(), head.state_root, "round {round}");
    let mut parent = snapshot.header_at(0).unwrap().unwrap().hash();
    for height in 1..=head.number {
        let block = snapshot.block_at(height).unwrap().unwrap();
        assert_eq!(block.header.parent_hash, parent, "round {round}: block {height}");
        parent = block.header.hash();
        let certificate = snapshot.certificate_at(height).unwrap().unwrap();
        certificate.verify(CHAIN_ID, height, parent, &genesis().validators).unwrap();
        assert_eq!(snapshot.receipts_at(height).unwrap().len(), block.transactions.len());
    }
    let waiting: BTreeSet<B256> =
        chain.pending_transactions().unwrap().iter().map(|entry| entry.transaction.hash()).collect();
    for hash in acknowledged {
        let included = snapshot.place_of(*hash).unwrap().is_some();
        assert!(included != waiting.contains(hash), "round {round}: {hash} in a block: {included}, and waiting");
    }
    head.number
}

/// Height and hash of the block that was decided last, unless the kill cut its record off.
fn recorded_decision(directory: &Path) -> Option<(u64, B256)> {
    let bytes = std::fs::read(directory.join("chain.decided")).unwrap();
    let decided = DecidedBlock::decode(&mut bytes.as_slice(), CHAIN_ID).ok()?;
    Some((decided.block.header.number, decided.block.header.hash()))
}

/// SplitMix64.
fn split_mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
