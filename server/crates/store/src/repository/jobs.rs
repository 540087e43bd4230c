//! Jobs, their leases and artifacts.

use std::collections::BTreeMap;

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::api::audits::Unaudited;
use shared::id::{JobId, LeaseId};
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::task::{Task, TaskRole};
use shared::time::UnixMillis;

use super::Keyset;
use crate::columns::{WHY_UNAUDITED, decode, encode, from_i64, from_word, millis, stored_millis, word};
use crate::entity::{artifact, job, lease, task};
use crate::record::{ArtifactRecord, JobRecord, LeaseRecord, TaskRecord};
use crate::{Store, StoreError};

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Jobs of this client.
    pub client: Option<Address>,
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
}

/// How the roles of all shards begin.
pub(super) const SHARDS: &str = "shard/";

impl Store {
    pub async fn find_job(&self, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        let row = job::Entity::find().filter(job::Column::Id.eq(id.to_string())).one(&self.readers).await?;
        Ok(self.with_tasks(row.into_iter().collect()).await?.pop())
    }

    /// Newest first.
    pub async fn list_jobs(&self, filter: &JobFilter, page: Keyset) -> Result<Vec<JobRecord>, StoreError> {
        let mut query = job::Entity::find().order_by_desc(job::Column::Seq).limit(page.limit);
        if let Some(client) = filter.client {
            query = query.filter(job::Column::Client.eq(client.to_string()));
        }
        if let Some(state) = filter.state {
            query = query.filter(job::Column::State.eq(state.as_str()));
        }
        if let Some(kind) = filter.kind {
            query = query.filter(job::Column::Kind.eq(encode("kind", &kind)?.trim_matches('"')));
        }
        if let Some(seq) = page.before_seq {
            query = query.filter(job::Column::Seq.lt(seq));
        }
        self.with_tasks(query.all(&self.readers).await?).await
    }

    /// This hub's jobs with a task that has not ended, in the order in which they came: what it must know after a restart.
    pub async fn list_open_jobs(&self) -> Result<Vec<JobRecord>, StoreError> {
        let open = [JobState::Queued, JobState::Running, JobState::Verifying].map(JobState::as_str);
        let with_open_task = Query::select()
            .column(task::Column::JobId)
            .from(task::Entity)
            .and_where(task::Column::State.is_in(open))
            .to_owned();
        let rows = job::Entity::find()
            .filter(job::Column::HubId.eq(&*self.hub_id))
            .filter(job::Column::Id.in_subquery(with_open_task))
            .order_by_asc(job::Column::Seq)
            .all(&self.readers)
            .await?;
        self.with_tasks(rows).await
    }

    /// Why the results of these jobs are not audited, for those of which it is known.
    pub async fn list_unaudited(&self, jobs: &[JobId]) -> Result<BTreeMap<JobId, Unaudited>, StoreError> {
        let rows: Vec<(String, String)> = job::Entity::find()
            .select_only()
            .columns([job::Column::Id, job::Column::Unaudited])
            .filter(job::Column::Id.is_in(jobs.iter().map(ToString::to_string)))
            .filter(job::Column::Unaudited.is_not_null())
            .into_tuple()
            .all(&self.readers)
            .await?;
        let read = |(id, why): (String, String)| Ok((word("job id", &id)?, from_word(WHY_UNAUDITED, &why)?));
        rows.into_iter().map(read).collect()
    }

    pub async fn find_lease(&self, id: LeaseId) -> Result<Option<LeaseRecord>, StoreError> {
        lease::Entity::find_by_id(id.to_string()).one(&self.readers).await?.map(LeaseRecord::try_from).transpose()
    }

