use alloy_primitives::{Address, Bytes, TxKind, U256, bytes};
use chain::{SignedTransaction, TransactionError};

use crate::setup::*;

#[test]
fn the_three_transaction_forms_execute_without_any_balance() {
    let mut chain = TestChain::new();
    let to = TxKind::Call(RECORDER_ADDRESS);
    chain.produce(vec![
        decode(&sign(1, legacy(0, Some(CHAIN_ID), to, record(1, 10)))),
        decode(&sign(1, eip2930(1, to, record(2, 20)))),
        decode(&sign(1, eip1559(2, to, record(3, 30)))),
    ]);
    let snapshot = chain.snapshot();
    let state = snapshot.state_at(1).unwrap();
    for (slot, value) in [(1, 10), (2, 20), (3, 30)] {
        assert_eq!(state.slot(RECORDER_ADDRESS, U256::from(slot)).unwrap(), U256::from(value));
    }
    let sender = state.account(address(1)).unwrap().unwrap();
    assert_eq!((sender.nonce, sender.balance), (3, U256::ZERO), "an offered fee is not charged");
    assert_eq!(state.account(validator().address()).unwrap(), None, "and nobody receives it");
    assert!(snapshot.receipts_at(1).unwrap().iter().all(|receipt| receipt.success && receipt.logs.len() == 1));
}

#[test]
fn a_transaction_needs_this_chains_id() {
    let to = TxKind::Call(RECORDER_ADDRESS);
    let unprotected = sign(1, legacy(0, None, to, Bytes::new()));
    assert_eq!(SignedTransaction::decode(&unprotected, CHAIN_ID), Err(TransactionError::MissingChainId));
    let foreign = sign(1, legacy(0, Some(1), to, Bytes::new()));
    assert_eq!(
        SignedTransaction::decode(&foreign, CHAIN_ID),
        Err(TransactionError::WrongChainId { given: 1, expected: CHAIN_ID })
    );
}

#[test]
fn bytes_that_are_no_transaction_are_refused_and_nothing_panics() {
    let valid = sign(1, eip1559(0, TxKind::Call(RECORDER_ADDRESS), record(1, 1)));
    for length in 0..valid.len() {
        assert!(SignedTransaction::decode(&valid[..length], CHAIN_ID).is_err(), "cut to {length} bytes");
    }
    let mut trailing = valid.clone();
    trailing.push(0);
    assert!(matches!(SignedTransaction::decode(&trailing, CHAIN_ID), Err(TransactionError::Malformed(_))));
    for garbage in [&b""[..], b"\x02", b"\xc0", b"\x05\xc0", b"hello", &[0xff; 300]] {
        assert!(SignedTransaction::decode(garbage, CHAIN_ID).is_err());
    }
    let oversized = sign(1, eip1559(0, TxKind::Call(RECORDER_ADDRESS), vec![0; 128 * 1024].into()));
    assert!(matches!(SignedTransaction::decode(&oversized, CHAIN_ID), Err(TransactionError::Oversized { .. })));
}

#[test]
fn stateless_bounds_are_checked_before_the_pool() {
    let to = TxKind::Call(RECORDER_ADDRESS);
    let decode = |transaction| SignedTransaction::decode(&sign(1, transaction), CHAIN_ID);
    let base = eip1559(0, to, Bytes::new());
    assert_eq!(
        decode(alloy_consensus::TxEip1559 { gas_limit: 20_999, ..base.clone() }),
        Err(TransactionError::IntrinsicGas { given: 20_999, needed: 21_000 })
    );
    assert_eq!(
        decode(alloy_consensus::TxEip1559 { gas_limit: (1 << 24) + 1, ..base.clone() }),
        Err(TransactionError::GasLimitTooHigh { given: (1 << 24) + 1, cap: 1 << 24 })
    );
    assert_eq!(
        decode(alloy_consensus::TxEip1559 { max_fee_per_gas: 1, max_priority_fee_per_gas: 2, ..base.clone() }),
        Err(TransactionError::TipAboveFeeCap { tip: 2, cap: 1 })
    );
    assert_eq!(
        decode(alloy_consensus::TxEip1559 { nonce: u64::MAX, ..base.clone() }),
        Err(TransactionError::NonceMax(u64::MAX))
    );
    let creation =
        alloy_consensus::TxEip1559 { to: TxKind::Create, input: vec![0; 49_153].into(), gas_limit: 1 << 24, ..base };
    assert_eq!(decode(creation), Err(TransactionError::InitCodeTooLarge { size: 49_153, limit: 49_152 }));
}

#[test]
fn nonces_are_used_in_order_and_once() {
    let mut chain = TestChain::new();
    let first = recording(1, 0, 1, 1);
    chain.produce(vec![first.clone()]);
    let ahead = recording(1, 2, 1, 3);
    let built = chain.propose(vec![first.clone(), ahead.clone()]);
    assert!(built.executed.block().transactions.is_empty());
    assert_eq!(
        built.refused,
        vec![
            (first.hash(), TransactionError::NonceTooLow { given: 0, expected: 1 }),
            (ahead.hash(), TransactionError::NonceTooHigh { given: 2, expected: 1 }),
        ]
    );
}

#[test]
fn value_has_to_exist_but_a_transfer_of_zero_works() {
    let mut chain = TestChain::new();
    let poor = alloy_consensus::TxEip1559 {
        value: U256::from(1),
        ..eip1559(0, TxKind::Call(Address::repeat_byte(9)), Bytes::new())
    };
    let built = chain.propose(vec![decode(&sign(1, poor))]);
    assert!(matches!(built.refused[0].1, TransactionError::InsufficientFunds { .. }), "{:?}", built.refused);

    chain.produce(vec![decode(&sign(1, eip1559(0, TxKind::Call(Address::repeat_byte(9)), Bytes::new())))]);
    let snapshot = chain.snapshot();
    assert_eq!(snapshot.receipts_at(1).unwrap()[0].gas_used, 21_000);
    let state = snapshot.state_at(1).unwrap();
    assert_eq!(state.account(Address::repeat_byte(9)).unwrap(), None, "an empty account is not kept (EIP-161)");
}

#[test]
fn a_failed_transaction_counts_its_nonce_and_keeps_its_reason() {
    let mut chain = TestChain::new();
    chain.produce(vec![decode(&sign(1, eip1559(0, TxKind::Call(REVERTER_ADDRESS), Bytes::new())))]);
    let receipt = chain.snapshot().receipts_at(1).unwrap().remove(0);
    assert!(!receipt.success);
    assert!(receipt.logs.is_empty());
    assert_eq!(receipt.revert_data, bytes!("000000000000000000000000000000000000000000000000000000000000002a"));
    let state = chain.snapshot().state_at(1).unwrap();
    assert_eq!(state.account(address(1)).unwrap().unwrap().nonce, 1);
}

#[test]
fn a_creation_makes_a_contract_where_the_receipt_says() {
    let mut chain = TestChain::new();
    chain.produce(vec![decode(&sign(1, eip1559(0, TxKind::Create, RECORDER)))]);
    let receipt = chain.snapshot().receipts_at(1).unwrap().remove(0);
    assert_eq!(receipt.contract_address, Some(address(1).create(0)));
    let state = chain.snapshot().state_at(1).unwrap();
    assert_eq!(state.code_at(address(1).create(0)).unwrap(), RECORDER.slice(9..));
}
