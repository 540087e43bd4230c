//! Which receipts share a mint transaction, and what becomes of those whose transaction failed.

use shared::time::UnixMillis;

/// Receipts in one mint transaction.
pub const BATCH_MAX_RECEIPTS: usize = 32;

/// A receipt waits at most so long for others that share its transaction.
pub const LINGER_MS: u64 = 150;

/// After so many failed transactions a receipt is given up, with the minter's reason, unless the reason passes by itself.
pub const ATTEMPTS_MAX: u32 = 8;

const FIRST_DELAY_MS: u64 = 2_000;
const DELAY_MAX_MS: u64 = 600_000;

/// How many of the receipts that wait go into the next transaction. `attempts` lists, oldest first, how often each was
/// tried. One that failed before goes alone, so that it cannot take others down again.
pub fn batch_size(attempts: &[u32]) -> usize {
    match attempts.first() {
        None => 0,
        Some(&tried) if tried > 0 => 1,
        Some(_) => attempts.iter().take(BATCH_MAX_RECEIPTS).take_while(|tried| **tried == 0).count(),
    }
}

/// How long the minter's reason to refuse a receipt lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalLasts {
    /// It passes by itself: a pause, an epoch's cap.
    ForATime,
    /// Nobody knows.
    Unknown,
    /// No later block can take the receipt: it has expired.
    ForEver,
}

/// What to do with a receipt whose transaction reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRevert {
    RetryAt(UnixMillis),
    GiveUp,
}

/// `attempts` counts the transaction that just reverted. A batch of several says nothing about each of them, so they
/// are tried alone at once. Alone, a receipt that no later block can take is given up at the first refusal. For other
/// reasons the delay doubles up to ten minutes, and one that passes by itself costs time but never the receipt.
pub fn after_revert(attempts: u32, shared_the_batch: bool, lasts: RefusalLasts, now: UnixMillis) -> AfterRevert {
    if shared_the_batch {
        return AfterRevert::RetryAt(now);
    }
    match lasts {
        RefusalLasts::ForEver => return AfterRevert::GiveUp,
        RefusalLasts::Unknown if attempts >= ATTEMPTS_MAX => return AfterRevert::GiveUp,
        RefusalLasts::Unknown | RefusalLasts::ForATime => {}
    }
    let doublings = attempts.saturating_sub(1).min(20);
    AfterRevert::RetryAt(now.plus_ms((FIRST_DELAY_MS << doublings).min(DELAY_MAX_MS)))
}

/// What the chain says of a receipt whose mint was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The minter has used the receipt, by whatever transaction.
    pub is_used: bool,
    /// The hub still sends the transaction, or it waits for a block.
    pub is_on_its_way: bool,
}

/// What a receipt whose mint was signed needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// It is minted.
    RecordMint,
    /// Its transaction's end tells.
    Wait,
    /// No block will ever have its mint by that transaction: it is minted by another.
    MintAgain,
}

/// Brings a receipt in line with the chain. Minting again is safe whatever was seen, since the minter uses a receipt once.
pub fn reconcile(seen: Seen) -> Reconciled {
    match seen {
        Seen { is_used: true, .. } => Reconciled::RecordMint,
        Seen { is_on_its_way: true, .. } => Reconciled::Wait,
        Seen { .. } => Reconciled::MintAgain,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_receipt_that_failed_goes_alone() {
        assert_eq!(batch_size(&[]), 0);
        assert_eq!(batch_size(&[1, 0, 0]), 1);
        assert_eq!(batch_size(&[0, 0, 1, 0]), 2);
        assert_eq!(batch_size(&[0; 1_000]), BATCH_MAX_RECEIPTS);
    }

    #[test]
    fn gives_up_in_the_end_but_never_because_of_others_in_the_batch() {
        use RefusalLasts::{ForATime, ForEver, Unknown};
        let now = UnixMillis(0);
        assert_eq!(after_revert(ATTEMPTS_MAX, true, Unknown, now), AfterRevert::RetryAt(now));
        assert_eq!(after_revert(1, false, Unknown, now), AfterRevert::RetryAt(UnixMillis(2_000)));
        assert_eq!(after_revert(ATTEMPTS_MAX, false, Unknown, now), AfterRevert::GiveUp);
        let paused = after_revert(u32::MAX, false, ForATime, now);
        assert_eq!(paused, AfterRevert::RetryAt(UnixMillis(DELAY_MAX_MS)));
        assert_eq!(after_revert(1, false, ForEver, now), AfterRevert::GiveUp, "never a second time");
        assert_eq!(after_revert(1, true, ForEver, now), AfterRevert::RetryAt(now), "another one may have expired");
    }

    #[test]
    fn a_used_receipt_is_minted_whatever_became_of_its_transaction() {
        let reconciled = |is_used, is_on_its_way| reconcile(Seen { is_used, is_on_its_way });
        assert_eq!(reconciled(true, true), Reconciled::RecordMint);
        assert_eq!(reconciled(true, false), Reconciled::RecordMint);
        assert_eq!(reconciled(false, true), Reconciled::Wait);
        assert_eq!(reconciled(false, false), Reconciled::MintAgain);
    }

    proptest! {
        #[test]
        fn every_waiting_receipt_gets_its_turn(attempts in prop::collection::vec(0..4_u32, 0..200)) {
            let mut rest = attempts.as_slice();
            while !rest.is_empty() {
                let size = batch_size(rest);
                prop_assert!((1..=BATCH_MAX_RECEIPTS).contains(&size));
                prop_assert!(size == 1 || rest[..size].iter().all(|tried| *tried == 0));
                rest = &rest[size..];
            }
        }
    }
}
