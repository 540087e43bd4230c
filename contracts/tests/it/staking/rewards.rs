//! What stake earns: who gets how much of the fees, from when on and until when.

use alloy_primitives::U256;
use contracts::{STAKING_ADDRESS, Staking};

use super::fixture::{
    FUNDS, UNBONDING_SECONDS, chain_with_payer, claim, contradiction, delegate, delegators, held, pay_fee, refusal,
    reward, rewards, undelegate, validators,
};
use crate::evm::{Evm, StakingError, events};
use crate::receipts::{ADMIN, AIT, RELAYER};

const COLLECT: Staking::collectRewardsCall = Staking::collectRewardsCall {};

/// 30 AIT of one with the first validator, 10 of another with the second, and 4 AIT of fees that begin to flow.
fn flowing() -> Evm {
    let mut evm = chain_with_payer();
    let ([first, second], [_, one, other]) = (validators(), delegators());
    evm.send_staking(one.address(), &delegate(&first, 30 * AIT)).unwrap();
    evm.send_staking(other.address(), &delegate(&second, 10 * AIT)).unwrap();
    pay_fee(&mut evm, 4 * AIT);
    evm.send_staking(RELAYER, &COLLECT).unwrap();
    evm
}

/// What flows in the second part of the time that is named is exact but for rounding.
fn is_about(actual: u128, expected: u128) -> bool {
    actual <= expected && expected - actual < 1_000
}

#[test]
fn fees_flow_evenly_to_stake_by_its_amount_and_are_claimed_once() {
    let mut evm = flowing();
    let ([first, second], [_, one, other]) = (validators(), delegators());
    let began = evm.now_unix;
    let known = rewards(&evm);
    assert_eq!((known.flowing, known.endsUnix), (U256::from(4 * AIT), began + UNBONDING_SECONDS));
    assert_eq!((known.uncollected, known.earningStake), (U256::ZERO, U256::from(40 * AIT)));
    assert_eq!(reward(&evm, &first, &one), 0, "nothing is earned in the block that collects");

    evm.now_unix = began + UNBONDING_SECONDS / 4;
    let earned = (reward(&evm, &first, &one), reward(&evm, &second, &other));
    assert!(is_about(earned.0, 3 * AIT / 4) && is_about(earned.1, AIT / 4), "{earned:?}");
    let claimed = evm.send_staking(one.address(), &claim(&first)).unwrap();
    assert_eq!(claimed.value, U256::from(earned.0));
    let (validator, delegator) = (first.address(), one.address());
    let event = Staking::RewardsClaimed { validator, delegator, amount: claimed.value };
    assert_eq!(events::<Staking::RewardsClaimed>(&claimed.logs, STAKING_ADDRESS), [event]);
    assert_eq!(evm.balance(one.address()), U256::from(FUNDS - 30 * AIT) + claimed.value);
    let nothing = StakingError::NothingEarned(Staking::NothingEarned { validator, delegator });
    assert_eq!(refusal(&mut evm, one.address(), &claim(&first)), nothing, "it is paid once");

    evm.now_unix = began + 9 * UNBONDING_SECONDS;
    evm.send_staking(one.address(), &claim(&first)).unwrap();
    evm.send_staking(other.address(), &claim(&second)).unwrap();
    assert!(is_about(evm.balance(one.address()).to(), FUNDS - 27 * AIT));
    assert!(is_about(evm.balance(other.address()).to(), FUNDS - 9 * AIT));
    assert!(held(&evm) - 40 * AIT < 1_000, "all of it was earned");
}

/// The attack: stake for as long as a block, and take what came in weeks.
#[test]
fn who_stakes_when_fees_are_collected_and_leaves_earns_nothing() {
    let mut evm = chain_with_payer();
    let ([first, _], [_, honest, greedy]) = (validators(), delegators());
    evm.send_staking(honest.address(), &delegate(&first, AIT)).unwrap();
    pay_fee(&mut evm, 4 * AIT);
    evm.send_staking(greedy.address(), &delegate(&first, 99 * AIT)).unwrap();
    evm.send_staking(greedy.address(), &COLLECT).unwrap();
    evm.send_staking(greedy.address(), &undelegate(&first, 99 * AIT)).unwrap();
    assert_eq!(reward(&evm, &first, &greedy), 0);
    evm.now_unix += UNBONDING_SECONDS;
    assert_eq!(reward(&evm, &first, &greedy), 0, "what is unbonding earns nothing");
    assert!(is_about(reward(&evm, &first, &honest), 4 * AIT));
}

