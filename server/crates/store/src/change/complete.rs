//! A task completes: its artifacts, its receipt and the miner's sums in one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter};
use shared::api::receipts::SettlementState;
use shared::job::task::Task;
use shared::log::LogEntry;
use shared::log::entry::LoggedReceipt;
use shared::protocol::Metering;
use shared::time::UnixMillis;

use super::jobs::{after_end, end_lease, insert_lease, move_job, moving_task};
use super::log::append;
use super::{AuditChange, Change, SealFailure, Transaction};
use crate::StoreError;
use crate::amount::{self, StoredAmount};
use crate::columns::{encode, settlement_text, stored_millis, to_i64};
use crate::entity::{artifact, job, job_receipt, miner, task};
use crate::error::Refusal;
use crate::record::{ArtifactRecord, LeaseRecord, MovedTask, NewReceipt};

/// A verified and attested result.
#[derive(Debug, Clone)]
pub struct CompleteTask {
    pub moved: MovedTask,
    /// The lease that the result ends. It is stored now where a full disk refused it when it was granted.
    pub lease: LeaseRecord,
    pub at: UnixMillis,
    pub metering: Metering,
    pub artifacts: Vec<ArtifactRecord>,
    pub receipt: NewReceipt,
    /// What it means for an audit.
    pub audit: Option<AuditChange>,
    /// Signs the record of a job that ends with this and lacks another part.
    pub seal: Arc<dyn SealFailure>,
}

#[async_trait]
impl Change for CompleteTask {
    type Output = ();

    /// The receipt's unique task makes a second completion with another receipt fail as a duplicate, whatever memory
    /// says.
    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if !insert_receipt(transaction, self.moved.task, &self.receipt).await? {
            return Ok(());
        }
        let provider = self.receipt.signed.receipt.provider;
        let moved = moving_task(&self.moved)?
            .col_expr(task::Column::Miner, Expr::value(provider.to_string()))
            .col_expr(task::Column::Metering, Expr::value(encode("metering", &self.metering)?))
            .exec(transaction.connection)
            .await?;
        if moved.rows_affected != 1 {
            return Err(StoreError::Refused(Refusal::TaskEnded));
        }
        let ended = move_job(transaction, &self.moved, self.at, None).await?;
        insert_lease(transaction, &self.lease).await?;
        end_lease(transaction, self.lease.id, self.at, (Some(self.at), None)).await?;
        self.insert_artifacts(transaction).await?;
        count_completed(transaction, &self.receipt).await?;
        let logged = LoggedReceipt::new(&self.receipt.signed, self.receipt.attested_at.seconds());
        append(transaction, &[LogEntry::Receipt(logged)]).await?;
        // Before the end of the job: what an open audit may mint stays reserved.
        if let Some(audit) = &self.audit {
            let receipt = (self.receipt.signed.receipt_hash, provider);
            audit.apply(transaction, self.moved.task, receipt, self.at).await?;
        }
        match ended {
            Some(state) => after_end(transaction, self.moved.task.job_id, state, &*self.seal, self.at).await,
            None => Ok(()),
        }
    }
}

impl CompleteTask {
    /// How long they are kept goes by who pays for the job.
    async fn insert_artifacts(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        // Of an audit's files only those are kept that are evidence.
        if self.artifacts.is_empty() {
            return Ok(());
        }
        let job_id = self.moved.task.job_id.to_string();
        let job = job::Entity::find().filter(job::Column::Id.eq(&job_id)).one(transaction.connection).await?;
        let sponsored = job.is_some_and(|job| job.sponsored);
        let rows = self.artifacts.iter().map(|file| artifact::ActiveModel {
            job_id: Set(job_id.clone()),
            role: Set(self.moved.task.role.to_string()),
            position: Set(file.position.into()),
            sha256: Set(file.sha256.to_string()),
            media_type: Set(file.media_type.clone()),
            bytes: Set(to_i64(file.bytes)),
            flagged: Set(file.flagged),
            hub_id: Set(transaction.hub_id.to_owned()),
            sponsored: Set(sponsored),
            stored_at_unix_ms: Set(stored_millis(self.at)),
            removed_at_unix_ms: Set(None),
        });
        artifact::Entity::insert_many(rows).exec_without_returning(transaction.connection).await?;
        Ok(())
    }
}

/// Returns whether it is new: this very receipt may be stored already.
async fn insert_receipt(transaction: &Transaction<'_>, task: Task, new: &NewReceipt) -> Result<bool, StoreError> {
    let signed = &new.signed;
    let canonical = signed.receipt.canonical_json().map_err(|error| StoreError::corrupt("receipt", error))?;
    let amount = StoredAmount::new("receipt.amount", new.amount)?;
    let row = job_receipt::ActiveModel {
        hub_id: Set(transaction.hub_id.to_owned()),
        receipt_hash: Set(signed.receipt_hash.to_string()),
        job_id: Set(task.job_id.to_string()),
        role: Set(task.role.to_string()),
        provider: Set(signed.receipt.provider.to_string()),
        client: Set(signed.receipt.client.to_string()),
        contract: Set(signed.receipt.contract.to_string()),
        receipt: Set(canonical),
        miner_signature: Set(signed.miner_signature.to_string()),
        attestations: Set(encode("attestations", &signed.attestations)?),
        amount_ait: Set(amount.ait),
        amount_atto: Set(amount.atto),
        attested_at_unix_ms: Set(stored_millis(new.attested_at)),
        settlement: Set(settlement_text(SettlementState::Pending)?),
        attempts: Set(0),
        not_before_unix_ms: Set(0),
        ..Default::default()
    };
    let unless_stored = OnConflict::new().do_nothing().to_owned();
    let insert = job_receipt::Entity::insert(row).on_conflict(unless_stored);
    if insert.exec_without_returning(transaction.connection).await? > 0 {
        return Ok(true);
    }
    let same = job_receipt::Entity::find()
        .filter(job_receipt::Column::ReceiptHash.eq(signed.receipt_hash.to_string()))
        .filter(job_receipt::Column::JobId.eq(task.job_id.to_string()))
        .filter(job_receipt::Column::Role.eq(task.role.to_string()))
        .count(transaction.connection)
        .await?;
    if same == 1 { Ok(false) } else { Err(StoreError::Duplicate("a receipt of this task")) }
}

/// The miner has one more completed job, whose amount waits for its mint.
async fn count_completed(transaction: &Transaction<'_>, new: &NewReceipt) -> Result<(), StoreError> {
    use miner::Column;
    let update = miner::Entity::update_many()
        .col_expr(Column::JobsCompleted, Expr::col(Column::JobsCompleted).add(1_i64))
        .filter(Column::Address.eq(new.signed.receipt.provider.to_string()));
    let amount = StoredAmount::new("receipt.amount", new.amount)?;
    amount::add(update, (Column::PendingAit, Column::PendingAtto), amount).exec(transaction.connection).await?;
    Ok(())
}
