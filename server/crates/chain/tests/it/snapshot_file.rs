//! Snapshots: written, read back, and refused where anything in them is not what its block commits to.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alloy_primitives::{B256, Bytes, TxKind, U256, bytes};
use chain::{
    Call, Chain, ChainError, DecidedBlock, ExportedSnapshot, Genesis, Import, LogFilter, import, import_snapshot,
    never_over,
};

use crate::setup::*;

const SLOTS: u64 = 5;

/// A chain of so many blocks. Each writes a few slots, clears some, and the third makes a contract.
fn chain_of(blocks: u64) -> TestChain {
    let mut chain = TestChain::new();
    for height in 1..=blocks {
        let transaction = match height {
            3 => decode(&sign(1, eip1559(height - 1, TxKind::Create, RECORDER))),
            _ => recording(1, height - 1, height % SLOTS, height % 3),
        };
        chain.produce(vec![transaction]);
    }
    chain
}

fn export(chain: &TestChain, number: u64) -> (Vec<u8>, ExportedSnapshot) {
    let mut bytes = Vec::new();
    let exported = chain.snapshot().export(number, &mut bytes).unwrap();
    (bytes, exported)
}

/// A folder that a snapshot may be put into.
struct Target(tempfile::TempDir);

impl Target {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("chain.redb")
    }

    fn import(&self, bytes: &[u8]) -> Result<ExportedSnapshot, ChainError> {
        import_snapshot(bytes, &genesis(), &self.database(), None)
    }

    fn open(self) -> TestChain {
        let chain = Chain::open(&self.database(), &genesis()).unwrap();
        TestChain { chain, directory: self.0, now_unix_s: chain::DEV_GENESIS_UNIX_S + 1_000_000 }
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(self.0.path()).unwrap().next().is_none()
    }
}

fn slots_at(chain: &TestChain, height: u64) -> Vec<U256> {
    let state = chain.snapshot().state_at(height).unwrap();
    (0..SLOTS).map(|slot| state.slot(RECORDER_ADDRESS, U256::from(slot)).unwrap()).collect()
}

/// What a contract is told of the hash of the block 200 before.
fn told_block_hash(chain: &TestChain) -> Bytes {
    let code = bytes!("60c8430340" "5f52" "60205ff3");
    let call = Call { data: code, ..Call::default() };
    let snapshot = chain.snapshot();
    snapshot.call(snapshot.head().number, &call, &Default::default(), &never_over).unwrap().output
}

#[test]
fn a_node_that_begins_from_a_snapshot_has_its_state_and_follows_on() {
    const BLOCKS: u64 = 262;
    let origin = chain_of(BLOCKS);
    for number in [1, 3, BLOCKS - 2, BLOCKS] {
        let (bytes, exported) = export(&origin, number);
        let target = Target::new();
        assert_eq!(target.import(&bytes).unwrap(), exported);
        let follower = target.open();
        let head = follower.snapshot().head().clone();
        assert_eq!(head, origin.snapshot().header_at(number).unwrap().unwrap());
        assert_eq!(follower.snapshot().recompute_state_root().unwrap(), head.state_root);
        assert_eq!(slots_at(&follower, number), slots_at(&origin, number));
        assert_eq!(follower.snapshot().block_at(number).unwrap(), origin.snapshot().block_at(number).unwrap());
        let last = BLOCKS.min(number + 4);
        for height in number + 1..=last {
            assert!(matches!(import(&follower.chain, origin.decided_at(height)), Ok(Import::Committed(_))));
            assert_eq!(slots_at(&follower, height), slots_at(&origin, height));
        }
        assert_eq!(slots_at(&follower, number), slots_at(&origin, number), "its own state stays");
        assert_eq!(follower.snapshot().recompute_state_root().unwrap(), follower.snapshot().head().state_root);
        // The same snapshot comes from a node that began with one.
        let (bytes, again) = export(&follower, last);
        assert_eq!(again, export(&origin, last).1, "block {last} of {number}");
        assert_eq!(Target::new().import(&bytes).unwrap(), again);
    }
    let target = Target::new();
    target.import(&export(&origin, BLOCKS).0).unwrap();
    let hash = told_block_hash(&origin);
    assert_ne!(hash, Bytes::from(B256::ZERO.to_vec()));
    assert_eq!(told_block_hash(&target.open()), hash, "contracts learn the same hashes");
}

