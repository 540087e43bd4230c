//! The hub's state in memory: waiting jobs, connected miners, and leases.
//!
//! [`Board::apply`] is the one way in. It takes what happened and the time, and answers the [`Effect`]s that the shell
//! performs. Nothing else changes the board, so the list of inputs with their times is its whole history: replayed over a
//! new board of the same seed it gives the same effects. The board is rebuilt from the database at start; it holds
//! nothing that a restart may not forget.

mod auditors;
mod audits;
mod dispatch;
mod effect;
mod error;
mod excuses;
#[cfg(test)]
pub(crate) mod fixtures;
mod fleet;
mod input;
mod job;
mod leases;
mod marketplace;
mod miners;
mod paused;
mod payment;
mod queue;
mod quote;
mod refusals;
mod results;
mod servable;
mod sharing;
#[cfg(test)]
mod tests;
mod view;
mod why_idle;

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::api::miners::MinerPause;
use shared::capability::{Capability, ModelOffer};
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, TaskEvent, TaskLife};
use shared::job::task::{Task, TaskRole};
use shared::protocol::ReceiptTerms;
use shared::time::UnixMillis;

pub use audits::{OpenAudit, ServedWith};
pub use effect::{AuditStep, Effect, EndedLease, Judged, Moved};
pub use error::BoardError;
pub use input::{Arrival, Failure, Input, VerifiedResult};
pub use job::OpenJob;
pub use quote::{Offered, Unserved};
pub use view::JobOverlay;

use crate::catalog::{Catalog, ModelKey};
use crate::demand::{Cards, Demand};
use crate::pinned::PinnedModels;
use crate::speed::{Measurement, Speeds};
use crate::{plan, reputation};
use audits::Audits;
use excuses::Excuses;
use fleet::Fleet;
use queue::{Queue, Ticket};
use refusals::Refusals;

pub use crate::limits::MINERS_MAX;
pub use crate::quota::QUEUE_MAX_TASKS;

const CANCELED_BY_CLIENT: &str = "the client canceled the job";

/// What a hub puts into every receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubIdentity {
    pub hub_id: String,
    pub chain_id: u64,
    pub minter: Address,
    pub escrow: Address,
    /// The hub's own account, which attests. It audits nothing.
    pub attester: Address,
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
    /// How long its work takes by itself, at the speed that counted for its miner.
    pub expected_ms: u64,
    pub deadline: UnixMillis,
    /// Set after a restart of the hub: the miner must have come back by then.
    pub return_by: Option<UnixMillis>,
    /// When its result arrived.
    pub received_at: Option<UnixMillis>,
    /// The hub had no room for its result, so that its end is no fault of its miner.
    pub was_turned_away: bool,
}

/// A connected miner.
#[derive(Debug, Clone)]
pub struct Miner {
    pub session: SessionNumber,
    pub capability: Capability,
    /// How many of its slots the hub may fill now, as the miner said. The others work for other hubs.
    pub slots_lent: u32,
    pub draining: bool,
    pub last_heard: UnixMillis,
    /// When it last showed work on a lease: a new step, a valid result.
    pub last_worked: UnixMillis,
    /// Its history, for the score: leases that it completed or failed, and those that it failed.
    pub leases_ended: u64,
    pub faults: u64,
    /// The model of its last lease in this session.
    pub warm: Option<ModelKey>,
    pub(crate) cards: Cards,
}

impl Miner {
    const fn completed(&self) -> u64 {
        self.leases_ended.saturating_sub(self.faults)
    }

    const fn is_proven(&self) -> bool {
        reputation::is_proven(self.completed())
    }

    fn reputation(&self) -> u16 {
        reputation::per_mille(self.completed(), self.faults)
    }

    /// What it may have at once: what it offers, as far as its history goes.
    fn slots_whole(&self) -> u32 {
        self.capability.slots.min(reputation::slots_max(self.completed(), self.faults))
    }

