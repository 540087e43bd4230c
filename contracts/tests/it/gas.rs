//! What minting costs. `UPDATE_SNAPSHOTS=1` writes `snapshots/gas.json` anew; a change of it is a change to review.

use alloy_primitives::B256;
use alloy_sol_types::{SolCall, SolStruct};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter, MAX_BATCH_RECEIPTS};
use serde_json::json;

use crate::evm::{DEV_CHAIN_ID, Evm, events};
use crate::receipts::{
    ADMIN, AIT, JobReceipt, RELAYER, SignedJobReceipt, Signer, attesters, domain, miner, mint, mint_batch, receipt,
    single_attester_chain,
};

/// Largest transaction that the chain takes.
pub(crate) const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

/// A receipt of `provider` with one attestation and the longest unit type in use.
fn signed_by(provider: &Signer, seed: u64) -> SignedJobReceipt {
    let receipt = JobReceipt { provider: provider.address(), ..receipt(seed, 1_000_000, AIT) };
    let digest: B256 = receipt.eip712_signing_hash(&domain(DEV_CHAIN_ID, AI_TOKEN_MINTER_ADDRESS));
    SignedJobReceipt {
        minerSignature: provider.sign(digest),
        attesterSignatures: vec![attesters()[0].sign(digest)],
        receipt,
    }
}

/// A chain on which the usual miner has earned before, in an earlier epoch.
fn settled_chain() -> Evm {
    let mut evm = single_attester_chain();
    evm.send_minter(RELAYER, &mint(&signed_by(&miner(), 0))).unwrap();
    evm.now_unix += 86_400;
    evm
}

/// The same on a network that holds what is minted.
fn holding_chain() -> Evm {
    let mut evm = settled_chain();
    evm.send_minter(ADMIN, &AITokenMinter::setHoldSecondsCall { holdSeconds_: 86_400 }).unwrap();
    evm
}

/// Gas of a held batch, and of the release of all its holds.
fn held_gas(receipts: &[SignedJobReceipt]) -> (u64, u64) {
    let mut evm = holding_chain();
    let minted = evm.send_minter(RELAYER, &mint_batch(receipts)).unwrap();
    let held = events::<AITokenMinter::Held>(&minted.logs, AI_TOKEN_MINTER_ADDRESS);
    let holds =
        held.iter().map(|held| AITokenMinter::Hold { provider: held.provider, dueUnix: held.dueUnix }).collect();
    evm.now_unix += 2 * 86_400;
    let released = evm.send_minter(RELAYER, &AITokenMinter::releaseCall { holds }).unwrap();
    assert_eq!(released.value, minted.value);
    (minted.gas, released.gas)
}

fn batch_gas(receipts: &[SignedJobReceipt]) -> u64 {
    let call = mint_batch(receipts);
    assert!(call.abi_encoded_size() < MAX_TRANSACTION_BYTES - 1_024, "{} bytes", call.abi_encoded_size());
    settled_chain().send_minter(RELAYER, &call).unwrap().gas
}

#[test]
fn gas_is_as_recorded_and_a_full_batch_fits_one_transaction() {
    let one_miner = |count: u64| (1..=count).map(|seed| signed_by(&miner(), seed)).collect::<Vec<_>>();
    let new_miners: Vec<_> =
        (1..=MAX_BATCH_RECEIPTS as u64).map(|seed| signed_by(&Signer::new(10_000 + seed), seed)).collect();
    let (held_new_miners, release_new_miners) = held_gas(&new_miners);
    let (held_one_miner, release_one_miner) = held_gas(&one_miner(128));
    let measured = json!({
        "held mintBatch of 128, one miner": held_one_miner,
        "held mintBatch of 128, new miners": held_new_miners,
        "release of 128 holds of one miner, one due time": release_one_miner,
        "release of 128 holds of new miners": release_new_miners,
        "mintWithReceipt, known miner": settled_chain().send_minter(RELAYER, &mint(&signed_by(&miner(), 1))).unwrap().gas,
        "mintWithReceipt, new miner": settled_chain().send_minter(RELAYER, &mint(&signed_by(&Signer::new(2), 1))).unwrap().gas,
        "mintBatch of 10, one miner": batch_gas(&one_miner(10)),
        "mintBatch of 128, one miner": batch_gas(&one_miner(128)),
        "mintBatch of 128, new miners": batch_gas(&new_miners),
    });
    compare_with_snapshot("gas.json", &measured);
}

/// Fails where `measured` is not what the file under `snapshots/` says.
pub(crate) fn compare_with_snapshot(file: &str, measured: &serde_json::Value) {
    let path = test_support::package_folder().join("snapshots").join(file);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{measured:#}\n")).unwrap();
    }
    let recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(measured, &recorded);
}
