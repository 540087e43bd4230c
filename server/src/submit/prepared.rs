//! What is stored for a new job, and what its client is answered. Where the sums of the day have no room for the audits of a
//! job that its client pays, it is taken without them.

use shared::api::audits::Unaudited;
use shared::escrow::SignedPaymentOrder;
use store::change::{CreateJob, FilledBid};
use store::record::NewJob;
use store::{Refusal, Store, StoreError};

use super::{IdempotencyKey, Submission};
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;

/// A job that is about to be stored.
pub(super) struct Prepared {
    pub(super) change: CreateJob,
    pub(super) answer: String,
    without_audits: Option<Box<Self>>,
}

impl Submission {
    /// What is stored for a job, and what is where its audits have no room.
    pub(super) fn prepare(
        &self,
        caller: &Caller,
        job: NewJob,
        payment: Option<SignedPaymentOrder>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Prepared, ApiError> {
        let may_do_without = payment.is_some() && job.unaudited.is_none();
        let other = may_do_without.then(|| NewJob { unaudited: Some(Unaudited::DayUsedUp), ..job.clone() });
        let other = other.map(|job| self.prepare_one(caller, job, payment.clone(), key)).transpose()?;
        Ok(Prepared { without_audits: other.map(Box::new), ..self.prepare_one(caller, job, payment, key)? })
    }

    fn prepare_one(
        &self,
        caller: &Caller,
        job: NewJob,
        payment: Option<SignedPaymentOrder>,
        key: Option<&IdempotencyKey>,
    ) -> Result<Prepared, ApiError> {
        let answer = self.first_answer(&job, payment.as_ref())?;
        let change = CreateJob {
            daily: self.daily_use(caller, &job, clock::now()),
            asked_from: Self::asked_from(caller),
            idempotency: key.map(|key| key.first(caller, job.id, &answer, job.created_at)),
            job,
            payment,
            bid: None,
        };
        Ok(Prepared { change, answer, without_audits: None })
    }
}

impl Prepared {
    /// The same, which fills a bid.
    pub(super) fn filling(mut self, bid: FilledBid) -> Self {
        self.change.bid = Some(bid);
        self.without_audits = self.without_audits.map(|other| Box::new(other.filling(bid)));
        self
    }

    /// Stores the job, with its audits where they have room. What was stored, and its place in the order of arrival.
    pub(super) async fn store(mut self, store: &Store) -> Result<(Self, i64), StoreError> {
        let other = self.without_audits.take();
        match (store.write(self.change.clone()).await, other) {
            (Err(StoreError::Refused(Refusal::DailyMint { .. })), Some(other)) => {
                let seq = store.write(other.change.clone()).await?;
                Ok((*other, seq))
            }
            (stored, _) => Ok((self, stored?)),
        }
    }
}
