//! Validators that change by the contract, and readers who follow.

use alloy_primitives::{Address, B256, TxKind};
use alloy_sol_types::SolCall;
use chain::{
    Application as _, CertificateError, Chain, ChainError, Contradiction, DecidedBlock, Genesis, GenesisContract,
    MAX_CONTRADICTIONS, ReceiptProof, SignedCommit, SignedTransaction, ValidatorSet, validators_hash,
};
use contracts::Staking;
use contracts::{StakingParameters, staking_deployment};
use proptest::prelude::*;
use shared::chain::{BOUNTY_ADDRESS, STAKING_ADDRESS};

use crate::setup::*;

/// The sender that admits and removes validators.
const AUTHORITY: u8 = 1;

fn genesis_of(powers: &[u64]) -> Genesis {
    let set = validators(powers);
    let parameters = StakingParameters {
        admin: address(AUTHORITY),
        validators: set
            .iter()
            .map(|member| Staking::ValidatorPower { validator: member.address, power: member.voting_power })
            .collect(),
        unbonding_seconds: 60,
        penalty_recipient: address(9),
    };
    let deployment = staking_deployment(&parameters);
    let contract = GenesisContract { address: deployment.address, init_code: deployment.creation_code };
    let contracts = genesis().contracts.into_iter().chain([contract]).collect();
    Genesis { validators: set, contracts, ..genesis() }
}

fn call(seed: u8, nonce: u64, call: &impl SolCall) -> SignedTransaction {
    decode(&sign(seed, eip1559(nonce, TxKind::Call(STAKING_ADDRESS), call.abi_encode().into())))
}

fn set_power(nonce: u64, index: u8, power: u64) -> SignedTransaction {
    let validator = validator_key(index).address();
    call(AUTHORITY, nonce, &Staking::setBasePowerCall { validator, basePower: power })
}

fn admit(nonce: u64, index: u8) -> SignedTransaction {
    call(AUTHORITY, nonce, &Staking::admitCall { validator: validator_key(index).address(), basePower: 1 })
}

fn remove(nonce: u64, index: u8) -> SignedTransaction {
    call(AUTHORITY, nonce, &Staking::removeCall { validator: validator_key(index).address() })
}

/// Makes a block that all of `signers` sign.
fn produce(chain: &mut TestChain, signers: &[u8], transactions: Vec<SignedTransaction>) -> DecidedBlock {
    chain.now_unix_s += 1;
    let count = transactions.len();
    let request = chain::ProposalRequest {
        timestamp_unix_s: chain.now_unix_s,
        proposer: validator_key(signers[0]).address(),
        candidates: transactions,
        metering: chain::Metering::UNLIMITED,
    };
    let executed = chain.chain.propose(request).unwrap().executed;
    assert_eq!(executed.block().transactions.len(), count);
    assert!(executed.receipts().iter().all(|receipt| receipt.success), "a call of the authority failed");
    let (height, hash) = (executed.block().header.number, executed.hash());
    chain.chain.commit(&certificate_by(signers, height, 0, hash)).unwrap();
    chain.decided_at(height)
}

fn members(set: &ValidatorSet) -> Vec<(Address, u64)> {
    set.iter().map(|member| (member.address, member.voting_power)).collect()
}

fn set_of(members: &[(u8, u64)]) -> ValidatorSet {
    let member =
        |&(index, voting_power): &(u8, u64)| chain::Validator { address: validator_key(index).address(), voting_power };
    ValidatorSet::new(members.iter().map(member)).unwrap()
}

/// The height that a proof reaches, once everything about it holds.
fn verify(chain: &TestChain, transaction: &SignedTransaction) -> (u64, ReceiptProof) {
    let proof = chain.snapshot().prove_receipt(transaction.hash()).unwrap().unwrap();
    let proved = proof.chain().unwrap();
    assert_eq!(proved.genesis_hash, chain.chain.genesis_hash());
    let block = proof.block(&proved).unwrap();
    proof.receipt(&block.header).unwrap();
    (block.header.number, proof)
}

#[test]
fn chain_and_contracts_mean_the_same_place() {
    assert_eq!(STAKING_ADDRESS, contracts::STAKING_ADDRESS);
    assert_eq!(BOUNTY_ADDRESS, contracts::MODEL_BOUNTY_ADDRESS);
}

