//! Bids of clients.

use shared::Address;
use shared::api::bids::{BidView, CreateBid};
use shared::id::{ApiKeyId, BidId};

/// A bid with what only its client and the hub see of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BidRecord {
    pub view: BidView,
    pub client: Address,
    /// The key that it was made with, where no session did.
    pub made_with: Option<ApiKeyId>,
    /// The class of the network address of a wallet; `None` for an operator's key, and once the bid is over.
    pub network: Option<String>,
    pub has_filters: bool,
    /// What is asked for; `None` once the bid is over.
    pub asked: Option<CreateBid>,
}

/// A bid that waits for an offer, in the order in which bids are filled: the highest price first, then the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingBid {
    pub id: BidId,
    pub max_unit_price: shared::amount::Amount,
    pub created_at: shared::time::UnixMillis,
}
