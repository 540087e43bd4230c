//! Bytes that strangers send for transactions, and files and peers for blocks.

use alloy_primitives::TxKind;
use chain::{DecidedBlock, SignedTransaction};
use test_support::fuzz;

use crate::setup::*;

#[test]
fn fuzz_transactions() {
    let to = TxKind::Call(RECORDER_ADDRESS);
    let seeds = [
        sign(1, legacy(0, Some(CHAIN_ID), to, record(1, 10))),
        sign(1, eip2930(1, to, record(2, 20))),
        sign(1, eip1559(2, to, record(3, 30))),
        sign(1, eip1559(3, TxKind::Create, vec![0x60; 64].into())),
    ];
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|transaction| transaction.to_vec()).collect();
    fuzz("transactions", &seeds, |input| {
        let Ok(transaction) = SignedTransaction::decode(input, CHAIN_ID) else { return };
        // One transaction has one encoding: otherwise one and the same would have two hashes.
        assert_eq!(transaction.raw().as_ref(), input);
        assert_eq!(SignedTransaction::decode(transaction.raw(), CHAIN_ID).as_ref(), Ok(&transaction));
        let encoded = alloy_eips::eip2718::Encodable2718::encoded_2718(transaction.envelope());
        assert_eq!(encoded, input, "it was taken in a form that nobody writes");
    });
}

#[test]
fn fuzz_decided_blocks() {
    let mut chain = TestChain::new();
    chain.produce(vec![decode(&sign(1, legacy(0, Some(CHAIN_ID), TxKind::Call(RECORDER_ADDRESS), record(1, 10))))]);
    let snapshot = chain.snapshot();
    let block = snapshot.block_at(1).unwrap().unwrap();
    let certificate = snapshot.certificate_at(1).unwrap().unwrap();
    let seed = DecidedBlock::encode(&block, &certificate);
    fuzz("decided blocks", &[seed], |input| {
        let mut rest = input;
        let Ok(decided) = DecidedBlock::decode(&mut rest, CHAIN_ID) else { return };
        assert!(rest.len() < input.len());
        let again = DecidedBlock::encode(&decided.block, &decided.certificate);
        assert_eq!(DecidedBlock::decode(&mut again.as_slice(), CHAIN_ID).unwrap(), decided);
    });
}
