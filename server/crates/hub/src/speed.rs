//! How fast a miner serves a model: as the hub measured it, from the grant of a lease to its result, less the part that every
//! job takes whatever its size. What a miner says of its own speed counts only until its first verified result, and no more
//! than a little above what the hub measured at its peers.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::amount::MicroUnits;
use shared::capability::ModelOffer;

use crate::catalog::ModelKey;
use crate::limits::MINERS_MAX;
use crate::matching::ROUND_TRIP_MS;

/// A declared speed counts as up to so many hundredths of the fastest measured one.
pub const HEAD_START_PERCENT: u64 = 125;

/// A miner that was not measured and says nothing of its speed counts as this part of the fastest measured one. Its lease lasts
/// no longer than at that part of the fastest true speed: one that calls itself slow would hold for long what it gets. In the
/// score its word counts as it is.
pub const BEHIND_MAX: u64 = 4;

/// Of the time of a result, the part that no work explains is [`ROUND_TRIP_MS`], and so many hundredths of the time at most. The
/// rest is never less than a quarter, so that a miner of small results is not taken for more than four times as fast as it may
/// be: a lease has five times the expected time.
const FIXED_MAX_PERCENT: u64 = 75;

/// A miner's true speed is at least this part of its measured one.
const OVERSTATED_MAX: u64 = 100 / (100 - FIXED_MAX_PERCENT);

/// Results of so many times the usual work's time are remembered.
const REMEMBERED: u64 = 8;

/// Miners of a model whose measurements are kept, connected or not.
const MEASURED_MAX: usize = 2 * MINERS_MAX;

/// One result that held: what it was of, and how long it took from the grant of its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    pub model: ModelKey,
    pub miner: Address,
    pub units: MicroUnits,
    pub elapsed_ms: u64,
}

/// Work and time of a miner's results for a model. A new result lets as much time of the earlier ones go as it took itself, up
/// to an eighth of it: many small results do not outweigh a large one, of which more can be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    micro_units: u64,
    ms: u64,
}

impl Measured {
    fn take(&mut self, units: MicroUnits, elapsed_ms: u64) {
        let ms = work_ms(elapsed_ms);
        let gone_ms = ms.min(self.ms / REMEMBERED);
        let gone = u128::from(self.micro_units) * u128::from(gone_ms) / u128::from(self.ms.max(1));
        let kept = self.micro_units.saturating_sub(u64::try_from(gone).unwrap_or(u64::MAX));
        self.micro_units = kept.saturating_add(units.0);
        self.ms = (self.ms - gone_ms).saturating_add(ms);
    }

    /// In micro-units, at least one.
    fn per_second(&self) -> u64 {
        let speed = u128::from(self.micro_units) * 1_000 / u128::from(self.ms.max(1));
        u64::try_from(speed).unwrap_or(u64::MAX).max(1)
    }
}

/// What of a result's time was its work.
fn work_ms(elapsed_ms: u64) -> u64 {
    let elapsed_ms = elapsed_ms.max(1);
    let fixed_max_ms = u128::from(elapsed_ms) * u128::from(FIXED_MAX_PERCENT) / 100;
    elapsed_ms - u64::try_from(fixed_max_ms).unwrap_or(u64::MAX).min(ROUND_TRIP_MS)
}

/// What the hub measured at the miners of one model.
#[derive(Debug, Clone, Default)]
pub struct OfModel {
    miners: BTreeMap<Address, Measured>,
    /// Those that are connected.
    ranked: BTreeSet<(u64, Address)>,
}

impl OfModel {
    fn fastest(&self) -> Option<u64> {
        self.ranked.last().map(|(speed, _)| *speed)
    }

    fn rank(&mut self, miner: Address) {
        if let Some(measured) = self.miners.get(&miner) {
            self.ranked.insert((measured.per_second(), miner));
        }
    }

    fn unrank(&mut self, miner: Address) {
        if let Some(measured) = self.miners.get(&miner) {
            self.ranked.remove(&(measured.per_second(), miner));
        }
    }
}

/// Micro-units per second that count for a miner.
pub fn counted(of_model: Option<&OfModel>, miner: Address, offer: &ModelOffer) -> u64 {
    let declared = || counted_of_declared(of_model, offer.measured_micro_units_per_second);
    measured(of_model, miner).unwrap_or_else(declared)
}

