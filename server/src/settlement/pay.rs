//! Receipts of paid jobs: the escrow pays the miner exactly what was verified, and the rest is the client's again.

use alloy_sol_types::SolEvent;
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use hub::settlement::{BATCH_MAX_RECEIPTS, Reconciled, Seen, batch_size, reconcile};
use node::chain::{IncludedTransaction, LogFilter};
use shared::B256;
use shared::amount::Amount;
use store::change::{RecordSettled, SettledReceipt};
use store::record::{OutboxPayload, OutboxRecord, OutboxState, ReceiptRecord};

use super::mint::Estimate;
use super::outbox::End;
use super::reconcile::FoundMint;
use super::{Settlement, SettlementError, escrow};
use crate::clock;

/// A payment on the chain, by whomever it was sent.
struct Paid {
    at: FoundMint,
    paid: Amount,
    fee: Amount,
}

impl Paid {
    fn of(&self, receipt: &ReceiptRecord) -> SettledReceipt {
        SettledReceipt { receipt: self.at.of(receipt), paid: self.paid, fee: self.fee }
    }
}

impl Settlement {
    /// Signs the payment of the receipts that wait for one. Returns whether there is something to send.
    pub(super) async fn queue_settlement(&self) -> Result<bool, SettlementError> {
        let (contract, limit) = (JOB_ESCROW_ADDRESS, BATCH_MAX_RECEIPTS as u64);
        let waiting = self.store.list_receipts_to_pay(contract, clock::now(), limit).await?;
        let attempts: Vec<u32> = waiting.iter().map(|receipt| receipt.attempts).collect();
        let size = batch_size(&attempts);
        if size == 0 || self.stop.is_cancelled() {
            return Ok(false);
        }
        let receipts = &waiting[..size];
        let call = escrow::settle(receipts);
        match self.estimate_gas(contract, &call, escrow::refusal).await? {
            Estimate::Gas(gas_limit) => {
                let receipts = receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect();
                self.queue(OutboxPayload::Settle { receipts }, contract, call, gas_limit).await?;
                Ok(true)
            }
            Estimate::Refused(refusal) => {
                self.record_simulated(receipts, refusal).await?;
                // Those that were refused together are tried one by one, and the others now.
                Ok(true)
            }
        }
    }

    /// Records what the end of a payment's transaction means.
    pub(super) async fn record_settlement_end(
        &self,
        sent: &OutboxRecord,
        receipts: &[B256],
        end: &End,
    ) -> Result<(), SettlementError> {
        let receipts = self.store.list_receipts_by_hash(receipts).await?;
        match end {
            End::Included(included) if included.receipt.success => self.record_settled(sent, included, &receipts).await,
            End::Included(included) => {
                let closed = (sent.id, OutboxState::Reverted, Some(included.place.height));
                let refusal = escrow::refusal(&included.receipt.revert_data);
                self.record_refused(Some(closed), &receipts, refusal).await
            }
            End::Replaced => self.record_replaced(sent, &receipts).await,
        }
    }

    async fn record_settled(
        &self,
        sent: &OutboxRecord,
        included: &IncludedTransaction,
        receipts: &[ReceiptRecord],
    ) -> Result<(), SettlementError> {
        let block_number = included.place.height;
        let at = FoundMint { transaction_hash: sent.transaction_hash, block_number };
        let logs = included.receipt.logs.iter().filter(|log| log.address == JOB_ESCROW_ADDRESS);
        let events = logs.filter_map(|log| JobEscrow::Settled::decode_log(log).ok());
        let here: Vec<JobEscrow::Settled> = events.map(|event| event.data).collect();
        let (mut settled, mut unpaid) = (Vec::with_capacity(receipts.len()), Vec::new());
        for receipt in receipts {
            if let Some(paid) = here.iter().find_map(|event| payment_of(event, receipt, at)) {
                settled.push(paid.of(receipt));
                continue;
            }
            // The escrow skips what was used before: paid by a transaction of somebody else, or minted. Whatever is
            // found, the transaction has ended, and what comes after it goes on.
            match self.find_settlement(receipt).await {
                Ok(Some(paid)) => settled.push(paid.of(receipt)),
                Ok(None) => unpaid.push(receipt),
                Err(error) => {
                    let receipt_hash = receipt.signed.receipt_hash;
                    tracing::warn!(%receipt_hash, %error, "where a receipt was paid is looked for again");
                }
            }
        }
        let (count, at) = (settled.len() as u64, clock::now());
        self.store.write(RecordSettled { closes: Some((sent.id, block_number)), settled, at }).await?;
        self.metrics.receipts_settled.inc_by(count);
        tracing::info!(transaction = %sent.transaction_hash, block_number, receipts = count, "receipts were settled");
        self.refuse_used(unpaid, "the minter has used the receipt, so the escrow pays nothing for it").await?;
        self.tell_watchers(receipts);
        Ok(())
    }

    /// Brings a receipt whose payment was signed in line with the chain.
    pub(super) async fn reconcile_settlement(
        &self,
        receipt: &ReceiptRecord,
        is_on_its_way: bool,
    ) -> Result<Reconciled, SettlementError> {
        let found = self.find_settlement(receipt).await?;
        let needed = reconcile(Seen { is_used: found.is_some(), is_on_its_way });
        match (needed, found) {
            (Reconciled::RecordMint, Some(paid)) => {
                let settled = vec![paid.of(receipt)];
                self.store.write(RecordSettled { closes: None, settled, at: clock::now() }).await?;
                self.metrics.receipts_settled.inc();
                tracing::info!(receipt_hash = %receipt.signed.receipt_hash, "a receipt was found settled");
                self.hub.changed(receipt.signed.receipt.job_id);
            }
            (Reconciled::MintAgain, _) => self.pay_again(receipt).await?,
            (Reconciled::RecordMint | Reconciled::Wait, _) => {}
        }
        Ok(needed)
    }

    /// Where the escrow paid a receipt, by whomever it was sent.
    async fn find_settlement(&self, receipt: &ReceiptRecord) -> Result<Option<Paid>, SettlementError> {
        let signed = &receipt.signed;
        let mut filter = LogFilter::default();
        filter.addresses.insert(JOB_ESCROW_ADDRESS);
        filter.topics[0].insert(JobEscrow::Settled::SIGNATURE_HASH);
        filter.topics[1].insert(signed.receipt_hash);
        filter.topics[2].insert(signed.receipt.provider.into_word());
        filter.topics[3].insert(signed.receipt.client.into_word());
        let Some(log) = self.node.find_log(filter).await? else { return Ok(None) };
        let at = FoundMint { transaction_hash: log.transaction_hash, block_number: log.place.height };
        let event = JobEscrow::Settled::decode_log(&log.log).ok();
        Ok(event.and_then(|event| payment_of(&event, receipt, at)))
    }
}

/// What an event of the escrow tells of this receipt; nothing where it is about another miner, client, job or amount.
fn payment_of(event: &JobEscrow::Settled, receipt: &ReceiptRecord, at: FoundMint) -> Option<Paid> {
    let (signed, paid, fee) = (&receipt.signed, escrow::amount(event.paid), escrow::amount(event.fee));
    let is_own = event.receiptHash == signed.receipt_hash
        && event.provider == signed.receipt.provider
        && event.client == signed.receipt.client
        && event.jobId == escrow::job_id_bytes(signed.receipt.job_id)
        && paid.checked_add(fee) == Some(receipt.amount);
    is_own.then_some(Paid { at, paid, fee })
}
