use alloy_primitives::{U256, b256};
use alloy_trie::root::storage_root_unsorted;
use proptest::prelude::*;

use super::*;
use crate::trie::prove;

#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, Vec<u8>>);

impl NodeSource for Memory {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChainError> {
        Ok(self.0.get(key).cloned())
    }
}

impl Memory {
    fn apply(&mut self, leaves: &BTreeMap<B256, Option<Vec<u8>>>) -> B256 {
        let mut changes = TrieChanges::new();
        let root = update_trie(self, B256::ZERO, leaves, &mut changes).unwrap();
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
        root
    }
}

/// Keys that collide in long prefixes, so that extensions are made, split and merged.
fn clustered_key() -> impl Strategy<Value = B256> {
    (0u8..4, 0u8..3, 0u8..4).prop_map(|(head, middle, tail)| {
        let mut key = B256::ZERO;
        key[0] = [0x00, 0x01, 0x10, 0xf0][usize::from(head)];
        key[15] = middle;
        key[31] = tail;
        key
    })
}

fn encoded(value: u64) -> Option<Vec<u8>> {
    (value != 0).then(|| alloy_rlp::encode(U256::from(value)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Batches of sets and removals give the root, and the number of nodes, of a trie computed from nothing.
    #[test]
    fn an_incremental_root_equals_a_full_recomputation(
        batches in prop::collection::vec(
            prop::collection::btree_map(
                prop_oneof![clustered_key(), any::<[u8; 32]>().prop_map(B256::from)], 0u64..3, 1..12),
            1..12),
    ) {
        let mut trie = Memory::default();
        let mut model: BTreeMap<B256, u64> = BTreeMap::new();
        for batch in batches {
            let root = trie.apply(&batch.iter().map(|(key, value)| (*key, encoded(*value))).collect());
            model.extend(batch);
            model.retain(|_, value| *value != 0);
            let expected = alloy_trie::root::storage_root(model.iter().map(|(key, value)| (*key, U256::from(*value))));
            prop_assert_eq!(root, expected);

            let mut fresh = Memory::default();
            fresh.apply(&model.iter().map(|(key, value)| (*key, encoded(*value))).collect());
            prop_assert_eq!(&trie.0, &fresh.0, "no node is left over and none is missing");
        }
    }

    /// A proof of a present or an absent key verifies with an independent verifier, and only for its own value.
    #[test]
    fn proofs_verify(keys in prop::collection::btree_set(clustered_key(), 0..24), asked in clustered_key()) {
        let mut trie = Memory::default();
        let root = trie.apply(&keys.iter().map(|key| (*key, encoded(7))).collect());
        let proof = prove(&trie, B256::ZERO, asked).unwrap();
        let value = keys.contains(&asked).then(|| alloy_rlp::encode(U256::from(7)));
        let path = Nibbles::unpack(asked);
        prop_assert!(alloy_trie::proof::verify_proof(root, path, value.clone(), &proof).is_ok());
        let wrong = if value.is_some() { None } else { Some(alloy_rlp::encode(U256::from(8))) };
        prop_assert!(alloy_trie::proof::verify_proof(root, path, wrong, &proof).is_err());
    }
}

#[test]
fn an_emptied_trie_has_the_empty_root_and_no_nodes() {
    let mut trie = Memory::default();
    let keys: Vec<B256> = (0u64..40).map(|n| keccak256(n.to_be_bytes())).collect();
    let full = trie.apply(&keys.iter().map(|key| (*key, encoded(1))).collect());
    assert_eq!(full, storage_root_unsorted(keys.iter().map(|key| (*key, U256::from(1)))));
    assert_eq!(trie.apply(&keys.iter().map(|key| (*key, None)).collect()), EMPTY_ROOT_HASH);
    assert!(trie.0.is_empty());
    assert_eq!(EMPTY_ROOT_HASH, b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"));
}
