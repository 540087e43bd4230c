//! Rebuilds the board from the database at start.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use hub::audit::Draws;
use hub::board::{Board, HubIdentity, Input, Lease, OpenAudit, OpenJob, ServedWith};
use hub::catalog::ModelKey;
use hub::lease;
use hub::pinned::PinnedModels;
use hub::speed::Measurement;
use shared::api::audits::AuditState;
use shared::api::payments::PaymentState;
use store::record::{AuditRecord, JobRecord, LeaseRecord, MeasuredResult, NewAudit};
use store::{Store, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, BeingStored, Carried, Command, Sessions};
use super::handle::{COMMANDS_MAX, HubHandle};
use super::seal::HubSeal;
use super::watchers::Watchers;
use crate::clock;
use crate::metrics::Metrics;

/// Miners whose offers are remembered at start, those seen last.
const MINERS_READ_MAX: u64 = 1_000;

/// Results whose times are remembered at start, the newest. A larger result before them counted for long while the hub ran, as
/// small ones let little of it go; a start forgets it, and its miner counts by the newer ones until it makes a large one again.
const RESULTS_READ_MAX: u64 = 2_000;

/// Rebuilds the board from the store and starts the actor, which ends when `stop` is canceled.
pub async fn start(
    store: Store,
    identity: HubIdentity,
    pinned: PinnedModels,
    metrics: Arc<Metrics>,
    draws: Draws,
    seal: HubSeal,
    stop: CancellationToken,
) -> Result<(HubHandle, JoinHandle<()>), StoreError> {
    let known = store.list_miners(None, MINERS_READ_MAX).await?.into_iter().flat_map(|miner| miner.capability.offers);
    let board = Board::new(identity, clock::random_bytes(), pinned, known);
    let mut board = board.with_audits(draws.audits).with_controls(draws.controls);
    let measured = store.list_measured_results(RESULTS_READ_MAX).await?;
    board.remember_paused(store.list_paused_miners().await?);
    board.remember_speeds(measured.into_iter().map(measurement));
    let jobs = store.list_open_jobs().await?;
    let count = jobs.len();
    let mut refused = Vec::new();
    for job in jobs {
        if job.payment.as_ref().is_some_and(|payment| payment.state == PaymentState::Void) {
            refused.push(job.id);
        }
        let leases = open_leases(&store, &job).await?;
        let job = open_job(&store, job).await?;
        match board.apply(Input::Restore { job, leases }, clock::now()) {
            Ok(effects) if effects.is_empty() => {}
            other => tracing::error!(?other, "taking over a job is no news to anybody"),
        }
    }
    if count > 0 {
        tracing::info!(jobs = count, "open jobs were taken over from the database");
    }
    let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
    // The hub stopped between the refusal of a payment and the end of its job.
    for job_id in refused {
        let input = Input::PaymentRefused { job_id };
        if commands.try_send(Command { input, carried: Carried::Nothing, reply: None }).is_err() {
            tracing::warn!(%job_id, "a job that nobody pays waits for its deadline");
        }
    }
    let handle = HubHandle {
        board: Arc::new(RwLock::new(board)),
        commands,
        sessions: Arc::new(Sessions::default()),
        watchers: Watchers::new(),
        next_session: Arc::new(AtomicU64::new(1)),
        receipts: Arc::new(Notify::new()),
        being_stored: Arc::new(BeingStored::default()),
        offers: Arc::new(Notify::new()),
        histories: Arc::default(),
    };
    let actor = Actor {
        board: Arc::clone(&handle.board),
        commands: receiver,
        store,
        sessions: Arc::clone(&handle.sessions),
        watchers: Arc::clone(&handle.watchers),
        metrics,
        receipts: Arc::clone(&handle.receipts),
        being_stored: Arc::clone(&handle.being_stored),
        offers: Arc::clone(&handle.offers),
        seal: Arc::new(seal),
        stop,
    };
    Ok((handle, tokio::spawn(actor.run())))
}

/// The leases under which the job's tasks run, as far as they have not ended.
async fn open_leases(store: &Store, job: &JobRecord) -> Result<Vec<Lease>, StoreError> {
    let mut leases = Vec::new();
    for lease_id in job.tasks.iter().filter_map(|task| task.life.lease_id) {
        let lease = store.find_lease(lease_id).await?.filter(|lease| lease.ended_at.is_none());
        leases.extend(lease.map(held_lease));
    }
    Ok(leases)
}

fn measurement(result: MeasuredResult) -> Measurement {
    let MeasuredResult { kind, model, miner, units, elapsed_ms } = result;
    Measurement { model: ModelKey { kind, model }, miner, units, elapsed_ms }
}

async fn open_job(store: &Store, record: JobRecord) -> Result<OpenJob, StoreError> {
    let is_unpaid = record.payment.as_ref().is_some_and(|payment| !payment.state.has_reserved());
    let has_audits = record.tasks.iter().any(|task| task.role.is_audit());
    let tasks = record.tasks.into_iter().map(|task| (task.role, task.life)).collect();
    let job = OpenJob::stored(record.id, record.seq, record.client, Arc::new(record.job), record.deadline, tasks);
    let job = if record.unaudited.is_some() { job.unaudited() } else { job };
    if is_unpaid {
        return Ok(job.awaiting_payment());
    }
    let audits = if has_audits { store.find_audits(&[record.id]).await? } else { BTreeMap::new() };
    Ok(audits.into_iter().fold(job, |job, (served, audit)| job.audited(served.role, open_audit(audit))))
}

fn open_audit(record: AuditRecord) -> OpenAudit {
    let NewAudit { manifest_sha256, engine, unit_price, mint_max, bits, opened_at, deadline } = record.opened;
    OpenAudit {
        served_by: record.provider,
        served_with: ServedWith { manifest_sha256, engine },
        unit_price,
        mint_max,
        bits: bits.0,
        opened_at,
        deadline,
        audited_by: record.audited_by,
        is_control: record.state == AuditState::Confirmed,
    }
}

fn held_lease(record: LeaseRecord) -> Lease {
    Lease {
        id: record.id,
        task: record.task,
        miner: record.miner,
        terms: record.terms,
        granted_at: record.granted_at,
        // The work's own time is not stored; the span of the lease tells it.
        expected_ms: lease::expected_of_span(record.deadline.since_ms(record.granted_at)),
        deadline: record.deadline,
        return_by: None,
        received_at: None,
        was_turned_away: false,
    }
}
