//! Admission, base power and leaving.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use contracts::Staking::{ValidatorPower, ValidatorState};
use contracts::genesis::staking_creation_code;
use contracts::{AI_TOKEN_ADDRESS, JOB_ESCROW_ADDRESS, STAKING_ADDRESS, Staking, StakingParameters};

use super::fixture::{
    BASE_POWER, chain, contradiction, deciding, delegate, delegators, info, newcomer, parameters, refusal, validators,
};
use crate::evm::{DEV_CHAIN_ID, Evm, StakingError, events};
use crate::receipts::{ADMIN, AIT, RELAYER, Signer};

const STRANGER: Address = Address::repeat_byte(0x57);
const MAX_POWER: u64 = 1_000_000_000_000;

fn admit(validator: &Signer, power: u64) -> Staking::admitCall {
    Staking::admitCall { validator: validator.address(), basePower: power }
}

fn wrong_state(validator: &Signer, state: ValidatorState) -> StakingError {
    StakingError::WrongState(Staking::WrongState { validator: validator.address(), state })
}

#[test]
fn without_any_stake_the_authoritys_validators_decide() {
    let evm = chain();
    let expected: Vec<_> = validators().iter().map(|validator| (validator.address(), BASE_POWER)).collect();
    assert_eq!(deciding(&evm), expected);
}

#[test]
fn power_is_base_and_own_and_delegated_stake_in_whole_ait() {
    let mut evm = chain();
    let ([validator, _], [_, other, _]) = (validators(), delegators());
    evm.send_staking(validator.address(), &delegate(&validator, 3 * AIT / 2)).unwrap();
    evm.send_staking(other.address(), &delegate(&validator, 9 * AIT / 4)).unwrap();
    let known = info(&evm, &validator);
    assert_eq!(
        (known.basePower, known.ownStake, known.delegatedStake),
        (10, U256::from(3 * AIT / 2), U256::from(9 * AIT / 4))
    );
    assert_eq!(known.power, 13, "3.75 AIT are three whole ones");
    assert_eq!(deciding(&evm)[0], (validator.address(), 13));
}

#[test]
fn power_has_a_ceiling() {
    let mut evm = chain();
    let [validator, _] = validators();
    let too_high = Staking::BasePowerTooHigh { basePower: U256::from(MAX_POWER + 1), maximum: U256::from(MAX_POWER) };
    let call = Staking::setBasePowerCall { validator: validator.address(), basePower: MAX_POWER + 1 };
    assert_eq!(refusal(&mut evm, ADMIN, &call), StakingError::BasePowerTooHigh(too_high));
    let call = Staking::setBasePowerCall { validator: validator.address(), basePower: MAX_POWER };
    evm.send_staking(ADMIN, &call).unwrap();
    evm.send_staking(validator.address(), &delegate(&validator, 5 * AIT)).unwrap();
    assert_eq!(info(&evm, &validator).power, MAX_POWER);
}

#[test]
fn a_validator_is_admitted_leaves_and_comes_again() {
    let mut evm = chain();
    let newcomer = newcomer();
    let admitted = evm.send_staking(ADMIN, &admit(&newcomer, 7)).unwrap();
    let event = Staking::ValidatorAdmitted { validator: newcomer.address(), basePower: 7 };
    assert_eq!(events::<Staking::ValidatorAdmitted>(&admitted.logs, STAKING_ADDRESS), [event]);
    assert_eq!(deciding(&evm)[2], (newcomer.address(), 7));
    assert_eq!(refusal(&mut evm, ADMIN, &admit(&newcomer, 7)), wrong_state(&newcomer, ValidatorState::Active));

    evm.send_staking(newcomer.address(), &Staking::resignCall {}).unwrap();
    assert_eq!((deciding(&evm).len(), info(&evm, &newcomer).state), (2, ValidatorState::Left));
    let again = refusal(&mut evm, newcomer.address(), &Staking::resignCall {});
    assert_eq!(again, wrong_state(&newcomer, ValidatorState::Left));
    evm.send_staking(ADMIN, &admit(&newcomer, 9)).unwrap();
    assert_eq!(deciding(&evm)[2], (newcomer.address(), 9));
}