    /// What it may have at once now: without the slots that work for other hubs.
    fn slots(&self) -> u32 {
        self.slots_whole().min(self.slots_lent)
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
    /// Jobs that no miner gets before their payment is reserved. They stand in no queue.
    unpaid: BTreeSet<JobId>,
    leases: BTreeMap<LeaseId, Lease>,
    miners: BTreeMap<Address, Miner>,
    /// Miners that get nothing new until the operator resumes them, whether they are connected or not.
    paused: BTreeMap<Address, MinerPause>,
    /// Leases of each miner, also of one that is not connected.
    held: BTreeMap<Address, BTreeSet<LeaseId>>,
    fleet: Fleet,
    /// Miners whose place in the fleet may be another one now.
    changed_miners: BTreeSet<Address>,
    catalog: Catalog,
    refusals: Refusals,
    excuses: Excuses,
    speeds: Speeds,
    /// By when they end.
    deadlines: BTreeSet<(UnixMillis, JobId)>,
    /// Waiting tasks that some miner gave up, and those of them that perhaps nobody serves any more.
    given_up: BTreeSet<Task>,
    unsure: BTreeSet<Task>,
    /// Waiting tasks for which it depends on the moment who may take them: somebody refused them, or one try is left.
    delicate: BTreeSet<Task>,
    audits: Audits,
    news: News,
    #[cfg(test)]
    looks_at_all: bool,
}

/// What happened since tasks were last given out. Of everything else it is known that no waiting task fits a free miner.
#[derive(Debug, Clone, Default)]
struct News {
    /// Miners that a task may fit now.
    miners: BTreeSet<Address>,
    /// Tasks that wait now.
    tasks: BTreeSet<Task>,
}

impl Board {
    /// `seed` is random, so that lease ids do not repeat after a restart. `known` is what miners offered before.
    pub fn new(
        identity: HubIdentity,
        seed: [u8; 32],
        pinned: PinnedModels,
        known: impl IntoIterator<Item = ModelOffer>,
    ) -> Self {
        let mut catalog = Catalog::new(pinned);
        catalog.remember(known);
        let secret = seed.iter().fold(0_u64, |bits, byte| bits.rotate_left(8) ^ u64::from(*byte));
        Self {
            identity,
            seed,
            leases_granted: 0,
            jobs: BTreeMap::new(),
            queue: Queue::new(secret),
            unpaid: BTreeSet::new(),
            leases: BTreeMap::new(),
            miners: BTreeMap::new(),
            paused: BTreeMap::new(),
            held: BTreeMap::new(),
            fleet: Fleet::new(!secret),
            changed_miners: BTreeSet::new(),
            catalog,
            refusals: Refusals::default(),
            excuses: Excuses::default(),
            speeds: Speeds::default(),
            deadlines: BTreeSet::new(),
            given_up: BTreeSet::new(),
            unsure: BTreeSet::new(),
            delicate: BTreeSet::new(),
            audits: Audits::default(),
            news: News::default(),
            #[cfg(test)]
            looks_at_all: false,
        }
    }

    /// What the hub measured of miners before its last start, the oldest first.
    pub fn remember_speeds(&mut self, earlier: impl IntoIterator<Item = Measurement>) {
        self.speeds.remember(earlier);
    }

    /// Takes what happened at `now`.
    ///
    /// # Errors
    /// Where the input does not fit; the board is then as before.
    pub fn apply(&mut self, input: Input, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        let effects = self.change(input, now);
        self.audits.begin_next(now);
        self.settle();
        effects
    }

