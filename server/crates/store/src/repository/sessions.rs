//! Sessions of wallets.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::sessions::SESSIONS_PER_WALLET_MAX;
use shared::digest::Sha256Digest;
use shared::time::UnixMillis;

use crate::change::open_sessions;
use crate::columns::{millis, stored_millis, word};
use crate::entity::session;
use crate::record::SessionRecord;
use crate::{Store, StoreError};

impl Store {
    /// The session with this secret, while it counts; it may await a code.
    pub async fn find_session(
        &self,
        secret_sha256: Sha256Digest,
        now: UnixMillis,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let row = session::Entity::find()
            .filter(session::Column::SecretSha256.eq(secret_sha256.to_string()))
            .filter(session::Column::EndedAtUnixMs.is_null())
            .filter(session::Column::ExpiresAtUnixMs.gt(stored_millis(now)))
            .one(&self.readers)
            .await?;
        row.map(SessionRecord::try_from).transpose()
    }

    /// The sessions of a wallet that count, newest first; not those that await a code.
    pub async fn list_sessions(&self, address: Address, now: UnixMillis) -> Result<Vec<SessionRecord>, StoreError> {
        let rows = open_sessions(address, false, now)
            .order_by_desc(session::Column::CreatedAtUnixMs)
            .order_by_desc(session::Column::Id)
            .limit(SESSIONS_PER_WALLET_MAX as u64)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(SessionRecord::try_from).collect()
    }
}

impl TryFrom<session::Model> for SessionRecord {
    type Error = StoreError;

    fn try_from(row: session::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: word("session id", &row.id)?,
            address: word("address", &row.address)?,
            browser: row.browser,
            awaits_code: row.awaits_code,
            created_at: millis(row.created_at_unix_ms),
            expires_at: millis(row.expires_at_unix_ms),
        })
    }
}
