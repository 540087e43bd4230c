//! Audits on the board: drawn after the result, leased to another miner behind waiting jobs, judged by two results.
//!
//! An audit is a task of its job that no queue has. It belongs to the miner that was drawn for it and goes to it when one
//! of its slots is free. A miner that leaves, refuses or fails it makes room for another one, and so does one that does not
//! begin it or shows too little.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::amount::{Amount, MicroUnits};
use shared::commitment::Salt;
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
use super::{Board, BoardError, Effect, Lease, OpenJob};
use crate::audit::{self, Bits, Compared, Draw, Draws, Stakes, Verdict};
use crate::matching;

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
    /// What all opinions of it may mint together.
    pub mint_max: Amount,
    pub bits: Bits,
    pub opened_at: UnixMillis,
    pub deadline: UnixMillis,
    /// Who answered first, where a third miner is asked.
    pub audited_by: Option<Address>,
    /// That answer agrees with the result. So the right one is known, and it is the third miner that is looked at.
    pub is_control: bool,
}

/// The miner that an audit was drawn for.
#[derive(Debug, Clone, Copy)]
struct Assigned {
    auditor: Address,
    /// Since when it waits, also where it was another miner's before.
    since: UnixMillis,
    /// When it is looked whether the miner could begin it.
    look_at: UnixMillis,
}

/// Who had an audit and could not begin it, or left.
#[derive(Debug, Clone)]
struct Passed {
    since: UnixMillis,
    by: BTreeSet<Address>,
}

/// What an open audit counts for where places are few.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Whose job it is, where the client pays it.
    payer: Option<Address>,
    mint_max: Amount,
}

/// Whether one more audit may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Free,
    /// In the place of this one.
    Of(Task),
    None,
}

/// What the board knows of all audits.
#[derive(Debug, Clone, Default)]
pub(super) struct Audits {
    draws: Draws,
    stakes: Stakes,
    /// Tasks for which a miner must be drawn.
    undrawn: BTreeSet<Task>,
    /// Tasks from before a restart: from when a miner is drawn for them. By then miners have come back.
    parked: BTreeMap<Task, UnixMillis>,
    /// Tasks that wait for a free slot of their miner, oldest first.
    waiting: BTreeMap<Address, BTreeSet<(UnixMillis, Task)>>,
    assigned: BTreeMap<Task, Assigned>,
    /// The same, by when they are looked at.
    due: BTreeSet<(UnixMillis, Task)>,
    passed: BTreeMap<Task, Passed>,
    /// Leases that count towards those that may run at once, with the time from which their miner could work on them.
    running: BTreeMap<LeaseId, UnixMillis>,
    /// Those of them before which another lease of their miner ended. Their time counts from now.
    next: BTreeSet<LeaseId>,
    /// Leases that show too little and that nobody else can take. They count no more.
    stalled: BTreeSet<LeaseId>,
    /// Open audits and third opinions.
    open: BTreeMap<Task, Place>,
    /// The same of minted results, by whose result they are about.
    awaited: BTreeMap<Address, BTreeSet<Task>>,
    /// After whom the next round begins to look.
    looked_at: Address,
}

impl Audits {
    /// Room for one more audit, of a result that this client pays, or that is minted. Where none is free, the one that may
    /// mint the least makes room for one that may mint more, so that somebody who fills all places with little keeps nobody from
    /// an audit of much. One that somebody has begun stays.
    fn room_for(&self, new: Place) -> Room {
        let is_of_group = |place: &Place| place.payer.is_some() == new.payer.is_some();
        let is_of_payer = |place: &Place| place.payer == new.payer;
        let of_payer = match new.payer {
            Some(_) => self.room_among(new, is_of_payer, audit::PAID_OPEN_PER_CLIENT_MAX),
            None => Room::Free,
        };
        let most = if new.payer.is_some() { audit::PAID_OPEN_MAX } else { audit::OPEN_MAX };
        match of_payer {
            Room::Free => self.room_among(new, is_of_group, most),
            room => room,
        }
    }

    fn room_among(&self, new: Place, is_counted: impl Fn(&Place) -> bool, most: usize) -> Room {
        let is_counted = &is_counted;
        let counted = || self.open.iter().filter(move |(_, place)| is_counted(place));
        if counted().count() < most {
            return Room::Free;
        }
        let unbegun = counted().filter(|(task, place)| place.mint_max < new.mint_max && self.waits(**task));
        let least = unbegun.min_by_key(|(task, place)| (place.mint_max, **task));
        least.map_or(Room::None, |(task, _)| Room::Of(*task))
    }