#[test]
fn a_fifth_validator_comes_one_leaves_and_everybody_can_follow() {
    let genesis = genesis_of(&[1, 1, 1, 1]);
    let mut chain = TestChain::of(&genesis);
    let admitted = admit(0, 4);
    let first = produce(&mut chain, &[0, 1, 2], vec![admitted.clone()]);
    let five = set_of(&[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]);
    assert_eq!(*chain.chain.validators_at(1).unwrap(), genesis.validators);
    assert_eq!(*chain.chain.validators_at(2).unwrap(), five);
    assert_eq!(first.block.header.extra_data.as_ref(), validators_hash(CHAIN_ID, &five).as_slice());

    // Three of four were enough, three of five are not, and the fifth counts.
    let proposal = chain.propose(vec![remove(1, 0)]);
    let hash = proposal.executed.hash();
    let refused = chain.chain.commit(&certificate_by(&[0, 1, 2], 2, 0, hash));
    let no_quorum = CertificateError::NoQuorum { signed: 3, total: 5 };
    assert!(matches!(refused, Err(ChainError::InvalidCertificate { number: 2, reason }) if reason == no_quorum));
    let second = produce(&mut chain, &[0, 1, 2, 4], vec![remove(1, 0)]);
    let later = set_of(&[(1, 1), (2, 1), (3, 1), (4, 1)]);
    assert_eq!(members(&chain.chain.validators_at(3).unwrap()), members(&later));
    // Who left signs nothing more.
    let last = recording(2, 0, 1, 1);
    let proposal = chain.propose(vec![last.clone()]);
    let refused = chain.chain.commit(&certificate_by(&[0, 1, 2, 3], 3, 0, proposal.executed.hash()));
    assert!(matches!(
        refused,
        Err(ChainError::InvalidCertificate { number: 3, reason: CertificateError::NotAValidator(_) })
    ));
    let third = produce(&mut chain, &[1, 2, 4], vec![last.clone()]);

    // A follower that knows genesis ends with the same head and the same validators, also after a restart.
    let follower = TestChain::of(&genesis);
    for decided in [first, second, third] {
        chain::import(&follower.chain, decided).unwrap();
    }
    let TestChain { chain: database, directory, .. } = follower;
    drop(database);
    let opened = Chain::open(&directory.path().join("chain.redb"), &genesis).unwrap();
    assert_eq!(opened.head().unwrap(), chain.chain.head().unwrap());
    assert_eq!(*opened.validators_at(4).unwrap(), later);

    // A reader who knows the hash of block 0 follows to each block.
    assert_eq!(verify(&chain, &admitted).0, 1);
    let (height, proof) = verify(&chain, &last);
    assert_eq!((height, proof.steps.len()), (3, 2), "two of the first four signed block 3, so block 2 stands between");
}

#[test]
fn an_old_set_of_which_nobody_is_left_is_followed_over_the_blocks_that_changed_it() {
    let mut chain = TestChain::of(&genesis_of(&[1]));
    for value in 0..20 {
        produce(&mut chain, &[0], vec![recording(2, value, 1, value + 1)]);
    }
    produce(&mut chain, &[0], vec![admit(0, 1), remove(1, 0)]);
    for value in 20..40 {
        produce(&mut chain, &[1], vec![recording(2, value, 1, value + 1)]);
    }
    produce(&mut chain, &[1], vec![admit(2, 2), remove(3, 1)]);
    let last = recording(2, 40, 1, 41);
    produce(&mut chain, &[2], vec![last.clone()]);
    let (height, proof) = verify(&chain, &last);
    let heights: Vec<u64> = proof.steps.iter().map(|step| step.certificate.height).collect();
    assert_eq!((height, heights), (43, vec![21, 22, 42, 43]));
}

#[test]
fn what_does_not_touch_the_contract_or_changes_nothing_leaves_the_set_as_it_is() {
    let mut chain = TestChain::of(&genesis_of(&[2, 1]));
    let genesis_set = genesis_of(&[2, 1]).validators;
    let plain = produce(&mut chain, &[0, 1], vec![recording(2, 0, 1, 1)]);
    assert_eq!(plain.block.header.extra_data.as_ref(), validators_hash(CHAIN_ID, &genesis_set).as_slice());
    // One without power stands in the contract, and decides nothing.
    let powerless = Staking::admitCall { validator: validator_key(5).address(), basePower: 0 };
    produce(&mut chain, &[0, 1], vec![call(AUTHORITY, 0, &powerless)]);
    assert_eq!(*chain.chain.validators_at(3).unwrap(), genesis_set);
}

