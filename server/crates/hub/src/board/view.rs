//! What clients are told from memory: positions, estimates, reasons.

use shared::Address;
use shared::api::jobs::{Explanation, MinerExplanation, StepProgress};
use shared::capability::Capability;
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{JobState, Lifecycle};
use shared::time::UnixMillis;

use super::{Board, Lease, Miner, OpenJob, SessionNumber};
use crate::matching::{self, Candidate};

/// What memory knows beyond the stored job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobOverlay {
    pub life: Lifecycle,
    pub queue_position: Option<u32>,
    pub eta_ms: Option<u64>,
    pub progress: Option<StepProgress>,
    pub miner: Option<Address>,
}

impl Board {
    pub fn job(&self, id: JobId) -> Option<&OpenJob> {
        self.jobs.get(&id)
    }

    pub fn lease(&self, id: LeaseId) -> Option<&Lease> {
        self.leases.get(&id)
    }

    pub fn miner(&self, address: Address) -> Option<&Miner> {
        self.miners.get(&address)
    }

    /// The lease under which a job runs, and the session of its miner, where that is connected.
    pub fn runs_at(&self, id: JobId) -> Option<(LeaseId, SessionNumber)> {
        let lease = self.leases.get(&self.jobs.get(&id)?.life.lease_id?)?;
        Some((lease.id, self.session_of(lease.miner)?))
    }

    pub(super) fn leases_of(&self, miner: Address) -> impl Iterator<Item = &Lease> {
        self.held.get(&miner).into_iter().flatten().filter_map(|lease_id| self.leases.get(lease_id))
    }

    /// Jobs that a miner works on.
    pub fn jobs_of(&self, address: Address) -> impl Iterator<Item = JobId> {
        self.leases_of(address).map(|lease| lease.job_id)
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
        let lease = job.life.lease_id.and_then(|lease_id| self.leases.get(&lease_id));
        let waiting = job.life.state == JobState::Queued;
        let queue_position = waiting.then(|| u32::try_from(self.queue.range(..job.seq).count()).unwrap_or(u32::MAX));
        Some(JobOverlay {
            life: job.life.clone(),
            queue_position,
            eta_ms: self.eta_ms(job, queue_position, lease, now),
            progress: job.progress,
            miner: lease.map(|lease| lease.miner),
        })
    }

    /// The expected time at the fastest fitting miner; while waiting, as many rounds of it as jobs before it need.
    fn eta_ms(&self, job: &OpenJob, position: Option<u32>, lease: Option<&Lease>, now: UnixMillis) -> Option<u64> {
        let own = |capability: &Capability| {
            let offer = matching::offer_for(&job.job, capability)?;
            Some(matching::expected_ms(&job.job, offer))
        };
        if let Some(lease) = lease {
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
        let holder = job.life.lease_id.and_then(|lease_id| self.leases.get(&lease_id)).map(|lease| lease.miner);
        let explain = |candidate: Candidate<'_>| {
            let (eligible, reason) = match matching::consider(&job.job, &candidate) {
                _ if holder == Some(candidate.address) => (true, "it has the job".to_owned()),
                Ok(found) => (true, format!("it would take about {} ms for {} AIT", found.expected_ms, found.price)),
                Err(removal) => (removal.is_temporary(), removal.to_string()),
            };
            MinerExplanation { miner: candidate.address, eligible, reason }
        };
        let miners: Vec<_> = self.candidates_for(job).map(explain).collect();
        let eligible = miners.iter().filter(|miner| miner.eligible).count();
        let summary = match (job.life.state, miners.len(), eligible) {
            (JobState::Running | JobState::Verifying, ..) => "A miner works on the job.".to_owned(),
            (_, 0, _) => "No miner is connected; the job waits for one.".to_owned(),
            (_, all, 0) => format!("None of the {all} connected miners can serve the job; it waits for another one."),
            (_, all, some) => format!("{some} of {all} connected miners can serve the job; it waits for a free one."),
        };
        Some(Explanation { summary, miners })
    }
}
