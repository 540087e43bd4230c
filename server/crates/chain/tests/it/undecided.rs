use alloy_primitives::B256;
use chain::rules::MAX_BLOCK_TIME_AHEAD_S;
use chain::{Application as _, Block, CertificateError, ChainError, Genesis, MAX_UNDECIDED_BLOCKS, SealedHeader};
use proptest::prelude::*;

use crate::setup::*;

/// A block's own hash with other fields.
fn with_header(block: &Block, change: impl FnOnce(&mut alloy_consensus::Header)) -> Block {
    let mut header = block.header.header().clone();
    change(&mut header);
    Block { header: SealedHeader::new(header), transactions: block.transactions.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A block's time may be its parent's, and up to the bound ahead of the clock; nothing before or beyond.
    #[test]
    fn a_blocks_time_stands_between_its_parent_and_the_clock(offset in -40i64..40, ahead in 0u64..40) {
        let mut proposer = TestChain::new();
        let parent = proposer.produce(vec![recording(1, 0, 1, 1)]);
        let time = parent.timestamp.saturating_add_signed(offset);
        proposer.now_unix_s = time.max(parent.timestamp);
        let block = proposer.propose(vec![recording(1, 1, 1, 2)]).executed.block().clone();
        let block = with_header(&block, |header| header.timestamp = time);

        let validator = TestChain::new();
        chain::import(&validator.chain, proposer.decided_at(1)).unwrap();
        let now_unix_s = time - ahead;
        let result = validator.chain.validate(block.clone(), now_unix_s);
        let holds = time >= parent.timestamp && ahead <= MAX_BLOCK_TIME_AHEAD_S;
        match result {
            Ok(executed) => prop_assert!(holds && executed.block() == &block),
            Err(ChainError::InvalidBlock { number: 2, reason }) => prop_assert!(!holds && reason.contains("time "), "{reason}"),
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[test]
fn of_two_undecided_blocks_the_decided_one_stands() {
    for decided in [0, 1] {
        let chain = TestChain::new();
        let proposals = [vec![recording(1, 0, 1, 10)], vec![recording(1, 0, 1, 20)]].map(|tx| chain.propose(tx));
        let header = chain.commit(&proposals[decided]);
        assert_eq!(header, proposals[decided].executed.block().header);
        let snapshot = chain.snapshot();
        assert_eq!(&snapshot.block_at(1).unwrap().unwrap(), proposals[decided].executed.block());
        assert_eq!(snapshot.height_of(proposals[1 - decided].executed.hash()).unwrap(), None);
        assert_eq!(snapshot.recompute_state_root().unwrap(), header.state_root);
    }
}

#[test]
fn a_block_is_executed_before_it_is_committed() {
    let (proposer, other) = (TestChain::new(), TestChain::new());
    let proposal = proposer.propose(vec![recording(1, 0, 1, 1)]);
    let certificate = validator().decide_alone(CHAIN_ID, 1, proposal.executed.hash()).unwrap();
    let result = other.chain.commit(&certificate);
    assert!(matches!(result, Err(ChainError::NotUndecided { number: 1, .. })), "{result:?}");
    // A restart forgets what was undecided: it was only in memory.
    let proposer = proposer.reopen();
    assert!(matches!(proposer.chain.commit(&certificate), Err(ChainError::NotUndecided { .. })));
    assert_eq!(proposer.chain.head().unwrap().number, 0);
}

#[test]
fn the_oldest_undecided_block_makes_room() {
    let chain = TestChain::new();
    let many = MAX_UNDECIDED_BLOCKS as u64 + 1;
    let proposals: Vec<_> = (0..many).map(|value| chain.propose(vec![recording(1, 0, 1, value + 1)])).collect();
    // Proposed again, it takes no second place and pushes nobody out.
    chain.propose(vec![recording(1, 0, 1, many)]);
    let decide = |index: usize| validator().decide_alone(CHAIN_ID, 1, proposals[index].executed.hash()).unwrap();
    assert!(matches!(chain.chain.commit(&decide(0)), Err(ChainError::NotUndecided { .. })));
    assert!(chain.chain.commit(&decide(1)).is_ok());
}

#[test]
fn only_the_validators_of_a_height_decide_it_and_propose_for_it() {
    let chain = TestChain::of(&Genesis { validators: validators(&[3, 2, 1]), ..genesis() });
    let proposal = chain.propose(vec![recording(1, 0, 1, 1)]);
    let hash = proposal.executed.hash();
    type Expected = fn(&CertificateError) -> bool;
    let refused: [(&[u8], Expected); 5] = [
        (&[], |reason| matches!(reason, CertificateError::NoQuorum { signed: 0, total: 6 })),
        (&[0], |reason| matches!(reason, CertificateError::NoQuorum { signed: 3, total: 6 })),
        (&[0, 2], |reason| matches!(reason, CertificateError::NoQuorum { signed: 4, total: 6 })),
        (&[0, 0], |reason| matches!(reason, CertificateError::RepeatedValidator(_))),
        (&[0, 1, 3], |reason| matches!(reason, CertificateError::NotAValidator(_))),
    ];
    for (signers, expected) in refused {
        match chain.chain.commit(&certificate_by(signers, 1, 0, hash)) {
            Err(ChainError::InvalidCertificate { number: 1, reason }) => assert!(expected(&reason), "{reason}"),
            other => panic!("{signers:?}: {other:?}"),
        }
    }
    assert_eq!(chain.chain.head().unwrap().number, 0);
    let mut misplaced = certificate_by(&[0, 1], 2, 0, hash);
    assert!(matches!(chain.chain.commit(&misplaced), Err(ChainError::InvalidCertificate { .. })));
    misplaced.height = 1;
    assert!(matches!(chain.chain.commit(&misplaced), Err(ChainError::InvalidCertificate { .. })));

    let foreign = with_header(proposal.executed.block(), |header| header.beneficiary = address(1));
    let error = chain.chain.validate(foreign, chain.now_unix_s).unwrap_err().to_string();
    assert!(error.contains("no validator"), "{error}");
    // The least quorum decides, and the second validator could have proposed the block.
    let by_another = TestChain::of(&Genesis { validators: validators(&[3, 2, 1]), ..genesis() });
    let request = chain::ProposalRequest {
        timestamp_unix_s: chain.now_unix_s,
        proposer: validator_key(1).address(),
        candidates: vec![recording(1, 0, 1, 1)],
        metering: chain::Metering::UNLIMITED,
    };
    let block = by_another.chain.propose(request).unwrap().executed.block().clone();
    chain.chain.validate(block.clone(), chain.now_unix_s).unwrap();
    chain.chain.commit(&certificate_by(&[0, 1], 1, 2, block.header.hash())).unwrap();
    assert_eq!(chain.chain.head().unwrap(), block.header);
}

#[test]
fn the_validators_are_known_up_to_the_next_block() {
    let mut chain = TestChain::new();
    let at = |chain: &TestChain, height| chain.chain.validators_at(height);
    assert!(matches!(at(&chain, 0), Err(ChainError::UnknownBlock(_))));
    assert_eq!(*at(&chain, 1).unwrap(), genesis().validators);
    assert!(matches!(at(&chain, 2), Err(ChainError::UnknownBlock(_))));
    chain.produce(vec![recording(1, 0, 1, 1)]);
    assert_eq!(*at(&chain, 2).unwrap(), genesis().validators);
    assert!(matches!(at(&chain, 3), Err(ChainError::UnknownBlock(_))));
    assert_eq!(chain.chain.block_hash_at(2).unwrap(), None::<B256>);
}
