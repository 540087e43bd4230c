use alloy_primitives::{B256, Bytes};
use chain::{
    Application as _, Block, ChainError, DecidedBlock, Import, ProposalRequest, SealedHeader, SignedTransaction, import,
};
use proptest::prelude::*;

use crate::setup::*;

/// A chain of these blocks: each entry is a sender, a slot and a value.
fn chain_of(blocks: &[Vec<(u8, u64, u64)>]) -> TestChain {
    let (mut chain, mut nonces) = (TestChain::new(), [0u64; 8]);
    for block in blocks {
        let transactions = block.iter().map(|&(sender, slot, value)| {
            let nonce = &mut nonces[usize::from(sender)];
            *nonce += 1;
            recording(sender, *nonce - 1, slot, value)
        });
        let transactions: Vec<SignedTransaction> = transactions.collect();
        chain.produce(transactions);
    }
    chain
}

fn blocks() -> impl Strategy<Value = Vec<Vec<(u8, u64, u64)>>> {
    prop::collection::vec(prop::collection::vec((1u8..6, 0u64..8, 0u64..3), 1..5), 1..6)
}

/// A block that somebody changed on the way. The certificate is made anew where `resigned`, as a quorum could.
fn tamper(decided: &DecidedBlock, kind: usize, resigned: bool) -> DecidedBlock {
    let mut header = decided.block.header.header().clone();
    let mut transactions = decided.block.transactions.clone();
    let mut certificate = decided.certificate.clone();
    match kind {
        0 => header.state_root = B256::repeat_byte(1),
        1 => header.receipts_root = B256::repeat_byte(1),
        2 => header.beneficiary = address(1),
        3 => header.gas_used += 1,
        4 => transactions.push(recording(7, 0, 1, 1)),
        5 => drop(transactions.pop()),
        6 => header.timestamp = 0,
        7 => header.extra_data = Bytes::from_static(b"other"),
        _ => certificate.signatures.clear(),
    }
    let header = SealedHeader::new(header);
    certificate.block_hash = header.hash();
    if resigned && kind < 8 {
        certificate = validator().decide_alone(CHAIN_ID, header.number, header.hash()).unwrap();
    }
    DecidedBlock { block: Block { header, transactions }, certificate }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// A follower that replays a chain, from bytes, has the same blocks and the same state; a block that was tampered
    /// with is refused on the way and leaves no trace, and so is one that came too early, late or twice.
    #[test]
    fn a_follower_ends_where_the_chain_does(
        blocks in blocks(),
        kinds in prop::collection::vec((0usize..9, any::<bool>()), 6),
        restarts in prop::collection::vec(any::<bool>(), 6),
    ) {
        let origin = chain_of(&blocks);
        let mut follower = TestChain::new();
        let length = blocks.len() as u64;
        for ((height, (kind, resigned)), restarts) in (1..=length).zip(kinds).zip(restarts) {
            let decided = origin.decided_at(height);
            let head = follower.chain.head().unwrap();
            if height < length {
                let early = import(&follower.chain, origin.decided_at(height + 1));
                prop_assert!(matches!(early, Err(ChainError::Orphan { .. })), "a block too early");
            }
            let refused = import(&follower.chain, tamper(&decided, kind, resigned));
            prop_assert!(matches!(
                refused,
                Err(ChainError::InvalidBlock { .. } | ChainError::InvalidCertificate { .. })
            ), "kind {kind}: {refused:?}");
            prop_assert_eq!(&follower.chain.head().unwrap(), &head);
            prop_assert_eq!(follower.snapshot().recompute_state_root().unwrap(), head.state_root);
            prop_assert_eq!(follower.snapshot().block_at(height).unwrap(), None);
            if restarts {
                follower = follower.reopen();
            }
            let encoded = DecidedBlock::encode(&decided.block, &decided.certificate);
            let decoded = DecidedBlock::decode(&mut encoded.as_slice(), CHAIN_ID).unwrap();
            prop_assert_eq!(&decoded, &decided);
            prop_assert!(matches!(import(&follower.chain, decoded), Ok(Import::Committed(_))));
            prop_assert!(matches!(import(&follower.chain, decided), Ok(Import::Known)));
        }
        let (ours, theirs) = (follower.snapshot(), origin.snapshot());
        prop_assert_eq!(ours.head(), theirs.head());
        prop_assert_eq!(ours.recompute_state_root().unwrap(), theirs.head().state_root);
        for height in 1..=length {
            prop_assert_eq!(ours.block_at(height).unwrap(), theirs.block_at(height).unwrap());
            prop_assert_eq!(ours.receipts_at(height).unwrap(), theirs.receipts_at(height).unwrap());
            prop_assert_eq!(ours.certificate_at(height).unwrap(), theirs.certificate_at(height).unwrap());
        }
    }

    /// Whatever happens in whatever order, only a decided block that was executed here moves the head, by one.
    #[test]
    fn the_head_moves_by_decided_blocks_only(steps in prop::collection::vec((0usize..6, 0u64..4), 1..24)) {
        let mut chain = TestChain::new();
        let mut undecided: Vec<Block> = Vec::new();
        let (mut height, mut value) = (0, 0);
        for (step, choice) in steps {
            let decide = |block: &Block| {
                validator().decide_alone(CHAIN_ID, block.header.number, block.header.hash()).unwrap()
            };
            let chosen = undecided.get(choice as usize).cloned();
            match (step, chosen) {
                (0 | 1, _) if undecided.len() < chain::MAX_UNDECIDED_BLOCKS => {
                    value += 1;
                    undecided.push(chain.propose(vec![recording(1, height, 1, value)]).executed.block().clone());
                }
                (2, Some(block)) => {
                    let mut certificate = decide(&block);
                    certificate.signatures.clear();
                    prop_assert!(chain.chain.commit(&certificate).is_err(), "a block nobody signed");
                }
                (3, Some(block)) => {
                    chain.chain.commit(&decide(&block)).unwrap();
                    height += 1;
                    for rival in undecided.drain(..).filter(|rival| *rival != block) {
                        prop_assert!(chain.chain.commit(&decide(&rival)).is_err(), "a block of a decided height");
                        let rival = DecidedBlock { certificate: decide(&rival), block: rival };
                        let result = import(&chain.chain, rival);
                        prop_assert!(matches!(result, Err(ChainError::Conflict { .. })), "a rival's block");
                    }
                }
                (4, Some(block)) => {
                    // A crash between the decision and the commit: the block comes back from its bytes.
                    chain = chain.reopen();
                    prop_assert!(chain.chain.commit(&decide(&block)).is_err(), "a block that is not kept");
                    let decided = DecidedBlock { certificate: decide(&block), block };
                    prop_assert!(matches!(import(&chain.chain, decided), Ok(Import::Committed(_))));
                    height += 1;
                    undecided.clear();
                }
                (5, _) => {
                    chain = chain.reopen();
                    undecided.clear();
                }
                _ => {}
            }
            let head = chain.chain.head().unwrap();
            prop_assert_eq!(head.number, height);
            prop_assert_eq!(chain.snapshot().recompute_state_root().unwrap(), head.state_root);
        }
    }
}

