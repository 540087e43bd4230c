//! Ethereum's state tests, run by what executes blocks here: what the EVM changes is stored, read back and committed to, and the
//! state root must be the one that the test names.
//!
//! One thing differs from a block of this chain: gas has the price that a test gives it. `AITBC_STATE_TESTS` names a file of
//! GeneralStateTests, or a folder with such files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
use alloy_trie::{EMPTY_ROOT_HASH, KECCAK_EMPTY, TrieAccount};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase as _};
use revm::bytecode::Bytecode;
use revm::context::result::EVMError;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::database::states::bundle_state::BundleRetention;
use revm::database::{State, WrapDatabaseRef};
use revm::primitives::hardfork::SpecId;
use revm::state::AccountInfo;
use revm::{Context, DatabaseRef, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _};
use serde_json::{Value, json};
use test_support::{Requirement, require_or_skip};

use crate::application::ExecutedBlock;
use crate::block::{Block, HeaderSeed, assemble_header};
use crate::commitment::commit_to;
use crate::error::ChainError;
use crate::state::{AccountState, StateChanges, StateReader};
use crate::store::{StoredNodes, write};
use crate::tables;
use crate::trie::NodeSource;

/// Names a file or a folder of tests.
const PATH_VARIABLE: &str = "AITBC_STATE_TESTS";

/// Hard forks with which a test may say what it expects. Blocks here are executed by the rules of the first.
const FORKS: [(&str, SpecId); 3] = [("Osaka", SpecId::OSAKA), ("Prague", SpecId::PRAGUE), ("Cancun", SpecId::CANCUN)];

/// What became of the cases of some files.
#[derive(Default)]
struct Verdict {
    held: usize,
    /// Transactions of forms that this chain does not take: blobs and set code.
    left_out: usize,
    failed: Vec<String>,
}

struct Nothing;

impl NodeSource for Nothing {
    fn node(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, ChainError> {
        Ok(None)
    }
}

/// The state before a test's transaction. The hash of an earlier block is that of its number in decimal digits.
struct Before<'a>(&'a StateReader);

