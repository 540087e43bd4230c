//! Miners. Lists leave their hardware reports out, which are large.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::time::UnixMillis;

use crate::amount::StoredAmount;
use crate::columns::{decode, from_i64, millis, stored_millis, word};
use crate::entity::{miner, miner_hardware};
use crate::record::MinerRecord;
use crate::review_rows::review_tally;
use crate::{Store, StoreError};

impl Store {
    /// A miner with its hardware report.
    pub async fn find_miner(&self, address: Address) -> Result<Option<MinerRecord>, StoreError> {
        let row = miner::Entity::find_by_id(address.to_string()).one(&self.readers).await?;
        let Some(mut record) = row.map(MinerRecord::try_from).transpose()? else { return Ok(None) };
        let hardware = miner_hardware::Entity::find_by_id(address.to_string()).one(&self.readers).await?;
        record.capability.hardware = hardware.map(|row| decode("hardware report", &row.report)).transpose()?;
        Ok(Some(record))
    }

    pub async fn is_known_miner(&self, address: Address) -> Result<bool, StoreError> {
        let row = miner::Entity::find_by_id(address.to_string()).select_only().column(miner::Column::Address);
        Ok(row.into_tuple::<String>().one(&self.readers).await?.is_some())
    }

    /// These miners, by address.
    pub async fn find_miners(&self, addresses: &[Address]) -> Result<Vec<MinerRecord>, StoreError> {
        let rows = miner::Entity::find()
            .filter(miner::Column::Address.is_in(addresses.iter().map(Address::to_string)))
            .order_by_asc(miner::Column::Address)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(MinerRecord::try_from).collect()
    }

    /// Miners, last seen first, at most `limit`; those after the one that was seen then where one is named.
    pub async fn list_miners(
        &self,
        after: Option<(UnixMillis, Address)>,
        limit: u64,
    ) -> Result<Vec<MinerRecord>, StoreError> {
        use miner::Column::{Address, LastSeenAtUnixMs};
        let mut query = miner::Entity::find().order_by_desc(LastSeenAtUnixMs).order_by_asc(Address).limit(limit);
        if let Some((seen, address)) = after {
            let seen = stored_millis(seen);
            let same = Condition::all().add(LastSeenAtUnixMs.eq(seen)).add(Address.gt(address.to_string()));
            query = query.filter(Condition::any().add(LastSeenAtUnixMs.lt(seen)).add(same));
        }
        query.all(&self.readers).await?.into_iter().map(MinerRecord::try_from).collect()
    }
}

impl TryFrom<miner::Model> for MinerRecord {
    type Error = StoreError;

    fn try_from(row: miner::Model) -> Result<Self, StoreError> {
        let reviews = review_tally(&row)?;
        Ok(Self {
            reviews,
            address: word("miner", &row.address)?,
            capability: decode("capability", &row.capability)?,
            first_seen: millis(row.first_seen_at_unix_ms),
            last_seen: millis(row.last_seen_at_unix_ms),
            jobs_completed: from_i64(row.jobs_completed),
            faults: from_i64(row.faults),
            audits_confirmed: from_i64(row.audits_confirmed),
            audits_refuted: from_i64(row.audits_refuted),
            earned: StoredAmount { ait: row.earned_ait, atto: row.earned_atto }.amount(),
            pending: StoredAmount { ait: row.pending_ait, atto: row.pending_atto }.amount(),
            held: StoredAmount { ait: row.held_ait, atto: row.held_atto }.amount(),
        })
    }
}
