//! How reliable a miner is: the share of its leases that it did not fail, from public counts alone.
//!
//! `reputation = 1000 − ⌊1000 × faults / (jobs completed + faults + 1)⌋`, in thousandths. A job counts as completed with
//! its receipt, which is public and signed by miner and hub; a fault is a lease that ended by the miner's own failure.
//! Faults of the network or of the hub do not count, unless a miner has them again and again and completes nothing in
//! between. The 1 softens the first fault: a new miner starts with the full
//! reputation, and the first fault costs half of it.

/// The full reputation, in thousandths.
pub const WHOLE: u16 = 1_000;

/// Thousandths, 1 to [`WHOLE`].
pub fn per_mille(jobs_completed: u64, faults: u64) -> u16 {
    let leases = u128::from(jobs_completed) + u128::from(faults);
    let lost = u128::from(WHOLE) * u128::from(faults) / (leases + 1);
    WHOLE.saturating_sub(u16::try_from(lost).unwrap_or(WHOLE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_formula_holds_where_it_can_be_done_by_hand() {
        assert_eq!(per_mille(0, 0), 1_000);
        assert_eq!(per_mille(0, 1), 500);
        assert_eq!(per_mille(98, 1), 990);
        assert_eq!(per_mille(0, 999), 1);
        assert_eq!(per_mille(u64::MAX, 0), 1_000);
        assert_eq!(per_mille(u64::MAX, u64::MAX), 501);
    }

    proptest! {
        #[test]
        fn work_never_lowers_it_a_fault_never_raises_it_and_it_is_never_lost_for_good(completed: u64, faults: u64) {
            let now = per_mille(completed, faults);
            prop_assert!((1..=WHOLE).contains(&now));
            prop_assert!(per_mille(completed.saturating_add(1), faults) >= now);
            prop_assert!(per_mille(completed, faults.saturating_add(1)) <= now);
            prop_assert_eq!(per_mille(completed, 0), WHOLE);
        }

        #[test]
        fn enough_honest_work_outweighs_any_faults(faults in 0..1_000_000_u64) {
            prop_assert!(per_mille(faults * 1_000, faults) >= 999);
        }
    }
}
