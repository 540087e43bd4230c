//! Audits, by the task whose result they are about.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use shared::amount::Amount;
use shared::id::JobId;
use shared::job::task::Task;

use crate::columns::{decode, millis, word};
use crate::entity::audit;
use crate::record::{AuditRecord, NewAudit};
use crate::{Store, StoreError};

impl Store {
    pub async fn find_audit(&self, served: Task) -> Result<Option<AuditRecord>, StoreError> {
        Ok(self.find_audits(&[served.job_id]).await?.remove(&served))
    }

    /// The audits of these jobs' results.
    pub async fn find_audits(&self, jobs: &[JobId]) -> Result<BTreeMap<Task, AuditRecord>, StoreError> {
        let ids = jobs.iter().map(JobId::to_string);
        let rows = audit::Entity::find().filter(audit::Column::JobId.is_in(ids)).all(&self.readers).await?;
        let record = |row: audit::Model| AuditRecord::try_from(row).map(|record| (record.served, record));
        rows.into_iter().map(record).collect()
    }
}

impl TryFrom<audit::Model> for AuditRecord {
    type Error = StoreError;

    fn try_from(row: audit::Model) -> Result<Self, StoreError> {
        let unit_price: u128 = word("unit price", &row.unit_price)?;
        Ok(Self {
            served: Task { job_id: word("job id", &row.job_id)?, role: word("task role", &row.role)? },
            opened: NewAudit {
                manifest_sha256: word("manifest", &row.manifest_sha256)?,
                engine: decode("engine", &row.engine)?,
                unit_price: Amount::from_atto(unit_price),
                mint_max: Amount::from_atto(word("audit", &row.mint_max)?),
                bits: word("bits", &row.bits)?,
                opened_at: millis(row.opened_at_unix_ms),
                deadline: millis(row.deadline_unix_ms),
            },
            receipt_hash: word("receipt hash", &row.receipt_hash)?,
            provider: word("provider", &row.provider)?,
            state: decode("audit state", &format!("\"{}\"", row.state))?,
            audited_by: row.audited_by.map(|miner| word("miner", &miner)).transpose()?,
            opinions: decode("opinions", &row.opinions)?,
            refuted: row.refuted.map(|miner| word("miner", &miner)).transpose()?,
            ended_at: row.ended_at_unix_ms.map(millis),
        })
    }
}
