//! The pool's order, its bounds, and what it must not do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use chain::{Envelope, Exempt, SignedTransaction, TransactionError};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use mempool::{ARRIVAL_OVERHEAD_BYTES, Lane, Pool, PoolError, PoolLimits, Rate, SenderAccount};
use proptest::prelude::*;

const CHAIN_ID: u64 = 24_822;
const GAS: u64 = 30_000;

/// What every transaction calls where a test does not say otherwise.
const CONTRACT: Address = Address::repeat_byte(9);

fn transaction(sender: u8, nonce: u64, fee: u128) -> SignedTransaction {
    transaction_to(CONTRACT, sender, nonce, fee)
}

fn transaction_to(contract: Address, sender: u8, nonce: u64, fee: u128) -> SignedTransaction {
    let unsigned = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: GAS,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: fee,
        to: TxKind::Call(contract),
        value: U256::ZERO,
        access_list: Default::default(),
        input: Bytes::new(),
    };
    let key = SigningKey::from_slice(&[sender; 32]).unwrap();
    let (signature, recovery) = key.sign_prehash(unsigned.signature_hash().as_slice()).unwrap();
    let signed = Envelope::from(unsigned.into_signed(Signature::from((signature, recovery))));
    SignedTransaction::decode(&signed.encoded_2718(), CHAIN_ID).unwrap()
}

fn limits() -> PoolLimits {
    PoolLimits {
        max_transactions: 6,
        reserved_transactions: 0,
        max_transactions_per_sender: 4,
        max_nonce_gap: 8,
        ..PoolLimits::default()
    }
}

/// What these keys call of the usual contract settles.
fn settled_by(senders: &[u8]) -> Exempt {
    let senders = senders.iter().map(|sender| transaction(*sender, 0, 1).sender()).collect();
    Exempt { senders, contracts: [CONTRACT].into() }
}

fn pool_settled_by(senders: &[u8], limits: PoolLimits) -> Pool {
    let mut pool = Pool::new(limits);
    pool.set_exempt(settled_by(senders));
    pool
}

fn fresh(nonce: u64) -> SenderAccount {
    SenderAccount { nonce, ..SenderAccount::default() }
}

fn nonces(pool: &Pool) -> Vec<u64> {
    pool.candidates(Lane::Stranger, u64::MAX, usize::MAX).iter().map(SignedTransaction::nonce).collect()
}

#[test]
fn a_gap_holds_later_transactions_back() {
    let mut pool = Pool::new(limits());
    pool.insert(transaction(1, 2, 1), fresh(0), 0).unwrap();
    pool.insert(transaction(1, 1, 1), fresh(0), 0).unwrap();
    assert!(!pool.has_ready(Lane::Stranger));
    assert_eq!(pool.next_nonce(transaction(1, 0, 1).sender()), Some(0));
    pool.insert(transaction(1, 0, 1), fresh(0), 0).unwrap();
    assert_eq!(nonces(&pool), [0, 1, 2]);
    assert_eq!(pool.content().0.len(), 3);
}

#[test]
fn senders_take_turns_by_arrival() {
    let mut pool = Pool::new(limits());
    let order = [(1, 0), (2, 0), (1, 1), (3, 0)];
    for (sender, nonce) in order {
        pool.insert(transaction(sender, nonce, 1), fresh(0), 0).unwrap();
    }
    let chosen: Vec<_> = pool.candidates(Lane::Stranger, u64::MAX, usize::MAX).iter().map(|tx| tx.hash()).collect();
    let expected: Vec<_> = order.iter().map(|(sender, nonce)| transaction(*sender, *nonce, 1).hash()).collect();
    assert_eq!(chosen, expected);
    assert_eq!(pool.candidates(Lane::Stranger, 2 * GAS, usize::MAX).len(), 2);
    assert_eq!(pool.candidates(Lane::Stranger, u64::MAX, 3).len(), 3);
}