    fn change(&mut self, input: Input, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        match input {
            Input::Submit(job) => Ok(self.submit(job, now)),
            Input::Restore { job, leases } => Ok(self.restore(job, leases, now)),
            Input::Cancel { job_id } => self.cancel(job_id, now),
            Input::PaymentReserved { job_id } => Ok(self.payment_reserved(job_id, now)),
            Input::PaymentRefused { job_id } => Ok(self.payment_refused(job_id)),
            Input::Join(arrival) => self.join(*arrival, now),
            Input::Leave { miner, session } => Ok(self.leave(miner, session, now)),
            Input::Heard { miner, session } => Ok(self.heard(miner, session, now)),
            Input::Heartbeat { miner, leases } => Ok(self.heartbeat(miner, &leases, now)),
            Input::Drain { miner, session } => Ok(self.drain(miner, session, now)),
            Input::Slots { miner, session, slots } => Ok(self.lend_slots(miner, session, slots, now)),
            Input::Decline { lease_id, miner } => self.decline(lease_id, miner, now),
            Input::Pause { miner, pause } => Ok(self.pause(miner, pause, now)),
            Input::Resume { miner } => Ok(self.resume(miner, now)),
            Input::Amnesty { struck } => Ok(self.forgive(&struck, now)),
            Input::Progress { lease_id, miner, progress, piece } => {
                self.progress(lease_id, miner, progress, piece.as_ref(), now)
            }
            Input::Fail { lease_id, miner, failure } => self.fail(lease_id, miner, &failure, now),
            Input::ResultReceived { lease_id, miner } => self.result_received(lease_id, miner, now),
            Input::ResultVerified(verified) => self.result_verified(&verified, now),
            Input::ResultRefuted { lease_id, reason } => self.result_refuted(lease_id, &reason, now),
            Input::ResultUnchecked { lease_id } => self.result_unchecked(lease_id),
            Input::ResultTurnedAway { lease_id } => self.result_turned_away(lease_id),
            Input::Tick => Ok(self.tick(now)),
        }
    }

    fn submit(&mut self, job: OpenJob, now: UnixMillis) -> Vec<Effect> {
        self.open(job);
        self.dispatch(now)
    }

    fn open(&mut self, job: OpenJob) {
        self.deadlines.extend(job.next_deadline().map(|next| (next, job.id)));
        if job.awaits_payment {
            self.unpaid.insert(job.id);
            self.jobs.insert(job.id, job);
            return;
        }
        let waiting = job.tasks().filter(|(_, life)| life.state == JobState::Queued).map(|(role, _)| role);
        let tasks: Vec<Task> = waiting.map(|role| Task { job_id: job.id, role }).collect();
        self.jobs.insert(job.id, job);
        for task in tasks {
            debug_assert!(
                self.task(task).is_some_and(|open| open.life.lease_id.is_none()),
                "a waiting task has no lease"
            );
            self.enqueue(task);
        }
    }

    /// A task waits from now on.
    fn enqueue(&mut self, task: Task) {
        if task.role.is_audit() {
            self.audits.enqueue(task);
            return;
        }
        let Some(job) = self.jobs.get(&task.job_id) else { return };
        let model = ModelKey::of(&job.request);
        let ticket = Ticket { task, seq: job.seq, client: job.client, demand: Demand::of(&job.request) };
        self.queue.insert(&model, ticket);
        // Where nobody is free, a miner that becomes free is news by itself.
        if self.fleet.has_free(&model) {
            self.news.tasks.insert(task);
        }
        let Some(open) = self.task(task) else { return };
        let is_given_up = !open.given_up_by.is_empty();
        if is_given_up {
            self.given_up.insert(task);
            self.unsure.insert(task);
        }
        if is_given_up || self.refusals.has(task) || self.has_one_try(task) {
            self.delicate.insert(task);
        }
    }

