//! Claims on bounties whose receipts were refuted after the minter had paid them.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use shared::B256;
use shared::api::payments::PlacedTransaction;
use shared::log::LogEntry;
use shared::log::entry::LoggedRejection;
use shared::time::UnixMillis;

use super::log::append;
use super::outbox::close;
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{stored_millis, word};
use crate::entity::job_receipt;
use crate::record::OutboxState;

/// Refuted receipts for which no claim waits now: it is looked again, since one may come.
#[derive(Debug, Clone)]
pub struct LookForClaimsAgain {
    pub receipts: Vec<B256>,
    pub not_before: UnixMillis,
}

#[async_trait]
impl Change for LookForClaimsAgain {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use job_receipt::Column;
        job_receipt::Entity::update_many()
            .col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(self.not_before)))
            .filter(Column::HubId.eq(transaction.hub_id))
            .filter(Column::ReceiptHash.is_in(self.receipts.iter().map(B256::to_string)))
            .exec(transaction.connection)
            .await?;
        Ok(())
    }
}

/// The end of the transaction that rejects a claim.
#[derive(Debug, Clone)]
pub struct CloseRejection {
    pub outbox_id: i64,
    pub receipt_hash: B256,
    pub bounty: u64,
    pub end: RejectionEnd,
}

/// What came of a rejection.
#[derive(Debug, Clone, Copy)]
pub enum RejectionEnd {
    /// The claim is dropped. The log tells it, once.
    Rejected(PlacedTransaction),
    /// It is looked at again, at this time at least.
    Again { state: OutboxState, block_number: Option<u64>, not_before: UnixMillis },
}

#[async_trait]
impl Change for CloseRejection {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let Self { outbox_id, receipt_hash, bounty, end } = *self;
        let (state, block_number) = match end {
            RejectionEnd::Rejected(placed) => (OutboxState::Included, Some(placed.block_number)),
            RejectionEnd::Again { state, block_number, .. } => (state, block_number),
        };
        if !close(transaction, outbox_id, state, block_number).await? {
            return Ok(());
        }
        let placed = match end {
            RejectionEnd::Rejected(placed) => placed,
            RejectionEnd::Again { not_before, .. } => {
                return LookForClaimsAgain { receipts: vec![receipt_hash], not_before }.apply(transaction).await;
            }
        };
        let of_hash = job_receipt::Column::ReceiptHash.eq(receipt_hash.to_string());
        let row = job_receipt::Entity::find().filter(of_hash).one(transaction.connection).await?;
        let row = row.ok_or(StoreError::corrupt("receipt", "a rejected one has no row"))?;
        let rejection = LoggedRejection {
            receipt_hash,
            provider: word("provider", &row.provider)?,
            bounty,
            reason: row.void_reason.unwrap_or_default(),
            transaction: placed,
        };
        append(transaction, &[LogEntry::Rejection(rejection)]).await
    }
}
