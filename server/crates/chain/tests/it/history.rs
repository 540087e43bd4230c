use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes, keccak256};
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use chain::{AccountOverride, Call, ChainError, LogFilter, never_over};

use crate::setup::*;

/// Runtime code that returns slot 1.
const READ_SLOT_ONE: Bytes = bytes!("60015460005260206000f3");

#[test]
fn the_past_stays_readable() {
    let mut chain = TestChain::new();
    for nonce in 0..5 {
        chain.produce(vec![recording(1, nonce, 1, if nonce == 3 { 0 } else { nonce + 10 })]);
    }
    let snapshot = chain.snapshot();
    for (height, value) in [(0, 0), (1, 10), (2, 11), (3, 12), (4, 0), (5, 14)] {
        let state = snapshot.state_at(height).unwrap();
        assert_eq!(state.slot(RECORDER_ADDRESS, U256::from(1)).unwrap(), U256::from(value), "height {height}");
        let nonce = state.account(address(1)).unwrap().map_or(0, |account| account.nonce);
        assert_eq!(nonce, height, "height {height}");
        let overrides = BTreeMap::from([(
            RECORDER_ADDRESS,
            AccountOverride { code: Some(READ_SLOT_ONE), ..AccountOverride::default() },
        )]);
        let call = Call { to: Some(RECORDER_ADDRESS), ..Call::default() };
        let outcome = snapshot.call(height, &call, &overrides, &never_over).unwrap();
        assert_eq!(U256::from_be_slice(&outcome.output), U256::from(value), "eth_call at {height}");
    }
    assert!(matches!(snapshot.state_at(6), Err(ChainError::UnknownBlock(_))));
}

#[test]
fn a_call_leaves_no_trace_and_reports_reverts() {
    let chain = TestChain::new();
    let snapshot = chain.snapshot();
    let none = BTreeMap::new();
    let write = Call { to: Some(RECORDER_ADDRESS), data: record(1, 1), ..Call::default() };
    snapshot.call(0, &write, &none, &never_over).unwrap();
    assert_eq!(snapshot.state_at(0).unwrap().slot(RECORDER_ADDRESS, U256::from(1)).unwrap(), U256::ZERO);

    let reverting = Call { to: Some(REVERTER_ADDRESS), ..Call::default() };
    match snapshot.call(0, &reverting, &none, &never_over) {
        Err(ChainError::Reverted { output }) => assert_eq!(U256::from_be_slice(&output), U256::from(42)),
        other => panic!("{other:?}"),
    }
    let rich = Call { to: Some(address(9)), value: U256::from(1), ..Call::default() };
    assert!(matches!(snapshot.call(0, &rich, &none, &never_over), Err(ChainError::InsufficientFunds { .. })));
}

/// Runs until its gas is used up, by jumps; and by calls of a contract that does so, which leave it a part of their gas.
const LOOP: Bytes = bytes!("5b5f56");
const CALLING_LOOP: Bytes = bytes!("5b5f5f5f5f5f60ee5af1505f56");

#[test]
fn a_call_and_an_estimate_end_with_their_time_and_not_before() {
    let chain = TestChain::new();
    let snapshot = chain.snapshot();
    let with_code = |code: Bytes| AccountOverride { code: Some(code), ..AccountOverride::default() };
    let inner = U256::from(0xee).to_be_bytes::<32>();
    let overrides = BTreeMap::from([
        (address(8), with_code(LOOP)),
        (address(9), with_code(CALLING_LOOP)),
        (Address::from_slice(&inner[12..]), with_code(LOOP)),
    ]);
    for to in [address(8), address(9)] {
        let call = Call { to: Some(to), ..Call::default() };
        // Without a bound of time it ends with its gas.
        assert!(matches!(snapshot.call(0, &call, &overrides, &never_over), Err(ChainError::Halted(_))));
        let looks = Cell::new(0);
        let is_over = || {
            looks.set(looks.get() + 1);
            looks.get() >= 3
        };
        let stopped = snapshot.call(0, &call, &overrides, &is_over);
        assert!(matches!(stopped, Err(ChainError::CallStopped)), "{stopped:?}");
        assert_eq!(looks.get(), 3, "a call that is over is asked no more and goes no further");
        looks.set(0);
        let stopped = snapshot.estimate_gas(0, &call, &overrides, &is_over);
        assert!(matches!(stopped, Err(ChainError::CallStopped)), "{stopped:?}");
    }
    // What ends in time is not touched, however late it is then.
    let short = Call { to: Some(RECORDER_ADDRESS), data: record(1, 1), ..Call::default() };
    let looks = Cell::new(0);
    let once = || {
        looks.set(looks.get() + 1);
        looks.get() > 1
    };
    snapshot.call(0, &short, &overrides, &once).unwrap();
}

