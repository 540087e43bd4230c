//! Into how many tasks a job is split that arrives now: by the miners that are free, or soon will be.

use shared::Address;
use shared::amount::Amount;
use shared::escrow::TaskCount;
use shared::job::request::ValidJob;
use shared::time::UnixMillis;

use super::{Board, Miner};
use crate::catalog::ModelKey;
use crate::demand::Demand;
use crate::matching;
use crate::plan::{self, Drawer, Plan};

/// Miners that one plan looks at. No job has so many parts, so that the plan is as good among a part of a large fleet.
const LOOKED_AT_MAX: usize = 256;

impl Board {
    /// How a job is shared whose miners ask for no more than this, where that is bounded. It is decided once: receipts and
    /// the client's order name the number of tasks.
    ///
    /// While tasks of the model wait, only miners that are free are counted on: those tasks cannot use them, or would have them,
    /// and they come first at every other miner.
    pub fn plan(&self, job: &ValidJob, unit_price_max: Option<Amount>, now: UnixMillis) -> Plan {
        let model = ModelKey::of(job);
        if plan::pieces(&job.work) < 2 {
            return Plan { tasks: TaskCount::ONE, total_ms: u64::MAX };
        }
        let only_free = self.queue.has(&model);
        let (mut drawers, mut looked_at) = (Vec::new(), 0);
        let _ = self.fleet.any(&model, Demand::of(job), false, |address| {
            looked_at += 1;
            let drawer = self.drawer(job, &model, address, unit_price_max, now);
            drawers.extend(drawer.filter(|drawer| !only_free || drawer.wait_ms == 0));
            looked_at >= LOOKED_AT_MAX
        });
        plan::split(&job.work, &drawers)
    }

    /// `None` for a miner that takes no part.
    fn drawer(
        &self,
        job: &ValidJob,
        model: &ModelKey,
        address: Address,
        unit_price_max: Option<Amount>,
        now: UnixMillis,
    ) -> Option<Drawer> {
        let miner = self.miners.get(&address).filter(|miner| self.takes_new(address, miner))?;
        let (offer, _) = matching::fits(job, address, &miner.capability, miner.reputation()).ok()?;
        if unit_price_max.is_some_and(|most| offer.unit_price > most) {
            return None;
        }
        Some(Drawer {
            wait_ms: self.free_in_ms(address, miner, now)?,
            micro_units_per_second: self.speed_of(address, job, model),
            is_warm: miner.warm.as_ref() == Some(model),
        })
    }

    /// Until a miner has a free slot, as far as its leases take as long as was expected. `None` where it has no slot, or
    /// waits for audits: when those are answered, nobody knows.
    fn free_in_ms(&self, address: Address, miner: &Miner, now: UnixMillis) -> Option<u64> {
        if self.awaits_audits(address, miner) {
            return None;
        }
        if self.free_slots(address, miner) > 0 {
            return Some(0);
        }
        let rest = |lease: &super::Lease| lease.expected_ms.saturating_sub(now.since_ms(lease.granted_at));
        self.leases_of(address).map(rest).min()
    }
}
