//! Simulated blocks and access lists: what calls would do, within their bounds, and nothing of it stays.

use std::collections::BTreeMap;

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, U256, bytes};
use chain::{
    AccountOverride, BlockToSimulate, Call, CallToSimulate, ChainError, HeaderOverride, MAX_SIMULATED_BLOCKS,
    SimulatedBlock, Simulation, TransactionError, never_over,
};

use crate::setup::*;

/// Returns slot 1.
const READS_SLOT: Bytes = bytes!("60015460005260206000f3");
/// Returns `NUMBER`.
const NUMBER: Bytes = bytes!("4360005260206000f3");
/// Returns `TIMESTAMP`.
const TIMESTAMP: Bytes = bytes!("4260005260206000f3");
/// Returns the hash of the block before.
const PARENT_HASH: Bytes = bytes!("436001900340" "60005260206000f3");
/// Returns `PREVRANDAO`.
const PREV_RANDAO: Bytes = bytes!("4460005260206000f3");
/// Uses all its gas at once.
const INVALID: Bytes = bytes!("fe");
/// Runs until its gas is used up.
const LOOP: Bytes = bytes!("5b5f56");

const TARGET: Address = Address::repeat_byte(0x77);
const GAS_BUDGET: u64 = 30_000_000;

fn code(address: Address, code: Bytes) -> BTreeMap<Address, AccountOverride> {
    BTreeMap::from([(address, AccountOverride { code: Some(code), ..AccountOverride::default() })])
}

fn rich(seed: u8) -> BTreeMap<Address, AccountOverride> {
    BTreeMap::from([(address(seed), AccountOverride { balance: Some(U256::from(100)), ..AccountOverride::default() })])
}

fn to(target: Address, data: Bytes) -> CallToSimulate {
    let call = Call { from: address(1), to: Some(target), data, ..Call::default() };
    CallToSimulate { call, ..CallToSimulate::default() }
}

fn block(accounts: BTreeMap<Address, AccountOverride>, calls: Vec<CallToSimulate>) -> BlockToSimulate {
    BlockToSimulate { accounts, calls, ..BlockToSimulate::default() }
}

fn of(blocks: Vec<BlockToSimulate>) -> Simulation {
    Simulation { blocks, gas_budget: GAS_BUDGET, ..Simulation::default() }
}

fn run(chain: &TestChain, simulation: &Simulation) -> Result<Vec<SimulatedBlock>, ChainError> {
    let snapshot = chain.snapshot();
    snapshot.simulate_blocks(snapshot.head().number, simulation, &never_over)
}

fn output(block: &SimulatedBlock) -> B256 {
    B256::from_slice(&block.results[0].output)
}

fn word(value: u64) -> B256 {
    B256::from(U256::from(value))
}

#[test]
fn a_block_sees_what_the_blocks_before_it_did_and_the_chain_does_not() {
    let mut chain = TestChain::new();
    let head = chain.produce(vec![recording(1, 0, 1, 10), recording(1, 1, 2, 20)]);
    let blocks = run(
        &chain,
        &of(vec![
            block(BTreeMap::new(), vec![to(RECORDER_ADDRESS, record(1, 7)), to(RECORDER_ADDRESS, record(3, 8))]),
            block(code(RECORDER_ADDRESS, READS_SLOT), vec![to(RECORDER_ADDRESS, Bytes::new())]),
        ]),
    )
    .unwrap();
    assert_eq!(output(&blocks[1]), word(7));
    let (first, second) = (&blocks[0].block, &blocks[1].block);
    assert_eq!((first.header.number, first.header.parent_hash), (head.number + 1, head.hash()));
    assert_eq!((second.header.number, second.header.parent_hash), (head.number + 2, first.header.hash()));
    assert_eq!((first.header.timestamp, second.header.timestamp), (head.timestamp + 1, head.timestamp + 2));
    assert_eq!((first.header.beneficiary, first.header.gas_limit), (head.beneficiary, head.gas_limit));
    let gas: u64 = blocks[0].results.iter().map(|result| result.gas_used).sum();
    assert_eq!((first.header.gas_used, first.header.state_root), (gas, B256::ZERO));
    let nonces: Vec<u64> = first.transactions.iter().map(|transaction| transaction.nonce()).collect();
    assert_eq!((nonces.as_slice(), second.transactions[0].nonce()), (&[2, 3][..], 4));
    assert!(first.transactions.iter().all(|transaction| transaction.sender() == address(1)));
    assert_eq!(blocks[0].results[0].logs.len(), 1);
    // What a signed transaction does, the simulated one did.
    let real = chain.produce(vec![recording(1, 2, 1, 7), recording(1, 3, 3, 8)]);
    assert_eq!(
        (real.gas_used, real.logs_bloom, real.receipts_root),
        (first.header.gas_used, first.header.logs_bloom, first.header.receipts_root,)
    );
    assert_eq!(
        chain.snapshot().state_at(head.number).unwrap().slot(RECORDER_ADDRESS, U256::from(1)).unwrap(),
        U256::from(10)
    );
}

