//! What a wallet that signs in changes: its sessions, and the API keys that it makes.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};
use shared::Address;
use shared::digest::Sha256Digest;
use shared::id::{ApiKeyId, SessionId};
use shared::time::UnixMillis;

use super::accounts::insert_key;
use super::second_factor::has_second_factor;
use super::{Change, Transaction, bids, webhooks};
use crate::columns::stored_millis;
use crate::entity::{api_key, second_factor, session};
use crate::record::{NewApiKey, SessionRecord};
use crate::{Refusal, StoreError};

/// A session begins. The nonce of its message counts once, and the oldest sessions of its wallet make room.
#[derive(Debug, Clone)]
pub struct OpenSession {
    pub session: SessionRecord,
    pub secret_sha256: Sha256Digest,
    pub nonce: String,
    /// Sessions of the wallet with this one.
    pub most: usize,
}

#[async_trait]
impl Change for OpenSession {
    /// Whether the session awaits a code, since its account has a second factor.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let new = &self.session;
        let has_second_factor = has_second_factor(transaction, new.address).await?;
        let with_nonce = session::Column::Nonce.eq(&self.nonce);
        if let Some(row) = session::Entity::find().filter(with_nonce).one(transaction.connection).await? {
            // Its own row: it was stored before, and nobody had the answer yet.
            return if row.id == new.id.to_string() {
                Ok(has_second_factor && row.given_code.is_none())
            } else {
                Err(StoreError::Refused(Refusal::NonceUsed))
            };
        }
        let row = session::ActiveModel {
            id: Set(new.id.to_string()),
            secret_sha256: Set(self.secret_sha256.to_string()),
            nonce: Set(self.nonce.clone()),
            address: Set(new.address.to_string()),
            browser: Set(new.browser.clone()),
            given_code: Set(None),
            created_at_unix_ms: Set(stored_millis(new.created_at)),
            expires_at_unix_ms: Set(stored_millis(new.expires_at)),
            ended_at_unix_ms: Set(None),
        };
        session::Entity::insert(row).exec_without_returning(transaction.connection).await?;
        let sessions = open_sessions(new.address, has_second_factor, new.created_at);
        make_room(transaction, sessions, self.most, new.created_at).await?;
        Ok(has_second_factor)
    }
}

/// Sessions that one new session ends; one is usual.
const ENDED_AT_ONCE: u64 = 100;

