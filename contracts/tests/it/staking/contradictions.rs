//! What proves a contradiction, what it costs, and what it must not cost.

use alloy_primitives::{Bytes, U256};
use contracts::Staking::{SignedCommit, ValidatorState};
use contracts::{STAKING_ADDRESS, Staking};

use super::fixture::{
    HEIGHT, UNBONDING_SECONDS, chain, commit, commit_digest, contradiction, deciding, delegate, delegators, held, info,
    refusal, stake, undelegate, validators,
};
use crate::evm::{DEV_CHAIN_ID, Evm, StakingError, events};
use crate::receipts::{ADMIN, AIT, RELAYER, Signer, TREASURY};

fn staked_chain() -> Evm {
    let mut evm = chain();
    let ([first, second], [own, other, _]) = (validators(), delegators());
    evm.send_staking(own.address(), &delegate(&first, 20 * AIT)).unwrap();
    evm.send_staking(other.address(), &delegate(&first, 40 * AIT)).unwrap();
    evm.send_staking(other.address(), &delegate(&second, 10 * AIT)).unwrap();
    evm.send_staking(other.address(), &undelegate(&first, 20 * AIT)).unwrap();
    evm
}

#[test]
fn the_contracts_digest_is_the_one_of_certificates() {
    let evm = chain();
    for (height, round, block) in [(0, 0, 0), (1, 2, 3), (u64::MAX, u32::MAX, 255)] {
        let call = Staking::commitDigestCall { height, round, blockHash: alloy_primitives::B256::repeat_byte(block) };
        assert_eq!(evm.read_staking(&call), commit_digest(DEV_CHAIN_ID, height, round, block));
    }
}

#[test]
fn a_contradiction_costs_a_twentieth_of_everything_that_is_liable() {
    let mut evm = staked_chain();
    let ([first, second], [own, other, _]) = (validators(), delegators());
    let slashed = evm.send_staking(RELAYER, &contradiction(&first, 7)).unwrap();
    assert_eq!(slashed.value, U256::from(3 * AIT), "of 40 bonded and 20 unbonding");
    let event = Staking::Slashed { validator: first.address(), height: 7, round: 0, amount: U256::from(3 * AIT) };
    assert_eq!(events::<Staking::Slashed>(&slashed.logs, STAKING_ADDRESS), [event]);
    assert_eq!((evm.balance(TREASURY), held(&evm)), (U256::from(3 * AIT), 67 * AIT));
    assert_eq!((stake(&evm, &first, &own), stake(&evm, &first, &other)), (19 * AIT, 19 * AIT));
    assert_eq!(stake(&evm, &second, &other), 10 * AIT, "others lose nothing");

    let known = info(&evm, &first);
    assert_eq!((known.state, known.power, known.liableFromHeight), (ValidatorState::Jailed, 0, HEIGHT + 1));
    assert_eq!(known.unbondingStake, U256::from(19 * AIT));
    assert_eq!(deciding(&evm), [(second.address(), 20)]);
    evm.now_unix += UNBONDING_SECONDS;
    let paid = evm.send_staking(other.address(), &Staking::withdrawCall {}).unwrap().value;
    assert_eq!(paid, U256::from(19 * AIT));
}

#[test]
fn one_offence_is_punished_once_also_after_release_and_return() {
    let mut evm = staked_chain();
    let [first, _] = validators();
    evm.send_staking(RELAYER, &contradiction(&first, 7)).unwrap();
    let settled = |height| {
        let (validator, from) = (first.address(), HEIGHT + 1);
        StakingError::AlreadySettled(Staking::AlreadySettled { validator, height, liableFromHeight: from })
    };
    let before = held(&evm);
    let mut swapped = contradiction(&first, 7);
    std::mem::swap(&mut swapped.first, &mut swapped.second);
    for call in [contradiction(&first, 7), swapped, contradiction(&first, HEIGHT)] {
        assert_eq!(refusal(&mut evm, RELAYER, &call), wrong_state(&first, ValidatorState::Jailed));
    }
    evm.send_staking(ADMIN, &Staking::releaseCall { validator: first.address() }).unwrap();
    assert_eq!(deciding(&evm).len(), 2);
    assert_eq!(refusal(&mut evm, RELAYER, &contradiction(&first, 7)), settled(7));
    evm.send_staking(ADMIN, &Staking::removeCall { validator: first.address() }).unwrap();
    evm.send_staking(ADMIN, &Staking::admitCall { validator: first.address(), basePower: 1 }).unwrap();
    assert_eq!(refusal(&mut evm, RELAYER, &contradiction(&first, HEIGHT)), settled(HEIGHT));
    assert_eq!(held(&evm), before);

    // What it does afterwards is another offence.
    evm.height = HEIGHT + 1;
    evm.send_staking(RELAYER, &contradiction(&first, HEIGHT + 1)).unwrap();
    assert!(held(&evm) < before);
}

fn wrong_state(validator: &Signer, state: ValidatorState) -> StakingError {
    StakingError::WrongState(Staking::WrongState { validator: validator.address(), state })
}

