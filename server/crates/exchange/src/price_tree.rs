//! An ordered map from prices to places, with a fixed number of steps for every operation.
//!
//! Prices have 30 bits. A tree of five levels takes six bits at each; a node knows its children by one word of 64 bits,
//! so the next price up or down is a count of zeros. No operation moves other entries or balances anything, so the
//! slowest takes little longer than the usual one. Most commands of a market touch prices close to each other, so the lowest
//! nodes of recent prices are remembered and found without a walk.

const BITS: u32 = 6;
const DEPTH: u32 = 5;
const FANOUT: usize = 1 << BITS;
/// Keys are below this.
pub const KEYS: u32 = 1 << (BITS * DEPTH);
const ROOT: u32 = 0;
const NONE: u32 = u32::MAX;
/// Lowest nodes that are remembered; together they span 4 096 prices.
const RECENT: usize = 64;

#[derive(Debug, Clone)]
struct Node {
    /// A bit for each child that is there.
    present: u64,
    children: [u32; FANOUT],
}

#[derive(Debug, Clone)]
pub struct PriceTree {
    nodes: Vec<Node>,
    /// The first unused node; its first child is the next.
    free: u32,
    /// Prefixes of keys with their lowest nodes, each at the place that the prefix's last digits name.
    recent: [(u32, u32); RECENT],
}

impl PriceTree {
    /// A tree with room for `keys_max` keys; more of them make it allocate.
    pub fn with_capacity(keys_max: usize) -> Self {
        let mut nodes = Vec::with_capacity(nodes_for(keys_max));
        nodes.push(Node { present: 0, children: [NONE; FANOUT] });
        Self { nodes, free: NONE, recent: [(NONE, NONE); RECENT] }
    }

    #[inline]
    pub fn get(&mut self, key: u32) -> Option<u32> {
        let leaf = self.leaf(key)?;
        let (node, slot) = (&self.nodes[leaf as usize], digit(key, 0));
        (node.present >> slot & 1 == 1).then(|| node.children[slot])
    }

    /// `key` is below [`KEYS`] and new.
    pub fn insert(&mut self, key: u32, value: u32) {
        debug_assert!(key < KEYS);
        let leaf = match self.leaf(key) {
            Some(leaf) => leaf,
            None => self.grow(key),
        };
        let (node, slot) = (&mut self.nodes[leaf as usize], digit(key, 0));
        node.present |= 1 << slot;
        node.children[slot] = value;
    }

    /// `key` is there.
    pub fn remove(&mut self, key: u32) {
        let Some(leaf) = self.leaf(key) else { return };
        let node = &mut self.nodes[leaf as usize];
        node.present &= !(1 << digit(key, 0));
        if node.present == 0 {
            self.prune(key);
        }
    }

    /// The lowest key and its value.
    pub fn first(&self) -> Option<(u32, u32)> {
        self.extreme(ROOT, DEPTH - 1, 0, lowest)
    }

    /// The highest key and its value.
    pub fn last(&self) -> Option<(u32, u32)> {
        self.extreme(ROOT, DEPTH - 1, 0, highest)
    }

    /// The lowest key above `key`.
    pub fn next_above(&self, key: u32) -> Option<(u32, u32)> {
        self.beside(key, |present, slot| present & mask_above(slot), lowest)
    }

    /// The highest key below `key`.
    pub fn next_below(&self, key: u32) -> Option<(u32, u32)> {
        self.beside(key, |present, slot| present & ((1 << slot) - 1), highest)
    }

    #[inline]
    fn leaf(&mut self, key: u32) -> Option<u32> {
        self.recent_leaf(key).or_else(|| self.walk(key))
    }

    #[inline]
    fn recent_leaf(&self, key: u32) -> Option<u32> {
        let (prefix, leaf) = self.recent[recent_place(key)];
        (prefix == key >> BITS).then_some(leaf)
    }

    fn walk(&mut self, key: u32) -> Option<u32> {
        let mut node = ROOT;
        for level in (1..DEPTH).rev() {
            node = self.child(node, digit(key, level))?;
        }
        self.recent[recent_place(key)] = (key >> BITS, node);
        Some(node)
    }

    fn child(&self, node: u32, slot: usize) -> Option<u32> {
        let node = &self.nodes[node as usize];
        (node.present >> slot & 1 == 1).then(|| node.children[slot])
    }

    /// Makes the nodes on the way to `key` that are missing.
    fn grow(&mut self, key: u32) -> u32 {
        let mut node = ROOT;
        for level in (1..DEPTH).rev() {
            let slot = digit(key, level);
            node = match self.child(node, slot) {
                Some(child) => child,
                None => {
                    let child = self.new_node();
                    let parent = &mut self.nodes[node as usize];
                    parent.present |= 1 << slot;
                    parent.children[slot] = child;
                    child
                }
            };
        }
        self.recent[recent_place(key)] = (key >> BITS, node);
        node
    }

    fn new_node(&mut self) -> u32 {
        if self.free == NONE {
            self.nodes.push(Node { present: 0, children: [NONE; FANOUT] });
            return (self.nodes.len() - 1) as u32;
        }
        let node = self.free;
        self.free = self.nodes[node as usize].children[0];
        node
    }

