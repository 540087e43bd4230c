//! Tasks to miners: the queues say which task goes first, the fleet which free miner takes it.
//!
//! After each input, no waiting task fits any free miner. So the next one needs a look only at what it changed: the tasks
//! that wait since then against the free miners, and the miners that became free against the waiting tasks. Both are
//! searches in trees, and the cost of an input does not grow with the number of miners or of tasks.

use std::collections::BTreeMap;

use shared::Address;
use shared::amount::Amount;
use shared::job::lifecycle::{MAX_FAULTS, TaskEvent};
use shared::job::request::{PaymentMode, ValidJob};
use shared::job::task::{Task, TaskRole};
use shared::protocol::{Assignment, ReceiptTerms};
use shared::receipt;
use shared::time::UnixMillis;

use super::fleet::Ask;
use super::queue::Standing;
use super::{Board, Effect, Lease, News, OpenJob};
use crate::audit;
use crate::catalog::ModelKey;
use crate::demand::Demand;
use crate::matching::{self, Candidate, Match};
use crate::speed;

/// What is new for the queue of one model.
#[derive(Debug, Default)]
struct ModelNews {
    miners: Vec<Address>,
    tasks: Vec<Task>,
}

impl Board {
    /// Gives waiting tasks to free miners until nothing fits any more. A task that fits nobody does not hold up those
    /// behind it.
    pub(super) fn dispatch(&mut self, now: UnixMillis) -> Vec<Effect> {
        self.settle();
        let mut effects = self.end_given_up();
        self.settle();
        effects.extend(self.draw_auditors(now));
        self.settle();
        effects.extend(self.grant_audits(now, audit::PATIENCE_MS));
        let mut news = self.take_news();
        while let Some(task) = self.next_task(&mut news, now) {
            let granted = self.grant(task, now);
            debug_assert!(!granted.is_empty(), "a task that fits a miner goes out");
            if granted.is_empty() {
                break;
            }
            effects.extend(granted);
            self.settle();
        }
        effects.extend(self.grant_audits(now, 0));
        if !effects.is_empty() {
            effects.push(Effect::QueueMoved);
        }
        effects
    }

    fn take_news(&mut self) -> BTreeMap<ModelKey, ModelNews> {
        let News { miners, mut tasks } = std::mem::take(&mut self.news);
        tasks.extend(&self.delicate);
        let mut by_model: BTreeMap<ModelKey, ModelNews> = BTreeMap::new();
        for miner in miners {
            for (model, _) in self.fleet.free_for(miner).filter(|(model, _)| self.queue.has(model)) {
                by_model.entry(model.clone()).or_default().miners.push(miner);
            }
        }
        for task in tasks {
            let model = self.jobs.get(&task.job_id).map(|job| ModelKey::of(&job.request));
            if let Some(model) = model.filter(|model| self.fleet.has_free(model)) {
                by_model.entry(model).or_default().tasks.push(task);
            }
        }
        by_model
    }

    /// The task that goes out next. What fits nothing is taken out of the news: until more happens, that stays so.
    fn next_task(&self, news: &mut BTreeMap<ModelKey, ModelNews>, now: UnixMillis) -> Option<Task> {
        #[cfg(test)]
        if self.looks_at_all {
            return self.next_task_of_all(now);
        }
        loop {
            let model = news.keys().min_by_key(|model| self.queue.turn(model)).cloned()?;
            let of_model = news.get_mut(&model)?;
            match self.next_of(&model, of_model, now) {
                Some(task) => return Some(task),
                None => drop(news.remove(&model)),
            }
        }
    }

    fn next_of(&self, model: &ModelKey, news: &mut ModelNews, now: UnixMillis) -> Option<Task> {
        if !self.fleet.has_free(model) {
            return None;
        }
        let mut first: Option<(Standing, Task)> = None;
        news.miners.retain(|miner| {
            let supply = self.fleet.supply_of(*miner, model);
            let found = supply.and_then(|supply| {
                self.queue.first_for(model, supply, |ticket| self.takes(*miner, ticket.task, model, now))
            });
            if let Some(found) = found {
                first = Some(first.map_or(found, |first| first.min(found)));
            }
            found.is_some()
        });
        let standing = |task: &Task| Some((self.standing_of(*task, model)?, *task));
        let mut tasks: Vec<(Standing, Task)> = news.tasks.iter().filter_map(standing).collect();
        tasks.sort_unstable();
        let mut in_reach = tasks.into_iter().filter(|task| first.is_none_or(|first| *task < first));
        let fits = |(_, task): &(Standing, Task)| {
            let job = self.jobs.get(&task.job_id);
            let fits = job.is_some_and(|job| self.best_of_refusing(job, *task, now).is_some());
            if !fits {
                news.tasks.retain(|other| other != task);
            }
            fits
        };
        in_reach.find(fits).or(first).map(|(_, task)| task)
    }

