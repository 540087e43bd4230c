//! Miners, API keys, calls of callers, and what is forgotten in time.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::Address;
use shared::capability::Capability;
use shared::id::ApiKeyId;
use shared::time::UnixMillis;

use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{encode, from_i64, stored_millis, to_i64};
use crate::entity::{api_key, idempotency_key, miner, rate_limit};
use crate::record::NewApiKey;

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

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        use miner::Column;
        let row = miner::ActiveModel {
            address: Set(self.address.to_string()),
            capability: Set(encode("capability", &self.capability)?),
            first_seen_at_unix_ms: Set(stored_millis(self.seen_at)),
            last_seen_at_unix_ms: Set(stored_millis(self.seen_at)),
            jobs_completed: Set(0),
            faults: Set(0),
            earned_ait: Set(0),
            earned_atto: Set(0),
            pending_ait: Set(0),
            pending_atto: Set(0),
        };
        let refresh = OnConflict::column(Column::Address)
            .update_columns([Column::Capability, Column::LastSeenAtUnixMs])
            .to_owned();
        miner::Entity::insert(row).on_conflict(refresh).exec_without_returning(transaction.connection).await?;
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

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        miner::Entity::update_many()
            .col_expr(miner::Column::Faults, Expr::col(miner::Column::Faults).add(1))
            .filter(miner::Column::Address.eq(self.miner.to_string()))
            .exec(transaction.connection)
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

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
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
        let unless_stored = OnConflict::column(api_key::Column::Id).do_nothing().to_owned();
        let insert = api_key::Entity::insert(row).on_conflict(unless_stored);
        insert.exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

/// An API key is revoked.
#[derive(Debug, Clone)]
pub struct RevokeApiKey {
    pub id: ApiKeyId,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for RevokeApiKey {
    /// Whether the key existed and was not revoked before.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let revoked = api_key::Entity::update_many()
            .col_expr(api_key::Column::RevokedAtUnixMs, Expr::value(stored_millis(self.at)))
            .filter(api_key::Column::Id.eq(self.id.to_string()))
            .filter(api_key::Column::RevokedAtUnixMs.is_null())
            .exec(transaction.connection)
            .await?;
        Ok(revoked.rows_affected == 1)
    }
}

/// A caller takes one call from its token bucket, which is stored as the moment at which it is full again.
#[derive(Debug, Clone)]
pub struct TakeCall {
    pub caller: String,
    /// How long the bucket takes to refill one call, in microseconds.
    pub call_us: u64,
    /// How long an empty bucket takes to be full.
    pub bucket_us: u64,
    pub now_us: u64,
}

#[async_trait]
impl Change for TakeCall {
    /// Where there is no call left: in how many microseconds there is one.
    type Output = Option<u64>;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Option<u64>, StoreError> {
        use rate_limit::{ActiveModel, Column, Entity};
        let latest = self.now_us.saturating_add(self.bucket_us);
        if self.call_us > self.bucket_us {
            return Ok(Some(self.call_us));
        }
        let row = ActiveModel {
            caller: Set(self.caller.clone()),
            full_at_unix_us: Set(to_i64(self.now_us.saturating_add(self.call_us))),
        };
        let full_at = || Expr::col((Entity, Column::FullAtUnixUs));
        let now = to_i64(self.now_us);
        let refilled = Expr::case(full_at().gt(now), full_at()).finally(now);
        let take = OnConflict::column(Column::Caller)
            .value(Column::FullAtUnixUs, refilled.add(to_i64(self.call_us)))
            .action_and_where(full_at().lte(to_i64(latest - self.call_us)))
            .to_owned();
        if Entity::insert(row).on_conflict(take).exec_without_returning(transaction.connection).await? > 0 {
            return Ok(None);
        }
        let row = Entity::find_by_id(self.caller.clone()).one(transaction.connection).await?;
        let full_at = row.map_or(self.now_us, |row| from_i64(row.full_at_unix_us));
        let available = full_at.saturating_add(self.call_us);
        Ok(Some(Ord::max(available.saturating_sub(latest), 1)))
    }
}

/// Forgets what has no effect any more: old first answers, and buckets that are full.
#[derive(Debug, Clone)]
pub struct Prune {
    pub answers_before: UnixMillis,
    pub now_us: u64,
}

#[async_trait]
impl Change for Prune {
    /// How many rows are gone.
    type Output = u64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        let answers = idempotency_key::Entity::delete_many()
            .filter(idempotency_key::Column::CreatedAtUnixMs.lt(stored_millis(self.answers_before)))
            .exec(transaction.connection)
            .await?;
        let buckets = rate_limit::Entity::delete_many()
            .filter(rate_limit::Column::FullAtUnixUs.lte(to_i64(self.now_us)))
            .exec(transaction.connection)
            .await?;
        Ok(answers.rows_affected + buckets.rows_affected)
    }
}
