//! What happens to a lease before its result: progress, failure, timeout.

use shared::Address;
use shared::api::jobs::StepProgress;
use shared::digest::Sha256Digest;
use shared::id::LeaseId;
use shared::job::lifecycle::{Blame, JobState, TaskEvent};
use shared::job::task::Task;
use shared::protocol::Piece;
use shared::time::UnixMillis;

use super::job::GivenUp;
use super::{Board, BoardError, Effect, EndedLease, Failure, Lease, OpenJob};
use crate::matching;

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
        if let Some(open) = job.tasks.get_mut(&task.role) {
            open.progress = Some(progress);
            if let Some(piece) = piece {
                open.take_piece(kind, piece);
            }
        }
        if let Some(miner) = self.miners.get_mut(&miner) {
            miner.last_worked = now;
        }
        let StepProgress { step, steps } = progress;
        Ok(vec![Effect::Progressed { job_id: task.job_id, step, steps, has_text: piece.is_some() }])
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
        if failure.is_final() {
            let model = self.jobs.get(&task.job_id).and_then(|job| self.model_of(miner, job));
            let refused_with = model.filter(|_| failure.blame == Blame::Input);
            if let Some(open) = self.task_mut(task) {
                open.given_up_by.push(GivenUp { miner, refused_with });
            }
        }
        let is_excuse = matches!(failure.blame, Blame::Platform | Blame::Network);
        if is_excuse {
            self.refusals.count(task, miner, now);
        }
        let mut effects = self.end_lease(lease_id, failure.blame, &failure.reason);
        if is_excuse {
            effects.extend(self.excuse(miner, task));
        }
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// A miner lost a task as nobody's fault. Where that happens too often in a row, it counts as the miner's fault; the
    /// task keeps its own account.
    pub(super) fn excuse(&mut self, miner: Address, task: Task) -> Option<Effect> {
        let is_connected = |address: &Address| self.miners.contains_key(address);
        if !self.excuses.count(miner, is_connected) {
            return None;
        }
        if let Some(connected) = self.miners.get_mut(&miner) {
            connected.count_fault();
        }
        Some(Effect::CountFault { miner, task })
    }

    /// The model with which a connected miner serves a job.
    pub(super) fn model_of(&self, miner: Address, job: &OpenJob) -> Option<Sha256Digest> {
        let offer = matching::offer_for(&job.request, &self.miners.get(&miner)?.capability);
        offer.map(|offer| offer.manifest_sha256)
    }

    /// Ends a lease by somebody's fault. Its task waits again, or fails and its job with it.
    pub(super) fn end_lease(&mut self, lease_id: LeaseId, blame: Blame, reason: &str) -> Vec<Effect> {
        let Some(lease) = self.release(lease_id) else { return vec![] };
        if let Some(open) = self.task_mut(lease.task) {
            open.forget_work();
            open.failed_by.push(lease.miner);
        }
        let event = TaskEvent::LeaseEnded { lease_id, blame, reason: reason.to_owned() };
        let Ok(moved) = self.move_task(lease.task, event) else { return vec![] };
        if let Some(miner) = self.miners.get_mut(&lease.miner).filter(|_| blame == Blame::Miner) {
            miner.count_fault();
        }
        let ended = EndedLease { lease_id, miner: lease.miner, fault: moved.life.faults.last().cloned() };
        let job_id = lease.task.job_id;
        let mut effects =
            vec![Effect::Move { moved, ended: Some(ended) }, Effect::Changed { job_id }, Effect::QueueMoved];
        effects.extend(self.end_rest(lease.task));
        effects
    }

    /// Where the task ended and its job with it, the job's other tasks end, too: they are worth nothing without it.
    pub(super) fn end_rest(&mut self, task: Task) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&task.job_id).filter(|job| job.state().is_terminal()) else { return vec![] };
        if job.state() == JobState::Completed {
            return vec![];
        }
        self.end_job(task.job_id, &TaskEvent::Canceled, "another part of the job ended without a result")
    }

    pub(super) fn expire_leases(&mut self, now: UnixMillis) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (lease_id, blame, reason) in self.overdue(now) {
            let told = self.leases.get(&lease_id).and_then(|lease| self.tell_to_stop(lease, reason));
            effects.extend(self.end_lease(lease_id, blame, reason));
            effects.extend(told);
        }
        effects
    }

    /// The time of the lease's job has ended.
    fn is_over(&self, lease: &Lease, now: UnixMillis) -> bool {
        self.jobs.get(&lease.task.job_id).is_some_and(|job| job.deadline <= now)
    }

    fn overdue(&self, now: UnixMillis) -> Vec<(LeaseId, Blame, &'static str)> {
        self.held.keys().flat_map(|miner| self.overdue_of(*miner, now)).collect()
    }

    fn overdue_of(&self, miner: Address, now: UnixMillis) -> Vec<(LeaseId, Blame, &'static str)> {
        let verifies = self.leases_of(miner).any(|lease| self.is_verifying(lease.id));
        // A miner whose result is being looked at has worked, and one that is away is waited for otherwise.
        let worked_at = self.miners.get(&miner).filter(|_| !verifies).map(|miner| miner.last_worked);
        let patience_ms = self.leases_of(miner).map(|lease| lease.work_max_ms).max().unwrap_or_default();
        let is_idle = |lease: &Lease| worked_at.is_some_and(|at| now.since_ms(at.max(lease.granted_at)) >= patience_ms);
        let has_wasted_its_job = |lease: &Lease| {
            let fair_ms = crate::lease::fair_ms(lease.work_max_ms);
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