    fn standing_of(&self, task: Task, model: &ModelKey) -> Option<Standing> {
        let job = self.jobs.get(&task.job_id)?;
        self.queue.standing(model, job.client, (job.seq, task.role))
    }

    /// Whether a free miner takes a task.
    fn takes(&self, miner: Address, task: Task, model: &ModelKey, now: UnixMillis) -> bool {
        let Some(job) = self.jobs.get(&task.job_id) else { return false };
        let (units, is_kept) = (job.units_of(task.role), self.is_kept_for_proven(job, task, model));
        let candidate = self.candidate(job, task, model, miner, is_kept);
        let fits = candidate.is_some_and(|candidate| matching::consider_part(&job.request, units, &candidate).is_ok());
        fits && !self.refusals.keeps_from(task, miner, now)
    }

    /// One more fault ends the task.
    pub(super) fn has_one_try(&self, task: Task) -> bool {
        self.task(task).is_some_and(|open| open.faults_that_count() + 1 >= MAX_FAULTS)
    }

    /// The task has one try left, and a proven miner serves it, now or when it is free, and has not failed it.
    pub(super) fn is_kept_for_proven(&self, job: &OpenJob, task: Task, model: &ModelKey) -> bool {
        let Some(open) = self.task(task).filter(|_| self.has_one_try(task)) else { return false };
        let fits = |address: Address| {
            let Some(miner) = self.miners.get(&address) else { return false };
            let has_failed = open.failed_by.contains(&address) || open.gave_up(address);
            let serves = || matching::fits(&job.request, address, &miner.capability, miner.reputation()).is_ok();
            let works = self.takes_new(address, miner) && !self.awaits_audits(address, miner);
            miner.is_proven() && works && !has_failed && serves()
        };
        self.fleet.any(model, Demand::of(&job.request), true, fits)
    }