#[test]
fn a_replacement_needs_ten_percent_more() {
    let mut pool = Pool::new(limits());
    let first = transaction(1, 0, 100);
    pool.insert(first.clone(), fresh(0), 0).unwrap();
    assert_eq!(pool.insert(first.clone(), fresh(0), 0), Err(PoolError::AlreadyKnown));
    let underpriced = Err(PoolError::ReplacementUnderpriced { percent: 10 });
    assert_eq!(pool.insert(transaction(1, 0, 109), fresh(0), 0), underpriced);
    let better = transaction(1, 0, 110);
    assert_eq!(pool.insert(better.clone(), fresh(0), 0).unwrap().displaced, vec![first.hash()]);
    assert_eq!((pool.len(), pool.get(first.hash()), pool.get(better.hash())), (1, None, Some(&better)));
}

#[test]
fn what_the_account_cannot_send_is_refused() {
    let mut pool = Pool::new(limits());
    let low = TransactionError::NonceTooLow { given: 1, expected: 2 };
    assert_eq!(pool.insert(transaction(1, 1, 1), fresh(2), 0), Err(PoolError::Invalid(low)));
    let far = PoolError::NonceGap { given: 11, expected: 2, limit: 8 };
    assert_eq!(pool.insert(transaction(1, 11, 1), fresh(2), 0), Err(far));
    let contract = SenderAccount { has_code: true, ..fresh(0) };
    assert!(matches!(
        pool.insert(transaction(1, 0, 1), contract, 0),
        Err(PoolError::Invalid(TransactionError::SenderHasCode(_)))
    ));
    assert!(pool.is_empty());
}

#[test]
fn a_full_pool_gives_up_queued_transactions_only_and_only_for_ready_ones() {
    let mut pool = Pool::new(limits());
    for (sender, nonce) in [(1, 0), (1, 1), (2, 5), (2, 6), (3, 0), (3, 1)] {
        pool.insert(transaction(sender, nonce, 1), fresh(0), 0).unwrap();
    }
    let full = PoolError::Full { what: "transactions", limit: 6 };
    assert_eq!(pool.insert(transaction(4, 3, 1), fresh(0), 0), Err(full.clone()), "queued does not displace");
    let admitted = pool.insert(transaction(4, 0, 1), fresh(0), 0).unwrap();
    assert_eq!(admitted.displaced, vec![transaction(2, 6, 1).hash()]);
    pool.insert(transaction(5, 0, 1), fresh(0), 0).unwrap();
    assert_eq!(pool.insert(transaction(6, 0, 1), fresh(0), 0), Err(full), "ready ones stay");
    assert_eq!(pool.len(), 6);
}

#[test]
fn one_sender_has_bounded_places_and_gas() {
    let mut pool = Pool::new(PoolLimits { max_gas_per_sender_per_minute: 3 * GAS, ..limits() });
    let sender = transaction(1, 0, 1).sender();
    for nonce in 0..3 {
        pool.insert(transaction(1, nonce, 1), fresh(0), 1_000).unwrap();
    }
    let exhausted = Err(PoolError::GasAllowance { sender, limit: 3 * GAS });
    assert_eq!(pool.insert(transaction(1, 3, 1), fresh(0), 60_999), exhausted);
    pool.insert(transaction(1, 3, 1), fresh(0), 61_000).unwrap();
    assert_eq!(pool.insert(transaction(1, 4, 1), fresh(0), 61_000), Err(PoolError::SenderFull { sender, limit: 4 }));

    let unmetered = PoolLimits { max_gas_per_sender_per_minute: 0, ..limits() };
    let mut pool = pool_settled_by(&[1], unmetered);
    assert!(pool.insert(transaction(1, 0, 1), fresh(0), 0).is_ok());
    let elsewhere = transaction_to(Address::repeat_byte(8), 1, 1, 1);
    assert_eq!(pool.insert(elsewhere, fresh(0), 0), Err(PoolError::GasAllowance { sender, limit: 0 }));
}

