//! Audits on the board: drawn after the result, leased to another miner behind waiting jobs, judged by two results.
//!
//! An audit is a task of its job that no queue has. It belongs to the miner that was drawn for it and goes to it when one
//! of its slots is free. A miner that leaves, refuses or fails it makes room for the next in the draw.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::device::Engine;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::JobKind;
use shared::job::lifecycle::TaskEvent;
use shared::job::request::PaymentMode;
use shared::job::task::{Task, TaskRole};
use shared::time::UnixMillis;

use super::effect::{AuditStep, Judged};
use super::job::OpenTask;
use super::{Board, BoardError, Effect, Lease, Miner, OpenJob};
use crate::audit::{self, Bits, Compared, Draw, Stakes, Verdict};
use crate::catalog::ModelKey;
use crate::demand::Demand;
use crate::{matching, reputation};

/// Auditors that one round of giving out looks at; the next round goes on after them.
const LOOKED_AT_MAX: usize = 64;

/// Engines whose texts nobody can compute again: what they draw from, they do not say.
const UNREPEATABLE_WRITERS: [&str; 1] = ["ollama"];

/// With what a result was computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedWith {
    pub manifest_sha256: Sha256Digest,
    pub engine: Engine,
}

/// An audit that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAudit {
    /// Whose result it is about.
    pub served_by: Address,
    pub served_with: ServedWith,
    /// Of the audited receipt. An auditor gets no more for the same work.
    pub unit_price: Amount,
    pub bits: Bits,
    pub opened_at: UnixMillis,
    pub deadline: UnixMillis,
    /// Whose result differs from the audited one, where a third miner is asked.
    pub disputed_by: Option<Address>,
}

/// What the board knows of all audits.
#[derive(Debug, Clone, Default)]
pub(super) struct Audits {
    draw: Draw,
    stakes: Stakes,
    /// Tasks for which a miner must be drawn.
    undrawn: BTreeSet<Task>,
    /// Tasks from before a restart: from when a miner is drawn for them. By then miners have come back.
    parked: BTreeMap<Task, UnixMillis>,
    /// Tasks that wait for a free slot of their miner, oldest first.
    waiting: BTreeMap<Address, BTreeSet<(UnixMillis, Task)>>,
    auditors: BTreeMap<Task, (UnixMillis, Address)>,
    running: BTreeSet<LeaseId>,
    /// Open audits and third opinions, by whose result they are about.
    awaited: BTreeMap<Address, BTreeSet<Task>>,
    /// After whom the next round begins to look.
    looked_at: Address,
}

impl Audits {
    fn open(&self) -> usize {
        self.undrawn.len() + self.parked.len() + self.auditors.len() + self.running.len()
    }

    /// A task waits from now on.
    pub(super) fn enqueue(&mut self, task: Task) {
        self.undrawn.insert(task);
    }

    /// The hub has just started, and its miners are not back yet.
    pub(super) fn park(&mut self, task: Task, until: UnixMillis) {
        if self.undrawn.remove(&task) {
            self.parked.insert(task, until);
        }
    }

    /// A task does not wait any more.
    pub(super) fn dequeue(&mut self, task: Task) {
        self.undrawn.remove(&task);
        self.parked.remove(&task);
        if let Some((since, auditor)) = self.auditors.remove(&task)
            && let Some(tasks) = self.waiting.get_mut(&auditor)
        {
            tasks.remove(&(since, task));
            if tasks.is_empty() {
                self.waiting.remove(&auditor);
            }
        }
    }

    fn assign(&mut self, task: Task, auditor: Address, now: UnixMillis) {
        self.undrawn.remove(&task);
        self.auditors.insert(task, (now, auditor));
        self.waiting.entry(auditor).or_default().insert((now, task));
    }

    /// The miner takes nothing new: its audits go to others.
    pub(super) fn lose_auditor(&mut self, miner: Address) {
        for (_, task) in self.waiting.remove(&miner).unwrap_or_default() {
            self.auditors.remove(&task);
            self.undrawn.insert(task);
        }
    }