    /// Nobody has begun it.
    pub(super) fn waits(&self, task: Task) -> bool {
        self.undrawn.contains(&task) || self.parked.contains_key(&task) || self.assigned.contains_key(&task)
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
        self.passed.remove(&task);
        self.unassign(task);
    }

    fn unassign(&mut self, task: Task) -> Option<Assigned> {
        let assigned = self.assigned.remove(&task)?;
        self.due.remove(&(assigned.look_at, task));
        if let Some(tasks) = self.waiting.get_mut(&assigned.auditor) {
            tasks.remove(&(assigned.since, task));
            if tasks.is_empty() {
                self.waiting.remove(&assigned.auditor);
            }
        }
        Some(assigned)
    }

    /// Tasks for which a miner must be drawn now.
    pub(super) fn take_undrawn(&mut self, now: UnixMillis) -> BTreeSet<Task> {
        let back = self.parked.extract_if(.., |_, until| *until <= now).map(|(task, _)| task);
        self.undrawn.extend(back);
        std::mem::take(&mut self.undrawn)
    }

    pub(super) fn assign(&mut self, task: Task, auditor: Address, now: UnixMillis) {
        let since = self.passed.get(&task).map_or(now, |passed| passed.since);
        let look_at = now.plus_ms(audit::BEGIN_MAX_MS);
        self.assigned.insert(task, Assigned { auditor, since, look_at });
        self.due.insert((look_at, task));
        self.waiting.entry(auditor).or_default().insert((since, task));
    }

    /// Tasks that wait for long, with their miners.
    pub(super) fn take_due(&mut self, now: UnixMillis) -> Vec<(Task, Address)> {
        let mut due = Vec::new();
        while let Some((_, task)) = self.due.first().copied().filter(|(look_at, _)| *look_at <= now) {
            self.due.pop_first();
            due.extend(self.assigned.get(&task).map(|assigned| (task, assigned.auditor)));
        }
        due
    }

    /// The task stays where it is for now.
    pub(super) fn look_again(&mut self, task: Task, now: UnixMillis) {
        if let Some(assigned) = self.assigned.get_mut(&task) {
            assigned.look_at = now.plus_ms(audit::BEGIN_MAX_MS);
            self.due.insert((assigned.look_at, task));
        }
    }

    /// Another miner shall be drawn.
    pub(super) fn pass_on(&mut self, task: Task, auditor: Address) {
        let Some(Assigned { since, .. }) = self.unassign(task) else { return };
        self.passed.entry(task).or_insert(Passed { since, by: BTreeSet::new() }).by.insert(auditor);
        self.undrawn.insert(task);
    }

    /// Miners that had the task and could not begin it.
    pub(super) fn passed_by(&self, task: Task) -> BTreeSet<Address> {
        self.passed.get(&task).map(|passed| passed.by.clone()).unwrap_or_default()
    }

    /// All of them may have it again.
    pub(super) fn forget_passed(&mut self, task: Task) {
        if let Some(passed) = self.passed.get_mut(&task) {
            passed.by.clear();
        }
    }

    /// The miner takes nothing new: its audits go to others, and it has them again after all of those, so that nobody keeps one
    /// by connecting anew. They go on waiting.
    pub(super) fn lose_auditor(&mut self, miner: Address) {
        let tasks: Vec<Task> = self.waiting.get(&miner).into_iter().flatten().map(|(_, task)| *task).collect();
        for task in tasks {
            self.pass_on(task, miner);
        }
    }

    pub(super) fn begin(&mut self, lease: &Lease) {
        if lease.task.role.is_audit() {
            self.running.insert(lease.id, lease.granted_at);
        }
    }

    /// With the time from which their miners could work on them.
    pub(super) fn running(&self) -> impl Iterator<Item = (LeaseId, UnixMillis)> {
        self.running.iter().map(|(lease_id, since)| (*lease_id, *since))
    }

    /// What kept its miner from a lease has ended.
    pub(super) fn comes_next(&mut self, lease_id: LeaseId) {
        if self.running.contains_key(&lease_id) {
            self.next.insert(lease_id);
        }
    }

    pub(super) fn begin_next(&mut self, now: UnixMillis) {
        for lease_id in std::mem::take(&mut self.next) {
            if let Some(since) = self.running.get_mut(&lease_id) {
                *since = now;
            }
        }
    }

    /// The lease goes on and takes no place.
    pub(super) fn stall(&mut self, lease_id: LeaseId) {
        if self.running.remove(&lease_id).is_some() {
            self.stalled.insert(lease_id);
        }
    }

