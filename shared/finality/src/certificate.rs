use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, FixedBytes, Signature};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use alloy_sol_types::{Eip712Domain, SolStruct as _, eip712_domain, sol};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;
use serde::{Deserialize, Serialize};

use crate::error::CertificateError;
use crate::validators::{MAX_VALIDATORS, ValidatorSet};

sol! {
    /// What a validator signs when it commits to a block (EIP-712).
    struct Commit {
        uint64 height;
        uint32 round;
        bytes32 blockHash;
    }
}

/// One validator's signature over its commit to a block.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitSignature {
    /// Whose signature this is.
    pub validator: Address,
    /// r ‖ s ‖ v (v = 27 or 28, low s) over [`commit_digest`].
    pub signature: alloy_primitives::Bytes,
}

/// The proof that the validators of a height have decided a block. It stands beside the block and signs its hash, so
/// the hash stays Ethereum's, and the same form serves one validator and many.
///
/// In JSON its names are camel case and its numbers hexadecimal texts, as Ethereum's JSON-RPC has them.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommitCertificate {
    /// Height of the block.
    #[serde(with = "alloy_serde::quantity")]
    pub height: u64,
    /// Round of the height in which it was decided; 0 with a single validator.
    #[serde(with = "alloy_serde::quantity")]
    pub round: u32,
    /// The block's hash.
    pub block_hash: B256,
    /// The signatures, at most one of each validator, of more than two thirds of the voting power.
    pub signatures: Vec<CommitSignature>,
}

/// The domain of what validators sign (EIP-712): `{name "AITBC", version "1", chainId}`.
#[must_use]
pub fn validator_domain(chain_id: u64) -> Eip712Domain {
    eip712_domain! { name: "AITBC", version: "1", chain_id: chain_id, }
}

/// The digest of a commit: EIP-712 with [`validator_domain`], so that a contract on any EVM chain can check it with
/// `ecrecover`.
#[must_use]
pub fn commit_digest(chain_id: u64, height: u64, round: u32, block_hash: B256) -> B256 {
    Commit { height, round, blockHash: block_hash }.eip712_signing_hash(&validator_domain(chain_id))
}

/// The key of a validator.
#[derive(Clone)]
pub struct ValidatorKey {
    key: SigningKey,
    address: Address,
}

impl ValidatorKey {
    /// Takes a secp256k1 key; its address is Ethereum's.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let address = Address::from_private_key(&key);
        Self { key, address }
    }

    /// The address of the key.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// Signs the commit to a block.
    ///
    /// `None` if the key cannot sign.
    #[must_use]
    pub fn sign_commit(&self, chain_id: u64, height: u64, round: u32, block_hash: B256) -> Option<CommitSignature> {
        let signature = self.sign_digest(commit_digest(chain_id, height, round, block_hash))?;
        Some(CommitSignature { validator: self.address, signature: signature.into() })
    }

    /// Signs the digest of something that a validator says: r ‖ s ‖ v, as in [`CommitSignature`]. `None` if the key
    /// cannot sign.
    #[must_use]
    pub fn sign_digest(&self, digest: B256) -> Option<FixedBytes<65>> {
        let (signature, recovery) = self.key.sign_prehash(digest.as_slice()).ok()?;
        Some(Signature::from((signature, recovery)).as_bytes().into())
    }

    /// Decides a block alone, in round 0. The certificate holds where this key has more than two thirds of the power.
    /// `None` if the key cannot sign.
    #[must_use]
    pub fn decide_alone(&self, chain_id: u64, height: u64, block_hash: B256) -> Option<CommitCertificate> {
        const ROUND: u32 = 0;
        let signatures = vec![self.sign_commit(chain_id, height, ROUND, block_hash)?];
        Some(CommitCertificate { height, round: ROUND, block_hash, signatures })
    }
}

impl core::fmt::Debug for ValidatorKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("ValidatorKey").field("address", &self.address).finish_non_exhaustive()
    }
}

impl CommitCertificate {
    /// Checks that those who decide the block at `height` of the chain `chain_id` committed to `block_hash`.
    ///
    /// # Errors
    /// [`CertificateError`] naming what does not hold.
    pub fn verify(
        &self,
        chain_id: u64,
        height: u64,
        block_hash: B256,
        validators: &ValidatorSet,
    ) -> Result<(), CertificateError> {
        if self.height != height || self.block_hash != block_hash {
            return Err(CertificateError::OtherBlock { height: self.height, block_hash: self.block_hash });
        }
        if self.signatures.len() > MAX_VALIDATORS {
            return Err(CertificateError::TooManySignatures(self.signatures.len()));
        }
        let digest = commit_digest(chain_id, height, self.round, block_hash);
        let (mut signers, mut signed) = (BTreeSet::new(), 0);
        for CommitSignature { validator, signature } in &self.signatures {
            let power = validators.power_of(*validator).ok_or(CertificateError::NotAValidator(*validator))?;
            if !signers.insert(*validator) {
                return Err(CertificateError::RepeatedValidator(*validator));
            }
            if signer_of(digest, signature) != Some(*validator) {
                return Err(CertificateError::BadSignature(*validator));
            }
            // No overflow: the signers are distinct members, and the set's total is a `u64`.
            signed += power;
        }
        if !validators.is_quorum(signed) {
            return Err(CertificateError::NoQuorum { signed, total: validators.total_power() });
        }
        Ok(())
    }
}

/// Who signed a digest; `None` where the bytes are no signature in the one form that contracts take: v is 27 or 28, and s is low.
#[must_use]
pub fn signer_of(digest: B256, signature: &[u8]) -> Option<Address> {
    if !matches!(signature.last(), Some(27 | 28)) {
        return None;
    }
    let parsed = Signature::from_raw(signature).ok()?;
    if parsed.normalize_s().is_some() {
        return None;
    }
    parsed.recover_address_from_prehash(&digest).ok()
}
