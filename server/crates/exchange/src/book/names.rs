//! From the names of orders to their slots: a table with open addressing, all of it allocated at the start.
//!
//! An entry keeps half of the hash, so that moving it needs no look at the order. Traders choose client order ids;
//! the key of the hash is secret, so nobody can choose ids that fall on each other.

use super::orders::NIL;

/// A secret from which hashes follow. It changes no event and is in no snapshot.
#[derive(Debug, Clone, Copy)]
pub struct HashKey(pub [u64; 2]);

impl HashKey {
    /// Eight names in a row share a line of the processor's cache, since new orders have ids in a row.
    #[inline]
    pub(crate) fn hash(self, name: u64, account: u32) -> u32 {
        let mixed = fold((name >> 3) ^ self.0[0], self.0[1] | 1);
        let line = (fold(mixed ^ u64::from(account), 0x9E37_79B9_7F4A_7C15) >> 32) as u32;
        line << 3 | (name & 7) as u32
    }
}

#[inline]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    slot: u32,
}

const EMPTY: Entry = Entry { hash: 0, slot: NIL };

#[derive(Debug, Clone)]
pub(crate) struct Names {
    entries: Vec<Entry>,
    mask: usize,
}

impl Names {
    /// At most half of it is ever used.
    pub(crate) fn with_capacity(names_max: u32) -> Self {
        let size = (names_max as usize * 2).next_power_of_two();
        Self { entries: vec![EMPTY; size], mask: size - 1 }
    }

    #[inline]
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mut place = hash as usize & self.mask;
        loop {
            let entry = self.entries[place];
            if entry.slot == NIL {
                return None;
            }
            if entry.hash == hash && is_it(entry.slot) {
                return Some(entry.slot);
            }
            place = (place + 1) & self.mask;
        }
    }

    pub(crate) fn insert(&mut self, hash: u32, slot: u32) {
        let mut place = hash as usize & self.mask;
        while self.entries[place].slot != NIL {
            place = (place + 1) & self.mask;
        }
        self.entries[place] = Entry { hash, slot };
    }

    /// Moves later entries of the same run up, so that no mark of a removed one stays.
    pub(crate) fn remove(&mut self, hash: u32, slot: u32) {
        let mut gap = hash as usize & self.mask;
        while self.entries[gap].slot != slot {
            if self.entries[gap].slot == NIL {
                return;
            }
            gap = (gap + 1) & self.mask;
        }
        let mut place = gap;
        loop {
            place = (place + 1) & self.mask;
            let entry = self.entries[place];
            if entry.slot == NIL {
                break;
            }
            let home = entry.hash as usize & self.mask;
            // The entry may move into the gap unless its home lies behind the gap.
            if place.wrapping_sub(home) & self.mask >= place.wrapping_sub(gap) & self.mask {
                self.entries[gap] = entry;
                gap = place;
            }
        }
        self.entries[gap] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_is_in_it_also_where_hashes_are_close(
            steps in prop::collection::vec((0..40_u32, any::<bool>()), 1..400),
        ) {
            let mut names = Names::with_capacity(32);
            let mut there = BTreeMap::new();
            // Many homes are the same, and some are at the end of the table.
            let hash = |name: u32| name / 4 * 7 + 50;
            for (name, insert) in steps {
                if insert && there.len() < 32 && !there.contains_key(&name) {
                    names.insert(hash(name), name);
                    there.insert(name, ());
                } else if there.remove(&name).is_some() {
                    names.remove(hash(name), name);
                }
                for name in 0..40 {
                    let found = names.find(hash(name), |slot| slot == name);
                    prop_assert_eq!(found.is_some(), there.contains_key(&name));
                }
            }
        }
    }
}
