use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use alloy_rlp::{Decodable, Encodable};
use alloy_trie::nodes::{BranchNode, ExtensionNode, LeafNode, RlpNode, TrieNode};
use alloy_trie::{EMPTY_ROOT_HASH, Nibbles, TrieMask};

use super::{NodeSource, node_key};
use crate::error::ChainError;

/// Nodes written (`Some`, RLP) and removed (`None`) by an update, by [`node_key`].
pub(crate) type TrieChanges = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A leaf to set (`Some`, its encoded value) or to remove (`None`), by its full path.
type LeafChange = (Nibbles, Option<Vec<u8>>);

/// Applies `leaves` (hashed key to encoded value, `None` to remove) to the trie of `owner`, adds the touched nodes to
/// `changes`, and returns the new root. Only the nodes on the paths to the changed leaves are read.
pub(crate) fn update_trie(
    source: &impl NodeSource,
    owner: B256,
    leaves: &BTreeMap<B256, Option<Vec<u8>>>,
    changes: &mut TrieChanges,
) -> Result<B256, ChainError> {
    let leaves: Vec<LeafChange> = leaves.iter().map(|(key, value)| (Nibbles::unpack(key), value.clone())).collect();
    let mut updater = Updater { source, owner, changes };
    let root_path = Nibbles::new();
    let root = updater.load(&root_path)?;
    match updater.update(root_path, root, &leaves)? {
        Some(node) => {
            let mut encoded = Vec::new();
            node.encode(&mut encoded);
            let hash = keccak256(&encoded);
            updater.changes.insert(node_key(owner, &root_path), Some(encoded));
            Ok(hash)
        }
        None => {
            updater.remove(&root_path);
            Ok(EMPTY_ROOT_HASH)
        }
    }
}

struct Updater<'a, S> {
    source: &'a S,
    owner: B256,
    changes: &'a mut TrieChanges,
}