#[test]
fn what_was_undelegated_or_whose_validator_is_jailed_or_gone_earns_nothing_from_then_on() {
    let ([first, second], [_, one, other]) = (validators(), delegators());
    let end = |evm: &mut Evm| evm.now_unix += UNBONDING_SECONDS;
    let undelegates = |evm: &mut Evm| drop(evm.send_staking(one.address(), &undelegate(&first, 30 * AIT)).unwrap());
    let is_jailed = |evm: &mut Evm| drop(evm.send_staking(RELAYER, &contradiction(&first, 7)).unwrap());
    let resigns = |evm: &mut Evm| drop(evm.send_staking(first.address(), &Staking::resignCall {}).unwrap());
    let undelegated = (&undelegates as &dyn Fn(&mut Evm), "undelegated");
    for (leaves, name) in [undelegated, (&is_jailed, "jailed"), (&resigns, "left")] {
        let mut evm = flowing();
        evm.now_unix += UNBONDING_SECONDS / 2;
        leaves(&mut evm);
        end(&mut evm);
        assert!(is_about(reward(&evm, &first, &one), 3 * AIT / 2), "{name}: half of the time");
        assert!(is_about(reward(&evm, &second, &other), AIT / 2 + 2 * AIT), "{name}: the rest goes to those who stay");
        let paid = evm.send_staking(one.address(), &claim(&first)).unwrap().value;
        assert!(is_about(paid.to(), 3 * AIT / 2), "{name}: what was earned before stays");
    }
}

#[test]
fn a_released_validators_stake_earns_again_and_not_for_its_time_in_jail() {
    let mut evm = flowing();
    let ([first, _], [_, one, _]) = (validators(), delegators());
    evm.send_staking(RELAYER, &contradiction(&first, 7)).unwrap();
    evm.now_unix += UNBONDING_SECONDS / 2;
    assert_eq!(reward(&evm, &first, &one), 0);
    evm.send_staking(ADMIN, &Staking::releaseCall { validator: first.address() }).unwrap();
    evm.now_unix += UNBONDING_SECONDS / 2;
    // 28.5 of 38.5 AIT are left with it.
    let expected = 2 * AIT * 285 / 385;
    assert!(is_about(reward(&evm, &first, &one), expected), "{}", reward(&evm, &first, &one));
}

#[test]
fn nothing_is_collected_while_something_flows_or_where_nobody_earns() {
    let mut evm = flowing();
    let ends = rewards(&evm).endsUnix;
    pay_fee(&mut evm, AIT);
    assert_eq!(rewards(&evm).uncollected, U256::from(AIT));
    let still = StakingError::RewardsFlowing(Staking::RewardsFlowing { endsUnix: ends });
    evm.now_unix = ends - 1;
    assert_eq!(refusal(&mut evm, RELAYER, &COLLECT), still);
    evm.now_unix = ends;
    let collected = evm.send_staking(RELAYER, &COLLECT).unwrap();
    let event = Staking::RewardsCollected { amount: U256::from(AIT), endsUnix: ends + UNBONDING_SECONDS };
    assert_eq!(events::<Staking::RewardsCollected>(&collected.logs, STAKING_ADDRESS), [event]);
    evm.now_unix += UNBONDING_SECONDS;
    assert_eq!(refusal(&mut evm, RELAYER, &COLLECT), StakingError::NothingCollected(Staking::NothingCollected {}));

    let mut nobody = chain_with_payer();
    pay_fee(&mut nobody, AIT);
    assert_eq!(refusal(&mut nobody, RELAYER, &COLLECT), StakingError::NothingStaked(Staking::NothingStaked {}));
    assert_eq!(rewards(&nobody).uncollected, U256::from(AIT), "it waits");
}

#[test]
fn what_flows_while_nobody_earns_is_collected_again() {
    let mut evm = flowing();
    let ([first, second], [_, one, other]) = (validators(), delegators());
    evm.now_unix += UNBONDING_SECONDS / 2;
    evm.send_staking(one.address(), &undelegate(&first, 30 * AIT)).unwrap();
    evm.send_staking(other.address(), &undelegate(&second, 10 * AIT)).unwrap();
    evm.now_unix += UNBONDING_SECONDS;
    let known = rewards(&evm);
    assert_eq!((known.flowing, known.uncollected), (U256::ZERO, U256::from(2 * AIT)));
    evm.send_staking(other.address(), &delegate(&second, AIT)).unwrap();
    assert_eq!(evm.send_staking(RELAYER, &COLLECT).unwrap().value, U256::from(2 * AIT));
}
