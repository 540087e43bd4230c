use alloy_primitives::{Address, B256, Signature};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use alloy_sol_types::{SolStruct as _, eip712_domain, sol};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;

use crate::error::ChainError;

sol! {
    /// What an authority signs when it commits a block (EIP-712).
    struct Commit {
        uint64 height;
        uint32 round;
        bytes32 blockHash;
    }
}

/// One authority's signature over the commit of a block.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct CommitSignature {
    /// Whose signature this is.
    pub authority: Address,
    /// r ‖ s ‖ v (v = 27 or 28, low s) over [`commit_digest`].
    pub signature: alloy_primitives::Bytes,
}

/// The proof that those who may decide have decided a block. It stands beside the block and signs its hash, so the
/// hash stays Ethereum's, and the same form serves one authority and many validators.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct CommitCertificate {
    /// Height of the block.
    pub height: u64,
    /// Round of the height in which it was decided; 0 with a single authority.
    pub round: u32,
    /// The block's hash.
    pub block_hash: B256,
    /// The signatures, one for each authority that committed.
    pub signatures: Vec<CommitSignature>,
}

/// The digest of a commit: EIP-712 with the domain `{name "AITBC", version "1", chainId}`, so that a contract on any
/// EVM chain can check it with `ecrecover`.
#[must_use]
pub fn commit_digest(chain_id: u64, height: u64, round: u32, block_hash: B256) -> B256 {
    let domain = eip712_domain! { name: "AITBC", version: "1", chain_id: chain_id, };
    Commit { height, round, blockHash: block_hash }.eip712_signing_hash(&domain)
}

/// The key of a block-producing authority.
#[derive(Clone)]
pub struct AuthorityKey {
    key: SigningKey,
    address: Address,
}

impl AuthorityKey {
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

    /// Commits to a block alone, in round 0.
    ///
    /// # Errors
    /// [`ChainError::InvalidCertificate`] if the key cannot sign.
    pub fn certify(&self, chain_id: u64, height: u64, block_hash: B256) -> Result<CommitCertificate, ChainError> {
        const ROUND: u32 = 0;
        let digest = commit_digest(chain_id, height, ROUND, block_hash);
        let (signature, recovery) = self
            .key
            .sign_prehash(digest.as_slice())
            .map_err(|_| ChainError::InvalidCertificate { number: height, reason: "the authority cannot sign" })?;
        let signature = Signature::from((signature, recovery)).as_bytes().into();
        Ok(CommitCertificate {
            height,
            round: ROUND,
            block_hash,
            signatures: vec![CommitSignature { authority: self.address, signature }],
        })
    }
}

impl core::fmt::Debug for AuthorityKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("AuthorityKey").field("address", &self.address).finish_non_exhaustive()
    }
}

impl CommitCertificate {
    /// Checks that `authority` committed to the block `hash` at `height` of the chain `chain_id`.
    ///
    /// # Errors
    /// [`ChainError::InvalidCertificate`] naming what does not hold.
    pub fn verify(&self, chain_id: u64, height: u64, hash: B256, authority: Address) -> Result<(), ChainError> {
        let invalid = |reason| ChainError::InvalidCertificate { number: height, reason };
        if self.height != height || self.block_hash != hash {
            return Err(invalid("it certifies another block"));
        }
        let [signature] = self.signatures.as_slice() else {
            return Err(invalid("a single authority signs exactly once"));
        };
        let parsed = Signature::from_raw(&signature.signature).map_err(|_| invalid("the signature does not parse"))?;
        if parsed.normalize_s().is_some() {
            return Err(invalid("the signature has a high s value"));
        }
        let signer = parsed
            .recover_address_from_prehash(&commit_digest(chain_id, self.height, self.round, self.block_hash))
            .map_err(|_| invalid("the signature does not recover"))?;
        if signer != authority || signature.authority != authority {
            return Err(invalid("it is not signed by the authority of this chain"));
        }
        Ok(())
    }
}