    pub(super) fn begin(&mut self, lease: &Lease) {
        if lease.task.role.is_audit() {
            self.running.insert(lease.id);
        }
    }

    pub(super) fn end(&mut self, lease_id: LeaseId) {
        self.running.remove(&lease_id);
    }

    /// A miner's result waits for this audit.
    pub(super) fn await_answer(&mut self, miner: Address, task: Task) {
        self.awaited.entry(miner).or_default().insert(task);
    }

    /// The audit is over, with or without an answer.
    pub(super) fn is_answered(&mut self, miner: Address, task: Task) {
        if let Some(tasks) = self.awaited.get_mut(&miner) {
            tasks.remove(&task);
            if tasks.is_empty() {
                self.awaited.remove(&miner);
            }
        }
    }

    /// How many results of a miner wait for their audits.
    pub(super) fn awaited_by(&self, miner: Address) -> u64 {
        self.awaited.get(&miner).map_or(0, |tasks| tasks.len() as u64)
    }

    #[cfg(test)]
    pub(super) fn waits(&self, task: Task) -> bool {
        self.undrawn.contains(&task) || self.parked.contains_key(&task) || self.auditors.contains_key(&task)
    }
}

impl Board {
    /// The same board, which draws audits so.
    #[must_use]
    pub fn with_audits(mut self, draw: Draw) -> Self {
        self.audits.draw = draw;
        self
    }

    /// The audit of a task's result, while its job is on the board.
    pub fn audit(&self, served: Task) -> Option<&OpenAudit> {
        self.jobs.get(&served.job_id)?.audits.get(&served.role)
    }

    /// The chance, in thousandths, with which a miner's next result of such a worth is audited.
    pub fn audit_share_per_mille(&self, miner: Address, reward: Amount, now: UnixMillis) -> u64 {
        audit::share_per_mille(reward, self.audits.stakes.of(miner, now))
    }

    /// With what a connected miner would compute a job.
    pub(super) fn served_with(&self, miner: Address, job: &OpenJob) -> Option<ServedWith> {
        let miner = self.miners.get(&miner)?;
        let manifest_sha256 = matching::offer_for(&job.request, &miner.capability)?.manifest_sha256;
        Some(ServedWith { manifest_sha256, engine: miner.capability.engine.clone() })
    }

    /// Draws whether a result is audited, and puts the audit among the job's tasks. Each shard has a draw of its own.
    pub(super) fn draw_audit(
        &mut self,
        lease: &Lease,
        units: MicroUnits,
        bits: &Bits,
        now: UnixMillis,
    ) -> Option<OpenAudit> {
        if lease.task.role.is_audit() {
            return None;
        }
        let job = self.jobs.get(&lease.task.job_id)?;
        let reward = lease.terms.unit_price.times(units).unwrap_or_default();
        let share = self.audit_share_per_mille(lease.miner, reward, now);
        let is_minted = job.request.payment.mode() == PaymentMode::Mint;
        // Who pays and names its miners may trust nobody else with the input, and would cheat itself alone.
        let may_be_shown = is_minted || job.request.constraints.miners.is_empty();
        let is_drawn = may_be_shown && self.audits.draw.takes(share, bits) && self.audits.open() < audit::OPEN_MAX;
        if is_minted {
            self.audits.stakes.add(lease.miner, reward, now);
        }
        let job = self.jobs.get(&lease.task.job_id).filter(|_| is_drawn)?;
        let served_with = self.task(lease.task)?.served_with.clone().or_else(|| self.served_with(lease.miner, job))?;
        let kind = job.request.work.kind();
        if kind == JobKind::Text && UNREPEATABLE_WRITERS.contains(&served_with.engine.name.as_str()) {
            return None;
        }
        let audit = OpenAudit {
            served_by: lease.miner,
            served_with,
            unit_price: lease.terms.unit_price,
            bits: *bits,
            opened_at: now,
            deadline: now.plus_ms(audit::TIME_MAX_MS),
            disputed_by: None,
        };
        self.add_audit(Task { role: lease.task.role.audit(), ..lease.task }, audit.clone());
        Some(audit)
    }

