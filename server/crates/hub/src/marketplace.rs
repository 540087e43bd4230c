//! What connected miners offer, as people compare it: one row for each miner and model, and the sums for each model.
//!
//! The rows say what matching counts with: the reputation, the speed and the slots of [`crate::board`].

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use shared::Address;
use shared::api::marketplace::{OfferFilter, OfferOrder, OfferView, Supply};
use shared::capability::Capability;
use shared::device::{Device, DeviceKind};

use crate::catalog::ModelKey;

/// Rows that are looked at. Where there are more, those of miners with the most results are, so that no number of new keys
/// takes the place of who has delivered.
pub const OFFERS_MAX: usize = 100_000;

const BYTES_PER_GB: u64 = 1_000_000_000;

/// All rows at one moment.
#[derive(Debug, Clone, Default)]
pub struct Marketplace {
    pub offers: Vec<OfferView>,
    pub models: BTreeMap<ModelKey, Supply>,
}

impl Marketplace {
    /// Joins the rows by model.
    pub fn of(offers: Vec<OfferView>) -> Self {
        let mut of_model: BTreeMap<ModelKey, Vec<&OfferView>> = BTreeMap::new();
        for offer in &offers {
            of_model.entry(key(offer)).or_default().push(offer);
        }
        let models = of_model.into_iter().map(|(key, offers)| (key, supply(&offers))).collect();
        Self { offers, models }
    }

    /// The first of the rows that fit, in the order that is asked for, and how many fit.
    pub fn select(&self, filter: &OfferFilter, limit: usize) -> (Vec<OfferView>, usize) {
        let gpu = filter.gpu.as_deref().map(str::to_lowercase);
        let mut found: Vec<&OfferView> =
            self.offers.iter().filter(|offer| fits(offer, filter, gpu.as_deref())).collect();
        let fitting = found.len();
        let order = |one: &&OfferView, other: &&OfferView| compare(one, other, filter.order, filter.reversed);
        if limit < fitting {
            found.select_nth_unstable_by(limit, order);
            found.truncate(limit);
        }
        found.sort_unstable_by(order);
        (found.into_iter().cloned().collect(), fitting)
    }
}

fn key(offer: &OfferView) -> ModelKey {
    ModelKey { kind: offer.kind, model: offer.model.clone() }
}

/// The device by which an offer is found: the graphics card with the most memory, else the first device.
pub fn strongest(capability: &Capability) -> Option<&Device> {
    let cards = capability.devices.iter().filter(|device| device.kind == DeviceKind::Gpu);
    cards.max_by_key(|device| device.memory_bytes).or_else(|| capability.devices.first())
}

fn fits(offer: &OfferView, filter: &OfferFilter, gpu: Option<&str>) -> bool {
    let memory = filter.memory_gb.map(|memory| u64::from(memory) * BYTES_PER_GB);
    let reputation = filter.reputation.map(|percent| u16::from(percent) * 10);
    filter.kind.is_none_or(|kind| offer.kind == kind)
        && filter.model.as_ref().is_none_or(|model| offer.model == *model)
        && gpu.is_none_or(|gpu| offer.is_gpu && offer.device.to_lowercase().contains(gpu))
        && memory.is_none_or(|memory| offer.is_gpu && offer.memory_bytes >= memory)
        && filter.price.is_none_or(|price| offer.example_price <= price)
        && reputation.is_none_or(|reputation| offer.reputation_per_mille >= reputation)
        && (!filter.free || offer.free > 0)
}