impl DatabaseRef for Before<'_> {
    type Error = ChainError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ChainError> {
        self.0.basic_ref(address)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ChainError> {
        self.0.code_by_hash_ref(code_hash)
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, ChainError> {
        self.0.storage_ref(address, index)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ChainError> {
        Ok(keccak256(number.to_string()))
    }
}

fn number(value: &Value) -> U256 {
    value.as_str().unwrap().parse().unwrap()
}

fn small(value: &Value) -> u64 {
    number(value).saturating_to()
}

fn bytes(value: &Value) -> Bytes {
    hex::decode(value.as_str().unwrap()).unwrap().into()
}

/// Left out by a test where it is 0 or does not matter.
fn optional<T>(value: &Value, read: impl Fn(&Value) -> T) -> Option<T> {
    (!value.is_null()).then(|| read(value))
}

fn changes_of(pre: &Value) -> StateChanges {
    let mut changes = StateChanges::default();
    for (address, account) in pre.as_object().unwrap() {
        let address: Address = address.parse().unwrap();
        let code = bytes(&account["code"]);
        let code_hash = if code.is_empty() { KECCAK_EMPTY } else { keccak256(&code) };
        if !code.is_empty() {
            changes.codes.insert(code_hash, code);
        }
        let (nonce, balance) = (small(&account["nonce"]), number(&account["balance"]));
        changes.accounts.insert(address, Some(AccountState { nonce, balance, code_hash }));
        let slots = account["storage"].as_object().unwrap().iter();
        let slots: BTreeMap<U256, U256> = slots
            .map(|(slot, value)| (slot.parse().unwrap(), number(value)))
            .filter(|(_, value)| !value.is_zero())
            .collect();
        if !slots.is_empty() {
            changes.storage.insert(address, slots);
        }
    }
    changes
}

/// A database whose head has this state.
fn stored(changes: StateChanges) -> Database {
    let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
    let commitment = commit_to(None, &Nothing, &changes).unwrap();
    let (parent_hash, beneficiary) = (B256::ZERO, Address::ZERO);
    let seed = HeaderSeed { parent_hash, number: 0, timestamp_unix_s: 0, beneficiary, gas_limit: 0 };
    let header = assemble_header(seed, B256::ZERO, commitment.state_root, &[], &[]);
    let block = Block { header, transactions: Vec::new() };
    let executed = ExecutedBlock { block, receipts: Vec::new(), changes, commitment, next_validators: None };
    let transaction = database.begin_write().unwrap();
    write::create_tables(&transaction).unwrap();
    write::write_block(&transaction, &executed, None).unwrap();
    transaction.commit().unwrap();
    database
}

fn block_of(env: &Value, spec: SpecId) -> BlockEnv {
    let excess = optional(&env["currentExcessBlobGas"], small).unwrap_or(0);
    BlockEnv {
        number: number(&env["currentNumber"]),
        beneficiary: env["currentCoinbase"].as_str().unwrap().parse().unwrap(),
        timestamp: number(&env["currentTimestamp"]),
        gas_limit: small(&env["currentGasLimit"]),
        basefee: optional(&env["currentBaseFee"], small).unwrap_or(10),
        difficulty: U256::ZERO,
        prevrandao: Some(optional(&env["currentRandom"], number).unwrap_or_default().into()),
        blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new_with_spec(excess, spec)),
        ..BlockEnv::default()
    }
}

fn access_list(list: &Value) -> AccessList {
    let item = |entry: &Value| AccessListItem {
        address: entry["address"].as_str().unwrap().parse().unwrap(),
        storage_keys: entry["storageKeys"].as_array().unwrap().iter().map(|key| number(key).into()).collect(),
    };
    AccessList(list.as_array().unwrap().iter().map(item).collect())
}

/// The transaction at these indexes, or nothing for a form that is not taken here.
fn transaction_of(transaction: &Value, indexes: &Value) -> Option<TxEnv> {
    let at = |name: &str| usize::try_from(indexes[name].as_u64().unwrap()).unwrap();
    if !transaction["blobVersionedHashes"].is_null() || !transaction["authorizationList"].is_null() {
        return None;
    }
    let fee = optional(&transaction["maxFeePerGas"], number);
    let list = optional(&transaction["accessLists"], |lists| lists[at("data")].clone()).filter(|list| !list.is_null());
    let to = transaction["to"].as_str().unwrap();
    Some(TxEnv {
        tx_type: if fee.is_some() { 2 } else { u8::from(list.is_some()) },
        caller: transaction["sender"].as_str().unwrap().parse().unwrap(),
        gas_limit: small(&transaction["gasLimit"][at("gas")]),
        gas_price: fee.unwrap_or_else(|| number(&transaction["gasPrice"])).saturating_to(),
        kind: if to.is_empty() { TxKind::Create } else { TxKind::Call(to.parse().unwrap()) },
        value: number(&transaction["value"][at("value")]),
        data: bytes(&transaction["data"][at("data")]),
        nonce: small(&transaction["nonce"]),
        chain_id: Some(1),
        access_list: list.as_ref().map(access_list).unwrap_or_default(),
        gas_priority_fee: optional(&transaction["maxPriorityFeePerGas"], |fee| number(fee).saturating_to()),
        ..TxEnv::default()
    })
}

/// State root and hash of the logs after one transaction, or why it cannot run, with the root of the state before.
fn run(database: &Database, spec: SpecId, block: BlockEnv, transaction: TxEnv) -> (B256, Result<B256, String>) {
    let snapshot = database.begin_read().unwrap();
    let reader = StateReader::at_head(&snapshot).unwrap();
    let before = Before(&reader);
    let mut state = State::builder().with_database(WrapDatabaseRef(&before)).with_bundle_update().build();
    let mut cfg = CfgEnv::new_with_spec(spec);
    cfg.chain_id = 1;
    let mut evm = Context::mainnet().with_db(&mut state).with_block(block).with_cfg(cfg).build_mainnet();
    let logs = match evm.transact(transaction) {
        Ok(outcome) => {
            let logs = keccak256(alloy_rlp::encode(outcome.result.logs().to_vec()));
            evm.commit(outcome.state);
            Ok(logs)
        }
        Err(EVMError::Transaction(error)) => Err(error.to_string()),
        Err(error) => panic!("{error}"),
    };
    drop(evm);
    state.merge_transitions(BundleRetention::PlainState);
    let changes = StateChanges::from_bundle(state.take_bundle());
    let nodes = StoredNodes(snapshot.open_table(tables::TRIE).unwrap());
    (commit_to(Some(&reader), &nodes, &changes).unwrap().state_root, logs)
}

/// Why a case does not hold, if it does not.
fn judge(post: &Value, root: B256, logs: &Result<B256, String>) -> Option<String> {
    let hash = |name: &str| -> B256 { post[name].as_str().unwrap().parse().unwrap() };
    match (post["expectException"].is_null(), logs) {
        (true, Err(error)) => return Some(format!("it does not run: {error}")),
        (false, Ok(_)) => return Some(format!("it runs, and should be refused: {}", post["expectException"])),
        (true, Ok(logs)) if *logs != hash("logs") => return Some("other logs".to_owned()),
        _ => {}
    }
    (root != hash("hash")).then(|| format!("state root {root}, not {}", hash("hash")))
}

fn judge_all(verdict: &mut Verdict, file: &str, tests: &Value) {
    for (name, test) in tests.as_object().unwrap() {
        let database = stored(changes_of(&test["pre"]));
        for (fork, spec) in FORKS {
            for post in test["post"][fork].as_array().into_iter().flatten() {
                let Some(transaction) = transaction_of(&test["transaction"], &post["indexes"]) else {
                    verdict.left_out += 1;
                    continue;
                };
                let (root, logs) = run(&database, spec, block_of(&test["env"], spec), transaction);
                match judge(post, root, &logs) {
                    Some(reason) => {
                        verdict.failed.push(format!("{file} {name} {fork} {}: {reason}", post["indexes"]));
                    }
                    None => verdict.held += 1,
                }
            }
        }
    }
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let is_wanted = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|extension| extension == "json");
    entries.into_iter().filter(is_wanted).flat_map(|path| files_below(&path)).collect()
}

