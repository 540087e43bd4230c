//! Bids: a client's standing request for a job at a price, or with filters, that no miner offers now. The hub submits the job
//! as soon as an offer fits.

use serde::{Deserialize, Serialize};

use crate::amount::{Amount, MicroUnits};
use crate::escrow::PaymentOrder;
use crate::id::{BidId, JobId};
use crate::job::JobKind;
use crate::job::request::{CreateJob, PaymentMode};
use crate::quote::SignedQuote;
use crate::time::{UnixMillis, UnixSeconds};
use crate::unit::UnitType;

/// A bid stands no longer than this.
pub const BID_MAX_SECONDS: u64 = 7 * 86_400;

/// Open bids of one client.
pub const BIDS_PER_CLIENT_MAX: usize = 16;

/// Bids that one answer lists, the newest.
pub const BIDS_LISTED_MAX: usize = 100;

/// Price levels of one model that a book shows, the highest.
pub const BID_LEVELS_MAX: usize = 100;

/// Longest account of why a bid whose job an offer fits was not submitted.
pub const BID_REFUSAL_MAX_CHARS: usize = 300;

/// Body of `POST /v1/bids`, and of `POST /v1/bids/quote` before it where the client pays from the escrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateBid {
    /// The job as `POST /v1/jobs` takes it. One that its client pays has `payment.quote` and `payment.order` as
    /// `POST /v1/bids/quote` gave them.
    pub job: CreateJob,
    /// The most that the client gives for a whole unit of the work.
    pub max_unit_price: Amount,
    /// The last second at which the job may be submitted, up to seven days ahead.
    pub expires_at: UnixSeconds,
}

/// Answer of `POST /v1/bids/quote`: what a client signs so that the hub may reserve its money once an offer fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BidQuoteView {
    /// Goes with the bid, as `job.payment.quote`. It binds as long as the bid stands.
    pub quote: SignedQuote,
    /// What the client signs (EIP-712) and sends as `job.payment.order`.
    pub order: PaymentOrder,
    /// What the client has deposited and not reserved. A bid sets nothing of it aside.
    pub deposited: Amount,
}

/// What became of a bid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BidState {
    /// It waits for an offer that fits.
    Open,
    /// Its job was submitted.
    Filled,
    /// Its client took it back, or lost the key that it was made with.
    Canceled,
    /// Its time passed.
    Expired,
}

impl BidState {
    /// The text in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }
}

/// A bid, for its client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BidView {
    pub id: BidId,
    /// The name that its job will have, or has once the bid is `filled`.
    pub job_id: JobId,
    pub state: BidState,
    pub kind: JobKind,
    pub model: String,
    pub unit_type: UnitType,
    /// The most that a receipt may claim.
    pub units: MicroUnits,
    pub max_unit_price: Amount,
    pub payment_mode: PaymentMode,
    /// Why its job was not submitted when an offer fitted, or why the hub ended the bid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    pub created_at_unix_ms: UnixMillis,
    pub expires_at_unix_ms: UnixMillis,
    pub ended_at_unix_ms: Option<UnixMillis>,
}

/// A client's newest bids, newest first. One that ended is listed for a week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bids {
    pub bids: Vec<BidView>,
}

/// Open bids of one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BidLevel {
    /// Of a whole unit.
    pub max_unit_price: Amount,
    pub payment_mode: PaymentMode,
    pub bids: u32,
    /// Those of them that also ask for named miners, a graphics card, its memory or a reputation.
    pub with_filters: u32,
    /// The work of all of them together, at most.
    pub units: MicroUnits,
}

/// What clients bid for one model and kind of work, without what they ask it for. Bids whose job could not be submitted when
/// an offer fitted are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BidBook {
    pub kind: JobKind,
    pub model: String,
    pub unit_type: UnitType,
    /// All open bids, also those beyond the levels that are shown.
    pub bids: u32,
    /// Highest price first.
    pub levels: Vec<BidLevel>,
}

/// Answer of `GET /v1/models/{model}/bids`: one book for each kind of work that is bid for under this name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BidBooks {
    pub books: Vec<BidBook>,
}