/// Rows that are alike in what they are ordered by stand by model, price and miner, whichever way round the order is.
fn compare(one: &OfferView, other: &OfferView, order: OfferOrder, reversed: bool) -> Ordering {
    let by = match order {
        OfferOrder::Model => (one.kind, &one.model).cmp(&(other.kind, &other.model)),
        OfferOrder::Miner => one.miner.cmp(&other.miner),
        OfferOrder::Device => one.device.cmp(&other.device),
        OfferOrder::Memory => one.memory_bytes.cmp(&other.memory_bytes),
        OfferOrder::Price => one.example_price.cmp(&other.example_price),
        OfferOrder::Time => one.example_ms.cmp(&other.example_ms),
        OfferOrder::Reputation => one.reputation_per_mille.cmp(&other.reputation_per_mille),
        OfferOrder::Results => one.results.cmp(&other.results),
        OfferOrder::Free => one.free.cmp(&other.free),
    };
    let by = if order.begins_with_most() == reversed { by } else { by.reverse() };
    let alike = |offer: &OfferView| (offer.unit_price, Reverse(offer.reputation_per_mille), offer.miner);
    by.then_with(|| (one.kind, &one.model).cmp(&(other.kind, &other.model))).then_with(|| alike(one).cmp(&alike(other)))
}

fn supply(offers: &[&OfferView]) -> Supply {
    let mut prices: Vec<_> = offers.iter().map(|offer| offer.unit_price).collect();
    prices.sort_unstable();
    let middle = prices.get(prices.len().saturating_sub(1) / 2);
    let fastest = offers.iter().max_by_key(|offer| (offer.is_measured, offer.micro_units_per_second));
    Supply {
        miners: u32::try_from(offers.len()).unwrap_or(u32::MAX),
        slots: offers.iter().fold(0, |sum, offer| offer.slots.saturating_add(sum)),
        free: offers.iter().fold(0, |sum, offer| offer.free.saturating_add(sum)),
        prices: prices.first().zip(middle).map(|(lowest, middle)| [*lowest, *middle]),
        example_price: offers.iter().map(|offer| offer.example_price).min(),
        micro_units_per_second: fastest.map(|offer| offer.micro_units_per_second),
        is_measured: fastest.is_some_and(|offer| offer.is_measured),
    }
}

