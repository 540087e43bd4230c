//! What minting costs. `UPDATE_SNAPSHOTS=1` writes `snapshots/gas.json` anew; a change of it is a change to review.

use std::path::Path;

use alloy_primitives::B256;
use alloy_sol_types::{SolCall, SolStruct};
use contracts::{AI_TOKEN_MINTER_ADDRESS, MAX_BATCH_RECEIPTS};
use serde_json::json;

use crate::evm::{DEV_CHAIN_ID, Evm};
use crate::receipts::{
    AIT, JobReceipt, RELAYER, SignedJobReceipt, Signer, attesters, domain, miner, mint, mint_batch, receipt,
    single_attester_chain,
};

/// Largest transaction that the chain takes.
const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

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
    let measured = json!({
        "mintWithReceipt, known miner": settled_chain().send_minter(RELAYER, &mint(&signed_by(&miner(), 1))).unwrap().gas,
        "mintWithReceipt, new miner": settled_chain().send_minter(RELAYER, &mint(&signed_by(&Signer::new(2), 1))).unwrap().gas,
        "mintBatch of 10, one miner": batch_gas(&one_miner(10)),
        "mintBatch of 128, one miner": batch_gas(&one_miner(128)),
        "mintBatch of 128, new miners": batch_gas(&new_miners),
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/gas.json");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{measured:#}\n")).unwrap();
    }
    let recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(measured, recorded);
}