#[test]
fn stake_raises_the_gas_of_its_sender_alone_and_only_for_the_minute_in_which_it_was_told() {
    let limits = PoolLimits {
        max_gas_per_sender_per_minute: GAS,
        gas_per_staked_ait_per_minute: GAS,
        max_gas_per_staked_sender_per_minute: 3 * GAS,
        ..limits()
    };
    let mut pool = Pool::new(limits);
    let (staker, other) = (transaction(1, 0, 1).sender(), transaction(2, 0, 1).sender());
    assert!(!pool.may_look_up_stake(staker, 1_000), "it has asked for nothing");
    for sender in [1, 2] {
        pool.insert(transaction(sender, 0, 1), fresh(0), 1_000).unwrap();
    }
    let refused = |sender, limit| Err(PoolError::GasAllowance { sender, limit });
    assert_eq!(pool.insert(transaction(1, 1, 1), fresh(0), 1_000), refused(staker, GAS));
    assert!(pool.may_look_up_stake(staker, 1_000));
    pool.tell_stake(staker, 100, 1_000);
    assert!(!pool.may_look_up_stake(staker, 60_999), "it is known for this minute");
    pool.insert(transaction(1, 1, 1), fresh(0), 1_000).unwrap();
    pool.insert(transaction(1, 2, 1), fresh(0), 60_999).unwrap();
    assert_eq!(pool.insert(transaction(1, 3, 1), fresh(0), 60_999), refused(staker, 3 * GAS), "stake raises it so far");
    assert_eq!(pool.insert(transaction(2, 1, 1), fresh(0), 60_999), refused(other, GAS), "another's stake");
    pool.insert(transaction(2, 1, 1), fresh(0), 61_000).unwrap();
    pool.insert(transaction(1, 3, 1), fresh(0), 61_000).unwrap();
    assert!(pool.may_look_up_stake(staker, 61_000), "the next minute is another");
}

#[test]
fn stakes_of_many_senders_are_looked_up_at_a_bounded_rate() {
    let rate = Rate { per_second: 1, burst: 2 };
    let mut pool = Pool::new(PoolLimits { stake_looks: rate, ..limits() });
    for sender in 1..=4 {
        pool.insert(transaction(sender, 0, 1), fresh(0), 1_000).unwrap();
    }
    let mut may = |sender, now| pool.may_look_up_stake(transaction(sender, 0, 1).sender(), now);
    assert_eq!([1, 2, 3].map(|sender| may(sender, 1_000)), [true, true, false]);
    assert_eq!([3, 4].map(|sender| may(sender, 2_000)), [true, false]);
}

#[test]
fn a_pool_full_of_strangers_takes_what_settles_and_puts_it_first() {
    let settler = 9;
    let mut pool = pool_settled_by(&[settler], PoolLimits { reserved_transactions: 2, ..limits() });
    for (sender, nonce) in [(1, 0), (1, 1), (2, 0), (2, 5)] {
        pool.insert(transaction(sender, nonce, 1), fresh(0), 0).unwrap();
    }
    let full = PoolError::Full { what: "transactions", limit: 4 };
    assert_eq!(pool.insert(transaction(2, 6, 1), fresh(0), 0), Err(full));
    assert!(!pool.has_ready(Lane::Settlement));
    for nonce in 0..2 {
        let admitted = pool.insert(transaction(settler, nonce, 1), fresh(0), 0).unwrap();
        assert!(admitted.displaced.is_empty(), "a reserved place costs nobody's");
    }
    let senders = |up_to| -> Vec<_> {
        let chosen = pool.candidates(up_to, u64::MAX, usize::MAX);
        chosen.iter().map(|chosen| (pool.lane_of(chosen), chosen.nonce())).collect()
    };
    use Lane::{Settlement, Stranger};
    assert_eq!(senders(Settlement), [(Settlement, 0), (Settlement, 1)]);
    assert_eq!(senders(Stranger), [(Settlement, 0), (Settlement, 1), (Stranger, 0), (Stranger, 1), (Stranger, 0)]);
    assert!(pool.has_ready(Settlement));
}

