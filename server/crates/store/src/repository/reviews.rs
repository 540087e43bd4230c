//! Reviews, and what they come to for each miner. A hidden text is in no answer.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::{Address, B256};

use super::Keyset;
use crate::entity::review;
use crate::record::reviews::ReviewRecord;
use crate::{Store, StoreError};

impl Store {
    /// Of the work of one miner, the newest first.
    pub async fn list_reviews(&self, miner: Address, page: Keyset) -> Result<Vec<ReviewRecord>, StoreError> {
        use review::Column;
        let mut query = review::Entity::find().filter(Column::Miner.eq(miner.to_string())).order_by_desc(Column::Seq);
        if let Some(seq) = page.before_seq {
            query = query.filter(Column::Seq.lt(seq));
        }
        query.limit(page.limit).all(&self.readers).await?.into_iter().map(ReviewRecord::try_from).collect()
    }

    /// Those of the work of these receipts, in the order in which they were left.
    pub async fn list_reviews_of_receipts(&self, hashes: &[B256]) -> Result<Vec<ReviewRecord>, StoreError> {
        use review::Column;
        let rows = review::Entity::find()
            .filter(Column::ReceiptHash.is_in(hashes.iter().map(ToString::to_string)))
            .order_by_asc(Column::Seq)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReviewRecord::try_from).collect()
    }
}
