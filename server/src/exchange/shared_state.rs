//! What the desk's thread shows to everybody else.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use shared::api::exchange::Reconciliation;
use tokio::sync::watch;

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
    /// Entries of the journal that are durable and may have been acknowledged.
    acknowledged: AtomicU64,
    /// Entries whose consequences the database has; all of them once it gets no more.
    recorded: watch::Sender<u64>,
}

impl SharedState {
    pub(super) fn new(listing: Arc<Listing>, feeds: Vec<Arc<MarketFeed>>, state: DeskState) -> Self {
        Self {
            listing: RwLock::new(listing),
            feeds: RwLock::new(feeds),
            state: RwLock::new(state),
            fault: RwLock::new(None),
            acknowledged: AtomicU64::new(0),
            recorded: watch::Sender::new(0),
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

    /// The journal has the entries below `sequence`, and they are about to be acknowledged.
    pub(super) fn acknowledge(&self, sequence: u64) {
        self.acknowledged.store(sequence, Ordering::Release);
    }

    /// The database has what follows from the entries below `sequence`.
    pub(super) fn record(&self, sequence: u64) {
        self.recorded.send_if_modified(|recorded| {
            let is_more = sequence > *recorded;
            *recorded = sequence.max(*recorded);
            is_more
        });
    }

    /// Waits until the database has everything that was acknowledged until now, and says whether it has that in time. After a
    /// fault it gets no more, and nobody waits.
    pub(super) async fn caught_up(&self, patience: Duration) -> bool {
        let wanted = self.acknowledged.load(Ordering::Acquire);
        let mut recorded = self.recorded.subscribe();
        // Its sender lives as long as this.
        tokio::time::timeout(patience, recorded.wait_for(|recorded| *recorded >= wanted)).await.is_ok()
    }

    /// The first fault is the one that counts.
    pub(super) fn fail(&self, why: impl Into<String>) {
        let why = why.into();
        let mut fault = self.fault.write().unwrap_or_else(PoisonError::into_inner);
        if fault.is_none() {
            tracing::error!(reason = why, "the exchange takes nothing more");
            *fault = Some(why);
        }
        drop(fault);
        self.record(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use shared::Address;
    use trading::Assets;

    use super::*;

    #[tokio::test]
    async fn who_reads_rows_waits_for_what_was_acknowledged_and_neither_for_ever_nor_after_a_fault() {
        let listing = Listing {
            chain_id: 1,
            contract: Address::ZERO,
            exit_delay_seconds: 0,
            assets: Assets::new(vec![]),
            tokens: vec![],
            markets: vec![],
        };
        let state = SharedState::new(Arc::new(listing), vec![], DeskState::default());
        let patience = Duration::from_secs(60);
        assert!(state.caught_up(patience).await, "nothing was acknowledged");
        state.acknowledge(3);
        state.record(2);
        assert!(!state.caught_up(Duration::ZERO).await);
        state.record(3);
        assert!(state.caught_up(patience).await);
        state.acknowledge(4);
        state.fail("the disk");
        assert!(state.caught_up(patience).await);
    }
}