/// The attack: a key that decides nothing any more signs two commits for each new height, until nothing is left of what
/// others staked with it.
#[test]
fn who_decides_nothing_costs_its_delegators_nothing() {
    let mut evm = staked_chain();
    let [first, _] = validators();
    evm.send_staking(RELAYER, &contradiction(&first, 7)).unwrap();
    let after_one = held(&evm);
    for _ in 0..3 {
        evm.height += 1;
        let call = contradiction(&first, evm.height);
        assert_eq!(refusal(&mut evm, RELAYER, &call), wrong_state(&first, ValidatorState::Jailed));
    }
    evm.send_staking(ADMIN, &Staking::releaseCall { validator: first.address() }).unwrap();
    let jailed = contradiction(&first, evm.height);
    assert!(matches!(refusal(&mut evm, RELAYER, &jailed), StakingError::AlreadySettled(_)), "it was jailed then");
    evm.send_staking(first.address(), &Staking::resignCall {}).unwrap();
    evm.height += 1;
    let left = contradiction(&first, evm.height);
    assert_eq!(refusal(&mut evm, RELAYER, &left), wrong_state(&first, ValidatorState::Left));
    assert_eq!(held(&evm), after_one);
}

#[test]
fn one_that_left_stays_liable_until_its_stake_is_gone() {
    let mut evm = staked_chain();
    let ([first, _], [own, ..]) = (validators(), delegators());
    evm.send_staking(first.address(), &Staking::resignCall {}).unwrap();
    evm.send_staking(own.address(), &undelegate(&first, 20 * AIT)).unwrap();
    evm.send_staking(RELAYER, &contradiction(&first, 7)).unwrap();
    assert_eq!(info(&evm, &first).state, ValidatorState::Left);
    evm.now_unix += UNBONDING_SECONDS;
    let paid = evm.send_staking(own.address(), &Staking::withdrawCall {}).unwrap().value;
    assert_eq!(paid, U256::from(19 * AIT));
}

#[test]
fn what_proves_nothing_costs_nothing() {
    let [first, second] = validators();
    let (own, other) = (first.address(), second.address());
    let good = contradiction(&first, 7);
    let with = |first: SignedCommit, second: SignedCommit| Staking::slashCall { first, second, ..good.clone() };
    let forged = |call: Staking::slashCall| {
        let mut evm = staked_chain();
        let before = held(&evm);
        let refused = refusal(&mut evm, RELAYER, &call);
        assert_eq!((held(&evm), deciding(&evm).len()), (before, 2));
        refused
    };
    let same = forged(with(commit(&first, 7, 0, 1), commit(&first, 7, 0, 1)));
    assert!(matches!(same, StakingError::SameBlock(_)));
    let is_unsigned = |error: StakingError| matches!(error, StakingError::NotSignedBy(error) if error.validator == own);
    // Another round, another height, another signer, another block than the one that was signed, and no signature.
    assert!(is_unsigned(forged(with(commit(&first, 7, 0, 1), commit(&first, 7, 1, 2)))));
    assert!(is_unsigned(forged(with(commit(&first, 7, 0, 1), commit(&first, 8, 0, 2)))));
    assert!(is_unsigned(forged(with(commit(&first, 7, 0, 1), commit(&second, 7, 0, 2)))));
    let other_block = SignedCommit { blockHash: good.second.blockHash, signature: good.first.signature.clone() };
    assert!(is_unsigned(forged(with(good.first.clone(), other_block))));
    let unsigned = SignedCommit { blockHash: good.second.blockHash, signature: Bytes::new() };
    assert!(is_unsigned(forged(with(good.first.clone(), unsigned))));
    // Two commits of one validator accuse nobody else.
    let accused = forged(Staking::slashCall { validator: other, ..good.clone() });
    assert!(matches!(accused, StakingError::NotSignedBy(error) if (error.first, error.second) == (own, own)));
    // A commit of another chain.
    let elsewhere = SignedCommit {
        blockHash: good.second.blockHash,
        signature: first.sign(commit_digest(DEV_CHAIN_ID + 1, 7, 0, 2)),
    };
    assert!(is_unsigned(forged(with(good.first.clone(), elsewhere))));
    let early = forged(contradiction(&first, HEIGHT + 1));
    let expected = Staking::HeightNotReached { height: HEIGHT + 1, present: U256::from(HEIGHT) };
    assert_eq!(early, StakingError::HeightNotReached(expected));
    let stranger = forged(contradiction(&Signer::new(999), 7));
    assert!(matches!(stranger, StakingError::WrongState(error) if error.state == ValidatorState::Absent));
}

#[test]
fn nobody_malleates_one_signature_into_two() {
    let [first, _] = validators();
    let mut call = contradiction(&first, 7);
    // The same commit with the other s value, which some recoveries accept.
    let order =
        U256::from_be_bytes(alloy_primitives::hex!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"));
    let signature = call.first.signature.to_vec();
    let high = order - U256::from_be_slice(&signature[32..64]);
    let turned = [&signature[..32], &high.to_be_bytes::<32>(), &[27 + 28 - signature[64]]].concat();
    call.second = SignedCommit { blockHash: call.second.blockHash, signature: turned.into() };
    assert!(matches!(refusal(&mut staked_chain(), RELAYER, &call), StakingError::NotSignedBy(_)));
}
