//! Transactions that are found by what they did to an account: its history is searched by halves, since nonces only rise and
//! code only comes.

use alloy_primitives::{Address, B256, TxHash};
use alloy_rpc_types_trace::geth::CallConfig;

use crate::error::ChainError;
use crate::state::AccountState;
use crate::store::read::Snapshot;
use crate::trace::{CallFrame, GethDebugTracingOptions, GethTrace};
use crate::watch::IsOver;

/// Who made a contract, and in which transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The transaction.
    pub transaction_hash: B256,
    /// Its sender, or the contract that made this one inside it.
    pub creator: Address,
}

impl Snapshot {
    /// The transaction of a sender with a nonce; `None` while no block has it.
    ///
    /// # Errors
    /// A storage error.
    pub fn transaction_by_nonce(&self, sender: Address, nonce: u64) -> Result<Option<TxHash>, ChainError> {
        let is_used = |account: Option<AccountState>| account.is_some_and(|account| account.nonce > nonce);
        let Some(height) = self.first_height(sender, is_used)? else { return Ok(None) };
        let Some(block) = self.block_at(height)? else { return Ok(None) };
        let found = block.transactions.iter().find(|one| one.sender() == sender && one.nonce() == nonce);
        Ok(found.map(|transaction| transaction.hash()))
    }

    /// Who made the contract at an address; `None` for an account without code and for a contract of genesis. Where another
    /// contract made it, the transactions of its block run again, until `is_over`.
    ///
    /// # Errors
    /// As [`Snapshot::trace_block`].
    pub fn creation_of(&self, address: Address, is_over: IsOver<'_>) -> Result<Option<Creation>, ChainError> {
        let has_code = |account: Option<AccountState>| account.is_some_and(|account| account.has_code());
        let Some(height) = self.first_height(address, has_code)? else { return Ok(None) };
        let Some(block) = self.block_at(height)? else { return Ok(None) };
        let receipts = self.receipts_at(height)?;
        let mut created = block.transactions.iter().zip(&receipts);
        if let Some((transaction, _)) = created.find(|(_, receipt)| receipt.contract_address == Some(address)) {
            return Ok(Some(Creation { transaction_hash: transaction.hash(), creator: transaction.sender() }));
        }
        let options = GethDebugTracingOptions::call_tracer(CallConfig::default());
        for (transaction_hash, trace) in self.trace_block(height, &options, is_over)? {
            let GethTrace::CallTracer(call) = trace else { continue };
            if let Some(creator) = creator_within(&call, address) {
                return Ok(Some(Creation { transaction_hash, creator }));
            }
        }
        Ok(None)
    }

    /// The first height after whose block the account is as wanted, where it stays so from then on.
    fn first_height(
        &self,
        address: Address,
        is_wanted: impl Fn(Option<AccountState>) -> bool,
    ) -> Result<Option<u64>, ChainError> {
        let is_wanted_at = |height: u64| Ok::<_, ChainError>(is_wanted(self.state_at(height)?.account(address)?));
        let mut wanted = self.head().number;
        if !is_wanted_at(wanted)? {
            return Ok(None);
        }
        let mut first = self.first_state_height()?;
        if first > 0 && is_wanted_at(first)? {
            return Err(ChainError::StateUnavailable { number: first - 1, first });
        }
        while first < wanted {
            let middle = first + (wanted - first) / 2;
            if is_wanted_at(middle)? {
                wanted = middle;
            } else {
                first = middle + 1;
            }
        }
        Ok(Some(wanted))
    }
}

/// Who made the contract at `address` inside a call that stands.
fn creator_within(call: &CallFrame, address: Address) -> Option<Address> {
    let mut frames = vec![call];
    while let Some(frame) = frames.pop() {
        if frame.error.is_some() {
            continue;
        }
        if frame.to == Some(address) && matches!(frame.typ.as_str(), "CREATE" | "CREATE2") {
            return Some(frame.from);
        }
        frames.extend(&frame.calls);
    }
    None
}
