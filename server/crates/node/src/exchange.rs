//! What the exchange's contract holds, as it stands after one block.

use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use chain::{Call, ChainError, Snapshot, never_over};
use contracts::{EXCHANGE_SETTLEMENT_ADDRESS, ExchangeSettlement, TestDollar};

use crate::error::NodeError;

/// Reads the contract after the block at one height.
pub struct ExchangeReader<'a> {
    snapshot: &'a Snapshot,
    height: u64,
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
        let request = Call { to: Some(contract), data: call.abi_encode().into(), ..Call::default() };
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
