//! Receipts whose rows lag behind the chain, found at the start and every minute.
//!
//! A receipt whose mint was signed is recorded when the outbox learns what became of the transaction. Where no
//! transaction of the outbox tells of it any more (a crash at a bad moment, a copy of the database from before, another
//! key, a chain that began anew), the chain itself is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy_primitives::U256;
use alloy_sol_types::SolEvent;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter, JOB_ESCROW_ADDRESS};
use hub::settlement::{Reconciled, Seen, reconcile};
use node::chain::LogFilter;
use shared::B256;
use store::change::{MintAgain, MintedReceipt, RecordFoundMint};
use store::record::ReceiptRecord;

use super::{Settlement, SettlementError};
use crate::clock;

/// How often the chain is asked.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// The same where a transaction that the outbox does not send waits for a block.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// Receipts read at once.
pub(super) const PAGE: u64 = 256;

/// Where a receipt was minted.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundMint {
    pub(super) transaction_hash: B256,
    pub(super) block_number: u64,
}

impl FoundMint {
    pub(super) fn of(self, receipt: &ReceiptRecord) -> MintedReceipt {
        MintedReceipt {
            receipt_hash: receipt.signed.receipt_hash,
            job_id: receipt.signed.receipt.job_id,
            provider: receipt.signed.receipt.provider,
            amount: receipt.amount,
            transaction_hash: self.transaction_hash,
            block_number: self.block_number,
        }
    }
}

impl Settlement {
    /// Reconciles until the server stops. Changes name what they saw, so that it runs beside the sending.
    pub(super) async fn reconcile_from_time_to_time(&self) {
        loop {
            let both = async { Ok(self.reconcile_all().await?.min(self.reconcile_payments().await?)) };
            let pause = both.await.unwrap_or_else(|error: SettlementError| {
                tracing::warn!(%error, "receipts and payments were not compared with the chain; it is tried again");
                INTERVAL
            });
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Returns when to look again.
    async fn reconcile_all(&self) -> Result<Duration, SettlementError> {
        let (mut after, mut pause) = (None, INTERVAL);
        loop {
            let page = self.store.list_submitted_receipts(after, PAGE).await?;
            // Read after the receipts: a transaction that ends in between has moved its receipts on, and a change that
            // names the transaction does nothing to them.
            let sent = self.store.list_open_transactions(self.hub_key.address()).await?;
            let sent: BTreeSet<B256> = sent.iter().map(|transaction| transaction.transaction_hash).collect();
            for receipt in &page {
                let is_sent = receipt.transaction_hash.is_some_and(|hash| sent.contains(&hash));
                match self.reconcile_one(receipt, is_sent).await {
                    Ok(Reconciled::Wait) if !is_sent => pause = SOON,
                    Ok(_) => {}
                    // The others are looked at all the same.
                    Err(error) => {
                        let receipt_hash = receipt.signed.receipt_hash;
                        tracing::warn!(%receipt_hash, %error, "a receipt was not compared with the chain");
                    }
                }
            }
            match page.last() {
                Some(last) if !self.stop.is_cancelled() => after = Some(last.seq),
                _ => return Ok(pause),
            }
        }
    }

    async fn reconcile_one(&self, receipt: &ReceiptRecord, is_sent: bool) -> Result<Reconciled, SettlementError> {
        let (receipt_hash, transaction_hash) = (receipt.signed.receipt_hash, receipt.transaction_hash);
        let waits = |hash| self.node.pending_transaction(hash).is_some();
        // First whether it waits: a block between the two reads may only use the receipt.
        let is_on_its_way = is_sent || transaction_hash.is_some_and(waits);
        if receipt.signed.receipt.contract == JOB_ESCROW_ADDRESS {
            return self.reconcile_settlement(receipt, is_on_its_way).await;
        }
        let found = self.find_mint(receipt).await?;
        let needed = reconcile(Seen { is_used: found.is_some(), is_on_its_way });
        match (needed, found) {
            (Reconciled::RecordMint, Some(mint)) => {
                self.store.write(RecordFoundMint(mint.of(receipt))).await?;
                self.metrics.receipts_minted.inc();
                tracing::info!(%receipt_hash, block_number = mint.block_number, "a receipt was found minted");
            }
            (Reconciled::MintAgain, _) => return self.pay_again(receipt).await.map(|()| needed),
            (Reconciled::RecordMint | Reconciled::Wait, _) => return Ok(needed),
        }
        self.hub.changed(receipt.signed.receipt.job_id);
        Ok(needed)
    }

    /// No block will ever have the transaction of a receipt: it waits for another one.
    pub(super) async fn pay_again(&self, receipt: &ReceiptRecord) -> Result<(), SettlementError> {
        let (receipt_hash, transaction_hash) = (receipt.signed.receipt_hash, receipt.transaction_hash);
        let change = MintAgain { receipt_hash, transaction_hash, at: clock::now() };
        if self.store.write(change).await? {
            tracing::warn!(%receipt_hash, "no block will have the transaction of a receipt; it waits for another");
            self.hub.receipts().notify_one();
            self.hub.changed(receipt.signed.receipt.job_id);
        }
        Ok(())
    }

    /// Where a receipt was minted, by whomever: the minter logs it when it uses the receipt. A mint with the same hash for
    /// somebody else, or of another amount, is not the receipt's.
    pub(super) async fn find_mint(&self, receipt: &ReceiptRecord) -> Result<Option<FoundMint>, SettlementError> {
        let signed = &receipt.signed;
        let mut filter = LogFilter::default();
        filter.addresses.insert(AI_TOKEN_MINTER_ADDRESS);
        filter.topics[0].insert(AITokenMinter::Minted::SIGNATURE_HASH);
        filter.topics[1].insert(signed.receipt.provider.into_word());
        filter.topics[2].insert(signed.receipt_hash);
        let Some(log) = self.node.find_log(filter).await? else { return Ok(None) };
        let is_own = AITokenMinter::Minted::decode_log(&log.log).is_ok_and(|event| is_mint_of(&event, receipt));
        let found = FoundMint { transaction_hash: log.transaction_hash, block_number: log.place.height };
        Ok(is_own.then_some(found))
    }
}

/// Whether an event of the minter tells of this receipt, for its miner and of its amount.
pub(super) fn is_mint_of(event: &AITokenMinter::Minted, receipt: &ReceiptRecord) -> bool {
    let signed = &receipt.signed;
    event.receiptHash == signed.receipt_hash
        && event.provider == signed.receipt.provider
        && event.amount == U256::from(receipt.amount.atto())
}
