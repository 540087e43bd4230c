//! API keys, calls of callers, and what is forgotten in time.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use shared::id::ApiKeyId;
use shared::time::UnixMillis;

use super::second_factor::{forget_networks, forget_unconfirmed};
use super::{Change, Transaction, bids, webhooks};
use crate::StoreError;
use crate::amount::micro_ait;
use crate::columns::{encode, from_i64, stored_millis, to_i64};
use crate::entity::{api_key, daily_use, idempotency_key, rate_limit, session};
use crate::record::NewApiKey;

/// A new API key.
#[derive(Debug, Clone)]
pub struct CreateApiKey(pub NewApiKey);

#[async_trait]
impl Change for CreateApiKey {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        insert_key(transaction, &self.0).await
    }
}

pub(super) async fn insert_key(transaction: &Transaction<'_>, new: &NewApiKey) -> Result<(), StoreError> {
    let row = api_key::ActiveModel {
        id: Set(new.id.to_string()),
        secret_sha256: Set(new.secret_sha256.to_string()),
        label: Set(new.label.clone()),
        scope: Set(encode("scope", &new.scope)?.trim_matches('"').to_owned()),
        address: Set(new.address.to_string()),
        images_per_minute: Set(new.images_per_minute.map(i64::from)),
        mint_micro_ait_per_day: Set(new.mint_per_day.map(micro_ait)),
        created_at_unix_ms: Set(stored_millis(new.created_at)),
        revoked_at_unix_ms: Set(None),
        by_wallet: Set(new.by_wallet),
    };
    let unless_stored = OnConflict::column(api_key::Column::Id).do_nothing().to_owned();
    let insert = api_key::Entity::insert(row).on_conflict(unless_stored);
    insert.exec_without_returning(transaction.connection).await?;
    Ok(())
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
        webhooks::remove_of_key(transaction, self.id).await?;
        bids::cancel_of_key(transaction, self.id, self.at).await?;
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

/// Forgets what has no effect any more: old first answers, buckets that are full, the quotas of days before, sessions, second
/// factors that were never confirmed.
#[derive(Debug, Clone)]
pub struct Prune {
    pub answers_before: UnixMillis,
    pub now_us: u64,
    /// Days since 1970-01-01, UTC; open jobs may still give back what they took of an earlier one.
    pub uses_before_day: u64,
    /// Sessions that ended by themselves before this; their nonces are over for long.
    pub sessions_before: UnixMillis,
    /// Messages of webhooks that were written before this.
    pub messages_before: UnixMillis,
    /// Webhooks that wallets made before this, and whose wallets have asked for no job since.
    pub webhooks_before: UnixMillis,
    /// Second factors that were begun before this and never got their first code.
    pub unconfirmed_before: UnixMillis,
    /// Second factors that were confirmed before this keep no network address.
    pub networks_before: UnixMillis,
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
        let uses = daily_use::Entity::delete_many()
            .filter(daily_use::Column::Day.lt(to_i64(self.uses_before_day)))
            .exec(transaction.connection)
            .await?;
        let sessions = session::Entity::delete_many()
            .filter(session::Column::ExpiresAtUnixMs.lt(stored_millis(self.sessions_before)))
            .exec(transaction.connection)
            .await?;
        let messages = webhooks::forget_messages(transaction, self.messages_before).await?;
        let unused = webhooks::forget_unused(transaction, self.webhooks_before).await?;
        let unconfirmed = forget_unconfirmed(transaction, self.unconfirmed_before).await?;
        forget_networks(transaction, self.networks_before).await?;
        let forgotten = messages + unused + unconfirmed + sessions.rows_affected;
        Ok(forgotten + answers.rows_affected + buckets.rows_affected + uses.rows_affected)
    }
}
