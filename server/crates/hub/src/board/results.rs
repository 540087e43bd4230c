//! What happens to a result: it arrives, is checked, and holds or does not.

use std::collections::BTreeSet;

use shared::Address;
use shared::id::LeaseId;
use shared::job::lifecycle::{Blame, JobState, TaskEvent};
use shared::time::UnixMillis;

use super::{Board, BoardError, Effect, Lease, VerifiedResult};
use crate::catalog::ModelKey;

impl Board {
    /// From now on nothing else happens to the lease until the check has ended.
    pub(super) fn result_received(
        &mut self,
        lease_id: LeaseId,
        miner: Address,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, BoardError> {
        let task = self.held_by(lease_id, miner)?.task;
        if self.is_verifying(lease_id) {
            return Err(BoardError::BeingVerified(lease_id));
        }
        self.move_task(task, TaskEvent::ResultReceived { lease_id })?;
        if let Some(lease) = self.leases.get_mut(&lease_id) {
            lease.received_at = Some(now);
        }
        Ok(vec![Effect::Changed { job_id: task.job_id }])
    }

    /// The task is complete and its miner free. The shell stores the result; should it stop before, the restart finds
    /// the lease open and the miner sends the result again.
    pub(super) fn result_verified(
        &mut self,
        verified: &VerifiedResult,
        now: UnixMillis,
    ) -> Result<Vec<Effect>, BoardError> {
        let VerifiedResult { lease_id, units, ref bits, compared } = *verified;
        let lease = self.require_verifying(lease_id)?.clone();
        let (task, miner, wrong) = (lease.task, lease.miner, self.take_wrongly_refused(&lease));
        let model = self.jobs.get(&task.job_id).map(|job| ModelKey::of(&job.request));
        // Before the task moves: a job whose tasks have all ended leaves the board.
        let (opened, made_room) = self.draw_audit(&lease, units, bits, now);
        let judged = if task.role.is_audit() { self.judge(&lease, compared, now) } else { None };
        let refuted = judged.as_ref().and_then(|judged| judged.refuted);
        let moved = self.move_task(task, TaskEvent::Verified { lease_id })?;
        self.release(lease_id);
        self.excuses.forget(miner);
        if let (Some(connected), Some(model)) = (self.miners.get_mut(&miner), model) {
            connected.leases_ended += 1;
            connected.last_worked = now;
            // A new session may offer other models than the one that the lease was granted to.
            let is_offered = connected.capability.offers.iter().any(|offer| ModelKey::offered(offer) == model);
            let elapsed_ms = lease.received_at.unwrap_or(now).since_ms(lease.granted_at);
            if is_offered {
                self.speeds.take(model, miner, units, elapsed_ms);
            }
        }
        self.note_miner(miner);
        let mut effects = vec![Effect::Complete { moved, lease, audit: Self::step_of(opened, judged) }];
        effects.extend(made_room);
        effects.extend(refuted.and_then(|miner| self.punish(miner)));
        for miner in wrong {
            self.count_fault(miner);
            effects.push(Effect::CountFault { miner, task });
        }
        effects.push(Effect::Changed { job_id: task.job_id });
        effects.extend(self.dispatch(now));
        Ok(effects)
    }

    /// Miners that put their failure of any part of this job on its input, with the very model that served a part of it now.
    /// Each is named once.
    fn take_wrongly_refused(&mut self, served: &Lease) -> BTreeSet<Address> {
        let model = self.manifest_of(served);
        let (Some(model), Some(job)) = (model, self.jobs.get_mut(&served.task.job_id)) else { return BTreeSet::new() };
        let given_up = job.tasks.values_mut().flat_map(|open| &mut open.given_up_by);
        let wrong = given_up.filter(|given_up| given_up.refused_with == Some(model));
        wrong
            .map(|given_up| {
                given_up.refused_with = None;
                given_up.miner
            })
            .collect()
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
        let mut effects = vec![Effect::Changed { job_id: task.job_id }];
        effects.extend(self.end_if_canceled(task));
        Ok(effects)
    }

    /// The lease goes on, and its end, should it come before the result, is an excuse of its miner and no fault.
    pub(super) fn result_turned_away(&mut self, lease_id: LeaseId) -> Result<Vec<Effect>, BoardError> {
        let lease = self.leases.get_mut(&lease_id).ok_or(BoardError::LeaseEnded(lease_id))?;
        lease.was_turned_away = true;
        Ok(vec![])
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
