//! What the ordered map of prices costs, beside a tree of the standard library and a sorted array.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use exchange::price_tree::PriceTree;
use serde_json::Value;

use crate::figure;

const STEPS: usize = 1_000_000;
const ROUNDS: usize = 3;

trait Prices {
    fn insert(&mut self, price: u32);
    fn remove(&mut self, price: u32);
    /// The best price of a side that sells.
    fn first(&self) -> u32;
}

impl Prices for PriceTree {
    fn insert(&mut self, price: u32) {
        Self::insert(self, price, price);
    }

    fn remove(&mut self, price: u32) {
        Self::remove(self, price);
    }

    fn first(&self) -> u32 {
        Self::first(self).map_or(0, |(price, _)| price)
    }
}

impl Prices for BTreeMap<u32, u32> {
    fn insert(&mut self, price: u32) {
        Self::insert(self, price, price);
    }

    fn remove(&mut self, price: u32) {
        Self::remove(self, &price);
    }

    fn first(&self) -> u32 {
        self.first_key_value().map_or(0, |(price, _)| *price)
    }
}

/// The best price last, as fast books often keep it.
struct Sorted(Vec<(u32, u32)>);

impl Prices for Sorted {
    fn insert(&mut self, price: u32) {
        let place = self.0.partition_point(|(other, _)| *other > price);
        self.0.insert(place, (price, price));
    }

    fn remove(&mut self, price: u32) {
        let place = self.0.partition_point(|(other, _)| *other > price);
        self.0.remove(place);
    }

    fn first(&self) -> u32 {
        self.0.last().map_or(0, |(price, _)| *price)
    }
}

pub(crate) fn figures() -> Vec<Value> {
    let mut figures = Vec::new();
    for (count, apart, which) in [(375, 1, "375 prices side by side"), (16_000, 60_000, "16 000 prices far apart")] {
        let tree = || PriceTree::with_capacity(count as usize);
        let took = [
            ("price tree", fastest(tree, count, apart)),
            ("BTreeMap", fastest(BTreeMap::new, count, apart)),
            ("sorted Vec", fastest(|| Sorted(Vec::with_capacity(count as usize)), count, apart)),
        ];
        let each = took.map(|(name, took)| figure(&format!("change of a price, {name}, {which}"), took, "ns", None));
        figures.extend(each);
    }
    figures
}

fn fastest<P: Prices>(make: impl Fn() -> P, count: u32, apart: u32) -> f64 {
    (0..ROUNDS).map(|_| measure(make(), count, apart)).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds for one price that goes, one that comes, and a look at the best.
fn measure(mut prices: impl Prices, count: u32, apart: u32) -> f64 {
    let mut there: Vec<u32> = (0..count).map(|place| 1 + place * apart).collect();
    let mut absent: Vec<u32> = if apart == 1 {
        (count..count + count / 4).map(|place| 1 + place).collect()
    } else {
        (0..count).map(|place| 1 + place * apart + apart / 2).collect()
    };
    there.iter().for_each(|price| prices.insert(*price));
    let mut random = 7_u64;
    let mut below = |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % end
    };
    let swaps: Vec<_> = (0..STEPS).map(|_| (below(count as usize), below(absent.len()))).collect();
    let began = Instant::now();
    for (goes, comes) in swaps {
        prices.remove(there[goes]);
        prices.insert(absent[comes]);
        std::mem::swap(&mut there[goes], &mut absent[comes]);
        black_box(prices.first());
    }
    began.elapsed().as_nanos() as f64 / STEPS as f64
}
