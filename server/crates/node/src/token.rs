//! AIT as the token contract on the chain accounts for it.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use chain::{Call, Snapshot};
use contracts::{AI_TOKEN_ADDRESS, AIToken};
use shared::amount::Amount;

use crate::error::NodeError;
use crate::handle::NodeHandle;

impl NodeHandle {
    /// AIT in existence at the head: the sum of all mints less what was burnt.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn token_supply(&self) -> Result<Amount, NodeError> {
        self.query(|snapshot| token_supply_at(snapshot, snapshot.head().number)).await
    }

    /// AIT that an account holds at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn token_balance(&self, account: Address) -> Result<Amount, NodeError> {
        self.query(move |snapshot| token_balance_at(snapshot, snapshot.head().number, account)).await
    }
}

/// AIT in existence after the block at `height`.
pub(crate) fn token_supply_at(snapshot: &Snapshot, height: u64) -> Result<Amount, NodeError> {
    read_token(snapshot, height, AIToken::totalSupplyCall {}).map(to_amount)
}

/// AIT that an account held after the block at `height`.
pub(crate) fn token_balance_at(snapshot: &Snapshot, height: u64, account: Address) -> Result<Amount, NodeError> {
    read_token(snapshot, height, AIToken::balanceOfCall { account }).map(to_amount)
}

fn read_token<C: SolCall<Return = U256>>(snapshot: &Snapshot, height: u64, call: C) -> Result<U256, NodeError> {
    let request = Call { to: Some(AI_TOKEN_ADDRESS), data: call.abi_encode().into(), ..Call::default() };
    let outcome = snapshot.call(height, &request, &Default::default(), &chain::never_over)?;
    C::abi_decode_returns(&outcome.output).map_err(|error| {
        NodeError::Chain(chain::ChainError::InvalidCall(format!("the token at {AI_TOKEN_ADDRESS} answered: {error}")))
    })
}

/// The token's supply is bounded far below 2^128 by its votes (2^208) and by the minter's epoch cap (u128 an epoch);
/// should it ever pass the type, the largest amount is shown rather than a wrapped one.
pub(crate) fn to_amount(value: U256) -> Amount {
    Amount::from_atto(u128::try_from(value).unwrap_or(u128::MAX))
}
