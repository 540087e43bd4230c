//! The hub's state in memory: waiting jobs, connected miners, and leases.
//!
//! [`Board::apply`] is the one way in. It takes what happened and the time, and answers the [`Effect`]s that the shell
//! performs. Nothing else changes the board, so the list of inputs with their times is its whole history: replayed over a
//! new board of the same seed it gives the same effects. The board is rebuilt from the database at start; it holds
//! nothing that a restart may not forget.

mod dispatch;
mod effect;
mod error;
mod excuses;
#[cfg(test)]
pub(crate) mod fixtures;
mod free;
mod input;
mod job;
mod leases;
mod miners;
mod queue;
mod refusals;
mod results;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::capability::{Capability, ModelOffer};
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, TaskEvent};
use shared::job::task::Task;
use shared::protocol::ReceiptTerms;
use shared::time::UnixMillis;

pub use effect::{Effect, EndedLease, Moved};
pub use error::BoardError;
pub use input::{Arrival, Failure, Input};
pub use job::OpenJob;
pub use view::JobOverlay;

use crate::catalog::Catalog;
use excuses::Excuses;
use free::FreeMiners;
use queue::Queue;
use refusals::Refusals;

/// Tasks that may wait at once.
pub const QUEUE_MAX_TASKS: usize = 10_000;

/// Sessions of miners at once.
pub const MINERS_MAX: usize = 10_000;

/// What a hub puts into every receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubIdentity {
    pub hub_id: String,
    pub chain_id: u64,
    pub minter: Address,
}

/// One connection of a miner; a later connection has a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionNumber(pub u64);

/// A lease that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub id: LeaseId,
    pub task: Task,
    pub miner: Address,
    pub terms: ReceiptTerms,
    pub granted_at: UnixMillis,
    /// How long its work may take by itself, without what its miner has to do before it.
    pub work_max_ms: u64,
    pub deadline: UnixMillis,
    /// Set after a restart of the hub: the miner must have come back by then.
    pub return_by: Option<UnixMillis>,
}

/// A connected miner.
#[derive(Debug, Clone)]
pub struct Miner {
    pub session: SessionNumber,
    pub capability: Capability,
    pub draining: bool,
    pub last_heard: UnixMillis,
    /// When it last showed work on a lease: a step, a piece of a text, a valid result.
    pub last_worked: UnixMillis,
    /// Its history, for the score: leases that it completed or failed, and those that it failed.
    pub leases_ended: u64,
    pub faults: u64,
}

impl Miner {
    fn count_fault(&mut self) {
        self.leases_ended += 1;
        self.faults += 1;
    }
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct Board {
    identity: HubIdentity,
    /// Lease ids are drawn from it, one after the other.
    seed: [u8; 32],
    leases_granted: u64,
    jobs: BTreeMap<JobId, OpenJob>,
    queue: Queue,
    leases: BTreeMap<LeaseId, Lease>,
    miners: BTreeMap<Address, Miner>,
    /// Leases of each miner, also of one that is not connected.
    held: BTreeMap<Address, BTreeSet<LeaseId>>,
    free: FreeMiners,
    catalog: Catalog,
    refusals: Refusals,
    excuses: Excuses,
    /// Waiting tasks that some miner gave up.
    given_up: BTreeSet<Task>,
}

impl Board {
    /// `seed` is random, so that lease ids do not repeat after a restart. `known` is what miners offered before.
    pub fn new(identity: HubIdentity, seed: [u8; 32], known: impl IntoIterator<Item = ModelOffer>) -> Self {
        let mut catalog = Catalog::default();
        catalog.remember(known);
        Self {
            identity,
            seed,
            leases_granted: 0,
            jobs: BTreeMap::new(),
            queue: Queue::default(),
            leases: BTreeMap::new(),
            miners: BTreeMap::new(),
            held: BTreeMap::new(),
            free: FreeMiners::default(),
            catalog,
            refusals: Refusals::default(),
            excuses: Excuses::default(),
            given_up: BTreeSet::new(),
        }
    }