/// Ends the oldest of some sessions beyond a number.
///
/// Those that await a code make room for each other alone: who has the wallet's key and not the app must not be able to
/// end the owner's sessions.
pub(super) async fn make_room(
    transaction: &Transaction<'_>,
    sessions: Select<session::Entity>,
    most: usize,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let oldest: Vec<String> = sessions
        .select_only()
        .column(session::Column::Id)
        .order_by_desc(session::Column::CreatedAtUnixMs)
        .order_by_desc(session::Column::Id)
        .offset(most as u64)
        .limit(ENDED_AT_ONCE)
        .into_tuple()
        .all(transaction.connection)
        .await?;
    if oldest.is_empty() {
        return Ok(());
    }
    session::Entity::update_many()
        .col_expr(session::Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .filter(session::Column::Id.is_in(oldest))
        .exec(transaction.connection)
        .await?;
    Ok(())
}

/// The sessions of a wallet that count, or those that would after a code.
///
/// Whether an account has a second factor is a part of the same statement.
pub(crate) fn open_sessions(address: Address, awaits_code: bool, now: UnixMillis) -> Select<session::Entity> {
    let guarded = second_factor::Entity::find_by_id(address.to_string())
        .select_only()
        .column(second_factor::Column::Address)
        .filter(second_factor::Column::ConfirmedAtUnixMs.is_not_null())
        .into_query();
    let of_those = if awaits_code {
        let without_code = Condition::all().add(session::Column::GivenCode.is_null());
        without_code.add(session::Column::Address.in_subquery(guarded))
    } else {
        let with_code = Condition::any().add(session::Column::GivenCode.is_not_null());
        with_code.add(session::Column::Address.not_in_subquery(guarded))
    };
    session::Entity::find()
        .filter(session::Column::Address.eq(address.to_string()))
        .filter(of_those)
        .filter(session::Column::EndedAtUnixMs.is_null())
        .filter(session::Column::ExpiresAtUnixMs.gt(stored_millis(now)))
}

/// A wallet ends one of its sessions.
#[derive(Debug, Clone, Copy)]
pub struct EndSession {
    pub id: SessionId,
    pub address: Address,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for EndSession {
    /// Whether the session was the wallet's, and open.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let id = session::Column::Id.eq(self.id.to_string());
        Ok(end(transaction, self.address, self.at, Some(id)).await? == 1)
    }
}

/// A wallet ends all of its sessions.
#[derive(Debug, Clone, Copy)]
pub struct EndSessions {
    pub address: Address,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for EndSessions {
    /// How many were open.
    type Output = u64;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<u64, StoreError> {
        end(transaction, self.address, self.at, None).await
    }
}

async fn end(
    transaction: &Transaction<'_>,
    address: Address,
    at: UnixMillis,
    only: Option<sea_orm::sea_query::SimpleExpr>,
) -> Result<u64, StoreError> {
    let mut update = session::Entity::update_many()
        .col_expr(session::Column::EndedAtUnixMs, Expr::value(stored_millis(at)))
        .filter(session::Column::Address.eq(address.to_string()))
        .filter(session::Column::EndedAtUnixMs.is_null())
        .filter(session::Column::ExpiresAtUnixMs.gt(stored_millis(at)));
    if let Some(only) = only {
        update = update.filter(only);
    }
    Ok(update.exec(transaction.connection).await?.rows_affected)
}

/// A wallet makes an API key for itself.
#[derive(Debug, Clone)]
pub struct CreateWalletKey {
    pub key: NewApiKey,
    /// Keys of the wallet with this one.
    pub most: usize,
    /// Keys of all wallets.
    pub most_in_total: u64,
}

#[async_trait]
impl Change for CreateWalletKey {
    type Output = ();

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let by_wallets = || {
            let others = api_key::Column::Id.ne(self.key.id.to_string());
            api_key::Entity::find().filter(api_key::Column::ByWallet.eq(true)).filter(others)
        };
        let own = by_wallets().filter(api_key::Column::Address.eq(self.key.address.to_string()));
        if own.count(transaction.connection).await? >= self.most as u64 {
            return Err(StoreError::Refused(Refusal::TooManyKeys { most: self.most }));
        }
        if by_wallets().count(transaction.connection).await? >= self.most_in_total {
            return Err(StoreError::Refused(Refusal::TooManyKeysInTotal { most: self.most_in_total }));
        }
        insert_key(transaction, &self.key).await
    }
}

/// A wallet revokes a key that it made. Nothing refers to such a key, so its row goes.
#[derive(Debug, Clone, Copy)]
pub struct RemoveWalletKey {
    pub id: ApiKeyId,
    pub address: Address,
    pub at: UnixMillis,
}

#[async_trait]
impl Change for RemoveWalletKey {
    /// Whether the wallet had it.
    type Output = bool;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<bool, StoreError> {
        let removed = api_key::Entity::delete_many()
            .filter(api_key::Column::Id.eq(self.id.to_string()))
            .filter(api_key::Column::Address.eq(self.address.to_string()))
            .filter(api_key::Column::ByWallet.eq(true))
            .exec(transaction.connection)
            .await?;
        if removed.rows_affected == 1 {
            webhooks::remove_of_key(transaction, self.id).await?;
            bids::cancel_of_key(transaction, self.id, self.at).await?;
        }
        Ok(removed.rows_affected == 1)
    }
}
