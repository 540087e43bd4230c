//! Miners, API keys and first answers.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::keys::ApiKeyView;
use shared::digest::Sha256Digest;

use crate::amount::StoredAmount;
use crate::columns::{decode, from_i64, millis, word};
use crate::entity::{api_key, idempotency_key, miner};
use crate::record::{ApiKeyRecord, IdempotencyRecord, MinerRecord};
use crate::{Store, StoreError};

/// Keys that one list shows.
const KEYS_MAX: u64 = 1_000;

impl Store {
    pub async fn find_miner(&self, address: Address) -> Result<Option<MinerRecord>, StoreError> {
        miner::Entity::find_by_id(address.to_string()).one(&self.readers).await?.map(MinerRecord::try_from).transpose()
    }

    /// Miners, last seen first, at most `limit`.
    pub async fn list_miners(&self, limit: u64) -> Result<Vec<MinerRecord>, StoreError> {
        let rows = miner::Entity::find()
            .order_by_desc(miner::Column::LastSeenAtUnixMs)
            .order_by_asc(miner::Column::Address)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(MinerRecord::try_from).collect()
    }

    /// The key with this secret, revoked or not.
    pub async fn find_api_key(&self, secret_sha256: Sha256Digest) -> Result<Option<ApiKeyRecord>, StoreError> {
        let hash = api_key::Column::SecretSha256.eq(secret_sha256.to_string());
        api_key::Entity::find().filter(hash).one(&self.readers).await?.map(key_record).transpose()
    }

    pub async fn list_api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let rows = api_key::Entity::find()
            .order_by_asc(api_key::Column::CreatedAtUnixMs)
            .limit(KEYS_MAX)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(key_record).collect()
    }

    /// The first answer to a caller's key.
    pub async fn find_first_answer(&self, caller: &str, key: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        let id = (caller.to_owned(), key.to_owned());
        let row = idempotency_key::Entity::find_by_id(id).one(&self.readers).await?;
        row.map(IdempotencyRecord::try_from).transpose()
    }
}

fn key_record(row: api_key::Model) -> Result<ApiKeyRecord, StoreError> {
    let images_per_minute = row.images_per_minute.and_then(|limit| u32::try_from(limit).ok());
    let view = ApiKeyView {
        id: word("key id", &row.id)?,
        label: row.label,
        scope: decode("scope", &format!("\"{}\"", row.scope))?,
        address: word("address", &row.address)?,
        created_at_unix_ms: millis(row.created_at_unix_ms),
        revoked_at_unix_ms: row.revoked_at_unix_ms.map(millis),
    };
    Ok(ApiKeyRecord { view, images_per_minute })
}

impl TryFrom<miner::Model> for MinerRecord {
    type Error = StoreError;

    fn try_from(row: miner::Model) -> Result<Self, StoreError> {
        Ok(Self {
            address: word("miner", &row.address)?,
            capability: decode("capability", &row.capability)?,
            first_seen: millis(row.first_seen_at_unix_ms),
            last_seen: millis(row.last_seen_at_unix_ms),
            jobs_completed: from_i64(row.jobs_completed),
            faults: from_i64(row.faults),
            earned: StoredAmount { ait: row.earned_ait, atto: row.earned_atto }.amount(),
            pending: StoredAmount { ait: row.pending_ait, atto: row.pending_atto }.amount(),
        })
    }
}

impl TryFrom<idempotency_key::Model> for IdempotencyRecord {
    type Error = StoreError;

    fn try_from(row: idempotency_key::Model) -> Result<Self, StoreError> {
        Ok(Self {
            caller: row.caller,
            key: row.key,
            body_sha256: word("body hash", &row.body_sha256)?,
            job_id: word("job id", &row.job_id)?,
            answer: row.answer,
            created_at: millis(row.created_at_unix_ms),
        })
    }
}