    /// Takes away the nodes on the way to `key` that are empty, from the leaf up.
    fn prune(&mut self, key: u32) {
        let mut path = [ROOT; DEPTH as usize];
        for level in (1..DEPTH).rev() {
            let parent = path[level as usize];
            let Some(child) = self.child(parent, digit(key, level)) else { return };
            path[level as usize - 1] = child;
        }
        self.recent[recent_place(key)] = (NONE, NONE);
        for level in 1..DEPTH {
            let (child, parent) = (path[level as usize - 1], path[level as usize]);
            if self.nodes[child as usize].present != 0 {
                return;
            }
            self.nodes[child as usize].children[0] = self.free;
            self.free = child;
            self.nodes[parent as usize].present &= !(1 << digit(key, level));
        }
    }

    fn extreme(&self, mut node: u32, from: u32, mut key: u32, pick: fn(u64) -> Option<usize>) -> Option<(u32, u32)> {
        for level in (0..=from).rev() {
            let at = &self.nodes[node as usize];
            let slot = pick(at.present)?;
            key |= (slot as u32) << (BITS * level);
            node = at.children[slot];
        }
        Some((key, node))
    }

    /// The nearest key on the side of `key` that `keep` leaves.
    fn beside(&self, key: u32, keep: fn(u64, usize) -> u64, pick: fn(u64) -> Option<usize>) -> Option<(u32, u32)> {
        if let Some(leaf) = self.recent_leaf(key) {
            let at = &self.nodes[leaf as usize];
            if let Some(slot) = pick(keep(at.present, digit(key, 0))) {
                return Some((key >> BITS << BITS | slot as u32, at.children[slot]));
            }
        }
        let mut path = [(ROOT, 0); DEPTH as usize];
        let mut deepest = DEPTH - 1;
        let mut node = ROOT;
        for level in (0..DEPTH).rev() {
            path[level as usize] = (node, digit(key, level));
            deepest = level;
            match self.child(node, digit(key, level)) {
                Some(child) => node = child,
                None => break,
            }
        }
        for level in deepest..DEPTH {
            let (node, slot) = path[level as usize];
            let at = &self.nodes[node as usize];
            let Some(slot) = pick(keep(at.present, slot)) else { continue };
            let above = u64::from(key) >> (BITS * (level + 1)) << (BITS * (level + 1));
            let prefix = above as u32 | (slot as u32) << (BITS * level);
            if level == 0 {
                return Some((prefix, at.children[slot]));
            }
            return self.extreme(at.children[slot], level - 1, prefix, pick);
        }
        None
    }
}

fn digit(key: u32, level: u32) -> usize {
    (key >> (BITS * level)) as usize & (FANOUT - 1)
}

fn recent_place(key: u32) -> usize {
    (key >> BITS) as usize & (RECENT - 1)
}

fn lowest(present: u64) -> Option<usize> {
    (present != 0).then(|| present.trailing_zeros() as usize)
}

fn highest(present: u64) -> Option<usize> {
    (present != 0).then(|| 63 - present.leading_zeros() as usize)
}

fn mask_above(slot: usize) -> u64 {
    if slot == FANOUT - 1 { 0 } else { u64::MAX << (slot + 1) }
}

/// Nodes that so many keys need where they lie as far apart as they can.
fn nodes_for(keys_max: usize) -> usize {
    (1..=DEPTH).map(|level| keys_max.min(1 << (BITS * (DEPTH - level)))).sum::<usize>().max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = u32> {
        prop_oneof![0..200_u32, 0..KEYS, KEYS - 70..KEYS, (0..30_u32).prop_map(|bit| 1 << bit)]
    }

    proptest! {
        #[test]
        fn answers_as_an_ordered_map_does(steps in prop::collection::vec((keys(), any::<bool>()), 1..300)) {
            let mut tree = PriceTree::with_capacity(300);
            let capacity = tree.nodes.capacity();
            let mut map = BTreeMap::new();
            for (step, (key, insert)) in steps.into_iter().enumerate() {
                let value = step as u32;
                if insert && !map.contains_key(&key) {
                    tree.insert(key, value);
                    map.insert(key, value);
                } else if map.remove(&key).is_some() {
                    tree.remove(key);
                }
                let pair = |(key, value): (&u32, &u32)| (*key, *value);
                prop_assert_eq!(tree.get(key), map.get(&key).copied());
                prop_assert_eq!(tree.first(), map.first_key_value().map(pair));
                prop_assert_eq!(tree.last(), map.last_key_value().map(pair));
                prop_assert_eq!(tree.next_above(key), map.range(key + 1..).next().map(pair));
                prop_assert_eq!(tree.next_below(key), map.range(..key).next_back().map(pair));
            }
            prop_assert_eq!(tree.nodes.capacity(), capacity, "it had room for this");
            map.keys().for_each(|key| tree.remove(*key));
            prop_assert_eq!(tree.first(), None);
            let mut unused = 0;
            let mut node = tree.free;
            while node != NONE {
                unused += 1;
                node = tree.nodes[node as usize].children[0];
            }
            prop_assert_eq!(unused, tree.nodes.len() - 1, "every node but the root is unused again");
        }
    }
}