/// The attack: the key of a hub that was removed, or was stolen, fills pool and blocks.
#[test]
fn who_settles_no_more_is_a_stranger_with_all_that_waits_of_it() {
    let limits = || PoolLimits { reserved_transactions: 3, ..limits() };
    let mut pool = pool_settled_by(&[9], limits());
    for nonce in 0..3 {
        pool.insert(transaction(9, nonce, 1), fresh(0), 0).unwrap();
    }
    pool.insert(transaction(1, 0, 1), fresh(0), 0).unwrap();
    assert_eq!(pool.candidates(Lane::Settlement, u64::MAX, usize::MAX).len(), 3);

    pool.set_exempt(settled_by(&[8]));
    assert!(!pool.has_ready(Lane::Settlement));
    assert!(pool.candidates(Lane::Settlement, u64::MAX, usize::MAX).is_empty());
    assert_eq!(pool.candidates(Lane::Stranger, u64::MAX, usize::MAX).len(), 4, "nothing of it is dropped");
    let full = Err(PoolError::Full { what: "transactions", limit: 3 });
    assert_eq!(pool.insert(transaction(2, 0, 1), fresh(0), 0), full);
    pool.insert(transaction(8, 0, 1), fresh(0), 0).unwrap();
    for nonce in 0..3 {
        pool.remove(transaction(9, nonce, 1).hash()).unwrap();
    }
    pool.insert(transaction(2, 0, 1), fresh(0), 0).unwrap();
}

/// A key of a hub has its lane for what it settles, and for nothing else.
#[test]
fn what_a_settler_sends_elsewhere_waits_with_the_strangers_and_what_is_behind_it_too() {
    let mut pool = pool_settled_by(&[9], limits());
    let elsewhere = transaction_to(Address::repeat_byte(8), 9, 1, 1);
    pool.insert(transaction(1, 0, 1), fresh(0), 0).unwrap();
    for settling in [transaction(9, 0, 1), elsewhere.clone(), transaction(9, 2, 1)] {
        pool.insert(settling, fresh(0), 0).unwrap();
    }
    assert_eq!(pool.lane_of(&elsewhere), Lane::Stranger);
    let settling = pool.candidates(Lane::Settlement, u64::MAX, usize::MAX);
    assert_eq!(settling.iter().map(SignedTransaction::nonce).collect::<Vec<_>>(), [0]);
    let all = pool.candidates(Lane::Stranger, u64::MAX, usize::MAX);
    let stranger = transaction(1, 0, 1).sender();
    assert_eq!(
        all.iter().map(|sent| (sent.sender() == stranger, sent.nonce())).collect::<Vec<_>>(),
        [(false, 0), (true, 0), (false, 1), (false, 2),]
    );
    pool.set_chain_nonce(elsewhere.sender(), 1);
    assert!(!pool.has_ready(Lane::Settlement), "what is first is no settlement");
}

#[test]
fn bytes_that_are_reserved_are_left_by_strangers() {
    let bytes = transaction(1, 0, 1).raw().len();
    let limits = PoolLimits { max_bytes: 3 * bytes + 9, reserved_bytes: bytes + 3, ..limits() };
    let mut pool = pool_settled_by(&[9], limits);
    pool.insert(transaction(1, 0, 1), fresh(0), 0).unwrap();
    pool.insert(transaction(2, 0, 1), fresh(0), 0).unwrap();
    let full = PoolError::Full { what: "bytes", limit: 2 * bytes + 6 };
    assert_eq!(pool.insert(transaction(3, 0, 1), fresh(0), 0), Err(full));
    pool.insert(transaction(9, 0, 1), fresh(0), 0).unwrap();
    pool.remove(transaction(1, 0, 1).hash()).unwrap();
    pool.insert(transaction(3, 0, 1), fresh(0), 0).unwrap();
    assert_eq!(pool.bytes(), 3 * bytes);
}

