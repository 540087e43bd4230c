//! From the database to a running hub.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use hub::board::{Board, HubIdentity, Lease, OpenJob};
use store::record::{JobRecord, LeaseRecord};
use store::{Store, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Sessions};
use super::handle::{COMMANDS_MAX, HubHandle};
use super::watchers::Watchers;
use crate::clock;
use crate::metrics::Metrics;

/// Rebuilds the board from the store and starts the actor, which ends when `stop` is canceled.
pub async fn start(
    store: Store,
    identity: HubIdentity,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<(HubHandle, JoinHandle<()>), StoreError> {
    let mut board = Board::new(identity);
    let jobs = store.list_open_jobs().await?;
    let count = jobs.len();
    for job in jobs {
        let lease = match job.life.lease_id {
            Some(lease_id) => store.find_lease(lease_id).await?.filter(|lease| lease.ended_at.is_none()),
            None => None,
        };
        board.restore(open_job(job), lease.map(held_lease), clock::now());
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
    };
    let actor = Actor {
        board: Arc::clone(&handle.board),
        commands: receiver,
        store,
        sessions: Arc::clone(&handle.sessions),
        watchers: Arc::clone(&handle.watchers),
        metrics,
        stop,
    };
    Ok((handle, tokio::spawn(actor.run())))
}

fn open_job(record: JobRecord) -> OpenJob {
    OpenJob {
        id: record.id,
        seq: record.seq,
        client: record.client,
        job: Arc::new(record.job),
        life: record.life,
        deadline: record.deadline,
        progress: None,
        text: String::new(),
        failed_by: vec![],
        given_up_by: vec![],
    }
}

fn held_lease(record: LeaseRecord) -> Lease {
    Lease {
        id: record.id,
        job_id: record.job_id,
        miner: record.miner,
        terms: record.terms,
        granted_at: record.granted_at,
        // With what it waited for, which is not stored.
        work_max_ms: record.deadline.since_ms(record.granted_at),
        deadline: record.deadline,
        reunion_by: None,
    }
}