    pub(super) fn end(&mut self, lease_id: LeaseId) {
        self.running.remove(&lease_id);
        self.next.remove(&lease_id);
        self.stalled.remove(&lease_id);
    }

    /// An audit of a miner's result is open from now on. What a client pays is not taken back from the miner, so nothing is
    /// gained where that one waits for the answer.
    pub(super) fn await_answer(&mut self, job: &OpenJob, audit: &OpenAudit, task: Task) {
        let payer = job.is_paid_by_client().then_some(job.client);
        self.open.insert(task, Place { payer, mint_max: audit.mint_max });
        if payer.is_none() {
            self.awaited.entry(audit.served_by).or_default().insert(task);
        }
    }

    /// The audit is over, with or without an answer.
    pub(super) fn is_answered(&mut self, miner: Address, task: Task) {
        self.open.remove(&task);
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
    pub(super) fn auditor_of(&self, task: Task) -> Option<Address> {
        self.assigned.get(&task).map(|assigned| assigned.auditor)
    }

    #[cfg(test)]
    pub(super) fn waiting_since(&self, task: Task) -> Option<UnixMillis> {
        self.assigned.get(&task).map(|assigned| assigned.since)
    }
}

impl Board {
    /// The same board, which draws audits so.
    #[must_use]
    pub fn with_audits(mut self, draw: Draw) -> Self {
        self.audits.draws.audits = draw;
        self
    }

    /// The same board, which draws third opinions on confirmed results so.
    #[must_use]
    pub fn with_controls(mut self, draw: Draw) -> Self {
        self.audits.draws.controls = draw;
        self
    }

    /// The audit of a task's result, while its job is on the board.
    pub fn audit(&self, served: Task) -> Option<&OpenAudit> {
        self.jobs.get(&served.job_id)?.audits.get(&served.role)
    }

    /// Whether results are audited here at all.
    pub fn draws_audits(&self) -> bool {
        self.audits.draws.audits != Draw::Never
    }