fn contradiction(index: u8, height: u64) -> Staking::slashCall {
    let signed = |byte: u8| {
        let block_hash = B256::repeat_byte(byte);
        let commit = validator_key(index).sign_commit(CHAIN_ID, height, 0, block_hash).unwrap();
        Staking::SignedCommit { blockHash: block_hash, signature: commit.signature }
    };
    let validator = validator_key(index).address();
    Staking::slashCall { validator, height, round: 0, first: signed(1), second: signed(2) }
}

#[test]
fn contradictions_of_validators_hold_in_the_contract_and_the_last_set_that_decides_stays() {
    let mut chain = TestChain::of(&genesis_of(&[1, 1, 1, 1]));
    produce(&mut chain, &[0, 1, 2], vec![call(3, 0, &contradiction(3, 1))]);
    let three = set_of(&[(0, 1), (1, 1), (2, 1)]);
    assert_eq!(*chain.chain.validators_at(2).unwrap(), three);
    produce(&mut chain, &[0, 1, 2], vec![call(3, 1, &contradiction(0, 1)), call(3, 2, &contradiction(1, 2))]);
    let one = set_of(&[(2, 1)]);
    assert_eq!(*chain.chain.validators_at(3).unwrap(), one);
    // Nobody would be left, so the change is not taken, and the chain goes on.
    let jailed = produce(&mut chain, &[2], vec![call(3, 3, &contradiction(2, 3))]);
    assert_eq!(jailed.block.header.extra_data.as_ref(), validators_hash(CHAIN_ID, &one).as_slice());
    produce(&mut chain, &[2], vec![admit(0, 6)]);
    assert_eq!(*chain.chain.validators_at(5).unwrap(), set_of(&[(6, 1)]));
}

/// What a node keeps of it.
fn shown(index: u8, height: u64) -> Contradiction {
    let slash = contradiction(index, height);
    let commit =
        |signed: Staking::SignedCommit| SignedCommit { block_hash: signed.blockHash, signature: signed.signature };
    let (first, second) = (commit(slash.first), commit(slash.second));
    Contradiction { validator: slash.validator, height, round: slash.round, first, second }
}

/// The validators and heights of what is kept.
fn kept(chain: &TestChain) -> Vec<(Address, u64)> {
    let mut kept: Vec<_> =
        chain.snapshot().contradictions().unwrap().iter().map(|found| (found.validator, found.height)).collect();
    kept.sort_unstable();
    kept
}

fn sorted(members: &[(u8, u64)]) -> Vec<(Address, u64)> {
    let mut sorted: Vec<_> = members.iter().map(|(index, height)| (validator_key(*index).address(), *height)).collect();
    sorted.sort_unstable();
    sorted
}

#[test]
fn one_liar_takes_no_place_from_another() {
    let chain = TestChain::of(&genesis_of(&[1, 1, 1, 1]));
    for height in 1..=2 * MAX_CONTRADICTIONS {
        assert_eq!(chain.chain.keep_contradiction(&shown(3, height)).unwrap().is_new, height == 1, "height {height}");
    }
    assert!(chain.chain.keep_contradiction(&shown(2, 7)).unwrap().is_new);
    assert_eq!(kept(&chain), sorted(&[(3, 1), (2, 7)]));
}

#[test]
fn where_many_contradicted_themselves_the_oldest_proof_makes_room() {
    // Without a contract nothing is settled, and anybody may have been a validator.
    let chain = TestChain::new();
    let of = |number: u64| {
        let validator = Address::left_padding_from(&(1_000 + number).to_be_bytes());
        Contradiction { validator, ..shown(0, 500 - number) }
    };
    for number in 0..=MAX_CONTRADICTIONS {
        assert!(chain.chain.keep_contradiction(&of(number)).unwrap().is_new);
    }
    let kept = kept(&chain);
    assert_eq!(kept.len() as u64, MAX_CONTRADICTIONS);
    let has = |number: u64| kept.contains(&(of(number).validator, of(number).height));
    // The last one has the lowest height of all; it came when the place of the lowest before it was free.
    assert!(!has(MAX_CONTRADICTIONS - 1) && has(MAX_CONTRADICTIONS) && has(0));
}