/// The miners whose offers are looked at, in the order of their results.
pub(crate) fn with_most_results(mut miners: Vec<(u64, Address)>) -> Vec<Address> {
    miners.sort_unstable_by_key(|(results, address)| (Reverse(*results), *address));
    miners.into_iter().map(|(_, address)| address).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::amount::Amount;
    use shared::digest::Sha256Digest;
    use shared::job::JobKind;
    use shared::unit::UnitType;

    use super::*;

    fn row(miner: u8, model: &str, price: u64) -> OfferView {
        OfferView {
            kind: JobKind::Image,
            model: model.to_owned(),
            manifest_sha256: Sha256Digest::of(b"manifest"),
            miner: Address::repeat_byte(miner),
            unit_type: UnitType::MegapixelStep,
            unit_price: Amount::from_ait(price),
            example_price: Amount::from_ait(2 * price),
            example_ms: 1_000 / price.max(1),
            micro_units_per_second: 1_000_000 * price,
            is_measured: false,
            device: "NVIDIA RTX 4090".to_owned(),
            is_gpu: true,
            memory_bytes: 24 * BYTES_PER_GB,
            reputation_per_mille: 1_000,
            results: 0,
            faults: 0,
            slots: 2,
            free: 1,
            is_draining: false,
        }
    }

    fn miners(market: &Marketplace, filter: &OfferFilter) -> Vec<u8> {
        market.select(filter, usize::MAX).0.iter().map(|offer| offer.miner[0]).collect()
    }

    #[test]
    fn each_filter_removes_what_does_not_fit_and_nothing_else() {
        let rows = [
            row(1, "scenes", 1),
            row(2, "portraits", 5),
            OfferView { is_gpu: false, device: "NVIDIA in name only".into(), ..row(3, "scenes", 1) },
            OfferView { memory_bytes: 8 * BYTES_PER_GB, device: "Radeon".into(), ..row(4, "scenes", 1) },
            OfferView { reputation_per_mille: 899, free: 0, ..row(5, "scenes", 1) },
            OfferView { kind: JobKind::Text, ..row(6, "scenes", 1) },
        ];
        let market = Marketplace::of(rows.to_vec());
        let all = OfferFilter { order: OfferOrder::Miner, ..OfferFilter::default() };
        assert_eq!(miners(&market, &all), [1, 2, 3, 4, 5, 6]);
        let filters = [
            (OfferFilter { kind: Some(JobKind::Text), ..all.clone() }, vec![6]),
            (OfferFilter { model: Some("portraits".into()), ..all.clone() }, vec![2]),
            (OfferFilter { gpu: Some("rtx".into()), ..all.clone() }, vec![1, 2, 5, 6]),
            (OfferFilter { gpu: Some("nvidia".into()), ..all.clone() }, vec![1, 2, 5, 6]),
            (OfferFilter { memory_gb: Some(9), ..all.clone() }, vec![1, 2, 5, 6]),
            (OfferFilter { price: Some(Amount::from_ait(2)), ..all.clone() }, vec![1, 3, 4, 5, 6]),
            (OfferFilter { reputation: Some(90), ..all.clone() }, vec![1, 2, 3, 4, 6]),
            (OfferFilter { free: true, ..all.clone() }, vec![1, 2, 3, 4, 6]),
        ];
        for (filter, expected) in filters {
            assert_eq!(miners(&market, &filter), expected, "{filter:?}");
        }
    }

    #[test]
    fn a_model_has_the_sums_of_its_offers() {
        let measured = OfferView { is_measured: true, micro_units_per_second: 7, free: 0, ..row(3, "scenes", 3) };
        let market = Marketplace::of(vec![row(1, "scenes", 1), row(2, "scenes", 2), measured, row(1, "portraits", 9)]);
        let of = |model: &str| market.models[&ModelKey { kind: JobKind::Image, model: model.into() }].clone();
        let scenes = of("scenes");
        assert_eq!((scenes.miners, scenes.slots, scenes.free), (3, 6, 2));
        assert_eq!(scenes.prices, Some([1, 2].map(Amount::from_ait)));
        assert_eq!(scenes.example_price, Some(Amount::from_ait(2)));
        let speed = (scenes.micro_units_per_second, scenes.is_measured);
        assert_eq!(speed, (Some(7), true), "a measured speed counts, not what somebody states");
        assert_eq!(of("portraits").prices, Some([9, 9].map(Amount::from_ait)));
    }

    proptest! {
        /// The first rows of a long list are those of the whole list in order, whichever way round it is.
        #[test]
        fn a_short_list_is_the_beginning_of_the_long_one(
            drawn in prop::collection::vec((0..3_u64, 0..3_u32), 0..40), limit in 0..10_usize,
            order in 0..9_usize, reversed: bool,
        ) {
            // A miner offers a model once.
            let rows = (0..).zip(&drawn).map(|(miner, (price, free))| OfferView {
                free: *free, model: format!("m{}", miner % 3), results: u64::from(*free), ..row(miner, "", *price)
            });
            let market = Marketplace::of(rows.collect());
            let filter = OfferFilter { order: OfferOrder::ALL[order], reversed, ..OfferFilter::default() };
            let (whole, fitting) = market.select(&filter, usize::MAX);
            let (short, also_fitting) = market.select(&filter, limit);
            prop_assert_eq!((fitting, also_fitting), (whole.len(), whole.len()));
            let key = |offer: &OfferView| (offer.model.clone(), offer.miner, offer.unit_price, offer.free);
            let keys = |rows: &[OfferView]| rows.iter().map(key).collect::<Vec<_>>();
            prop_assert_eq!(keys(&short), keys(&whole)[..limit.min(whole.len())].to_vec());
            let first = |offer: &OfferView| match filter.order {
                OfferOrder::Price => Some(offer.example_price.atto()),
                OfferOrder::Free => Some(u128::from(offer.free)),
                _ => None,
            };
            let values: Vec<_> = whole.iter().filter_map(first).collect();
            let most_first = filter.order.begins_with_most() != reversed;
            let is_in_order = |pair: &[u128]| pair[0] == pair[1] || (pair[0] > pair[1]) == most_first;
            prop_assert!(values.windows(2).all(is_in_order));
        }
    }
}