    /// Takes what happened at `now`.
    ///
    /// # Errors
    /// Where the input does not fit; the board is then as before.
    pub fn apply(&mut self, input: Input, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        match input {
            Input::Submit(job) => Ok(self.submit(job, now)),
            Input::Restore { job, leases } => Ok(self.restore(job, leases, now)),
            Input::Cancel { job_id } => self.cancel(job_id, now),
            Input::Join(arrival) => self.join(*arrival, now),
            Input::Leave { miner, session } => Ok(self.leave(miner, session, now)),
            Input::Heard { miner, session } => Ok(self.heard(miner, session, now)),
            Input::Heartbeat { miner, leases } => Ok(self.heartbeat(miner, &leases, now)),
            Input::Drain { miner, session } => Ok(self.drain(miner, session)),
            Input::Progress { lease_id, miner, progress, piece } => {
                self.progress(lease_id, miner, progress, piece.as_ref(), now)
            }
            Input::Fail { lease_id, miner, failure } => self.fail(lease_id, miner, &failure, now),
            Input::ResultReceived { lease_id, miner } => self.result_received(lease_id, miner),
            Input::ResultVerified { lease_id } => self.result_verified(lease_id, now),
            Input::ResultRefuted { lease_id, reason } => self.result_refuted(lease_id, &reason, now),
            Input::ResultUnchecked { lease_id } => self.result_unchecked(lease_id),
            Input::Tick => Ok(self.tick(now)),
        }
    }

    fn submit(&mut self, job: OpenJob, now: UnixMillis) -> Vec<Effect> {
        self.open(job);
        self.dispatch(now)
    }

    fn open(&mut self, job: OpenJob) {
        for (role, life) in job.tasks().filter(|(_, life)| life.state == JobState::Queued) {
            debug_assert!(life.lease_id.is_none(), "a waiting task has no lease");
            self.queue.insert(job.seq, Task { job_id: job.id, role }, &job.request);
        }
        self.jobs.insert(job.id, job);
    }

    /// A task whose lease is among `leases` goes on under it; any other one waits again. A result that was being
    /// verified was not stored: its miner sends it again.
    fn restore(&mut self, mut job: OpenJob, leases: Vec<Lease>, now: UnixMillis) -> Vec<Effect> {
        let id = job.id;
        for (role, open) in job.tasks.iter_mut().filter(|(_, open)| !open.life.state.is_terminal()) {
            let task = Task { job_id: id, role: *role };
            let lease = leases.iter().find(|lease| lease.task == task && open.life.lease_id == Some(lease.id));
            match lease {
                Some(lease) => {
                    open.life.state = JobState::Running;
                    let return_by = Some(now.plus_ms(crate::lease::RETURN_MS).min(lease.deadline));
                    self.held.entry(lease.miner).or_default().insert(lease.id);
                    self.leases.insert(lease.id, Lease { return_by, ..lease.clone() });
                }
                None => (open.life.state, open.life.lease_id) = (JobState::Queued, None),
            }
        }
        self.open(job);
        vec![]
    }

