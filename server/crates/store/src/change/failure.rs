//! The record of a job that ends without a result, made of what the same transaction has just stored.

use std::collections::BTreeMap;
use std::fmt::Debug;

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use shared::Address;
use shared::commitment::Salt;
use shared::failure::{
    FailedTry, FailureEnd, FailureStage, FailureVersion, JobFailure, SignedFailure, TRIES_MAX, reason_in_words,
};
use shared::id::{JobId, LeaseId};
use shared::job::lifecycle::{Fault, JobState};
use shared::job::request::ValidJob;
use shared::job::task::TaskRole;
use shared::log::LogEntry;
use shared::time::UnixMillis;
use shared::typed_data::TypedData as _;

use super::log::append;
use super::{Transaction, payments};
use crate::StoreError;
use crate::columns::{decode, is_serving, millis, word};
use crate::entity::{job, lease, task};
use crate::record::{PaymentRecord, TaskRecord};

/// The hub's key, as far as records of failed jobs need it.
pub trait SealFailure: Debug + Send + Sync + 'static {
    /// The address of the key.
    fn hub(&self) -> Address;

    /// The chain whose accounts the hub and its clients are.
    fn chain_id(&self) -> u64;

    /// The same record gives the same bytes: a change may be applied twice.
    fn seal(&self, failure: JobFailure) -> Result<SignedFailure, String>;
}

/// Writes the record of a job that has just ended into the log.
pub(super) async fn record(
    transaction: &Transaction<'_>,
    job_id: JobId,
    end: FailureEnd,
    seal: &dyn SealFailure,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let of_job = job::Column::Id.eq(job_id.to_string());
    let row = job::Entity::find().filter(of_job).one(transaction.connection).await?;
    let row = row.ok_or(StoreError::corrupt("job", "a job that ends has no row"))?;
    let job: ValidJob = decode("job", &row.job)?;
    let payment = payments::find(transaction, job_id).await?;
    let leases = Leases::find(transaction, job_id).await?;
    let faults = find_faults(transaction, job_id).await?;
    let stage = stage(payment.as_ref(), &leases.last, !faults.is_empty());
    let refusal = payment.as_ref().and_then(|payment| payment.refusal.as_deref());
    let reason = reason_in_words(end, stage, faults.len(), refusal, find_served(transaction, job_id).await?);
    let tries_in_all = leases.in_all.max(faults.len() as u64);
    let tries = tries(leases, faults, row.sponsored, job.salt)?;
    let order = payment.as_ref().map(|payment| &payment.signed.order);
    let failure = JobFailure {
        version: FailureVersion,
        job_id,
        client: word("client", &row.client)?,
        hub: seal.hub(),
        hub_id: transaction.hub_id.to_owned(),
        chain_id: seal.chain_id(),
        work: job.work.kind(),
        model: job.model.clone(),
        prompt_commitment: job.salt.commit_prompt(job.work.prompt_hash()),
        units_max: job.work.units(),
        unit_type: job.work.unit_type(),
        payment: job.payment.mode(),
        max_total: order.map(|order| order.max_total).or(job.constraints.max_price),
        max_unit_price: order.map(|order| order.max_unit_price),
        order_digest: order.map(|order| order.digest(&order.domain())),
        end,
        stage,
        reason,
        tries,
        tries_in_all,
        created_at: millis(row.created_at_unix_ms).seconds(),
        ended_at: at.seconds(),
    };
    let signed = seal.seal(failure).map_err(StoreError::Sign)?;
    append(transaction, &[LogEntry::Failure(signed)]).await
}

/// A job's leases that work for its client.
struct Leases {
    /// The last [`TRIES_MAX`], oldest first.
    last: Vec<lease::Model>,
    in_all: u64,
}

impl Leases {
    async fn find(transaction: &Transaction<'_>, job_id: JobId) -> Result<Self, StoreError> {
        use lease::Column;
        let of_job = Column::JobId.eq(job_id.to_string());
        let query = lease::Entity::find().filter(of_job).filter(is_serving(Column::Role));
        let in_all = query.clone().count(transaction.connection).await?;
        let mut last = query
            .order_by_desc(Column::GrantedAtUnixMs)
            .order_by_desc(Column::Id)
            .limit(TRIES_MAX as u64)
            .all(transaction.connection)
            .await?;
        last.reverse();
        Ok(Self { last, in_all })
    }
}

async fn find_faults(
    transaction: &Transaction<'_>,
    job_id: JobId,
) -> Result<BTreeMap<LeaseId, (TaskRole, Fault)>, StoreError> {
    let of_job = task::Column::JobId.eq(job_id.to_string());
    let rows =
        task::Entity::find().filter(of_job).filter(is_serving(task::Column::Role)).all(transaction.connection).await?;
    let mut faults = BTreeMap::new();
    for row in rows {
        let TaskRecord { role, life, .. } = TaskRecord::try_from(row)?;
        faults.extend(life.faults.into_iter().map(|fault| (fault.lease_id, (role, fault))));
    }
    Ok(faults)
}

/// How many of its parts a job has, and of how many: of a job that is served whole, none of one.
async fn find_served(transaction: &Transaction<'_>, job_id: JobId) -> Result<(usize, usize), StoreError> {
    let of_job = task::Column::JobId.eq(job_id.to_string());
    let rows = task::Entity::find().filter(of_job).all(transaction.connection).await?;
    let (mut served, mut all) = (0, 0);
    for row in rows {
        let role: TaskRole = word("task role", &row.role)?;
        all += usize::from(!role.is_audit());
        served += usize::from(!role.is_audit() && row.state == JobState::Completed.as_str());
    }
    Ok((served, all))
}

fn stage(payment: Option<&PaymentRecord>, leases: &[lease::Model], has_faults: bool) -> FailureStage {
    if leases.iter().any(|lease| lease.received_at_unix_ms.is_some()) {
        FailureStage::Verification
    } else if !leases.is_empty() || has_faults {
        FailureStage::Work
    } else if payment.is_some_and(|payment| !payment.state.has_reserved()) {
        FailureStage::Payment
    } else {
        FailureStage::Queue
    }
}

/// Leases with what is known of their end. A full disk may have refused a lease; its fault stands first then.
fn tries(
    leases: Leases,
    mut faults: BTreeMap<LeaseId, (TaskRole, Fault)>,
    is_public: bool,
    salt: Salt,
) -> Result<Vec<FailedTry>, StoreError> {
    let (has_all, mut tries) = (leases.in_all <= leases.last.len() as u64, Vec::new());
    for lease in leases.last {
        let fault = faults.remove(&word("lease id", &lease.id)?);
        let plain = FailedTry {
            miner: Some(word("miner", &lease.miner)?),
            blame: fault.as_ref().map(|(_, fault)| fault.blame),
            granted_at: Some(millis(lease.granted_at_unix_ms).seconds()),
            ended_at: lease.ended_at_unix_ms.map(|at| millis(at).seconds()),
            ..FailedTry::of(word("task role", &lease.role)?)
        };
        tries.push(match fault {
            Some((_, fault)) => plain.because(&fault.reason, is_public, salt),
            None => plain,
        });
    }
    let room = if has_all { TRIES_MAX - tries.len() } else { 0 };
    let unstored = faults.into_values().take(room).map(|(task_role, fault)| {
        FailedTry { blame: Some(fault.blame), ..FailedTry::of(task_role) }.because(&fault.reason, is_public, salt)
    });
    Ok(unstored.chain(tries).collect())
}
