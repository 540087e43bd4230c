//! Receipts whose rows lag behind the chain. No transaction of the outbox tells of them any more.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use shared::B256;
use shared::api::receipts::SettlementState;
use shared::time::UnixMillis;

use super::settlement::{MintedReceipt, record_minted};
use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{settlement_text, stored_millis};
use crate::entity::job_receipt;

/// A receipt that the minter has used, by whatever transaction.
#[derive(Debug, Clone)]
pub struct RecordFoundMint(pub MintedReceipt);

#[async_trait]
impl Change for RecordFoundMint {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        record_minted(transaction, &self.0).await
    }
}

/// A receipt whose signed mint no block will ever have: it waits for another. It keeps its attempts.
#[derive(Debug, Clone)]
pub struct MintAgain {
    pub receipt_hash: B256,
    /// The transaction that was seen to be gone. A receipt that is in another by now stays there.
    pub transaction_hash: Option<B256>,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for MintAgain {
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        use job_receipt::Column;
        let same_transaction = match self.transaction_hash {
            Some(hash) => Column::TransactionHash.eq(hash.to_string()),
            None => Column::TransactionHash.is_null(),
        };
        let returned = job_receipt::Entity::update_many()
            .col_expr(Column::Settlement, Expr::value(settlement_text(SettlementState::Pending)?))
            .col_expr(Column::NotBeforeUnixMs, Expr::value(stored_millis(self.at)))
            .filter(Column::ReceiptHash.eq(self.receipt_hash.to_string()))
            .filter(Column::Settlement.eq(settlement_text(SettlementState::Submitted)?))
            .filter(same_transaction)
            .exec(transaction.connection)
            .await?;
        Ok(returned.rows_affected == 1)
    }
}
