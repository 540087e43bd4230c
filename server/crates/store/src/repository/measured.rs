//! How long results took, so that what a hub measured of its miners outlives its process.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::receipt::JobReceipt;

use crate::columns::{decode, millis, word};
use crate::entity::{job, job_receipt, lease};
use crate::record::MeasuredResult;
use crate::{Store, StoreError};

/// Jobs that one query names.
const JOBS_PER_QUERY: usize = 500;

impl Store {
    /// This hub's newest results with the time from the grant of their lease, the oldest of them first.
    ///
    /// # Errors
    /// The database's, or a row that does not decode.
    pub async fn list_measured_results(&self, limit: u64) -> Result<Vec<MeasuredResult>, StoreError> {
        let mut receipts = job_receipt::Entity::find()
            .filter(job_receipt::Column::HubId.eq(&*self.hub_id))
            .order_by_desc(job_receipt::Column::Seq)
            .limit(limit)
            .all(&self.readers)
            .await?;
        receipts.reverse();
        let mut measured = Vec::new();
        for receipts in receipts.chunks(JOBS_PER_QUERY) {
            let ids = || receipts.iter().map(|receipt| receipt.job_id.as_str());
            let kinds = self.kinds_of(ids()).await?;
            let leases = self.ended_leases_of(ids()).await?;
            for receipt in receipts {
                let key = (receipt.job_id.clone(), receipt.role.clone(), receipt.provider.clone());
                if let (Some(kind), Some(lease)) = (kinds.get(&receipt.job_id), leases.get(&key)) {
                    measured.extend(measured_of(receipt, kind, lease)?);
                }
            }
        }
        Ok(measured)
    }

    async fn kinds_of(&self, ids: impl Iterator<Item = &str>) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = job::Entity::find()
            .filter(job::Column::Id.is_in(ids))
            .select_only()
            .columns([job::Column::Id, job::Column::Kind])
            .into_tuple()
            .all(&self.readers)
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// The leases that ended without a fault, by job, role and miner.
    async fn ended_leases_of(
        &self,
        ids: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<(String, String, String), lease::Model>, StoreError> {
        let rows = lease::Entity::find()
            .filter(lease::Column::JobId.is_in(ids))
            .filter(lease::Column::Fault.is_null())
            .filter(lease::Column::EndedAtUnixMs.is_not_null())
            .all(&self.readers)
            .await?;
        let keyed = |row: lease::Model| ((row.job_id.clone(), row.role.clone(), row.miner.clone()), row);
        Ok(rows.into_iter().map(keyed).collect())
    }
}

fn measured_of(
    receipt: &job_receipt::Model,
    kind: &str,
    lease: &lease::Model,
) -> Result<Option<MeasuredResult>, StoreError> {
    let Some(ended_at) = lease.ended_at_unix_ms else { return Ok(None) };
    let signed: JobReceipt = decode("receipt", &receipt.receipt)?;
    Ok(Some(MeasuredResult {
        kind: decode("kind", &format!("\"{kind}\""))?,
        model: signed.model,
        miner: word("provider", &receipt.provider)?,
        units: signed.units,
        elapsed_ms: millis(ended_at).since_ms(millis(lease.granted_at_unix_ms)),
    }))
}