#[test]
fn a_decided_block_is_taken_whatever_this_nodes_clock_says() {
    let (mut origin, follower) = (TestChain::new(), TestChain::new());
    origin.now_unix_s = u64::from(u32::MAX);
    origin.produce(vec![recording(1, 0, 1, 1)]);
    let decided = origin.decided_at(1);
    assert!(follower.chain.validate(decided.block.clone(), 0).is_err(), "as a proposal it is from the future");
    assert!(matches!(import(&follower.chain, decided), Ok(Import::Committed(_))));
}

#[test]
fn bytes_that_are_no_decided_block_are_refused_and_nothing_panics() {
    let decided = chain_of(&[vec![(1, 1, 1)]]).decided_at(1);
    let bytes = DecidedBlock::encode(&decided.block, &decided.certificate);
    for length in 0..bytes.len() {
        assert!(DecidedBlock::decode(&mut &bytes[..length], CHAIN_ID).is_err(), "cut to {length} bytes");
    }
    assert!(matches!(DecidedBlock::decode(&mut bytes.as_slice(), 1), Err(ChainError::Transaction(_))));
    let longer = [bytes.as_slice(), b"rest"].concat();
    let mut rest = longer.as_slice();
    assert_eq!(DecidedBlock::decode(&mut rest, CHAIN_ID).unwrap(), decided);
    assert_eq!(rest, b"rest");
}

#[test]
fn a_block_of_a_past_height_is_known_or_in_conflict() {
    let origin = chain_of(&[vec![(1, 1, 1)], vec![(1, 1, 2)]]);
    let rival = TestChain::new();
    let request = ProposalRequest {
        timestamp_unix_s: rival.now_unix_s,
        proposer: validator().address(),
        candidates: vec![recording(2, 0, 1, 1)],
        metering: chain::Metering::UNLIMITED,
    };
    let executed = rival.chain.propose(request).unwrap().executed;
    let certificate = validator().decide_alone(CHAIN_ID, 1, executed.hash()).unwrap();
    let result = import(&origin.chain, DecidedBlock { block: executed.block().clone(), certificate });
    assert!(matches!(result, Err(ChainError::Conflict { number: 1, .. })), "{result:?}");
    assert!(matches!(import(&origin.chain, origin.decided_at(1)), Ok(Import::Known)));
    assert_eq!(origin.chain.head().unwrap().number, 2);
}
