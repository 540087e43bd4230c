//! What happens to a lease: progress, failure, result, refutation, timeout.

use shared::Address;
use shared::api::jobs::StepProgress;
use shared::digest::Sha256Digest;
use shared::id::{JobId, LeaseId};
use shared::job::JobKind;
use shared::job::lifecycle::{Blame, JobEvent, JobState};
use shared::job::text::OUTPUT_MAX_BYTES;
use shared::protocol::Piece;
use shared::time::UnixMillis;

use super::{Board, BoardError, Effect, EndedLease, GivenUp, Lease, OpenJob};
use crate::matching;

/// A miner's own word about a lease that it gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub blame: Blame,
    /// The same job may end otherwise when this miner tries it again.
    pub retryable: bool,
    pub reason: String,
}

impl Failure {
    /// No other try of the miner would help.
    fn is_final(&self) -> bool {
        self.blame == Blame::Input || !self.retryable
    }
}

impl Board {
    /// The lease and its job, if `miner` holds it.
    fn held_by(&self, lease_id: LeaseId, miner: Address) -> Result<(&Lease, &OpenJob), BoardError> {
        let lease = self.leases.get(&lease_id).ok_or(BoardError::NoSuchLease(lease_id))?;
        if lease.miner != miner {
            return Err(BoardError::NotTheHolder { holder: lease.miner, got: miner });
        }
        let job = self.jobs.get(&lease.job_id).ok_or(BoardError::NotOpen)?;
        Ok((lease, job))
    }

    /// The lease's result arrived and is being looked at; until that ends, nothing else happens to the lease.
    pub(super) fn is_verifying(&self, lease_id: LeaseId) -> bool {
        let job = self.leases.get(&lease_id).and_then(|lease| self.jobs.get(&lease.job_id));
        job.is_some_and(|job| job.life.state == JobState::Verifying)
    }

    /// A finished step, or a piece of a text, which is kept where it goes on from what there is; at 0 the text begins anew,
    /// as after a crash of the miner's inference process. Answers the job whose watchers want to know.
    pub fn progress(
        &mut self,
        lease_id: LeaseId,
        miner: Address,
        progress: StepProgress,
        piece: Option<&Piece>,
        now: UnixMillis,
    ) -> Result<JobId, BoardError> {
        let job_id = self.held_by(lease_id, miner)?.1.id;
        if let Some(miner) = self.miners.get_mut(&miner) {
            miner.last_worked = now;
        }
        if let Some(job) = self.jobs.get_mut(&job_id) {
            job.progress = Some(progress);
            if let Some(piece) = piece.filter(|_| job.job.work.kind() == JobKind::Text) {
                if piece.at == 0 {
                    job.text.clear();
                }
                let whole = piece.at.saturating_add(piece.text.len());
                if piece.at == job.text.len() && whole <= OUTPUT_MAX_BYTES {
                    job.text.push_str(&piece.text);
                }
            }
        }
        Ok(job_id)
    }

    /// The miner's own word that it failed.
    pub fn fail(
        &mut self,
        lease_id: LeaseId,
        miner: Address,
        failure: &Failure,
        now: UnixMillis,
        draw: &mut dyn FnMut() -> u128,
    ) -> Result<Vec<Effect>, BoardError> {
        let (_, job) = self.held_by(lease_id, miner)?;
        if job.life.state == JobState::Verifying {
            return Err(BoardError::BeingVerified);
        }
        let job_id = job.id;
        if failure.is_final() {
            let refused_with = self.model_of(miner, job).filter(|_| failure.blame == Blame::Input);
            if let Some(job) = self.jobs.get_mut(&job_id) {
                job.given_up_by.push(GivenUp { miner, refused_with });
            }
        }
        if failure.blame == Blame::Platform {
            self.refusals.count(job_id, miner, now);
        }
        let mut effects = self.end_lease(lease_id, failure.blame, &failure.reason);
        effects.extend(self.dispatch(now, draw));
        Ok(effects)
    }

    /// The model with which a connected miner serves a job.
    fn model_of(&self, miner: Address, job: &OpenJob) -> Option<Sha256Digest> {
        matching::offer_for(&job.job, &self.miners.get(&miner)?.capability).map(|offer| offer.manifest_sha256)
    }

    /// Ends jobs that a miner gave up and that nobody else serves, now or when it is free: waiting would not help.
    pub(super) fn end_given_up(&mut self) -> Vec<Effect> {
        let is_given_up = |job: &&OpenJob| !job.given_up_by.is_empty();
        let given_up = self.queue.values().filter_map(|job_id| self.jobs.get(job_id)).filter(is_given_up);
        let hopeless: Vec<JobId> = given_up.filter(|job| !self.is_served(job)).map(|job| job.id).collect();
        let reason = "no other miner serves the job";
        hopeless.into_iter().flat_map(|id| self.end(id, JobEvent::NobodyLeft, reason).unwrap_or_default()).collect()
    }

