//! Four validators, each a process of its own, one of which is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use node::chain::SignedTransaction;

use crate::setup::{CHAIN_ID, PATIENCE, ping};
use crate::validators::{free_endpoints, genesis_of_validators, start_validator};

const INDEX_VARIABLE: &str = "AITBC_VALIDATOR_INDEX";
const DIRECTORY_VARIABLE: &str = "AITBC_VALIDATOR_DIRECTORY";
const ENDPOINTS_VARIABLE: &str = "AITBC_VALIDATOR_ENDPOINTS";
const VALIDATORS: usize = 4;

/// One validator: takes transactions as hex from its input, and prints what it acknowledges and which blocks stand.
#[test]
#[ignore = "run by `a_killed_validator_is_missed_by_nobody_and_catches_up` as its child"]
fn child() {
    let Ok(index) = std::env::var(INDEX_VARIABLE) else { return };
    let directory = std::env::var(DIRECTORY_VARIABLE).unwrap();
    let endpoints = std::env::var(ENDPOINTS_VARIABLE).unwrap();
    let endpoints: Vec<SocketAddr> = endpoints.split(',').map(|endpoint| endpoint.parse().unwrap()).collect();
    let genesis = genesis_of_validators(VALIDATORS);
    let node = start_validator(directory.as_ref(), &genesis, index.parse().unwrap(), &endpoints);
    let handle = node.handle();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut blocks = handle.subscribe_blocks();
    for height in 1..=handle.snapshot().unwrap().head().number {
        let block = handle.block_by_number(height).unwrap().unwrap();
        tell(&block.header.hash().to_string(), height, &block.transactions);
    }
    runtime.spawn(async move {
        while let Ok(committed) = blocks.recv().await {
            let header = &committed.block.header;
            tell(&header.hash().to_string(), header.number, &committed.block.transactions);
        }
    });
    for line in std::io::stdin().lock().lines() {
        let raw = alloy_primitives::hex::decode(line.unwrap()).unwrap();
        let hash = runtime.block_on(handle.submit_raw_transaction(&raw)).unwrap();
        say(&format!("acknowledged {hash}"));
    }
}

fn tell(hash: &str, height: u64, transactions: &[SignedTransaction]) {
    let hashes: Vec<String> = transactions.iter().map(|transaction| transaction.hash().to_string()).collect();
    say(&format!("block {height} {hash} {}", hashes.join(",")));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // The test harness may have begun the line.
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

/// What a process has said.
#[derive(Default)]
struct Said {
    acknowledged: BTreeSet<String>,
    blocks: BTreeMap<u64, String>,
    included: BTreeSet<String>,
}

struct Process {
    child: Child,
    input: ChildStdin,
    said: Arc<(Mutex<Said>, Condvar)>,
}

impl Process {
    fn start(index: usize, directory: &std::path::Path, endpoints: &[SocketAddr]) -> Self {
        let endpoints: Vec<String> = endpoints.iter().map(SocketAddr::to_string).collect();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["validator_processes::child", "--exact", "--ignored", "--nocapture"])
            .env(INDEX_VARIABLE, index.to_string())
            .env(DIRECTORY_VARIABLE, directory)
            .env(ENDPOINTS_VARIABLE, endpoints.join(","))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let said = Arc::new((Mutex::new(Said::default()), Condvar::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                heard.0.lock().unwrap().hear(&line);
                heard.1.notify_all();
            }
        });
        Self { child, input, said }
    }

    fn submit(&mut self, raw: &[u8]) -> String {
        let hash = SignedTransaction::decode(raw, CHAIN_ID).unwrap().hash().to_string();
        writeln!(self.input, "{}", alloy_primitives::hex::encode(raw)).unwrap();
        self.wait("acknowledged", |said| said.acknowledged.contains(&hash));
        hash
    }

    fn has_final(&self, hash: &str) {
        self.wait("final", |said| said.included.contains(hash));
    }

    fn wait(&self, what: &str, holds: impl Fn(&Said) -> bool) {
        let said = self.said.0.lock().unwrap();
        let (_said, timeout) = self.said.1.wait_timeout_while(said, PATIENCE, |said| !holds(said)).unwrap();
        assert!(!timeout.timed_out(), "process {} is not there: {what}", self.child.id());
    }

    fn blocks(&self) -> BTreeMap<u64, String> {
        self.said.0.lock().unwrap().blocks.clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error says that it has ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["acknowledged", hash] => {
                self.acknowledged.insert((*hash).to_owned());
            }
            ["block", height, hash, transactions] => {
                let before = self.blocks.insert(height.parse().unwrap(), (*hash).to_owned());
                assert!(before.is_none_or(|before| before == *hash), "two blocks at height {height}");
                self.included.extend(transactions.split(',').map(str::to_owned));
            }
            _ => {}
        }
    }
}

#[test]
fn a_killed_validator_is_missed_by_nobody_and_catches_up() {
    let endpoints = free_endpoints(VALIDATORS);
    let directories: Vec<_> = (0..VALIDATORS).map(|_| tempfile::tempdir().unwrap()).collect();
    let start = |index: usize| Process::start(index, directories[index].path(), &endpoints);
    let mut processes: Vec<_> = (0..VALIDATORS).map(start).collect();

    let first = processes[0].submit(&ping(1, 0));
    processes.iter().for_each(|process| process.has_final(&first));

    // Dropping kills with SIGKILL.
    drop(processes.pop());
    for nonce in 1..6 {
        let hash = processes[1].submit(&ping(1, nonce));
        processes.iter().for_each(|process| process.has_final(&hash));
    }
    let last = processes[2].submit(&ping(2, 0));
    processes.iter().for_each(|process| process.has_final(&last));

    processes.push(start(3));
    processes[3].has_final(&last);
    let after = processes[3].submit(&ping(2, 1));
    processes.iter().for_each(|process| process.has_final(&after));
    let chains: Vec<_> = processes.iter().map(Process::blocks).collect();
    for (height, hash) in &chains[0] {
        for chain in &chains[1..] {
            assert!(chain.get(height).is_none_or(|other| other == hash), "two blocks at height {height}");
        }
    }
}
