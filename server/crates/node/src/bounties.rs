//! Bounties for models, as their contract accounts for them.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use chain::{Call, Snapshot};
use contracts::ModelBounty::ClaimState;
use contracts::{MODEL_BOUNTY_ADDRESS, ModelBounty};

use crate::error::NodeError;
use crate::handle::NodeHandle;

/// Most bounties that the contract answers at once, and most claims.
pub const BOUNTIES_AT_ONCE_MAX: u64 = 100;

/// A bounty and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedBounty {
    pub id: u64,
    pub bounty: ModelBounty::Bounty,
}

impl NodeHandle {
    /// Up to `limit` bounties with ids below `before`, newest first, and never more than [`BOUNTIES_AT_ONCE_MAX`]; from the
    /// newest on where `before` is absent. All at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn bounties(&self, before: Option<u64>, limit: u64) -> Result<Vec<NumberedBounty>, NodeError> {
        self.query(move |snapshot| {
            let count = read(snapshot, ModelBounty::bountyCountCall {})?;
            let newest = u64::try_from(count).unwrap_or(u64::MAX);
            let last = before.map_or(newest, |before| before.saturating_sub(1).min(newest));
            let first = last.saturating_sub(limit.min(BOUNTIES_AT_ONCE_MAX));
            numbered(snapshot, (first..last).rev().map(|below| below + 1).collect())
        })
        .await
    }

    /// The bounties for a model with ids below `before`, newest first, at most [`BOUNTIES_AT_ONCE_MAX`] of them; from the newest
    /// on where `before` is absent.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn bounties_of_model(&self, model: B256, before: Option<u64>) -> Result<Vec<NumberedBounty>, NodeError> {
        if before == Some(0) {
            return Ok(vec![]);
        }
        self.query(move |snapshot| {
            // To the contract, 0 is no bound.
            let before = U256::from(before.unwrap_or(0));
            let ids = read(snapshot, ModelBounty::bountiesOfCall { modelDigest: model, before })?;
            numbered(snapshot, ids.into_iter().map(|id| u64::try_from(id).unwrap_or(u64::MAX)).collect())
        })
        .await
    }

    /// One bounty with its claims from number `from` on, oldest first, at most [`BOUNTIES_AT_ONCE_MAX`] of them.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn bounty(
        &self,
        id: u64,
        from: u64,
    ) -> Result<Option<(NumberedBounty, Vec<ModelBounty::Claim>)>, NodeError> {
        self.query(move |snapshot| {
            let count = read(snapshot, ModelBounty::bountyCountCall {})?;
            if id == 0 || U256::from(id) > count {
                return Ok(None);
            }
            let claims =
                read(snapshot, ModelBounty::claimsOfCall { bountyId: U256::from(id), from: U256::from(from) })?;
            Ok(numbered(snapshot, vec![id])?.pop().map(|bounty| (bounty, claims)))
        })
        .await
    }
}

/// A claim that waits to be paid: its bounty, and the receipt that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingClaim {
    pub bounty: u64,
    pub receipt_hash: B256,
    pub provider: Address,
}

impl NodeHandle {
    /// Of these receipts, each with its provider, those for which a claim waits. All at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn waiting_claims(&self, receipts: Vec<(B256, Address)>) -> Result<Vec<WaitingClaim>, NodeError> {
        self.query(move |snapshot| {
            let mut waiting = Vec::new();
            for (receipt_hash, provider) in receipts {
                let bounty = read(snapshot, ModelBounty::bountyOfReceiptCall { receiptHash: receipt_hash })?;
                if bounty.is_zero() {
                    continue;
                }
                let claim = read(snapshot, ModelBounty::claimOfCall { bountyId: bounty, provider })?;
                if claim.receiptHash == receipt_hash && claim.state == ClaimState::Waiting {
                    let bounty = u64::try_from(bounty).unwrap_or(u64::MAX);
                    waiting.push(WaitingClaim { bounty, receipt_hash, provider });
                }
            }
            Ok(waiting)
        })
        .await
    }
}

fn numbered(snapshot: &Snapshot, ids: Vec<u64>) -> Result<Vec<NumberedBounty>, NodeError> {
    let call = ModelBounty::bountiesCall { bountyIds: ids.iter().copied().map(U256::from).collect() };
    let bounties = read(snapshot, call)?;
    Ok(ids.into_iter().zip(bounties).map(|(id, bounty)| NumberedBounty { id, bounty }).collect())
}

fn read<C: SolCall>(snapshot: &Snapshot, call: C) -> Result<C::Return, NodeError> {
    let request = Call { to: Some(MODEL_BOUNTY_ADDRESS), data: call.abi_encode().into(), ..Call::default() };
    let outcome = snapshot.call(snapshot.head().number, &request, &Default::default(), &chain::never_over)?;
    C::abi_decode_returns(&outcome.output).map_err(|error| {
        let answered = format!("the bounties at {MODEL_BOUNTY_ADDRESS} answered: {error}");
        NodeError::Chain(chain::ChainError::InvalidCall(answered))
    })
}
