use std::collections::BTreeMap;

use chain::SignedTransaction;

/// A waiting transaction with when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) transaction: SignedTransaction,
    pub(crate) arrival_unix_ms: u64,
    /// Position in the order of arrival; a replacement keeps that of what it replaces.
    pub(crate) sequence: u64,
}

/// The waiting transactions of one sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct SenderQueue {
    /// The sender's next nonce on the chain.
    pub(crate) chain_nonce: u64,
    pub(crate) by_nonce: BTreeMap<u64, Waiting>,
}

impl SenderQueue {
    /// The first nonce from the chain's on that nothing here has.
    pub(crate) fn next_nonce(&self) -> u64 {
        let mut next = self.chain_nonce;
        for nonce in self.by_nonce.range(self.chain_nonce..).map(|(nonce, _)| *nonce) {
            if nonce != next {
                break;
            }
            next += 1;
        }
        next
    }

    /// The transactions whose predecessors are all there, in order.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &Waiting> {
        self.by_nonce
            .range(self.chain_nonce..)
            .zip(self.chain_nonce..)
            .take_while(|((nonce, _), expected)| **nonce == *expected)
            .map(|((_, waiting), _)| waiting)
    }

    /// The last transaction, if it is not ready.
    pub(crate) fn last_queued(&self) -> Option<&Waiting> {
        let (nonce, waiting) = self.by_nonce.last_key_value()?;
        (*nonce >= self.next_nonce()).then_some(waiting)
    }
}
