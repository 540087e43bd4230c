//! What came of mint transactions, for their receipts and miners.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::id::JobId;
use shared::time::UnixMillis;
use shared::{Address, B256};

use super::outbox::close;
use super::{Change, Transaction};
use crate::StoreError;
use crate::amount::{self, StoredAmount};
use crate::columns::{settlement_text, stored_millis, to_i64};
use crate::entity::{job, job_receipt, miner};
use crate::error::Refusal;
use crate::record::OutboxState;

/// The receipts of a mint that was signed just now. All of them wait for their mint, or nothing is stored: a second
/// transaction for the same receipts would be a transaction for nothing.
pub(super) async fn mark_submitted(
    transaction: &Transaction<'_>,
    receipts: &[B256],
    transaction_hash: B256,
) -> Result<(), StoreError> {
    use job_receipt::Column;
    let marked = job_receipt::Entity::update_many()
        .col_expr(Column::Settlement, Expr::value(settlement_text(SettlementState::Submitted)?))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1_i64))
        .col_expr(Column::TransactionHash, Expr::value(transaction_hash.to_string()))
        .filter(Column::ReceiptHash.is_in(receipts.iter().map(ToString::to_string)))
        .filter(Column::Settlement.eq(settlement_text(SettlementState::Pending)?))
        .exec(transaction.connection)
        .await?;
    let asked = receipts.len() as u64;
    match asked.saturating_sub(marked.rows_affected) {
        0 => Ok(()),
        taken => Err(StoreError::Refused(Refusal::ReceiptsTaken { asked, taken })),
    }
}

/// A receipt whose mint is in a block.
#[derive(Debug, Clone)]
pub struct MintedReceipt {
    pub receipt_hash: B256,
    pub job_id: JobId,
    pub provider: Address,
    pub amount: Amount,
    /// The transaction that minted it: the hub's own, or one that somebody else sent before.
    pub transaction_hash: B256,
    pub block_number: u64,
}

/// A mint transaction is in a block and succeeded.
#[derive(Debug, Clone)]
pub struct RecordMinted {
    pub outbox_id: i64,
    pub block_number: u64,
    pub minted: Vec<MintedReceipt>,
}

#[async_trait]
impl Change for RecordMinted {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        close(transaction, self.outbox_id, OutboxState::Included, Some(self.block_number)).await?;
        for minted in &self.minted {
            record_minted(transaction, minted).await?;
        }
        Ok(())
    }
}

/// Records a mint once, with all that follows from it.
pub(super) async fn record_minted(transaction: &Transaction<'_>, minted: &MintedReceipt) -> Result<(), StoreError> {
    if mark_paid(transaction, minted, SettlementState::Minted).await? {
        announce(transaction, minted.job_id).await?;
        pay_out(transaction, minted, minted.amount).await?;
    }
    Ok(())
}

/// Whether it was not paid before.
pub(super) async fn mark_paid(
    transaction: &Transaction<'_>,
    minted: &MintedReceipt,
    state: SettlementState,
) -> Result<bool, StoreError> {
    use job_receipt::Column;
    let updated = job_receipt::Entity::update_many()
        .col_expr(Column::Settlement, Expr::value(settlement_text(state)?))
        .col_expr(Column::TransactionHash, Expr::value(minted.transaction_hash.to_string()))
        .col_expr(Column::BlockNumber, Expr::value(to_i64(minted.block_number)))
        .filter(Column::ReceiptHash.eq(minted.receipt_hash.to_string()))
        .filter(Column::BlockNumber.is_null())
        .exec(transaction.connection)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// The job's revision grows, so those that follow it are told something new.
pub(super) async fn announce(transaction: &Transaction<'_>, job_id: JobId) -> Result<(), StoreError> {
    job::Entity::update_many()
        .col_expr(job::Column::Revision, Expr::col(job::Column::Revision).add(1_i64))
        .filter(job::Column::Id.eq(job_id.to_string()))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// What was pending is paid, and what the miner got of it is earned.
pub(super) async fn pay_out(
    transaction: &Transaction<'_>,
    minted: &MintedReceipt,
    earned: Amount,
) -> Result<(), StoreError> {
    use miner::Column;
    let amount = StoredAmount::new("receipt.amount", minted.amount)?;
    let update = miner::Entity::update_many().filter(Column::Address.eq(minted.provider.to_string()));
    let earned = StoredAmount::new("receipt.amount", earned)?;
    let update = amount::add(update, (Column::EarnedAit, Column::EarnedAtto), earned);
    amount::subtract(update, (Column::PendingAit, Column::PendingAtto), amount).exec(transaction.connection).await?;
    Ok(())
}

/// Receipts that the minter refused in a simulation or in a block, or whose transaction no block will ever have.
#[derive(Debug, Clone)]
pub struct RecordRefused {
    /// The transaction, what became of it, and the block that has it; `None` after a simulation.
    pub transaction: Option<(i64, OutboxState, Option<u64>)>,
    pub reason: String,
    /// Receipts that may be tried again, and when; they keep the reason until then.
    pub retry: Vec<B256>,
    pub not_before: UnixMillis,
    /// Receipts that are given up.
    pub refused: Vec<B256>,
}

#[async_trait]
impl Change for RecordRefused {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use job_receipt::Column;
        if let Some((outbox_id, state, block_number)) = self.transaction
            && !close(transaction, outbox_id, state, block_number).await?
        {
            // Another hub with the same key has recorded this end, and its receipts may be on their way again.
            return Ok(());
        }
        // A transaction counted its attempt when it was signed.
        let simulated = i64::from(self.transaction.is_none());
        for (receipts, state) in [(&self.retry, SettlementState::Pending), (&self.refused, SettlementState::Refused)] {
            job_receipt::Entity::update_many()
                .col_expr(Column::Settlement, Expr::value(settlement_text(state)?))
                .col_expr(Column::Refusal, Expr::value(self.reason.clone()))
                .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(simulated))
                .col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(self.not_before)))
                .filter(Column::ReceiptHash.is_in(receipts.iter().map(ToString::to_string)))
                .filter(Column::BlockNumber.is_null())
                .exec(transaction.connection)
                .await?;
        }
        Ok(())
    }
}
