//! The Merkle tree of RFC 6962 (RFC 9162, 2.1.1), as it grows leaf by leaf.
//!
//! ```text
//! leaf  SHA-256(0x00 ‖ bytes)
//! node  SHA-256(0x01 ‖ left ‖ right)      left: the largest power of two of leaves below the whole
//! ```
//! A subtree whose leaves are a power of two never changes again. Its node is kept by level and position, so that any
//! root and any proof is made of a few kept nodes.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use sha2::{Digest, Sha256};

/// Levels of a tree: more than any log will have.
pub const LEVELS_MAX: usize = 64;

/// A subtree with `2^level` leaves, the `position`-th of its size from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    pub level: u8,
    pub position: u64,
}

/// What a leaf's bytes are in the tree.
pub fn leaf_hash(bytes: &[u8]) -> B256 {
    B256::from_slice(&Sha256::new().chain_update([0]).chain_update(bytes).finalize())
}

/// Two neighbours as one.
pub fn node_hash(left: B256, right: B256) -> B256 {
    B256::from_slice(&Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize())
}

/// The root of a tree without leaves: the hash of nothing.
pub fn empty_root() -> B256 {
    B256::from_slice(&Sha256::digest([]))
}

/// The right edge of a tree: all that is needed to add leaves and to know the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// The complete subtrees that the leaves make up, the largest first: one for each bit of `size`.
    peaks: Vec<B256>,
}

impl Frontier {
    /// `None` where the peaks are not as many as a tree of this size has.
    pub fn new(size: u64, peaks: Vec<B256>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    pub const fn size(&self) -> u64 {
        self.size
    }

    pub fn peaks(&self) -> &[B256] {
        &self.peaks
    }

    /// Adds a leaf by its hash. Returns the subtrees that it completes, the leaf first.
    pub fn append(&mut self, leaf: B256) -> Vec<(NodeId, B256)> {
        let mut node = (NodeId { level: 0, position: self.size }, leaf);
        let mut completed = vec![node];
        while node.0.position % 2 == 1
            && let Some(left) = self.peaks.pop()
        {
            node = (NodeId { level: node.0.level + 1, position: node.0.position / 2 }, node_hash(left, node.1));
            completed.push(node);
        }
        self.peaks.push(node.1);
        self.size += 1;
        completed
    }

    pub fn root(&self) -> B256 {
        fold(&self.peaks).unwrap_or_else(empty_root)
    }
}

/// Complete subtrees from left to right, the largest first, as one.
pub(super) fn fold(peaks: &[B256]) -> Option<B256> {
    let (last, before) = peaks.split_last()?;
    Some(before.iter().rev().fold(*last, |right, left| node_hash(*left, right)))
}

/// The complete subtrees that make up the leaves from `begin` to `end`, the largest first. `begin` is a multiple of the
/// largest of them, as it is for every subtree of the RFC.
pub(super) fn complete_within(begin: u64, end: u64) -> Vec<NodeId> {
    let (mut begin, mut nodes) = (begin, Vec::new());
    while begin < end {
        let level = (end - begin).ilog2();
        nodes.push(NodeId { level: u8::try_from(level).unwrap_or(u8::MAX), position: begin >> level });
        begin += 1 << level;
    }
    nodes
}

/// Kept subtrees, by where they stand.
pub type Nodes = BTreeMap<NodeId, B256>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition of the RFC, word for word.
    fn definition(leaves: &[B256]) -> B256 {
        match leaves {
            [] => empty_root(),
            [only] => *only,
            several => {
                let left = (several.len() as u64).next_power_of_two() as usize / 2;
                let (left, right) = several.split_at(left);
                node_hash(definition(left), definition(right))
            }
        }
    }

    proptest! {
        #[test]
        fn a_tree_that_grows_has_the_roots_of_the_definition(bytes in proptest::collection::vec(any::<[u8; 4]>(), 0..200)) {
            let leaves: Vec<B256> = bytes.iter().map(|bytes| leaf_hash(bytes)).collect();
            let (mut frontier, mut nodes) = (Frontier::default(), Nodes::new());
            prop_assert_eq!(frontier.root(), empty_root());
            for (size, leaf) in (1..).zip(&leaves) {
                let completed = frontier.append(*leaf);
                prop_assert!(completed.len() <= LEVELS_MAX);
                for (id, hash) in completed {
                    prop_assert_eq!(nodes.insert(id, hash), None, "a complete subtree never changes");
                }
                prop_assert_eq!(frontier.root(), definition(&leaves[..size]));
                let kept = Frontier::new(frontier.size(), frontier.peaks().to_vec());
                prop_assert_eq!(kept, Some(frontier.clone()));
            }
            // Fewer than two nodes are kept for a leaf.
            prop_assert!(nodes.len() < 2 * leaves.len() + 1);
            for (id, hash) in nodes {
                let (begin, length) = ((id.position << id.level) as usize, 1 << id.level);
                prop_assert_eq!(hash, definition(&leaves[begin..begin + length]));
            }
        }
    }

    #[test]
    fn a_frontier_has_as_many_peaks_as_its_size_has_bits() {
        assert_eq!(Frontier::new(3, vec![B256::ZERO]), None);
        assert_eq!(Frontier::new(0, vec![B256::ZERO]), None);
        assert!(Frontier::new(3, vec![B256::ZERO; 2]).is_some());
    }

    #[test]
    fn a_leaf_is_never_taken_for_a_node() {
        let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
        assert_ne!(leaf_hash(&[left.as_slice(), right.as_slice()].concat()), node_hash(left, right));
    }
}
