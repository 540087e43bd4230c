use alloy_primitives::{B256, keccak256};
use alloy_rlp::RlpEncodable;

use crate::validators::{Validator, ValidatorSet};

/// What a block commits to beside Ethereum's own fields.
#[derive(RlpEncodable)]
struct Commitment {
    chain_id: u64,
    validators: Vec<Validator>,
}

/// What `extraData` of a block holds: Keccak-256 of the RLP of the chain id and of those who decide the next block, sorted by
/// their addresses. So each header says who has to sign the block after it. In block 0 it also tells a chain from another
/// with the same contracts.
#[must_use]
pub fn validators_hash(chain_id: u64, validators: &ValidatorSet) -> B256 {
    keccak256(alloy_rlp::encode(Commitment { chain_id, validators: validators.iter().collect() }))
}
