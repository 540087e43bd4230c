//! API keys and first answers.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::keys::{ApiKeyView, KEYS_PER_WALLET_MAX};
use shared::digest::Sha256Digest;

use crate::amount::micro_ait_amount;
use crate::columns::{decode, millis, word};
use crate::entity::{api_key, idempotency_key};
use crate::record::{ApiKeyRecord, IdempotencyRecord};
use crate::{Store, StoreError};

/// Keys that are read at once.
const KEYS_READ: u64 = 1_000;

impl Store {
    /// The key with this secret, revoked or not.
    pub async fn find_api_key(&self, secret_sha256: Sha256Digest) -> Result<Option<ApiKeyRecord>, StoreError> {
        let hash = api_key::Column::SecretSha256.eq(secret_sha256.to_string());
        api_key::Entity::find().filter(hash).one(&self.readers).await?.map(key_record).transpose()
    }

    /// All keys, oldest first. Their number is the operator's own.
    pub async fn list_api_keys(&self) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let mut keys: Vec<ApiKeyRecord> = Vec::new();
        loop {
            let mut query = api_key::Entity::find().order_by_asc(api_key::Column::Id).limit(KEYS_READ);
            if let Some(last) = keys.last() {
                query = query.filter(api_key::Column::Id.gt(last.view.id.to_string()));
            }
            let rows = query.all(&self.readers).await?;
            let is_last = rows.len() < usize::try_from(KEYS_READ).unwrap_or(usize::MAX);
            for row in rows {
                keys.push(key_record(row)?);
            }
            if is_last {
                keys.sort_by_key(|key| (key.view.created_at_unix_ms, key.view.id));
                return Ok(keys);
            }
        }
    }

    /// The keys that a wallet made itself, newest first.
    pub async fn list_wallet_keys(&self, address: Address) -> Result<Vec<ApiKeyRecord>, StoreError> {
        let rows = api_key::Entity::find()
            .filter(api_key::Column::Address.eq(address.to_string()))
            .filter(api_key::Column::ByWallet.eq(true))
            .order_by_desc(api_key::Column::CreatedAtUnixMs)
            .order_by_desc(api_key::Column::Id)
            .limit(KEYS_PER_WALLET_MAX as u64)
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

pub(super) fn key_record(row: api_key::Model) -> Result<ApiKeyRecord, StoreError> {
    let images_per_minute = row.images_per_minute.and_then(|limit| u32::try_from(limit).ok());
    let view = ApiKeyView {
        id: word("key id", &row.id)?,
        label: row.label,
        scope: decode("scope", &format!("\"{}\"", row.scope))?,
        address: word("address", &row.address)?,
        created_at_unix_ms: millis(row.created_at_unix_ms),
        revoked_at_unix_ms: row.revoked_at_unix_ms.map(millis),
    };
    let mint_per_day = row.mint_micro_ait_per_day.map(micro_ait_amount);
    Ok(ApiKeyRecord { view, images_per_minute, mint_per_day, by_wallet: row.by_wallet })
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
