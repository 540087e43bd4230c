use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use serde::{Deserialize, Serialize};

use crate::certificate::{CommitCertificate, commit_digest, signer_of};
use crate::validators::MAX_VALIDATORS;

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
    /// What two certificates of a fork prove on the chain `chain_id`: one contradiction of each validator that committed to both
    /// blocks, where both are of one round of one height. A signature that does not hold proves nothing and hides nothing, so
    /// neither has to be a quorum. One that names a validator twice, or more than a set can have, is not looked at.
    #[must_use]
    pub fn between(first: &CommitCertificate, second: &CommitCertificate, chain_id: u64) -> Vec<Self> {
        Self::claimed_between(first, second).into_iter().filter(|found| found.holds(chain_id)).collect()
    }

    /// What two certificates claim against those who are in both, as [`Contradiction::between`] has it, without a look at a
    /// signature. It costs next to nothing, so that a reader can leave out what is of no use before it checks the rest by
    /// [`Contradiction::holds`].
    #[must_use]
    pub fn claimed_between(first: &CommitCertificate, second: &CommitCertificate) -> Vec<Self> {
        let is_of_one_round = (first.height, first.round) == (second.height, second.round);
        if !is_of_one_round || first.block_hash == second.block_hash {
            return Vec::new();
        }
        let (Some(of_first), Some(of_second)) = (by_validator(first), by_validator(second)) else { return Vec::new() };
        let of_both = of_first.into_iter().filter_map(|(validator, signature)| {
            Some(Self {
                validator,
                height: first.height,
                round: first.round,
                first: SignedCommit { block_hash: first.block_hash, signature: signature.clone() },
                second: SignedCommit {
                    block_hash: second.block_hash,
                    signature: Bytes::clone(of_second.get(&validator)?),
                },
            })
        });
        of_both.collect()
    }

    /// Whether the validator signed both commits on the chain `chain_id`, and they are to different blocks. The second is looked
    /// at first: where one of both comes from a stranger, it is that one.
    #[must_use]
    pub fn holds(&self, chain_id: u64) -> bool {
        let is_signed = |commit: &SignedCommit| {
            let digest = commit_digest(chain_id, self.height, self.round, commit.block_hash);
            signer_of(digest, &commit.signature) == Some(self.validator)
        };
        self.first.block_hash != self.second.block_hash && is_signed(&self.second) && is_signed(&self.first)
    }
}

/// The signatures of a certificate; `None` where a validator occurs twice or there are too many.
fn by_validator(certificate: &CommitCertificate) -> Option<BTreeMap<Address, &Bytes>> {
    let given = certificate.signatures.len();
    if given > MAX_VALIDATORS {
        return None;
    }
    let signatures: BTreeMap<_, _> =
        certificate.signatures.iter().map(|commit| (commit.validator, &commit.signature)).collect();
    (signatures.len() == given).then_some(signatures)
}
