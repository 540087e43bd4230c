//! Rebuilds the board from the database at start.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use hub::board::{Board, HubIdentity, Input, Lease, OpenJob};
use store::record::{JobRecord, LeaseRecord};
use store::{Store, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, BeingStored, Sessions};
use super::handle::{COMMANDS_MAX, HubHandle};
use super::watchers::Watchers;
use crate::clock;
use crate::metrics::Metrics;

/// Miners whose offers are remembered at start, those seen last.
const MINERS_READ_MAX: u64 = 1_000;

/// Rebuilds the board from the store and starts the actor, which ends when `stop` is canceled.
pub async fn start(
    store: Store,
    identity: HubIdentity,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<(HubHandle, JoinHandle<()>), StoreError> {
    let known = store.list_miners(MINERS_READ_MAX).await?.into_iter().flat_map(|miner| miner.capability.offers);
    let mut board = Board::new(identity, clock::random_bytes(), known);
    let jobs = store.list_open_jobs().await?;
    let count = jobs.len();
    for job in jobs {
        let leases = open_leases(&store, &job).await?;
        match board.apply(Input::Restore { job: open_job(job), leases }, clock::now()) {
            Ok(effects) if effects.is_empty() => {}
            other => tracing::error!(?other, "taking over a job is no news to anybody"),
        }
    }
    if count > 0 {
        tracing::info!(jobs = count, "open jobs were taken over from the database");
    }
    let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
    let handle = HubHandle {
        board: Arc::new(RwLock::new(board)),
        commands,
        sessions: Arc::new(Sessions::default()),
        watchers: Watchers::new(),
        next_session: Arc::new(AtomicU64::new(1)),
        receipts: Arc::new(Notify::new()),
        being_stored: Arc::new(BeingStored::default()),
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

fn open_job(record: JobRecord) -> OpenJob {
    let tasks = record.tasks.into_iter().map(|task| (task.role, task.life)).collect();
    OpenJob::stored(record.id, record.seq, record.client, Arc::new(record.job), record.deadline, tasks)
}

fn held_lease(record: LeaseRecord) -> Lease {
    Lease {
        id: record.id,
        task: record.task,
        miner: record.miner,
        terms: record.terms,
        granted_at: record.granted_at,
        // The work's own time is not stored, so the whole span of the lease counts as work.
        work_max_ms: record.deadline.since_ms(record.granted_at),
        deadline: record.deadline,
        return_by: None,
    }
}
