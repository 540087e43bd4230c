//! What handlers have of the exchange.

use std::sync::Arc;
use std::time::Duration;

use node::NodeHandle;
use shared::Address;
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{ExchangeError, ExchangeHandle};
use crate::shares::Shares;

/// Readers of all feeds, and those of one network address.
pub(crate) const READERS_MAX: usize = 4_096;
pub(crate) const READERS_PER_ADDRESS_MAX: usize = 32;

/// The longest that a request waits for rows.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct ExchangeAccess {
    /// The desk, or why there is none.
    pub(crate) handle: Result<ExchangeHandle, ExchangeError>,
    pub(crate) store: Store,
    /// In the lane of wallets: who signs by a contract lets this server compute.
    pub(crate) node: NodeHandle,
    /// Sends trades and withdrawals to the contract.
    pub(crate) operator: Address,
    /// A market maker that the operator runs.
    pub(crate) market_maker: Option<Address>,
    /// Places for readers of feeds.
    pub(crate) readers: Arc<Shares>,
    /// Streams that a stop waits for.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl ExchangeAccess {
    /// Lets the rows catch up with everything that was acknowledged until now. Where that takes long, a reader gets what is
    /// there.
    pub(crate) async fn catch_up(&self) {
        if let Ok(handle) = &self.handle {
            handle.caught_up(CATCH_UP_PATIENCE).await;
        }
    }
}

/// Places for readers of feeds.
pub(crate) fn reader_places() -> Arc<Shares> {
    Shares::new(READERS_MAX, READERS_PER_ADDRESS_MAX)
}
