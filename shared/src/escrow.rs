//! What clients and attesters sign for the escrow: a payment order, and the closing of a reservation.
//!
//! ```text
//! quote ─► order, signed by the client ─► the hub reserves ─┬► receipts, each within the order ─► the rest returns
//!                                                           ├► closing, signed by attesters ────► the rest returns
//!                                                           └► reclaimed by the client, after the delay
//! ```
//! The contract decides. The same rules stand here so that hub, miner, page and CLI see its answer before they ask.

use std::num::NonZeroU32;

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::id::JobId;
use crate::job::task::TaskRole;
use crate::receipt::ReceiptClaim;
use crate::time::UnixSeconds;
use crate::typed_data::{SigningDomain, TypedData};
use crate::unit::UnitType;

/// The most tasks that one order pays.
pub const MAX_TASKS: u16 = 256;

/// An order that expires later than this does not reserve.
pub const MAX_ORDER_SECONDS: u64 = 90 * 86_400;

/// So long after its order's expiry a reservation stays, before the client may take the rest back alone.
pub const EXIT_DELAY_SECONDS: u64 = 7 * 86_400;

/// How many tasks of a job may be paid: 1 for a job that is served whole, or the number of its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "u16", into = "u16")]
pub struct TaskCount(u16);

/// A number of tasks that no order has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order pays for 1 to {MAX_TASKS} tasks, got {0}")]
pub struct TaskCountError(u16);

impl TaskCount {
    pub const ONE: Self = Self(1);

    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether `role` is one of the tasks. An audit is none: the client does not pay for it.
    pub const fn includes(self, role: TaskRole) -> bool {
        match role {
            TaskRole::Serve => self.0 == 1,
            TaskRole::Shard(number) => number < self.0,
            TaskRole::Audit | TaskRole::ThirdOpinion | TaskRole::ShardAudit(_) | TaskRole::ShardThirdOpinion(_) => {
                false
            }
        }
    }
}

impl TryFrom<u16> for TaskCount {
    type Error = TaskCountError;

    fn try_from(count: u16) -> Result<Self, TaskCountError> {
        if count == 0 || count > MAX_TASKS { Err(TaskCountError(count)) } else { Ok(Self(count)) }
    }
}

impl From<TaskCount> for u16 {
    fn from(count: TaskCount) -> Self {
        count.0
    }
}

/// A client's word that `hub` may set `max_total` of its deposit aside for one job, and the bounds within which
/// receipts are paid from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentOrder {
    /// A client has one reservation for a job, ever; so an order needs no number of its own.
    pub job_id: JobId,
    /// Who pays.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    /// The attester that runs the job: only it may reserve, and nothing is paid without its signature.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hub: Address,
    /// The most that the job may cost, fee included.
    pub max_total: Amount,
    /// The highest price per whole unit that a receipt may ask for.
    pub max_unit_price: Amount,
    pub unit_type: UnitType,
    pub tasks: TaskCount,
    /// So soon after the reservation the work must start. Absent: nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub start_within_seconds: Option<NonZeroU32>,
    /// So soon after the reservation the work must be done. Absent: nothing is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub finish_within_seconds: Option<NonZeroU32>,
    /// The last second at which the order reserves.
    pub expires_at: UnixSeconds,
    pub chain_id: u64,
    /// The escrow: the EIP-712 verifying contract.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

/// Why an order does not cover what a receipt claims, as the escrow would say it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("the order expires at {expires_at}, which is not from {now} to {latest}")]
    Expiry { expires_at: u64, now: u64, latest: u64 },
    #[error("the order is for {ordered} of {client}, the receipt for {claimed} of {claimed_client}")]
    OtherJob { ordered: JobId, client: Address, claimed: JobId, claimed_client: Address },
    #[error("task_role: the order pays for {} tasks, and {role} is none of them", .tasks.get())]
    TaskNotOrdered { role: TaskRole, tasks: TaskCount },
    #[error("unit_type: the order is for {ordered}, the receipt for {claimed}")]
    UnitType { ordered: UnitType, claimed: UnitType },
    #[error("unit_price: at most {maximum} AIT are ordered, got {price} AIT")]
    UnitPrice { price: Amount, maximum: Amount },
    #[error("the receipt costs more than the {maximum} AIT of the order")]
    Total { maximum: Amount },
}

