//! Who audits: each audit is drawn for one miner and waits for a slot of it. One that has none for long, or shows too little,
//! makes room for the next.
//!
//! The miners of a model are looked at once for all audits of it that must be drawn, and sorted by what they can compute again.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::digest::Sha256Digest;
use shared::job::JobKind;
use shared::job::lifecycle::TaskEvent;
use shared::job::task::Task;
use shared::time::UnixMillis;

use super::{Board, Effect, Lease, Miner, OpenAudit, OpenJob};
use crate::auditor_pool::Pool;
use crate::catalog::ModelKey;
use crate::{matching, price, reputation};

/// What a miner must have to compute a work of a model again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    manifest_sha256: Sha256Digest,
    /// For a text, which is equal or not: name, version and provider of the engine.
    engine: Option<[String; 3]>,
    from_picture: bool,
    is_fast: bool,
}

impl Question {
    fn of(job: &OpenJob, audit: &OpenAudit) -> Self {
        let with = &audit.served_with;
        let is_text = job.request.work.kind() == JobKind::Text;
        Self {
            manifest_sha256: with.manifest_sha256,
            engine: is_text.then(|| engine_of(&with.engine)),
            from_picture: job.request.work.starts_from_picture(),
            is_fast: job.request.work.is_fast(),
        }
    }
}

fn engine_of(engine: &shared::device::Engine) -> [String; 3] {
    [&engine.name, &engine.version, &engine.provider].map(String::clone)
}

/// Weights of the miners that answer one question: of those that have delivered a good deal, and of all others.
#[derive(Debug, Default)]
struct Weights {
    judges: Vec<(Address, u64)>,
    others: Vec<(Address, u64)>,
}

/// The miners of some models, by what they can compute again.
pub(super) struct Auditors(BTreeMap<ModelKey, BTreeMap<Question, [Pool; 2]>>);

