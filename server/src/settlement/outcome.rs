//! What came of a mint, recorded.

use alloy_sol_types::SolEvent;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use hub::settlement::{AfterRevert, RefusalLasts, after_revert};
use node::chain::IncludedTransaction;
use store::change::{RecordMinted, RecordRefused};
use store::record::{OutboxPayload, OutboxRecord, OutboxState, ReceiptRecord};

use super::mint::Refusal;
use super::outbox::End;
use super::reconcile::{FoundMint, is_mint_of};
use super::{Settlement, SettlementError, mint};
use crate::clock;

/// A transaction of the outbox, its end, and the block that has it.
pub(super) type Closed = (i64, OutboxState, Option<u64>);

impl Settlement {
    /// Records what a transaction's end means for what it was sent for.
    pub(super) async fn record_end(&self, sent: &OutboxRecord, end: &End) -> Result<(), SettlementError> {
        let receipts = match &sent.payload {
            OutboxPayload::Mint { receipts } => receipts,
            OutboxPayload::Release { holds } => return self.record_release_end(sent, holds, end).await,
            OutboxPayload::Reserve { job_id } => return self.record_reservation_end(sent, *job_id, end).await,
            OutboxPayload::Close { job_id } => return self.record_closing_end(sent, *job_id, end).await,
            OutboxPayload::Void { receipt } => return self.record_void_end(sent, *receipt, end).await,
            OutboxPayload::Reject { receipt, bounty } => {
                return self.record_rejection_end(sent, (*receipt, *bounty), end).await;
            }
            OutboxPayload::SettleTrades { .. } | OutboxPayload::Withdraw { .. } => {
                return self.record_exchange_end(sent, end).await;
            }
            OutboxPayload::DistributeFees | OutboxPayload::CollectRewards => {
                return self.record_upkeep_end(sent, end).await;
            }
            OutboxPayload::Settle { receipts } => return self.record_settlement_end(sent, receipts, end).await,
        };
        let receipts = self.store.list_receipts_by_hash(receipts).await?;
        match end {
            End::Included(included) if included.receipt.success => self.record_minted(sent, included, &receipts).await,
            End::Included(included) => {
                let refusal = mint::refusal(&included.receipt.revert_data);
                let closed = (sent.id, OutboxState::Reverted, Some(included.place.height));
                self.record_refused(Some(closed), &receipts, refusal).await
            }
            End::Replaced => self.record_replaced(sent, &receipts).await,
        }
    }

    /// All receipts of one transaction in one change: a crash leaves none of them behind.
    async fn record_minted(
        &self,
        sent: &OutboxRecord,
        included: &IncludedTransaction,
        receipts: &[ReceiptRecord],
    ) -> Result<(), SettlementError> {
        let block_number = included.place.height;
        let logs = included.receipt.logs.iter().filter(|log| log.address == AI_TOKEN_MINTER_ADDRESS);
        let here: Vec<AITokenMinter::Minted> =
            logs.filter_map(|log| AITokenMinter::Minted::decode_log(log).ok()).map(|event| event.data).collect();
        let (mut minted, mut unminted) = (Vec::with_capacity(receipts.len()), Vec::new());
        for receipt in receipts {
            if here.iter().any(|event| is_mint_of(event, receipt)) {
                minted.push(FoundMint { transaction_hash: sent.transaction_hash, block_number }.of(receipt));
                continue;
            }
            // The minter skips what was used before, by whatever transaction. Whatever is found, the transaction has
            // ended, and what comes after it goes on.
            match self.find_mint(receipt).await {
                Ok(Some(mint)) => minted.push(mint.of(receipt)),
                Ok(None) => unminted.push(receipt),
                Err(error) => {
                    let receipt_hash = receipt.signed.receipt_hash;
                    tracing::warn!(%receipt_hash, %error, "where a receipt was minted is looked for again");
                }
            }
        }
        let (count, transaction) = (minted.len() as u64, sent.transaction_hash);
        self.store.write(RecordMinted { outbox_id: sent.id, block_number, minted }).await?;
        self.metrics.receipts_minted.inc_by(count);
        tracing::info!(%transaction, block_number, receipts = count, "receipts were minted");
        self.refuse_used(unminted, "the minter has used the receipt, and its log has no mint of it").await?;
        self.tell_watchers(receipts);
        Ok(())
    }

    /// Gives up receipts that the register has as used, and that were paid to nobody by what this hub knows of them.
    pub(super) async fn refuse_used(&self, receipts: Vec<&ReceiptRecord>, reason: &str) -> Result<(), SettlementError> {
        for receipt in receipts {
            let refusal = Refusal { reason: reason.to_owned(), lasts: RefusalLasts::ForEver };
            self.record_refused(None, std::slice::from_ref(receipt), refusal).await?;
        }
        Ok(())
    }

    /// The simulation says that the contract would refuse these receipts.
    pub(super) async fn record_simulated(
        &self,
        receipts: &[ReceiptRecord],
        refusal: Refusal,
    ) -> Result<(), SettlementError> {
        self.record_refused(None, receipts, refusal).await
    }

    /// The receipts of a transaction that no block will have wait again.
    pub(super) async fn record_replaced(
        &self,
        sent: &OutboxRecord,
        receipts: &[ReceiptRecord],
    ) -> Result<(), SettlementError> {
        tracing::warn!(nonce = sent.nonce, "another transaction took the nonce; the receipts wait again");
        let change = RecordRefused {
            transaction: Some((sent.id, OutboxState::Replaced, None)),
            reason: "another transaction took the nonce".to_owned(),
            retry: receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect(),
            not_before: clock::now(),
            refused: vec![],
        };
        Ok(self.store.write(change).await?)
    }

    pub(super) async fn record_refused(
        &self,
        closed: Option<Closed>,
        receipts: &[ReceiptRecord],
        Refusal { reason, lasts }: Refusal,
    ) -> Result<(), SettlementError> {
        self.metrics.mint_transactions_reverted.inc();
        let now = clock::now();
        let mut change = RecordRefused {
            transaction: closed,
            reason: reason.clone(),
            retry: vec![],
            not_before: now,
            refused: vec![],
        };
        for receipt in receipts {
            let attempts = receipt.attempts + u32::from(closed.is_none());
            match after_revert(attempts, receipts.len() > 1, lasts, now) {
                AfterRevert::RetryAt(at) => {
                    change.not_before = change.not_before.max(at);
                    change.retry.push(receipt.signed.receipt_hash);
                }
                AfterRevert::GiveUp => change.refused.push(receipt.signed.receipt_hash),
            }
        }
        tracing::warn!(reason, retry = change.retry.len(), refused = change.refused.len(), "receipts were refused");
        self.store.write(change).await?;
        self.tell_watchers(receipts);
        Ok(())
    }

    pub(super) fn tell_watchers(&self, receipts: &[ReceiptRecord]) {
        receipts.iter().for_each(|receipt| self.hub.changed(receipt.signed.receipt.job_id));
    }
}