impl<S: NodeSource> Updater<'_, S> {
    /// The node at `path`, as this update has left it so far.
    fn load(&self, path: &Nibbles) -> Result<Option<TrieNode>, ChainError> {
        let key = node_key(self.owner, path);
        let encoded = match self.changes.get(&key) {
            Some(changed) => changed.clone(),
            None => self.source.node(&key)?,
        };
        encoded
            .map(|bytes| TrieNode::decode(&mut bytes.as_slice()).map_err(|_| ChainError::corrupt("trie node", path)))
            .transpose()
    }

    fn load_required(&self, path: &Nibbles) -> Result<TrieNode, ChainError> {
        self.load(path)?.ok_or_else(|| ChainError::corrupt("trie path without its node", path))
    }

    /// Stores a node at its final path and returns how its parent refers to it.
    fn save(&mut self, path: &Nibbles, node: &TrieNode) -> RlpNode {
        let mut encoded = Vec::new();
        let reference = node.rlp(&mut encoded);
        self.changes.insert(node_key(self.owner, path), Some(encoded));
        reference
    }

    fn remove(&mut self, path: &Nibbles) {
        self.changes.insert(node_key(self.owner, path), None);
    }

    /// The node that stands at `path` after `leaves`, all of which lie below it. The caller saves it there, or merges
    /// it into a parent and removes what was stored at `path`.
    fn update(
        &mut self,
        path: Nibbles,
        existing: Option<TrieNode>,
        leaves: &[LeafChange],
    ) -> Result<Option<TrieNode>, ChainError> {
        match existing {
            None | Some(TrieNode::EmptyRoot) => {
                let fresh = leaves.iter().filter_map(|(key, value)| Some((*key, value.clone()?))).collect();
                Ok(self.build(path, fresh))
            }
            Some(TrieNode::Leaf(leaf)) => {
                let mut merged: BTreeMap<Nibbles, Vec<u8>> = BTreeMap::from([(path.join(&leaf.key), leaf.value)]);
                for (key, value) in leaves {
                    match value {
                        Some(value) => merged.insert(*key, value.clone()),
                        None => merged.remove(key),
                    };
                }
                Ok(self.build(path, merged.into_iter().collect()))
            }
            Some(TrieNode::Branch(branch)) => self.update_branch(path, children_of(&branch), leaves),
            Some(TrieNode::Extension(extension)) => self.update_extension(path, &extension, leaves),
        }
    }

    fn update_branch(
        &mut self,
        path: Nibbles,
        mut children: [Option<RlpNode>; 16],
        leaves: &[LeafChange],
    ) -> Result<Option<TrieNode>, ChainError> {
        let mut fresh: BTreeMap<u8, TrieNode> = BTreeMap::new();
        for group in leaves.chunk_by(|(a, _), (b, _)| a.get(path.len()) == b.get(path.len())) {
            let nibble = group[0].0.get_unchecked(path.len());
            let child_path = child_of(path, nibble);
            let slot = &mut children[usize::from(nibble)];
            let existing = if slot.is_some() { Some(self.load_required(&child_path)?) } else { None };
            match self.update(child_path, existing, group)? {
                Some(node) => {
                    fresh.insert(nibble, node);
                    *slot = Some(RlpNode::default());
                }
                None => {
                    self.remove(&child_path);
                    *slot = None;
                }
            }
        }
        let mut alive = (0u8..16).filter(|nibble| children[usize::from(*nibble)].is_some());
        let (first, second) = (alive.next(), alive.next());
        match (first, second) {
            (None, _) => Ok(None),
            (Some(only), None) => {
                let child_path = child_of(path, only);
                let node = match fresh.remove(&only) {
                    Some(node) => node,
                    None => self.load_required(&child_path)?,
                };
                Ok(Some(self.prefix(Nibbles::from_nibbles_unchecked([only]), node, &child_path)))
            }
            (Some(_), Some(_)) => {
                for (nibble, node) in fresh {
                    children[usize::from(nibble)] = Some(self.save(&child_of(path, nibble), &node));
                }
                Ok(Some(branch_of(children)))
            }
        }
    }

    fn update_extension(
        &mut self,
        path: Nibbles,
        extension: &ExtensionNode,
        leaves: &[LeafChange],
    ) -> Result<Option<TrieNode>, ChainError> {
        let full = path.join(&extension.key);
        let split_at = leaves
            .iter()
            .filter(|(key, value)| value.is_some() && !key.starts_with(&full))
            .map(|(key, _)| key.common_prefix_length(&full))
            .min();
        // A removal that leaves the extension's path names a key that is not in the trie.
        let below = |prefix: &Nibbles| -> Vec<LeafChange> {
            leaves.iter().filter(|(key, _)| key.starts_with(prefix)).cloned().collect()
        };
        match split_at {
            None => {
                let child = self.load_required(&full)?;
                match self.update(full, Some(child), &below(&full))? {
                    Some(node) => Ok(Some(self.prefix(extension.key, node, &full))),
                    None => {
                        self.remove(&full);
                        Ok(None)
                    }
                }
            }
            Some(depth) => {
                let branch_path = full.slice(..depth);
                let nibble = full.get_unchecked(depth);
                let rest = full.slice(depth + 1..);
                let mut children: [Option<RlpNode>; 16] = Default::default();
                children[usize::from(nibble)] = Some(if rest.is_empty() {
                    extension.child.clone()
                } else {
                    let shortened = TrieNode::Extension(ExtensionNode::new(rest, extension.child.clone()));
                    self.save(&child_of(branch_path, nibble), &shortened)
                });
                let node = self.update_branch(branch_path, children, &below(&branch_path))?;
                Ok(node.map(|node| self.prefix(branch_path.slice(path.len()..), node, &branch_path)))
            }
        }
    }

    /// A new subtree at `path` over `leaves`, sorted by key.
    fn build(&mut self, path: Nibbles, leaves: Vec<(Nibbles, Vec<u8>)>) -> Option<TrieNode> {
        let (first, last) = (leaves.first()?, leaves.last()?);
        if leaves.len() == 1 {
            return Some(TrieNode::Leaf(LeafNode::new(first.0.slice(path.len()..), first.1.clone())));
        }
        let branch_path = first.0.slice(..first.0.common_prefix_length(&last.0));
        let mut children: [Option<RlpNode>; 16] = Default::default();
        for group in leaves.chunk_by(|(a, _), (b, _)| a.get(branch_path.len()) == b.get(branch_path.len())) {
            let nibble = group[0].0.get_unchecked(branch_path.len());
            let child_path = child_of(branch_path, nibble);
            let child = self.build(child_path, group.to_vec());
            children[usize::from(nibble)] = child.map(|node| self.save(&child_path, &node));
        }
        Some(self.prefix(branch_path.slice(path.len()..), branch_of(children), &branch_path))
    }

    /// Puts `node`, which stands at `node_path`, below `prefix`: a leaf or an extension takes the prefix into its own
    /// key and leaves its path, a branch stays and gets an extension above it.
    fn prefix(&mut self, prefix: Nibbles, node: TrieNode, node_path: &Nibbles) -> TrieNode {
        if prefix.is_empty() {
            return node;
        }
        match node {
            TrieNode::Leaf(leaf) => {
                self.remove(node_path);
                TrieNode::Leaf(LeafNode::new(prefix.join(&leaf.key), leaf.value))
            }
            TrieNode::Extension(extension) => {
                self.remove(node_path);
                TrieNode::Extension(ExtensionNode::new(prefix.join(&extension.key), extension.child))
            }
            branch => {
                let child = self.save(node_path, &branch);
                TrieNode::Extension(ExtensionNode::new(prefix, child))
            }
        }
    }
}

fn child_of(path: Nibbles, nibble: u8) -> Nibbles {
    let mut child = path;
    child.push(nibble);
    child
}

fn children_of(branch: &BranchNode) -> [Option<RlpNode>; 16] {
    let mut children: [Option<RlpNode>; 16] = Default::default();
    for (index, child) in branch.as_ref().children() {
        children[usize::from(index)] = child.cloned();
    }
    children
}

fn branch_of(children: [Option<RlpNode>; 16]) -> TrieNode {
    let mut mask = TrieMask::default();
    let mut stack = Vec::with_capacity(16);
    for (index, child) in (0u8..16).zip(children) {
        if let Some(child) = child {
            mask.set_bit(index);
            stack.push(child);
        }
    }
    TrieNode::Branch(BranchNode::new(stack, mask))
}

#[cfg(test)]
mod tests;
