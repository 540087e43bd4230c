//! A log query ends at its bounds, and the search for one log does not.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, bytes};
use chain::{ChainError, Genesis, GenesisContract, LogFilter, MAX_LOG_BYTES, MAX_READ_LOG_BYTES, SignedTransaction};

use crate::setup::*;

const LOGGER_ADDRESS: Address = Address::repeat_byte(0x33);

/// Init code of a contract that logs as many zero bytes as its first call-data word says.
const LOGGER: Bytes = bytes!("60058060093d393df35f355fa000");

const MEBIBYTE: u64 = 1 << 20;

fn chain() -> TestChain {
    let mut contracts = genesis().contracts;
    contracts.push(GenesisContract { address: LOGGER_ADDRESS, init_code: LOGGER });
    TestChain::of(&Genesis { contracts, ..genesis() })
}

fn logging(nonce: u64, bytes: u64) -> SignedTransaction {
    let input = U256::from(bytes).to_be_bytes_vec().into();
    let call = eip1559(nonce, TxKind::Call(LOGGER_ADDRESS), input);
    decode(&sign(3, alloy_consensus::TxEip1559 { gas_limit: 16_000_000, ..call }))
}

#[test]
fn a_query_returns_at_most_so_many_bytes() {
    let mut chain = chain();
    let blocks = MAX_LOG_BYTES as u64 / MEBIBYTE;
    for nonce in 0..=blocks {
        chain.produce(vec![recording(1, nonce, 7, nonce), logging(nonce, MEBIBYTE)]);
    }
    let snapshot = chain.snapshot();
    let of_logger = LogFilter { addresses: BTreeSet::from([LOGGER_ADDRESS]), ..LogFilter::default() };
    for filter in [LogFilter::default(), of_logger] {
        let refused = snapshot.logs(&filter, 0, u64::MAX);
        assert!(
            matches!(refused, Err(ChainError::LimitExceeded { what: "bytes of query results", .. })),
            "{:?}",
            refused.map(|logs| logs.len())
        );
        let part = snapshot.logs(&filter, 1, blocks - 1).unwrap();
        assert!(part.iter().map(|log| log.log.data.data.len()).sum::<usize>() <= MAX_LOG_BYTES);
        assert!(!part.is_empty());
    }
    let mut of_recorder = LogFilter { addresses: BTreeSet::from([RECORDER_ADDRESS]), ..LogFilter::default() };
    assert_eq!(snapshot.logs(&of_recorder, 0, u64::MAX).unwrap().len() as u64, blocks + 1, "large ones are not theirs");
    of_recorder.topics[0].insert(B256::from(U256::from(7)));
    let first = snapshot.find_log(&of_recorder).unwrap().unwrap();
    assert_eq!((first.place.height, first.log.address), (1, RECORDER_ADDRESS));
    of_recorder.topics[0] = BTreeSet::from([B256::from(U256::from(8))]);
    assert!(snapshot.find_log(&of_recorder).unwrap().is_none());
}

#[test]
fn two_conditions_are_met_by_the_same_log_and_not_by_two_of_one_block() {
    let mut chain = chain();
    chain.produce(vec![recording(1, 0, 7, 0), logging(0, 1)]);
    chain.produce(vec![recording(1, 1, 8, 0)]);
    let topics =
        |slot: u64| [BTreeSet::from([B256::from(U256::from(slot))]), BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    let of = |address, slot| LogFilter { addresses: BTreeSet::from([address]), topics: topics(slot) };
    let snapshot = chain.snapshot();
    assert!(snapshot.logs(&of(LOGGER_ADDRESS, 7), 0, 9).unwrap().is_empty());
    assert!(snapshot.find_log(&of(LOGGER_ADDRESS, 7)).unwrap().is_none());
    assert_eq!(snapshot.find_log(&of(RECORDER_ADDRESS, 8)).unwrap().unwrap().place.height, 2);
}

/// The index leads to blocks that hold both, though never in one log: all of their logs are read, and none is returned.
#[test]
fn a_query_that_finds_nothing_reads_at_most_so_many_bytes() {
    let mut chain = chain();
    let blocks = MAX_READ_LOG_BYTES as u64 / MEBIBYTE;
    for nonce in 0..=blocks {
        chain.produce(vec![recording(1, nonce, 7, nonce), logging(nonce, MEBIBYTE)]);
    }
    let mut filter = LogFilter { addresses: BTreeSet::from([LOGGER_ADDRESS]), ..LogFilter::default() };
    filter.topics[0].insert(B256::from(U256::from(7)));
    let snapshot = chain.snapshot();
    let refused = snapshot.logs(&filter, 0, u64::MAX).unwrap_err();
    assert!(
        matches!(refused, ChainError::LimitExceeded { what: "bytes that a log query reads", limit, given }
            if limit == MAX_READ_LOG_BYTES as u64 && given > limit && given <= limit + 2 * MEBIBYTE),
        "{refused}"
    );
    assert!(snapshot.logs(&filter, 2, blocks).unwrap().is_empty(), "what is within the bound is read to its end");
    assert!(snapshot.find_log(&filter).unwrap().is_none());
}
