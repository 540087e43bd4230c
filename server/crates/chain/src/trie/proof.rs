use alloy_primitives::{B256, Bytes};
use alloy_rlp::Decodable;
use alloy_trie::Nibbles;
use alloy_trie::nodes::TrieNode;

use super::{NodeSource, node_key};
use crate::error::ChainError;

/// The encoded nodes from the root towards `key`, as `eth_getProof` (EIP-1186) lists them: up to the leaf, or up to
/// the node that shows that the key is absent. Nodes embedded in their parent are not listed again.
pub(crate) fn prove(source: &impl NodeSource, owner: B256, key: B256) -> Result<Vec<Bytes>, ChainError> {
    let key = Nibbles::unpack(key);
    let mut proof = Vec::new();
    let mut path = Nibbles::new();
    let mut listed = true;
    while let Some(encoded) = source.node(&node_key(owner, &path))? {
        let node = TrieNode::decode(&mut encoded.as_slice()).map_err(|_| ChainError::corrupt("trie node", path))?;
        if listed {
            proof.push(Bytes::from(encoded));
        }
        let reference = match node {
            TrieNode::EmptyRoot | TrieNode::Leaf(_) => break,
            TrieNode::Extension(extension) => {
                path = path.join(&extension.key);
                if !key.starts_with(&path) {
                    break;
                }
                extension.child
            }
            TrieNode::Branch(branch) => {
                let Some(nibble) = key.get(path.len()) else { break };
                path.push(nibble);
                match branch.as_ref().children().find(|(index, _)| *index == nibble) {
                    Some((_, Some(child))) => child.clone(),
                    _ => break,
                }
            }
        };
        listed = reference.is_hash();
    }
    Ok(proof)
}
