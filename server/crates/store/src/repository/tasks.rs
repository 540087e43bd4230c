//! Tasks of jobs, read for many jobs at once.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use shared::id::JobId;
use shared::job::request::PaymentMode;

use crate::columns::{decode, word};
use crate::entity::{job, task};
use crate::record::{JobRecord, TaskRecord};
use crate::{Store, StoreError};

impl Store {
    /// Jobs with their tasks, in the order of the rows.
    pub(super) async fn with_tasks(&self, rows: Vec<job::Model>) -> Result<Vec<JobRecord>, StoreError> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let tasks = task::Entity::find().filter(task::Column::JobId.is_in(ids)).all(&self.readers).await?;
        let mut of_job: BTreeMap<String, Vec<TaskRecord>> = BTreeMap::new();
        for row in tasks {
            of_job.entry(row.job_id.clone()).or_default().push(TaskRecord::try_from(row)?);
        }
        let join = |row: job::Model| {
            let mut tasks = of_job.remove(&row.id).unwrap_or_default();
            tasks.sort_by_key(|task| task.role);
            JobRecord::try_from((row, tasks))
        };
        let mut jobs = rows.into_iter().map(join).collect::<Result<Vec<_>, StoreError>>()?;
        let is_paid = |job: &&JobRecord| job.job.payment.mode() == PaymentMode::Escrow;
        let paid: Vec<JobId> = jobs.iter().filter(is_paid).map(|job| job.id).collect();
        let mut payments = self.list_payments_of_jobs(&paid).await?;
        for job in &mut jobs {
            job.payment = payments.remove(&job.id);
        }
        Ok(jobs)
    }
}

impl TryFrom<task::Model> for TaskRecord {
    type Error = StoreError;

    fn try_from(row: task::Model) -> Result<Self, StoreError> {
        Ok(Self {
            role: word("task role", &row.role)?,
            life: decode("life", &row.life)?,
            miner: row.miner.map(|text| word("miner", &text)).transpose()?,
            metering: row.metering.map(|json| decode("metering", &json)).transpose()?,
        })
    }
}