#[test]
fn what_was_before_a_snapshot_is_said_not_to_be_kept() {
    let origin = chain_of(8);
    let target = Target::new();
    target.import(&export(&origin, 5).0).unwrap();
    let follower = target.open();
    for height in 6..=8 {
        import(&follower.chain, origin.decided_at(height)).unwrap();
    }
    let snapshot = follower.snapshot();
    for number in 1..5 {
        let is_gone = |outcome: Result<(), ChainError>| {
            assert!(
                matches!(outcome, Err(ChainError::BlockUnavailable { first: 5 | 6, .. })),
                "block {number}: {outcome:?}"
            );
        };
        is_gone(snapshot.block_at(number).map(drop));
        is_gone(snapshot.receipts_at(number).map(drop));
        is_gone(snapshot.validators_at(number).map(drop));
        is_gone(snapshot.logs(&LogFilter::default(), number, 8).map(drop));
        assert!(matches!(snapshot.state_at(number), Err(ChainError::StateUnavailable { first: 5, .. })));
        assert_eq!(snapshot.decided_block(number).unwrap(), None, "a peer that asks gets nothing");
    }
    assert_eq!(snapshot.header_at(2).unwrap(), origin.snapshot().header_at(2).unwrap(), "headers are there");
    assert!(matches!(snapshot.receipts_at(5), Err(ChainError::BlockUnavailable { number: 5, first: 6 })));
    let place = chain::Place { height: 5, index: 0 };
    assert!(matches!(snapshot.transaction_at(place), Err(ChainError::BlockUnavailable { .. })));
    let created = address(1).create(2);
    assert!(matches!(snapshot.creation_of(created, &never_over), Err(ChainError::StateUnavailable { .. })));
    assert_eq!(snapshot.decided_block(5).unwrap(), Some(origin.decided_at(5)));
    assert_eq!(snapshot.block_at(0).unwrap(), origin.snapshot().block_at(0).unwrap());
    let listed: Vec<u64> = snapshot.latest_headers(None, 100).unwrap().iter().map(|header| header.number).collect();
    assert_eq!(listed, [8, 7, 6, 5]);
    assert_eq!(snapshot.latest_transactions(None, 100).unwrap().len(), 3);
    assert_eq!(
        snapshot.logs(&LogFilter::default(), 6, 8).unwrap(),
        origin.snapshot().logs(&LogFilter::default(), 6, 8).unwrap()
    );
    // What happened since is proved from block 0.
    let hash = origin.snapshot().block_at(7).unwrap().unwrap().transactions[0].hash();
    let proof = snapshot.prove_receipt(hash).unwrap().unwrap();
    let proved = proof.chain().unwrap();
    assert_eq!(proved.genesis_hash, origin.chain.genesis_hash());
    let block = proof.block(&proved).unwrap();
    assert!(block.header.number == 7 && proof.receipt(&block.header).is_ok());
}

#[test]
fn a_changed_byte_anywhere_is_refused_and_leaves_nothing() {
    let origin = chain_of(6);
    let (bytes, _) = export(&origin, 6);
    // All of them take a minute; each kind of field is many bytes long.
    let places = (0..bytes.len()).filter(|place| *place < 24 || place % 7 == 0 || *place + 24 > bytes.len());
    let target = Target::new();
    let mut kinds = [0; 4];
    for place in places {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let refused = target.import(&changed).expect_err(&format!("byte {place} of {} was changed", bytes.len()));
        let kind = match &refused {
            ChainError::SnapshotForm { .. } => 0,
            ChainError::SnapshotMismatch { .. } => 1,
            ChainError::SnapshotProof(_) => 2,
            _ => 3,
        };
        kinds[kind] += 1;
        assert!(target.is_empty(), "byte {place}: {refused}");
    }
    assert!(kinds[0] > 0 && kinds[1] > 0 && kinds[2] > 0, "{kinds:?}");
    for length in (0..bytes.len()).step_by(101).chain([bytes.len() - 1]) {
        let refused = target.import(&bytes[..length]);
        assert!(matches!(refused, Err(ChainError::SnapshotForm { .. })), "cut to {length} bytes: {refused:?}");
    }
    let longer = target.import(&[bytes.as_slice(), &[0]].concat());
    assert!(matches!(longer, Err(ChainError::SnapshotForm { .. })), "{longer:?}");
    assert!(target.is_empty());
    target.import(&bytes).unwrap();
}

#[test]
fn only_a_snapshot_of_this_chain_and_of_the_named_block_is_taken_and_only_once() {
    let origin = chain_of(4);
    let (bytes, exported) = export(&origin, 4);
    let target = Target::new();
    let import_as = |genesis: &Genesis, expected| import_snapshot(&bytes[..], genesis, &target.database(), expected);
    let mismatch = |outcome: Result<_, ChainError>, what: &str| {
        let error = outcome.map(drop).unwrap_err();
        assert!(matches!(error, ChainError::SnapshotMismatch { .. }) && error.to_string().contains(what), "{error}");
    };
    mismatch(import_as(&Genesis { chain_id: 5, ..genesis() }, None), "the chain id is");
    mismatch(import_as(&Genesis { timestamp_unix_s: 5, ..genesis() }, None), "the hash of block 0 is");
    mismatch(import_as(&genesis(), Some(B256::repeat_byte(1))), "the hash of block 4 is");
    assert!(target.is_empty());
    import_as(&genesis(), Some(exported.block_hash)).unwrap();
    assert!(matches!(import_as(&genesis(), None), Err(ChainError::SnapshotTarget(_))));

    let snapshot = origin.snapshot();
    let refused = |number| snapshot.export(number, &mut Vec::new());
    assert!(matches!(refused(0), Err(ChainError::UnknownBlock(_))));
    assert!(matches!(refused(5), Err(ChainError::UnknownBlock(_))));
}

