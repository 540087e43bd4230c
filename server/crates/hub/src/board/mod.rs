//! The hub's memory while it runs: what waits, who is connected, who works on what.
//!
//! Each method takes what happened and the time, and answers the [`Effect`]s that the shell must perform, in this order
//! and before those of any later call. The board is rebuilt from the database at start; it holds nothing that a
//! restart may not forget.

mod dispatch;
#[cfg(test)]
pub(crate) mod fixtures;
mod leases;
mod miners;
mod refusals;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::Address;
use shared::api::jobs::StepProgress;
use shared::capability::Capability;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Fault, JobEvent, JobState, Lifecycle, TransitionError};
use shared::job::request::ValidJob;
use shared::protocol::{Assignment, ReceiptTerms};
use shared::time::UnixMillis;

pub use leases::Failure;
pub use miners::Arrival;
pub use view::JobOverlay;

use refusals::Refusals;

/// Jobs that may wait at once.
pub const QUEUE_MAX_JOBS: usize = 10_000;

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

/// A job that is not over.
#[derive(Debug, Clone)]
pub struct OpenJob {
    pub id: JobId,
    /// Order of arrival.
    pub seq: i64,
    pub client: Address,
    pub job: Arc<ValidJob>,
    pub life: Lifecycle,
    pub deadline: UnixMillis,
    pub progress: Option<StepProgress>,
    /// What its miner has written so far, of a text.
    pub text: String,
    /// Miners that failed it since the hub started.
    pub failed_by: Vec<Address>,
    /// Miners that will never serve it, by their own word, since the hub started.
    pub given_up_by: Vec<GivenUp>,
}

/// A miner that said of a job that another try of its own cannot help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    pub miner: Address,
    /// The model with which it put that on the input, where it did.
    pub refused_with: Option<Sha256Digest>,
}

/// A lease that is not over.
#[derive(Debug, Clone)]
pub struct Lease {
    pub id: LeaseId,
    pub job_id: JobId,
    pub miner: Address,
    pub terms: ReceiptTerms,
    pub granted_at: UnixMillis,
    /// How long its work may take by itself, whatever its miner has before it.
    pub work_max_ms: u64,
    pub deadline: UnixMillis,
    /// Taken over from before a restart; its miner must come back by then.
    pub reunion_by: Option<UnixMillis>,
}

/// A connected miner.
#[derive(Debug, Clone)]
pub struct Miner {
    pub session: SessionNumber,
    pub capability: Capability,
    pub draining: bool,
    pub last_heard: UnixMillis,
    /// When it last showed work on a lease: a step, a piece of a text, a result that holds.
    pub last_worked: UnixMillis,
    /// Its history, for the score: what it completed, and what it failed.
    pub leases_ended: u64,
    pub faults: u64,
}

impl Miner {
    fn count_fault(&mut self) {
        self.leases_ended += 1;
        self.faults += 1;
    }
}

/// What the shell must do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Store the lease, then push the assignment to the miner's session.
    Grant { lease: Lease, life: Lifecycle, session: SessionNumber, assignment: Box<Assignment> },
    /// Store that the job went back to the queue or ended without a result.
    Move { job_id: JobId, life: Lifecycle, ended: Option<EndedLease> },
    /// Store one more fault of a miner: it refused an input that another one has served.
    CountFault { miner: Address, job_id: JobId },
    /// Tell the miner to stop.
    Cancel { miner: Address, session: SessionNumber, lease_id: LeaseId, reason: String },
    /// Close a session that another one of the same miner replaced.
    Replace { session: SessionNumber },
    /// Watchers of the job look again.
    Changed { job_id: JobId },
    /// Watchers of waiting jobs look at their position again.
    QueueMoved,
}

/// A lease that ended with a move.
#[derive(Debug, Clone)]
pub struct EndedLease {
    pub lease_id: LeaseId,
    pub miner: Address,
    pub fault: Option<Fault>,
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    #[error("the queue holds {QUEUE_MAX_JOBS} jobs, which is its limit")]
    QueueFull,
    #[error("{MINERS_MAX} miners are connected, which is the limit")]
    TooManyMiners,
    #[error("the job is not open")]
    NotOpen,
    #[error("the lease {0} does not hold a job")]
    NoSuchLease(LeaseId),
    #[error("the lease is held by {holder}, not by {got}")]
    NotTheHolder { holder: Address, got: Address },
    #[error("the result of this lease is being verified")]
    BeingVerified,
    #[error(transparent)]
    Transition(#[from] TransitionError),
}

/// See the [module](self).
#[derive(Debug)]
pub struct Board {
    identity: HubIdentity,
    jobs: BTreeMap<JobId, OpenJob>,
    /// Waiting jobs by arrival.
    queue: BTreeMap<i64, JobId>,
    leases: BTreeMap<LeaseId, Lease>,
    miners: BTreeMap<Address, Miner>,
    /// Leases of each miner, also of one that is not connected.
    held: BTreeMap<Address, BTreeSet<LeaseId>>,
    refusals: Refusals,
}

impl Board {
    pub fn new(identity: HubIdentity) -> Self {
        Self {
            identity,
            jobs: BTreeMap::new(),
            queue: BTreeMap::new(),
            leases: BTreeMap::new(),
            miners: BTreeMap::new(),
            held: BTreeMap::new(),
            refusals: Refusals::default(),
        }
    }