    /// Some connected miner fits the job now, or will.
    fn is_served(&self, job: &OpenJob) -> bool {
        let mut considered = self.candidates_for(job).map(|candidate| matching::consider(&job.job, &candidate).err());
        considered.any(|removal| removal.is_none_or(|removal| removal.is_temporary()))
    }

    /// The holder's result arrived; from now on the job waits for [`Self::verified`], [`Self::refuted`] or
    /// [`Self::unverified`].
    pub fn result_received(&mut self, lease_id: LeaseId, miner: Address) -> Result<Vec<Effect>, BoardError> {
        let (_, job) = self.held_by(lease_id, miner)?;
        if job.life.state == JobState::Verifying {
            return Err(BoardError::BeingVerified);
        }
        let (job_id, life) = (job.id, job.life.apply(JobEvent::ResultReceived { lease_id })?);
        if let Some(job) = self.jobs.get_mut(&job_id) {
            job.life = life;
        }
        Ok(vec![Effect::Changed { job_id }])
    }

    /// The completion is stored: the job leaves the board.
    pub fn verified(&mut self, lease_id: LeaseId, now: UnixMillis, draw: &mut dyn FnMut() -> u128) -> Vec<Effect> {
        let Some(lease) = self.release(lease_id) else { return vec![] };
        let mut effects = self.blame_refusals(&lease);
        self.jobs.remove(&lease.job_id);
        if let Some(miner) = self.miners.get_mut(&lease.miner) {
            miner.leases_ended += 1;
            miner.last_worked = now;
        }
        effects.push(Effect::Changed { job_id: lease.job_id });
        effects.extend(self.dispatch(now, draw));
        effects
    }

    /// The lease was served. Whoever put the job on its input, with the very same model, was wrong.
    fn blame_refusals(&mut self, served: &Lease) -> Vec<Effect> {
        let Some(job) = self.jobs.get(&served.job_id) else { return vec![] };
        let Some(model) = self.model_of(served.miner, job) else { return vec![] };
        let is_wrong = |given_up: &&GivenUp| given_up.refused_with == Some(model);
        let wrong: Vec<Address> = job.given_up_by.iter().filter(is_wrong).map(|given_up| given_up.miner).collect();
        let count = |address| {
            if let Some(miner) = self.miners.get_mut(&address) {
                miner.count_fault();
            }
            Effect::CountFault { miner: address, job_id: served.job_id }
        };
        wrong.into_iter().map(count).collect()
    }

    /// The result does not hold; its miner is to blame.
    pub fn refuted(
        &mut self,
        lease_id: LeaseId,
        reason: &str,
        now: UnixMillis,
        draw: &mut dyn FnMut() -> u128,
    ) -> Vec<Effect> {
        let mut effects = self.end_lease(lease_id, Blame::Miner, reason);
        effects.extend(self.dispatch(now, draw));
        effects
    }

    /// The hub could not store the result: the lease goes on, and the miner sends it again.
    pub fn unverified(&mut self, lease_id: LeaseId) -> Vec<Effect> {
        let Some(job_id) = self.leases.get(&lease_id).map(|lease| lease.job_id) else { return vec![] };
        let Some(job) = self.jobs.get_mut(&job_id) else { return vec![] };
        job.life.state = JobState::Running;
        vec![Effect::Changed { job_id }]
    }

    /// Ends a lease by somebody's fault. The job waits again, or fails.
    pub(super) fn end_lease(&mut self, lease_id: LeaseId, blame: Blame, reason: &str) -> Vec<Effect> {
        let Some(lease) = self.release(lease_id) else { return vec![] };
        let Some(job) = self.jobs.get_mut(&lease.job_id) else { return vec![] };
        let Ok(life) = job.life.apply(JobEvent::LeaseEnded { lease_id, blame, reason: reason.to_owned() }) else {
            return vec![];
        };
        job.life = life.clone();
        job.progress = None;
        job.text.clear();
        job.failed_by.push(lease.miner);
        let (job_id, seq) = (job.id, job.seq);
        if life.state == JobState::Queued {
            self.queue.insert(seq, job_id);
        } else {
            self.jobs.remove(&job_id);
        }
        if let Some(miner) = self.miners.get_mut(&lease.miner).filter(|_| blame == Blame::Miner) {
            miner.count_fault();
        }
        let ended = EndedLease { lease_id, miner: lease.miner, fault: life.faults.last().cloned() };
        vec![Effect::Move { job_id, life, ended: Some(ended) }, Effect::Changed { job_id }, Effect::QueueMoved]
    }

    pub(super) fn expire_leases(&mut self, now: UnixMillis) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (lease_id, blame, reason) in self.overdue(now) {
            let holder = self.leases.get(&lease_id).map(|lease| lease.miner);
            effects.extend(self.end_lease(lease_id, blame, reason));
            if let Some((address, miner)) = holder.and_then(|address| Some((address, self.miners.get(&address)?))) {
                let (session, reason) = (miner.session, reason.to_owned());
                effects.push(Effect::Cancel { miner: address, session, lease_id, reason });
            }
        }
        effects
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
        let judge = |lease: &Lease| match lease.reunion_by {
            _ if self.is_verifying(lease.id) => None,
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
