//! secp256k1 signatures as Ethereum writes them: `r ‖ s ‖ v` with v = 27 or 28 and s in the lower half of the order.
//!
//! What is signed is typed data (EIP-712: receipts, certificates, orders), a message in bytes (EIP-191: registrations,
//! reports) or a digest that something else defines (transactions).

use alloy_primitives::{Address, B256, Bytes, keccak256};
use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};

use crate::typed_data::{SigningDomain, TypedData};

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

/// A private key. Its bytes are wiped when it is dropped.
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

    /// Signs a struct for one domain (EIP-712).
    pub fn sign(&self, data: &impl TypedData, domain: &SigningDomain) -> Result<Bytes, SignatureError> {
        self.sign_digest(data.digest(domain))
    }

    /// Signs a message as wallets do (EIP-191, `personal_sign`).
    pub fn sign_message(&self, message: &[u8]) -> Result<Bytes, SignatureError> {
        self.sign_digest(message_digest(message))
    }

    /// Signs a digest deterministically (RFC 6979).
    pub fn sign_digest(&self, digest: B256) -> Result<Bytes, SignatureError> {
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

/// Who signed a struct for one domain.
pub fn recover(data: &impl TypedData, domain: &SigningDomain, signature: &[u8]) -> Result<Address, SignatureError> {
    recover_digest(data.digest(domain), signature)
}

/// Who signed a message.
pub fn recover_message(message: &[u8], signature: &[u8]) -> Result<Address, SignatureError> {
    recover_digest(message_digest(message), signature)
}

/// Who signed a digest.
pub fn recover_digest(digest: B256, signature: &[u8]) -> Result<Address, SignatureError> {
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

/// The digest of a message of bytes: EIP-191, version 0x45.
pub fn message_digest(message: &[u8]) -> B256 {
    let mut prefixed = format!("\x19Ethereum Signed Message:\n{}", message.len()).into_bytes();
    prefixed.extend_from_slice(message);
    keccak256(prefixed)
}

/// The last 20 bytes of keccak256 of the uncompressed public key without its 0x04.
fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// geth's documented example of `personal_sign`.
    #[test]
    fn hashes_a_message_as_wallets_do() {
        let digest = message_digest(b"hello world");
        assert_eq!(digest.to_string(), "0xd9eba16ed0ecae432b71fe008c98cc872bb4cc214d3220a36f365326cf807d68");
    }

    #[test]
    fn a_message_recovers_its_signer_and_another_message_does_not() {
        let key = PrivateKey::from_bytes(&[5; 32]).unwrap();
        let signature = key.sign_message(b"a report").unwrap();
        assert_eq!(recover_message(b"a report", &signature), Ok(key.address()));
        assert_ne!(recover_message(b"another", &signature), Ok(key.address()));
    }
}