/// Where blocks come on demand, the head may be older than what a contract waits for.
#[test]
fn an_estimate_for_the_next_block_runs_at_its_time() {
    let chain = TestChain::new();
    let snapshot = chain.snapshot();
    let head = snapshot.head().timestamp;
    let opens_at = u32::try_from(head + 30).unwrap();
    // Init code that reverts before this second: TIMESTAMP, PUSH4, GT, PUSH1 11, JUMPI, STOP, JUMPDEST, PUSH1 0 twice, REVERT.
    let code = [&[0x42, 0x63][..], &opens_at.to_be_bytes(), &[0x11, 0x60, 11, 0x57, 0, 0x5b, 0x60, 0, 0x60, 0, 0xfd]];
    let call = Call { data: code.concat().into(), ..Call::default() };
    let at = |now| snapshot.estimate_gas_of_next(now, &call, &BTreeMap::new(), &never_over);
    for now in [0, head, head + 29] {
        assert!(matches!(at(now), Err(ChainError::Reverted { .. })), "{now}");
    }
    assert!(at(head + 30).unwrap() > 21_000);
    assert!(matches!(snapshot.estimate_gas(0, &call, &BTreeMap::new(), &never_over), Err(ChainError::Reverted { .. })));
}

#[test]
fn an_estimate_is_enough_and_not_much_more() {
    let mut chain = TestChain::new();
    let call = Call { from: address(1), to: Some(RECORDER_ADDRESS), data: record(1, 1), ..Call::default() };
    let estimate = chain.snapshot().estimate_gas(0, &call, &BTreeMap::new(), &never_over).unwrap();
    let transaction =
        alloy_consensus::TxEip1559 { gas_limit: estimate, ..eip1559(0, TxKind::Call(RECORDER_ADDRESS), record(1, 1)) };
    chain.produce(vec![decode(&sign(1, transaction))]);
    let receipt = chain.snapshot().receipts_at(1).unwrap().remove(0);
    assert!(receipt.success);
    assert!(estimate <= receipt.gas_used + receipt.gas_used / 10, "{estimate} for {}", receipt.gas_used);

    let plain = Call { to: Some(address(9)), ..Call::default() };
    assert_eq!(chain.snapshot().estimate_gas(1, &plain, &BTreeMap::new(), &never_over).unwrap(), 21_000);
    let reverting = Call { to: Some(REVERTER_ADDRESS), ..Call::default() };
    assert!(matches!(
        chain.snapshot().estimate_gas(1, &reverting, &BTreeMap::new(), &never_over),
        Err(ChainError::Reverted { .. })
    ));
}

