//! What happens to a lease before its result: progress, failure, timeout.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::api::jobs::StepProgress;
use shared::digest::Sha256Digest;
use shared::id::LeaseId;
use shared::job::lifecycle::{Blame, JobState, TaskEvent};
use shared::job::task::{Task, TaskRole};
use shared::protocol::Piece;
use shared::time::UnixMillis;

use super::job::{GivenUp, OpenTask};
use super::{Board, BoardError, Effect, EndedLease, Failure, Lease};

impl Board {
    /// The lease, if `miner` holds it.
    pub(super) fn held_by(&self, lease_id: LeaseId, miner: Address) -> Result<&Lease, BoardError> {
        let lease = self.leases.get(&lease_id).ok_or(BoardError::LeaseEnded(lease_id))?;
        if lease.miner != miner {
            return Err(BoardError::NotTheHolder { holder: lease.miner, got: miner });
        }
        Ok(lease)
    }

    /// The lease's result arrived and is being looked at; until that ends, nothing else happens to the lease.
    pub(super) fn is_verifying(&self, lease_id: LeaseId) -> bool {
        let open = self.leases.get(&lease_id).and_then(|lease| self.task(lease.task));
        open.is_some_and(|open| open.life.state == JobState::Verifying)
    }

    pub(super) fn progress(
        &mut self,
        lease_id: LeaseId,
        miner: Address,
        progress: StepProgress,
        piece: Option<&Piece>,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, BoardError> {
        let task = self.held_by(lease_id, miner)?.task;
        let job = self.jobs.get_mut(&task.job_id).ok_or(BoardError::NotOpen(task.job_id))?;
        let kind = job.request.work.kind();
        let mut is_new = false;
        if let Some(open) = job.tasks.get_mut(&task.role) {
            is_new = open.take_progress(progress);
            if let Some(piece) = piece {
                open.take_piece(kind, piece);
            }
        }
        if let Some(miner) = self.miners.get_mut(&miner).filter(|_| is_new) {
            miner.last_worked = now;
        }
        // Who watches the job has its result; how an audit goes on is nothing to watch.
        let Some(job) = self.jobs.get(&task.job_id).filter(|_| !task.role.is_audit()) else { return Ok(vec![]) };
        let StepProgress { step, steps } = job.progress().unwrap_or(progress);
        let (has_text, is_shown) = (piece.is_some(), job.is_shown(task.role));
        Ok(vec![Effect::Progressed { job_id: task.job_id, step, steps, has_text, is_shown }])
    }

    /// The miner says that it failed.
    pub(super) fn fail(
        &mut self,
        lease_id: LeaseId,
        miner: Address,
        failure: &Failure,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, BoardError> {
        let task = self.held_by(lease_id, miner)?.task;
        if self.is_verifying(lease_id) {
            return Err(BoardError::BeingVerified(lease_id));
        }
        let model = self.leases.get(&lease_id).and_then(|lease| self.manifest_of(lease));
        let blame = match failure.blame {
            Blame::Input if self.has_served_another_part(task, model) => Blame::Miner,
            blame => blame,
        };
        if failure.is_final() {
            let refused_with = model.filter(|_| blame == Blame::Input);
            if let Some(open) = self.task_mut(task) {
                open.given_up_by.push(GivenUp { miner, refused_with });
            }
        }
        let is_excuse = matches!(failure.blame, Blame::Platform | Blame::Network);
        if is_excuse {
            self.refusals.count(task, miner, now);
        }
        let mut effects = self.end_lease(lease_id, blame, &failure.reason);
        if is_excuse {
            effects.extend(self.excuse(miner, task));
        }
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// The miner gives a lease back because another hub has its slot: the lease crossed the word of it on the way. That is
    /// nobody's fault where it holds more than it lent, the lease is that young, and it does not happen again and again. Else
    /// it is an excuse like any other.
    pub(super) fn decline(
        &mut self,
        lease_id: LeaseId,
        miner: Address,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, BoardError> {
        let lease = self.held_by(lease_id, miner)?;
        let (task, age_ms) = (lease.task, now.since_ms(lease.granted_at));
        if self.is_verifying(lease_id) {
            return Err(BoardError::BeingVerified(lease_id));
        }
        self.refusals.count(task, miner, now);
        if let Some(open) = self.task_mut(task).filter(|_| task.role.is_audit()) {
            open.declined_by.push(miner);
        }
        let is_crossing = age_ms <= crate::lease::CROSSING_MAX_MS && self.holds_more_than_lent(miner);
        let is_free = is_crossing && self.is_free_to_decline(miner);
        let mut effects =
            self.return_lease(lease_id, Blame::Platform, "the miner's slot was taken by another hub's job");
        if !is_free {
            effects.extend(self.excuse(miner, task));
        }
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    fn holds_more_than_lent(&self, address: Address) -> bool {
        let held = self.held.get(&address).map_or(0, BTreeSet::len);
        self.miners.get(&address).is_some_and(|miner| held > miner.slots_lent as usize)
    }

    /// Whether the miner, since it last completed something, declined no more than can have crossed its word.
    fn is_free_to_decline(&mut self, address: Address) -> bool {
        let slots = self.miners.get(&address).map_or(0, super::Miner::slots_whole);
        let is_connected = |address: &Address| self.miners.contains_key(address);
        self.excuses.count_decline(address, slots, is_connected)
    }

    /// Somebody made another part of the same job with this model: the parts differ in their seeds alone, so their input is not
    /// to blame.
    fn has_served_another_part(&self, task: Task, model: Option<Sha256Digest>) -> bool {
        let is_served = |(role, open): (&TaskRole, &OpenTask)| {
            let with = open.served_with.as_ref().map(|with| with.manifest_sha256);
            *role != task.role && !role.is_audit() && open.life.state == JobState::Completed && with == model
        };
        model.is_some() && self.jobs.get(&task.job_id).is_some_and(|job| job.tasks.iter().any(is_served))
    }

    /// A miner lost a task as nobody's fault. Where that happens too often in a row, it counts as the miner's fault; the
    /// task keeps its own account.
    pub(super) fn excuse(&mut self, miner: Address, task: Task) -> Option<Effect> {
        let is_connected = |address: &Address| self.miners.contains_key(address);
        if !self.excuses.count(miner, is_connected) {
            return None;
        }
        self.count_fault(miner);
        Some(Effect::CountFault { miner, task })
    }

    /// Ends a lease by somebody's fault. Its task waits again, or fails.
    pub(super) fn end_lease(&mut self, lease_id: LeaseId, blame: Blame, reason: &str) -> Vec<Effect> {
        let held = self.leases.get(&lease_id).map(|lease| (lease.task, lease.miner));
        if let Some((task, miner)) = held
            && let Some(open) = self.task_mut(task)
        {
            open.failed_by.push(miner);
        }
        self.return_lease(lease_id, blame, reason)
    }

    /// Ends a lease, and leaves it out of what counts against its miner where its task goes out again.
    fn return_lease(&mut self, lease_id: LeaseId, blame: Blame, reason: &str) -> Vec<Effect> {
        let Some(lease) = self.release(lease_id) else { return vec![] };
        if let Some(open) = self.task_mut(lease.task) {
            open.forget_work();
        }
        let event = TaskEvent::LeaseEnded { lease_id, blame, reason: reason.to_owned() };
        let Ok(moved) = self.move_task(lease.task, event) else { return vec![] };
        if blame == Blame::Miner {
            self.count_fault(lease.miner);
        }
        let (miner, received_at) = (lease.miner, lease.received_at);
        let ended = EndedLease { lease_id, miner, received_at, fault: moved.life.faults.last().cloned() };
        let job_id = lease.task.job_id;
        let mut effects =
            vec![Effect::Move { moved, ended: Some(ended) }, Effect::Changed { job_id }, Effect::QueueMoved];
        effects.extend(self.end_if_canceled(lease.task));
        effects
    }

    pub(super) fn expire_leases(&mut self, now: UnixMillis) -> Vec<Effect> {
        let (mut effects, mut excused) = (Vec::new(), BTreeMap::new());
        for (lease_id, blame, reason) in self.overdue(now) {
            let turned_away = self.leases.get(&lease_id).filter(|lease| lease.was_turned_away);
            excused.extend(turned_away.map(|lease| (lease.miner, lease.task)));
            let (blame, reason) = match turned_away {
                Some(_) => (Blame::Platform, "the hub had no room for the result"),
                None => (blame, reason),
            };
            let told = self.leases.get(&lease_id).and_then(|lease| self.tell_to_stop(lease, reason));
            effects.extend(self.end_lease(lease_id, blame, reason));
            effects.extend(told);
        }
        effects.extend(excused.into_iter().filter_map(|(miner, task)| self.excuse(miner, task)));
        effects.extend(self.hand_on(now));
        effects.extend(self.hand_on_audits(now));
        effects
    }

    /// Takes back leases that come too slowly while another miner is free.
    fn hand_on(&mut self, now: UnixMillis) -> Vec<Effect> {
        let slow: Vec<LeaseId> =
            self.leases.values().filter(|lease| self.is_behind(lease, now)).map(|lease| lease.id).collect();
        let mut effects = Vec::new();
        for lease_id in slow {
            self.settle();
            let Some(lease) = self.leases.get(&lease_id).filter(|lease| self.has_other_for(lease)).cloned() else {
                continue;
            };
            let fair_ms = Some(crate::lease::fair_ms(lease.expected_ms));
            effects.extend(self.take_back(&lease, fair_ms, "it came too slowly, and another miner is free", now));
        }
        effects
    }

    /// Ends a lease that comes too slowly. It is its miner's fault where the miner showed no work on anything for `blamed_ms`, if
    /// at all. Where it is not yet a fault, and the miner showed nothing at all, it is an excuse like a broken connection.
    pub(super) fn take_back(
        &mut self,
        lease: &Lease,
        blamed_ms: Option<u64>,
        reason: &str,
        now: UnixMillis,
    ) -> Vec<Effect> {
        let (task, miner) = (lease.task, lease.miner);
        let worked_at = self.miners.get(&miner).map_or(now, |miner| miner.last_worked);
        let idle_ms = now.since_ms(worked_at.max(lease.granted_at));
        let is_fault = !lease.was_turned_away && blamed_ms.is_some_and(|blamed_ms| idle_ms >= blamed_ms);
        let blame = if is_fault { Blame::Miner } else { Blame::Platform };
        let told = self.tell_to_stop(lease, reason);
        if !is_fault {
            self.refusals.count(task, miner, now);
        }
        let mut effects = self.end_lease(lease.id, blame, reason);
        effects.extend(told);
        if !is_fault && (lease.was_turned_away || worked_at <= lease.granted_at) {
            effects.extend(self.excuse(miner, task));
        }
        effects
    }

    /// Nothing was shown for a part of the job's time, or what was shown is behind the miner's pace.
    fn is_behind(&self, lease: &Lease, now: UnixMillis) -> bool {
        let (Some(job), Some(open)) = (self.jobs.get(&lease.task.job_id), self.task(lease.task)) else { return false };
        let until = job.deadline_of(lease.task.role);
        if self.is_verifying(lease.id) || lease.return_by.is_some() || until <= now {
            return false;
        }
        let elapsed_ms = now.since_ms(lease.granted_at);
        let share_ms = crate::lease::quiet_share_ms(until.since_ms(lease.granted_at));
        let held = self.held.get(&lease.miner).map_or(1, |held| held.len() as u64);
        let pace_ms = crate::lease::pace_max_ms(lease.expected_ms, open.shown_per_mille, held);
        elapsed_ms >= pace_ms || open.shown_per_mille == 0 && elapsed_ms >= share_ms
    }

    /// Another miner could take the lease's task at once, and has not failed it yet.
    fn has_other_for(&self, lease: &Lease) -> bool {
        // Audits go to others by a draw.
        if lease.task.role.is_audit() {
            return false;
        }
        let (Some(job), Some(open)) = (self.jobs.get(&lease.task.job_id), self.task(lease.task)) else { return false };
        let is_other = |other: Address| other != lease.miner && !open.failed_by.contains(&other);
        self.best_of(job, lease.task, is_other).is_some()
    }

    /// The time of the lease's task has ended.
    fn is_over(&self, lease: &Lease, now: UnixMillis) -> bool {
        self.jobs.get(&lease.task.job_id).is_some_and(|job| job.deadline_of(lease.task.role) <= now)
    }

    fn overdue(&self, now: UnixMillis) -> Vec<(LeaseId, Blame, &'static str)> {
        self.held.keys().flat_map(|miner| self.overdue_of(*miner, now)).collect()
    }

    /// How long a miner may show no work on anything that it holds. None where a result of it is being looked at: it has
    /// worked.
    pub(super) fn patience_ms(&self, miner: Address) -> Option<u64> {
        let verifies = self.leases_of(miner).any(|lease| self.is_verifying(lease.id));
        let quiet_ms = self.leases_of(miner).map(|lease| crate::lease::quiet_max_ms(lease.expected_ms)).max();
        quiet_ms.filter(|_| !verifies)
    }

    fn overdue_of(&self, miner: Address, now: UnixMillis) -> Vec<(LeaseId, Blame, &'static str)> {
        let patience_ms = self.patience_ms(miner);
        // One that is away is waited for otherwise.
        let worked_at = self.miners.get(&miner).filter(|_| patience_ms.is_some()).map(|miner| miner.last_worked);
        let is_idle = |lease: &Lease| {
            let idle_ms = worked_at.map(|at| now.since_ms(at.max(lease.granted_at)));
            idle_ms.zip(patience_ms).is_some_and(|(idle_ms, patience_ms)| idle_ms >= patience_ms)
        };
        let has_wasted_its_job = |lease: &Lease| {
            let fair_ms = crate::lease::fair_ms(lease.expected_ms);
            worked_at.is_some_and(|at| now.since_ms(at.max(lease.granted_at)) >= fair_ms)
        };
        let judge = |lease: &Lease| match lease.return_by {
            _ if self.is_verifying(lease.id) => None,
            // The job ends by itself; the question is only whether its miner had the time and did nothing.
            _ if self.is_over(lease, now) => has_wasted_its_job(lease).then_some((
                lease.id,
                Blame::Miner,
                "the job ended while its miner did nothing",
            )),
            _ if lease.deadline <= now => Some((lease.id, Blame::Miner, "no result within the lease")),
            Some(by) if by <= now => {
                Some((lease.id, Blame::Platform, "the miner did not come back after the hub's restart"))
            }
            None if is_idle(lease) => {
                Some((lease.id, Blame::Miner, "the miner showed no work on anything that it holds"))
            }
            _ => None,
        };
        self.leases_of(miner).filter_map(judge).collect()
    }
}
