//! The one task that alters the board, and performs what follows from it, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hub::board::{Board, Effect, EndedLease, Lease, SessionNumber};
use shared::Address;
use shared::id::JobId;
use shared::job::lifecycle::Lifecycle;
use shared::protocol::HubMessage;
use shared::time::UnixMillis;
use store::Store;
use store::change::{CountFault, GrantLease, MoveJob};
use store::record::LeaseRecord;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::watchers::{Signal, Watchers};
use crate::clock;
use crate::metrics::Metrics;

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(250);

/// How soon a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Something that happens to the board.
pub(super) type Act = Box<dyn FnOnce(&mut Board, UnixMillis, &mut dyn FnMut() -> u128) -> Vec<Effect> + Send>;

pub(super) struct Command {
    pub(super) act: Act,
    /// When the job of a submission was accepted, to measure its way to a worker.
    pub(super) accepted: Option<(JobId, Instant)>,
}

/// Sessions by number; a session that cannot take a message is about to end.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<SessionNumber, Outlet>>);

/// The way to a session's task.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) sender: mpsc::Sender<ToSession>,
    /// Its worker takes [`HubMessage::Watched`].
    pub(super) follows_watchers: bool,
}

/// What a session's task is told.
#[derive(Debug)]
pub(super) enum ToSession {
    Send(HubMessage),
    /// Close: another session took over, or this one fell silent.
    Close {
        reason: String,
    },
}

impl Sessions {
    pub(super) fn insert(&self, session: SessionNumber, outlet: Outlet) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session, outlet);
    }

    pub(super) fn remove(&self, session: SessionNumber) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session);
    }

    fn tell(&self, session: SessionNumber, message: ToSession) {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outlet) = sessions.get(&session) else { return };
        if !outlet.follows_watchers && matches!(message, ToSession::Send(HubMessage::Watched { .. })) {
            return;
        }
        let told = outlet.sender.try_send(message).is_ok();
        if !told {
            tracing::debug!(session = session.0, "the session takes no message; its end returns what it holds");
        }
    }
}

pub(super) struct Actor {
    pub(super) board: Arc<RwLock<Board>>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) store: Store,
    pub(super) sessions: Arc<Sessions>,
    pub(super) watchers: Arc<Watchers>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stop: CancellationToken,
}

