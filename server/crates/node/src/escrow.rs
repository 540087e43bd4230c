//! What the escrow holds for clients, as its contract accounts for it.

use alloy_primitives::{Address, B256, FixedBytes};
use alloy_sol_types::SolCall;
use chain::{Call, LogFilter, PlacedLog, Snapshot};
use contracts::{JOB_ESCROW_ADDRESS, JobEscrow};
use shared::amount::Amount;
use shared::id::JobId;

use crate::error::NodeError;
use crate::handle::NodeHandle;
use crate::token::to_amount;

/// A client's deposit, and the reservations that were asked for with it, at one block.
#[derive(Debug, Clone)]
pub struct EscrowAccount {
    /// Deposited and not reserved.
    pub free: Amount,
    pub reservations: Vec<JobEscrow::Reservation>,
    /// In 1/10 000 of each payment.
    pub fee_basis_points: u16,
    /// Nothing can be deposited or reserved.
    pub is_paused: bool,
}

impl NodeHandle {
    /// A client's account in the escrow, with its reservations for these jobs, all at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn escrow_account(&self, client: Address, jobs: Vec<JobId>) -> Result<EscrowAccount, NodeError> {
        self.query(move |snapshot| {
            let read = |job_id: JobId| {
                let call = JobEscrow::reservationCall { client, jobId: FixedBytes::from(job_id.to_be_bytes()) };
                read_escrow(snapshot, call)
            };
            let fee = read_escrow(snapshot, JobEscrow::feeBasisPointsCall {})?;
            Ok(EscrowAccount {
                free: to_amount(read_escrow(snapshot, JobEscrow::balanceOfCall { client })?),
                reservations: jobs.into_iter().map(read).collect::<Result<_, _>>()?,
                fee_basis_points: u16::try_from(fee).unwrap_or(u16::MAX),
                is_paused: read_escrow(snapshot, JobEscrow::pausedCall {})?,
            })
        })
        .await
    }

    /// A client's reservation for a job, at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn reservation(&self, client: Address, job_id: JobId) -> Result<JobEscrow::Reservation, NodeError> {
        let call = JobEscrow::reservationCall { client, jobId: FixedBytes::from(job_id.to_be_bytes()) };
        self.query(move |snapshot| read_escrow(snapshot, call)).await
    }

    /// The escrow's first event of this kind about a client's reservation for a job.
    ///
    /// # Errors
    /// As [`NodeHandle::find_log`].
    pub async fn find_reservation_log(
        &self,
        event: B256,
        client: Address,
        job_id: JobId,
    ) -> Result<Option<PlacedLog>, NodeError> {
        let mut filter = LogFilter::default();
        filter.addresses.insert(JOB_ESCROW_ADDRESS);
        filter.topics[0].insert(event);
        filter.topics[1].insert(client.into_word());
        filter.topics[2].insert(B256::right_padding_from(&job_id.to_be_bytes()));
        self.find_log(filter).await
    }
}

fn read_escrow<C: SolCall>(snapshot: &Snapshot, call: C) -> Result<C::Return, NodeError> {
    let request = Call { to: Some(JOB_ESCROW_ADDRESS), data: call.abi_encode().into(), ..Call::default() };
    let outcome = snapshot.call(snapshot.head().number, &request, &Default::default(), &chain::never_over)?;
    C::abi_decode_returns(&outcome.output).map_err(|error| {
        let answered = format!("the escrow at {JOB_ESCROW_ADDRESS} answered: {error}");
        NodeError::Chain(chain::ChainError::InvalidCall(answered))
    })
}
