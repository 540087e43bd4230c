//! Rows whose name begins with some text, for suggestions while somebody types. Each question reads a few rows of an
//! index.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;

use crate::columns::{address, word};
use crate::entity::index::{party, token};
use crate::entity::{job, job_receipt};
use crate::record::JobRecord;
use crate::record::index::TokenRow;
use crate::{Store, StoreError};

/// Sorts behind each hexadecimal digit in every collation.
const BEHIND_DIGITS: char = 'g';

impl Store {
    /// Jobs that everybody may see, whose id begins with `prefix`, in the order of their ids.
    pub async fn list_public_jobs_by_prefix(&self, prefix: &str, limit: u64) -> Result<Vec<JobRecord>, StoreError> {
        let rows = job::Entity::find()
            .filter(job::Column::Id.gte(prefix))
            .filter(job::Column::Id.lt(format!("{prefix}{BEHIND_DIGITS}")))
            .filter(job::Column::Sponsored.eq(true))
            .order_by_asc(job::Column::Id)
            .limit(limit)
            .all(&self.readers)
            .await?;
        self.with_tasks(rows).await
    }

    /// Receipts whose hash begins with `prefix`, in lower case with `0x`.
    pub async fn list_receipts_by_prefix(&self, prefix: &str, limit: u64) -> Result<Vec<shared::B256>, StoreError> {
        let rows: Vec<String> = job_receipt::Entity::find()
            .select_only()
            .column(job_receipt::Column::ReceiptHash)
            .filter(job_receipt::Column::ReceiptHash.gte(prefix))
            .filter(job_receipt::Column::ReceiptHash.lt(format!("{prefix}{BEHIND_DIGITS}")))
            .order_by_asc(job_receipt::Column::ReceiptHash)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|hash| word("receipt hash", &hash)).collect()
    }

    /// Accounts of the chain's index from `first` to `last`, both included. One question each, since an account has many
    /// rows.
    pub async fn list_accounts_between(
        &self,
        first: Address,
        last: Address,
        limit: u64,
    ) -> Result<Vec<Address>, StoreError> {
        let mut found: Vec<Address> = Vec::new();
        while (found.len() as u64) < limit {
            let begins = match found.last() {
                Some(before) => party::Column::Address.gt(before.to_vec()),
                None => party::Column::Address.gte(first.to_vec()),
            };
            let row: Option<Vec<u8>> = party::Entity::find()
                .select_only()
                .column(party::Column::Address)
                .filter(begins)
                .filter(party::Column::Address.lte(last.to_vec()))
                .order_by_asc(party::Column::Address)
                .limit(1)
                .into_tuple()
                .one(&self.readers)
                .await?;
            match row {
                Some(bytes) => found.push(address("account", &bytes)?),
                None => break,
            }
        }
        Ok(found)
    }

    /// Tokens with an address from `first` to `last`, both included.
    pub async fn list_tokens_between(
        &self,
        first: Address,
        last: Address,
        limit: u64,
    ) -> Result<Vec<TokenRow>, StoreError> {
        let rows = token::Entity::find()
            .filter(token::Column::Address.gte(first.to_vec()))
            .filter(token::Column::Address.lte(last.to_vec()))
            .order_by_asc(token::Column::Address)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(TokenRow::try_from).collect()
    }
}