#[test]
fn ethereums_state_tests_hold() {
    let named =
        std::env::var_os(PATH_VARIABLE).ok_or(format!("{PATH_VARIABLE} names no file or folder of state tests"));
    let Some(path) = require_or_skip(Requirement::StateTests, named) else { return };
    let mut verdict = Verdict::default();
    for file in files_below(Path::new(&path)) {
        let tests: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        judge_all(&mut verdict, &file.display().to_string(), &tests);
    }
    let Verdict { held, left_out, failed } = verdict;
    let counted = format!("{held} held, {left_out} left out for their form, {} failed", failed.len());
    assert!(failed.is_empty(), "{counted}:\n{}", failed.join("\n"));
    assert!(held > 0, "{} has no test for a fork of {FORKS:?}: {counted}", Path::new(&path).display());
}

/// A contract that stores the value of each call at slot 1, called with 5 wei. What it leaves is computed by another implementation of
/// the trie.
#[test]
fn the_runner_takes_the_right_root_and_no_other() {
    let (sender, contract, miner) = (Address::repeat_byte(1), Address::repeat_byte(2), Address::repeat_byte(3));
    // CALLVALUE, PUSH1 1, SSTORE.
    let code: Bytes = vec![0x34, 0x60, 0x01, 0x55].into();
    // 21 000 for the transaction, and 2 + 3 + 22 100 for the three steps.
    let (gas_used, price, wealth, value) =
        (U256::from(43_105), U256::from(12), U256::from(10_u64.pow(18)), U256::from(5));
    let paid = gas_used * price;
    let account = |nonce, balance, storage_root, code_hash| TrieAccount::new(nonce, balance, storage_root, code_hash);
    let slots = [(B256::with_last_byte(1), value)];
    let after = [
        (sender, account(1, wealth - value - paid, EMPTY_ROOT_HASH, KECCAK_EMPTY)),
        (contract, account(1, value, storage_root_unhashed(slots), keccak256(&code))),
        // What is paid above the base fee of 10.
        (miner, account(0, gas_used * U256::from(2), EMPTY_ROOT_HASH, KECCAK_EMPTY)),
    ];
    let root = state_root_unhashed(after);
    let test = |hash: B256| {
        json!({ "a test": {
            "env": { "currentBaseFee": "0x0a", "currentCoinbase": miner, "currentGasLimit": "0x989680",
                "currentNumber": "0x01", "currentTimestamp": "0x03e8", "currentRandom": "0x00" },
            "pre": {
                (sender.to_string()): { "balance": wealth, "code": "0x", "nonce": "0x00", "storage": {} },
                (contract.to_string()): { "balance": "0x00", "code": code, "nonce": "0x01", "storage": {} },
            },
            "transaction": { "sender": sender, "to": contract, "nonce": "0x00", "gasPrice": "0x0c",
                "gasLimit": ["0x0f4240", "0x5207"], "value": ["0x05"], "data": ["0x"] },
            "post": { "Osaka": [
                { "hash": hash, "logs": keccak256([0xc0]), "indexes": { "data": 0, "gas": 0, "value": 0 } },
            ] },
        }})
    };
    let judged = |tests: &Value| {
        let mut verdict = Verdict::default();
        judge_all(&mut verdict, "own", tests);
        verdict
    };
    let verdict = judged(&test(root));
    assert_eq!((verdict.held, verdict.failed), (1, vec![]));
    let verdict = judged(&test(B256::repeat_byte(7)));
    assert!(verdict.held == 0 && verdict.failed[0].contains("state root"), "{:?}", verdict.failed);

    // One unit less than a transaction costs is refused, and changes nothing.
    let before = [
        (sender, account(0, wealth, EMPTY_ROOT_HASH, KECCAK_EMPTY)),
        (contract, account(1, U256::ZERO, EMPTY_ROOT_HASH, keccak256(&code))),
    ];
    let mut refused = test(state_root_unhashed(before));
    let post = &mut refused["a test"]["post"]["Osaka"][0];
    post["indexes"]["gas"] = json!(1);
    let verdict = judged(&refused);
    assert!(verdict.failed[0].contains("does not run"), "{:?}", verdict.failed);
    refused["a test"]["post"]["Osaka"][0]["expectException"] = json!("TransactionException.INTRINSIC_GAS_TOO_LOW");
    let verdict = judged(&refused);
    assert_eq!((verdict.held, verdict.failed), (1, vec![]));
}
