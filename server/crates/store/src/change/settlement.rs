//! Receipts on their way to the chain. A batch is stored, signed, before anybody else sees it.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter};
use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::id::JobId;
use shared::time::UnixMillis;
use shared::{Address, B256, Bytes};

use super::Change;
use super::complete::{add_to_sums, settlement_text};
use crate::StoreError;
use crate::entity::{job, job_receipt, settlement_batch};
use crate::record::BatchState;
use crate::repository::{encode, stored_millis, to_i64};

/// A signed mint transaction and the receipts that it mints.
#[derive(Debug, Clone)]
pub struct StoreBatch {
    pub nonce: u64,
    pub transaction_hash: B256,
    pub raw_transaction: Bytes,
    pub receipts: Vec<B256>,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for StoreBatch {
    /// The batch's number.
    type Output = i64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<i64, StoreError> {
        let row = settlement_batch::ActiveModel {
            nonce: Set(to_i64(self.nonce)),
            transaction_hash: Set(self.transaction_hash.to_string()),
            raw_transaction: Set(self.raw_transaction.to_string()),
            state: Set(batch_text(BatchState::Signed)?),
            signed_at_unix_ms: Set(stored_millis(self.at)),
            ..Default::default()
        };
        let batch_id = settlement_batch::Entity::insert(row).exec(transaction).await?.last_insert_id;
        job_receipt::Entity::update_many()
            .col_expr(job_receipt::Column::Settlement, Expr::value(settlement_text(SettlementState::Submitted)?))
            .col_expr(job_receipt::Column::BatchId, Expr::value(batch_id))
            .col_expr(job_receipt::Column::Attempts, Expr::col(job_receipt::Column::Attempts).add(1))
            .col_expr(job_receipt::Column::TransactionHash, Expr::value(self.transaction_hash.to_string()))
            .filter(job_receipt::Column::ReceiptHash.is_in(self.receipts.iter().map(ToString::to_string)))
            .exec(transaction)
            .await?;
        Ok(batch_id)
    }
}

pub(crate) fn batch_text(state: BatchState) -> Result<String, StoreError> {
    Ok(encode("batch state", &state)?.trim_matches('"').to_owned())
}

/// A receipt whose mint is in a block.
#[derive(Debug, Clone)]
pub struct MintedReceipt {
    pub receipt_hash: B256,
    pub job_id: JobId,
    pub provider: Address,
    pub amount: Amount,
}

/// A batch is in a block and succeeded.
#[derive(Debug, Clone)]
pub struct RecordMined {
    pub batch_id: i64,
    pub transaction_hash: B256,
    pub block_number: u64,
    pub minted: Vec<MintedReceipt>,
}

#[async_trait]
impl Change for RecordMined {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        let block = to_i64(self.block_number);
        close_batch(transaction, self.batch_id, BatchState::Mined, Some(block)).await?;
        for minted in &self.minted {
            let updated = job_receipt::Entity::update_many()
                .col_expr(job_receipt::Column::Settlement, Expr::value(settlement_text(SettlementState::Minted)?))
                .col_expr(job_receipt::Column::TransactionHash, Expr::value(self.transaction_hash.to_string()))
                .col_expr(job_receipt::Column::BlockNumber, Expr::value(block))
                .filter(job_receipt::Column::ReceiptHash.eq(minted.receipt_hash.to_string()))
                .filter(job_receipt::Column::BlockNumber.is_null())
                .exec(transaction)
                .await?;
            if updated.rows_affected == 0 {
                continue;
            }
            job::Entity::update_many()
                .col_expr(job::Column::Revision, Expr::col(job::Column::Revision).add(1))
                .filter(job::Column::Id.eq(minted.job_id.to_string()))
                .exec(transaction)
                .await?;
            add_to_sums(transaction, minted.provider, |sums| {
                sums.earned = sums.earned.checked_add(minted.amount).unwrap_or(sums.earned);
                sums.pending = sums.pending.checked_sub(minted.amount).unwrap_or(Amount::ZERO);
            })
            .await?;
        }
        Ok(())
    }
}

/// A mint transaction that came to nothing.
#[derive(Debug, Clone, Copy)]
pub struct RevertedBatch {
    pub id: i64,
    /// The block that has it, where one has.
    pub block_number: Option<u64>,
}

/// The minter refused a batch as a whole, in a block or in a simulation before it was signed.
#[derive(Debug, Clone)]
pub struct RecordReverted {
    /// `None` after a simulation.
    pub batch: Option<RevertedBatch>,
    pub reason: String,
    /// Receipts that may be tried again, and when; they keep the reason until then.
    pub retry: Vec<B256>,
    pub not_before: UnixMillis,
    /// Receipts that are given up.
    pub refused: Vec<B256>,
}

#[async_trait]
impl Change for RecordReverted {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        if let Some(RevertedBatch { id, block_number }) = self.batch {
            close_batch(transaction, id, BatchState::Reverted, block_number.map(to_i64)).await?;
        }
        // A batch counted its attempt when it was signed.
        let simulated = i64::from(self.batch.is_none());
        for (receipts, state) in [(&self.retry, SettlementState::Pending), (&self.refused, SettlementState::Refused)] {
            job_receipt::Entity::update_many()
                .col_expr(job_receipt::Column::Settlement, Expr::value(settlement_text(state)?))
                .col_expr(job_receipt::Column::Refusal, Expr::value(self.reason.clone()))
                .col_expr(job_receipt::Column::Attempts, Expr::col(job_receipt::Column::Attempts).add(simulated))
                .col_expr(job_receipt::Column::NotBeforeUnixMs, Expr::value(stored_millis(self.not_before)))
                .filter(job_receipt::Column::ReceiptHash.is_in(receipts.iter().map(ToString::to_string)))
                .filter(job_receipt::Column::BlockNumber.is_null())
                .exec(transaction)
                .await?;
        }
        Ok(())
    }
}

async fn close_batch(
    transaction: &DatabaseTransaction,
    batch_id: i64,
    state: BatchState,
    block_number: Option<i64>,
) -> Result<(), StoreError> {
    settlement_batch::Entity::update_many()
        .col_expr(settlement_batch::Column::State, Expr::value(batch_text(state)?))
        .col_expr(settlement_batch::Column::BlockNumber, Expr::value(block_number))
        .filter(settlement_batch::Column::Id.eq(batch_id))
        .exec(transaction)
        .await?;
    Ok(())
}
