//! Which artifacts are kept no longer. Their rows stay, as the hash in a receipt needs somebody who knows what it names.

use std::collections::BTreeSet;

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use shared::digest::Sha256Digest;
use shared::time::UnixMillis;

use super::{Change, Transaction};
use crate::StoreError;
use crate::columns::{from_i64, stored_millis, word};
use crate::entity::artifact;

/// Rows that one change looks at; what is left waits for the next.
const ROWS_MAX: u64 = 500;

/// Forgets this hub's artifacts that are too old, and then some while together they are too large: the oldest of sponsored
/// jobs, and those of other jobs only when no others are left. So visitors push out nobody's files but their own. The
/// artifacts of one job go together.
#[derive(Debug, Clone)]
pub struct ForgetArtifacts {
    pub at: UnixMillis,
    /// Those of sponsored jobs are forgotten where they were stored before this.
    pub sponsored_before: UnixMillis,
    /// Those of other jobs.
    pub keyed_before: UnixMillis,
    /// All of them together. A file that several jobs have counts for each.
    pub bytes_max: u64,
}

/// What a change has forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub jobs: usize,
    /// The files that no artifact has any more.
    pub files: BTreeSet<Sha256Digest>,
}

#[async_trait]
impl Change for ForgetArtifacts {
    type Output = Forgotten;

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<Forgotten, StoreError> {
        let mut chosen = kept(transaction).filter(self.too_old()).all(transaction.connection).await?;
        if chosen.is_empty() {
            let bytes = total_bytes(transaction).await?;
            let mut over = bytes.saturating_sub(self.bytes_max);
            chosen = if over > 0 { self.first_to_go(transaction).await? } else { vec![] };
            chosen.retain(|row| {
                let is_needed = over > 0;
                over = over.saturating_sub(from_i64(row.bytes));
                is_needed
            });
        }
        self.forget(transaction, chosen).await
    }
}

impl ForgetArtifacts {
    fn too_old(&self) -> Condition {
        use artifact::Column::{Sponsored, StoredAtUnixMs};
        let before = |sponsored: bool, limit: UnixMillis| {
            Condition::all().add(Sponsored.eq(sponsored)).add(StoredAtUnixMs.lt(stored_millis(limit)))
        };
        Condition::any().add(before(true, self.sponsored_before)).add(before(false, self.keyed_before))
    }

    /// Sponsored artifacts, oldest first; the others where there are none.
    async fn first_to_go(&self, transaction: &Transaction<'_>) -> Result<Vec<artifact::Model>, StoreError> {
        let of_visitors = kept(transaction).filter(artifact::Column::Sponsored.eq(true));
        let found = of_visitors.all(transaction.connection).await?;
        Ok(if found.is_empty() { kept(transaction).all(transaction.connection).await? } else { found })
    }

    async fn forget(
        &self,
        transaction: &Transaction<'_>,
        chosen: Vec<artifact::Model>,
    ) -> Result<Forgotten, StoreError> {
        use artifact::Column::{HubId, JobId, RemovedAtUnixMs, Sha256};
        if chosen.is_empty() {
            return Ok(Forgotten::default());
        }
        let jobs: BTreeSet<String> = chosen.into_iter().map(|row| row.job_id).collect();
        let of_jobs = || artifact::Entity::find().filter(JobId.is_in(&jobs)).filter(HubId.eq(transaction.hub_id));
        let hashes: Vec<String> =
            of_jobs().select_only().column(Sha256).into_tuple().all(transaction.connection).await?;
        artifact::Entity::update_many()
            .col_expr(RemovedAtUnixMs, Expr::value(stored_millis(self.at)))
            .filter(JobId.is_in(&jobs))
            .filter(HubId.eq(transaction.hub_id))
            .filter(RemovedAtUnixMs.is_null())
            .exec(transaction.connection)
            .await?;
        let others: Vec<String> = artifact::Entity::find()
            .filter(Sha256.is_in(&hashes))
            .filter(RemovedAtUnixMs.is_null())
            .select_only()
            .column(Sha256)
            .into_tuple()
            .all(transaction.connection)
            .await?;
        let others: BTreeSet<String> = others.into_iter().collect();
        let free = hashes.iter().filter(|hash| !others.contains(*hash)).map(|hash| word("artifact hash", hash));
        Ok(Forgotten { jobs: jobs.len(), files: free.collect::<Result<_, _>>()? })
    }
}

/// The artifacts of this hub that are kept, oldest first.
fn kept(transaction: &Transaction<'_>) -> Select<artifact::Entity> {
    use artifact::Column::{HubId, JobId, RemovedAtUnixMs, StoredAtUnixMs};
    artifact::Entity::find()
        .filter(HubId.eq(transaction.hub_id))
        .filter(RemovedAtUnixMs.is_null())
        .order_by_asc(StoredAtUnixMs)
        .order_by_asc(JobId)
        .limit(ROWS_MAX)
}

async fn total_bytes(transaction: &Transaction<'_>) -> Result<u64, StoreError> {
    use artifact::Column::{Bytes, HubId, RemovedAtUnixMs};
    // A sum of integers is a decimal number in PostgreSQL.
    let sum = Expr::col(Bytes).sum().cast_as("BIGINT");
    let bytes: Option<Option<i64>> = artifact::Entity::find()
        .filter(HubId.eq(transaction.hub_id))
        .filter(RemovedAtUnixMs.is_null())
        .select_only()
        .expr(sum)
        .into_tuple()
        .one(transaction.connection)
        .await?;
    Ok(bytes.flatten().map_or(0, from_i64))
}
