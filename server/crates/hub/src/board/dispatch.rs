//! Jobs to miners, oldest job first.

use std::collections::BTreeSet;

use shared::Address;
use shared::id::{JobId, LeaseId};
use shared::job::JobKind;
use shared::job::lifecycle::{JobEvent, Lifecycle};
use shared::job::task::TaskRole;
use shared::protocol::{Assignment, ReceiptTerms};
use shared::receipt;
use shared::time::UnixMillis;

use super::{Board, Effect, Lease, Miner, OpenJob};
use crate::matching::{self, Candidate};

impl Board {
    /// Gives waiting jobs to free miners until nothing fits any more. A job that fits nobody does not hold up those
    /// behind it. `draw` gives 128 random bits for each lease.
    pub(super) fn dispatch(&mut self, now: UnixMillis, draw: &mut dyn FnMut() -> u128) -> Vec<Effect> {
        let mut effects = self.end_given_up();
        // A model that found no free miner is not tried again in this round, unless a miner that serves the one job may
        // not serve the other.
        let mut exhausted: BTreeSet<(JobKind, String)> = BTreeSet::new();
        let waiting: Vec<JobId> = if self.has_free_slot() { self.queue.values().copied().collect() } else { vec![] };
        for job_id in waiting {
            let Some(job) = self.jobs.get(&job_id) else { continue };
            let plain = self.is_plain(job);
            let served_by = (job.job.work.kind(), job.job.model.clone());
            if plain && exhausted.contains(&served_by) {
                continue;
            }
            match self.grant(job, now, draw) {
                Some((lease, life, effect)) => {
                    self.hold(lease, life);
                    effects.push(effect);
                    effects.push(Effect::Changed { job_id });
                    if !self.has_free_slot() {
                        break;
                    }
                }
                None if plain => {
                    exhausted.insert(served_by);
                }
                None => {}
            }
        }
        if !effects.is_empty() {
            effects.push(Effect::QueueMoved);
        }
        effects
    }

    /// Whoever serves one such job of a model serves them all.
    fn is_plain(&self, job: &OpenJob) -> bool {
        let work = &job.job.work;
        let asks_for_more = work.starts_from_picture() || work.is_fast();
        let is_refused = !job.given_up_by.is_empty() || self.refusals.has(job.id);
        job.job.constraints == Default::default() && !asks_for_more && !is_refused
    }

    fn grant(
        &self,
        job: &OpenJob,
        now: UnixMillis,
        draw: &mut dyn FnMut() -> u128,
    ) -> Option<(Lease, Lifecycle, Effect)> {
        let candidates = self.candidates_for(job);
        let found = matching::best(
            &job.job,
            candidates.filter(|candidate| !self.refusals.keeps_from(job.id, candidate.address, now)),
        )?;
        let session = self.miners.get(&found.address)?.session;
        let lease_id = LeaseId::from_random(draw());
        let life = job.life.apply(JobEvent::Leased { lease_id }).ok()?;
        let work_max_ms = crate::lease::work_max_ms(found.expected_ms);
        let lease = Lease {
            id: lease_id,
            job_id: job.id,
            miner: found.address,
            terms: ReceiptTerms {
                task_role: TaskRole::Serve,
                client: job.client,
                units: job.job.work.units(),
                unit_type: job.job.work.unit_type(),
                unit_price: found.offer.unit_price,
                expires_at: receipt::expires_at(job.deadline),
                hub_id: self.identity.hub_id.clone(),
                chain_id: self.identity.chain_id,
                contract: self.identity.minter,
            },
            granted_at: now,
            work_max_ms,
            deadline: crate::lease::deadline(now, work_max_ms, self.last_deadline_of(found.address), job.deadline),
            reunion_by: None,
        };
        let assignment = Box::new(Assignment {
            lease_id,
            job_id: job.id,
            model: job.job.model.clone(),
            work: job.job.work.clone(),
            terms: lease.terms.clone(),
            deadline_unix_ms: lease.deadline,
            // The shell knows who looks.
            watched: None,
        });
        let effect = Effect::Grant { lease: lease.clone(), life: life.clone(), session, assignment };
        Some((lease, life, effect))
    }

    /// When all that a miner has is over at the latest.
    fn last_deadline_of(&self, miner: Address) -> Option<UnixMillis> {
        self.leases_of(miner).map(|lease| lease.deadline).max()
    }

    fn hold(&mut self, lease: Lease, life: Lifecycle) {
        if let Some(job) = self.jobs.get_mut(&lease.job_id) {
            job.life = life;
            job.progress = None;
            job.text.clear();
            self.queue.remove(&job.seq);
        }
        self.held.entry(lease.miner).or_default().insert(lease.id);
        self.leases.insert(lease.id, lease);
    }

    fn has_free_slot(&self) -> bool {
        self.miners.iter().any(|(address, miner)| !miner.draining && self.free_slots(*address, miner) > 0)
    }

    pub(super) fn free_slots(&self, address: Address, miner: &Miner) -> u32 {
        let held = self.held.get(&address).map_or(0, BTreeSet::len);
        miner.capability.slots.saturating_sub(u32::try_from(held).unwrap_or(u32::MAX))
    }

    pub(super) fn candidates_for<'a>(&'a self, job: &'a OpenJob) -> impl Iterator<Item = Candidate<'a>> {
        self.miners.iter().map(move |(address, miner)| Candidate {
            address: *address,
            capability: &miner.capability,
            free_slots: self.free_slots(*address, miner),
            draining: miner.draining,
            leases: miner.leases_ended,
            faults: miner.faults,
            gave_up_job: job.given_up_by.iter().any(|given_up| given_up.miner == *address),
            faults_with_job: job.failed_by.iter().filter(|failed| *failed == address).count() as u64,
        })
    }
}
