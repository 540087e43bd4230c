//! What the connected miners would ask for a job that nobody has submitted yet.

use shared::Address;
use shared::amount::Amount;
use shared::escrow::TaskCount;
use shared::job::request::ValidJob;
use shared::time::UnixMillis;

use super::{Board, Miner};
use crate::catalog::ModelKey;
use crate::matching::{self, Candidate, Removal};

/// Who would get a job, and on what terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offered {
    /// Price of a whole unit at the miner that matches best.
    pub unit_price: Amount,
    /// The time that the work takes there, at its measured speed; where several miners share the job, until the last of
    /// them is done.
    pub work_ms: u64,
    /// How many tasks the job is split into.
    pub tasks: TaskCount,
    /// Miners that serve the job for that price or less, now or when they are free.
    pub miners: u32,
}

/// No connected miner can serve a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    #[error("no miner is connected, so nothing can be promised")]
    NoMiner,
    #[error("none of the {connected} connected miners can serve the job; of the nearest one: {nearest}")]
    NoneFits { connected: usize, nearest: Removal },
}

impl Board {
    /// Matches as the job itself would be, with every miner that takes new work counted as free. The best match sets the
    /// price, and not the lowest one: who asks for nothing and has delivered nothing does not make a price that no
    /// other miner can keep. A miner that waits for its audits gets nothing before they are answered, so it sets the price
    /// only where there is no other.
    pub fn quote(&self, job: &ValidJob, now: UnixMillis) -> Result<Offered, Unserved> {
        let model = ModelKey::of(job);
        let all = || self.miners.iter().map(|(address, miner)| self.as_if_free(job, &model, *address, miner));
        let answered = || {
            let takes_more = self.miners.iter().filter(|(address, miner)| !self.awaits_audits(**address, miner));
            takes_more.map(|(address, miner)| self.as_if_free(job, &model, *address, miner))
        };
        let Some(best) = matching::best(job, answered()).or_else(|| matching::best(job, all())) else {
            let removals = all().filter_map(|candidate| matching::consider(job, &candidate).err());
            let nearest = removals.max_by_key(|removal| !matches!(removal, Removal::ModelNotServed { .. }));
            let none_fits = |nearest| Unserved::NoneFits { connected: self.miners.len(), nearest };
            return Err(nearest.map_or(Unserved::NoMiner, none_fits));
        };
        let (unit_price, alone_ms) = (best.offer.unit_price, best.expected_ms);
        let serves = |candidate: &Candidate<'_>| {
            matching::consider(job, candidate).is_ok_and(|found| found.offer.unit_price <= unit_price)
        };
        let miners = u32::try_from(all().filter(serves).count()).unwrap_or(u32::MAX);
        let plan = self.plan(job, Some(unit_price), now);
        let work_ms = if plan.tasks == TaskCount::ONE { alone_ms } else { plan.total_ms };
        Ok(Offered { unit_price, work_ms, tasks: plan.tasks, miners })
    }

    fn as_if_free<'a>(&self, job: &ValidJob, model: &ModelKey, address: Address, miner: &'a Miner) -> Candidate<'a> {
        Candidate {
            address,
            capability: &miner.capability,
            slots: miner.slots(),
            free_slots: 1,
            awaits_audits: false,
            draining: miner.draining,
            paused: self.pause_of(address).is_some(),
            micro_units_per_second: self.speed_of(address, job, model),
            leases: miner.leases_ended,
            faults: miner.faults,
            is_warm: miner.warm.as_ref() == Some(model),
            has_newcomers_turn: false,
            is_too_new: false,
            gave_up: false,
            faults_with_task: 0,
            shards_of_job: 0,
        }
    }
}