    fn add_audit(&mut self, task: Task, audit: OpenAudit) {
        let Some(served) = task.role.audited() else { return };
        let Some(job) = self.jobs.get_mut(&task.job_id) else { return };
        let (due, served_by) = (job.next_deadline(), audit.served_by);
        let is_minted = job.request.payment.mode() == PaymentMode::Mint;
        job.audits.insert(served, audit);
        job.tasks.insert(task.role, OpenTask::default());
        self.note_deadline(task.job_id, due);
        self.audits.enqueue(task);
        // What a client pays is not taken back from the miner, so nothing is gained where the miner waits for the answer.
        if is_minted {
            self.audits.await_answer(served_by, task);
            self.note_miner(served_by);
        }
    }

    /// What an audit's task is about.
    pub(super) fn audit_of(job: &OpenJob, role: TaskRole) -> Option<&OpenAudit> {
        job.audits.get(&role.audited()?)
    }

    /// What an auditor's verified result says. A dispute puts the question to a third miner.
    pub(super) fn judge(&mut self, lease: &Lease, compared: Option<Compared>, now: UnixMillis) -> Option<Judged> {
        let role = lease.task.role;
        let audit = Self::audit_of(self.jobs.get(&lease.task.job_id)?, role)?.clone();
        let verdict = match compared {
            Some(compared) if role.is_third_opinion() => audit::last_verdict(compared),
            Some(compared) => audit::first_verdict(compared),
            None => Verdict::Unclear,
        };
        let refuted = match verdict {
            Verdict::Refuted => Some(audit.served_by),
            Verdict::AuditorRefuted => audit.disputed_by,
            _ => None,
        };
        let third = (verdict == Verdict::Disputed && !role.is_third_opinion()).then(|| {
            let disputed_by = Some(lease.miner);
            OpenAudit { deadline: now.plus_ms(audit::TIME_MAX_MS), disputed_by, ..audit }
        });
        if let Some(third) = third.clone() {
            self.add_audit(Task { role: role.third_opinion(), ..lease.task }, third);
        }
        Some(Judged { verdict, compared, refuted, third })
    }

    /// A refuted miner loses its good name, and what is held of it.
    pub(super) fn punish(&mut self, miner: Address) -> Option<Effect> {
        self.audits.stakes.forget(miner);
        for _ in 0..audit::REFUTED_FAULTS {
            self.count_fault(miner);
        }
        let text =
            "two other miners computed a result of yours again and agree against it: it is refuted, and what the \
                    minter holds of your receipts is taken back"
                .to_owned();
        Some(Effect::Notice { session: self.session_of(miner)?, text })
    }

    /// Draws a miner for each audit that has none. One that nobody can answer ends.
    pub(super) fn draw_auditors(&mut self, now: UnixMillis) -> Vec<Effect> {
        let mut effects = Vec::new();
        let back = self.audits.parked.extract_if(.., |_, until| *until <= now).map(|(task, _)| task);
        self.audits.undrawn.extend(back);
        for task in std::mem::take(&mut self.audits.undrawn) {
            match self.auditor_for(task) {
                Some(auditor) => self.audits.assign(task, auditor, now),
                None => {
                    self.audits.undrawn.insert(task);
                    let reason = "no other miner can compute it again";
                    effects.extend(self.end_task(task, TaskEvent::NobodyLeft, reason));
                }
            }
        }
        effects
    }

    /// The lowest in the draw among all that could do it. Miners that have delivered a good deal come first, and each is drawn
    /// by what it delivered: new keys cost nothing, and as many as one likes must not outvote those that do the work.
    fn auditor_for(&self, task: Task) -> Option<Address> {
        let job = self.jobs.get(&task.job_id)?;
        let (audit, open) = (Self::audit_of(job, task.role)?, job.tasks.get(&task.role)?);
        let round = u8::from(task.role.is_third_opinion());
        let mut first: Option<(bool, u128, Address)> = None;
        let _ = self.fleet.any(&ModelKey::of(&job.request), Demand::of_anybody(&job.request), false, |address| {
            let Some(miner) = self.miners.get(&address) else { return false };
            let is_asked = !open.failed_by.contains(&address) && !open.gave_up(address);
            if is_asked && self.may_audit(address, miner, job, audit) {
                let weight = reputation::weight_in_draws(miner.completed(), miner.faults);
                let stands_back = !reputation::may_judge(miner.completed(), miner.faults);
                let place = (stands_back, audit::draw_place(&audit.bits, round, address, weight), address);
                first = Some(first.map_or(place, |first| first.min(place)));
            }
            false
        });
        first.map(|(_, _, address)| address)
    }

