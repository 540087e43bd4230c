//! Proofs: that an entry is in a log, and that a later log begins with an earlier one (RFC 9162, 2.1.3 and 2.1.4).
//!
//! Who keeps the log asks [`Plan`] which kept nodes a proof is made of, and makes it. Who checks it has [`verify_inclusion`]
//! and [`verify_consistency`], and needs nothing but the proof and the roots.

use alloy_primitives::B256;

use super::tree::{LEVELS_MAX, NodeId, Nodes, complete_within, empty_root, fold, node_hash};

/// Hashes of a proof: two for each level of the largest tree.
pub const PROOF_MAX_HASHES: usize = 2 * LEVELS_MAX;

/// What a proof cannot be asked for, or why one does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("index: a log of {size} entries has the indices below {size}, got {index}")]
    Index { index: u64, size: u64 },
    #[error("from: 1 to {to}, the size of the later log, got {from}")]
    From { from: u64, to: u64 },
    #[error("the kept tree lacks the node {position} of level {level}")]
    Missing { level: u8, position: u64 },
    #[error("the proof has {got} hashes, and one of these sizes has another number")]
    Length { got: usize },
    #[error("the proof leads to the root {computed}, and the log's is {root}")]
    Root { computed: B256, root: B256 },
    #[error("the proof leads to the root {computed} of the earlier log, whose root was {root}: the log was rewritten")]
    EarlierRoot { computed: B256, root: B256 },
}

/// Which kept nodes the hashes of a proof are made of, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan(Vec<Vec<NodeId>>);

impl Plan {
    /// That the entry `index` is in the log of `size` entries.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size {
            return Err(ProofError::Index { index, size });
        }
        Ok(Self(path(index, size)))
    }

    /// That the log of `to` entries begins with the one of `from`.
    pub fn consistency(from: u64, to: u64) -> Result<Self, ProofError> {
        if from == 0 || from > to {
            return Err(ProofError::From { from, to });
        }
        Ok(Self(subproof(from, to)))
    }

    /// The one hash is the root of the log of `size` entries.
    pub fn root(size: u64) -> Self {
        Self(vec![complete_within(0, size)])
    }

    /// All nodes to read, [`LEVELS_MAX`] for each hash at most.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().flatten().copied()
    }

    /// The proof.
    pub fn assemble(&self, nodes: &Nodes) -> Result<Vec<B256>, ProofError> {
        let read = |id: &NodeId| {
            let missing = ProofError::Missing { level: id.level, position: id.position };
            nodes.get(id).copied().ok_or(missing)
        };
        let hash = |part: &Vec<NodeId>| {
            let peaks = part.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            Ok(fold(&peaks).unwrap_or_else(empty_root))
        };
        self.0.iter().map(hash).collect()
    }
}

/// Leaves of the left half: the largest power of two below `size`.
const fn left_half(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// `PATH` of the RFC, from the leaf upwards.
fn path(index: u64, size: u64) -> Vec<Vec<NodeId>> {
    let (mut begin, mut end, mut siblings) = (0, size, Vec::new());
    while end - begin > 1 {
        let middle = begin + left_half(end - begin);
        if index < middle {
            siblings.push(complete_within(middle, end));
            end = middle;
        } else {
            siblings.push(complete_within(begin, middle));
            begin = middle;
        }
    }
    siblings.reverse();
    siblings
}

/// `SUBPROOF` of the RFC, from the boundary between the logs upwards.
fn subproof(from: u64, to: u64) -> Vec<Vec<NodeId>> {
    let (mut begin, mut end, mut parts) = (0, to, Vec::new());
    // The subtree that ends where the earlier log does. Its hash is told only where the verifier does not know it.
    let mut is_whole_earlier_log = true;
    while from < end {
        let middle = begin + left_half(end - begin);
        if from <= middle {
            parts.push(complete_within(middle, end));
            end = middle;
        } else {
            parts.push(complete_within(begin, middle));
            begin = middle;
            is_whole_earlier_log = false;
        }
    }
    if !is_whole_earlier_log {
        parts.push(complete_within(begin, end));
    }
    parts.reverse();
    parts
}

/// Checks that the log of `size` entries and this root has the leaf at `index` (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(leaf: B256, index: u64, size: u64, proof: &[B256], root: B256) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Index { index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length { got: proof.len() });
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(*sibling, hash);
            climb_to_right_child(&mut node, &mut last);
        } else {
            hash = node_hash(hash, *sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::Length { got: proof.len() });
    }
    if hash == root { Ok(()) } else { Err(ProofError::Root { computed: hash, root }) }
}

/// Levels at which the node has no sibling are skipped.
const fn climb_to_right_child(node: &mut u64, last: &mut u64) {
    while *node != 0 && *node & 1 == 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

/// A log as one side knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: B256,
}

