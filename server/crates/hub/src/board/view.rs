//! What the board knows beyond the store: queue positions, estimates, reasons.

use shared::Address;
use shared::api::jobs::{Explanation, MinerExplanation, StepProgress};
use shared::capability::Capability;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Fault, JobState, TaskLife};
use shared::job::task::{Task, TaskRole};
use shared::time::UnixMillis;

use super::{Board, BoardError, HubIdentity, Lease, Miner, OpenJob, QUEUE_MAX_TASKS, SessionNumber};
use crate::catalog::Catalog;
use crate::matching::{self, Candidate};

/// What the board knows beyond the stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobOverlay {
    pub state: JobState,
    pub tasks: Vec<TaskOverlay>,
    pub queue_position: Option<u32>,
    pub eta_ms: Option<u64>,
}

/// One task of a [`JobOverlay`].
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOverlay {
    pub role: TaskRole,
    pub life: TaskLife,
    pub miner: Option<Address>,
    pub progress: Option<StepProgress>,
}

impl JobOverlay {
    /// How far the first task is that tells it.
    pub fn progress(&self) -> Option<StepProgress> {
        self.tasks.iter().find_map(|task| task.progress)
    }

    /// The miner of the first task that has one.
    pub fn miner(&self) -> Option<Address> {
        self.tasks.iter().find_map(|task| task.miner)
    }

    /// Faults of all tasks.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.tasks.iter().flat_map(|task| &task.life.faults)
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

    /// Whether one more job may wait; asked before the job is stored.
    pub fn has_room(&self) -> Result<(), BoardError> {
        if self.queue.len() < QUEUE_MAX_TASKS { Ok(()) } else { Err(BoardError::QueueFull) }
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

    /// The leases under which a job's tasks run, with the sessions of their miners, where those are connected.
    pub fn runs_at(&self, id: JobId) -> impl Iterator<Item = (LeaseId, SessionNumber)> {
        let leases = self.jobs.get(&id).into_iter().flat_map(|job| job.tasks().filter_map(|(_, life)| life.lease_id));
        let running = leases.filter_map(|lease_id| self.leases.get(&lease_id));
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

    pub fn queue_depth(&self) -> usize {
        self.queue.len()
    }

    /// `None` where the job is over.
    pub fn overlay(&self, id: JobId, now: UnixMillis) -> Option<JobOverlay> {
        let job = self.jobs.get(&id)?;
        let state = job.state();
        let position = || u32::try_from(self.queue.count_before(job.seq)).unwrap_or(u32::MAX);
        let queue_position = (state == JobState::Queued).then(position);
        let tasks = job.tasks.iter().map(|(role, open)| TaskOverlay {
            role: *role,
            life: open.life.clone(),
            miner: self.lease_of(&open.life).map(|lease| lease.miner),
            progress: open.progress,
        });
        let eta_ms = self.eta_ms(job, queue_position, now);
        Some(JobOverlay { state, tasks: tasks.collect(), queue_position, eta_ms })
    }

    fn lease_of(&self, life: &TaskLife) -> Option<&Lease> {
        self.leases.get(&life.lease_id?)
    }

    /// Leases of all tasks of a job that run.
    fn leases_of_job<'a>(&'a self, job: &'a OpenJob) -> impl Iterator<Item = &'a Lease> {
        job.tasks().filter_map(|(_, life)| self.lease_of(life))
    }

    /// The expected time at the fastest fitting miner; while waiting, as many rounds of it as jobs before it need.
    fn eta_ms(&self, job: &OpenJob, position: Option<u32>, now: UnixMillis) -> Option<u64> {
        let own = |capability: &Capability| {
            let offer = matching::offer_for(&job.request, capability)?;
            Some(matching::expected_ms(&job.request, offer))
        };
        if let Some(lease) = self.leases_of_job(job).max_by_key(|lease| lease.granted_at) {
            let expected = own(&self.miners.get(&lease.miner)?.capability)?;
            return Some(expected.saturating_sub(now.since_ms(lease.granted_at)));
        }
        let serving = self.miners.values().filter(|miner| !miner.draining);
        let times: Vec<(u64, u32)> =
            serving.filter_map(|miner| Some((own(&miner.capability)?, miner.capability.slots))).collect();
        let fastest = times.iter().map(|(time, _)| *time).min()?;
        let slots: u64 = times.iter().map(|(_, slots)| u64::from(*slots)).sum();
        let rounds = u64::from(position?) / slots.max(1) + 1;
        Some(fastest.saturating_mul(rounds))
    }

    /// Which filter removes which miner, in words.
    pub fn explain(&self, id: JobId) -> Option<Explanation> {
        let job = self.jobs.get(&id)?;
        let holders: Vec<Address> = self.leases_of_job(job).map(|lease| lease.miner).collect();
        let role = job.open_tasks().next().map_or(TaskRole::Serve, |task| task.role);
        let explain = |candidate: Candidate<'_>| {
            let (eligible, reason) = match matching::consider(&job.request, &candidate) {
                _ if holders.contains(&candidate.address) => (true, "it has the job".to_owned()),
                Ok(found) => (true, format!("it would take about {} ms for {} AIT", found.expected_ms, found.price)),
                Err(removal) => (removal.is_temporary(), removal.to_string()),
            };
            MinerExplanation { miner: candidate.address, eligible, reason }
        };
        let miners: Vec<_> = {
            let task = Task { job_id: id, role };
            self.miners.keys().filter_map(|address| self.candidate(job, task, *address)).map(explain).collect()
        };
        let eligible = miners.iter().filter(|miner| miner.eligible).count();
        let summary = match (job.state(), miners.len(), eligible) {
            (JobState::Running | JobState::Verifying, ..) => "A miner works on the job.".to_owned(),
            (_, 0, _) => "No miner is connected; the job waits for one.".to_owned(),
            (_, all, 0) => format!("None of the {all} connected miners can serve the job; it waits for another one."),
            (_, all, some) => format!("{some} of {all} connected miners can serve the job; it waits for a free one."),
        };
        Some(Explanation { summary, miners })
    }
}
