//! What the minter holds for this hub's miners.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::api::receipts::{HoldState, SettlementState};
use shared::time::{UnixMillis, UnixSeconds};

use crate::columns::{from_i64, hold_text, settlement_text, stored_millis, to_i64, word};
use crate::entity::job_receipt;
use crate::record::{HoldKey, ReceiptRecord};
use crate::{Store, StoreError};

impl Store {
    /// This hub's minted receipts of which nobody has looked up yet whether their amount is held.
    pub async fn list_receipts_without_hold(&self, limit: u64) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let rows = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Settlement.eq(settlement_text(SettlementState::Minted)?))
            .filter(Column::Hold.is_null())
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }

    /// This hub's holds that a release may take now, those that are due longest first.
    pub async fn list_due_holds(&self, now: UnixMillis, limit: u64) -> Result<Vec<HoldKey>, StoreError> {
        use job_receipt::Column;
        let rows: Vec<(String, i64)> = job_receipt::Entity::find()
            .select_only()
            .column(Column::Provider)
            .column(Column::DueUnix)
            .distinct()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Settlement.eq(settlement_text(SettlementState::Minted)?))
            .filter(Column::Hold.eq(hold_text(HoldState::Held)?))
            .filter(Column::DueUnix.lte(to_i64(now.seconds().0)))
            .filter(Column::NotBeforeUnixMs.lte(stored_millis(now)))
            .filter(Column::VoidReason.is_null())
            .order_by_asc(Column::DueUnix)
            .order_by_asc(Column::Provider)
            .limit(limit)
            .into_tuple()
            .all(&self.readers)
            .await?;
        let key = |(provider, due): (String, i64)| {
            Ok(HoldKey { provider: word("provider", &provider)?, due: UnixSeconds(from_i64(due)) })
        };
        rows.into_iter().map(key).collect()
    }

    /// The oldest of this hub's held receipts that are to be taken back now.
    pub async fn find_receipt_to_void(&self, now: UnixMillis) -> Result<Option<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let row = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::VoidReason.is_not_null())
            .filter(Column::Hold.eq(hold_text(HoldState::Held)?))
            .filter(Column::NotBeforeUnixMs.lte(stored_millis(now)))
            .order_by_asc(Column::Seq)
            .one(&self.readers)
            .await?;
        row.map(ReceiptRecord::try_from).transpose()
    }

    /// This hub's refuted receipts of which the minter holds nothing to take back, that may be looked at now: those first that
    /// were looked at longest ago. A bounty may wait for them, but none for what was attested before `attested_since`.
    pub async fn list_refuted_and_paid(
        &self,
        now: UnixMillis,
        attested_since: UnixMillis,
        limit: u64,
    ) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let paid = [HoldState::Paid, HoldState::Released].into_iter().map(hold_text).collect::<Result<Vec<_>, _>>()?;
        let rows = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::VoidReason.is_not_null())
            .filter(Column::Hold.is_in(paid))
            .filter(Column::AttestedAtUnixMs.gte(stored_millis(attested_since)))
            .filter(Column::NotBeforeUnixMs.lte(stored_millis(now)))
            .order_by_asc(Column::NotBeforeUnixMs)
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }

    /// This hub's receipts whose amount is or was in the hold, oldest first.
    pub async fn list_receipts_of_hold(&self, hold: HoldKey) -> Result<Vec<ReceiptRecord>, StoreError> {
        use job_receipt::Column;
        let rows = job_receipt::Entity::find()
            .filter(Column::HubId.eq(&*self.hub_id))
            .filter(Column::Provider.eq(hold.provider.to_string()))
            .filter(Column::DueUnix.eq(to_i64(hold.due.0)))
            .order_by_asc(Column::Seq)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ReceiptRecord::try_from).collect()
    }
}