/// What the hub measured at a miner.
pub fn measured(of_model: Option<&OfModel>, miner: Address) -> Option<u64> {
    of_model?.miners.get(&miner).map(Measured::per_second)
}

/// What counts of a speed that a miner says of itself: no more than it says, and of those that say one, a higher one never
/// counts for less. 0 says nothing, and counts as slow: without a speed a miner would be expected to need the same time for
/// every work, and for a large one less than those that were measured.
pub fn counted_of_declared(of_model: Option<&OfModel>, declared: u64) -> u64 {
    let Some(fastest) = of_model.and_then(OfModel::fastest) else { return declared };
    if declared == 0 {
        return (fastest / BEHIND_MAX).max(1);
    }
    let most = u64::try_from(u128::from(fastest) * u128::from(HEAD_START_PERCENT) / 100).unwrap_or(u64::MAX).max(1);
    declared.min(most)
}

/// Micro-units per second by which the time of a miner's lease is counted. The fastest miner may be measured too fast, which
/// must not take from another one the time that it needs.
pub fn of_lease(of_model: Option<&OfModel>, miner: Address, offer: &ModelOffer) -> u64 {
    let least = |fastest: u64| (fastest / (BEHIND_MAX * OVERSTATED_MAX)).max(1);
    let least = || of_model.and_then(OfModel::fastest).map_or(0, least);
    let declared = || match offer.measured_micro_units_per_second {
        0 => least(),
        declared => counted_of_declared(of_model, declared).max(least()),
    };
    measured(of_model, miner).unwrap_or_else(declared)
}

/// What the hub measured, by model.
#[derive(Debug, Clone, Default)]
pub struct Speeds(BTreeMap<ModelKey, OfModel>);

impl Speeds {
    pub fn of_model(&self, model: &ModelKey) -> Option<&OfModel> {
        self.0.get(model)
    }

    /// A connected miner's result holds.
    pub(crate) fn take(&mut self, model: ModelKey, miner: Address, units: MicroUnits, elapsed_ms: u64) {
        let of_model = self.0.entry(model).or_default();
        if of_model.miners.len() >= MEASURED_MAX && !of_model.miners.contains_key(&miner) {
            let connected: BTreeSet<Address> = of_model.ranked.iter().map(|(_, miner)| *miner).collect();
            of_model.miners.retain(|known, _| connected.contains(known));
        }
        of_model.unrank(miner);
        of_model.miners.entry(miner).or_default().take(units, elapsed_ms);
        of_model.rank(miner);
    }

    /// What was measured before the hub's last start, the oldest first, of miners that are not connected.
    pub(crate) fn remember(&mut self, earlier: impl IntoIterator<Item = Measurement>) {
        for Measurement { model, miner, units, elapsed_ms } in earlier {
            let of_model = self.0.entry(model).or_default();
            if of_model.miners.len() < MEASURED_MAX || of_model.miners.contains_key(&miner) {
                of_model.miners.entry(miner).or_default().take(units, elapsed_ms);
            }
        }
    }

    /// A new session does not begin anew.
    pub(crate) fn connect(&mut self, miner: Address, offers: &[ModelOffer]) {
        for key in offers.iter().map(ModelKey::offered) {
            if let Some(of_model) = self.0.get_mut(&key) {
                of_model.rank(miner);
            }
        }
    }

