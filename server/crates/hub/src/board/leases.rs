//! What happens to a lease: progress, failure, result, refutation, timeout.

use shared::Address;
use shared::api::jobs::StepProgress;
use shared::id::{JobId, LeaseId};
use shared::job::JobKind;
use shared::job::lifecycle::{Blame, JobEvent, JobState};
use shared::job::text::OUTPUT_MAX_BYTES;
use shared::protocol::Piece;
use shared::time::UnixMillis;

use super::{Board, BoardError, Effect, EndedLease, Lease, OpenJob};

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
    ) -> Result<JobId, BoardError> {
        let job_id = self.held_by(lease_id, miner)?.1.id;
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
        blame: Blame,
        reason: &str,
        now: UnixMillis,
        draw: &mut dyn FnMut() -> u128,
    ) -> Result<Vec<Effect>, BoardError> {
        if self.held_by(lease_id, miner)?.1.life.state == JobState::Verifying {
            return Err(BoardError::BeingVerified);
        }
        let mut effects = self.end_lease(lease_id, blame, reason);
        effects.extend(self.dispatch(now, draw));
        Ok(effects)
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
        self.jobs.remove(&lease.job_id);
        if let Some(miner) = self.miners.get_mut(&lease.miner) {
            miner.leases_ended += 1;
        }
        let mut effects = vec![Effect::Changed { job_id: lease.job_id }];
        effects.extend(self.dispatch(now, draw));
        effects
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
        if let Some(miner) = self.miners.get_mut(&lease.miner) {
            miner.leases_ended += 1;
            miner.faults += u64::from(blame == Blame::Miner);
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
        let judge = |lease: &Lease| {
            let verifying = self.is_verifying(lease.id);
            match lease.reunion_by {
                _ if verifying => None,
                _ if lease.deadline <= now => Some((lease.id, Blame::Miner, "no result within the lease")),
                Some(by) if by <= now => {
                    Some((lease.id, Blame::Platform, "the miner did not come back after the hub's restart"))
                }
                _ => None,
            }
        };
        self.leases.values().filter_map(judge).collect()
    }
}