#[test]
fn strangers_of_fresh_keys_share_one_rate_of_arrivals_and_replacements_count() {
    // The encodings differ by a byte or two.
    let counted = ARRIVAL_OVERHEAD_BYTES + transaction(1, 0, 1).raw().len() as u64 + 4;
    let limits = PoolLimits { strangers_arrival_bytes: Rate { per_second: counted, burst: 2 * counted }, ..limits() };
    let mut pool = pool_settled_by(&[9], limits);
    pool.insert(transaction(1, 0, 100), fresh(0), 1_000).unwrap();
    pool.insert(transaction(1, 0, 120), fresh(0), 1_000).unwrap();
    let refused = Err(PoolError::ArrivalRate { per_second: counted });
    assert_eq!(pool.insert(transaction(2, 0, 1), fresh(0), 1_000), refused);
    pool.insert(transaction(9, 0, 1), fresh(0), 1_000).unwrap();
    assert_eq!(pool.insert(transaction(2, 0, 1), fresh(0), 1_900), refused);
    pool.insert(transaction(2, 0, 1), fresh(0), 2_000).unwrap();
    assert_eq!(pool.len(), 3);
}

#[test]
fn time_and_blocks_take_transactions_out() {
    let mut pool = Pool::new(PoolLimits { lifetime_ms: 100, ..limits() });
    pool.insert(transaction(1, 0, 1), fresh(0), 0).unwrap();
    pool.insert(transaction(1, 1, 1), fresh(0), 50).unwrap();
    assert!(pool.expire(99).is_empty());
    assert_eq!(pool.expire(100), vec![transaction(1, 0, 1).hash()]);
    assert!(!pool.has_ready(Lane::Stranger), "nonce 1 waits for nonce 0 again");
    assert_eq!(pool.set_chain_nonce(transaction(1, 0, 1).sender(), 2), vec![transaction(1, 1, 1).hash()]);
    assert!(pool.is_empty());
    assert_eq!(pool.bytes(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Insert { sender: u8, nonce: u64, fee: u128 },
    Mine { count: usize },
    Expire,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u8..5, 0u64..8, 1u128..4).prop_map(|(sender, nonce, fee)| Step::Insert { sender, nonce, fee: fee * 10 }),
        2 => (0usize..4).prop_map(|count| Step::Mine { count }),
        1 => Just(Step::Expire),
    ]
}

