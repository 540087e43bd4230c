//! An ordered map in which each branch knows a summary of all that it holds. A search thus passes over whole branches
//! that cannot hold what it looks for, and its cost grows with the depth of the tree, not with its size.
//!
//! The tree is a treap: each entry has a random priority, and a branch's own entry has the highest of it. So the depth is
//! about twice the logarithm of the size, whatever the order of the keys. Who chooses keys must not know the priorities.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::ControlFlow;

/// What is known of several entries at once.
pub(crate) trait Summary: Debug + Clone {
    /// Takes in another part.
    fn join(&mut self, other: &Self);
}

/// An entry that can be summed up.
pub(crate) trait Summed: Debug + Clone {
    type Summary: Summary;

    fn summary(&self) -> Self::Summary;
}

/// A walk over a tree in the order of its keys.
pub(crate) trait Search<K, V: Summed> {
    /// Whether a branch with this summary is worth a look. Also asked of each single entry.
    fn enters(&mut self, all: &V::Summary) -> bool;

    /// Looks at an entry, and says whether the walk goes on.
    fn sees(&mut self, key: &K, value: &V) -> ControlFlow<()>;
}

/// Random priorities, always the same ones for one seed.
#[derive(Debug, Clone)]
pub(crate) struct Priorities(u64);

impl Priorities {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub(crate) struct SummaryTree<K, V: Summed>(Link<K, V>);

type Link<K, V> = Option<Box<Branch<K, V>>>;

#[derive(Debug, Clone)]
struct Branch<K, V: Summed> {
    key: K,
    value: V,
    priority: u64,
    all: V::Summary,
    left: Link<K, V>,
    right: Link<K, V>,
}

impl<K, V: Summed> Default for SummaryTree<K, V> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Ord, V: Summed> SummaryTree<K, V> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Of everything in it.
    pub(crate) fn summary(&self) -> Option<&V::Summary> {
        self.0.as_ref().map(|branch| &branch.all)
    }

    /// The entry with the lowest key.
    pub(crate) fn first(&self) -> Option<(&K, &V)> {
        let mut branch = self.0.as_ref()?;
        while let Some(left) = &branch.left {
            branch = left;
        }
        Some((&branch.key, &branch.value))
    }

