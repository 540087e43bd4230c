//! Calls and events of the contract of the validators by name.

use alloy_primitives::Log;
use alloy_sol_types::{SolEvent as _, SolEventInterface as _, SolInterface as _};
use contracts::Staking;
use contracts::Staking::{StakingCalls, StakingEvents};
use shared::api::explorer::DecodedValue;

use super::decode::value;

/// The arguments of a call, or none for calls that only say who has a role.
pub(super) fn arguments(input: &[u8]) -> Option<Vec<DecodedValue>> {
    Some(match StakingCalls::abi_decode(input).ok()? {
        StakingCalls::admit(call) => {
            vec![value("validator", "address", call.validator), value("basePower", "uint64", call.basePower)]
        }
        StakingCalls::setBasePower(call) => {
            vec![value("validator", "address", call.validator), value("basePower", "uint64", call.basePower)]
        }
        StakingCalls::remove(call) => vec![value("validator", "address", call.validator)],
        StakingCalls::release(call) => vec![value("validator", "address", call.validator)],
        StakingCalls::delegate(call) => {
            vec![value("validator", "address", call.validator), value("amount", "uint256", call.amount)]
        }
        StakingCalls::delegateWithPermit(call) => vec![
            value("validator", "address", call.validator),
            value("amount", "uint256", call.amount),
            value("deadline", "uint256", call.deadline),
        ],
        StakingCalls::undelegate(call) => {
            vec![value("validator", "address", call.validator), value("amount", "uint256", call.amount)]
        }
        StakingCalls::slash(call) => vec![
            value("validator", "address", call.validator),
            value("height", "uint64", call.height),
            value("round", "uint32", call.round),
            value("first.blockHash", "bytes32", call.first.blockHash),
            value("second.blockHash", "bytes32", call.second.blockHash),
        ],
        _ => Vec::new(),
    })
}

/// The signature and fields of an event about validators or stake.
pub(super) fn event(log: &Log) -> Option<(&'static str, Vec<DecodedValue>)> {
    Some(match StakingEvents::decode_raw_log(log.topics(), &log.data.data).ok()? {
        StakingEvents::ValidatorAdmitted(event) => (
            Staking::ValidatorAdmitted::SIGNATURE,
            vec![value("validator", "address", event.validator), value("basePower", "uint64", event.basePower)],
        ),
        StakingEvents::BasePowerChanged(event) => (
            Staking::BasePowerChanged::SIGNATURE,
            vec![value("validator", "address", event.validator), value("basePower", "uint64", event.basePower)],
        ),
        StakingEvents::ValidatorLeft(event) => {
            (Staking::ValidatorLeft::SIGNATURE, vec![value("validator", "address", event.validator)])
        }
        StakingEvents::ValidatorReleased(event) => {
            (Staking::ValidatorReleased::SIGNATURE, vec![value("validator", "address", event.validator)])
        }
        StakingEvents::Delegated(event) => (
            Staking::Delegated::SIGNATURE,
            vec![
                value("validator", "address", event.validator),
                value("delegator", "address", event.delegator),
                value("amount", "uint256", event.amount),
            ],
        ),
        StakingEvents::Undelegated(event) => (
            Staking::Undelegated::SIGNATURE,
            vec![
                value("validator", "address", event.validator),
                value("delegator", "address", event.delegator),
                value("amount", "uint256", event.amount),
                value("dueUnix", "uint64", event.dueUnix),
            ],
        ),
        StakingEvents::Withdrawn(event) => (
            Staking::Withdrawn::SIGNATURE,
            vec![value("delegator", "address", event.delegator), value("amount", "uint256", event.amount)],
        ),
        StakingEvents::Slashed(event) => (
            Staking::Slashed::SIGNATURE,
            vec![
                value("validator", "address", event.validator),
                value("height", "uint64", event.height),
                value("round", "uint32", event.round),
                value("amount", "uint256", event.amount),
            ],
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};
    use alloy_sol_types::SolCall as _;

    use super::*;

    #[test]
    fn a_delegation_and_a_slash_are_told_in_words() {
        let delegate = Staking::delegateCall { validator: Address::repeat_byte(1), amount: U256::from(5) };
        let told = arguments(&delegate.abi_encode()).unwrap();
        assert_eq!((told[0].name.as_str(), told[1].value.as_str()), ("validator", "5"));
        let slashed =
            Staking::Slashed { validator: Address::repeat_byte(1), height: 7, round: 2, amount: U256::from(9) };
        let log = Log { address: Address::ZERO, data: slashed.encode_log_data() };
        let (signature, fields) = event(&log).unwrap();
        assert_eq!((signature, fields[3].value.as_str()), ("Slashed(address,uint64,uint32,uint256)", "9"));
    }
}
