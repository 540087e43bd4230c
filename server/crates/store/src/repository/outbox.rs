//! Transactions on their way to a block.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use shared::Address;

use crate::columns::{decode, from_i64, millis, state_text, word};
use crate::entity::outbox;
use crate::record::{OutboxRecord, OutboxState};
use crate::{Store, StoreError};

impl Store {
    /// The signer's transactions that no block is known to have, in the order of their nonces. Those of every hub with
    /// this key: the chain takes none of them before those with lower nonces, whichever hub signed them.
    pub async fn list_open_transactions(&self, signer: Address) -> Result<Vec<OutboxRecord>, StoreError> {
        let rows = outbox::Entity::find()
            .filter(outbox::Column::Signer.eq(signer.to_string()))
            .filter(outbox::Column::State.eq(state_text(OutboxState::Signed)?))
            .order_by_asc(outbox::Column::Nonce)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(OutboxRecord::try_from).collect()
    }
}

impl TryFrom<outbox::Model> for OutboxRecord {
    type Error = StoreError;

    fn try_from(row: outbox::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            payload: decode("payload", &row.payload)?,
            signer: word("signer", &row.signer)?,
            nonce: from_i64(row.nonce),
            transaction_hash: word("transaction hash", &row.transaction_hash)?,
            raw_transaction: word("raw transaction", &row.raw_transaction)?,
            attempts: from_i64(row.attempts),
            signed_at: millis(row.signed_at_unix_ms),
        })
    }
}
