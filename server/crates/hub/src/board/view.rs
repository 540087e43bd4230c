//! What the board knows beyond the store: queue positions, estimates, reasons.

use shared::Address;
use shared::api::jobs::{Explanation, MinerExplanation, StepProgress};
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Fault, JobState, TaskLife};
use shared::job::request::ValidJob;
use shared::job::task::{Task, TaskRole};
use shared::time::UnixMillis;

use super::{Board, BoardError, HubIdentity, Lease, Miner, OpenJob, QUEUE_MAX_TASKS, SessionNumber};
use crate::catalog::{Catalog, ModelKey};
use crate::matching::{self, Candidate};

/// What the board knows beyond the stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobOverlay {
    pub state: JobState,
    pub tasks: Vec<TaskOverlay>,
    /// How far the whole job is.
    pub progress: Option<StepProgress>,
    pub queue_position: Option<u32>,
    pub eta_ms: Option<u64>,
}

/// One task of a [`JobOverlay`].
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOverlay {
    pub role: TaskRole,
    pub life: TaskLife,
    pub miner: Option<Address>,
}

impl JobOverlay {
    /// The miner of the first task that has one. An auditor is not the job's.
    pub fn miner(&self) -> Option<Address> {
        self.serving().find_map(|task| task.miner)
    }

    /// Faults of all tasks that serve the client.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.serving().flat_map(|task| &task.life.faults)
    }

    fn serving(&self) -> impl Iterator<Item = &TaskOverlay> {
        self.tasks.iter().filter(|task| !task.role.is_audit())
    }
}

impl Board {
    pub fn identity(&self) -> &HubIdentity {
        &self.identity
    }

    /// Which models are known and who serves them.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Whether one more job may wait; asked before the job is stored. The last one may bring several tasks.
    pub fn has_room(&self) -> Result<(), BoardError> {
        let unpaid = self.unpaid.iter().filter_map(|id| self.jobs.get(id)).map(|job| job.tasks.len());
        if self.queue.len() + unpaid.sum::<usize>() < QUEUE_MAX_TASKS { Ok(()) } else { Err(BoardError::QueueFull) }
    }

    pub fn job(&self, id: JobId) -> Option<&OpenJob> {
        self.jobs.get(&id)
    }

    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    pub fn miner(&self, address: Address) -> Option<&Miner> {
        self.miners.get(&address)
    }

    /// The manifest of the model with which the work of a lease is made: the one that its miner offered when it got the lease,
    /// whatever it offers by now. A hub that started since knows the pinned one, or else what its miner offers while it is
    /// connected.
    pub fn manifest_of(&self, lease: &Lease) -> Option<Sha256Digest> {
        let job = &self.jobs.get(&lease.task.job_id)?.request;
        let granted = self.task(lease.task)?.served_with.as_ref().map(|with| with.manifest_sha256);
        let pinned = || self.catalog.pinned().find(job.work.kind(), &job.model).map(|pinned| pinned.sha256);
        let offered = || {
            let offer = matching::offer_for(job, &self.miners.get(&lease.miner)?.capability)?;
            Some(offer.manifest_sha256)
        };
        granted.or_else(pinned).or_else(offered)
    }

    /// The leases under which a job's tasks run, with the sessions of their miners, where those are connected.
    pub fn runs_at(&self, id: JobId) -> impl Iterator<Item = (LeaseId, SessionNumber)> {
        let leases = self.jobs.get(&id).into_iter().flat_map(|job| job.tasks().filter_map(|(_, life)| life.lease_id));
        let running = leases.filter_map(|lease_id| self.leases.get(&lease_id));
        let running = running.filter(|lease| !lease.task.role.is_audit());
        running.filter_map(|lease| Some((lease.id, self.session_of(lease.miner)?)))
    }

    pub(super) fn leases_of(&self, miner: Address) -> impl Iterator<Item = &Lease> {
        self.held.get(&miner).into_iter().flatten().filter_map(|lease_id| self.leases.get(lease_id))
    }

    /// Jobs that a miner works on.
    pub fn jobs_of(&self, address: Address) -> impl Iterator<Item = JobId> {
        self.leases_of(address).map(|lease| lease.task.job_id)
    }

    pub fn session_of(&self, address: Address) -> Option<SessionNumber> {
        self.miners.get(&address).map(|miner| miner.session)
    }

    /// Connected miners by address.
    pub fn miners(&self) -> impl Iterator<Item = (Address, &Miner)> {
        self.miners.iter().map(|(address, miner)| (*address, miner))
    }

    pub fn jobs_running_at(&self, address: Address) -> u32 {
        self.held.get(&address).map_or(0, |held| u32::try_from(held.len()).unwrap_or(u32::MAX))
    }

    /// About how many tasks of its model go out before that of a job which arrives now.
    pub fn position_of_next(&self, client: Address, request: &ValidJob) -> usize {
        self.queue.count_before(&ModelKey::of(request), client, (i64::MAX, TaskRole::ThirdOpinion))
    }

    pub fn queue_depth(&self) -> usize {
        self.queue.len()
    }

