//! Tasks to miners, oldest job first.

use std::collections::BTreeMap;

use shared::Address;
use shared::job::lifecycle::TaskEvent;
use shared::job::task::Task;
use shared::protocol::{Assignment, ReceiptTerms};
use shared::receipt;
use shared::time::UnixMillis;

use super::queue::Place;
use super::{Board, Effect, Lease, OpenJob};
use crate::catalog::ModelKey;
use crate::matching::{self, Candidate};

impl Board {
    /// Gives waiting tasks to free miners until nothing fits any more. A task that fits nobody does not hold up those
    /// behind it.
    pub(super) fn dispatch(&mut self, now: UnixMillis) -> Vec<Effect> {
        let mut effects = self.end_given_up();
        // Of each model that some free miner offers, the task that is next.
        let models = self.queue.models().filter(|model| self.free.has(model));
        let first =
            |model: &ModelKey| self.queue.first_of(model, None).map(|(place, task)| (place, (model.clone(), task)));
        let mut next: BTreeMap<Place, (ModelKey, Task)> = models.filter_map(first).collect();
        while let Some((place, (model, task))) = next.pop_first() {
            if !self.free.has(&model) {
                continue;
            }
            let granted = self.grant(task, &model, now);
            let is_granted = !granted.is_empty();
            effects.extend(granted);
            // A plain task that nobody takes says of all plain ones behind it that nobody takes them now.
            if (is_granted || !self.is_plain(task))
                && let Some((place, task)) = self.queue.first_of(&model, Some(place))
            {
                next.insert(place, (model, task));
            }
        }
        if !effects.is_empty() {
            effects.push(Effect::QueueMoved);
        }
        effects
    }

    /// Every miner that serves one such task of a model serves them all.
    fn is_plain(&self, task: Task) -> bool {
        let Some(job) = self.jobs.get(&task.job_id) else { return true };
        let work = &job.request.work;
        let asks_for_more = work.starts_from_picture() || work.is_fast();
        let is_refused = self.given_up.contains(&task) || self.refusals.has(task);
        job.request.constraints == Default::default() && !asks_for_more && !is_refused
    }

    /// Leases a waiting task to the best free miner, if there is one.
    fn grant(&mut self, task: Task, model: &ModelKey, now: UnixMillis) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&task.job_id) else { return vec![] };
        let may_take = |address: &Address| !self.refusals.keeps_from(task, *address, now);
        let candidates = self.free.of(model).filter(may_take).filter_map(|address| self.candidate(job, task, address));
        let Some(found) = matching::best(&job.request, candidates) else { return vec![] };
        let (miner, work_max_ms) = (found.address, crate::lease::work_max_ms(found.expected_ms));
        let Some(session) = self.session_of(miner) else { return vec![] };
        let terms = self.terms(job, found.offer.unit_price);
        let deadline = crate::lease::deadline(now, work_max_ms, self.last_deadline_of(miner), job.deadline);
        let (name, work) = (job.request.model.clone(), job.request.work.clone());
        let id = self.draw_lease_id();
        let Ok(moved) = self.move_task(task, TaskEvent::Leased { lease_id: id }) else { return vec![] };
        if let Some(open) = self.task_mut(task) {
            open.forget_work();
        }
        let lease = Lease { id, task, miner, terms, granted_at: now, work_max_ms, deadline, return_by: None };
        let assignment = Box::new(Assignment {
            lease_id: id,
            task,
            model: name,
            work,
            terms: lease.terms.clone(),
            deadline_unix_ms: deadline,
            // The shell knows whether anybody watches.
            watched: false,
        });
        self.hold(lease.clone());
        let job_id = task.job_id;
        vec![Effect::Grant { lease, moved, session, assignment }, Effect::Changed { job_id }]
    }

    fn terms(&self, job: &OpenJob, unit_price: shared::amount::Amount) -> ReceiptTerms {
        ReceiptTerms {
            client: job.client,
            units: job.request.work.units(),
            unit_type: job.request.work.unit_type(),
            unit_price,
            expires_at: receipt::expires_at(job.deadline),
            hub_id: self.identity.hub_id.clone(),
            chain_id: self.identity.chain_id,
            contract: self.identity.minter,
        }
    }

    /// When all that a miner has is over at the latest.
    fn last_deadline_of(&self, miner: Address) -> Option<UnixMillis> {
        self.leases_of(miner).map(|lease| lease.deadline).max()
    }

    /// Ends tasks that a miner gave up and that no other one serves, now or when it is free: waiting would not help.
    fn end_given_up(&mut self) -> Vec<Effect> {
        let hopeless: Vec<Task> = self.given_up.iter().filter(|task| !self.is_served(**task)).copied().collect();
        let reason = "no other miner serves the job";
        hopeless.into_iter().flat_map(|task| self.lose_task(task, TaskEvent::NobodyLeft, reason)).collect()
    }

    /// Ends a task without a result, and with it the other tasks of its job, which are worth nothing without it.
    fn lose_task(&mut self, task: Task, event: TaskEvent, reason: &str) -> Vec<Effect> {
        let mut effects = self.end_task(task, event, reason);
        effects.extend(self.end_rest(task));
        effects
    }

    /// Some connected miner fits the task now, or will.
    fn is_served(&self, task: Task) -> bool {
        let Some(job) = self.jobs.get(&task.job_id) else { return false };
        let model = ModelKey::of(&job.request);
        let serving = self.catalog.miners_of(&model);
        let candidates = serving.filter_map(|address| self.candidate(job, task, address));
        let mut removals = candidates.map(|candidate| matching::consider(&job.request, &candidate).err());
        removals.any(|removal| removal.is_none_or(|removal| removal.is_temporary()))
    }

    pub(super) fn candidate(&self, job: &OpenJob, task: Task, address: Address) -> Option<Candidate<'_>> {
        let (miner, open) = (self.miners.get(&address)?, job.tasks.get(&task.role)?);
        Some(Candidate {
            address,
            capability: &miner.capability,
            free_slots: self.free_slots(address, miner),
            draining: miner.draining,
            leases: miner.leases_ended,
            faults: miner.faults,
            gave_up: open.gave_up(address),
            faults_with_task: open.failed_by.iter().filter(|failed| **failed == address).count() as u64,
        })
    }
}