#[test]
fn what_the_chain_has_settled_is_dropped_and_not_kept_again() {
    let mut chain = TestChain::of(&genesis_of(&[1, 1, 1, 1]));
    assert!(chain.chain.keep_contradiction(&shown(3, 1)).unwrap().is_new);
    assert!(chain.chain.keep_contradiction(&shown(2, 1)).unwrap().is_new);
    produce(&mut chain, &[0, 1, 2], vec![recording(2, 0, 1, 1)]);
    assert_eq!(kept(&chain), sorted(&[(3, 1), (2, 1)]), "a block that settles nothing drops nothing");

    produce(&mut chain, &[0, 1, 2], vec![call(3, 0, &contradiction(3, 1))]);
    assert_eq!(kept(&chain), sorted(&[(2, 1)]), "the other's is still to be reported");
    for height in [1, 2, 3] {
        assert!(!chain.chain.keep_contradiction(&shown(3, height)).unwrap().is_new, "it is jailed, height {height}");
    }
    let release = Staking::releaseCall { validator: validator_key(3).address() };
    produce(&mut chain, &[0, 1, 2], vec![call(AUTHORITY, 0, &release)]);
    assert!(!chain.chain.keep_contradiction(&shown(3, 3)).unwrap().is_new, "block 3 settled it");
    assert!(chain.chain.keep_contradiction(&shown(3, 4)).unwrap().is_new);
    assert_eq!(kept(&chain), sorted(&[(2, 1), (3, 4)]));
    // What is kept is what the contract takes.
    produce(&mut chain, &[0, 1, 2, 3], vec![call(3, 1, &contradiction(3, 4)), call(3, 2, &contradiction(2, 1))]);
    assert_eq!(kept(&chain), sorted(&[]));
}

#[test]
fn who_left_can_be_punished_until_it_is_admitted_again() {
    let mut chain = TestChain::of(&genesis_of(&[1, 1, 1, 1]));
    produce(&mut chain, &[0, 1, 2], vec![remove(0, 3)]);
    assert!(chain.chain.keep_contradiction(&shown(3, 1)).unwrap().is_new);
    produce(&mut chain, &[0, 1, 2], vec![admit(1, 3)]);
    assert_eq!(kept(&chain), sorted(&[]));
    assert!(!chain.chain.keep_contradiction(&shown(3, 1)).unwrap().is_new);
}

#[test]
fn genesis_and_its_contract_have_to_name_the_same_validators() {
    let genesis = genesis_of(&[1, 1]);
    let other = Genesis { validators: validators(&[1, 2]), ..genesis.clone() };
    let directory = tempfile::tempdir().unwrap();
    let error = Chain::open(&directory.path().join("chain.redb"), &other).unwrap_err();
    assert!(matches!(&error, ChainError::GenesisConstructor { address: STAKING_ADDRESS, .. }), "{error}");
    assert_ne!(other.block_hash().unwrap(), genesis.block_hash().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Powers that go up and down at random: each receipt is proved, and each header names those who decide the next block.
    #[test]
    fn every_receipt_is_proved_whatever_became_of_the_validators(
        changes in prop::collection::vec((0u8..5, 0u64..9), 1..16),
    ) {
        let powers = [3, 1, 4, 1, 5];
        let mut chain = TestChain::of(&genesis_of(&powers));
        let mut expected: Vec<(u8, u64)> = (0u8..).zip(powers).collect();
        let mut sent = Vec::new();
        for (nonce, (index, power)) in (0u64..).zip(changes) {
            let deciding: Vec<u8> = expected.iter().filter(|(_, power)| *power > 0).map(|(index, _)| *index).collect();
            // The contract refuses to leave nobody.
            let rest: u64 = expected.iter().filter(|(other, _)| *other != index).map(|(_, power)| power).sum();
            let power = if rest == 0 { power.max(1) } else { power };
            let transaction = set_power(nonce, index, power);
            let decided = produce(&mut chain, &deciding, vec![transaction.clone()]);
            sent.push(transaction);
            expected[usize::from(index)].1 = power;
            let with_power: Vec<(u8, u64)> = expected.iter().copied().filter(|(_, power)| *power > 0).collect();
            let next = set_of(&with_power);
            prop_assert_eq!(&*chain.chain.validators_at(decided.block.header.number + 1).unwrap(), &next);
            let committed = validators_hash(CHAIN_ID, &next);
            prop_assert_eq!(decided.block.header.extra_data.as_ref(), committed.as_slice());
        }
        for (height, transaction) in (1u64..).zip(&sent) {
            prop_assert_eq!(verify(&chain, transaction).0, height);
        }
    }
}
