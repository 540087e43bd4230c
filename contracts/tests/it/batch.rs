//! `mintBatch`: it can be sent again, and an error names its receipt.

use alloy_primitives::U256;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter, MAX_BATCH_RECEIPTS};

use crate::evm::{MinterError, events};
use crate::receipts::{
    AIT, EXPIRES_AT, JobReceipt, RELAYER, SignedJobReceipt, Signer, chain, is_used, mint, mint_batch, receipt, signed,
};

fn receipts(seeds: std::ops::Range<u64>) -> Vec<SignedJobReceipt> {
    seeds.map(|seed| signed(receipt(seed, 1_000_000, AIT))).collect()
}

#[test]
fn a_batch_mints_the_sum_and_tells_each_part() {
    let mut evm = chain();
    let mined = evm.send_minter(RELAYER, &mint_batch(&receipts(0..5))).unwrap();
    assert_eq!(mined.value, U256::from(5 * AIT));
    assert_eq!(events::<AITokenMinter::Minted>(&mined.logs, AI_TOKEN_MINTER_ADDRESS).len(), 5);
    assert_eq!(evm.supply(), U256::from(5 * AIT));
}

#[test]
fn an_empty_batch_does_nothing() {
    let mined = chain().send_minter(RELAYER, &mint_batch(&[])).unwrap();
    assert_eq!(mined.value, U256::ZERO);
    assert!(mined.logs.is_empty());
}

#[test]
fn used_receipts_are_skipped_and_said_to_be() {
    let mut evm = chain();
    let receipts = receipts(0..3);
    evm.send_minter(RELAYER, &mint(&receipts[1])).unwrap();

    let twice_in_one = [receipts.clone(), vec![receipts[0].clone()]].concat();
    let mined = evm.send_minter(RELAYER, &mint_batch(&twice_in_one)).unwrap();
    assert_eq!(mined.value, U256::from(2 * AIT));
    let skipped = events::<AITokenMinter::ReceiptSkipped>(&mined.logs, AI_TOKEN_MINTER_ADDRESS);
    let expected = [&receipts[1], &receipts[0]]
        .map(|signed| AITokenMinter::ReceiptSkipped { receiptHash: signed.receipt.receiptHash });
    assert_eq!(skipped, expected);

    let again = evm.send_minter(RELAYER, &mint_batch(&twice_in_one)).unwrap();
    assert_eq!(again.value, U256::ZERO);
    assert_eq!(evm.supply(), U256::from(3 * AIT));
}

#[test]
fn one_forged_receipt_reverts_the_batch_and_is_named() {
    let mut evm = chain();
    let mut receipts = receipts(0..4);
    let culprit = receipts[2].receipt.receiptHash;
    receipts[2].minerSignature = Signer::new(77).sign(culprit);
    let error = evm.send_minter(RELAYER, &mint_batch(&receipts)).unwrap_err();
    let MinterError::InvalidMinerSignature(error) = error.minter() else { panic!("{error:?}") };
    assert_eq!(error.receiptHash, culprit);
    assert!(receipts.iter().all(|signed| !is_used(&evm, &signed.receipt)));
    assert_eq!(evm.supply(), U256::ZERO);

    receipts.remove(2);
    evm.send_minter(RELAYER, &mint_batch(&receipts)).unwrap();
    assert_eq!(evm.supply(), U256::from(3 * AIT));
}

#[test]
fn an_expired_receipt_is_named_and_one_that_was_paid_in_time_is_skipped() {
    let mut evm = chain();
    let paid = signed(receipt(0, 1_000_000, AIT));
    evm.send_minter(RELAYER, &mint(&paid)).unwrap();
    let lasting = signed(JobReceipt { expiresAt: EXPIRES_AT + 1, ..receipt(1, 1_000_000, AIT) });
    let expired = signed(receipt(2, 1_000_000, AIT));
    evm.now_unix = EXPIRES_AT + 1;

    let error = evm.send_minter(RELAYER, &mint_batch(&[paid.clone(), lasting.clone(), expired.clone()])).unwrap_err();
    let MinterError::ReceiptExpired(error) = error.minter() else { panic!("{error:?}") };
    assert_eq!(error.receiptHash, expired.receipt.receiptHash);
    assert_eq!(evm.supply(), U256::from(AIT));

    evm.send_minter(RELAYER, &mint_batch(&[paid, lasting])).unwrap();
    assert_eq!(evm.supply(), U256::from(2 * AIT));
}

#[test]
fn a_batch_stops_where_the_cap_is_reached() {
    let mut evm = chain();
    let full: Vec<_> = (0..3).map(|seed| signed(receipt(seed, 40_000_000, 10 * AIT))).collect();
    let expected = AITokenMinter::EpochCapExceeded {
        receiptHash: full[2].receipt.receiptHash,
        amount: U256::from(400 * AIT),
        remaining: U256::from(200 * AIT),
    };
    assert_eq!(evm.send_minter(RELAYER, &mint_batch(&full)).unwrap_err(), expected.into());
    assert_eq!(evm.supply(), U256::ZERO);
}

#[test]
fn a_batch_has_a_largest_size() {
    let mut evm = chain();
    let one = signed(receipt(0, 1_000_000, AIT));
    let maximum = U256::from(MAX_BATCH_RECEIPTS);
    assert_eq!(evm.read_minter(&AITokenMinter::MAX_BATCH_RECEIPTSCall {}), maximum);
    let error = evm.send_minter(RELAYER, &mint_batch(&vec![one.clone(); MAX_BATCH_RECEIPTS + 1])).unwrap_err();
    assert_eq!(error, AITokenMinter::BatchTooLarge { given: maximum + U256::from(1), maximum }.into());
    evm.send_minter(RELAYER, &mint_batch(&vec![one; MAX_BATCH_RECEIPTS])).unwrap();
    assert_eq!(evm.supply(), U256::from(AIT));
}
