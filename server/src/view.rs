//! Stored records and the board's memory, joined into the API's types. Handlers and pages read through this.

use axum::http::HeaderMap;
use hub::board::{Board, JobOverlay};
use hub::{plan, reputation};
use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::api::audits::{AuditState, AuditView, Unaudited, evidence_sha256};
use shared::api::jobs::{ArtifactView, JobResult, JobView, MintView, TaskView};
use shared::api::miners::{MinerAudits, MinerView};
use shared::api::page::Page;
use shared::api::payments::{PaymentState, PaymentView, PlacedTransaction};
use shared::api::receipts::{HoldState, HoldView, ReceiptView, SettlementState};
use shared::api::reviews::MinerReviews;
use shared::api::why_idle::WhyIdle;
use shared::escrow::{PaymentOrder, TaskCount};
use shared::id::JobId;
use shared::job::lifecycle::{Fault, JobState};
use shared::job::request::Work;
use shared::job::task::{Part, Task, TaskRole};
use shared::review::ReviewTally;
use store::record::{ArtifactRecord, AuditRecord, JobRecord, MinerRecord, PaymentRecord, ReceiptRecord, TaskRecord};
use store::repository::{JobFilter, Keyset, ReceiptFilter};
use store::{Store, StoreError};

use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::hub::HubHandle;
use crate::job_token;

/// Faults that a view of a job names, the last ones.
pub(crate) const FAULTS_SHOWN_MAX: usize = 100;

/// Tasks that a view of a job names.
pub(crate) const TASKS_SHOWN_MAX: usize = 100;

/// Reads store and board together.
#[derive(Clone)]
pub struct Views {
    /// What is kept.
    pub(crate) store: Store,
    /// What happens now.
    pub(crate) hub: HubHandle,
}

impl Views {
    /// The job, if the caller may see it. Any other job is answered as not found.
    pub async fn find_visible(&self, caller: &Caller, id: JobId) -> Result<JobRecord, ApiError> {
        let record = self.store.find_job(id).await?.filter(|record| caller.may_see(record));
        record.ok_or_else(|| ApiError::not_found("job", id))
    }

    /// Whether a caller may read what a job that it may see gives, and what is drawn or written of it so far. What everybody
    /// may see is its creator's alone while others may be asked to compute it again.
    pub fn may_read(&self, caller: &Caller, headers: &HeaderMap, job: &JobRecord) -> bool {
        !(job.sponsored && self.hub.board().withholds(job.id)) || job_token::is_creator(caller, headers, job)
    }

    /// A job as its client sees it now.
    pub async fn job_view(&self, record: JobRecord) -> Result<JobView, StoreError> {
        let views = self.job_views(vec![record]).await?;
        views.into_iter().next().ok_or_else(|| StoreError::Database("a job that was read is gone".to_owned()))
    }

    /// Several jobs, read together.
    async fn job_views(&self, records: Vec<JobRecord>) -> Result<Vec<JobView>, StoreError> {
        let served: Vec<JobId> =
            records.iter().filter(|record| record.metering().is_some()).map(|record| record.id).collect();
        let mut artifacts = self.store.list_artifacts_of_jobs(&served).await?;
        let mut receipts = self.store.list_receipts_of_jobs(&served).await?;
        let (board, now) = (self.hub.board(), clock::now());
        let join = |record: JobRecord| {
            let overlay = board.overlay(record.id, now);
            let withheld = record.sponsored && board.withholds(record.id);
            let artifacts = artifacts.remove(&record.id).unwrap_or_default();
            let receipts = receipts.remove(&record.id).unwrap_or_default();
            JobView { withheld, ..join(overlay, &artifacts, &receipts, record) }
        };
        Ok(records.into_iter().map(join).collect())
    }

    /// The whole of an artifact, for answers that carry it in JSON.
    ///
    /// # Errors
    /// An artifact that is kept no longer.
    pub async fn bytes_of(&self, artifact: &ArtifactView) -> Result<Vec<u8>, ApiError> {
        if artifact.removed_at_unix_ms.is_some() {
            return Err(ApiError::Gone);
        }
        let (folder, sha256) = (self.store.artifacts(), artifact.sha256);
        let read = tokio::task::spawn_blocking(move || folder.get(sha256)).await;
        let bytes = read.unwrap_or(Err(StoreError::Stopped))?;
        bytes.ok_or_else(|| ApiError::Internal(format!("the bytes of {sha256} are gone")))
    }

