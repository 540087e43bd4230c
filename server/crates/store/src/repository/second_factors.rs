//! Second factors of accounts.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::second_factor::{RECOVERY_CODES, SecondFactorView};

use crate::columns::{from_i64, millis, word};
use crate::entity::{recovery_code, second_factor};
use crate::record::{CodeTries, SecondFactorRecord};
use crate::{Store, StoreError};

impl Store {
    /// The second factor of an account, or the one that waits for its first code.
    pub async fn find_second_factor(&self, address: Address) -> Result<Option<SecondFactorRecord>, StoreError> {
        let row = second_factor::Entity::find_by_id(address.to_string()).one(&self.readers).await?;
        let Some(row) = row else { return Ok(None) };
        let hashes = recovery_code::Entity::find()
            .filter(recovery_code::Column::Address.eq(address.to_string()))
            .order_by_asc(recovery_code::Column::CodeSha256)
            .limit(RECOVERY_CODES as u64)
            .all(&self.readers)
            .await?;
        let recovery = hashes.iter().map(|row| word("hash of a recovery code", &row.code_sha256));
        Ok(Some(SecondFactorRecord {
            address,
            sealed_secret: row.sealed_secret,
            begun_at: millis(row.begun_at_unix_ms),
            confirmed_at: row.confirmed_at_unix_ms.map(millis),
            last_used_step: row.last_used_step.map(from_i64),
            tries: CodeTries {
                wrong: u32::try_from(row.wrong_codes).unwrap_or(u32::MAX),
                blocked_until: millis(row.blocked_until_unix_ms),
            },
            recovery: recovery.collect::<Result<_, _>>()?,
        }))
    }

    /// The same as its account sees it.
    pub async fn second_factor_view(&self, address: Address) -> Result<SecondFactorView, StoreError> {
        let confirmed = self.find_second_factor(address).await?.filter(|factor| factor.confirmed_at.is_some());
        Ok(confirmed.map_or_else(SecondFactorView::default, |factor| SecondFactorView {
            confirmed_at_unix_ms: factor.confirmed_at,
            recovery_codes_left: u32::try_from(factor.recovery.len()).unwrap_or(u32::MAX),
        }))
    }
}
