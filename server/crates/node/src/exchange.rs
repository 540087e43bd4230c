//! What the exchange's contract holds, as it stands after one block.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use chain::{Call, ChainError, Snapshot, never_over};
use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TestDollar};
use shared::time::UnixSeconds;

use crate::error::NodeError;

/// Gas of the question whether a contract signed: what the contract that settles gives the wallet, the part of a call's gas
/// that stays behind, and its own work.
const WALLET_QUESTION_GAS: u64 = 400_000;

/// Reads the contract after the block at one height.
pub struct ExchangeReader<'a> {
    snapshot: &'a Snapshot,
    height: u64,
}

/// A key that signs orders for a trader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delegation {
    pub delegate: Address,
    /// The last second at which an order that it signed settles.
    pub expires_at: UnixSeconds,
    /// The trader took it back.
    pub is_revoked: bool,
}

impl Delegation {
    fn of(found: &ExchangeSettlement::Delegation) -> Self {
        Self { delegate: found.delegate, expires_at: UnixSeconds(found.expiresAt), is_revoked: found.isRevoked }
    }
}

/// What an ERC-20 contract says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenText {
    pub name: String,
    pub symbol: String,
    pub decimals: u8,
}

impl<'a> ExchangeReader<'a> {
    #[must_use]
    pub const fn at(snapshot: &'a Snapshot, height: u64) -> Self {
        Self { snapshot, height }
    }

    /// Whether this chain has an exchange.
    ///
    /// # Errors
    /// A storage error.
    pub fn is_there(&self) -> Result<bool, NodeError> {
        Ok(!self.snapshot.state_at(self.height)?.code_at(EXCHANGE_SETTLEMENT_ADDRESS)?.is_empty())
    }

    /// The markets, by their numbers.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn markets(&self) -> Result<Vec<ExchangeSettlement::Market>, NodeError> {
        let count = self.read(ExchangeSettlement::marketCountCall {})?;
        (0..count).map(|number| self.market(number)).collect()
    }

    /// A market that the contract lists.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn market(&self, number: u16) -> Result<ExchangeSettlement::Market, NodeError> {
        self.read(ExchangeSettlement::marketCall { number })
    }

    /// The assets that markets trade, in the order in which they were listed.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn assets(&self) -> Result<Vec<Address>, NodeError> {
        self.read(ExchangeSettlement::assetsCall {})
    }

    /// What the contract holds for a trader. What is beyond 128 bits nobody can have deposited through this exchange.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn balance(&self, trader: Address, asset: Address) -> Result<u128, NodeError> {
        self.read(ExchangeSettlement::balanceOfCall { trader, asset }).map(units)
    }

    /// The highest epoch that a trader raised, also while it has no effect yet.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn newest_epoch(&self, trader: Address) -> Result<u64, NodeError> {
        Ok(self.read(ExchangeSettlement::epochOfCall { trader })?.nextEpoch)
    }

    /// From when on a trader may leave alone, in Unix seconds; `None` where it asked for no exit.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn exit_at(&self, trader: Address) -> Result<Option<u64>, NodeError> {
        let at = self.read(ExchangeSettlement::exitAtOfCall { trader })?;
        Ok((!at.is_zero()).then(|| u64::try_from(at).unwrap_or(u64::MAX)))
    }

    /// What a key may sign for a trader; `None` where the trader never let it sign, or forgot it since.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn delegation(&self, trader: Address, delegate: Address) -> Result<Option<Delegation>, NodeError> {
        let found = self.read(ExchangeSettlement::delegationOfCall { trader, delegate })?;
        Ok((found.expiresAt != 0).then(|| Delegation::of(&found)))
    }

    /// The keys that may sign for a trader, those included whose time is over.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn delegations(&self, trader: Address) -> Result<Vec<Delegation>, NodeError> {
        Ok(self.read(ExchangeSettlement::delegationsOfCall { trader })?.iter().map(Delegation::of).collect())
    }

    /// Whether a withdrawal with this nonce was paid, or an order with it filled whole.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn is_nonce_used(&self, trader: Address, nonce: u64) -> Result<bool, NodeError> {
        self.read(ExchangeSettlement::isNonceUsedCall { trader, nonce })
    }

    /// Whether a trader that is a contract takes a signature for its own, asked as the contract that settles asks it.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn is_signed_by_contract(&self, trader: Address, digest: B256, signature: &Bytes) -> Result<bool, NodeError> {
        let signature = signature.clone();
        let gas = Some(WALLET_QUESTION_GAS);
        let ask = ExchangeSettlement::isSignedByContractCall { trader, digest, signature };
        self.ask(EXCHANGE_SETTLEMENT_ADDRESS, ask, gas)
    }

    /// How long a trader that leaves alone waits.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn exit_delay_seconds(&self) -> Result<u64, NodeError> {
        self.read(ExchangeSettlement::exitDelaySecondsCall {}).map(|delay| u64::try_from(delay).unwrap_or(u64::MAX))
    }

    /// Whether deposits and settlement are stopped.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn is_paused(&self) -> Result<bool, NodeError> {
        self.read(ExchangeSettlement::pausedCall {})
    }

    /// What an asset says of itself.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub fn token_text(&self, asset: Address) -> Result<TokenText, NodeError> {
        Ok(TokenText {
            name: self.read_from(asset, TestDollar::nameCall {})?,
            symbol: self.read_from(asset, TestDollar::symbolCall {})?,
            decimals: self.read_from(asset, TestDollar::decimalsCall {})?,
        })
    }

    fn read<C: SolCall>(&self, call: C) -> Result<C::Return, NodeError> {
        self.read_from(EXCHANGE_SETTLEMENT_ADDRESS, call)
    }

    fn read_from<C: SolCall>(&self, contract: Address, call: C) -> Result<C::Return, NodeError> {
        self.ask(contract, call, None)
    }

    fn ask<C: SolCall>(&self, contract: Address, call: C, gas: Option<u64>) -> Result<C::Return, NodeError> {
        let request = Call { to: Some(contract), data: call.abi_encode().into(), gas, ..Call::default() };
        let outcome = self.snapshot.call(self.height, &request, &Default::default(), &never_over)?;
        C::abi_decode_returns(&outcome.output).map_err(|error| {
            NodeError::Chain(ChainError::InvalidCall(format!("the contract at {contract} answered: {error}")))
        })
    }
}

/// An amount of a contract's.
fn units(value: U256) -> u128 {
    u128::try_from(value).unwrap_or(u128::MAX)
}
