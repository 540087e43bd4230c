//! How fast a miner serves a model: as the hub measured it, from the grant of a lease to its result. What a miner says of
//! its own speed counts only until its first verified result, and only near what the hub measured at its peers.

use std::collections::{BTreeMap, BTreeSet};

use shared::Address;
use shared::amount::MicroUnits;
use shared::capability::ModelOffer;

use crate::catalog::ModelKey;

/// A declared speed counts as up to so many hundredths of the fastest measured one.
pub const HEAD_START_PERCENT: u64 = 125;

/// And as not less than this part of it: a miner that calls itself slow would hold for long what it gets.
pub const BEHIND_MAX: u64 = 4;

/// Miners of a model whose measurements are kept, connected or not.
const MINERS_MAX: usize = 2 * crate::board::MINERS_MAX;

/// One result that held: what it was of, and how long it took from the grant of its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measurement {
    pub model: ModelKey,
    pub miner: Address,
    pub units: MicroUnits,
    pub elapsed_ms: u64,
}

/// Work and time of a miner's results for a model. Each new result lets an eighth of the earlier ones go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    micro_units: u64,
    ms: u64,
}

impl Measured {
    fn take(&mut self, units: MicroUnits, elapsed_ms: u64) {
        let keep = |sum: u64| sum - sum / 8;
        self.micro_units = keep(self.micro_units).saturating_add(units.0);
        self.ms = keep(self.ms).saturating_add(elapsed_ms.max(1));
    }

    /// In micro-units, at least one.
    fn per_second(&self) -> u64 {
        let speed = u128::from(self.micro_units) * 1_000 / u128::from(self.ms.max(1));
        u64::try_from(speed).unwrap_or(u64::MAX).max(1)
    }
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

/// What counts of a speed that a miner says of itself. A higher one never counts for less.
pub fn counted_of_declared(of_model: Option<&OfModel>, declared: u64) -> u64 {
    let Some(fastest) = of_model.and_then(OfModel::fastest) else { return declared };
    let most = u64::try_from(u128::from(fastest) * u128::from(HEAD_START_PERCENT) / 100).unwrap_or(u64::MAX).max(1);
    declared.clamp((fastest / BEHIND_MAX).clamp(1, most), most)
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
        if of_model.miners.len() >= MINERS_MAX && !of_model.miners.contains_key(&miner) {
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
            if of_model.miners.len() < MINERS_MAX || of_model.miners.contains_key(&miner) {
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
        speeds.take(key(), miner(1), MicroUnits(2_000_000), 1_000);
        assert_eq!(counted(speeds.of_model(&key()), miner(1), &declared(u64::MAX)), 2_000_000);
        for _ in 0..100 {
            speeds.take(key(), miner(1), MicroUnits(2_000_000), 4_000);
        }
        let slower = counted(speeds.of_model(&key()), miner(1), &declared(u64::MAX));
        assert!((499_000..510_000).contains(&slower), "{slower}");
        speeds.disconnect(miner(1), &[offer("scenes")]);
        assert_eq!(counted(speeds.of_model(&key()), miner(2), &declared(7)), 7, "nobody measured is here");
        speeds.connect(miner(1), &[offer("scenes")]);
        assert_eq!(counted(speeds.of_model(&key()), miner(1), &declared(u64::MAX)), slower, "nothing begins anew");
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
            prop_assert!(u128::from(counts) <= (u128::from(fastest) * 125 / 100).max(1));
            prop_assert!(counts >= fastest / BEHIND_MAX);
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
