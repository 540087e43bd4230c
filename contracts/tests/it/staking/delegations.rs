//! Delegating, undelegating and withdrawing.

use alloy_primitives::{Address, U256};
use contracts::Staking::{Unbonding, ValidatorState};
use contracts::{AIToken, STAKING_ADDRESS, Staking};

use super::fixture::{
    FUNDS, UNBONDING_SECONDS, chain, delegate, delegators, held, info, newcomer, permit, refusal, stake, undelegate,
    validators,
};
use crate::evm::{StakingError, events};
use crate::receipts::{ADMIN, AIT, RELAYER};

#[test]
fn stake_is_delegated_undelegated_and_withdrawn_when_it_is_due() {
    let mut evm = chain();
    let ([validator, _], [_, owner, _]) = (validators(), delegators());
    let delegated = evm.send_staking(owner.address(), &delegate(&validator, 40 * AIT)).unwrap();
    let event =
        Staking::Delegated { validator: validator.address(), delegator: owner.address(), amount: U256::from(40 * AIT) };
    assert_eq!(events::<Staking::Delegated>(&delegated.logs, STAKING_ADDRESS), [event]);
    assert_eq!((held(&evm), stake(&evm, &validator, &owner)), (40 * AIT, 40 * AIT));

    let due = evm.send_staking(owner.address(), &undelegate(&validator, 15 * AIT)).unwrap().value;
    assert_eq!(due, evm.now_unix + UNBONDING_SECONDS);
    assert_eq!((stake(&evm, &validator, &owner), info(&evm, &validator).power), (25 * AIT, 35));
    let waiting = Unbonding { validator: validator.address(), amount: U256::from(15 * AIT), dueUnix: due };
    assert_eq!(evm.read_staking(&Staking::unbondingsOfCall { delegator: owner.address() }), [waiting]);

    let nothing = StakingError::NothingDue(Staking::NothingDue { delegator: owner.address() });
    assert_eq!(refusal(&mut evm, owner.address(), &Staking::withdrawCall {}), nothing);
    evm.now_unix = due - 1;
    assert_eq!(refusal(&mut evm, owner.address(), &Staking::withdrawCall {}), nothing);
    evm.now_unix = due;
    let paid = evm.send_staking(owner.address(), &Staking::withdrawCall {}).unwrap().value;
    assert_eq!((paid, held(&evm)), (U256::from(15 * AIT), 25 * AIT));
    assert_eq!(evm.balance(owner.address()), U256::from(FUNDS - 25 * AIT));
    assert_eq!(refusal(&mut evm, owner.address(), &Staking::withdrawCall {}), nothing, "it is paid once");
}

#[test]
fn a_withdrawal_pays_what_is_due_and_leaves_the_rest() {
    let mut evm = chain();
    let ([first, second], [_, owner, _]) = (validators(), delegators());
    evm.send_staking(owner.address(), &delegate(&first, 10 * AIT)).unwrap();
    evm.send_staking(owner.address(), &delegate(&second, 10 * AIT)).unwrap();
    let start = evm.now_unix;
    for (after, validator, amount) in [(0, &first, 1), (10, &second, 2), (20, &first, 4)] {
        evm.now_unix = start + after;
        evm.send_staking(owner.address(), &undelegate(validator, amount * AIT)).unwrap();
    }
    evm.now_unix = start + UNBONDING_SECONDS + 10;
    let paid = evm.send_staking(owner.address(), &Staking::withdrawCall {}).unwrap().value;
    assert_eq!(paid, U256::from(3 * AIT));
    let left = evm.read_staking(&Staking::unbondingsOfCall { delegator: owner.address() });
    assert_eq!(left.iter().map(|entry| entry.amount).collect::<Vec<_>>(), [U256::from(4 * AIT)]);
}

#[test]
fn nobody_takes_more_than_its_own() {
    let mut evm = chain();
    let ([validator, _], [_, owner, other]) = (validators(), delegators());
    evm.send_staking(owner.address(), &delegate(&validator, 10 * AIT)).unwrap();
    for (from, amount, available) in [(&owner, 10 * AIT + 1, 10 * AIT), (&other, 1, 0), (&owner, 0, 10 * AIT)] {
        let expected = Staking::InsufficientStake {
            validator: validator.address(),
            delegator: from.address(),
            available: U256::from(available),
            needed: U256::from(amount),
        };
        let refused = refusal(&mut evm, from.address(), &undelegate(&validator, amount));
        assert_eq!(refused, StakingError::InsufficientStake(expected));
    }
}