    /// Replaces the entry of the key, if there is one.
    pub(crate) fn insert(&mut self, key: K, value: V, priority: u64) {
        let Some(value) = replace(&mut self.0, &key, value) else { return };
        let (less, more) = split(self.0.take(), &key);
        let all = value.summary();
        let only = Some(Box::new(Branch { key, value, priority, all, left: None, right: None }));
        self.0 = merge(merge(less, only), more);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        remove(&mut self.0, key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let mut branch = self.0.as_ref()?;
        loop {
            branch = match key.cmp(&branch.key) {
                Ordering::Less => branch.left.as_ref()?,
                Ordering::Greater => branch.right.as_ref()?,
                Ordering::Equal => return Some(&branch.value),
            };
        }
    }

    /// Runs a search from the lowest key on.
    pub(crate) fn search(&self, search: &mut impl Search<K, V>) -> ControlFlow<()> {
        walk(&self.0, search)
    }

    /// Of the entries below the key.
    pub(crate) fn summary_below(&self, key: &K) -> Option<V::Summary> {
        let mut all: Option<V::Summary> = None;
        let mut take = |part: &V::Summary| match &mut all {
            Some(all) => all.join(part),
            None => all = Some(part.clone()),
        };
        let mut link = &self.0;
        while let Some(branch) = link {
            if branch.key < *key {
                take(&branch.value.summary());
                if let Some(left) = &branch.left {
                    take(&left.all);
                }
                link = &branch.right;
            } else {
                link = &branch.left;
            }
        }
        all
    }
}

impl<K: Ord, V: Summed> Branch<K, V> {
    fn sum_up(&mut self) {
        self.all = self.value.summary();
        for part in [&self.left, &self.right].into_iter().flatten() {
            self.all.join(&part.all);
        }
    }
}

/// Entries below the key, and the others.
fn split<K: Ord, V: Summed>(link: Link<K, V>, key: &K) -> (Link<K, V>, Link<K, V>) {
    let Some(mut branch) = link else { return (None, None) };
    if branch.key < *key {
        let (less, more) = split(branch.right.take(), key);
        branch.right = less;
        branch.sum_up();
        (Some(branch), more)
    } else {
        let (less, more) = split(branch.left.take(), key);
        branch.left = more;
        branch.sum_up();
        (less, Some(branch))
    }
}

/// Joins two trees of which the first has the lower keys.
fn merge<K: Ord, V: Summed>(less: Link<K, V>, more: Link<K, V>) -> Link<K, V> {
    match (less, more) {
        (None, one) | (one, None) => one,
        (Some(mut less), Some(more)) if less.priority > more.priority => {
            less.right = merge(less.right.take(), Some(more));
            less.sum_up();
            Some(less)
        }
        (less, Some(mut more)) => {
            more.left = merge(less, more.left.take());
            more.sum_up();
            Some(more)
        }
    }
}

/// Gives the value back where there is no entry of the key.
fn replace<K: Ord, V: Summed>(link: &mut Link<K, V>, key: &K, value: V) -> Option<V> {
    let Some(branch) = link else { return Some(value) };
    let left_over = match key.cmp(&branch.key) {
        Ordering::Less => replace(&mut branch.left, key, value),
        Ordering::Greater => replace(&mut branch.right, key, value),
        Ordering::Equal => {
            branch.value = value;
            None
        }
    };
    if left_over.is_none() {
        branch.sum_up();
    }
    left_over
}

fn remove<K: Ord, V: Summed>(link: &mut Link<K, V>, key: &K) -> Option<V> {
    let branch = link.as_mut()?;
    let removed = match key.cmp(&branch.key) {
        Ordering::Less => remove(&mut branch.left, key),
        Ordering::Greater => remove(&mut branch.right, key),
        Ordering::Equal => {
            let Branch { value, left, right, .. } = *link.take()?;
            *link = merge(left, right);
            return Some(value);
        }
    };
    if removed.is_some() {
        branch.sum_up();
    }
    removed
}

fn walk<K: Ord, V: Summed>(link: &Link<K, V>, search: &mut impl Search<K, V>) -> ControlFlow<()> {
    let Some(branch) = link.as_ref().filter(|branch| search.enters(&branch.all)) else {
        return ControlFlow::Continue(());
    };
    walk(&branch.left, search)?;
    if search.enters(&branch.value.summary()) {
        search.sees(&branch.key, &branch.value)?;
    }
    walk(&branch.right, search)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Least {
        least: u32,
        count: usize,
    }

    impl Summary for Least {
        fn join(&mut self, other: &Self) {
            self.least = self.least.min(other.least);
            self.count += other.count;
        }
    }

    impl Summed for u32 {
        type Summary = Least;

        fn summary(&self) -> Least {
            Least { least: *self, count: 1 }
        }
    }

    /// The first entry up to a limit, and how many entries were looked at.
    struct UpTo {
        limit: u32,
        found: Option<(u16, u32)>,
        asked: usize,
    }

    impl Search<u16, u32> for UpTo {
        fn enters(&mut self, all: &Least) -> bool {
            self.asked += 1;
            all.least <= self.limit
        }

        fn sees(&mut self, key: &u16, value: &u32) -> ControlFlow<()> {
            self.found = Some((*key, *value));
            ControlFlow::Break(())
        }
    }

    fn depth(link: &Link<u16, u32>) -> usize {
        link.as_ref().map_or(0, |branch| 1 + depth(&branch.left).max(depth(&branch.right)))
    }

    proptest! {
        #[test]
        fn it_holds_what_an_ordered_map_holds(steps in prop::collection::vec((0..40_u16, prop::option::of(0..100_u32)), 0..200), limit in 0..100_u32, below in 0..40_u16) {
            let (mut tree, mut map, mut priorities) = (SummaryTree::default(), BTreeMap::new(), Priorities::new(7));
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        tree.insert(key, value, priorities.draw());
                        map.insert(key, value);
                    }
                    None => prop_assert_eq!(tree.remove(&key), map.remove(&key)),
                }
                prop_assert_eq!(tree.first(), map.first_key_value());
                let sum = |entries: Vec<u32>| entries.iter().min().map(|least| Least { least: *least, count: entries.len() });
                prop_assert_eq!(tree.summary().copied(), sum(map.values().copied().collect()));
                prop_assert_eq!(tree.summary_below(&below), sum(map.range(..below).map(|(_, value)| *value).collect()));
                let mut search = UpTo { limit, found: None, asked: 0 };
                let _ = tree.search(&mut search);
                prop_assert_eq!(search.found, map.iter().find(|(_, value)| **value <= limit).map(|(key, value)| (*key, *value)));
            }
        }
    }

    #[test]
    fn keys_in_order_make_no_deep_tree_and_a_search_looks_at_few() {
        let (mut tree, mut priorities) = (SummaryTree::default(), Priorities::new(7));
        for key in 0..10_000_u16 {
            tree.insert(key, 20_000 - u32::from(key), priorities.draw());
        }
        assert!(depth(&tree.0) < 60, "{}", depth(&tree.0));
        let mut last = UpTo { limit: 10_001, found: None, asked: 0 };
        let _ = tree.search(&mut last);
        assert_eq!(last.found, Some((9_999, 10_001)));
        assert!(last.asked < 200, "{}", last.asked);
    }
}
