//! What came of a batch, recorded.

use std::collections::BTreeMap;

use alloy_sol_types::SolEvent;
use contracts::{AI_TOKEN_MINTER_ADDRESS, AITokenMinter};
use hub::settlement::{AfterRevert, after_revert};
use node::chain::{IncludedTransaction, LogFilter};
use shared::B256;
use shared::amount::Amount;
use store::change::{MintedReceipt, RecordMined, RecordReverted, RevertedBatch};
use store::record::{BatchRecord, ReceiptRecord};

use super::mint::Refusal;
use super::{SettlementError, mint};
use crate::app::App;
use crate::clock;

/// A block has the batch.
pub(super) async fn record_included(
    app: &App,
    batch: &BatchRecord,
    included: &IncludedTransaction,
) -> Result<(), SettlementError> {
    let receipts = app.store.list_receipts_of_batch(batch.id).await?;
    let block_number = included.place.height;
    if !included.receipt.success {
        let refusal = mint::refusal(&included.receipt.revert_data);
        let reverted = RevertedBatch { id: batch.id, block_number: Some(block_number) };
        return record_refused(app, Some(reverted), &receipts, refusal).await;
    }
    let amounts: BTreeMap<B256, Amount> = included
        .receipt
        .logs
        .iter()
        .filter(|log| log.address == AI_TOKEN_MINTER_ADDRESS)
        .filter_map(|log| AITokenMinter::Minted::decode_log(log).ok())
        .map(|event| (event.receiptHash, Amount::from_atto(u128::try_from(event.amount).unwrap_or(u128::MAX))))
        .collect();
    let (minted, skipped): (Vec<_>, Vec<_>) =
        receipts.iter().partition(|receipt| amounts.contains_key(&receipt.signed.receipt_hash));
    record_mined(app, batch, batch.transaction_hash, block_number, &minted).await?;
    for receipt in skipped {
        // The minter skips what it minted before: whoever sent that transaction, its block has the mint.
        let (transaction_hash, block_number) = find_mint(app, receipt.signed.receipt_hash).await?;
        record_mined(app, batch, transaction_hash, block_number, &[receipt]).await?;
    }
    Ok(())
}

async fn record_mined(
    app: &App,
    batch: &BatchRecord,
    transaction_hash: B256,
    block_number: u64,
    receipts: &[&ReceiptRecord],
) -> Result<(), SettlementError> {
    let minted = receipts.iter().map(|receipt| MintedReceipt {
        receipt_hash: receipt.signed.receipt_hash,
        job_id: receipt.signed.receipt.job_id,
        provider: receipt.signed.receipt.provider,
        amount: receipt.amount,
    });
    let change = RecordMined { batch_id: batch.id, transaction_hash, block_number, minted: minted.collect() };
    app.store.write(change).await?;
    app.metrics.receipts_minted.inc_by(receipts.len() as u64);
    tracing::info!(transaction = %transaction_hash, block_number, receipts = receipts.len(), "receipts were minted");
    receipts.iter().for_each(|receipt| app.hub.changed(receipt.signed.receipt.job_id));
    Ok(())
}

async fn find_mint(app: &App, receipt_hash: B256) -> Result<(B256, u64), SettlementError> {
    let mut filter = LogFilter::default();
    filter.addresses.insert(AI_TOKEN_MINTER_ADDRESS);
    filter.topics[0].insert(AITokenMinter::Minted::SIGNATURE_HASH);
    filter.topics[2].insert(receipt_hash);
    let head = app.node.head()?.number;
    let logs = app.node.logs(filter, 0, head).await?;
    let log = logs.first().ok_or_else(|| SettlementError::Sign(format!("no mint of {receipt_hash} is in the log")))?;
    Ok((log.transaction_hash, log.place.height))
}

/// The simulation says that the minter would refuse these receipts.
pub(super) async fn record_simulated(
    app: &App,
    receipts: &[ReceiptRecord],
    refusal: Refusal,
) -> Result<(), SettlementError> {
    record_refused(app, None, receipts, refusal).await
}

/// Another transaction took the batch's nonce, so no block will ever have the batch: its receipts wait again.
pub(super) async fn record_replaced(app: &App, batch: &BatchRecord) -> Result<(), SettlementError> {
    let receipts = app.store.list_receipts_of_batch(batch.id).await?;
    tracing::warn!(nonce = batch.nonce, "another transaction took the nonce of a mint; its receipts wait again");
    let change = RecordReverted {
        batch: Some(RevertedBatch { id: batch.id, block_number: None }),
        reason: "another transaction took the nonce".to_owned(),
        retry: receipts.iter().map(|receipt| receipt.signed.receipt_hash).collect(),
        not_before: clock::now(),
        refused: vec![],
    };
    Ok(app.store.write(change).await?)
}

async fn record_refused(
    app: &App,
    batch: Option<RevertedBatch>,
    receipts: &[ReceiptRecord],
    Refusal { reason, temporary }: Refusal,
) -> Result<(), SettlementError> {
    app.metrics.mint_transactions_reverted.inc();
    let now = clock::now();
    let mut change = RecordReverted { batch, reason: reason.clone(), retry: vec![], not_before: now, refused: vec![] };
    for receipt in receipts {
        let attempts = receipt.attempts + u32::from(change.batch.is_none());
        match after_revert(attempts, receipts.len() > 1, temporary, now) {
            AfterRevert::RetryAt(at) => {
                change.not_before = change.not_before.max(at);
                change.retry.push(receipt.signed.receipt_hash);
            }
            AfterRevert::GiveUp => change.refused.push(receipt.signed.receipt_hash),
        }
    }
    tracing::warn!(reason, retry = change.retry.len(), refused = change.refused.len(), "a mint was refused");
    app.store.write(change).await?;
    receipts.iter().for_each(|receipt| app.hub.changed(receipt.signed.receipt.job_id));
    Ok(())
}