    fn cancel(&mut self, job_id: JobId, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        let job = self.jobs.get(&job_id).ok_or(BoardError::NotOpen(job_id))?;
        if let Some(lease_id) = self.verifying_of(job) {
            return Err(BoardError::BeingVerified(lease_id));
        }
        let mut effects = self.end_job(job_id, &TaskEvent::Canceled, "the client canceled the job");
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// The lease of the job's task that is being verified.
    fn verifying_of(&self, job: &OpenJob) -> Option<LeaseId> {
        let verifying = |(_, life): &(_, &shared::job::lifecycle::TaskLife)| life.state == JobState::Verifying;
        job.tasks().find(verifying).and_then(|(_, life)| life.lease_id)
    }

    /// Ends every task of a job that has not ended.
    fn end_job(&mut self, job_id: JobId, event: &TaskEvent, reason: &str) -> Vec<Effect> {
        let open: Vec<Task> = self.jobs.get(&job_id).into_iter().flat_map(OpenJob::open_tasks).collect();
        open.into_iter().flat_map(|task| self.end_task(task, event.clone(), reason)).collect()
    }

    /// Ends a task without a result and frees its miner.
    fn end_task(&mut self, task: Task, event: TaskEvent, reason: &str) -> Vec<Effect> {
        let lease_id = self.task(task).and_then(|open| open.life.lease_id);
        let Ok(moved) = self.move_task(task, event) else { return vec![] };
        let mut effects = Vec::new();
        let ended = lease_id.and_then(|lease_id| self.release(lease_id)).map(|lease| {
            effects.extend(self.tell_to_stop(&lease, reason));
            EndedLease { lease_id: lease.id, miner: lease.miner, fault: None }
        });
        effects.insert(0, Effect::Move { moved, ended });
        effects.extend([Effect::Changed { job_id: task.job_id }, Effect::QueueMoved]);
        effects
    }

    fn tell_to_stop(&self, lease: &Lease, reason: &str) -> Option<Effect> {
        let (miner, session) = (lease.miner, self.session_of(lease.miner)?);
        Some(Effect::Cancel { miner, session, lease_id: lease.id, reason: reason.to_owned() })
    }

    /// The one place where a task changes its state. It keeps the queue in step, and a job whose tasks have all ended
    /// leaves the board.
    fn move_task(&mut self, task: Task, event: TaskEvent) -> Result<Moved, BoardError> {
        let not_open = BoardError::NotOpen(task.job_id);
        let job = self.jobs.get_mut(&task.job_id).ok_or(not_open.clone())?;
        let open = job.tasks.get_mut(&task.role).ok_or(not_open)?;
        let life = open.life.apply(event)?;
        let waited = std::mem::replace(&mut open.life, life.clone()).state == JobState::Queued;
        let waits = life.state == JobState::Queued;
        if waits {
            self.queue.insert(job.seq, task, &job.request);
        } else if waited {
            self.queue.remove(job.seq, task, &job.request);
        }
        if waits && !open.given_up_by.is_empty() {
            self.given_up.insert(task);
        } else {
            self.given_up.remove(&task);
        }
        let moved = Moved { task, life, job: job.state() };
        if job.is_over() {
            self.jobs.remove(&task.job_id);
        }
        Ok(moved)
    }

    fn task(&self, task: Task) -> Option<&job::OpenTask> {
        self.jobs.get(&task.job_id)?.tasks.get(&task.role)
    }

    fn task_mut(&mut self, task: Task) -> Option<&mut job::OpenTask> {
        self.jobs.get_mut(&task.job_id)?.tasks.get_mut(&task.role)
    }

    fn hold(&mut self, lease: Lease) {
        let miner = lease.miner;
        self.held.entry(miner).or_default().insert(lease.id);
        self.leases.insert(lease.id, lease);
        self.note_slots(miner);
    }

    fn release(&mut self, lease_id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&lease_id)?;
        if let Some(held) = self.held.get_mut(&lease.miner) {
            held.remove(&lease_id);
            if held.is_empty() {
                self.held.remove(&lease.miner);
            }
        }
        self.note_slots(lease.miner);
        Some(lease)
    }

    /// The first 128 bits of SHA-256 of the seed and a count.
    fn draw_lease_id(&mut self) -> LeaseId {
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(&self.seed);
        bytes[32..].copy_from_slice(&self.leases_granted.to_be_bytes());
        self.leases_granted += 1;
        let digest = Sha256Digest::of(&bytes).0;
        LeaseId::from_random(digest[..16].iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)))
    }

    /// Everything whose time is over: jobs, leases, silent sessions.
    fn tick(&mut self, now: UnixMillis) -> Vec<Effect> {
        self.refusals.retain(|task| self.jobs.contains_key(&task.job_id));
        // Leases first: the end of a job does not hide the fault of a miner that held it and did nothing.
        let mut effects = self.expire_leases(now);
        effects.extend(self.expire_jobs(now));
        effects.extend(self.drop_silent_miners(now));
        effects.extend(self.dispatch(now));
        effects
    }

    fn expire_jobs(&mut self, now: UnixMillis) -> Vec<Effect> {
        let is_over = |job: &&OpenJob| job.deadline <= now && self.verifying_of(job).is_none();
        let over: Vec<JobId> = self.jobs.values().filter(is_over).map(|job| job.id).collect();
        let reason = "the job's time to live is over";
        over.into_iter().flat_map(|id| self.end_job(id, &TaskEvent::DeadlinePassed, reason)).collect()
    }
}
