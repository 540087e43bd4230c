//! What the minter holds, as its contract accounts for it.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use chain::{Call, Snapshot};
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use shared::amount::Amount;

use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::token::to_amount;

impl NodeHandle {
    /// AIT that the minter holds for an account at the head, due or not.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn held_amount(&self, provider: Address) -> Result<Amount, NodeError> {
        self.query(move |snapshot| read_minter(snapshot, AITokenMinter::heldOfCall { provider }).map(to_amount)).await
    }

    /// AIT that the minter holds for each account until each time, at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn held_amounts(&self, holds: Vec<(Address, u64)>) -> Result<Vec<Amount>, NodeError> {
        let amount = |snapshot: &Snapshot, (provider, due_unix): (Address, u64)| {
            let call = AITokenMinter::heldUntilCall { provider, dueUnix: U256::from(due_unix) };
            read_minter(snapshot, call).map(to_amount)
        };
        self.query(move |snapshot| holds.into_iter().map(|hold| amount(snapshot, hold)).collect()).await
    }

    /// Which of these receipts were voided, in their order. The minter knows each by the EIP-712 hash of its struct.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn are_voided(&self, struct_hashes: Vec<B256>) -> Result<Vec<bool>, NodeError> {
        let is_voided = |snapshot: &Snapshot, struct_hash: B256| {
            read_minter(snapshot, AITokenMinter::voidedReceiptCall { structHash: struct_hash })
        };
        self.query(move |snapshot| struct_hashes.into_iter().map(|hash| is_voided(snapshot, hash)).collect()).await
    }

    /// Whether the minter takes receipts that this account attests, at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn is_attester(&self, account: Address) -> Result<bool, NodeError> {
        self.query(move |snapshot| read_minter(snapshot, AITokenMinter::isAttesterCall { account })).await
    }

    /// Whether the minter neither mints nor releases at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn is_minter_paused(&self) -> Result<bool, NodeError> {
        self.query(|snapshot| read_minter(snapshot, AITokenMinter::pausedCall {})).await
    }
}

fn read_minter<C: SolCall>(snapshot: &Snapshot, call: C) -> Result<C::Return, NodeError> {
    let request = Call { to: Some(AI_TOKEN_MINTER_ADDRESS), data: call.abi_encode().into(), ..Call::default() };
    let outcome = snapshot.call(snapshot.head().number, &request, &Default::default(), &chain::never_over)?;
    C::abi_decode_returns(&outcome.output).map_err(|error| {
        let answered = format!("the minter at {AI_TOKEN_MINTER_ADDRESS} answered: {error}");
        NodeError::Chain(chain::ChainError::InvalidCall(answered))
    })
}
