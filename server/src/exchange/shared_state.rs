//! What the desk's thread shows to everybody else.

use std::sync::{Arc, PoisonError, RwLock};

use shared::api::exchange::Reconciliation;

use super::feed::MarketFeed;
use super::listing::Listing;

/// What is true after the last group and the last block.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeskState {
    pub(crate) height: u64,
    pub(crate) is_paused: bool,
    pub(crate) trades_to_settle: u64,
    pub(crate) reconciliation: Reconciliation,
}

#[derive(Debug)]
pub(crate) struct SharedState {
    listing: RwLock<Arc<Listing>>,
    feeds: RwLock<Vec<Arc<MarketFeed>>>,
    state: RwLock<DeskState>,
    fault: RwLock<Option<String>>,
}

impl SharedState {
    pub(super) fn new(listing: Arc<Listing>, feeds: Vec<Arc<MarketFeed>>, state: DeskState) -> Self {
        Self {
            listing: RwLock::new(listing),
            feeds: RwLock::new(feeds),
            state: RwLock::new(state),
            fault: RwLock::new(None),
        }
    }

    pub(crate) fn listing(&self) -> Arc<Listing> {
        Arc::clone(&self.listing.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn list(&self, listing: Arc<Listing>, feeds: Vec<Arc<MarketFeed>>) {
        *self.feeds.write().unwrap_or_else(PoisonError::into_inner) = feeds;
        *self.listing.write().unwrap_or_else(PoisonError::into_inner) = listing;
    }

    pub(crate) fn feed(&self, market: u16) -> Option<Arc<MarketFeed>> {
        self.feeds.read().unwrap_or_else(PoisonError::into_inner).get(usize::from(market)).cloned()
    }

    pub(crate) fn state(&self) -> DeskState {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut DeskState)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Why nothing is taken now.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first fault is the one that counts.
    pub(super) fn fail(&self, why: impl Into<String>) {
        let why = why.into();
        let mut fault = self.fault.write().unwrap_or_else(PoisonError::into_inner);
        if fault.is_none() {
            tracing::error!(reason = why, "the exchange takes nothing more");
            *fault = Some(why);
        }
    }
}
