//! Stored records and the board's memory, joined into the API's types. Handlers and pages read through this.

use hub::board::{Board, JobOverlay};
use hub::reputation;
use shared::Address;
use shared::api::jobs::{ArtifactView, JobView, MintView, TaskView};
use shared::api::miners::MinerView;
use shared::api::page::Page;
use shared::api::receipts::{ReceiptView, SettlementState};
use shared::api::status::{Health, NetworkStatus};
use shared::device::DeviceKind;
use shared::digest::Sha256Digest;
use shared::id::JobId;
use shared::job::JobKind;
use shared::model::own_model;
use store::StoreError;
use store::record::{ArtifactRecord, JobRecord, MinerRecord, ReceiptRecord, TaskRecord};
use store::repository::{JobFilter, Keyset, ReceiptFilter};

use crate::app::App;
use crate::clock;
use crate::error::ApiError;

/// Miners that one list shows.
const MINERS_LISTED_MAX: u64 = 1_000;

/// Suggestions that the first page shows.
const SUGGESTIONS_MAX: usize = 12;

/// A job as its client sees it now.
pub async fn job_view(app: &App, record: JobRecord) -> Result<JobView, StoreError> {
    let views = job_views(app, vec![record]).await?;
    views.into_iter().next().ok_or_else(|| StoreError::Database("a job that was read is gone".to_owned()))
}

/// Several jobs, read together.
async fn job_views(app: &App, records: Vec<JobRecord>) -> Result<Vec<JobView>, StoreError> {
    let served: Vec<JobId> =
        records.iter().filter(|record| record.metering().is_some()).map(|record| record.id).collect();
    let mut artifacts = app.store.list_artifacts_of_jobs(&served).await?;
    let mut receipts = app.store.list_receipts_of_jobs(&served).await?;
    let (board, now) = (app.hub.board(), clock::now());
    let join = |record: JobRecord| {
        let overlay = board.overlay(record.id, now);
        let artifacts = artifacts.remove(&record.id).unwrap_or_default();
        join(overlay, &artifacts, &receipts.remove(&record.id).unwrap_or_default(), record)
    };
    Ok(records.into_iter().map(join).collect())
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

/// An artifact as text; `None` where its bytes are gone or no UTF-8.
pub async fn text_of(app: &App, sha256: Sha256Digest) -> Result<Option<String>, StoreError> {
    let folder = app.store.artifacts();
    let read = tokio::task::spawn_blocking(move || folder.get(sha256)).await;
    let bytes = read.unwrap_or(Err(StoreError::Stopped))?;
    Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
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

/// Connected miners first, then those seen last.
pub async fn list_miners(app: &App) -> Result<Vec<MinerView>, StoreError> {
    let records = app.store.list_miners(MINERS_LISTED_MAX).await?;
    let board = app.hub.board();
    let mut views: Vec<MinerView> = records.into_iter().map(|record| miner_view(&board, record)).collect();
    views.sort_by_key(|view| !view.online);
    Ok(views)
}

pub async fn find_miner(app: &App, address: Address) -> Result<Option<MinerView>, StoreError> {
    let record = app.store.find_miner(address).await?;
    Ok(record.map(|record| miner_view(&app.hub.board(), record)))
}

/// Newest first. A cursor is what the page before named.
pub async fn list_receipts(
    app: &App,
    filter: &ReceiptFilter,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<ReceiptView>, ApiError> {
    let rows = app.store.list_receipts(filter, keyset(cursor, limit)?).await?;
    Ok(page(rows, limit, |row| row.seq).map(receipt_view))
}

/// Newest first, each as it is now.
pub async fn list_jobs(
    app: &App,
    filter: &JobFilter,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<JobView>, ApiError> {
    let Page { items, next_cursor } =
        page(app.store.list_jobs(filter, keyset(cursor, limit)?).await?, limit, |row| row.seq);
    Ok(Page { items: job_views(app, items).await?, next_cursor })
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

fn default_picture_model(board: &Board) -> String {
    board.catalog().default_model(JobKind::Image).unwrap_or_else(|| own_model(JobKind::Image).to_owned())
}

/// The four live figures of the first page.
pub async fn network_status(app: &App) -> Result<NetworkStatus, ApiError> {
    let supply = app.node.token_supply().await?;
    let head = app.node.head()?;
    let jobs_today = app.store.count_jobs_since(hub::quota::midnight(clock::now())).await?;
    let board = app.hub.board();
    let offer = board.catalog().default_offer(JobKind::Image);
    let (suggestions, subjects) =
        offer.map(|offer| (offer.suggestions.clone(), offer.subjects.clone())).unwrap_or_default();
    Ok(NetworkStatus {
        chain_id: app.identity.chain_id,
        hub_id: app.identity.hub_id.clone(),
        attester: app.hub_key.address(),
        dev: true,
        supply,
        jobs_today,
        miners_online: u32::try_from(board.miners().count()).unwrap_or(u32::MAX),
        queue_depth: u32::try_from(board.queue_depth()).unwrap_or(u32::MAX),
        head_number: head.number,
        head_timestamp: shared::time::UnixSeconds(head.timestamp),
        suggestions: suggestions.into_iter().take(SUGGESTIONS_MAX).collect(),
        subjects,
        default_model: default_picture_model(&board),
        default_text_model: board.catalog().default_model(JobKind::Text),
        default_steps: offer.map_or(shared::job::image::STEPS_DEFAULT, |offer| offer.default_steps),
        default_guidance: offer.map_or(shared::job::image::GUIDANCE_DEFAULT, |offer| offer.default_guidance),
        default_fast: offer.and_then(|offer| board.catalog().fast_defaults(&offer.model)),
    })
}

/// Answer of `GET /v1/health`.
pub fn health(app: &App) -> Result<Health, ApiError> {
    let head_number = app.node.head()?.number;
    let board = app.hub.board();
    let miners_online = board.miners().count();
    let speed = |miner: &hub::board::Miner| {
        miner.capability.offers.iter().map(|offer| offer.measured_micro_units_per_second).max()
    };
    let fastest = board.miners().max_by_key(|(_, miner)| speed(miner));
    let device = fastest.and_then(|(_, miner)| {
        let devices = &miner.capability.devices;
        devices.iter().find(|device| device.kind == DeviceKind::Gpu).or_else(|| devices.first())
    });
    Ok(Health {
        status: if miners_online > 0 { "ok" } else { "degraded" }.to_owned(),
        gpu: device.map(|device| device.name.clone()),
        model: default_picture_model(&board),
        miners_online: u32::try_from(miners_online).unwrap_or(u32::MAX),
        head_number,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}
