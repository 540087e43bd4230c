//! Sessions of wallets.

use sea_orm::{ColumnTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef};
use shared::Address;
use shared::api::sessions::SESSIONS_PER_WALLET_MAX;
use shared::digest::Sha256Digest;
use shared::time::UnixMillis;

use crate::change::open_sessions;
use crate::columns::{millis, stored_millis, word};
use crate::entity::{second_factor, session};
use crate::record::SessionRecord;
use crate::{Store, StoreError};

impl Store {
    /// The session with this secret, while it counts. Whether it awaits a code follows from the second factor that its account
    /// has in the same moment.
    pub async fn find_session(
        &self,
        secret_sha256: Sha256Digest,
        now: UnixMillis,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let of_account: RelationDef = session::Entity::belongs_to(second_factor::Entity)
            .from(session::Column::Address)
            .to(second_factor::Column::Address)
            .into();
        let row = session::Entity::find()
            .select_also(second_factor::Entity)
            .join(JoinType::LeftJoin, of_account)
            .filter(session::Column::SecretSha256.eq(secret_sha256.to_string()))
            .filter(session::Column::EndedAtUnixMs.is_null())
            .filter(session::Column::ExpiresAtUnixMs.gt(stored_millis(now)))
            .one(&self.readers)
            .await?;
        let Some((row, factor)) = row else { return Ok(None) };
        let is_guarded = factor.is_some_and(|factor| factor.confirmed_at_unix_ms.is_some());
        record(row, is_guarded).map(Some)
    }

    /// The sessions of a wallet that count, newest first; not those that await a code.
    pub async fn list_sessions(&self, address: Address, now: UnixMillis) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = open_sessions(address, false, now)
            .order_by_desc(session::Column::CreatedAtUnixMs)
            .order_by_desc(session::Column::Id)
            .limit(SESSIONS_PER_WALLET_MAX as u64)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(|row| record(row, false)).collect()
    }
}

/// `is_guarded`: the account has a second factor, and a session without a code of it may do nothing.
fn record(row: session::Model, is_guarded: bool) -> Result<SessionRecord, StoreError> {
    Ok(SessionRecord {
        id: word("session id", &row.id)?,
        address: word("address", &row.address)?,
        browser: row.browser,
        awaits_code: is_guarded && row.given_code.is_none(),
        created_at: millis(row.created_at_unix_ms),
        expires_at: millis(row.expires_at_unix_ms),
    })
}