    /// Result files of these jobs, by job, in the order of the pictures.
    pub async fn list_artifacts_of_jobs(
        &self,
        jobs: &[JobId],
    ) -> Result<BTreeMap<JobId, Vec<ArtifactRecord>>, StoreError> {
        let rows = artifact::Entity::find()
            .filter(artifact::Column::JobId.is_in(jobs.iter().map(JobId::to_string)))
            .filter(of_the_job())
            .order_by_asc(artifact::Column::Position)
            .all(&self.readers)
            .await?;
        let mut of_job: BTreeMap<JobId, Vec<ArtifactRecord>> = BTreeMap::new();
        for row in rows {
            of_job.entry(word("job id", &row.job_id)?).or_default().push(ArtifactRecord::try_from(row)?);
        }
        Ok(of_job)
    }

    /// In the order of the pictures.
    pub async fn list_artifacts(&self, job_id: JobId) -> Result<Vec<ArtifactRecord>, StoreError> {
        let rows = artifact::Entity::find()
            .filter(artifact::Column::JobId.eq(job_id.to_string()))
            .filter(of_the_job())
            .order_by_asc(artifact::Column::Position)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ArtifactRecord::try_from).collect()
    }

    /// What a task made, in the order of the pictures.
    pub async fn list_artifacts_of_task(&self, task: Task) -> Result<Vec<ArtifactRecord>, StoreError> {
        let rows = artifact::Entity::find()
            .filter(artifact::Column::JobId.eq(task.job_id.to_string()))
            .filter(artifact::Column::Role.eq(task.role.to_string()))
            .order_by_asc(artifact::Column::Position)
            .all(&self.readers)
            .await?;
        rows.into_iter().map(ArtifactRecord::try_from).collect()
    }

    pub async fn count_jobs_since(&self, since: UnixMillis) -> Result<u64, StoreError> {
        let created = job::Column::CreatedAtUnixMs.gte(stored_millis(since));
        Ok(job::Entity::find().filter(created).count(&self.readers).await?)
    }
}

/// Files of audits are kept as evidence; the client's result has none of them.
fn of_the_job() -> sea_orm::sea_query::Expr {
    use artifact::Column::Role;
    Role.eq(TaskRole::Serve.to_string()).or(Role.starts_with(SHARDS))
}

impl TryFrom<(job::Model, Vec<TaskRecord>)> for JobRecord {
    type Error = StoreError;

    fn try_from((row, tasks): (job::Model, Vec<TaskRecord>)) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            revision: from_i64(row.revision),
            id: word("job id", &row.id)?,
            client: word("client", &row.client)?,
            sponsored: row.sponsored,
            creator_sha256: row.creator_sha256.map(|sha256| word("creator", &sha256)).transpose()?,
            job: decode("job", &row.job)?,
            state: word("job state", &row.state)?,
            tasks,
            created_at: millis(row.created_at_unix_ms),
            deadline: millis(row.deadline_unix_ms),
            started_at: row.started_at_unix_ms.map(millis),
            finished_at: row.finished_at_unix_ms.map(millis),
            payment: None,
            unaudited: row.unaudited.map(|why| from_word(WHY_UNAUDITED, &why)).transpose()?,
        })
    }
}

impl TryFrom<lease::Model> for LeaseRecord {
    type Error = StoreError;

    fn try_from(row: lease::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: word("lease id", &row.id)?,
            task: Task { job_id: word("job id", &row.job_id)?, role: word("task role", &row.role)? },
            miner: word("miner", &row.miner)?,
            terms: decode("terms", &row.terms)?,
            granted_at: millis(row.granted_at_unix_ms),
            deadline: millis(row.deadline_unix_ms),
            ended_at: row.ended_at_unix_ms.map(millis),
            fault: row.fault.map(|json| decode("fault", &json)).transpose()?,
        })
    }
}

impl TryFrom<artifact::Model> for ArtifactRecord {
    type Error = StoreError;

    fn try_from(row: artifact::Model) -> Result<Self, StoreError> {
        let sha256 = word("artifact hash", &row.sha256)?;
        Ok(Self {
            position: u32::try_from(row.position).unwrap_or(u32::MAX),
            sha256,
            media_type: row.media_type,
            bytes: from_i64(row.bytes),
            flagged: row.flagged,
            removed_at: row.removed_at_unix_ms.map(millis),
        })
    }
}