impl Actor {
    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let command = tokio::select! {
                biased;
                // What the sessions' ends would do to the leases must not be stored: after a restart they go on.
                () = self.stop.cancelled() => return,
                jobs = self.watchers.untold() => {
                    self.tell_watched(jobs);
                    continue;
                }
                command = self.commands.recv() => match command {
                    Some(command) => command,
                    None => return,
                },
                _ = ticks.tick() => Command { act: Box::new(|board, now, draw| board.tick(now, draw)), accepted: None },
            };
            let effects = self.alter(command.act);
            self.perform(effects, command.accepted).await;
        }
    }

    fn alter(&self, act: Act) -> Vec<Effect> {
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        let effects = act(&mut board, clock::now(), &mut clock::random_u128);
        self.metrics.queue_depth.set(i64::try_from(board.queue_depth()).unwrap_or(i64::MAX));
        effects
    }

    /// Tells miners whether somebody looks at these jobs of theirs.
    fn tell_watched(&self, jobs: BTreeSet<JobId>) {
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        for job_id in jobs {
            if let Some((lease_id, session)) = board.runs_at(job_id) {
                let watched = self.watchers.is_viewed(job_id);
                self.sessions.tell(session, ToSession::Send(HubMessage::Watched { lease_id, watched }));
            }
        }
    }

    async fn perform(&self, effects: Vec<Effect>, accepted: Option<(JobId, Instant)>) {
        let mut ending = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::Grant { lease, life, session, mut assignment } => {
                    let job_id = lease.job_id;
                    assignment.watched = Some(self.watchers.is_viewed(job_id));
                    self.store_grant(lease, life).await;
                    self.sessions.tell(session, ToSession::Send(HubMessage::Assign(assignment)));
                    if let Some((_, at)) = accepted.filter(|(id, _)| *id == job_id) {
                        self.metrics.dispatch_seconds.observe(at.elapsed().as_secs_f64());
                    }
                }
                Effect::Move { job_id, life, ended } => {
                    if life.state.is_terminal() {
                        ending.insert(job_id);
                    }
                    self.store_move(job_id, life, ended).await;
                }
                Effect::CountFault { miner, job_id } => self.store_fault(miner, job_id).await,
                Effect::Cancel { session, lease_id, reason, .. } => {
                    self.sessions.tell(session, ToSession::Send(HubMessage::Cancel { lease_id, reason }));
                }
                Effect::Replace { session } => {
                    let reason = "another session of this miner took over, or this one was silent".to_owned();
                    self.sessions.tell(session, ToSession::Close { reason });
                }
                // Watchers of a job that ends are told once the end is stored, since only the store knows it then.
                Effect::Changed { job_id } if ending.contains(&job_id) => {}
                Effect::Changed { job_id } => self.watchers.signal(job_id, Signal::Changed),
                Effect::QueueMoved => self.watchers.queue_moved(),
            }
        }
    }

    /// The assignment does not wait for the disk: without the lease's row a restart finds the job waiting.
    async fn store_grant(&self, lease: Lease, life: Lifecycle) {
        let lease = LeaseRecord {
            id: lease.id,
            job_id: lease.job_id,
            miner: lease.miner,
            terms: lease.terms,
            granted_at: lease.granted_at,
            deadline: lease.deadline,
            ended_at: None,
            fault: None,
        };
        let job_id = lease.job_id;
        match self.store.enqueue(GrantLease { lease, life }).await {
            Ok(answer) => drop(tokio::spawn(async move {
                if let Ok(Err(error)) = answer.await {
                    tracing::warn!(%job_id, %error, "a lease was not stored; a restart would lease the job again");
                }
            })),
            Err(error) => tracing::warn!(%job_id, %error, "a lease was not stored"),
        }
    }

    async fn store_fault(&self, miner: Address, job_id: JobId) {
        tracing::info!(%job_id, %miner, "a refused input was served by another miner with the same model");
        match self.store.enqueue(CountFault { miner }).await {
            Ok(answer) => drop(tokio::spawn(async move {
                if let Ok(Err(error)) = answer.await {
                    tracing::warn!(%job_id, %miner, %error, "a miner's fault was not stored");
                }
            })),
            Err(error) => tracing::warn!(%job_id, %miner, %error, "a miner's fault was not stored"),
        }
    }

    async fn store_move(&self, job_id: JobId, life: Lifecycle, ended: Option<EndedLease>) {
        self.metrics.jobs_ended(life.state);
        let ended = ended.map(|ended| store::change::EndedLease {
            lease_id: ended.lease_id,
            miner: ended.miner,
            fault: ended.fault,
        });
        if let Some(fault) = ended.as_ref().and_then(|ended| ended.fault.as_ref()) {
            tracing::info!(%job_id, blame = ?fault.blame, reason = fault.reason, "a lease ended without a result");
        }
        let change = MoveJob { job_id, life, at: clock::now(), ended };
        let first = self.store.enqueue(change.clone()).await;
        if !change.life.state.is_terminal() {
            return;
        }
        let (store, watchers, stop) = (self.store.clone(), Arc::clone(&self.watchers), self.stop.clone());
        tokio::spawn(async move {
            let mut result = match first {
                Ok(answer) => answer.await.unwrap_or(Err(store::StoreError::Stopped)),
                Err(error) => Err(error),
            };
            while let Err(error) = result {
                tracing::warn!(%job_id, %error, "a job's end was not stored; trying again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY) => {}
                }
                result = store.write(change.clone()).await;
            }
            watchers.signal(job_id, Signal::Changed);
        });
    }
}
