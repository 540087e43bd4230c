//! Transactions on their way to other validators.

use alloy_primitives::Bytes;

use crate::message::{MAX_GOSSIP_BYTES, MAX_GOSSIP_TRANSACTIONS};

/// Splits transactions into messages within the bounds of gossip.
pub(super) fn gossip_parts(transactions: Vec<Bytes>) -> Vec<Vec<Bytes>> {
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for transaction in transactions {
        if part.len() == MAX_GOSSIP_TRANSACTIONS || (!part.is_empty() && bytes + transaction.len() > MAX_GOSSIP_BYTES) {
            parts.push(core::mem::take(&mut part));
            bytes = 0;
        }
        bytes += transaction.len();
        part.push(transaction);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gossip_is_split_within_its_bounds_and_nothing_is_lost() {
        let transactions: Vec<Bytes> =
            (0..3_000u32).map(|index| vec![0; if index % 500 == 0 { 128 * 1024 } else { 40 }].into()).collect();
        let parts = gossip_parts(transactions.clone());
        for part in &parts {
            assert!(part.len() <= MAX_GOSSIP_TRANSACTIONS);
            assert!(part.iter().map(|transaction| transaction.len()).sum::<usize>() <= MAX_GOSSIP_BYTES);
        }
        assert!(parts.len() >= 3);
        assert_eq!(parts.concat(), transactions);
    }
}
