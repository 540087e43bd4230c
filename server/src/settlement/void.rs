//! What the minter holds of a refuted miner, taken back by the hub's attester, receipt by receipt.
//!
//! The chain decides what is held. Where more attesters than the hub must sign, the minter refuses, and the hub says so
//! and tries again.

use alloy_primitives::U256;
use alloy_sol_types::SolCall;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use shared::typed_data::SigningDomain;
use shared::void::VoidReceipt;
use shared::{B256, Bytes};
use store::change::{CloseVoid, VoidEnd};
use store::record::{OutboxPayload, OutboxRecord, OutboxState, ReceiptRecord};

use super::outbox::End;
use super::outcome::Closed;
use super::{Settlement, SettlementError, mint};
use crate::clock;

/// After a failed void its receipt waits so long.
const VOID_PAUSE_MS: u64 = 60_000;

impl Settlement {
    /// Signs a void of the next receipt of a refuted miner. Returns whether there is one to send.
    pub(super) async fn queue_void(&self) -> Result<bool, SettlementError> {
        while !self.stop.is_cancelled() {
            let Some(receipt) = self.store.find_receipt_to_void(clock::now()).await? else { return Ok(false) };
            let receipt_hash = receipt.signed.receipt_hash;
            let call = self.void_call(&receipt)?;
            match self.estimate_gas(AI_TOKEN_MINTER_ADDRESS, &call, mint::refusal).await? {
                mint::Estimate::Gas(gas_limit) => {
                    let payload = OutboxPayload::Void { receipt: receipt_hash };
                    self.queue(payload, AI_TOKEN_MINTER_ADDRESS, call, gas_limit).await?;
                    return Ok(true);
                }
                mint::Estimate::Refused(refusal) => {
                    let end = self.end_on_chain(&receipt).await?;
                    tracing::warn!(%receipt_hash, reason = refusal.reason, ?end, "a void would be refused");
                    self.store.write(CloseVoid { transaction: None, receipt_hash, end }).await?;
                }
            }
        }
        Ok(false)
    }

    /// What became of a receipt that the minter does not void.
    async fn end_on_chain(&self, receipt: &ReceiptRecord) -> Result<VoidEnd, SettlementError> {
        let signed = &receipt.signed;
        if self.node.are_voided(vec![mint::struct_hash(signed)]).await?.contains(&true) {
            return Ok(VoidEnd::Voided);
        }
        let due = receipt.due.map_or(0, |due| due.0);
        let held = self.node.held_amounts(vec![(signed.receipt.provider, due)]).await?;
        let is_empty = held.iter().all(|amount| amount.atto() == 0);
        let not_before = clock::now().plus_ms(VOID_PAUSE_MS);
        Ok(if is_empty { VoidEnd::Paid } else { VoidEnd::Again { not_before } })
    }

    fn void_call(&self, receipt: &ReceiptRecord) -> Result<Bytes, SettlementError> {
        let claim = &receipt.signed.receipt;
        let reason = receipt.void_reason.clone().unwrap_or_default();
        let void = VoidReceipt { receipt_hash: receipt.signed.receipt_hash, reason: reason.clone() };
        let domain = SigningDomain::of_contract(claim.chain_id, claim.contract);
        let call = AITokenMinter::voidReceiptCall {
            receipt: mint::claimed(&receipt.signed),
            dueUnix: U256::from(receipt.due.map_or(0, |due| due.0)),
            reason,
            attesterSignatures: vec![self.hub_key.sign(&void, &domain)?],
        };
        Ok(call.abi_encode().into())
    }

    /// Records what a void's end means for its receipt.
    pub(super) async fn record_void_end(
        &self,
        sent: &OutboxRecord,
        receipt_hash: B256,
        end: &End,
    ) -> Result<(), SettlementError> {
        let again = VoidEnd::Again { not_before: clock::now().plus_ms(VOID_PAUSE_MS) };
        let (state, block, end): (OutboxState, Option<u64>, VoidEnd) = match end {
            End::Included(included) if included.receipt.success => {
                tracing::info!(transaction = %sent.transaction_hash, %receipt_hash, "a refuted miner's receipt is voided");
                (OutboxState::Included, Some(included.place.height), VoidEnd::Voided)
            }
            End::Included(included) => {
                let refusal = mint::refusal(&included.receipt.revert_data);
                tracing::warn!(%receipt_hash, reason = refusal.reason, "a void was refused");
                (OutboxState::Reverted, Some(included.place.height), again)
            }
            End::Replaced => (OutboxState::Replaced, None, again),
        };
        let closed: Closed = (sent.id, state, block);
        self.store.write(CloseVoid { transaction: Some(closed), receipt_hash, end }).await?;
        let receipts = self.store.list_receipts_by_hash(&[receipt_hash]).await?;
        self.tell_watchers(&receipts);
        Ok(())
    }
}
