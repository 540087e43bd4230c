//! Claims on bounties whose receipts were refuted after the minter had paid them: the hub's attester has them dropped.
//!
//! What the minter still holds is voided, and the contract of the bounties drops a claim on a voided receipt by itself. A claim
//! may come long after the refutation, so refuted receipts are looked at again and again, until no bounty can be open any more that they may claim.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall, SolInterface as _};
use contracts::ModelBounty::{self, ModelBountyErrors as Errors};
use contracts::{AI_TOKEN_MINTER_ADDRESS, MAX_BOUNTY_SECONDS, MAX_HOLD_SECONDS, MODEL_BOUNTY_ADDRESS};
use hub::settlement::RefusalLasts;
use node::WaitingClaim;
use shared::api::payments::PlacedTransaction;
use shared::time::UnixMillis;
use shared::typed_data::SigningDomain;
use shared::void::VoidReceipt;
use shared::{B256, Bytes};
use store::change::{CloseRejection, LookForClaimsAgain, RejectionEnd};
use store::record::{OutboxPayload, OutboxRecord, OutboxState, ReceiptRecord};

use super::mint::{Estimate, Refusal};
use super::outbox::End;
use super::{Settlement, SettlementError};
use crate::clock;

/// Refuted receipts that one look is about.
const LOOKED_AT_ONCE: u64 = 64;

/// How long a receipt waits for the next look.
const LOOK_AGAIN_MS: u64 = 60_000;

/// After this no claim on a receipt waits. Only a bounty that was pledged before the work began may be claimed for it, while it is
/// open, and the claim waits as long as the minter holds an amount.
const CLAIMED_WITHIN_MS: u64 = (MAX_BOUNTY_SECONDS + MAX_HOLD_SECONDS) * 1_000;

impl Settlement {
    /// Signs the rejection of the next claim on a refuted receipt. Returns whether there is one to send.
    pub(super) async fn queue_rejection(&self) -> Result<bool, SettlementError> {
        let now = clock::now();
        let attested_since = UnixMillis(now.0.saturating_sub(CLAIMED_WITHIN_MS));
        let refuted = self.store.list_refuted_and_paid(now, attested_since, LOOKED_AT_ONCE).await?;
        if refuted.is_empty() || self.stop.is_cancelled() {
            return Ok(false);
        }
        let asked = refuted.iter().map(|receipt| (receipt.signed.receipt_hash, receipt.signed.receipt.provider));
        let claims = match self.node.waiting_claims(asked.collect()).await {
            Ok(claims) => claims,
            Err(error) => {
                // Everything else that is to be settled goes on.
                tracing::error!(%error, "claims on refuted receipts could not be looked for");
                return self.look_again_later(&refuted).await;
            }
        };
        for claim in claims {
            let of_claim = |receipt: &&ReceiptRecord| receipt.signed.receipt_hash == claim.receipt_hash;
            let Some(receipt) = refuted.iter().find(of_claim) else { continue };
            let call = self.rejection(claim, receipt)?;
            match self.estimate_gas(MODEL_BOUNTY_ADDRESS, &call, refusal).await? {
                Estimate::Gas(gas_limit) => {
                    let payload = OutboxPayload::Reject { receipt: claim.receipt_hash, bounty: claim.bounty };
                    self.queue(payload, MODEL_BOUNTY_ADDRESS, call, gas_limit).await?;
                    return Ok(true);
                }
                Estimate::Refused(refusal) => {
                    let (receipt_hash, bounty, reason) = (claim.receipt_hash, claim.bounty, refusal.reason);
                    tracing::warn!(%receipt_hash, bounty, reason, "a rejection would be refused");
                }
            }
        }
        self.look_again_later(&refuted).await
    }

    /// Puts these receipts aside for a while; there is nothing to send.
    async fn look_again_later(&self, refuted: &[ReceiptRecord]) -> Result<bool, SettlementError> {
        let receipts = refuted.iter().map(|receipt| receipt.signed.receipt_hash).collect();
        let not_before = clock::now().plus_ms(LOOK_AGAIN_MS);
        self.store.write(LookForClaimsAgain { receipts, not_before }).await?;
        Ok(false)
    }

    fn rejection(&self, claim: WaitingClaim, receipt: &ReceiptRecord) -> Result<Bytes, SettlementError> {
        let reason = receipt.void_reason.clone().unwrap_or_default();
        let void = VoidReceipt { receipt_hash: claim.receipt_hash, reason: reason.clone() };
        let domain = SigningDomain::of_contract(receipt.signed.receipt.chain_id, AI_TOKEN_MINTER_ADDRESS);
        let call = ModelBounty::rejectCall {
            bountyId: U256::from(claim.bounty),
            provider: claim.provider,
            reason,
            attesterSignatures: vec![self.hub_key.sign(&void, &domain)?],
        };
        Ok(call.abi_encode().into())
    }

    /// Records what a rejection's end means.
    pub(super) async fn record_rejection_end(
        &self,
        sent: &OutboxRecord,
        (receipt_hash, bounty): (B256, u64),
        end: &End,
    ) -> Result<(), SettlementError> {
        let not_before = clock::now().plus_ms(LOOK_AGAIN_MS);
        let end = match end {
            End::Included(included) if included.receipt.success => {
                let (transaction_hash, block_number) = (sent.transaction_hash, included.place.height);
                tracing::info!(transaction = %transaction_hash, %receipt_hash, bounty, "a claim on a bounty is rejected");
                RejectionEnd::Rejected(PlacedTransaction { transaction_hash, block_number })
            }
            End::Included(included) => {
                let refusal = refusal(&included.receipt.revert_data);
                tracing::warn!(%receipt_hash, bounty, reason = refusal.reason, "a rejection was refused");
                let block_number = Some(included.place.height);
                RejectionEnd::Again { state: OutboxState::Reverted, block_number, not_before }
            }
            End::Replaced => RejectionEnd::Again { state: OutboxState::Replaced, block_number: None, not_before },
        };
        Ok(self.store.write(CloseRejection { outbox_id: sent.id, receipt_hash, bounty, end }).await?)
    }
}

/// What the contract of the bounties says.
fn refusal(output: &[u8]) -> Refusal {
    let reason = match Errors::abi_decode(output) {
        Ok(error) => format!("the bounties refuse: {error:?}"),
        Err(_) => format!("the bounties refuse with {}", Bytes::copy_from_slice(output)),
    };
    Refusal { reason, lasts: RefusalLasts::Unknown }
}