#[test]
fn logs_are_found_by_address_topic_and_range() {
    let mut chain = TestChain::new();
    chain.produce(vec![recording(1, 0, 7, 70), recording(2, 0, 8, 80)]);
    chain.produce(vec![recording(1, 1, 7, 71)]);
    chain.produce(vec![decode(&sign(1, eip1559(2, TxKind::Call(address(9)), Bytes::new())))]);
    let snapshot = chain.snapshot();
    let topic = |slot: u64| B256::from(U256::from(slot));
    let of_address = LogFilter { addresses: BTreeSet::from([RECORDER_ADDRESS]), ..LogFilter::default() };
    let of_topic = |slot| LogFilter {
        topics: [BTreeSet::from([topic(slot)]), BTreeSet::new(), BTreeSet::new(), BTreeSet::new()],
        ..LogFilter::default()
    };
    let places = |filter: &LogFilter, first, last| -> Vec<(u64, u64)> {
        let found = snapshot.logs(filter, first, last).unwrap();
        found.iter().map(|log| (log.place.height, log.log_index)).collect()
    };
    assert_eq!(places(&of_address, 0, 9), [(1, 0), (1, 1), (2, 0)]);
    assert_eq!(places(&LogFilter::default(), 0, 9), [(1, 0), (1, 1), (2, 0)]);
    assert_eq!(places(&of_topic(7), 0, 9), [(1, 0), (2, 0)]);
    assert_eq!(places(&of_topic(7), 2, 2), [(2, 0)]);
    assert_eq!(places(&of_topic(9), 0, 9), []);
    let elsewhere = LogFilter { addresses: BTreeSet::from([REVERTER_ADDRESS]), ..of_topic(7) };
    assert_eq!(places(&elsewhere, 0, 9), []);
    assert_eq!(places(&of_address, 3, 1), []);
}

#[test]
fn the_history_of_an_address_pages_from_new_to_old() {
    let mut chain = TestChain::new();
    for nonce in 0..7 {
        chain.produce(vec![recording(1, nonce, 1, nonce), recording(2, nonce, 1, nonce)]);
    }
    let snapshot = chain.snapshot();
    let (mut before, mut nonces) = (None, Vec::new());
    loop {
        let page = snapshot.address_transactions(address(1), before, 3).unwrap();
        let Some((roles, last)) = page.last() else { break };
        assert!(roles.is_sender() && !roles.is_recipient());
        before = Some(last.place);
        nonces.extend(page.iter().map(|(_, included)| included.transaction.nonce()));
    }
    assert_eq!(nonces, [6, 5, 4, 3, 2, 1, 0]);
    let contract = snapshot.address_transactions(RECORDER_ADDRESS, None, 100).unwrap();
    assert_eq!(contract.len(), 14);
    assert!(contract.iter().all(|(roles, _)| roles.is_recipient() && roles.is_emitter()));
    assert_eq!(snapshot.latest_transactions(None, 3).unwrap().len(), 3);
    assert_eq!(snapshot.latest_headers(Some(3), 10).unwrap().len(), 3);
    assert_eq!(snapshot.transaction_total(7).unwrap(), 14);
}

#[test]
fn proofs_hold_against_the_state_root() {
    let mut chain = TestChain::new();
    let header = chain.produce((0..20).map(|nonce| recording(1, nonce, nonce + 1, nonce + 1)).collect());
    let snapshot = chain.snapshot();
    let slots: Vec<U256> = (1..25u64).map(U256::from).collect();
    let proof = snapshot.prove_account(1, RECORDER_ADDRESS, &slots).unwrap();
    let path = Nibbles::unpack(keccak256(RECORDER_ADDRESS));
    verify_proof(header.state_root, path, Some(alloy_rlp::encode(proof.account)), &proof.account_proof).unwrap();
    for (slot, value, nodes) in &proof.slots {
        let path = Nibbles::unpack(keccak256(slot.to_be_bytes::<32>()));
        let expected = (!value.is_zero()).then(|| alloy_rlp::encode(value));
        assert_eq!(value.is_zero(), *slot > U256::from(20));
        verify_proof(proof.account.storage_root, path, expected, nodes).unwrap();
    }
    let absent = snapshot.prove_account(1, address(99), &[U256::ZERO]).unwrap();
    let path = Nibbles::unpack(keccak256(address(99)));
    verify_proof(header.state_root, path, None, &absent.account_proof).unwrap();
    assert!(matches!(snapshot.prove_account(0, RECORDER_ADDRESS, &[]), Err(ChainError::ProofUnavailable { .. })));
}
