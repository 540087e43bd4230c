//! Miners that could be the auditor of the same work, and the draw among them.
//!
//! Each is drawn with the share that its weight has in all weights, so a miner that divides itself into several gains nothing.
//! Who is drawn follows from random bits that nobody had before. The pool is made once and then draws for any number of
//! audits, each in the logarithm of its size: after a restart of the hub, or where an auditor of many leaves, hundreds
//! are drawn at once.

use std::collections::BTreeSet;

use shared::Address;
use shared::digest::Sha256Digest;

use crate::audit::Bits;

/// Miners in the order of their addresses, each with the sum of all weights up to its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Vec<(Address, u128)>);

impl Pool {
    /// `weights` are in the order of the addresses, without repetitions.
    pub(crate) fn of(weights: &[(Address, u64)]) -> Self {
        debug_assert!(weights.is_sorted_by(|one, next| one.0 < next.0), "the order of addresses");
        let sums = weights.iter().scan(0_u128, |sum, (miner, weight)| {
            *sum += u128::from((*weight).max(1));
            Some((*miner, *sum))
        });
        Self(sums.collect())
    }

    /// The one that these bits draw among all but `excluded`. Each `round` of the same bits is a draw of its own.
    pub(crate) fn draw(&self, bits: &Bits, round: u64, excluded: &BTreeSet<Address>) -> Option<Address> {
        // The weights of those who take no part, as spans of the line on which all weights lie.
        let gaps: Vec<(u128, u128)> = excluded.iter().filter_map(|miner| self.span_of(*miner)).collect();
        let all = self.0.last().map_or(0, |(_, sum)| *sum);
        let rest = all - gaps.iter().map(|(begin, end)| end - begin).sum::<u128>();
        if rest == 0 {
            return None;
        }
        let at = gaps.iter().fold(
            point(bits, round, rest),
            |at, (begin, end)| {
                if at >= *begin { at + (end - begin) } else { at }
            },
        );
        self.0.get(self.0.partition_point(|(_, sum)| *sum <= at)).map(|(miner, _)| *miner)
    }

    fn span_of(&self, miner: Address) -> Option<(u128, u128)> {
        let place = self.0.binary_search_by_key(&miner, |(address, _)| *address).ok()?;
        let begin = place.checked_sub(1).and_then(|before| self.0.get(before)).map_or(0, |(_, sum)| *sum);
        self.0.get(place).map(|(_, end)| (begin, *end))
    }
}

/// A point of 0 to `end` − 1, each as likely as any other but for a part in 2⁶⁴ at most.
fn point(bits: &Bits, round: u64, end: u128) -> u128 {
    let digest = Sha256Digest::of(&[bits.as_slice(), &round.to_be_bytes()].concat()).0;
    let number = |half: &[u8]| half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    let (high, low) = (number(&digest[..8]), number(&digest[8..16]));
    // The upper half of a product of 128 and up to 128 bits; weights are 64 bits, of at most 2¹⁴ miners.
    let (end_high, end_low) = (end >> 64, end & u128::from(u64::MAX));
    let middle = high * end_low + ((low * end_low) >> 64);
    high * end_high + (middle >> 64) + ((low * end_high) >> 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn miner(number: u64) -> Address {
        Address::left_padding_from(&number.to_be_bytes())
    }

    fn pool(weights: &[u64]) -> Pool {
        Pool::of(&(1..).map(miner).zip(weights.iter().copied()).collect::<Vec<_>>())
    }

    fn bits(number: u64) -> Bits {
        Sha256Digest::of(&number.to_be_bytes()).0.0
    }

    #[test]
    fn each_miner_is_drawn_by_its_share_of_all_weights_that_take_part() {
        for (weights, out) in [
            (vec![1, 1, 1, 1, 1], vec![]),
            (vec![1, 1, 2, 2, 4], vec![]),
            (vec![0, 1, 100, 1, 100], vec![3]),
            (vec![7, 1, 7, 1, 7], vec![1, 5]),
            (vec![u64::MAX; 5], vec![2, 3]),
        ] {
            let (of, out) = (pool(&weights), out.into_iter().map(miner).collect::<BTreeSet<_>>());
            let mut won = BTreeMap::<Address, u64>::new();
            for number in 0..5_000 {
                *won.entry(of.draw(&bits(number), 1, &out).unwrap()).or_default() += 1;
            }
            let takes_part = |number: &u64| !out.contains(&miner(*number));
            let weight = |number: &u64| u128::from(weights[*number as usize - 1].max(1));
            let all: u128 = (1..=5).filter(takes_part).map(|number| weight(&number)).sum();
            assert!(out.iter().all(|miner| !won.contains_key(miner)), "{won:?}");
            for number in (1..=5).filter(takes_part) {
                let expected = (weight(&number) * 5_000 / all) as u64;
                let won = won.get(&miner(number)).copied().unwrap_or_default();
                assert!(won.abs_diff(expected) <= 30 + expected / 10, "{won}, not {expected}, of {weights:?}");
            }
        }
    }

    #[test]
    fn a_further_round_is_a_draw_of_its_own() {
        let of = pool(&[1; 4]);
        let same = (0..4_000).filter(|number| {
            let first = of.draw(&bits(*number), 0, &BTreeSet::new()).unwrap();
            let neighbour = miner(u64::from(first[19]) % 4 + 1);
            of.draw(&bits(*number), 1, &BTreeSet::from([first])) == Some(neighbour)
        });
        assert!(same.count().abs_diff(4_000 / 3) < 150, "who stands beside the first one has no better chance");
    }

    proptest! {
        #[test]
        fn a_draw_gives_a_miner_of_the_pool_that_takes_part_where_there_is_one(
            weights in prop::collection::vec(prop_oneof![0..5_u64, any::<u64>()], 0..20),
            out in prop::collection::btree_set(1..25_u64, 0..25),
            seed: Bits,
            round: u64,
        ) {
            let out: BTreeSet<Address> = out.into_iter().map(miner).collect();
            let parts: BTreeSet<Address> = (1..=weights.len() as u64).map(miner).filter(|one| !out.contains(one)).collect();
            match pool(&weights).draw(&seed, round, &out) {
                Some(drawn) => prop_assert!(parts.contains(&drawn)),
                None => prop_assert!(parts.is_empty()),
            }
        }

        #[test]
        fn a_point_lies_below_its_end(seed: Bits, round: u64, end in 1..u128::MAX >> 50) {
            prop_assert!(point(&seed, round, end) < end);
        }
    }
}
