//! Stored records and the board's memory, joined into the API's types. Handlers and pages read through this.

use hub::board::{Board, JobOverlay};
use hub::reputation;
use shared::Address;
use shared::api::jobs::{ArtifactView, JobResult, JobView, MintView, TaskView};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::{ReceiptView, SettlementState};
use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::job::request::Work;
use store::record::{ArtifactRecord, JobRecord, MinerRecord, ReceiptRecord, TaskRecord};
use store::repository::{JobFilter, Keyset, ReceiptFilter};
use store::{Store, StoreError};

use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::hub::HubHandle;

/// Miners that one list shows.
const MINERS_LISTED_MAX: u64 = 1_000;

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
            let artifacts = artifacts.remove(&record.id).unwrap_or_default();
            join(overlay, &artifacts, &receipts.remove(&record.id).unwrap_or_default(), record)
        };
        Ok(records.into_iter().map(join).collect())
    }

    /// An artifact as text; `None` where its bytes are gone or no UTF-8.
    pub async fn text_of(&self, sha256: Sha256Digest) -> Result<Option<String>, StoreError> {
        let folder = self.store.artifacts();
        let read = tokio::task::spawn_blocking(move || folder.get(sha256)).await;
        let bytes = read.unwrap_or(Err(StoreError::Stopped))?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    /// Connected miners first, then those seen last.
    pub async fn list_miners(&self) -> Result<Vec<MinerView>, StoreError> {
        let records = self.store.list_miners(MINERS_LISTED_MAX).await?;
        let board = self.hub.board();
        let mut views: Vec<MinerView> = records.into_iter().map(|record| miner_view(&board, record)).collect();
        views.sort_by_key(|view| !view.online);
        Ok(views)
    }

    pub async fn find_miner(&self, address: Address) -> Result<Option<MinerView>, StoreError> {
        let record = self.store.find_miner(address).await?;
        Ok(record.map(|record| miner_view(&self.hub.board(), record)))
    }

    /// Newest first. A cursor is what the page before named.
    pub async fn list_receipts(
        &self,
        filter: &ReceiptFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<ReceiptView>, ApiError> {
        let rows = self.store.list_receipts(filter, keyset(cursor, limit)?).await?;
        Ok(page(rows, limit, |row| row.seq).map(receipt_view))
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

    /// A finished job's result.
    ///
    /// # Errors
    /// A job that is not over, or that ended without a result.
    pub async fn job_result(&self, record: JobRecord) -> Result<JobResult, ApiError> {
        let state = record.state;
        if !state.is_terminal() {
            return Err(ApiError::TooEarly(state));
        }
        let receipt = self.store.find_receipt_of_job(record.id).await?;
        let (Some(receipt), Some(metering)) = (receipt, record.metering()) else {
            return Err(ApiError::Conflict(format!("the job ended without a result: {state}")));
        };
        let seed = match &record.job.work {
            Work::Image(input) => Some(input.seed),
            Work::Text(input) => Some(input.seed),
            Work::Embedding(_) => None,
        };
        let claimed = &receipt.signed.receipt;
        Ok(JobResult {
            job_id: record.id,
            artifacts: artifact_views(record.id, &self.store.list_artifacts(record.id).await?),
            seed,
            finish_reason: metering.finish_reason,
            units: claimed.units,
            unit_type: claimed.unit_type,
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
    let receipt = receipts.first();
    let (state, faults) = match &overlay {
        Some(overlay) => (overlay.state, overlay.faults().cloned().collect()),
        None => (record.state, record.faults().cloned().collect()),
    };
    let tasks = task_views(overlay.as_ref(), receipts, &record);
    let miner = overlay.as_ref().and_then(JobOverlay::miner).or(record.miner());
    let work = record.job.work;
    JobView {
        id: record.id,
        state,
        model: record.job.model,
        prompt_hash: work.prompt_hash(),
        units: receipt.map_or_else(|| work.units(), |receipt| receipt.signed.receipt.units),
        unit_type: work.unit_type(),
        work: work.without_files(),
        constraints: record.job.constraints,
        payment_mode: record.job.payment.mode,
        client: record.client,
        sponsored: record.sponsored,
        created_at_unix_ms: record.created_at,
        started_at_unix_ms: record.started_at,
        finished_at_unix_ms: record.finished_at,
        deadline_unix_ms: record.deadline,
        queue_position: overlay.as_ref().and_then(|overlay| overlay.queue_position),
        eta_ms: overlay.as_ref().and_then(|overlay| overlay.eta_ms),
        progress: overlay.as_ref().and_then(JobOverlay::progress),
        miner,
        faults,
        tasks,
        artifacts: artifact_views(record.id, artifacts),
        receipt_hash: receipt.map(|receipt| receipt.signed.receipt_hash),
        mint: receipt.and_then(mint_view),
    }
}

fn task_views(overlay: Option<&JobOverlay>, receipts: &[ReceiptRecord], record: &JobRecord) -> Vec<TaskView> {
    let view = |task: &TaskRecord| {
        let now = overlay.and_then(|overlay| overlay.tasks.iter().find(|now| now.role == task.role));
        let receipt = receipts.iter().find(|receipt| receipt.role == task.role);
        TaskView {
            role: task.role,
            state: now.map_or(task.life.state, |now| now.life.state),
            miner: now.and_then(|now| now.miner).or(task.miner),
            receipt_hash: receipt.map(|receipt| receipt.signed.receipt_hash),
        }
    };
    record.tasks.iter().map(view).collect()
}

pub fn artifact_views(job_id: JobId, artifacts: &[ArtifactRecord]) -> Vec<ArtifactView> {
    let view = |(position, artifact): (usize, &ArtifactRecord)| ArtifactView {
        url: format!("/v1/jobs/{job_id}/artifacts/{position}"),
        media_type: artifact.media_type.clone(),
        sha256: artifact.sha256,
        bytes: artifact.bytes,
        flagged: artifact.flagged,
    };
    artifacts.iter().enumerate().map(view).collect()
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

pub fn receipt_view(record: ReceiptRecord) -> ReceiptView {
    ReceiptView {
        mint: mint_view(&record),
        amount: record.amount,
        attested_at_unix_ms: record.attested_at,
        settlement: record.settlement,
        refusal: record.refusal.filter(|_| record.settlement != SettlementState::Minted),
        signed: record.signed,
    }
}

pub fn miner_view(board: &Board, record: MinerRecord) -> MinerView {
    MinerView {
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
    }
}

/// One row more than the page has says whether there is another page.
fn keyset(cursor: Option<&str>, limit: u32) -> Result<Keyset, ApiError> {
    let before_seq = cursor.map(str::parse).transpose().map_err(|_| {
        let detail = "`cursor` is `next_cursor` of the page before";
        ApiError::Invalid(vec![shared::field_error::FieldError::new("cursor", detail)])
    })?;
    Ok(Keyset { before_seq, limit: u64::from(limit) + 1 })
}

fn page<T>(mut rows: Vec<T>, limit: u32, seq: impl Fn(&T) -> i64) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| seq(row).to_string());
    Page { items: rows, next_cursor }
}
