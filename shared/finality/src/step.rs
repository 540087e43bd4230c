use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable as _, RlpDecodable, RlpEncodable};
use serde::{Deserialize, Serialize};

use crate::certificate::CommitCertificate;
use crate::commitment::validators_hash;
use crate::error::ProofError;
use crate::validators::{Validator, ValidatorSet};

/// A decided block with those who decided it, for somebody who knows an earlier block of the chain.
///
/// The block before it names its validators by their hash, and they signed its certificate. Whether that earlier block is one of
/// the chain follows in one of two ways: the reader knows it already, or the certificate has signatures of more than two thirds
/// of the power of a set of which the reader knows that it decided an earlier block. Such validators sign no block that does not
/// follow from the chain. So a proof need not show each change of the set, but only enough blocks that those who decided one
/// also signed the next.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProofStep {
    /// RLP of the header of the block before.
    pub parent_header: Bytes,
    /// Those who decided the block, as the block before commits to them.
    pub validators: Vec<Validator>,
    /// RLP of the header of the block.
    pub header: Bytes,
    /// That they decided it.
    pub certificate: CommitCertificate,
}

/// A block of the chain, as far as a reader has come.
#[derive(Clone, Debug)]
pub(crate) struct KnownBlock {
    pub(crate) hash: B256,
    pub(crate) number: u64,
    /// Those who decided it; of block 0, those who decide the first.
    pub(crate) validators: ValidatorSet,
}

impl CommitCertificate {
    /// Whether those who signed have more than two thirds of the power of `earlier`, so that who trusts it trusts this
    /// certificate. It says nothing about whether the signatures hold.
    #[must_use]
    pub fn convinces(&self, earlier: &ValidatorSet) -> bool {
        earlier.is_quorum(self.power_among(earlier))
    }

    /// The power in `set` of those who signed, each counted once.
    fn power_among(&self, set: &ValidatorSet) -> u64 {
        let signers: std::collections::BTreeSet<_> = self.signatures.iter().map(|commit| commit.validator).collect();
        // No overflow: distinct members of a set whose total is a `u64`.
        signers.into_iter().filter_map(|signer| set.power_of(signer)).sum()
    }
}

impl ProofStep {
    /// Checks that this block stands on the chain of which `known` is an earlier block.
    pub(crate) fn follow(&self, chain_id: u64, known: &KnownBlock) -> Result<(Header, KnownBlock), ProofError> {
        let parent = decode("a block's parent", &self.parent_header)?;
        let header = decode("the block", &self.header)?;
        let (parent_hash, hash, number) = (keccak256(&self.parent_header), keccak256(&self.header), header.number);
        if header.parent_hash != parent_hash || parent.number.checked_add(1) != Some(number) {
            return Err(ProofError::OtherParent { number, parent_hash });
        }
        if number <= known.number {
            return Err(ProofError::NotLater { number, known: known.number });
        }
        let validators = committed(chain_id, &parent, &self.validators)?;
        self.certificate.verify(chain_id, number, hash, &validators)?;
        if parent_hash != known.hash && !self.certificate.convinces(&known.validators) {
            let signed = self.certificate.power_among(&known.validators);
            return Err(ProofError::Unconnected {
                number,
                known: known.number,
                signed,
                total: known.validators.total_power(),
            });
        }
        Ok((header, KnownBlock { hash, number, validators }))
    }
}

/// The validators as a set, if the block with this header commits to them.
pub(crate) fn committed(chain_id: u64, header: &Header, validators: &[Validator]) -> Result<ValidatorSet, ProofError> {
    let set = ValidatorSet::new(validators.iter().copied())?;
    let computed = validators_hash(chain_id, &set);
    if header.extra_data.as_ref() != computed.as_slice() {
        let committed = header.extra_data.to_string();
        return Err(ProofError::OtherValidators { number: header.number, committed, computed });
    }
    Ok(set)
}

/// A header from exactly these bytes, so that their hash is its hash.
pub(crate) fn decode(what: &'static str, bytes: &Bytes) -> Result<Header, ProofError> {
    let mut rest = bytes.as_ref();
    let header = Header::decode(&mut rest).map_err(|error| ProofError::Header(what, error))?;
    if rest.is_empty() { Ok(header) } else { Err(ProofError::Header(what, alloy_rlp::Error::UnexpectedLength)) }
}
