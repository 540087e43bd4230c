//! How reliable a miner is: the share of its leases that it did not fail, from public counts alone.
//!
//! `reputation = 1000 − ⌊1000 × faults / (jobs completed + faults + 1)⌋`, in thousandths. A job counts as completed with
//! its receipt, which is public and signed by miner and hub; a fault is a lease that ended by the miner's own failure.
//! Faults of the network or of the hub do not count, unless a miner has them again and again and completes nothing in
//! between. The 1 softens the first fault: a new miner starts with the full
//! reputation, and the first fault costs half of it.

/// The full reputation, in thousandths.
pub const WHOLE: u16 = 1_000;

/// Verified results after which a miner is no newcomer any more.
pub const PROVEN_RESULTS: u64 = 3;

/// Slots of a miner without any history. Each verified result adds one, each fault takes [`FAULT_COSTS_RESULTS`].
pub const NEW_MINER_SLOTS: u32 = 2;

/// Verified results that a fault costs where slots are counted.
pub const FAULT_COSTS_RESULTS: u64 = 8;

/// Results of a miner without any history that may wait for their audits at once. Every [`RESULTS_PER_AWAITED_AUDIT`]
/// verified results add one.
pub const NEW_MINER_AWAITED_AUDITS: u64 = 2;

/// See [`NEW_MINER_AWAITED_AUDITS`].
pub const RESULTS_PER_AWAITED_AUDIT: u64 = 20;

/// Verified results, beyond what faults took, with which a miner is drawn as an auditor before those with fewer. A lie
/// counts as a result until it is refuted, so a few results say little about who judges others.
pub const JUDGE_RESULTS: u64 = 20;

/// The least risk that a score knows, in thousandths.
pub const RISK_FLOOR_PER_MILLE: u64 = 10;

/// Whether the hub has seen enough of a miner. A new key costs nothing, so a newcomer is not worth the trust of one that
/// has delivered.
pub const fn is_proven(jobs_completed: u64) -> bool {
    jobs_completed >= PROVEN_RESULTS
}

/// Verified results less what faults took of them.
const fn earned(jobs_completed: u64, faults: u64) -> u64 {
    jobs_completed.saturating_sub(faults.saturating_mul(FAULT_COSTS_RESULTS))
}

/// How many leases a miner may have at once, whatever it offers. New keys thus hold few jobs.
pub fn slots_max(jobs_completed: u64, faults: u64) -> u32 {
    NEW_MINER_SLOTS.saturating_add(u32::try_from(earned(jobs_completed, faults)).unwrap_or(u32::MAX))
}

/// How many results of a miner may wait for their audits before it gets no more work. So a key that lies from its first
/// result on deceives few clients before somebody looked, and an honest one, of whose first 25 results about five are
/// drawn, waits seldom.
pub fn awaited_audits_max(jobs_completed: u64, faults: u64) -> u64 {
    NEW_MINER_AWAITED_AUDITS + earned(jobs_completed, faults) / RESULTS_PER_AWAITED_AUDIT
}

/// Whether a miner has delivered enough to judge others, while there is such a one.
pub const fn may_judge(jobs_completed: u64, faults: u64) -> bool {
    earned(jobs_completed, faults) >= JUDGE_RESULTS
}

/// How much a miner counts where an auditor is drawn, at least 1: as much as the work that it did.
pub fn weight_in_draws(jobs_completed: u64, faults: u64) -> u64 {
    earned(jobs_completed, faults).max(1)
}

/// The estimated chance that the next lease is a fault, in thousandths, on top of [`RISK_FLOOR_PER_MILLE`]:
/// `(faults + 1) / (jobs completed + faults + 2)`. Nothing known is one half.
pub fn risk_per_mille(jobs_completed: u64, faults: u64) -> u64 {
    let leases = u128::from(jobs_completed) + u128::from(faults);
    let chance = 1_000 * (u128::from(faults) + 1) / (leases + 2);
    RISK_FLOOR_PER_MILLE + u64::try_from(chance).unwrap_or(1_000)
}

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

    #[test]
    fn a_new_key_holds_little_and_a_fault_takes_what_eight_results_gave() {
        assert_eq!(slots_max(0, 0), NEW_MINER_SLOTS);
        assert_eq!((slots_max(10, 0), slots_max(10, 1), slots_max(10, 2)), (12, 4, NEW_MINER_SLOTS));
        assert_eq!(slots_max(u64::MAX, 0), u32::MAX);
        assert_eq!(slots_max(u64::MAX, u64::MAX), NEW_MINER_SLOTS);
        let awaited: Vec<u64> =
            [(0, 0), (19, 0), (20, 0), (20, 1)].map(|(done, faults)| awaited_audits_max(done, faults)).into();
        assert_eq!(awaited, [2, 2, 3, 2]);
        assert!(may_judge(20, 0) && !may_judge(19, 0) && !may_judge(27, 1) && may_judge(28, 1));
        assert_eq!((weight_in_draws(0, 0), weight_in_draws(10, 1), weight_in_draws(10, 2)), (1, 2, 1));
    }

    #[test]
    fn a_newcomer_is_a_risk_of_one_half() {
        assert_eq!(risk_per_mille(0, 0), 510);
        assert_eq!(risk_per_mille(98, 1), 29);
        assert_eq!(risk_per_mille(0, 1), 676);
        assert_eq!(risk_per_mille(u64::MAX, 0), RISK_FLOOR_PER_MILLE);
    }

    proptest! {
        #[test]
        fn results_lower_the_risk_and_faults_raise_it(completed in 0..u64::MAX, faults in 0..u64::MAX) {
            let now = risk_per_mille(completed, faults);
            prop_assert!((RISK_FLOOR_PER_MILLE..=RISK_FLOOR_PER_MILLE + 1_000).contains(&now));
            prop_assert!(risk_per_mille(completed + 1, faults) <= now);
            prop_assert!(risk_per_mille(completed, faults + 1) >= now);
        }

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
