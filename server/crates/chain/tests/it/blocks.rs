use alloy_primitives::{B256, Bytes, TxKind, b256};
use chain::{
    Application as _, Block, Chain, ChainError, DEV_GENESIS_UNIX_S, Genesis, ProposalRequest, SealedHeader,
    ValidatorSet,
};

use crate::setup::*;

#[test]
fn genesis_is_the_same_everywhere() {
    let chain = TestChain::new();
    assert_eq!(chain.chain.genesis_hash(), TestChain::new().chain.genesis_hash());
    let head = chain.chain.head().unwrap();
    assert_eq!((head.number, head.timestamp, head.base_fee_per_gas), (0, DEV_GENESIS_UNIX_S, Some(0)));

    let directory = tempfile::tempdir().unwrap();
    let without_contracts = Genesis::development(ValidatorSet::single(validator().address()), Vec::new());
    let empty = Chain::open(&directory.path().join("chain.redb"), &without_contracts).unwrap();
    let empty_root = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
    let header = empty.head().unwrap();
    assert_eq!(
        (header.state_root, header.transactions_root, header.receipts_root),
        (empty_root, empty_root, empty_root)
    );
}

#[test]
fn a_data_directory_of_another_chain_is_refused() {
    let chain = TestChain::new();
    let path = chain.directory.path().join("chain.redb");
    drop(chain.chain);
    let others = [
        Genesis { chain_id: 1, ..genesis() },
        Genesis { validators: ValidatorSet::single(address(1)), ..genesis() },
        Genesis { validators: validators(&[2]), ..genesis() },
    ];
    for other in others {
        assert!(matches!(Chain::open(&path, &other), Err(ChainError::GenesisMismatch { .. })));
    }
    assert!(Chain::open(&path, &genesis()).is_ok());
}

#[test]
fn everything_survives_closing_the_database() {
    let mut chain = TestChain::new();
    let transaction = recording(1, 0, 5, 50);
    let header = chain.produce(vec![transaction.clone()]);
    let before = chain.snapshot().block_at(1).unwrap();
    let chain = chain.reopen();
    assert_eq!(chain.chain.head().unwrap(), header);
    let snapshot = chain.snapshot();
    assert_eq!(snapshot.block_at(1).unwrap(), before);
    assert_eq!(snapshot.transaction(transaction.hash()).unwrap().unwrap().transaction, transaction);
    assert_eq!(snapshot.height_of(header.hash()).unwrap(), Some(1));
    assert_eq!(snapshot.recompute_state_root().unwrap(), header.state_root);
}

#[test]
fn another_node_executes_the_block_to_the_same_header() {
    let (producer, follower) = (TestChain::new(), TestChain::new());
    let proposal = producer.propose(vec![recording(1, 0, 1, 1), recording(2, 0, 2, 2)]);
    let executed = follower.chain.validate(proposal.executed.block().clone(), producer.now_unix_s).unwrap();
    assert_eq!(executed.block(), proposal.executed.block());
    let header = producer.commit(&proposal);
    let certificate = producer.snapshot().certificate_at(1).unwrap().unwrap();
    certificate.verify(CHAIN_ID, 1, header.hash(), &genesis().validators).unwrap();
    assert_eq!(follower.chain.commit(&certificate).unwrap().block().header, header);
}

