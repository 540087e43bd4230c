//! Miners, API keys and old first answers.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, ExprTrait, QueryFilter};
use shared::Address;
use shared::capability::Capability;
use shared::id::ApiKeyId;
use shared::time::UnixMillis;

use super::Change;
use crate::StoreError;
use crate::entity::{api_key, idempotency_key, miner};
use crate::record::NewApiKey;
use crate::repository::{encode, stored_millis};

/// A miner registered, or was seen again.
#[derive(Debug, Clone)]
pub struct UpsertMiner {
    pub address: Address,
    pub capability: Capability,
    pub seen_at: UnixMillis,
}

#[async_trait]
impl Change for UpsertMiner {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        use miner::Column;
        let row = miner::ActiveModel {
            address: Set(self.address.to_string()),
            capability: Set(encode("capability", &self.capability)?),
            first_seen_at_unix_ms: Set(stored_millis(self.seen_at)),
            last_seen_at_unix_ms: Set(stored_millis(self.seen_at)),
            jobs_completed: Set(0),
            faults: Set(0),
            earned_atto: Set("0".to_owned()),
            pending_atto: Set("0".to_owned()),
        };
        let refresh = OnConflict::column(Column::Address)
            .update_columns([Column::Capability, Column::LastSeenAtUnixMs])
            .to_owned();
        miner::Entity::insert(row).on_conflict(refresh).exec_without_returning(transaction).await?;
        Ok(())
    }
}

/// A miner has one more fault.
#[derive(Debug, Clone)]
pub struct CountFault {
    pub miner: Address,
}

#[async_trait]
impl Change for CountFault {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        miner::Entity::update_many()
            .col_expr(miner::Column::Faults, Expr::col(miner::Column::Faults).add(1))
            .filter(miner::Column::Address.eq(self.miner.to_string()))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

/// A new API key.
#[derive(Debug, Clone)]
pub struct CreateApiKey(pub NewApiKey);

#[async_trait]
impl Change for CreateApiKey {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        let new = &self.0;
        let row = api_key::ActiveModel {
            id: Set(new.id.to_string()),
            secret_sha256: Set(new.secret_sha256.to_string()),
            label: Set(new.label.clone()),
            scope: Set(encode("scope", &new.scope)?.trim_matches('"').to_owned()),
            address: Set(new.address.to_string()),
            images_per_minute: Set(new.images_per_minute.map(i64::from)),
            created_at_unix_ms: Set(stored_millis(new.created_at)),
            revoked_at_unix_ms: Set(None),
        };
        api_key::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(())
    }
}

/// A key is void from now on.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    pub id: ApiKeyId,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for RevokeApiKey {
    /// Whether there was such a key that still held.
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, StoreError> {
        let revoked = api_key::Entity::update_many()
            .col_expr(api_key::Column::RevokedAtUnixMs, Expr::value(stored_millis(self.at)))
            .filter(api_key::Column::Id.eq(self.id.to_string()))
            .filter(api_key::Column::RevokedAtUnixMs.is_null())
            .exec(transaction)
            .await?;
        Ok(revoked.rows_affected == 1)
    }
}

/// First answers older than this are forgotten.
#[derive(Debug, Clone)]
pub struct PruneIdempotency {
    pub before: UnixMillis,
}

#[async_trait]
impl Change for PruneIdempotency {
    type Output = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, StoreError> {
        let deleted = idempotency_key::Entity::delete_many()
            .filter(idempotency_key::Column::CreatedAtUnixMs.lt(stored_millis(self.before)))
            .exec(transaction)
            .await?;
        Ok(deleted.rows_affected)
    }
}