    /// The best free miner, or where that draws another shard of the job already, the best that draws none and is done no
    /// later than it would be with both: the plan counts on a miner for each shard, and a score looks at price and risk, too.
    fn best_apart(&self, job: &OpenJob, task: Task, now: UnixMillis) -> Option<Match<'_>> {
        let may_take = |address| !self.refusals.keeps_from(task, address, now);
        let best = self.best_free(job, task, may_take)?;
        let shards = self.shards_held(best.address, task);
        if shards == 0 {
            return Some(best);
        }
        let with_both_ms = best.expected_ms.saturating_mul(1 + shards);
        let apart = self.best_free(job, task, |address| may_take(address) && self.shards_held(address, task) == 0);
        Some(apart.filter(|apart| apart.expected_ms <= with_both_ms).unwrap_or(best))
    }

    fn best_free(&self, job: &OpenJob, task: Task, may_take: impl Fn(Address) -> bool) -> Option<Match<'_>> {
        #[cfg(test)]
        if self.looks_at_all {
            return self.best_of_all(job, task, may_take);
        }
        self.best_of(job, task, may_take)
    }

    /// The free miner that fits a task best, if there is one.
    fn best_of_refusing(&self, job: &OpenJob, task: Task, now: UnixMillis) -> Option<Match<'_>> {
        self.best_of(job, task, |address| !self.refusals.keeps_from(task, address, now))
    }

    /// The best free miner for a task among those that `may_take` it.
    pub(super) fn best_of(&self, job: &OpenJob, task: Task, may_take: impl Fn(Address) -> bool) -> Option<Match<'_>> {
        let model = ModelKey::of(&job.request);
        let (open, units) = (job.tasks.get(&task.role)?, job.units_of(task.role));
        let ask = Ask {
            model: &model,
            demand: Demand::of(&job.request),
            units,
            measured: self.speeds.of_model(&model),
            is_newcomers_turn: self.is_newcomers_turn(task.role) && open.failed_by.is_empty(),
        };
        let is_kept = self.is_kept_for_proven(job, task, &model);
        self.fleet.best(&ask, |address| {
            let candidate = self.candidate(job, task, &model, address, is_kept).filter(|_| may_take(address))?;
            matching::consider_part(&job.request, units, &candidate).ok()
        })
    }

    /// Of a job of several parts, the first one alone: the job ends with its last part, and new keys that do nothing must not
    /// delay each job that has as many parts as turns are counted.
    const fn is_newcomers_turn(&self, role: TaskRole) -> bool {
        matches!(role, TaskRole::Serve | TaskRole::Shard(0))
            && self.leases_granted.is_multiple_of(matching::NEWCOMERS_TURN)
    }

    /// Leases a waiting task to the best free miner, if there is one.
    fn grant(&mut self, task: Task, now: UnixMillis) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&task.job_id) else { return vec![] };
        let found = self.best_apart(job, task, now);
        let Some(found) = found else { return vec![] };
        let miner = found.address;
        let terms = self.terms(job, task.role, found.offer.unit_price, job.request.payment.mode());
        self.lease_to(task, miner, terms, now)
    }

    /// Leases a waiting task to this miner.
    pub(super) fn lease_to(&mut self, task: Task, miner: Address, terms: ReceiptTerms, now: UnixMillis) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&task.job_id) else { return vec![] };
        let Some(session) = self.session_of(miner) else { return vec![] };
        let expected_ms = self.lease_ms(job, task.role, miner);
        let served_with = self.served_with(miner, job);
        let until = job.deadline_of(task.role);
        let deadline = crate::lease::deadline(now, expected_ms, self.last_deadline_of(miner), until);
        let (name, work, salt) = (job.request.model.clone(), job.work_of(task.role), Self::salt_of(job, task.role));
        let id = self.draw_lease_id();
        let Ok(moved) = self.move_task(task, TaskEvent::Leased { lease_id: id }) else { return vec![] };
        if let Some(open) = self.task_mut(task) {
            open.forget_work();
            open.served_with = served_with;
        }
        let lease = Lease {
            id,
            task,
            miner,
            terms,
            granted_at: now,
            expected_ms,
            deadline,
            return_by: None,
            received_at: None,
            was_turned_away: false,
        };
        let assignment = Box::new(Assignment {
            lease_id: id,
            task,
            model: name,
            work,
            salt,
            terms: lease.terms.clone(),
            deadline_unix_ms: deadline,
            // The shell knows whether anybody watches.
            watched: false,
        });
        self.hold(lease.clone());
        let job_id = task.job_id;
        vec![Effect::Grant { lease, moved, session, assignment }, Effect::Changed { job_id }]
    }

    pub(super) fn terms(
        &self,
        job: &OpenJob,
        role: TaskRole,
        unit_price: Amount,
        paid_by: PaymentMode,
    ) -> ReceiptTerms {
        ReceiptTerms {
            client: job.client,
            units: job.units_of(role),
            unit_type: job.request.work.unit_type(),
            unit_price,
            expires_at: receipt::expires_at(job.deadline_of(role)),
            hub_id: self.identity.hub_id.clone(),
            chain_id: self.identity.chain_id,
            contract: match paid_by {
                PaymentMode::Mint => self.identity.minter,
                PaymentMode::Escrow => self.identity.escrow,
            },
        }
    }

    /// When all that a miner has is over at the latest.
    fn last_deadline_of(&self, miner: Address) -> Option<UnixMillis> {
        self.leases_of(miner).map(|lease| lease.deadline).max()
    }

    /// Ends tasks that a miner gave up and that no other one serves, now or when it is free: waiting would not help.
    fn end_given_up(&mut self) -> Vec<Effect> {
        let unsure = std::mem::take(&mut self.unsure);
        let hopeless: Vec<Task> = unsure.into_iter().filter(|task| !self.is_served(*task)).collect();
        let reason = "no other miner serves the job";
        hopeless.into_iter().flat_map(|task| self.end_task(task, TaskEvent::NobodyLeft, reason)).collect()
    }

    /// Some connected miner fits the task now, or will.
    fn is_served(&self, task: Task) -> bool {
        let Some(job) = self.jobs.get(&task.job_id) else { return false };
        let model = ModelKey::of(&job.request);
        let (units, is_kept) = (job.units_of(task.role), self.is_kept_for_proven(job, task, &model));
        self.fleet.any(&model, Demand::of(&job.request), false, |address| {
            let candidate = self.candidate(job, task, &model, address, is_kept);
            let removal = candidate.map(|candidate| matching::consider_part(&job.request, units, &candidate).err());
            removal.is_some_and(|removal| removal.is_none_or(|removal| removal.is_temporary()))
        })
    }

    /// The speed that counts for a connected miner; 0 where it does not serve the model.
    pub(super) fn speed_of(&self, address: Address, request: &ValidJob, model: &ModelKey) -> u64 {
        let offer = self.miners.get(&address).and_then(|miner| matching::offer_for(request, &miner.capability));
        offer.map_or(0, |offer| speed::counted(self.speeds.of_model(model), address, offer))
    }

    /// How long a task takes at a connected miner, as its lease counts it.
    fn lease_ms(&self, job: &OpenJob, role: TaskRole, address: Address) -> u64 {
        let offer = self.miners.get(&address).and_then(|miner| matching::offer_for(&job.request, &miner.capability));
        let of_model = self.speeds.of_model(&ModelKey::of(&job.request));
        let speed = offer.map_or(0, |offer| speed::of_lease(of_model, address, offer));
        matching::expected_ms(job.units_of(role), speed)
    }

    /// `is_kept` says that the task's last try is kept for a proven miner.
    pub(super) fn candidate(
        &self,
        job: &OpenJob,
        task: Task,
        model: &ModelKey,
        address: Address,
        is_kept: bool,
    ) -> Option<Candidate<'_>> {
        let (miner, open) = (self.miners.get(&address)?, job.tasks.get(&task.role)?);
        let is_new = !miner.is_proven();
        Some(Candidate {
            address,
            capability: &miner.capability,
            slots: miner.slots(),
            free_slots: self.free_slots(address, miner),
            awaits_audits: self.awaits_audits(address, miner),
            draining: miner.draining,
            paused: self.pause_of(address).is_some(),
            micro_units_per_second: self.speed_of(address, &job.request, model),
            is_warm: miner.warm.as_ref() == Some(model),
            has_newcomers_turn: is_new
                && self.is_newcomers_turn(task.role)
                && miner.faults == 0
                && open.failed_by.is_empty(),
            is_too_new: is_new && is_kept,
            leases: miner.leases_ended,
            faults: miner.faults,
            gave_up: open.gave_up(address),
            faults_with_task: open.failed_by.iter().filter(|failed| **failed == address).count() as u64,
            shards_of_job: self.shards_held(address, task),
        })
    }

    /// Other shards of a task's job that a miner works on.
    fn shards_held(&self, address: Address, task: Task) -> u64 {
        if !matches!(task.role, TaskRole::Shard(_)) {
            return 0;
        }
        let is_other = |lease: &&Lease| lease.task.job_id == task.job_id && !lease.task.role.is_audit();
        self.leases_of(address).filter(is_other).count() as u64
    }
}