    /// A task does not wait any more: it goes to a miner, or ends.
    fn dequeue(&mut self, task: Task, is_granted: bool) {
        if task.role.is_audit() {
            self.audits.dequeue(task);
            return;
        }
        for tasks in [&mut self.given_up, &mut self.unsure, &mut self.delicate, &mut self.news.tasks] {
            tasks.remove(&task);
        }
        let Some(job) = self.jobs.get_mut(&task.job_id) else { return };
        let part = job.part(task.role);
        let Some(open) = job.tasks.get_mut(&task.role) else { return };
        let is_first = is_granted && !open.is_charged;
        open.is_charged |= is_granted;
        let units = plan::units_of(&job.request.work, part);
        let work = is_granted.then(|| if is_first { queue::work_of(&job.request, units) } else { 0 });
        self.queue.remove(&ModelKey::of(&job.request), job.client, (job.seq, task.role), work);
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
                    self.audits.begin(lease);
                    self.leases.insert(lease.id, Lease { return_by, ..lease.clone() });
                }
                None => (open.life.state, open.life.lease_id) = (JobState::Queued, None),
            }
        }
        let audits: Vec<Task> = job.open_tasks().filter(|task| task.role.is_audit()).collect();
        for task in &audits {
            if let Some(audit) = Self::audit_of(&job, task.role) {
                self.audits.await_answer(&job, audit, *task);
            }
        }
        self.open(job);
        for task in audits {
            self.audits.park(task, now.plus_ms(crate::lease::RETURN_MS));
        }
        vec![]
    }

    /// Parts whose results are being looked at end with that look; where there are no others, nothing is left to cancel.
    fn cancel(&mut self, job_id: JobId, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        let job = self.require_unfinished(job_id)?;
        let verifying = self.verifying_of(job);
        let stoppable: Vec<Task> = job.serving_tasks().filter(|task| !self.is_being_verified(*task)).collect();
        if let Some(lease_id) = verifying.filter(|_| stoppable.is_empty()) {
            return Err(BoardError::BeingVerified(lease_id));
        }
        let cancel = |task| self.end_task(task, TaskEvent::Canceled, CANCELED_BY_CLIENT);
        let mut effects: Vec<Effect> = stoppable.into_iter().flat_map(cancel).collect();
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// A part whose result did not hold, of a job that its client canceled meanwhile, is not made again.
    fn end_if_canceled(&mut self, task: Task) -> Vec<Effect> {
        let is_canceled = |(role, life): (TaskRole, &TaskLife)| life.state == JobState::Canceled && !role.is_audit();
        let job = self.jobs.get(&task.job_id).filter(|_| !task.role.is_audit());
        if !job.is_some_and(|job| job.tasks().any(is_canceled)) {
            return vec![];
        }
        self.end_task(task, TaskEvent::Canceled, CANCELED_BY_CLIENT)
    }

    fn is_being_verified(&self, task: Task) -> bool {
        self.task(task).is_some_and(|open| open.life.state == JobState::Verifying)
    }

    /// The lease of a task that is being verified and works for the job's client.
    fn verifying_of(&self, job: &OpenJob) -> Option<LeaseId> {
        let verifying = |(role, life): &(TaskRole, &TaskLife)| life.state == JobState::Verifying && !role.is_audit();
        job.tasks().find(verifying).and_then(|(_, life)| life.lease_id)
    }

    /// Ends every task that works for the client. Audits go on: they look at what it has already.
    fn end_job(&mut self, job_id: JobId, event: &TaskEvent, reason: &str) -> Vec<Effect> {
        let open: Vec<Task> = self.jobs.get(&job_id).into_iter().flat_map(OpenJob::serving_tasks).collect();
        open.into_iter().flat_map(|task| self.end_task(task, event.clone(), reason)).collect()
    }

    /// Ends a task without a result and frees its miner.
    fn end_task(&mut self, task: Task, event: TaskEvent, reason: &str) -> Vec<Effect> {
        let lease_id = self.task(task).and_then(|open| open.life.lease_id);
        let Ok(moved) = self.move_task(task, event) else { return vec![] };
        let mut effects = Vec::new();
        let ended = lease_id.and_then(|lease_id| self.release(lease_id)).map(|lease| {
            effects.extend(self.tell_to_stop(&lease, reason));
            EndedLease { lease_id: lease.id, miner: lease.miner, received_at: lease.received_at, fault: None }
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
        let due = job.next_deadline();
        let open = job.tasks.get_mut(&task.role).ok_or(not_open)?;
        let life = open.life.apply(event)?;
        let is_granted = life.state == JobState::Running;
        let waited = std::mem::replace(&mut open.life, life.clone()).state == JobState::Queued;
        let waits = life.state == JobState::Queued;
        let moved = Moved { task, life, job: job.state() };
        let is_over = job.is_over();
        let answered = Self::audit_of(job, task.role).filter(|_| moved.life.state.is_terminal());
        if let Some(served_by) = answered.map(|audit| audit.served_by) {
            self.audits.is_answered(served_by, task);
            self.changed_miners.insert(served_by);
        }
        // A job that is not paid yet is in no queue.
        let is_queued = !self.unpaid.contains(&task.job_id);
        match (waited, waits) {
            (false, true) => self.enqueue(task),
            (true, false) if is_queued => self.dequeue(task, is_granted),
            _ => {}
        }
        self.note_deadline(task.job_id, due);
        if is_over {
            self.unpaid.remove(&task.job_id);
            self.jobs.remove(&task.job_id);
        }
        Ok(moved)
    }

    /// The next deadline of a job was `before`, and may be another one now.
    fn note_deadline(&mut self, job_id: JobId, before: Option<UnixMillis>) {
        let now = self.jobs.get(&job_id).and_then(OpenJob::next_deadline);
        if now != before {
            before.map(|before| self.deadlines.remove(&(before, job_id)));
            self.deadlines.extend(now.map(|now| (now, job_id)));
        }
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
        let model = self.jobs.get(&lease.task.job_id).map(|job| ModelKey::of(&job.request));
        self.audits.begin(&lease);
        self.leases.insert(lease.id, lease);
        if let Some(connected) = self.miners.get_mut(&miner) {
            connected.warm = model;
        }
        self.note_miner(miner);
    }

    fn count_fault(&mut self, miner: Address) {
        if let Some(connected) = self.miners.get_mut(&miner) {
            connected.leases_ended += 1;
            connected.faults += 1;
        }
        self.note_miner(miner);
        // Its reputation may be too low now for what others gave up.
        self.unsure.clone_from(&self.given_up);
    }

    /// Faults that the platform made count no more. A miner that is not connected has its count from the database when it comes.
    fn forgive(&mut self, struck: &BTreeMap<Address, u64>, now: UnixMillis) -> Vec<Effect> {
        for (address, faults) in struck {
            if let Some(miner) = self.miners.get_mut(address) {
                let struck = miner.faults.min(*faults);
                miner.faults -= struck;
                // Leases that count for nothing: neither completed nor failed.
                miner.leases_ended = miner.leases_ended.saturating_sub(struck);
                self.note_miner(*address);
            }
        }
        self.dispatch(now)
    }

    fn release(&mut self, lease_id: LeaseId) -> Option<Lease> {
        let lease = self.leases.remove(&lease_id)?;
        self.audits.end(lease_id);
        self.note_end(&lease);
        if let Some(held) = self.held.get_mut(&lease.miner) {
            held.remove(&lease_id);
            if held.is_empty() {
                self.held.remove(&lease.miner);
            }
        }
        self.note_miner(lease.miner);
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
        self.pass_on_unbegun(now);
        effects.extend(self.dispatch(now));
        effects
    }

    fn expire_jobs(&mut self, now: UnixMillis) -> Vec<Effect> {
        let due =
            self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).filter_map(|(_, id)| self.jobs.get(id));
        let is_due = |job: &OpenJob, task: &Task| {
            let is_checked = job.tasks.get(&task.role).is_some_and(|open| open.life.state == JobState::Verifying);
            job.deadline_of(task.role) <= now && !is_checked
        };
        let over = due.flat_map(|job| job.open_tasks().filter(move |task| is_due(job, task)));
        let over: Vec<Task> = over.collect();
        let reason = "the job's time to live is over";
        over.into_iter().flat_map(|task| self.end_task(task, TaskEvent::DeadlinePassed, reason)).collect()
    }
}
