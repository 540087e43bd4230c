//! How much of the past state is kept, and what is answered of the rest.

use alloy_primitives::U256;
use chain::{Call, ChainError, StateHistory, never_over};
use proptest::prelude::*;

use crate::setup::*;

const KEPT: u64 = 4;
const SLOTS: u64 = 6;

fn pruned(kept: u64) -> TestChain {
    let chain = TestChain::new();
    TestChain { chain: chain.chain.keeping(StateHistory::Last(kept)), ..chain }
}

fn values(chain: &TestChain, height: u64) -> Result<Vec<U256>, ChainError> {
    let state = chain.snapshot().state_at(height)?;
    let nonce = state.account(address(1))?.map_or(0, |account| account.nonce);
    let mut values = vec![U256::from(nonce)];
    for slot in 0..SLOTS {
        values.push(state.slot(RECORDER_ADDRESS, U256::from(slot))?);
    }
    Ok(values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// The states that are kept are those of a chain that keeps all, whatever was written and cleared, also after restarts and
    /// after a time in which everything was kept.
    #[test]
    fn kept_states_are_right_and_older_ones_are_refused(
        writes in prop::collection::vec((0..SLOTS, 0u64..3), 12..40),
        archives_until in 0usize..16,
        restart_at in 0usize..40,
    ) {
        let (mut archive, mut part) = (TestChain::new(), TestChain::new());
        for (index, (slot, value)) in writes.into_iter().enumerate() {
            if index == archives_until || index == restart_at.max(archives_until) {
                part = part.reopen();
                part = TestChain { chain: part.chain.keeping(StateHistory::Last(KEPT)), ..part };
            }
            let transaction = recording(1, index as u64, slot, value);
            archive.produce(vec![transaction.clone()]);
            part.produce(vec![transaction]);
            let head = part.snapshot().head().clone();
            prop_assert_eq!(head.hash(), archive.snapshot().head().hash());
            let first = if index >= archives_until { (head.number + 1).saturating_sub(KEPT) } else { 0 };
            prop_assert_eq!(part.snapshot().first_state_height().unwrap(), first);
            for height in 0..=head.number {
                let ours = values(&part, height);
                if height >= first {
                    prop_assert_eq!(ours.unwrap(), values(&archive, height).unwrap());
                } else {
                    let is_refused = matches!(ours, Err(ChainError::StateUnavailable { number, first: stated })
                        if number == height && stated == first);
                    prop_assert!(is_refused, "height {height}");
                }
            }
            prop_assert_eq!(part.snapshot().recompute_state_root().unwrap(), head.state_root);
        }
    }
}

#[test]
fn what_is_kept_stops_growing_and_shrinks_where_everything_was_kept_before() {
    let (mut archive, mut part) = (TestChain::new(), pruned(KEPT));
    let (mut nonce, mut sizes) = (0, Vec::new());
    for _ in 0..4 {
        for _ in 0..20 {
            let transaction = recording(1, nonce, nonce % SLOTS, nonce + 1);
            nonce += 1;
            archive.produce(vec![transaction.clone()]);
            part.produce(vec![transaction]);
        }
        sizes.push((archive.snapshot().kept_versions().unwrap(), part.snapshot().kept_versions().unwrap()));
    }
    let growth = |pair: [(u64, u64); 2]| (pair[1].0 - pair[0].0, pair[1].1.abs_diff(pair[0].1));
    assert!(growth([sizes[2], sizes[3]]).0 >= 40, "each block writes an account and a slot: {sizes:?}");
    assert!(growth([sizes[1], sizes[3]]).1 <= KEPT, "{sizes:?}");
    assert!(sizes[3].0 > 3 * sizes[3].1, "{sizes:?}");
    let bytes = |chain: &TestChain| chain.snapshot().stored_bytes().unwrap();
    assert!(bytes(&part) < bytes(&archive));

    let before = archive.snapshot().kept_versions().unwrap();
    let mut archive = TestChain { chain: archive.chain.keeping(StateHistory::Last(KEPT)), ..archive };
    archive.produce(vec![recording(1, nonce, 1, 1)]);
    assert!(archive.snapshot().kept_versions().unwrap() < before / 2);
    assert_eq!(archive.snapshot().first_state_height().unwrap(), nonce + 1 + 1 - KEPT);

    // What is gone does not come back, and from now on everything stays.
    let first = archive.snapshot().first_state_height().unwrap();
    let mut archive = archive.reopen();
    for offset in 1..=2 * KEPT {
        archive.produce(vec![recording(1, nonce + offset, 1, offset + 1)]);
    }
    assert_eq!(archive.snapshot().first_state_height().unwrap(), first);
    assert!(values(&archive, first).is_ok() && values(&archive, first - 1).is_err());
}

#[test]
fn a_slot_with_more_old_values_than_one_block_looks_at_holds_nothing_up() {
    // More than a block looks at, of one slot and one account.
    const BLOCKS: u64 = 400;
    let mut chain = TestChain::new();
    for nonce in 0..BLOCKS {
        chain.produce(vec![recording(1, nonce, 1, nonce + 1)]);
    }
    let mut chain = TestChain { chain: chain.chain.keeping(StateHistory::Last(KEPT)), ..chain };
    for offset in 0..12 {
        chain.produce(vec![recording(1, BLOCKS + offset, 2, offset + 1)]);
    }
    let kept = chain.snapshot().kept_versions().unwrap();
    assert!(kept < 60, "{kept} values are kept");
    let head = chain.snapshot().head().number;
    assert_eq!(
        chain.snapshot().state_at(head - 1).unwrap().slot(RECORDER_ADDRESS, U256::from(1)).unwrap(),
        U256::from(BLOCKS)
    );
}

#[test]
fn reads_of_a_state_that_is_gone_say_so_and_blocks_and_logs_stay() {
    let mut chain = pruned(KEPT);
    for nonce in 0..12 {
        chain.produce(vec![recording(1, nonce, 1, nonce + 1)]);
    }
    let snapshot = chain.snapshot();
    let call = Call { to: Some(RECORDER_ADDRESS), data: record(1, 1), ..Call::default() };
    let gone = snapshot.call(3, &call, &Default::default(), &never_over);
    assert!(matches!(gone, Err(ChainError::StateUnavailable { number: 3, first: 9 })), "{gone:?}");
    let text = gone.unwrap_err().to_string();
    assert!(text.starts_with("historical state is not available"), "{text}");
    assert!(snapshot.call(9, &call, &Default::default(), &never_over).is_ok());
    let options = Default::default();
    assert!(matches!(snapshot.trace_block(9, &options, &never_over), Err(ChainError::StateUnavailable { .. })));
    assert!(snapshot.trace_block(10, &options, &never_over).is_ok(), "it runs on the state before it");
    for height in 1..=12 {
        assert_eq!(snapshot.block_at(height).unwrap().unwrap().transactions.len(), 1);
        assert_eq!(snapshot.receipts_at(height).unwrap().len(), 1);
    }
    assert_eq!(snapshot.logs(&Default::default(), 0, 12).unwrap().len(), 12);
    assert!(snapshot.transaction_by_nonce(address(1), 11).unwrap().is_some());
    assert!(matches!(snapshot.transaction_by_nonce(address(1), 2), Err(ChainError::StateUnavailable { .. })));
    let mut bytes = Vec::new();
    assert!(matches!(snapshot.export(3, &mut bytes), Err(ChainError::StateUnavailable { .. })));
    assert!(bytes.is_empty() && snapshot.export(9, &mut bytes).is_ok());
}