/// Checks that the later log begins with the earlier one (RFC 9162, 2.1.4.2).
pub fn verify_consistency(earlier: Head, later: Head, proof: &[B256]) -> Result<(), ProofError> {
    let (from, to, length) = (earlier.size, later.size, ProofError::Length { got: proof.len() });
    if from == 0 || from > to {
        return Err(ProofError::From { from, to });
    }
    // A whole subtree is not told: its hash is the earlier root.
    let (first, rest) = match proof.split_first() {
        _ if from.is_power_of_two() => (earlier.root, proof),
        Some((first, rest)) => (*first, rest),
        None if from == to => (earlier.root, proof),
        None => return Err(length),
    };
    let (mut node, mut last) = (from - 1, to - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut of_earlier, mut of_later) = (first, first);
    if from == to {
        // Nothing is told of two logs of one size.
        if !proof.is_empty() {
            return Err(length);
        }
        (last, of_earlier, of_later) = (0, earlier.root, earlier.root);
    }
    for hash in rest {
        if last == 0 {
            return Err(length);
        }
        if node & 1 == 1 || node == last {
            of_earlier = node_hash(*hash, of_earlier);
            of_later = node_hash(*hash, of_later);
            climb_to_right_child(&mut node, &mut last);
        } else {
            of_later = node_hash(of_later, *hash);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length);
    }
    if of_earlier != earlier.root {
        return Err(ProofError::EarlierRoot { computed: of_earlier, root: earlier.root });
    }
    if of_later == later.root { Ok(()) } else { Err(ProofError::Root { computed: of_later, root: later.root }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::log::tree::{Frontier, leaf_hash};

    /// A log of numbered leaves: its kept nodes, and its roots by size.
    fn log(size: u64) -> (Nodes, Vec<B256>) {
        let (mut frontier, mut nodes) = (Frontier::default(), Nodes::new());
        let mut roots = vec![frontier.root()];
        for number in 0..size {
            nodes.extend(frontier.append(leaf(number)));
            roots.push(frontier.root());
        }
        (nodes, roots)
    }

    fn leaf(number: u64) -> B256 {
        leaf_hash(&number.to_be_bytes())
    }

    #[test]
    fn every_entry_is_proven_in_every_log_that_has_it_and_nowhere_else() {
        let (nodes, roots) = log(33);
        for size in 1..=33 {
            for index in 0..size {
                let proof = Plan::inclusion(index, size).unwrap().assemble(&nodes).unwrap();
                let root = roots[size as usize];
                assert_eq!(Plan::root(size).assemble(&nodes), Ok(vec![root]));
                verify_inclusion(leaf(index), index, size, &proof, root).unwrap();
                for other in (0..size).filter(|other| *other != index) {
                    assert!(verify_inclusion(leaf(index), other, size, &proof, root).is_err(), "{index} as {other}");
                }
                assert!(verify_inclusion(leaf(index + 100), index, size, &proof, root).is_err());
            }
            assert_eq!(Plan::inclusion(size, size), Err(ProofError::Index { index: size, size }));
        }
    }

    #[test]
    fn an_empty_log_has_a_root_and_a_tree_that_lacks_a_node_has_none() {
        assert_eq!(Plan::root(0).assemble(&Nodes::new()), Ok(vec![empty_root()]));
        let missing = ProofError::Missing { level: 1, position: 0 };
        assert_eq!(Plan::root(3).assemble(&Nodes::new()), Err(missing));
    }

    #[test]
    fn every_later_log_is_proven_to_begin_with_every_earlier_one() {
        let (nodes, roots) = log(33);
        let head = |size: u64| Head { size, root: roots[size as usize] };
        for to in 1..=33 {
            for from in 1..=to {
                let proof = Plan::consistency(from, to).unwrap().assemble(&nodes).unwrap();
                verify_consistency(head(from), head(to), &proof).unwrap();
                let rewritten = Head { root: leaf(999), ..head(from) };
                assert!(verify_consistency(rewritten, head(to), &proof).is_err(), "{from} to {to}");
                let rewritten = Head { root: leaf(999), ..head(to) };
                assert!(verify_consistency(head(from), rewritten, &proof).is_err(), "{from} to {to}");
            }
        }
        assert_eq!(Plan::consistency(0, 3), Err(ProofError::From { from: 0, to: 3 }));
        assert_eq!(Plan::consistency(4, 3), Err(ProofError::From { from: 4, to: 3 }));
    }

    proptest! {
        #[test]
        fn a_proof_with_one_hash_changed_missing_or_added_does_not_hold(
            to in 2..200_u64, from in any::<u64>(), at in any::<usize>(), bit in 0..256_usize,
        ) {
            let (nodes, roots) = log(to);
            let from = from % to + 1;
            let (earlier, later) = (
                Head { size: from, root: roots[from as usize] }, Head { size: to, root: roots[to as usize] },
            );
            let consistency = Plan::consistency(from, to).unwrap().assemble(&nodes).unwrap();
            let inclusion = Plan::inclusion(from - 1, to).unwrap().assemble(&nodes).unwrap();
            prop_assert!(consistency.len() <= PROOF_MAX_HASHES && inclusion.len() <= LEVELS_MAX);
            let spoilt = |proof: &[B256]| {
                let mut forms = vec![[proof, &[leaf(7)]].concat()];
                if !proof.is_empty() {
                    let mut flipped = proof.to_vec();
                    flipped[at % proof.len()].0[bit / 8] ^= 1 << (bit % 8);
                    forms.push(flipped);
                    forms.push(proof[1..].to_vec());
                    forms.push(proof[..proof.len() - 1].to_vec());
                }
                forms
            };
            for proof in spoilt(&consistency) {
                prop_assert!(verify_consistency(earlier, later, &proof).is_err());
            }
            for proof in spoilt(&inclusion) {
                prop_assert!(verify_inclusion(leaf(from - 1), from - 1, to, &proof, later.root).is_err());
            }
        }
    }
}
