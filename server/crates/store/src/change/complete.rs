//! A task completes: its artifacts, its receipt and the miner's sums in one transaction.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use shared::Address;
use shared::amount::Amount;
use shared::api::receipts::SettlementState;
use shared::id::LeaseId;
use shared::job::task::Task;
use shared::protocol::Metering;
use shared::time::UnixMillis;

use super::Change;
use super::jobs::{end_lease, moving_job, moving_task};
use crate::StoreError;
use crate::entity::{artifact, job, job_receipt, miner, task};
use crate::error::Refusal;
use crate::record::{ArtifactRecord, MovedTask, NewReceipt};
use crate::repository::{encode, stored_millis, to_i64};

/// A verified and attested result.
#[derive(Debug, Clone)]
pub struct CompleteTask {
    pub moved: MovedTask,
    pub lease_id: LeaseId,
    pub at: UnixMillis,
    pub metering: Metering,
    pub artifacts: Vec<ArtifactRecord>,
    pub receipt: NewReceipt,
}

#[async_trait]
impl Change for CompleteTask {
    type Output = ();

    /// The receipt's unique task makes a second completion fail as a duplicate, whatever memory says.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), StoreError> {
        insert_receipt(transaction, self.moved.task, &self.receipt).await?;
        let provider = self.receipt.signed.receipt.provider;
        let moved = moving_task(&self.moved)?
            .col_expr(task::Column::Miner, Expr::value(provider.to_string()))
            .col_expr(task::Column::Metering, Expr::value(encode("metering", &self.metering)?))
            .exec(transaction)
            .await?;
        if moved.rows_affected != 1 {
            return Err(StoreError::Refused(Refusal::TaskEnded));
        }
        let finished = self.moved.job.is_terminal().then(|| stored_millis(self.at));
        moving_job(&self.moved)
            .col_expr(job::Column::FinishedAtUnixMs, Expr::value(finished))
            .exec(transaction)
            .await?;
        end_lease(transaction, self.lease_id, self.at, None).await?;
        let rows = self.artifacts.iter().zip(0..).map(|(file, position)| artifact::ActiveModel {
            job_id: Set(self.moved.task.job_id.to_string()),
            position: Set(position),
            sha256: Set(file.sha256.to_string()),
            media_type: Set(file.media_type.clone()),
            bytes: Set(to_i64(file.bytes)),
            flagged: Set(file.flagged),
        });
        artifact::Entity::insert_many(rows).exec_without_returning(transaction).await?;
        add_to_sums(transaction, provider, |sums| {
            sums.jobs_completed += 1;
            sums.pending = sums.pending.checked_add(self.receipt.amount).unwrap_or(sums.pending);
        })
        .await
    }
}

async fn insert_receipt(transaction: &DatabaseTransaction, task: Task, new: &NewReceipt) -> Result<(), StoreError> {
    let signed = &new.signed;
    let canonical = signed.receipt.canonical_json().map_err(|error| StoreError::corrupt("receipt", error))?;
    let row = job_receipt::ActiveModel {
        receipt_hash: Set(signed.receipt_hash.to_string()),
        job_id: Set(task.job_id.to_string()),
        role: Set(task.role.to_string()),
        provider: Set(signed.receipt.provider.to_string()),
        client: Set(signed.receipt.client.to_string()),
        receipt: Set(canonical),
        miner_signature: Set(signed.miner_signature.to_string()),
        attestations: Set(encode("attestations", &signed.attestations)?),
        amount_atto: Set(new.amount.atto().to_string()),
        attested_at_unix_ms: Set(stored_millis(new.attested_at)),
        settlement: Set(settlement_text(SettlementState::Pending)?),
        attempts: Set(0),
        not_before_unix_ms: Set(0),
        ..Default::default()
    };
    match job_receipt::Entity::insert(row).exec_without_returning(transaction).await.map_err(StoreError::from) {
        Err(StoreError::Duplicate(_)) => Err(StoreError::Duplicate("a receipt of this task")),
        other => other.map(|_| ()),
    }
}

/// The word of a settlement state in its column, as in JSON.
pub(crate) fn settlement_text(state: SettlementState) -> Result<String, StoreError> {
    Ok(encode("settlement state", &state)?.trim_matches('"').to_owned())
}

/// A miner's running sums; they can be recomputed from its receipts.
pub(super) struct Sums {
    pub(super) jobs_completed: i64,
    pub(super) earned: Amount,
    pub(super) pending: Amount,
}

/// Reads, alters and writes a miner's sums. Only the one writing connection does so.
pub(super) async fn add_to_sums(
    transaction: &DatabaseTransaction,
    address: Address,
    alter: impl FnOnce(&mut Sums) + Send,
) -> Result<(), StoreError> {
    use crate::repository::word;
    let Some(row) = miner::Entity::find_by_id(address.to_string()).one(transaction).await? else { return Ok(()) };
    let atto = |text: &str| word("sum", text).map(Amount::from_atto);
    let mut sums =
        Sums { jobs_completed: row.jobs_completed, earned: atto(&row.earned_atto)?, pending: atto(&row.pending_atto)? };
    alter(&mut sums);
    miner::Entity::update_many()
        .col_expr(miner::Column::JobsCompleted, Expr::value(sums.jobs_completed))
        .col_expr(miner::Column::EarnedAtto, Expr::value(sums.earned.atto().to_string()))
        .col_expr(miner::Column::PendingAtto, Expr::value(sums.pending.atto().to_string()))
        .filter(miner::Column::Address.eq(address.to_string()))
        .exec(transaction)
        .await?;
    Ok(())
}
