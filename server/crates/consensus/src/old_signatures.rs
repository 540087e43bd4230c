//! How many signatures of each peer are recovered for heights that are over.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use chain::MAX_VALIDATORS;

use crate::sync::MAX_REMEMBERED_PEERS;

/// Signatures of one peer that are recovered at once: those of two certificates of the largest set.
pub(crate) const MAX_OLD_SIGNATURES: u64 = 2 * MAX_VALIDATORS as u64;
/// How long it takes until one more of a peer is recovered, in milliseconds.
const SIGNATURE_PAUSE_MS: u64 = 10;

/// What each peer has left. A validator that keeps the rules says little about heights that are over: its own late votes, and the
/// blocks of a fork that it was asked for.
#[derive(Debug, Default)]
pub(crate) struct OldSignatures {
    /// When a peer may have all recovered again that it may have at once.
    full_at_ms: BTreeMap<Address, u64>,
}

impl OldSignatures {
    /// Whether one more signature that a peer sent may be recovered; it counts from now on.
    pub(crate) fn take(&mut self, peer: Address, now_ms: u64) -> bool {
        let full_at_ms = self.full_at_ms.get(&peer).copied().unwrap_or_default().max(now_ms) + SIGNATURE_PAUSE_MS;
        if full_at_ms - now_ms > MAX_OLD_SIGNATURES * SIGNATURE_PAUSE_MS {
            return false;
        }
        if self.full_at_ms.len() >= MAX_REMEMBERED_PEERS {
            self.full_at_ms.retain(|_, full_at_ms| now_ms < *full_at_ms);
        }
        self.full_at_ms.insert(peer, full_at_ms);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_bound_that_fills_again_and_none_of_another() {
        let (mut signatures, one, other) = (OldSignatures::default(), Address::repeat_byte(1), Address::repeat_byte(2));
        let mut taken_at = |peer, now_ms, most: u64| (0..most).filter(|_| signatures.take(peer, now_ms)).count() as u64;
        assert_eq!(taken_at(one, 1_000, 2 * MAX_OLD_SIGNATURES), MAX_OLD_SIGNATURES);
        assert_eq!(taken_at(other, 1_000, 1), 1, "another peer has its own bound");
        assert_eq!(taken_at(one, 1_000 + 5 * SIGNATURE_PAUSE_MS, 10), 5);
        let later_ms = 1_000 + 100 * MAX_OLD_SIGNATURES * SIGNATURE_PAUSE_MS;
        assert_eq!(taken_at(one, later_ms, 2 * MAX_OLD_SIGNATURES), MAX_OLD_SIGNATURES, "never more at once");
    }
}
