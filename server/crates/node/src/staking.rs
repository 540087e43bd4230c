//! Who decides the next block, and what their power is made of, as the contract of the validators accounts for it.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use chain::{Call, Snapshot, Validator};
use contracts::{STAKING_ADDRESS, Staking};
use shared::amount::{ATTO_PER_AIT, Amount};

use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::token::to_amount;

/// A validator of the next block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorPower {
    /// The address of its key.
    pub address: Address,
    /// Its weight.
    pub voting_power: u64,
    /// The part of it that the authority gave; all of it on a chain without the contract.
    pub base_power: u64,
    /// What the validator itself has staked. A whole AIT is one unit of power.
    pub own_stake: Amount,
    /// What others have staked with it.
    pub delegated_stake: Amount,
}

/// Fees on their way to those who have staked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakeRewards {
    /// What flows to them until `ends_unix_s`, evenly.
    pub flowing: Amount,
    /// When all of it has flowed.
    pub ends_unix_s: u64,
    /// What came since and waits to be collected.
    pub uncollected: Amount,
    /// The stake that it flows to.
    pub earning_stake: Amount,
}

impl NodeHandle {
    /// What stake earns, at the head; `None` on a chain without the contract.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn stake_rewards(&self) -> Result<Option<StakeRewards>, NodeError> {
        self.query(|snapshot| {
            let answered = ask(snapshot, &Staking::rewardsCall {})?;
            Ok(answered.map(|rewards| StakeRewards {
                flowing: to_amount(rewards.flowing),
                ends_unix_s: rewards.endsUnix,
                uncollected: to_amount(rewards.uncollected),
                earning_stake: to_amount(rewards.earningStake),
            }))
        })
        .await
    }

    /// Those who decide the block after the head, heaviest first, with what their power is made of.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn validator_powers(&self) -> Result<Vec<ValidatorPower>, NodeError> {
        self.query(|snapshot| {
            let validators = snapshot.validators_at(snapshot.head().number + 1)?;
            let known = known_to_contract(snapshot)?;
            let mut powers: Vec<_> = validators.iter().map(|member| power_of(member, &known)).collect();
            powers.sort_by_key(|power| (core::cmp::Reverse(power.voting_power), power.address));
            Ok(powers)
        })
        .await
    }
}

/// Whole AIT that an account has staked at the head, with all validators together; 0 on a chain without the contract. It
/// takes a call for each validator with whom anything is staked.
pub(crate) fn staked_ait(snapshot: &Snapshot, delegator: Address) -> Result<u64, NodeError> {
    let mut staked = U256::ZERO;
    let has_stake = |info: &Staking::ValidatorInfo| !(info.ownStake.is_zero() && info.delegatedStake.is_zero());
    // The contract lists a bounded number of validators, and none that left.
    for info in known_to_contract(snapshot)?.into_iter().filter(has_stake) {
        let call = Staking::stakeOfCall { validator: info.validator, delegator };
        staked = staked.saturating_add(ask(snapshot, &call)?.unwrap_or_default());
    }
    Ok((staked / U256::from(ATTO_PER_AIT)).saturating_to())
}

fn power_of(member: Validator, known: &[Staking::ValidatorInfo]) -> ValidatorPower {
    let info = known.iter().find(|info| info.validator == member.address);
    ValidatorPower {
        address: member.address,
        voting_power: member.voting_power,
        base_power: info.map_or(member.voting_power, |info| info.basePower),
        own_stake: info.map_or(Amount::ZERO, |info| to_amount(info.ownStake)),
        delegated_stake: info.map_or(Amount::ZERO, |info| to_amount(info.delegatedStake)),
    }
}

/// All validators that the contract lists; none where the chain has no such contract.
fn known_to_contract(snapshot: &Snapshot) -> Result<Vec<Staking::ValidatorInfo>, NodeError> {
    Ok(ask(snapshot, &Staking::validatorInfosCall {})?.unwrap_or_default())
}

/// What the contract answers at the head; `None` where the chain has no such contract.
fn ask<C: SolCall>(snapshot: &Snapshot, call: &C) -> Result<Option<C::Return>, NodeError> {
    let height = snapshot.head().number;
    if snapshot.state_at(height)?.code_at(STAKING_ADDRESS)?.is_empty() {
        return Ok(None);
    }
    let data = call.abi_encode().into();
    let request = Call { to: Some(STAKING_ADDRESS), data, ..Call::default() };
    let outcome = snapshot.call(height, &request, &Default::default(), &chain::never_over)?;
    C::abi_decode_returns(&outcome.output).map(Some).map_err(|error| {
        let answered = format!("the contract of the validators at {STAKING_ADDRESS} answered: {error}");
        NodeError::Chain(chain::ChainError::InvalidCall(answered))
    })
}
