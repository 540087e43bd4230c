//! What came of a mint, recorded.

use std::collections::BTreeMap;

use alloy_sol_types::SolEvent;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use hub::settlement::{AfterRevert, after_revert};
use node::chain::{IncludedTransaction, LogFilter};
use shared::B256;
use store::change::{MintedReceipt, RecordMinted, RecordRefused};
use store::record::{OutboxPayload, OutboxRecord, OutboxState, ReceiptRecord};

use super::mint::Refusal;
use super::outbox::End;
use super::{Settlement, SettlementError, mint};
use crate::clock;

/// A transaction of the outbox, its end, and the block that has it.
type Closed = (i64, OutboxState, Option<u64>);

impl Settlement {
    /// Records what a transaction's end means for what it was sent for.
    pub(super) async fn record_end(&self, sent: &OutboxRecord, end: &End) -> Result<(), SettlementError> {
        let OutboxPayload::Mint { receipts } = &sent.payload;
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
        let here: BTreeMap<B256, (B256, u64)> = logs
            .filter_map(|log| AITokenMinter::Minted::decode_log(log).ok())
            .map(|event| (event.receiptHash, (sent.transaction_hash, block_number)))
            .collect();
        let mut minted = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let receipt_hash = receipt.signed.receipt_hash;
            // The minter skips what was minted before, by whatever transaction: that one's block has the mint.
            let (transaction_hash, block_number) = match here.get(&receipt_hash) {
                Some(place) => *place,
                None => self.find_mint(receipt_hash).await?,
            };
            minted.push(MintedReceipt {
                receipt_hash,
                job_id: receipt.signed.receipt.job_id,
                provider: receipt.signed.receipt.provider,
                amount: receipt.amount,
                transaction_hash,
                block_number,
            });
        }
        self.store.write(RecordMinted { outbox_id: sent.id, block_number, minted }).await?;
        self.metrics.receipts_minted.inc_by(receipts.len() as u64);
        let transaction = sent.transaction_hash;
        tracing::info!(%transaction, block_number, receipts = receipts.len(), "receipts were minted");
        self.tell_watchers(receipts);
        Ok(())
    }

    async fn find_mint(&self, receipt_hash: B256) -> Result<(B256, u64), SettlementError> {
        let mut filter = LogFilter::default();
        filter.addresses.insert(AI_TOKEN_MINTER_ADDRESS);
        filter.topics[0].insert(AITokenMinter::Minted::SIGNATURE_HASH);
        filter.topics[2].insert(receipt_hash);
        let head = self.node.head()?.number;
        let logs = self.node.logs(filter, 0, head).await?;
        let log = logs.first().ok_or(SettlementError::NoMintInLog { receipt_hash, head })?;
        Ok((log.transaction_hash, log.place.height))
    }

    /// The simulation says that the minter would refuse these receipts.
    pub(super) async fn record_simulated(
        &self,
        receipts: &[ReceiptRecord],
        refusal: Refusal,
    ) -> Result<(), SettlementError> {
        self.record_refused(None, receipts, refusal).await
    }

    /// The receipts of a transaction that no block will have wait again.
    async fn record_replaced(&self, sent: &OutboxRecord, receipts: &[ReceiptRecord]) -> Result<(), SettlementError> {
        tracing::warn!(nonce = sent.nonce, "another transaction took the nonce of a mint; its receipts wait again");
        let change = RecordRefused {
            transaction: Some((sent.id, OutboxState::Replaced, None)),
            reason: "another transaction took the nonce".to_owned(),
            retry: receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect(),
            not_before: clock::now(),
            refused: vec![],
        };
        Ok(self.store.write(change).await?)
    }

    async fn record_refused(
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
        tracing::warn!(reason, retry = change.retry.len(), refused = change.refused.len(), "a mint was refused");
        self.store.write(change).await?;
        self.tell_watchers(receipts);
        Ok(())
    }

    fn tell_watchers(&self, receipts: &[ReceiptRecord]) {
        receipts.iter().for_each(|receipt| self.hub.changed(receipt.signed.receipt.job_id));
    }
}