proptest! {
    /// More stake never gives less, nothing gives less than everybody has, and nothing gives more than the most.
    #[test]
    fn the_gas_of_a_stake_is_monotonic_and_bounded(
        base in 0..1_000_000_000_u64,
        per_ait in 0..1_000_000_u64,
        most in 0..5_000_000_000_u64,
        stake in any::<u64>(),
        more in any::<u64>(),
    ) {
        let limits = PoolLimits {
            max_gas_per_sender_per_minute: base,
            gas_per_staked_ait_per_minute: per_ait,
            max_gas_per_staked_sender_per_minute: most,
            ..PoolLimits::default()
        };
        let gas = limits.gas_per_minute(stake);
        prop_assert_eq!(limits.gas_per_minute(0), base);
        prop_assert!((base..=base.max(most)).contains(&gas));
        prop_assert!(gas <= limits.gas_per_minute(stake.saturating_add(more)));
        let exact = u128::from(base) + u128::from(stake) * u128::from(per_ait);
        prop_assert_eq!(u128::from(gas), exact.min(u128::from(base.max(most))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With any stakes, each sender stays within the gas of its own in each of its minutes, and all strangers
    /// together within the bytes that may arrive.
    #[test]
    fn stakes_leave_the_sum_of_all_strangers_bounded(
        stakes in prop::collection::vec(0..10_u64, 4),
        sends in prop::collection::vec((0u8..4, 0..5_000_u64), 1..80),
    ) {
        let counted = ARRIVAL_OVERHEAD_BYTES + 200;
        let limits = PoolLimits {
            max_transactions: 1_000,
            max_transactions_per_sender: 1_000,
            max_nonce_gap: 1_000,
            max_gas_per_sender_per_minute: 2 * GAS,
            gas_per_staked_ait_per_minute: GAS,
            max_gas_per_staked_sender_per_minute: 6 * GAS,
            strangers_arrival_bytes: Rate { per_second: counted, burst: 10 * counted },
            ..PoolLimits::default()
        };
        let arrivals = limits.strangers_arrival_bytes;
        let mut pool = Pool::new(limits.clone());
        let (mut now, mut arrived) = (0, 0);
        // The beginning of each sender's minute, what it asked for in it, and its next nonce.
        let mut minutes: BTreeMap<Address, (u64, u64, u64)> = BTreeMap::new();
        for (sender, pause_ms) in sends {
            now += pause_ms;
            let address = transaction(sender + 1, 0, 1).sender();
            let (mut begin, mut gas, nonce) = minutes.get(&address).copied().unwrap_or((now, 0, 0));
            if now - begin >= 60_000 {
                (begin, gas) = (now, 0);
            }
            let signed = transaction(sender + 1, nonce, 1);
            let mut outcome = pool.insert(signed.clone(), fresh(0), now);
            if matches!(outcome, Err(PoolError::GasAllowance { .. })) && pool.may_look_up_stake(address, now) {
                pool.tell_stake(address, stakes[usize::from(sender)], now);
                outcome = pool.insert(signed.clone(), fresh(0), now);
            }
            if outcome.is_ok() {
                minutes.insert(address, (begin, gas + GAS, nonce + 1));
                arrived += ARRIVAL_OVERHEAD_BYTES + signed.raw().len() as u64;
                prop_assert!(gas + GAS <= limits.gas_per_minute(stakes[usize::from(sender)]));
            }
            prop_assert!(arrived <= arrivals.most_within(now.div_ceil(1_000), 0));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens, the bounds hold and candidates continue each sender's nonce on the chain without a gap.
    #[test]
    fn candidates_always_continue_the_chain(steps in prop::collection::vec(step(), 1..60)) {
        let mut pool = Pool::new(PoolLimits { lifetime_ms: 10, ..limits() });
        let mut chain: BTreeMap<Address, u64> = BTreeMap::new();
        for (now, step) in (0u64..).zip(steps) {
            match step {
                Step::Insert { sender, nonce, fee } => {
                    let signed = transaction(sender, nonce, fee);
                    let account = fresh(chain.get(&signed.sender()).copied().unwrap_or(0));
                    let _ = pool.insert(signed, account, now);
                }
                Step::Mine { count } => {
                    for mined in pool.candidates(Lane::Stranger, u64::MAX, count) {
                        chain.insert(mined.sender(), mined.nonce() + 1);
                        pool.set_chain_nonce(mined.sender(), mined.nonce() + 1);
                    }
                }
                Step::Expire => drop(pool.expire(now)),
            }
            let mut expected = chain.clone();
            for candidate in pool.candidates(Lane::Stranger, u64::MAX, usize::MAX) {
                let next = expected.entry(candidate.sender()).or_insert(0);
                prop_assert_eq!(candidate.nonce(), *next);
                *next += 1;
            }
            let (ready, queued) = pool.content();
            prop_assert_eq!(ready.len() + queued.len(), pool.len());
            prop_assert!(pool.len() <= 6);
            prop_assert_eq!(pool.bytes(), ready.iter().chain(&queued).map(|tx| tx.raw().len()).sum::<usize>());
        }
    }
}
