//! Transactions as the pool takes them: pushed to subscribers, and their hashes remembered for filters that poll.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::B256;
use chain::SignedTransaction;
use tokio::sync::broadcast;

/// Transactions that a slow subscriber, or a filter between two polls, may lag behind before it misses some.
const MAX_REMEMBERED: usize = 8_192;

pub(crate) struct Arrivals {
    sender: broadcast::Sender<Arc<SignedTransaction>>,
    recent: Mutex<Recent>,
}

/// The newest hashes. Whole transactions would keep far more memory for as long as a filter is not polled.
#[derive(Default)]
struct Recent {
    total: u64,
    hashes: VecDeque<B256>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(MAX_REMEMBERED), recent: Mutex::default() }
    }
}

impl Arrivals {
    pub(crate) fn tell(&self, transaction: SignedTransaction) {
        self.recent().push(transaction.hash());
        // An error says that nobody listens.
        let _ = self.sender.send(Arc::new(transaction));
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<SignedTransaction>> {
        self.sender.subscribe()
    }

    /// How many transactions have arrived since the node started.
    pub(crate) fn total(&self) -> u64 {
        self.recent().total
    }

    /// Those of the arrivals after the first `seen` and up to the first `until` that are still remembered.
    pub(crate) fn between(&self, seen: u64, until: u64) -> Vec<B256> {
        self.recent().between(seen, until)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn push(&mut self, hash: B256) {
        if self.hashes.len() == MAX_REMEMBERED {
            self.hashes.pop_front();
        }
        self.hashes.push_back(hash);
        self.total += 1;
    }

    fn between(&self, seen: u64, until: u64) -> Vec<B256> {
        let forgotten = self.total - self.hashes.len() as u64;
        let numbered = (forgotten..).zip(&self.hashes);
        numbered.filter(|(number, _)| (seen..until).contains(number)).map(|(_, hash)| *hash).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_not_told_again_and_what_was_forgotten_is_left_out() {
        let hash = |number: u64| B256::from(alloy_primitives::U256::from(number));
        let mut recent = Recent::default();
        (0..3).for_each(|number| recent.push(hash(number)));
        assert_eq!(recent.between(0, 3), [hash(0), hash(1), hash(2)]);
        assert_eq!(recent.between(1, 2), [hash(1)]);
        assert!(recent.between(3, 3).is_empty());
        let all = MAX_REMEMBERED as u64 + 5;
        (3..all).for_each(|number| recent.push(hash(number)));
        let told = recent.between(0, all);
        assert_eq!((told.len(), told.first().copied()), (MAX_REMEMBERED, Some(hash(5))));
    }
}
