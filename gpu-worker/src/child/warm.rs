//! Models that stay loaded, as many as fit. The least recently used one is unloaded first. Pure.

/// Values by key, bounded by the sum of their bytes.
#[derive(Debug)]
pub struct Warm<Key, Value> {
    bytes_max: u64,
    /// The one that was used last comes last.
    kept: Vec<Kept<Key, Value>>,
}

#[derive(Debug)]
struct Kept<Key, Value> {
    key: Key,
    value: Value,
    bytes: u64,
}

impl<Key: PartialEq, Value> Warm<Key, Value> {
    pub fn new(bytes_max: u64) -> Self {
        Self { bytes_max, kept: Vec::new() }
    }

    /// The value of `key`, which counts as used now.
    pub fn get(&mut self, key: &Key) -> Option<&mut Value> {
        let place = self.kept.iter().position(|kept| kept.key == *key)?;
        let kept = self.kept.remove(place);
        self.kept.push(kept);
        self.kept.last_mut().map(|kept| &mut kept.value)
    }

    /// Makes room for a value of `bytes`; gives the keys that left. One that is larger than everything allowed still
    /// comes, alone.
    pub fn make_room(&mut self, bytes: u64) -> Vec<Key> {
        let mut left = Vec::new();
        while !self.kept.is_empty() && self.bytes().saturating_add(bytes) > self.bytes_max {
            left.push(self.kept.remove(0).key);
        }
        left
    }

    /// Keeps a value for which there is room.
    pub fn insert(&mut self, key: Key, value: Value, bytes: u64) {
        self.kept.retain(|kept| kept.key != key);
        self.kept.push(Kept { key, value, bytes });
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.kept.iter_mut().map(|kept| &mut kept.value)
    }

    pub fn bytes(&self) -> u64 {
        self.kept.iter().fold(0, |sum, kept| sum.saturating_add(kept.bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_one_unused_for_longest_leaves_first() {
        let mut warm = Warm::new(100);
        for (key, bytes) in [("a", 40), ("b", 40)] {
            assert!(warm.make_room(bytes).is_empty());
            warm.insert(key, (), bytes);
        }
        assert!(warm.get(&"a").is_some());
        assert_eq!(warm.make_room(30), ["b"]);
        warm.insert("c", (), 30);
        assert_eq!((warm.bytes(), warm.get(&"b").is_some()), (70, false));
        assert_eq!(warm.make_room(1_000), ["a", "c"]);
        warm.insert("d", (), 1_000);
        assert_eq!(warm.bytes(), 1_000);
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_the_last_used_is_there(
            uses in prop::collection::vec((0..6_u8, 1..60_u64), 1..60),
            bytes_max in 60..200_u64,
        ) {
            let mut warm = Warm::new(bytes_max);
            for (key, bytes) in uses {
                if warm.get(&key).is_none() {
                    let left = warm.make_room(bytes);
                    prop_assert!(!left.contains(&key));
                    warm.insert(key, (), bytes);
                }
                prop_assert!(warm.bytes() <= bytes_max);
                prop_assert!(warm.get(&key).is_some());
            }
        }
    }
}