/// Gives some bytes, and then the disk fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            given => Ok(given),
        }
    }
}

#[test]
fn a_failure_in_the_middle_leaves_nothing_and_what_a_crash_left_is_in_nobodys_way() {
    let (bytes, _) = export(&chain_of(5), 5);
    let target = Target::new();
    let failing = Failing(&bytes[..bytes.len() - 3]);
    let failed = import_snapshot(failing, &genesis(), &target.database(), None);
    assert!(matches!(failed, Err(ChainError::SnapshotFile(_))), "{failed:?}");
    assert!(target.is_empty());

    let unfinished = target.database().with_extension("importing");
    std::fs::write(&unfinished, vec![7; 1 << 20]).unwrap();
    target.import(&bytes).unwrap();
    assert!(!unfinished.exists());
}

#[test]
fn a_database_that_a_cut_off_import_left_under_two_names_is_not_emptied() {
    let (bytes, _) = export(&chain_of(5), 5);
    let target = Target::new();
    let (moved, unfinished) = (target.0.path().join("moved.redb"), target.database().with_extension("importing"));
    std::fs::write(&moved, b"somebody's").unwrap();
    std::fs::hard_link(&moved, &unfinished).unwrap();
    target.import(&bytes).unwrap();
    assert_eq!(std::fs::read(&moved).unwrap(), b"somebody's");
    assert!(!unfinished.exists() && target.database().exists());
}

const FOLDER_VARIABLE: &str = "AITBC_SNAPSHOT_FOLDER";

/// Begins from the snapshot that it is given as input.
#[test]
#[ignore = "run by `an_import_that_is_killed_leaves_no_database` as its child"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER_VARIABLE) else { return };
    import_snapshot(io::stdin().lock(), &genesis(), &Path::new(&folder).join("chain.redb"), None).unwrap();
}

#[test]
fn an_import_that_is_killed_leaves_no_database() {
    use std::io::Write as _;
    let (bytes, _) = export(&chain_of(5), 5);
    let target = Target::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["snapshot_file::child", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER_VARIABLE, target.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&bytes[..bytes.len() - 1]).unwrap();
    input.flush().unwrap();
    let unfinished = target.database().with_extension("importing");
    while unfinished.metadata().map_or(0, |file| file.len()) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    let meanwhile = Chain::open(&target.database(), &genesis());
    assert!(matches!(meanwhile, Err(ChainError::SnapshotImporting(_))), "a node starts while the child imports");
    assert!(matches!(target.import(&bytes), Err(ChainError::SnapshotImporting(_))));
    child.kill().unwrap();
    child.wait().unwrap();
    drop(input);
    assert!(!target.database().exists());
    target.import(&bytes).unwrap();
    assert_eq!(target.open().snapshot().head().number, 5);
}

/// Gives the snapshot, and makes a database in the target before its last byte.
struct Overtaken<'a>(&'a [u8], &'a Path);

impl Read for Overtaken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.len() == 1 {
            std::fs::write(self.1, b"somebody's")?;
        }
        let count = buffer.len().min(self.0.len().saturating_sub(1)).max(1);
        self.0.read(&mut buffer[..count])
    }
}

#[test]
fn a_database_that_was_made_meanwhile_is_not_replaced() {
    let (bytes, _) = export(&chain_of(5), 5);
    let target = Target::new();
    let database = target.database();
    let refused = import_snapshot(Overtaken(&bytes, &database), &genesis(), &database, None);
    assert!(matches!(&refused, Err(ChainError::SnapshotTarget(path)) if *path == database), "{refused:?}");
    assert_eq!(std::fs::read(&database).unwrap(), b"somebody's");
    assert!(!database.with_extension("importing").exists());
}

#[test]
fn a_decided_block_that_stands_before_a_snapshot_is_refused_in_words() {
    let origin = chain_of(6);
    let target = Target::new();
    target.import(&export(&origin, 5).0).unwrap();
    let follower = target.open();
    let early: DecidedBlock = origin.decided_at(2);
    assert!(matches!(import(&follower.chain, early), Ok(Import::Known)), "its header is there");
    assert!(matches!(import(&follower.chain, origin.decided_at(5)), Ok(Import::Known)));
    assert!(matches!(import(&follower.chain, origin.decided_at(6)), Ok(Import::Committed(_))));
}