#[test]
fn headers_are_what_they_are_told_to_be_and_gaps_are_filled() {
    let chain = TestChain::new();
    let head = chain.snapshot().head().clone();
    let with = |header: HeaderOverride, read: Bytes| BlockToSimulate {
        header,
        accounts: code(TARGET, read),
        calls: vec![to(TARGET, Bytes::new())],
    };
    let late = HeaderOverride {
        number: Some(3),
        timestamp_unix_s: Some(head.timestamp + 100),
        gas_limit: Some(1_000_000),
        beneficiary: Some(TARGET),
        prev_randao: Some(word(9)),
    };
    let blocks = run(
        &chain,
        &of(vec![
            with(late, PARENT_HASH),
            with(HeaderOverride::default(), NUMBER),
            with(HeaderOverride::default(), TIMESTAMP),
            with(HeaderOverride { prev_randao: Some(word(5)), ..HeaderOverride::default() }, PREV_RANDAO),
            with(HeaderOverride::default(), PREV_RANDAO),
        ]),
    )
    .unwrap();
    let numbers: Vec<u64> = blocks.iter().map(|block| block.block.header.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    assert!(blocks[..2].iter().all(|filling| filling.block.transactions.is_empty() && filling.results.is_empty()));
    let third = &blocks[2].block.header;
    assert_eq!(output(&blocks[2]), blocks[1].block.header.hash());
    assert_eq!((third.timestamp, third.gas_limit, third.beneficiary), (head.timestamp + 100, 1_000_000, TARGET));
    assert_eq!((third.mix_hash, third.hash()), (word(9), third.header().hash_slow()));
    assert_eq!(output(&blocks[3]), word(4));
    assert_eq!(output(&blocks[4]), word(head.timestamp + 102));
    assert_eq!((output(&blocks[5]), output(&blocks[6])), (word(5), B256::ZERO));
    assert_eq!(blocks[6].block.header.gas_limit, 1_000_000, "what a block does not name is as in the one before");
}

#[test]
fn blocks_out_of_order_and_beyond_the_bounds_are_refused() {
    let mut chain = TestChain::new();
    let head = chain.produce(vec![recording(1, 0, 1, 10)]);
    let header = |header: HeaderOverride| BlockToSimulate { header, ..BlockToSimulate::default() };
    let number = |number| header(HeaderOverride { number: Some(number), ..HeaderOverride::default() });
    let time = |time| header(HeaderOverride { timestamp_unix_s: Some(time), ..HeaderOverride::default() });
    for blocks in [vec![number(1)], vec![number(0)], vec![number(5), number(5)]] {
        assert!(matches!(run(&chain, &of(blocks)), Err(ChainError::SimulatedNumber { .. })));
    }
    for blocks in [vec![time(head.timestamp)], vec![time(head.timestamp + 9), time(head.timestamp + 8)]] {
        assert!(matches!(run(&chain, &of(blocks)), Err(ChainError::SimulatedTime { .. })));
    }
    let most = head.number + MAX_SIMULATED_BLOCKS;
    assert_eq!(run(&chain, &of(vec![number(most)])).unwrap().len() as u64, MAX_SIMULATED_BLOCKS);
    for number in [number(most + 1), number(u64::MAX)] {
        let refused = run(&chain, &of(vec![number])).unwrap_err();
        assert!(matches!(refused, ChainError::LimitExceeded { limit: MAX_SIMULATED_BLOCKS, .. }), "{refused}");
    }

    let gas = |gas: u64| {
        let mut call = to(TARGET, Bytes::new());
        call.call.gas = Some(gas);
        call
    };
    let limited = |calls| BlockToSimulate {
        header: HeaderOverride { gas_limit: Some(100_000), ..HeaderOverride::default() },
        accounts: code(TARGET, LOOP),
        calls,
    };
    let full = run(&chain, &of(vec![limited(vec![gas(60_000), gas(40_001)])])).unwrap_err();
    assert!(matches!(full, ChainError::SimulatedGas { given: 40_001, left: 40_000 }), "{full}");
    let fits = run(&chain, &of(vec![limited(vec![gas(60_000), to(TARGET, Bytes::new())])])).unwrap();
    assert_eq!(fits[0].results[1].gas_used, 40_000, "without a limit of its own a call has what is left");
    // All calls share what one call may use.
    let wasteful = block(code(TARGET, INVALID), vec![to(TARGET, Bytes::new()), to(TARGET, Bytes::new())]);
    let spent = run(&chain, &of(vec![wasteful])).unwrap_err();
    assert!(matches!(spent, ChainError::LimitExceeded { limit: GAS_BUDGET, .. }), "{spent}");
    let snapshot = chain.snapshot();
    let endless = block(code(TARGET, LOOP), vec![to(TARGET, Bytes::new())]);
    let stopped = snapshot.simulate_blocks(1, &of(vec![endless]), &|| true);
    assert!(matches!(stopped, Err(ChainError::CallStopped)));
    // 100 KiB of memory returned again and again.
    let returns = block(code(TARGET, bytes!("620190005ff3")), vec![to(TARGET, Bytes::new()); 100]);
    let long = run(&chain, &of(vec![returns])).unwrap_err();
    assert!(matches!(long, ChainError::SimulationTooLong { .. }), "{long}");
}

#[test]
fn validation_holds_calls_to_the_rules_of_transactions() {
    let mut chain = TestChain::new();
    chain.produce(vec![recording(1, 0, 1, 10), recording(1, 1, 1, 10)]);
    let with_nonce = |nonce| CallToSimulate { nonce: Some(nonce), ..to(RECORDER_ADDRESS, record(1, 7)) };
    let simulate = |validates: bool, call: CallToSimulate, accounts: BTreeMap<Address, AccountOverride>| {
        let blocks = vec![block(accounts, vec![call])];
        run(&chain, &Simulation { validates, ..of(blocks) }).map(|mut blocks| blocks.remove(0).results.remove(0))
    };
    let none = BTreeMap::new;
    for validates in [false, true] {
        assert!(simulate(validates, with_nonce(2), none()).unwrap().failure.is_none());
        assert!(simulate(validates, to(RECORDER_ADDRESS, record(1, 7)), none()).unwrap().failure.is_none());
    }
    for (nonce, expected) in [
        (1, TransactionError::NonceTooLow { given: 1, expected: 2 }),
        (3, TransactionError::NonceTooHigh { given: 3, expected: 2 }),
    ] {
        assert!(simulate(false, with_nonce(nonce), none()).is_ok(), "nonce {nonce}");
        let refused = simulate(true, with_nonce(nonce), none()).unwrap_err();
        assert!(matches!(&refused, ChainError::Transaction(error) if *error == expected), "{refused}");
    }
    let has_code = || code(address(1), LOOP);
    assert!(simulate(false, with_nonce(2), has_code()).is_ok());
    let refused = simulate(true, with_nonce(2), has_code()).unwrap_err();
    assert!(matches!(refused, ChainError::Transaction(TransactionError::SenderHasCode(_))), "{refused}");

    for validates in [false, true] {
        let mut pays = to(TARGET, Bytes::new());
        pays.call.value = U256::from(101);
        let poor = simulate(validates, pays, rich(1)).unwrap_err();
        let expected = TransactionError::InsufficientFunds { balance: U256::from(100), value: U256::from(101) };
        assert!(matches!(&poor, ChainError::Transaction(error) if *error == expected), "{poor}");
        let mut cheap = to(TARGET, Bytes::new());
        cheap.call.gas = Some(20_999);
        let refused = simulate(validates, cheap, none()).unwrap_err();
        let expected = TransactionError::IntrinsicGas { given: 20_999, needed: 21_000 };
        assert!(matches!(&refused, ChainError::Transaction(error) if *error == expected), "{refused}");
    }
}

#[test]
fn a_call_that_fails_is_shown_and_the_next_one_runs() {
    let chain = TestChain::new();
    let calls = vec![to(REVERTER_ADDRESS, Bytes::new()), to(RECORDER_ADDRESS, record(1, 7))];
    let blocks = run(&chain, &of(vec![block(BTreeMap::new(), calls)])).unwrap();
    let [failed, next] = blocks[0].results.as_slice() else { panic!("two calls") };
    assert_eq!(B256::from_slice(&failed.output), word(0x2a));
    assert!(matches!(&failed.failure, Some(ChainError::Reverted { output }) if *output == failed.output));
    assert!(failed.logs.is_empty() && next.failure.is_none() && next.logs.len() == 1);
    assert!(next.max_gas_used >= next.gas_used);
}

/// Calls an account with this much, and goes on whatever comes of it.
fn pays(account: Address, value: u8) -> Vec<u8> {
    [&[0x5f, 0x5f, 0x5f, 0x5f, 0x60, value, 0x73][..], account.as_slice(), &[0x5a, 0xf1, 0x50]].concat()
}

#[test]
fn transfers_are_logged_where_they_are_asked_for_and_stand() {
    let chain = TestChain::new();
    // To the one that reverts, to another, and a log between: the recorder logs 0 at slot 0.
    let steps = [pays(REVERTER_ADDRESS, 1), pays(RECORDER_ADDRESS, 0), pays(address(2), 2), vec![0x00]].concat();
    let mut accounts = rich(1);
    accounts.extend(code(TARGET, steps.into()));
    let mut call = to(TARGET, Bytes::new());
    call.call.value = U256::from(5);
    let mut reverted = to(REVERTER_ADDRESS, Bytes::new());
    reverted.call.value = U256::from(3);
    let simulation = of(vec![block(accounts, vec![call, reverted])]);
    let traced = run(&chain, &Simulation { traces_transfers: true, ..simulation.clone() }).unwrap();
    let [paid, failed] = traced[0].results.as_slice() else { panic!("two calls") };
    let emitter = Address::repeat_byte(0xee);
    let transfer = |from: Address, to: Address, value: u64| {
        let topic: B256 = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef".parse().unwrap();
        (emitter, vec![topic, from.into_word(), to.into_word()], Bytes::from(word(value)))
    };
    let shown: Vec<_> =
        paid.logs.iter().map(|log| (log.address, log.topics().to_vec(), log.data.data.clone())).collect();
    assert_eq!(shown[0], transfer(address(1), TARGET, 5));
    assert_eq!((shown[1].0, shown.len()), (RECORDER_ADDRESS, 3), "{shown:?}");
    assert_eq!(shown[2], transfer(TARGET, address(2), 2));
    assert!(failed.failure.is_some() && failed.logs.is_empty());

    let plain = run(&chain, &simulation).unwrap();
    let logs: Vec<_> = plain[0].results[0].logs.iter().map(|log| log.address).collect();
    assert_eq!(logs, [RECORDER_ADDRESS]);
    assert_eq!(plain[0].block.header.hash(), traced[0].block.header.hash(), "they are no part of the block");
}

#[test]
fn an_access_list_has_what_a_call_touches_and_no_more() {
    let chain = TestChain::new();
    let snapshot = chain.snapshot();
    // Slot 1 of the recorder, and a look at the balance of another.
    let looks = [&[0x73][..], Address::repeat_byte(0x55).as_slice(), &[0x31, 0x50]].concat();
    let calls_recorder = bytes!("6001600052600760205260006000604060006000");
    let call_it = [&[0x73][..], RECORDER_ADDRESS.as_slice(), &[0x5a, 0xf1, 0x00]].concat();
    let accounts = code(TARGET, [looks, calls_recorder.to_vec(), call_it].concat().into());
    let call = Call { from: address(1), to: Some(TARGET), ..Call::default() };
    let item = |address, slots: &[u64]| AccessListItem {
        address,
        storage_keys: slots.iter().map(|slot| word(*slot)).collect(),
    };
    let expected = AccessList(vec![item(RECORDER_ADDRESS, &[1]), item(Address::repeat_byte(0x55), &[])]);
    let found = snapshot.create_access_list(0, &call, &accounts, &never_over).unwrap();
    assert_eq!(found.access_list, expected);
    assert!(found.failure.is_none());
    let with_list = Call { access_list: expected.clone(), ..call.clone() };
    assert_eq!(found.gas_used, snapshot.call(0, &with_list, &accounts, &never_over).unwrap().gas_used);
    let again = snapshot.create_access_list(0, &with_list, &accounts, &never_over).unwrap();
    assert_eq!((again.access_list, again.gas_used), (expected, found.gas_used));

    let own = Call { to: Some(RECORDER_ADDRESS), data: record(4, 1), ..call.clone() };
    let found = snapshot.create_access_list(0, &own, &BTreeMap::new(), &never_over).unwrap();
    assert_eq!(found.access_list, AccessList(vec![item(RECORDER_ADDRESS, &[4])]), "the target's slots count");
    let reverts = Call { to: Some(REVERTER_ADDRESS), ..call.clone() };
    let failed = snapshot.create_access_list(0, &reverts, &BTreeMap::new(), &never_over).unwrap();
    assert!(matches!(failed.failure, Some(ChainError::Reverted { .. })));
    assert_eq!(failed.access_list, AccessList::default());
    let stopped = snapshot.create_access_list(0, &call, &code(TARGET, LOOP), &|| true);
    assert!(matches!(stopped, Err(ChainError::CallStopped)));
}