#[test]
fn delegations_are_to_active_validators_and_not_tiny() {
    let mut evm = chain();
    let ([validator, _], [_, owner, _]) = (validators(), delegators());
    let small = Staking::DelegationTooSmall { amount: U256::from(AIT - 1), minimum: U256::from(AIT) };
    let refused = refusal(&mut evm, owner.address(), &delegate(&validator, AIT - 1));
    assert_eq!(refused, StakingError::DelegationTooSmall(small));
    let absent = Staking::WrongState { validator: newcomer().address(), state: ValidatorState::Absent };
    let refused = refusal(&mut evm, owner.address(), &delegate(&newcomer(), AIT));
    assert_eq!(refused, StakingError::WrongState(absent));
    // The token refuses to move what the delegator does not have.
    assert!(evm.send_staking(owner.address(), &delegate(&validator, FUNDS + 1)).is_err());
    assert_eq!(held(&evm), 0);
}

#[test]
fn stake_with_a_validator_that_left_comes_back() {
    let mut evm = chain();
    let ([validator, _], [_, owner, _]) = (validators(), delegators());
    evm.send_staking(owner.address(), &delegate(&validator, 10 * AIT)).unwrap();
    evm.send_staking(ADMIN, &Staking::removeCall { validator: validator.address() }).unwrap();
    assert_eq!(info(&evm, &validator).power, 0);
    evm.send_staking(owner.address(), &undelegate(&validator, 10 * AIT)).unwrap();
    evm.now_unix += UNBONDING_SECONDS;
    evm.send_staking(owner.address(), &Staking::withdrawCall {}).unwrap();
    assert_eq!((evm.balance(owner.address()), held(&evm)), (U256::from(FUNDS), 0));
}

#[test]
fn a_permit_delegates_in_one_transaction() {
    let mut evm = chain();
    let ([validator, _], [_, owner, other]) = (validators(), delegators());
    let revoke = AIToken::approveCall { spender: STAKING_ADDRESS, value: U256::ZERO };
    evm.send_token(owner.address(), &revoke).unwrap();
    let call = permit(&owner, &validator, 5 * AIT, 0);
    // The permit is the owner's, so it takes nothing from another who sends it.
    evm.send_token(other.address(), &revoke).unwrap();
    let refused = refusal(&mut evm, other.address(), &call);
    assert!(matches!(refused, StakingError::PermitRefused(error) if error.delegator == other.address()));
    evm.send_staking(owner.address(), &call).unwrap();
    assert_eq!(stake(&evm, &validator, &owner), 5 * AIT);
    assert!(matches!(refusal(&mut evm, owner.address(), &call), StakingError::PermitRefused(_)));
}

#[test]
fn undelegations_that_wait_are_bounded_in_number() {
    let mut evm = chain();
    let ([validator, _], [_, owner, _]) = (validators(), delegators());
    evm.send_staking(owner.address(), &delegate(&validator, 40 * AIT)).unwrap();
    for _ in 0..32 {
        evm.send_staking(owner.address(), &undelegate(&validator, AIT)).unwrap();
    }
    let full = StakingError::TooManyUnbondings(Staking::TooManyUnbondings { maximum: U256::from(32) });
    assert_eq!(refusal(&mut evm, owner.address(), &undelegate(&validator, AIT)), full);
    evm.now_unix += UNBONDING_SECONDS;
    evm.send_staking(owner.address(), &Staking::withdrawCall {}).unwrap();
    evm.send_staking(owner.address(), &undelegate(&validator, AIT)).unwrap();
}

#[test]
fn a_plain_transfer_belongs_to_nobody() {
    let mut evm = chain();
    let ([validator, _], [_, owner, other]) = (validators(), delegators());
    evm.send_staking(owner.address(), &delegate(&validator, 10 * AIT)).unwrap();
    let gift = AIToken::transferCall { to: STAKING_ADDRESS, value: U256::from(5 * AIT) };
    evm.send_token(other.address(), &gift).unwrap();
    assert_eq!((stake(&evm, &validator, &owner), info(&evm, &validator).power), (10 * AIT, 20));
    assert!(evm.send_staking(RELAYER, &undelegate(&validator, 1)).is_err());
    assert_eq!(evm.balance(Address::ZERO), U256::ZERO);
}
