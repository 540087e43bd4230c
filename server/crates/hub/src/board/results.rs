//! What happens to a result: it arrives, is checked, and holds or does not.

use shared::Address;
use shared::id::LeaseId;
use shared::job::lifecycle::{Blame, JobState, TaskEvent};
use shared::time::UnixMillis;

use super::job::GivenUp;
use super::{Board, BoardError, Effect, Lease};

impl Board {
    /// From now on nothing else happens to the lease until the check has ended.
    pub(super) fn result_received(&mut self, lease_id: LeaseId, miner: Address) -> Result<Vec<Effect>, BoardError> {
        let task = self.held_by(lease_id, miner)?.task;
        if self.is_verifying(lease_id) {
            return Err(BoardError::BeingVerified(lease_id));
        }
        self.move_task(task, TaskEvent::ResultReceived { lease_id })?;
        Ok(vec![Effect::Changed { job_id: task.job_id }])
    }

    /// The task is complete and its miner free. The shell stores the result; should it stop before, the restart finds
    /// the lease open and the miner sends the result again.
    pub(super) fn result_verified(&mut self, lease_id: LeaseId, now: UnixMillis) -> Result<Vec<Effect>, BoardError> {
        let lease = self.leases.get(&lease_id).ok_or(BoardError::LeaseEnded(lease_id))?.clone();
        let (task, miner, wrong) = (lease.task, lease.miner, self.wrongly_refused(&lease));
        let moved = self.move_task(task, TaskEvent::Verified { lease_id })?;
        self.release(lease_id);
        self.excuses.forget(miner);
        if let Some(miner) = self.miners.get_mut(&miner) {
            miner.leases_ended += 1;
            miner.last_worked = now;
        }
        let mut effects = vec![Effect::Complete { moved, lease }];
        for miner in wrong {
            if let Some(miner) = self.miners.get_mut(&miner) {
                miner.count_fault();
            }
            effects.push(Effect::CountFault { miner, task });
        }
        effects.push(Effect::Changed { job_id: task.job_id });
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// Miners that put the failure of this task on its input, with the very model that served it now.
    fn wrongly_refused(&self, served: &Lease) -> Vec<Address> {
        let Some(job) = self.jobs.get(&served.task.job_id) else { return vec![] };
        let Some(model) = self.model_of(served.miner, job) else { return vec![] };
        let is_wrong = |given_up: &&GivenUp| given_up.refused_with == Some(model);
        let given_up = self.task(served.task).map_or(&[][..], |open| &open.given_up_by);
        given_up.iter().filter(is_wrong).map(|given_up| given_up.miner).collect()
    }

    /// The result is invalid, and its miner is to blame.
    pub(super) fn result_refuted(
        &mut self,
        lease_id: LeaseId,
        reason: &str,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, BoardError> {
        self.require_verifying(lease_id)?;
        let mut effects = self.end_lease(lease_id, Blame::Miner, reason);
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// The lease goes on as before the result.
    pub(super) fn result_unchecked(&mut self, lease_id: LeaseId) -> Result<Vec<Effect>, BoardError> {
        let task = self.require_verifying(lease_id)?.task;
        self.move_task(task, TaskEvent::CheckAbandoned { lease_id })?;
        Ok(vec![Effect::Changed { job_id: task.job_id }])
    }

    fn require_verifying(&self, lease_id: LeaseId) -> Result<&Lease, BoardError> {
        let lease = self.leases.get(&lease_id).ok_or(BoardError::LeaseEnded(lease_id))?;
        let state = self.task(lease.task).map_or(JobState::Running, |open| open.life.state);
        if state == JobState::Verifying {
            Ok(lease)
        } else {
            Err(shared::job::lifecycle::TransitionError::Unexpected { state }.into())
        }
    }
}
