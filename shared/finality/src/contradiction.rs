use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use serde::{Deserialize, Serialize};

use crate::certificate::{commit_digest, signer_of};

/// A validator's commit to a block, as one half of a [`Contradiction`].
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedCommit {
    /// The block.
    pub block_hash: B256,
    /// r ‖ s ‖ v over [`commit_digest`].
    pub signature: Bytes,
}

/// That a validator committed to two blocks in one round of one height, which nobody does who keeps the rules. Both commits carry
/// its signature, so anybody can check it, a contract too.
///
/// In JSON its names and numbers are as in [`crate::CommitCertificate`].
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Contradiction {
    /// Who contradicted itself.
    pub validator: Address,
    /// Height of both blocks.
    #[serde(with = "alloy_serde::quantity")]
    pub height: u64,
    /// Round of both commits.
    #[serde(with = "alloy_serde::quantity")]
    pub round: u32,
    /// One commit.
    pub first: SignedCommit,
    /// The other.
    pub second: SignedCommit,
}

impl Contradiction {
    /// Whether the validator signed both commits on the chain `chain_id`, and they are to different blocks.
    #[must_use]
    pub fn holds(&self, chain_id: u64) -> bool {
        let is_signed = |commit: &SignedCommit| {
            let digest = commit_digest(chain_id, self.height, self.round, commit.block_hash);
            signer_of(digest, &commit.signature) == Some(self.validator)
        };
        self.first.block_hash != self.second.block_hash && is_signed(&self.first) && is_signed(&self.second)
    }
}