    /// Another miner with the same model; for a text, which is equal or not, also with the same engine.
    fn may_audit(&self, address: Address, miner: &Miner, job: &OpenJob, audit: &OpenAudit) -> bool {
        let concerned = [Some(audit.served_by), audit.disputed_by, Some(job.client), Some(self.identity.attester)];
        // A miner without slots would never begin it.
        if miner.draining || miner.slots() == 0 || concerned.contains(&Some(address)) {
            return false;
        }
        let Some(offer) = matching::computes(&job.request, &miner.capability) else { return false };
        let is_text = job.request.work.kind() == JobKind::Text;
        offer.manifest_sha256 == audit.served_with.manifest_sha256
            && (!is_text || miner.capability.engine == audit.served_with.engine)
    }

    /// Gives audits that have waited for so long to their miners, as far as those have free slots.
    pub(super) fn grant_audits(&mut self, now: UnixMillis, waited_ms: u64) -> Vec<Effect> {
        let at_once = (self.miners.len() / audit::MINERS_PER_AUDIT).max(1);
        if self.audits.waiting.is_empty() || self.audits.running.len() >= at_once {
            return vec![];
        }
        let after = self.audits.looked_at;
        let next = self.audits.waiting.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded));
        let all = next.chain(self.audits.waiting.range(..=after));
        let looked_at: Vec<(Address, UnixMillis, Task)> = all
            .take(LOOKED_AT_MAX)
            .filter_map(|(miner, tasks)| tasks.first().map(|(since, task)| (*miner, *since, *task)))
            .collect();
        let mut effects = Vec::new();
        for (miner, since, task) in looked_at {
            if self.audits.running.len() >= at_once {
                break;
            }
            self.audits.looked_at = miner;
            let is_free = self.miners.get(&miner).is_some_and(|of| self.unheld_slots(miner, of) > 0);
            let audits_already = self.leases_of(miner).any(|lease| lease.task.role.is_audit());
            if is_free && !audits_already && now.since_ms(since) >= waited_ms {
                effects.extend(self.grant_audit(task, miner, now));
                self.settle();
            }
        }
        effects
    }

    fn grant_audit(&mut self, task: Task, miner: Address, now: UnixMillis) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&task.job_id) else { return vec![] };
        let Some(audit) = Self::audit_of(job, task.role) else { return vec![] };
        let Some(capability) = self.miners.get(&miner).map(|miner| &miner.capability) else { return vec![] };
        let Some(offer) = matching::computes(&job.request, capability) else { return vec![] };
        let unit_price = offer.unit_price.min(audit.unit_price);
        let speed = self.speed_of(miner, &job.request, &ModelKey::of(&job.request));
        let expected_ms = matching::expected_ms(job.units_of(task.role), speed);
        // The client does not pay it.
        let terms = self.terms(job, task.role, unit_price, PaymentMode::Mint);
        self.lease_to(task, miner, terms, expected_ms, now)
    }

    /// A job that is over and stays on the board for an audit cannot be canceled.
    pub(super) fn require_unfinished(&self, job_id: JobId) -> Result<&OpenJob, BoardError> {
        let job = self.jobs.get(&job_id).filter(|job| !job.state().is_terminal());
        job.ok_or(BoardError::NotOpen(job_id))
    }

    pub(super) fn step_of(opened: Option<OpenAudit>, judged: Option<Judged>) -> Option<Box<AuditStep>> {
        opened.map(AuditStep::Opened).or(judged.map(AuditStep::Answered)).map(Box::new)
    }
}