    /// An artifact as text; `None` where it is kept no longer, or is no UTF-8.
    pub async fn text_of(&self, artifact: &ArtifactView) -> Result<Option<String>, ApiError> {
        match self.bytes_of(artifact).await {
            Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
            Err(ApiError::Gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn find_miner(&self, address: Address) -> Result<Option<MinerView>, StoreError> {
        let record = self.store.find_miner(address).await?;
        Ok(record.map(|record| miner_view(&self.hub.board(), record)))
    }

    /// Why a miner that the hub knows has no job.
    pub async fn why_idle(&self, address: Address) -> Result<Option<WhyIdle>, StoreError> {
        let is_known = self.store.find_miner(address).await?.is_some();
        Ok(is_known.then(|| self.hub.board().why_idle(address)))
    }

    /// A receipt with what became of it and of its job's audit.
    pub async fn receipt_view(&self, record: ReceiptRecord) -> Result<ReceiptView, StoreError> {
        let views = self.receipt_views(vec![record]).await?;
        views.into_iter().next().ok_or_else(|| StoreError::Database("a receipt that was read is gone".to_owned()))
    }

    async fn receipt_views(&self, records: Vec<ReceiptRecord>) -> Result<Vec<ReceiptView>, StoreError> {
        let jobs: Vec<JobId> = records.iter().map(|record| record.signed.receipt.job_id).collect();
        let audits = self.store.find_audits(&jobs).await?;
        let unaudited = self.store.list_unaudited(&jobs).await?;
        let view = |record: ReceiptRecord| {
            let served =
                Task { job_id: record.signed.receipt.job_id, role: record.role.audited().unwrap_or(record.role) };
            let audit = audits.get(&served).map(audit_view).transpose()?;
            let why_not = unaudited.get(&served.job_id).copied().filter(|_| !record.role.is_audit());
            Ok(receipt_view(record, audit, why_not))
        };
        records.into_iter().map(view).collect()
    }

    /// Newest first. A cursor is what the page before named.
    pub async fn list_receipts(
        &self,
        filter: &ReceiptFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<ReceiptView>, ApiError> {
        let rows = self.store.list_receipts(filter, keyset(cursor, limit)?).await?;
        let Page { items, next_cursor } = page(rows, limit, |row| row.seq);
        Ok(Page { items: self.receipt_views(items).await?, next_cursor })
    }

    /// Newest first, each as it is now.
    pub async fn list_jobs(
        &self,
        filter: &JobFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<JobView>, ApiError> {
        let Page { items, next_cursor } =
            page(self.store.list_jobs(filter, keyset(cursor, limit)?).await?, limit, |row| row.seq);
        Ok(Page { items: self.job_views(items).await?, next_cursor })
    }

    /// A finished job's result, or the parts of it that there are.
    ///
    /// # Errors
    /// A job that is not over, or that ended without any result.
    pub async fn job_result(&self, record: JobRecord) -> Result<JobResult, ApiError> {
        let state = record.state;
        if !state.is_terminal() {
            return Err(ApiError::TooEarly(state));
        }
        let receipts = self.store.list_receipts_of_jobs(&[record.id]).await?.remove(&record.id).unwrap_or_default();
        let (Some(receipt), Some(metering)) = (serving(&receipts).next(), record.metering()) else {
            return Err(ApiError::Conflict(format!("the job ended without a result: {state}")));
        };
        let seed = match &record.job.work {
            Work::Image(input) => Some(input.seed),
            Work::Text(input) => Some(input.seed),
            Work::Embedding(_) => None,
        };
        Ok(JobResult {
            job_id: record.id,
            state,
            artifacts: artifact_views(record.id, &self.store.list_artifacts(record.id).await?),
            seed,
            finish_reason: metering.finish_reason,
            units: units_of(&receipts),
            unit_type: receipt.signed.receipt.unit_type,
            duration_ms: metering.duration_ms,
            gpu_ms: metering.gpu_ms,
            receipt_hash: receipt.signed.receipt_hash,
        })
    }
}

/// Joins what is stored with what is remembered. A job that is over is as it is stored.
fn join(
    overlay: Option<JobOverlay>,
    artifacts: &[ArtifactRecord],
    receipts: &[ReceiptRecord],
    record: JobRecord,
) -> JobView {
    let overlay = overlay.filter(|overlay| !record.state.is_terminal() && !overlay.state.is_terminal());
    let receipt = serving(receipts).next();
    // A page shows it as the job's last news.
    let is_minted = serving(receipts).all(|receipt| receipt.settlement == SettlementState::Minted);
    let (state, mut faults): (_, Vec<Fault>) = match &overlay {
        Some(overlay) => (overlay.state, overlay.faults().cloned().collect()),
        None => (record.state, record.faults().cloned().collect()),
    };
    faults.drain(..faults.len().saturating_sub(FAULTS_SHOWN_MAX));
    let tasks = task_views(overlay.as_ref(), receipts, &record);
    let miner = overlay.as_ref().and_then(JobOverlay::miner).or(record.miner());
    let work = record.job.work;
    JobView {
        id: record.id,
        state,
        model: record.job.model,
        salt: record.job.salt,
        units: if receipt.is_some() && record.state.is_terminal() { units_of(receipts) } else { work.units() },
        unit_type: work.unit_type(),
        work: work.without_files(),
        constraints: record.job.constraints,
        payment_mode: record.job.payment.mode(),
        client: record.client,
        sponsored: record.sponsored,
        created_at_unix_ms: record.created_at,
        started_at_unix_ms: record.started_at,
        finished_at_unix_ms: record.finished_at,
        deadline_unix_ms: record.deadline,
        queue_position: overlay.as_ref().and_then(|overlay| overlay.queue_position),
        eta_ms: overlay.as_ref().and_then(|overlay| overlay.eta_ms),
        progress: overlay.as_ref().and_then(|overlay| overlay.progress),
        miner,
        faults,
        tasks,
        artifacts: artifact_views(record.id, artifacts),
        withheld: false,
        unaudited: record.unaudited,
        receipt_hash: receipt.map(|receipt| receipt.signed.receipt_hash),
        mint: receipt.filter(|_| is_minted && record.state.is_terminal()).and_then(mint_view),
        payment: record.payment.as_ref().map(payment_view),
    }
}

/// The payment of a job that was asked for just now.
pub fn awaiting(order: &PaymentOrder) -> PaymentView {
    PaymentView {
        state: PaymentState::Awaiting,
        client: order.client,
        max_total: order.max_total,
        max_unit_price: order.max_unit_price,
        order_expires_at: order.expires_at,
        paid: None,
        fee: None,
        refunded: None,
        reserve: None,
        end: None,
        refusal: None,
    }
}

fn payment_view(record: &PaymentRecord) -> PaymentView {
    PaymentView {
        state: record.state,
        paid: record.paid,
        fee: record.fee,
        refunded: record.refunded,
        reserve: record.reserved_in,
        end: record.ended_in,
        refusal: record.refusal.clone(),
        ..awaiting(&record.signed.order)
    }
}

/// Receipts of what was done for the client, in the order of the parts.
fn serving(receipts: &[ReceiptRecord]) -> impl Iterator<Item = &ReceiptRecord> {
    receipts.iter().filter(|receipt| !receipt.role.is_audit())
}

fn units_of(receipts: &[ReceiptRecord]) -> MicroUnits {
    MicroUnits(serving(receipts).fold(0, |sum, receipt| sum.saturating_add(receipt.signed.receipt.units.0)))
}

/// The tasks of a job that was asked for just now.
pub fn waiting_tasks(work: &Work, roles: &[TaskRole]) -> Vec<TaskView> {
    let pictures = pictures_of(work, roles);
    let view = |role: &TaskRole| TaskView {
        role: *role,
        state: JobState::Queued,
        miner: None,
        pictures: pictures(*role),
        receipt_hash: None,
    };
    roles.iter().map(view).collect()
}

/// Which pictures a shard draws, and an audit of one looks at.
fn pictures_of(work: &Work, roles: &[TaskRole]) -> impl Fn(TaskRole) -> Option<Part> {
    let (pieces, tasks) = (plan::pieces(work), plan::count_of(roles.iter().copied()));
    move |role| (tasks != TaskCount::ONE).then(|| plan::part(pieces, tasks, role))
}

fn task_views(overlay: Option<&JobOverlay>, receipts: &[ReceiptRecord], record: &JobRecord) -> Vec<TaskView> {
    let roles: Vec<TaskRole> = record.tasks.iter().map(|task| task.role).collect();
    let pictures = pictures_of(&record.job.work, &roles);
    let view = |task: &TaskRecord| {
        let now = overlay.and_then(|overlay| overlay.tasks.iter().find(|now| now.role == task.role));
        let receipt = receipts.iter().find(|receipt| receipt.role == task.role);
        TaskView {
            role: task.role,
            state: now.map_or(task.life.state, |now| now.life.state),
            miner: now.and_then(|now| now.miner).or(task.miner),
            pictures: pictures(task.role),
            receipt_hash: receipt.map(|receipt| receipt.signed.receipt_hash),
        }
    };
    record.tasks.iter().take(TASKS_SHOWN_MAX).map(view).collect()
}

pub fn artifact_views(job_id: JobId, artifacts: &[ArtifactRecord]) -> Vec<ArtifactView> {
    let view = |artifact: &ArtifactRecord| ArtifactView {
        url: format!("/v1/jobs/{job_id}/artifacts/{}", artifact.position),
        position: artifact.position,
        media_type: artifact.media_type.clone(),
        sha256: artifact.sha256,
        bytes: artifact.bytes,
        flagged: artifact.flagged,
        removed_at_unix_ms: artifact.removed_at,
    };
    artifacts.iter().map(view).collect()
}

/// `None` until a block has the mint.
pub fn mint_view(receipt: &ReceiptRecord) -> Option<MintView> {
    if receipt.settlement != SettlementState::Minted {
        return None;
    }
    Some(MintView {
        amount: receipt.amount,
        provider: receipt.signed.receipt.provider,
        transaction_hash: receipt.transaction_hash?,
        block_number: receipt.block_number?,
    })
}

/// `None` until a block has the payment from escrow.
fn settled_view(receipt: &ReceiptRecord) -> Option<PlacedTransaction> {
    if receipt.settlement != SettlementState::Settled {
        return None;
    }
    Some(PlacedTransaction { transaction_hash: receipt.transaction_hash?, block_number: receipt.block_number? })
}

/// `None` where nothing is or was held.
fn hold_view(receipt: &ReceiptRecord) -> Option<HoldView> {
    Some(HoldView { state: receipt.hold?, due_at: receipt.due? })
}

const fn is_paid(hold: Option<HoldState>) -> bool {
    matches!(hold, Some(HoldState::Paid | HoldState::Released))
}

/// Until it has ended nobody hears how it stands: who is asked for a third opinion must not know whether the first two agree.
fn audit_view(record: &AuditRecord) -> Result<AuditView, StoreError> {
    let AuditRecord { receipt_hash, provider, state, opinions, refuted, ended_at, opened, .. } = record;
    let (state, opinions) = match ended_at {
        Some(_) => (state, opinions.as_slice()),
        None => (&AuditState::Waiting, [].as_slice()),
    };
    let evidence = evidence_sha256(*receipt_hash, *provider, opinions);
    Ok(AuditView {
        receipt_hash: *receipt_hash,
        provider: *provider,
        state: *state,
        opened_at_unix_ms: opened.opened_at,
        ended_at_unix_ms: *ended_at,
        opinions: opinions.to_vec(),
        refuted: *refuted,
        evidence_sha256: evidence.map_err(|error| StoreError::Database(error.to_string()))?,
    })
}

fn receipt_view(record: ReceiptRecord, audit: Option<AuditView>, unaudited: Option<Unaudited>) -> ReceiptView {
    ReceiptView {
        // What was paid before its miner was refuted is not taken back.
        void_reason: record.void_reason.clone().filter(|_| !is_paid(record.hold)),
        audit,
        unaudited,
        mint: mint_view(&record),
        settled: settled_view(&record),
        hold: hold_view(&record),
        amount: record.amount,
        attested_at_unix_ms: record.attested_at,
        settlement: record.settlement,
        refusal: record
            .refusal
            .filter(|_| !matches!(record.settlement, SettlementState::Minted | SettlementState::Settled)),
        signed: record.signed,
    }
}

pub fn miner_view(board: &Board, record: MinerRecord) -> MinerView {
    let received = record.earned.checked_add(record.pending).unwrap_or(record.earned);
    let usual = Amount::from_atto(received.atto() / u128::from(record.jobs_completed.max(1)));
    let share_per_mille = board.audit_share_per_mille(record.address, usual, clock::now());
    let ReviewTally { paid, unpaid, .. } = record.reviews;
    MinerView {
        reviews: MinerReviews { paid, unpaid, mean_per_mille: record.reviews.mean_per_mille() },
        audits: MinerAudits { confirmed: record.audits_confirmed, refuted: record.audits_refuted, share_per_mille },
        online: board.miner(record.address).is_some(),
        jobs_running: board.jobs_running_at(record.address),
        address: record.address,
        capability: record.capability,
        first_seen_at_unix_ms: record.first_seen,
        last_seen_at_unix_ms: record.last_seen,
        jobs_completed: record.jobs_completed,
        faults: record.faults,
        reputation_per_mille: reputation::per_mille(record.jobs_completed, record.faults),
        earned: record.earned,
        pending: record.pending,
        held: record.held,
        paused: board.pause_of(record.address).cloned(),
    }
}

/// One row more than the page has says whether there is another page.
pub(crate) fn keyset(cursor: Option<&str>, limit: u32) -> Result<Keyset, ApiError> {
    let before_seq = cursor.map(str::parse).transpose().map_err(|_| {
        let detail = "`cursor` is `next_cursor` of the page before";
        ApiError::Invalid(vec![shared::field_error::FieldError::new("cursor", detail)])
    })?;
    Ok(Keyset { before_seq, limit: u64::from(limit) + 1 })
}

pub(crate) fn page<T>(mut rows: Vec<T>, limit: u32, seq: impl Fn(&T) -> i64) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| seq(row).to_string());
    Page { items: rows, next_cursor }
}
