//! Transactions on their way to a block.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::time::UnixMillis;

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

    /// When this hub signed its last transaction of this kind. One that lost its nonce to another does not count: no block has
    /// it.
    pub async fn last_signed_at(&self, kind: &str) -> Result<Option<UnixMillis>, StoreError> {
        let signed_at: Option<i64> = outbox::Entity::find()
            .select_only()
            .column(outbox::Column::SignedAtUnixMs)
            .filter(outbox::Column::HubId.eq(&*self.hub_id))
            .filter(outbox::Column::Kind.eq(kind))
            .filter(outbox::Column::State.ne(state_text(OutboxState::Replaced)?))
            .order_by_desc(outbox::Column::Id)
            .into_tuple()
            .one(&self.readers)
            .await?;
        Ok(signed_at.map(millis))
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