#[cfg(test)]
thread_local! {
    /// How many miners were looked at for draws.
    pub(super) static LOOKED_AT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Board {
    /// Draws a miner for each audit that has none. One that nobody can answer ends.
    pub(super) fn draw_auditors(&mut self, now: UnixMillis) -> Vec<Effect> {
        let tasks = self.audits.take_undrawn(now);
        if tasks.is_empty() {
            return vec![];
        }
        let auditors = self.auditors_for(&tasks);
        let mut effects = Vec::new();
        for task in tasks {
            let passed = self.passed_by(task);
            let mut next = self.draw_auditor(&auditors, task, &passed);
            if next.is_none() && !passed.is_empty() {
                // Those that had no slot for it are asked again before nobody is.
                self.audits.forget_passed(task);
                let last = self.keep_last_decliner(task);
                next = self.draw_auditor(&auditors, task, &last);
                next = next.or_else(|| self.draw_auditor(&auditors, task, &BTreeSet::new()));
            }
            match next {
                Some(auditor) => self.audits.assign(task, auditor, now),
                None => {
                    self.audits.enqueue(task);
                    let reason = "no other miner can compute it again";
                    effects.extend(self.end_task(task, TaskEvent::NobodyLeft, reason));
                }
            }
        }
        effects
    }

    /// Miners that had the task and could not begin it, or declined it: others are asked before them.
    fn passed_by(&self, task: Task) -> BTreeSet<Address> {
        let declined = self.task(task).into_iter().flat_map(|open| &open.declined_by).copied();
        self.audits.passed_by(task).into_iter().chain(declined).collect()
    }

    /// All that declined an audit may have it again, the last one after the others.
    fn keep_last_decliner(&mut self, task: Task) -> BTreeSet<Address> {
        let Some(open) = self.task_mut(task) else { return BTreeSet::new() };
        let last = open.declined_by.pop();
        open.declined_by = last.into_iter().collect();
        last.into_iter().collect()
    }

    /// All that could audit one of these tasks, but for what depends on the task itself.
    fn auditors_for(&self, tasks: &BTreeSet<Task>) -> Auditors {
        let jobs = tasks.iter().filter_map(|task| self.jobs.get(&task.job_id));
        let models: BTreeMap<ModelKey, &OpenJob> = jobs.map(|job| (ModelKey::of(&job.request), job)).collect();
        let of_model = |(model, job): (ModelKey, &OpenJob)| {
            let pools = self.auditors_of(&model, job);
            (model, pools)
        };
        Auditors(models.into_iter().map(of_model).collect())
    }

    /// Those of the model of this job.
    fn auditors_of(&self, model: &ModelKey, job: &OpenJob) -> BTreeMap<Question, [Pool; 2]> {
        let mut weights: BTreeMap<Question, Weights> = BTreeMap::new();
        for address in self.catalog.miners_of(model) {
            let Some(miner) = self.miners.get(&address) else { continue };
            let is_judge = reputation::may_judge(miner.completed(), miner.faults);
            let weight = reputation::weight_in_draws(miner.completed(), miner.faults);
            for question in self.answers(address, miner, job) {
                let of = weights.entry(question).or_default();
                let group = if is_judge { &mut of.judges } else { &mut of.others };
                group.push((address, weight));
            }
        }
        let pools = |Weights { judges, others }| [Pool::of(&judges), Pool::of(&others)];
        weights.into_iter().map(|(question, weights)| (question, pools(weights))).collect()
    }

    /// Every question about the model of a job that a miner can answer.
    fn answers(&self, address: Address, miner: &Miner, job: &OpenJob) -> Vec<Question> {
        #[cfg(test)]
        LOOKED_AT.with(|looked_at| looked_at.set(looked_at.get() + 1));
        // A miner without slots would never begin it. One whose slots work for another hub has them back in a while, and an audit
        // waits that long: otherwise that hub would say who audits, or that nobody does.
        let takes_part = self.takes_new(address, miner) && miner.slots_whole() > 0 && address != self.identity.attester;
        let offer = matching::offer_for(&job.request, &miner.capability);
        let Some(offer) = offer.filter(|offer| takes_part && price::check(offer).is_ok()) else { return vec![] };
        let engine = (offer.kind == JobKind::Text).then(|| engine_of(&miner.capability.engine));
        let abilities = |has: bool| if has { &[false, true][..] } else { &[false] };
        let fast = abilities(offer.fast.is_some());
        let all =
            abilities(offer.image_to_image).iter().flat_map(|picture| fast.iter().map(move |fast| (picture, fast)));
        all.map(|(from_picture, is_fast)| Question {
            manifest_sha256: offer.manifest_sha256,
            engine: engine.clone(),
            from_picture: *from_picture,
            is_fast: *is_fast,
        })
        .collect()
    }

    /// The miner that the audit's bits draw. Miners that have delivered a good deal come first, and each is drawn by what it
    /// delivered: new keys cost nothing, and as many as one likes must not outvote those that do the work. So where all of the
    /// first that could audit have `passed`, it is none of the others either.
    fn draw_auditor(&self, auditors: &Auditors, task: Task, passed: &BTreeSet<Address>) -> Option<Address> {
        let job = self.jobs.get(&task.job_id)?;
        let (audit, open) = (Self::audit_of(job, task.role)?, job.tasks.get(&task.role)?);
        let asked = open.failed_by.iter().copied().chain(open.given_up_by.iter().map(|given_up| given_up.miner));
        let asked: BTreeSet<Address> = asked.collect();
        let (tries, is_third) = ((asked.len() + passed.len()) as u64, task.role.is_third_opinion());
        let round = tries << 1 | u64::from(is_third);
        let concerned = [Some(audit.served_by), audit.audited_by, Some(job.client)];
        let mut excluded: BTreeSet<Address> = asked.into_iter().chain(concerned.into_iter().flatten()).collect();
        let pools = auditors.0.get(&ModelKey::of(&job.request))?.get(&Question::of(job, audit))?;
        let pool = pools.iter().find(|pool| pool.draw(&audit.bits, round, &excluded).is_some())?;
        excluded.extend(passed);
        pool.draw(&audit.bits, round, &excluded)
    }

    /// Audits whose miner could not begin them for so long go to another one. Where no place is free that all audits share, an
    /// audit waits for that and not for its miner: to draw again and again would prefer miners that are idle to those that
    /// work.
    pub(super) fn pass_on_unbegun(&mut self, now: UnixMillis) {
        let is_full = self.audits.running().count() >= self.audits_at_once();
        for (task, auditor) in self.audits.take_due(now) {
            if is_full || self.can_begin_audit(auditor) {
                self.audits.look_again(task, now);
            } else {
                self.audits.pass_on(task, auditor);
            }
        }
    }

    /// Whether a miner has a slot for an audit. It makes one at a time.
    pub(super) fn can_begin_audit(&self, address: Address) -> bool {
        let audits_already = || self.leases_of(address).any(|lease| lease.task.role.is_audit());
        self.miners.get(&address).is_some_and(|miner| self.unheld_slots(address, miner) > 0) && !audits_already()
    }

    /// A lease of a miner ended. What it has in hand it makes in the order in which it got it, so that an audit that it got
    /// later is next. Of leases of one moment, the first has the earlier deadline.
    pub(super) fn note_end(&mut self, ended: &Lease) {
        let turn = |lease: &Lease| (lease.granted_at, lease.deadline);
        let waited = |lease: &&Lease| lease.task.role.is_audit() && turn(lease) >= turn(ended);
        let next = self.leases_of(ended.miner).find(waited).map(|lease| lease.id);
        if let Some(lease_id) = next {
            self.audits.comes_next(lease_id);
        }
    }

    /// `since` is when its miner could begin.
    fn shows_too_little(&self, lease: &Lease, since: UnixMillis, now: UnixMillis) -> bool {
        let Some(open) = self.task(lease.task) else { return false };
        let expected_ms = self.leases_of(lease.miner).map(|lease| lease.expected_ms).fold(0, u64::saturating_add);
        let until_ms = crate::lease::audit_pace_max_ms(expected_ms, open.shown_per_mille);
        // After a restart its miner has to come back first.
        let is_on_its_way = self.is_verifying(lease.id) || lease.return_by.is_some();
        let is_done = lease.received_at.is_some() || lease.was_turned_away;
        !is_on_its_way && !is_done && now.since_ms(since) >= until_ms
    }

    /// Takes back audits whose miner shows too little, where another one can be asked. Where nobody else can, the miner goes
    /// on with it, and its place among those that run is another audit's.
    pub(super) fn hand_on_audits(&mut self, now: UnixMillis) -> Vec<Effect> {
        self.audits.begin_next(now);
        let running = self.audits.running().filter_map(|(lease_id, since)| Some((self.leases.get(&lease_id)?, since)));
        let slow = running.filter(|(lease, since)| self.shows_too_little(lease, *since, now));
        let slow: Vec<Lease> = slow.map(|(lease, _)| lease.clone()).collect();
        if slow.is_empty() {
            return vec![];
        }
        let auditors = self.auditors_for(&slow.iter().map(|lease| lease.task).collect());
        let mut effects = Vec::new();
        for lease in slow {
            let is_other = self.draw_auditor(&auditors, lease.task, &BTreeSet::from([lease.miner])).is_some();
            if is_other {
                let reason = "it showed too little of an audit, and another miner can make it";
                effects.extend(self.take_back(&lease, self.patience_ms(lease.miner), reason, now));
            } else {
                self.audits.stall(lease.id);
            }
        }
        effects
    }
}