    /// `None` where the job is over, also while its result is audited.
    pub fn overlay(&self, id: JobId, now: UnixMillis) -> Option<JobOverlay> {
        let job = self.jobs.get(&id).filter(|job| !job.state().is_terminal())?;
        let state = job.state();
        let role = job.tasks.iter().find(|(_, open)| open.life.state == JobState::Queued).map(|(role, _)| *role);
        let place = (job.seq, role.unwrap_or(TaskRole::Serve));
        let before = || self.queue.count_before(&ModelKey::of(&job.request), job.client, place);
        let position = || u32::try_from(before()).unwrap_or(u32::MAX);
        let queue_position = (state == JobState::Queued).then(position);
        let tasks = job.tasks.iter().map(|(role, open)| TaskOverlay {
            role: *role,
            life: open.life.clone(),
            miner: self.lease_of(&open.life).map(|lease| lease.miner),
        });
        let eta_ms = self.eta_ms(job, queue_position, now);
        Some(JobOverlay { state, tasks: tasks.collect(), progress: job.progress(), queue_position, eta_ms })
    }

    fn lease_of(&self, life: &TaskLife) -> Option<&Lease> {
        self.leases.get(&life.lease_id?)
    }

    /// Leases of all tasks of a job that run.
    fn leases_of_job<'a>(&'a self, job: &'a OpenJob) -> impl Iterator<Item = &'a Lease> {
        job.tasks().filter_map(|(_, life)| self.lease_of(life))
    }

    /// The expected time at the miners that have it; while waiting, at the fastest fitting miner, as many rounds of it as
    /// jobs before it need. Of a job that is shared, that of the part which takes longest.
    fn eta_ms(&self, job: &OpenJob, position: Option<u32>, now: UnixMillis) -> Option<u64> {
        let serving = || job.serving_tasks().filter_map(|task| Some((task.role, &job.tasks.get(&task.role)?.life)));
        if serving().all(|(_, life)| life.lease_id.is_none()) {
            let largest = serving().map(|(role, _)| self.wait_ms(job, role, position?)).max()?;
            return largest;
        }
        // A shard that waits while others run goes out with the next miner that is free.
        let of_task = |(role, life): (TaskRole, &TaskLife)| match self.lease_of(life) {
            Some(lease) => self.rest_ms(job, lease, now),
            None => self.wait_ms(job, role, 0),
        };
        serving().map(of_task).try_fold(0, |longest, of_task| Some(of_task?.max(longest)))
    }

    /// What a task still takes at the miner that has it.
    fn rest_ms(&self, job: &OpenJob, lease: &Lease, now: UnixMillis) -> Option<u64> {
        let miner = self.miners.get(&lease.miner)?;
        matching::offer_for(&job.request, &miner.capability)?;
        let speed = self.speed_of(lease.miner, &job.request, &ModelKey::of(&job.request));
        let expected_ms = matching::expected_ms(job.units_of(lease.task.role), speed);
        Some(expected_ms.saturating_sub(now.since_ms(lease.granted_at)))
    }

    /// What a waiting task takes, with so many before it.
    fn wait_ms(&self, job: &OpenJob, role: TaskRole, position: u32) -> Option<u64> {
        let model = ModelKey::of(&job.request);
        let (fastest, slots) = self.fleet.pace(&model, self.speeds.of_model(&model))?;
        let rounds = u64::from(position) / slots.max(1) + 1;
        Some(matching::expected_ms(job.units_of(role), fastest).saturating_mul(rounds))
    }

    /// Which filter removes which miner, in words.
    pub fn explain(&self, id: JobId) -> Option<Explanation> {
        let job = self.jobs.get(&id).filter(|job| !job.state().is_terminal())?;
        if job.awaits_payment {
            let summary = "It waits until its payment is reserved on the chain.".to_owned();
            return Some(Explanation { summary, miners: vec![], others: 0 });
        }
        let holders: Vec<Address> = self.leases_of_job(job).map(|lease| lease.miner).collect();
        let role = job.open_tasks().next().map_or(TaskRole::Serve, |task| task.role);
        let units = job.units_of(role);
        let explain = |candidate: Candidate<'_>| {
            let (eligible, reason) = match matching::consider_part(&job.request, units, &candidate) {
                _ if holders.contains(&candidate.address) => (true, "it has the job".to_owned()),
                Ok(found) => (true, format!("it would take about {} ms for {} AIT", found.expected_ms, found.price)),
                Err(removal) => (removal.is_temporary(), removal.to_string()),
            };
            MinerExplanation { miner: candidate.address, eligible, reason }
        };
        let miners: Vec<_> = {
            let (task, model) = (Task { job_id: id, role }, ModelKey::of(&job.request));
            let is_kept = self.is_kept_for_proven(job, task, &model);
            let candidates = self.miners.keys().filter_map(|miner| self.candidate(job, task, &model, *miner, is_kept));
            candidates.map(explain).collect()
        };
        let eligible = miners.iter().filter(|miner| miner.eligible).count();
        let summary = match (job.state(), miners.len(), eligible) {
            (JobState::Running | JobState::Verifying, ..) => "A miner works on the job.".to_owned(),
            (_, 0, _) => "No miner is connected; the job waits for one.".to_owned(),
            (_, all, 0) => format!("None of the {all} connected miners can serve the job; it waits for another one."),
            (_, all, some) => format!("{some} of {all} connected miners can serve the job; it waits for a free one."),
        };
        Some(Explanation { summary, miners, others: 0 })
    }
}