    /// Whether what a job gives, and what is drawn or written of it so far, is for its creator alone now: its results may be
    /// computed again, or are. Who audits a result must not read it, or a copy would pass for work. A job that is over and
    /// has no audit open is not on the board.
    pub fn withholds(&self, job_id: JobId) -> bool {
        let is_audited = |job: &OpenJob| job.open_tasks().any(|task| task.role.is_audit());
        let may_be = |job: &OpenJob| self.draws_audits() && !job.is_unaudited;
        self.jobs.get(&job_id).is_some_and(|job| may_be(job) || is_audited(job))
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

    /// Draws whether a result is audited, and puts the audit among the job's tasks. Each shard has a draw of its own. With the
    /// effects of the end of another audit, where that one made room.
    pub(super) fn draw_audit(
        &mut self,
        lease: &Lease,
        units: MicroUnits,
        bits: &Bits,
        now: UnixMillis,
    ) -> (Option<OpenAudit>, Vec<Effect>) {
        if lease.task.role.is_audit() || !self.is_drawn(lease, units, bits, now) {
            return (None, vec![]);
        }
        let Some((audit, place)) = self.new_audit(lease, bits, now) else { return (None, vec![]) };
        let effects = match self.audits.room_for(place) {
            Room::Free => vec![],
            Room::Of(other) => self.end_task(other, TaskEvent::NobodyLeft, "an audit of a dearer result has its place"),
            Room::None => return (None, vec![]),
        };
        self.add_audit(Task { role: lease.task.role.audit(), ..lease.task }, audit.clone());
        (Some(audit), effects)
    }

    /// Whether the bits draw a result. What is minted counts as held from now on.
    fn is_drawn(&mut self, lease: &Lease, units: MicroUnits, bits: &Bits, now: UnixMillis) -> bool {
        let Some(job) = self.jobs.get(&lease.task.job_id) else { return false };
        let reward = lease.terms.unit_price.times(units).unwrap_or_default();
        let share = self.audit_share_per_mille(lease.miner, reward, now);
        let (is_paid, is_unaudited) = (job.is_paid_by_client(), job.is_unaudited);
        if !is_paid {
            self.audits.stakes.add(lease.miner, reward, now);
        }
        // A client that pays nothing would have auditors compute for nothing, as much as it likes.
        let is_worth_it = !is_paid || reward > Amount::ZERO;
        is_worth_it && !is_unaudited && self.audits.draws.audits.takes(share, bits)
    }

    /// `None` where nobody could compute it again.
    fn new_audit(&self, lease: &Lease, bits: &Bits, now: UnixMillis) -> Option<(OpenAudit, Place)> {
        let job = self.jobs.get(&lease.task.job_id)?;
        let served_with = self.task(lease.task)?.served_with.clone().or_else(|| self.served_with(lease.miner, job))?;
        let kind = job.request.work.kind();
        if kind == JobKind::Text && UNREPEATABLE_WRITERS.contains(&served_with.engine.name.as_str()) {
            return None;
        }
        let unit_price = lease.terms.unit_price;
        let dearest = unit_price.times(job.units_of(lease.task.role)).unwrap_or(Amount::from_atto(u128::MAX));
        let mint_max = audit::mint_max(dearest);
        let audit = OpenAudit {
            served_by: lease.miner,
            served_with,
            unit_price,
            mint_max,
            bits: *bits,
            opened_at: now,
            deadline: now.plus_ms(audit::TIME_MAX_MS),
            audited_by: None,
            is_control: false,
        };
        Some((audit, Place { payer: job.is_paid_by_client().then_some(job.client), mint_max }))
    }

    fn add_audit(&mut self, task: Task, audit: OpenAudit) {
        let Some(served) = task.role.audited() else { return };
        let Some(job) = self.jobs.get_mut(&task.job_id) else { return };
        let (due, served_by) = (job.next_deadline(), audit.served_by);
        self.audits.await_answer(job, &audit, task);
        job.audits.insert(served, audit);
        job.tasks.insert(task.role, OpenTask::default());
        self.note_deadline(task.job_id, due);
        self.audits.enqueue(task);
        self.note_miner(served_by);
    }

    /// What an audit's task is about.
    pub(super) fn audit_of(job: &OpenJob, role: TaskRole) -> Option<&OpenAudit> {
        job.audits.get(&role.audited()?)
    }

    /// With what the receipt of a task commits. The receipts of a job are public while its result is audited.
    pub fn task_salt(&self, task: Task) -> Option<Salt> {
        self.jobs.get(&task.job_id).map(|job| Self::salt_of(job, task.role))
    }

    pub(super) fn salt_of(job: &OpenJob, role: TaskRole) -> Salt {
        let of_job = job.request.salt;
        Self::audit_of(job, role).map_or(of_job, |audit| of_job.of_audit(audit.bits.into(), &role.to_string()))
    }

    /// What an auditor's verified result says. A dispute puts the question to a third miner, and a control as well.
    pub(super) fn judge(&mut self, lease: &Lease, compared: Option<Compared>, now: UnixMillis) -> Option<Judged> {
        let role = lease.task.role;
        let audit = Self::audit_of(self.jobs.get(&lease.task.job_id)?, role)?.clone();
        let verdict = match compared {
            Some(compared) if !role.is_third_opinion() => audit::first_verdict(compared),
            Some(compared) if audit.is_control => audit::control_verdict(compared),
            Some(compared) => audit::last_verdict(compared),
            None if audit.is_control => Verdict::Confirmed,
            None => Verdict::Unclear,
        };
        let refuted = match verdict {
            Verdict::Refuted => Some(audit.served_by),
            Verdict::AuditorRefuted => audit.audited_by,
            Verdict::ThirdRefuted => Some(lease.miner),
            Verdict::Confirmed | Verdict::Unclear | Verdict::Disputed => None,
        };
        let is_control = verdict == Verdict::Confirmed
            && audit::is_controlled(self.audits.draws.controls, &audit.bits)
            && self.audits.open.len() < audit::OPEN_MAX;
        let third = ((verdict == Verdict::Disputed || is_control) && !role.is_third_opinion()).then(|| {
            let (deadline, audited_by) = (now.plus_ms(audit::TIME_MAX_MS), Some(lease.miner));
            OpenAudit { deadline, audited_by, is_control, ..audit }
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

    pub(super) fn audits_at_once(&self) -> usize {
        (self.miners.len() / audit::MINERS_PER_AUDIT).max(1)
    }

    /// Gives audits that have waited for so long to their miners, as far as those have free slots.
    pub(super) fn grant_audits(&mut self, now: UnixMillis, waited_ms: u64) -> Vec<Effect> {
        let at_once = self.audits_at_once();
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
            if self.can_begin_audit(miner) && now.since_ms(since) >= waited_ms {
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
        // The client does not pay it.
        let terms = self.terms(job, task.role, unit_price, PaymentMode::Mint);
        self.lease_to(task, miner, terms, now)
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
