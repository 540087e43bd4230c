//! secp256k1 signatures over digests, as Ethereum writes them: `r ‖ s ‖ v` with v = 27 or 28 and s in the lower half.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};

/// Bytes of `r ‖ s ‖ v`.
pub const SIGNATURE_BYTES: usize = 65;

/// Why bytes are no signature or no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("a signature is {SIGNATURE_BYTES} bytes, got {0}")]
    Length(usize),
    #[error("v is 27 or 28, got {0}")]
    RecoveryId(u8),
    #[error("s is in the upper half of the curve's order (EIP-2 allows the lower half only)")]
    Malleable,
    #[error("r and s name no point of secp256k1")]
    NotOnCurve,
    #[error("a private key is a number from 1 to the order of secp256k1 less 1, as 32 bytes")]
    PrivateKey,
}

/// A private key that signs digests. Its bytes are wiped when it is dropped.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignatureError> {
        SigningKey::from_slice(bytes).map(Self).map_err(|_| SignatureError::PrivateKey)
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes().into()
    }

    pub fn address(&self) -> Address {
        address_of(self.0.verifying_key())
    }

    /// Signs a digest deterministically (RFC 6979).
    pub fn sign(&self, digest: B256) -> Result<Bytes, SignatureError> {
        let (signature, recovery_id) =
            self.0.sign_prehash_recoverable(digest.as_slice()).map_err(|_| SignatureError::NotOnCurve)?;
        let mut bytes = [0; SIGNATURE_BYTES];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery_id.to_byte();
        Ok(Bytes::copy_from_slice(&bytes))
    }
}

impl std::fmt::Debug for PrivateKey {
    /// Names the account; the key itself is never printed.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "PrivateKey of {}", self.address())
    }
}

/// Who signed `digest`.
pub fn recover(digest: B256, signature: &[u8]) -> Result<Address, SignatureError> {
    let bytes: &[u8; SIGNATURE_BYTES] = signature.try_into().map_err(|_| SignatureError::Length(signature.len()))?;
    let recovery_id = match bytes[64] {
        v @ (27 | 28) => RecoveryId::new(v == 28, false),
        other => return Err(SignatureError::RecoveryId(other)),
    };
    let signature = Signature::from_slice(&bytes[..64]).map_err(|_| SignatureError::NotOnCurve)?;
    if signature.normalize_s().is_some() {
        return Err(SignatureError::Malleable);
    }
    VerifyingKey::recover_from_prehash(digest.as_slice(), &signature, recovery_id)
        .map(|key| address_of(&key))
        .map_err(|_| SignatureError::NotOnCurve)
}

/// The last 20 bytes of keccak256 of the uncompressed public key without its 0x04.
fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..])
}
