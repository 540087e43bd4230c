//! Who decides the next block, as the contract of the validators says it after each block.

use alloy_primitives::Bytes;
use alloy_sol_types::{SolCall as _, sol};
use finality::{Validator, ValidatorSet};
use revm::context::result::{ExecutionResult, Output};
use revm::state::EvmState;

use shared::chain::STAKING_ADDRESS;

use crate::rules::MAX_TOTAL_VOTING_POWER;

sol! {
    struct ValidatorPower {
        address validator;
        uint64 power;
    }

    function validators() external view returns (ValidatorPower[] memory);
}

/// What the contract is asked.
pub(crate) fn question() -> Bytes {
    validatorsCall {}.abi_encode().into()
}

/// The set that the contract answered. `None` where it names nobody, or is not there, or breaks a bound of a set: a change that
/// leaves nobody who can decide is not taken.
pub(crate) fn answer(result: &ExecutionResult) -> Option<ValidatorSet> {
    let ExecutionResult::Success { output: Output::Call(output), .. } = result else { return None };
    let named = validatorsCall::abi_decode_returns(output).ok()?;
    let members = named.into_iter().map(|member| Validator { address: member.validator, voting_power: member.power });
    ValidatorSet::new(members).ok().filter(|set| set.total_power() <= MAX_TOTAL_VOTING_POWER)
}

/// Whether a transaction wrote to the contract, without which the set is what it was: it depends on nothing else.
pub(crate) fn may_have_changed(state: &EvmState) -> bool {
    state.get(&STAKING_ADDRESS).is_some_and(|account| account.changed_storage_slots().next().is_some())
}