    pub(crate) fn disconnect(&mut self, miner: Address, offers: &[ModelOffer]) {
        for key in offers.iter().map(ModelKey::offered) {
            if let Some(of_model) = self.0.get_mut(&key) {
                of_model.unrank(miner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::board::fixtures::offer;
    use crate::matching;

    fn miner(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    fn declared(speed: u64) -> ModelOffer {
        ModelOffer { measured_micro_units_per_second: speed, ..offer("scenes") }
    }

    fn key() -> ModelKey {
        ModelKey::offered(&offer("scenes"))
    }

    #[test]
    fn a_miner_is_as_fast_as_its_results_came() {
        let mut speeds = Speeds::default();
        speeds.take(key(), miner(1), MicroUnits(2_000_000), ROUND_TRIP_MS + 1_000);
        assert_eq!(counted(speeds.of_model(&key()), miner(1), &declared(u64::MAX)), 2_000_000);
        for _ in 0..100 {
            speeds.take(key(), miner(1), MicroUnits(2_000_000), ROUND_TRIP_MS + 4_000);
        }
        let slower = counted(speeds.of_model(&key()), miner(1), &declared(u64::MAX));
        assert!((499_000..510_000).contains(&slower), "{slower}");
        speeds.disconnect(miner(1), &[offer("scenes")]);
        assert_eq!(counted(speeds.of_model(&key()), miner(2), &declared(7)), 7, "nobody measured is here");
        speeds.connect(miner(1), &[offer("scenes")]);
        assert_eq!(counted(speeds.of_model(&key()), miner(1), &declared(u64::MAX)), slower, "nothing begins anew");
    }

    /// Two equal machines, one million micro-units a second and half a second for everything else.
    #[test]
    fn small_results_make_a_miner_no_slower_than_large_ones_do() {
        let mut speeds = Speeds::default();
        let measured = |speeds: &Speeds, number| measured(speeds.of_model(&key()), miner(number)).unwrap();
        speeds.take(key(), miner(1), MicroUnits(100_000_000), 100_500);
        for _ in 0..100 {
            speeds.take(key(), miner(2), MicroUnits(200_000), 700);
        }
        assert!((1_000_000..1_010_000).contains(&measured(&speeds, 1)), "{}", measured(&speeds, 1));
        // Of 700 ms a quarter counts. The whole of it would make 285 714.
        assert!(measured(&speeds, 2).abs_diff(200_000 * 1_000 / 175) < 2_000, "{}", measured(&speeds, 2));
        for _ in 0..10 {
            speeds.take(key(), miner(1), MicroUnits(1_000), 800);
        }
        assert!(measured(&speeds, 1) > 950_000, "ten results that say little, not {}", measured(&speeds, 1));
        speeds.take(key(), miner(2), MicroUnits(100_000_000), 100_500);
        assert!(measured(&speeds, 2).abs_diff(1_000_000) < 20_000, "{}", measured(&speeds, 2));
    }

    #[test]
    fn no_miner_is_taken_for_more_than_four_times_as_fast_as_its_results_came() {
        for elapsed_ms in [0, 1, 2, 3, 500, 1_333, 1_334, 5_000, u64::MAX] {
            let (work, elapsed) = (work_ms(elapsed_ms), elapsed_ms.max(1));
            assert!(work >= 1 && work <= elapsed && work >= elapsed.div_ceil(4), "{work} of {elapsed}");
            assert!(elapsed - work <= ROUND_TRIP_MS, "{work} of {elapsed}");
        }
        assert_eq!((work_ms(400), work_ms(10_000)), (100, 9_000));
    }

    #[test]
    fn a_word_of_slowness_raises_nothing_and_holds_no_lease_longer() {
        let mut speeds = Speeds::default();
        speeds.take(key(), miner(1), MicroUnits(9_000_000), 10_000);
        let of_model = speeds.of_model(&key());
        for (said, counts, of_its_lease) in [(0, 250_000, 62_500), (7, 7, 62_500), (900_000, 900_000, 900_000)] {
            assert_eq!(counted(of_model, miner(2), &declared(said)), counts);
            assert_eq!(of_lease(of_model, miner(2), &declared(said)), of_its_lease);
        }
        assert_eq!(of_lease(of_model, miner(1), &declared(7)), 1_000_000, "it was measured");
        assert_eq!(of_lease(None, miner(2), &declared(7)), 7, "nobody was measured");
        assert_eq!((counted(None, miner(2), &declared(0)), of_lease(None, miner(2), &declared(0))), (0, 0));
    }

    /// The attack: no speed is said, so that every work takes the time of one of which nothing is known.
    #[test]
    fn a_miner_that_says_no_speed_is_not_expected_to_be_faster_than_those_that_were_measured() {
        let mut speeds = Speeds::default();
        speeds.take(key(), miner(1), MicroUnits(9_000_000), 10_000);
        let of_model = speeds.of_model(&key());
        let expected_ms = |units, number, said| {
            matching::expected_ms(MicroUnits(units), counted(of_model, miner(number), &declared(said)))
        };
        for (units, fastest_ms, silent_ms) in
            [(1_000_000, 1_000, 4_000), (100_000_000, 100_000, 400_000), (1_000_000_000, 1_000_000, 4_000_000)]
        {
            assert_eq!((expected_ms(units, 1, 0), expected_ms(units, 2, 0)), (fastest_ms, silent_ms));
            assert!(expected_ms(units, 2, 0) > expected_ms(units, 3, 500_000), "an honest word comes before none");
        }
        let nothing_known = matching::expected_ms(MicroUnits(1_000_000_000), counted(None, miner(2), &declared(0)));
        assert_eq!(nothing_known, matching::UNMEASURED_MS);
    }

    /// A fast machine of which only short results were seen is measured four times too fast.
    #[test]
    fn a_miner_with_a_tenth_of_the_fastest_true_speed_does_not_run_out_of_its_lease() {
        const TRUE_PER_SECOND: u64 = 1_000_000;
        let mut speeds = Speeds::default();
        speeds.take(key(), miner(1), MicroUnits(1_300_000), 1_300);
        let of_model = speeds.of_model(&key());
        assert_eq!(measured(of_model, miner(1)), Some(4 * TRUE_PER_SECOND));
        let units = MicroUnits(100 * TRUE_PER_SECOND);
        for said in [0, 1, TRUE_PER_SECOND / 10] {
            let expected_ms = matching::expected_ms(units, of_lease(of_model, miner(2), &declared(said)));
            let (has_ms, needs_ms) = (crate::lease::work_max_ms(expected_ms), 10 * 100_000);
            assert!(has_ms >= needs_ms, "{said}: {has_ms} of {needs_ms} ms");
        }
    }

    #[test]
    fn what_was_measured_before_a_restart_counts_after_it() {
        let (mut before, mut after) = (Speeds::default(), Speeds::default());
        let results = [(1, 4_000), (1, 2_000), (2, 1_000)].map(|(number, elapsed_ms)| Measurement {
            model: key(),
            miner: miner(number),
            units: MicroUnits(2_000_000),
            elapsed_ms,
        });
        for Measurement { model, miner, units, elapsed_ms } in results.clone() {
            before.take(model, miner, units, elapsed_ms);
        }
        after.remember(results);
        for number in [1, 2] {
            let of = |speeds: &Speeds| counted(speeds.of_model(&key()), miner(number), &declared(u64::MAX));
            assert_eq!(of(&after), of(&before), "miner {number}");
        }
        assert_eq!(after.of_model(&key()).unwrap().fastest(), None, "nobody is connected yet");
        after.connect(miner(1), &[offer("scenes")]);
        assert_eq!(
            after.of_model(&key()).unwrap().fastest(),
            Some(counted(before.of_model(&key()), miner(1), &declared(7)))
        );
    }

    proptest! {
        /// The attack: an invented speed.
        #[test]
        fn a_declared_speed_counts_only_near_a_measured_one(said: u64, units in 1..u64::MAX / 2_000, ms in 1..10_000_000_u64) {
            let mut speeds = Speeds::default();
            speeds.take(key(), miner(1), MicroUnits(units), ms);
            let fastest = counted(speeds.of_model(&key()), miner(1), &declared(said));
            let counts = counted(speeds.of_model(&key()), miner(2), &declared(said));
            let most = u64::try_from(u128::from(fastest) * 125 / 100).unwrap_or(u64::MAX).max(1);
            prop_assert_eq!(counts, if said == 0 { (fastest / BEHIND_MAX).max(1) } else { said.min(most) });
            let (faster_ms, its_ms) = (matching::expected_ms(MicroUnits(u64::MAX), most), matching::expected_ms(MicroUnits(u64::MAX), counts));
            prop_assert!(its_ms >= faster_ms, "{} < {}", its_ms, faster_ms);
            let of_its_lease = of_lease(speeds.of_model(&key()), miner(2), &declared(said));
            let least = (fastest / (BEHIND_MAX * OVERSTATED_MAX)).max(1);
            prop_assert_eq!(of_its_lease, if said == 0 { least } else { counts.max(least) });
        }

        #[test]
        fn the_fastest_is_that_of_the_connected(results in prop::collection::vec((0..4_u8, 1..1_000_000_u64, 1..100_000_u64), 1..40), away: u8) {
            let mut speeds = Speeds::default();
            for (number, units, ms) in &results {
                speeds.take(key(), miner(*number), MicroUnits(*units), *ms);
            }
            speeds.disconnect(miner(away % 4), &[offer("scenes")]);
            let of_model = speeds.of_model(&key()).unwrap();
            let here = of_model.miners.iter().filter(|(address, _)| **address != miner(away % 4));
            prop_assert_eq!(of_model.fastest(), here.map(|(_, measured)| measured.per_second()).max());
        }
    }
}