impl PaymentOrder {
    /// Where the signature counts: for this escrow, on its chain.
    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }

    /// Whether the order's expiry lets it reserve at `now`.
    pub fn check_expiry(&self, now: UnixSeconds) -> Result<(), OrderError> {
        let (expires_at, latest) = (self.expires_at.0, now.0.saturating_add(MAX_ORDER_SECONDS));
        if expires_at < now.0 || expires_at > latest {
            return Err(OrderError::Expiry { expires_at, now: now.0, latest });
        }
        Ok(())
    }

    /// The last second before the client may take the rest back alone.
    pub const fn reclaimable_after(&self) -> UnixSeconds {
        UnixSeconds(self.expires_at.0.saturating_add(EXIT_DELAY_SECONDS))
    }

    /// What the claim costs, if it lies within the order. Which tasks were paid before is not known here, nor what is
    /// left of the reservation.
    pub fn cost_of(&self, claim: &ReceiptClaim) -> Result<Amount, OrderError> {
        if (claim.job_id, claim.client) != (self.job_id, self.client) {
            return Err(OrderError::OtherJob {
                ordered: self.job_id,
                client: self.client,
                claimed: claim.job_id,
                claimed_client: claim.client,
            });
        }
        if !self.tasks.includes(claim.task_role) {
            return Err(OrderError::TaskNotOrdered { role: claim.task_role, tasks: self.tasks });
        }
        if claim.unit_type != self.unit_type {
            return Err(OrderError::UnitType { ordered: self.unit_type, claimed: claim.unit_type });
        }
        if claim.unit_price > self.max_unit_price {
            return Err(OrderError::UnitPrice { price: claim.unit_price, maximum: self.max_unit_price });
        }
        let cost = claim.unit_price.times(claim.units).filter(|cost| *cost <= self.max_total);
        cost.ok_or(OrderError::Total { maximum: self.max_total })
    }
}

impl TypedData for PaymentOrder {
    /// `contracts/solidity/libraries/PaymentOrders.sol` holds the same text.
    const TYPE: &'static str = "PaymentOrder(bytes16 jobId,address client,address hub,uint128 maxTotal,\
        uint128 maxUnitPrice,string unitType,uint16 tasks,uint32 startWithinSeconds,uint32 finishWithinSeconds,\
        uint64 expiresAt)";

    fn encode_data(&self) -> Vec<B256> {
        let promise = |seconds: Option<NonZeroU32>| U256::from(seconds.map_or(0, NonZeroU32::get)).into();
        vec![
            job_id_word(self.job_id),
            self.client.into_word(),
            self.hub.into_word(),
            U256::from(self.max_total.atto()).into(),
            U256::from(self.max_unit_price.atto()).into(),
            keccak256(self.unit_type.as_str()),
            U256::from(self.tasks.get()).into(),
            promise(self.start_within_seconds),
            promise(self.finish_within_seconds),
            U256::from(self.expires_at.0).into(),
        ]
    }
}

pub(crate) fn job_id_word(job_id: JobId) -> B256 {
    B256::right_padding_from(FixedBytes::<16>::from(job_id.to_be_bytes()).as_slice())
}

/// An order with its client's signature: what a hub gets and keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedPaymentOrder {
    pub order: PaymentOrder,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// What is wrong with the signature of an order.
#[cfg(feature = "signing")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderSignatureError {
    #[error("signature: {0}")]
    Signature(#[from] crate::signing::SignatureError),
    #[error("the order is signed by {signer}, but its client is {client}")]
    NotTheClient { signer: Address, client: Address },
}

#[cfg(feature = "signing")]
impl SignedPaymentOrder {
    /// Checks who signed. It does not know what the client has deposited.
    pub fn verify(&self) -> Result<(), OrderSignatureError> {
        let client = self.order.client;
        let signer = crate::signing::recover(&self.order, &self.order.domain(), &self.signature)?;
        if signer == client { Ok(()) } else { Err(OrderSignatureError::NotTheClient { signer, client }) }
    }
}

/// Why attesters close a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// Served, in fewer tasks than were ordered.
    Completed,
    /// The client cancelled the job.
    Cancelled,
    /// The job failed.
    Failed,
    /// A promised time has passed.
    SlaBreached,
}

impl CloseReason {
    /// The number that the contract knows it by.
    pub const fn number(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Cancelled => 1,
            Self::Failed => 2,
            Self::SlaBreached => 3,
        }
    }
}

/// The attesters' word that a reservation ends and its rest returns to the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationClosing {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub client: Address,
    pub job_id: JobId,
    pub reason: CloseReason,
    pub chain_id: u64,
    /// The escrow.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub contract: Address,
}

impl ReservationClosing {
    /// Where the signatures count.
    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_contract(self.chain_id, self.contract)
    }
}

impl TypedData for ReservationClosing {
    /// `contracts/solidity/JobEscrow.sol` holds the same text.
    const TYPE: &'static str = "ReservationClosing(address client,bytes16 jobId,uint8 reason)";

    fn encode_data(&self) -> Vec<B256> {
        vec![self.client.into_word(), job_id_word(self.job_id), U256::from(self.reason.number()).into()]
    }
}
