use alloy_primitives::{B256, Bytes};
use alloy_trie::proof::{ProofRetainer, ProofVerificationError, verify_proof};
use alloy_trie::root::adjust_index_for_rlp;
use alloy_trie::{HashBuilder, Nibbles};

/// Most receipts of one block that a proof is made over. Far more than the gas of a block can pay for.
pub const MAX_BLOCK_RECEIPTS: usize = 1 << 16;

/// Where the receipt of a transaction stands in the trie of its block: the RLP of its place.
fn key(transaction_index: u64) -> Nibbles {
    Nibbles::unpack(alloy_rlp::encode(transaction_index))
}

/// The nodes from `receiptsRoot` to the receipt at `transaction_index`, root first. `receipts` are all of the block in
/// their EIP-2718 form. `None` where the block has no such receipt, or more than [`MAX_BLOCK_RECEIPTS`].
#[must_use]
pub fn prove_receipt(receipts: &[Vec<u8>], transaction_index: u64) -> Option<Vec<Bytes>> {
    let count = receipts.len();
    if count > MAX_BLOCK_RECEIPTS || usize::try_from(transaction_index).ok()? >= count {
        return None;
    }
    let retainer = ProofRetainer::from_iter([key(transaction_index)]);
    let mut builder = HashBuilder::default().with_proof_retainer(retainer);
    // The trie takes its keys in their order, and the RLP of 0 is above that of 127.
    for place in (0..count).map(|place| adjust_index_for_rlp(place, count)) {
        builder.add_leaf(key(place as u64), &receipts[place]);
    }
    builder.root();
    Some(builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node).collect())
}

pub(crate) fn verify_receipt(
    receipts_root: B256,
    transaction_index: u64,
    receipt: &Bytes,
    proof: &[Bytes],
) -> Result<(), ProofVerificationError> {
    verify_proof(receipts_root, key(transaction_index), Some(receipt.to_vec()), proof)
}
