//! What a transaction adds to the disk is counted from above, and the proposer's allowance holds it back.

use std::collections::BTreeSet;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, bytes};
use chain::rules::TRANSACTION_GAS_CAP;
use chain::{
    Application as _, DATABASE_FILE_FACTOR, Exempt, GAS_PER_GROWTH_BYTE, Genesis, GenesisContract, Metering,
    ProposalRequest, SignedTransaction, Usage,
};

use crate::setup::*;

/// Init code of a contract that logs four addresses again and again, until its gas is nearly used up.
const LOG_SPAMMER: Bytes = bytes!("60108060093d393df35b5a5a5a5a5f5fa46113885a115f5700");
const LOG_SPAMMER_ADDRESS: Address = Address::repeat_byte(0x44);

/// Init code of a contract that fills one fresh slot after the other.
const SLOT_SPAMMER: Bytes = bytes!("600d8060093d393df35b60015a556175305a115f5700");
const SLOT_SPAMMER_ADDRESS: Address = Address::repeat_byte(0x55);

/// The count takes a deep trie for granted, so in a young one it lies above what is written by up to this factor.
const COUNTED_AT_MOST: u64 = 5;

fn chain() -> TestChain {
    let spammers = [(LOG_SPAMMER_ADDRESS, LOG_SPAMMER), (SLOT_SPAMMER_ADDRESS, SLOT_SPAMMER)];
    let spammers = spammers.map(|(address, init_code)| GenesisContract { address, init_code });
    let contracts = genesis().contracts.into_iter().chain(spammers).collect();
    TestChain::of(&Genesis { contracts, ..genesis() })
}

fn calling(seed: u8, nonce: u64, to: TxKind, gas_limit: u64, input: Bytes) -> SignedTransaction {
    decode(&sign(seed, TxEip1559 { gas_limit, ..eip1559(nonce, to, input) }))
}

fn spam(seed: u8, nonce: u64, spammer: Address, gas_limit: u64) -> SignedTransaction {
    calling(seed, nonce, TxKind::Call(spammer), gas_limit, Bytes::new())
}

/// Makes a block of metered transactions. Returns what they used by the count, and what the tables grew by.
fn grow(chain: &TestChain, candidates: Vec<SignedTransaction>) -> (Usage, u64) {
    let before = chain.snapshot().stored_bytes().unwrap();
    let count = candidates.len();
    let proposal = chain.propose(candidates);
    assert_eq!(proposal.executed.block().transactions.len(), count);
    chain.commit(&proposal);
    (proposal.metered, chain.snapshot().stored_bytes().unwrap() - before)
}

#[test]
fn what_a_block_adds_is_counted_from_above_and_not_far_from_it() {
    let chain = chain();
    type Spam<'a> = &'a dyn Fn(u8, u64) -> SignedTransaction;
    let kinds: [(&str, Spam<'_>); 6] = [
        ("plain calls of fresh keys", &|seed, nonce| spam(seed, nonce, address(99), 21_000)),
        ("the same keys again", &|seed, nonce| spam(seed, nonce + 1, address(99), 21_000)),
        ("logs of addresses", &|seed, nonce| spam(seed, nonce + 2, LOG_SPAMMER_ADDRESS, 400_000)),
        ("fresh slots", &|seed, nonce| spam(seed, nonce + 3, SLOT_SPAMMER_ADDRESS, 1_000_000)),
        ("call data", &|seed, nonce| {
            calling(seed, nonce + 4, TxKind::Call(address(99)), 3_000_000, vec![0; 100_000].into())
        }),
        ("contracts", &|seed, nonce| calling(seed, nonce + 5, TxKind::Create, 1_000_000, LOG_SPAMMER)),
    ];
    for (what, make) in kinds {
        let (counted, grown) = grow(&chain, (1..=9).map(|seed| make(seed, 0)).collect());
        assert!(grown <= counted.growth_bytes, "{what}: {grown} bytes, {} counted", counted.growth_bytes);
        assert!(
            counted.growth_bytes <= COUNTED_AT_MOST * grown,
            "{what}: {grown} bytes, {} counted",
            counted.growth_bytes
        );
        assert!(counted.growth_bytes * GAS_PER_GROWTH_BYTE <= counted.gas, "{what}: {counted:?}");
    }
}

#[test]
fn the_worst_transaction_stays_within_its_bound_and_the_file_within_its_factor() {
    let chain = chain();
    let path = chain.directory.path().join("chain.redb");
    let file = || std::fs::metadata(&path).unwrap().len();
    let (before, mut counted) = (file(), 0);
    for nonce in 0..3 {
        let (used, _) = grow(&chain, vec![spam(1, nonce, LOG_SPAMMER_ADDRESS, TRANSACTION_GAS_CAP)]);
        assert!(used.growth_bytes <= chain::MAX_TRANSACTION_GROWTH_BYTES, "{used:?}");
        assert!(used.growth_bytes > chain::MAX_TRANSACTION_GROWTH_BYTES / 2, "a worse one is known: {used:?}");
        counted += used.growth_bytes;
    }
    let (used, _) = grow(&chain, vec![spam(2, 0, SLOT_SPAMMER_ADDRESS, TRANSACTION_GAS_CAP)]);
    counted += used.growth_bytes;
    let grown = file().saturating_sub(before);
    assert!(grown <= DATABASE_FILE_FACTOR * counted, "{grown} bytes of file for {counted} counted");
}

#[test]
fn metered_transactions_keep_to_their_allowance_and_others_do_not_feel_it() {
    let chain = chain();
    let propose = |exempt: &[u8], allowance: Usage| {
        let candidates = (1..=4).map(|seed| recording(seed, 0, u64::from(seed), 1)).collect();
        let senders: BTreeSet<Address> = exempt.iter().map(|seed| address(*seed)).collect();
        let exempt = Exempt { senders, contracts: [RECORDER_ADDRESS].into() };
        let metering = Metering { exempt, allowance };
        let request = ProposalRequest {
            timestamp_unix_s: chain.now_unix_s,
            proposer: validator().address(),
            candidates,
            metering,
        };
        let proposal = chain.chain.propose(request).unwrap();
        assert_eq!(proposal.refused, vec![], "they wait, and are not refused");
        let senders = proposal.executed.block().transactions.iter().map(|transaction| transaction.sender());
        (senders.collect::<Vec<_>>(), proposal.metered)
    };
    let of = |seeds: &[u8]| seeds.iter().map(|seed| address(*seed)).collect::<Vec<_>>();
    let (all, used) = propose(&[], Usage::UNLIMITED);
    assert_eq!(all, of(&[1, 2, 3, 4]));
    assert_eq!(propose(&[3], Usage::default()), (of(&[3]), Usage::default()));
    // The first byte lets one run, whatever it adds.
    let (one, _) = propose(&[3], Usage { growth_bytes: 1, ..Usage::UNLIMITED });
    assert_eq!(one, of(&[1, 3]));
    // Each asks for 200 000 gas, and uses less.
    let (by_gas, of_two) = propose(&[], Usage { gas: 200_000 + used.gas / 4, ..Usage::UNLIMITED });
    assert_eq!(by_gas, of(&[1, 2]));
    assert!(of_two.gas < used.gas && of_two.growth_bytes < used.growth_bytes);
}