/// The same by looking at every task and every miner. The index must choose as this does.
#[cfg(test)]
impl Board {
    pub(super) fn next_task_of_all(&self, now: UnixMillis) -> Option<Task> {
        let open = self
            .jobs
            .values()
            .filter(|job| !job.awaits_payment)
            .flat_map(|job| job.open_tasks().map(move |task| (job, task)));
        let fitting = open.filter(|(job, task)| {
            let waits = job.tasks[&task.role].life.state == shared::job::lifecycle::JobState::Queued;
            waits && self.best_of_all(job, *task, |address| !self.refusals.keeps_from(*task, address, now)).is_some()
        });
        let first = fitting.min_by_key(|(job, task)| {
            let model = ModelKey::of(&job.request);
            (self.queue.turn(&model), model.clone(), self.standing_of(*task, &model))
        });
        first.map(|(_, task)| task)
    }

    fn best_of_all(&self, job: &OpenJob, task: Task, may_take: impl Fn(Address) -> bool) -> Option<Match<'_>> {
        let model = ModelKey::of(&job.request);
        let has_failed = |address: &Address| job.tasks[&task.role].failed_by.contains(address);
        let serves = |address: &Address| {
            let miner = &self.miners[address];
            matching::fits(&job.request, *address, &miner.capability, miner.reputation()).is_ok()
        };
        let works = |(address, miner): &(&Address, &super::Miner)| {
            miner.is_proven() && self.takes_new(**address, miner) && !self.awaits_audits(**address, miner)
        };
        let proven = self.miners.iter().filter(works);
        let mut proven = proven.map(|(address, _)| address);
        let is_kept = self.has_one_try(task)
            && proven
                .any(|address| !has_failed(address) && !job.tasks[&task.role].gave_up(*address) && serves(address));
        let candidates = self
            .miners
            .keys()
            .filter(|address| may_take(**address))
            .filter_map(|address| self.candidate(job, task, &model, *address, is_kept));
        let units = job.units_of(task.role);
        let matches = candidates.filter_map(|of| matching::consider_part(&job.request, units, &of).ok());
        matches.min_by_key(|found| (found.score, found.address))
    }
}