    pub fn identity(&self) -> &HubIdentity {
        &self.identity
    }

    /// Whether one more job may wait; asked before the job is stored.
    pub fn has_room(&self) -> Result<(), BoardError> {
        if self.queue.len() < QUEUE_MAX_JOBS { Ok(()) } else { Err(BoardError::QueueFull) }
    }

    /// A stored job joins the queue, or, after a restart, takes its old place again. `lease` is the one under which it
    /// ran.
    pub fn restore(&mut self, mut job: OpenJob, lease: Option<Lease>, now: UnixMillis) {
        match lease.filter(|lease| job.life.lease_id == Some(lease.id)) {
            Some(lease) => {
                // A result that was being verified was not stored; its miner sends it again.
                job.life.state = JobState::Running;
                let reunion_by = Some(now.plus_ms(crate::lease::REUNION_MS).min(lease.deadline));
                self.held.entry(lease.miner).or_default().insert(lease.id);
                self.leases.insert(lease.id, Lease { reunion_by, ..lease });
            }
            None => {
                job.life = Lifecycle { state: JobState::Queued, lease_id: None, faults: job.life.faults };
                self.queue.insert(job.seq, job.id);
            }
        }
        self.jobs.insert(job.id, job);
    }

    /// A new, stored job.
    pub fn submit(&mut self, job: OpenJob, now: UnixMillis, draw: &mut dyn FnMut() -> u128) -> Vec<Effect> {
        self.queue.insert(job.seq, job.id);
        self.jobs.insert(job.id, job);
        self.dispatch(now, draw)
    }

    /// The client does not want the job any more.
    pub fn cancel(
        &mut self,
        job_id: JobId,
        now: UnixMillis,
        draw: &mut dyn FnMut() -> u128,
    ) -> Result<Vec<Effect>, BoardError> {
        let job = self.jobs.get(&job_id).ok_or(BoardError::NotOpen)?;
        if job.life.state == JobState::Verifying {
            return Err(BoardError::BeingVerified);
        }
        let mut effects = self.end(job_id, JobEvent::Canceled, "the client canceled the job")?;
        effects.extend(self.dispatch(now, draw));
        Ok(effects)
    }

    /// Ends a job without a result and frees its miner.
    fn end(&mut self, job_id: JobId, event: JobEvent, reason: &str) -> Result<Vec<Effect>, BoardError> {
        let job = self.jobs.get(&job_id).ok_or(BoardError::NotOpen)?;
        let life = job.life.apply(event)?;
        let (seq, lease_id) = (job.seq, job.life.lease_id);
        self.jobs.remove(&job_id);
        self.queue.remove(&seq);
        let mut effects = Vec::new();
        let ended = lease_id.and_then(|lease_id| self.release(lease_id)).map(|lease| {
            if let Some(miner) = self.miners.get(&lease.miner) {
                let (miner, session) = (lease.miner, miner.session);
                effects.push(Effect::Cancel { miner, session, lease_id: lease.id, reason: reason.to_owned() });
            }
            EndedLease { lease_id: lease.id, miner: lease.miner, fault: None }
        });
        effects.insert(0, Effect::Move { job_id, life, ended });
        effects.push(Effect::Changed { job_id });
        effects.push(Effect::QueueMoved);
        Ok(effects)
    }

    fn release(&mut self, lease_id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&lease_id)?;
        if let Some(held) = self.held.get_mut(&lease.miner) {
            held.remove(&lease_id);
            if held.is_empty() {
                self.held.remove(&lease.miner);
            }
        }
        Some(lease)
    }

    /// Everything whose time is over at `now`: jobs, leases, silent sessions.
    pub fn tick(&mut self, now: UnixMillis, draw: &mut dyn FnMut() -> u128) -> Vec<Effect> {
        self.refusals.retain(|job_id| self.jobs.contains_key(job_id));
        let mut effects = self.expire_jobs(now);
        effects.extend(self.expire_leases(now));
        effects.extend(self.drop_silent_miners(now));
        effects.extend(self.dispatch(now, draw));
        effects
    }

    fn expire_jobs(&mut self, now: UnixMillis) -> Vec<Effect> {
        let is_over = |job: &&OpenJob| job.deadline <= now && job.life.state != JobState::Verifying;
        let over: Vec<JobId> = self.jobs.values().filter(is_over).map(|job| job.id).collect();
        let expire = |id| self.end(id, JobEvent::DeadlinePassed, "the job's time to live is over").unwrap_or_default();
        over.into_iter().flat_map(expire).collect()
    }
}