#[test]
fn one_without_power_decides_nothing_and_the_last_one_stays() {
    let mut evm = chain();
    let [first, second] = validators();
    evm.send_staking(ADMIN, &admit(&newcomer(), 0)).unwrap();
    assert_eq!(deciding(&evm).len(), 2);
    evm.send_staking(ADMIN, &Staking::removeCall { validator: first.address() }).unwrap();
    assert_eq!(deciding(&evm), [(second.address(), BASE_POWER)]);
    let nobody = StakingError::NobodyWouldDecide(Staking::NobodyWouldDecide {});
    assert_eq!(refusal(&mut evm, second.address(), &Staking::resignCall {}), nobody);
    let call = Staking::setBasePowerCall { validator: second.address(), basePower: 0 };
    assert_eq!(refusal(&mut evm, ADMIN, &call), nobody);
    let call = Staking::removeCall { validator: second.address() };
    assert_eq!(refusal(&mut evm, ADMIN, &call), nobody);
    assert_eq!(deciding(&evm), [(second.address(), BASE_POWER)]);
}

#[test]
fn administration_needs_the_authority() {
    let [validator, _] = validators();
    let (validator, new) = (validator.address(), newcomer().address());
    let calls: [Bytes; 4] = [
        Staking::admitCall { validator: new, basePower: 1 }.abi_encode().into(),
        Staking::setBasePowerCall { validator, basePower: 1 }.abi_encode().into(),
        Staking::removeCall { validator }.abi_encode().into(),
        Staking::releaseCall { validator }.abi_encode().into(),
    ];
    let mut evm = chain();
    let role: B256 = evm.read_staking(&Staking::AUTHORITY_ROLECall {});
    evm.send_staking(RELAYER, &contradiction(&validators()[0], 1)).unwrap();
    for call in calls {
        let mut evm = evm.clone();
        let refused = evm.send_raw(STRANGER, STAKING_ADDRESS, call.clone()).unwrap_err();
        let expected = Staking::AccessControlUnauthorizedAccount { account: STRANGER, neededRole: role };
        assert_eq!(refused, expected.into());
        evm.send_staking(ADMIN, &Staking::grantRoleCall { role, account: STRANGER }).unwrap();
        evm.send_raw(STRANGER, STAKING_ADDRESS, call).unwrap();
    }
}

#[test]
fn validators_are_bounded_in_number() {
    let mut evm = chain();
    for seed in 0..126 {
        evm.send_staking(ADMIN, &admit(&Signer::new(5_000 + seed), 1)).unwrap();
    }
    let full = StakingError::TooManyValidators(Staking::TooManyValidators { maximum: U256::from(128) });
    assert_eq!(refusal(&mut evm, ADMIN, &admit(&newcomer(), 1)), full);
    evm.send_staking(ADMIN, &Staking::removeCall { validator: Signer::new(5_077).address() }).unwrap();
    evm.send_staking(ADMIN, &admit(&newcomer(), 1)).unwrap();
    let known: Vec<Address> = deciding(&evm).into_iter().map(|(validator, _)| validator).collect();
    assert_eq!(known.len(), 128);
    assert!(known.contains(&newcomer().address()) && !known.contains(&Signer::new(5_077).address()));
}

fn construct(change: impl FnOnce(&mut StakingParameters)) -> StakingError {
    let mut parameters = parameters();
    change(&mut parameters);
    let code = staking_creation_code(AI_TOKEN_ADDRESS, JOB_ESCROW_ADDRESS, &parameters);
    Evm::empty(DEV_CHAIN_ID).create(RELAYER, code).unwrap_err().staking()
}

#[test]
fn the_constructor_refuses_what_breaks_a_bound() {
    let zero = StakingError::ZeroAddress(Staking::ZeroAddress {});
    assert_eq!(construct(|parameters| parameters.admin = Address::ZERO), zero);
    assert_eq!(construct(|parameters| parameters.penalty_recipient = Address::ZERO), zero);
    let nobody = StakingError::NobodyWouldDecide(Staking::NobodyWouldDecide {});
    assert_eq!(construct(|parameters| parameters.validators.clear()), nobody);
    let [first, _] = validators();
    let twice = ValidatorPower { validator: first.address(), power: 1 };
    let repeated = construct(|parameters| parameters.validators.push(twice));
    assert_eq!(repeated, wrong_state(&first, ValidatorState::Active));
    for seconds in [59, 90 * 86_400 + 1] {
        let expected = Staking::UnbondingTimeOutOfRange {
            unbondingSeconds: U256::from(seconds),
            minimum: U256::from(60),
            maximum: U256::from(90 * 86_400),
        };
        let refused = construct(|parameters| parameters.unbonding_seconds = seconds);
        assert_eq!(refused, StakingError::UnbondingTimeOutOfRange(expected));
    }
}