#[test]
fn a_block_that_claims_anything_else_is_refused() {
    let chain = TestChain::new();
    let block = chain.propose(vec![recording(1, 0, 1, 1)]).executed.block().clone();
    type Tamper = fn(&mut alloy_consensus::Header);
    let tampers: [(&str, Tamper); 9] = [
        ("stateRoot", |header| header.state_root = B256::ZERO),
        ("receiptsRoot", |header| header.receipts_root = B256::ZERO),
        ("transactionsRoot", |header| header.transactions_root = B256::ZERO),
        ("gasUsed", |header| header.gas_used += 1),
        ("proposed by", |header| header.beneficiary = address(1)),
        ("time", |header| header.timestamp = 1),
        ("another header field", |header| header.gas_limit += 1),
        ("extraData", |header| header.extra_data = vec![1].into()),
        ("another header field", |header| header.mix_hash = B256::repeat_byte(1)),
    ];
    for (named, tamper) in tampers {
        let mut header = block.header.header().clone();
        tamper(&mut header);
        let forged = Block { header: SealedHeader::new(header), transactions: block.transactions.clone() };
        let error = chain.chain.validate(forged, chain.now_unix_s).unwrap_err().to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
    let emptied = Block { header: block.header.clone(), transactions: Vec::new() };
    assert!(chain.chain.validate(emptied, chain.now_unix_s).is_err());
    assert!(chain.chain.validate(block, chain.now_unix_s).is_ok());
}

#[test]
fn a_committed_block_is_never_replaced() {
    let chain = TestChain::new();
    let (ours, theirs) = (chain.propose(vec![recording(1, 0, 1, 1)]), chain.propose(vec![recording(1, 0, 1, 2)]));
    let decide = |hash| validator().decide_alone(CHAIN_ID, 1, hash).unwrap();
    let header = chain.commit(&ours);
    for proposal in [&theirs, &ours] {
        let result = chain.chain.commit(&decide(proposal.executed.hash()));
        assert!(matches!(result, Err(ChainError::NotUndecided { number: 1, .. })), "{result:?}");
        let result = chain.chain.validate(proposal.executed.block().clone(), chain.now_unix_s);
        assert!(matches!(result, Err(ChainError::NotOnHead { .. })), "{result:?}");
    }
    assert_eq!(chain.chain.head().unwrap(), header);
}

#[test]
fn time_never_goes_back() {
    let mut chain = TestChain::new();
    let first = chain.produce(vec![recording(1, 0, 1, 1)]);
    chain.now_unix_s = 5;
    let second = chain.produce(vec![recording(1, 1, 1, 2)]);
    assert_eq!(second.timestamp, first.timestamp);
}

#[test]
fn what_does_not_fit_stays_out_without_being_refused() {
    let directory = tempfile::tempdir().unwrap();
    let genesis = Genesis { block_gas_limit: 450_000, ..genesis() };
    let chain = Chain::open(&directory.path().join("chain.redb"), &genesis).unwrap();
    // Each reserves 200 000 gas and uses less than 45 000; the last, of another sender, reserves little.
    let small = alloy_consensus::TxEip1559 { gas_limit: 21_000, ..eip1559(0, TxKind::Call(address(9)), Bytes::new()) };
    let mut candidates: Vec<_> = (0..10).map(|nonce| recording(1, nonce, nonce + 1, 1)).collect();
    candidates.push(decode(&sign(2, small)));
    let request = ProposalRequest {
        timestamp_unix_s: 0,
        proposer: validator().address(),
        candidates,
        metering: chain::Metering::UNLIMITED,
    };
    let built = chain.propose(request).unwrap();
    assert_eq!(built.refused, vec![]);
    let included = &built.executed.block().transactions;
    let nonces: Vec<u64> = included.iter().filter(|tx| tx.sender() == address(1)).map(|tx| tx.nonce()).collect();
    assert_eq!(nonces, (0..nonces.len() as u64).collect::<Vec<_>>());
    assert!((2..10).contains(&nonces.len()), "{} transactions", nonces.len());
    assert_eq!(included.last().unwrap().sender(), address(2));
    assert!(built.executed.block().header.gas_used <= 450_000);
}

#[test]
fn waiting_transactions_survive_until_their_block() {
    let mut chain = TestChain::new();
    let entry = |transaction, arrival_unix_ms| chain::PendingTransaction { transaction, arrival_unix_ms };
    let (a, b, c) = (recording(1, 0, 1, 1), recording(1, 1, 1, 1), recording(2, 0, 1, 1));
    chain.chain.update_pending(&[entry(a.clone(), 5), entry(b.clone(), 5), entry(c.clone(), 4)], &[]).unwrap();
    chain = chain.reopen();
    assert_eq!(
        chain.chain.pending_transactions().unwrap(),
        vec![entry(c.clone(), 4), entry(a.clone(), 5), entry(b.clone(), 5)]
    );
    chain.produce(vec![a]);
    chain.chain.update_pending(&[], &[c.hash()]).unwrap();
    assert_eq!(chain.chain.pending_transactions().unwrap(), vec![entry(b, 5)]);
}
