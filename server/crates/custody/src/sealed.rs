//! Small secrets at rest: AES-256-GCM under a key that is derived from another one for this purpose alone.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use shared::Bytes;
use wallet::rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 12;

/// Encrypts secrets of one purpose. It is wiped when dropped.
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// An encrypted secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    nonce: Bytes,
    ciphertext: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    #[error("the cipher could not be set up")]
    Cipher,
    #[error("the stored secret is damaged, or was stored under another key")]
    Damaged,
}

impl SealingKey {
    /// `purpose` keeps the keys that follow from one `secret` apart.
    pub fn derive(secret: &[u8], purpose: &str) -> Result<Self, SealedError> {
        let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(secret).map_err(|_| SealedError::Cipher)?;
        mac.update(purpose.as_bytes());
        Ok(Self(Zeroizing::new(mac.finalize().into_bytes().into())))
    }

    /// `context` says whose secret it is; it opens in no other context. `random` must be the system's own generator.
    pub fn seal(
        &self,
        secret: &[u8],
        context: &[u8],
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Sealed, SealedError> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill_bytes(&mut nonce);
        let payload = Payload { msg: secret, aad: context };
        let ciphertext = self.cipher().encrypt((&nonce).into(), payload).map_err(|_| SealedError::Cipher)?;
        Ok(Sealed { nonce: nonce.to_vec().into(), ciphertext: ciphertext.into() })
    }

    pub fn open(&self, sealed: &Sealed, context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        let nonce: &[u8; NONCE_BYTES] = sealed.nonce.as_ref().try_into().map_err(|_| SealedError::Damaged)?;
        let payload = Payload { msg: &sealed.ciphertext, aad: context };
        self.cipher().decrypt(nonce.into(), payload).map(Zeroizing::new).map_err(|_| SealedError::Damaged)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealingKey")
    }
}

#[cfg(test)]
mod tests {
    use wallet::rand_core::OsRng;

    use super::*;

    #[test]
    fn a_secret_opens_with_its_key_and_in_its_context_only() {
        let key = SealingKey::derive(&[1; 32], "second factor").unwrap();
        let sealed = key.seal(b"secret", b"mine", &mut OsRng).unwrap();
        let text = serde_json::to_string(&sealed).unwrap();
        let read: Sealed = serde_json::from_str(&text).unwrap();
        assert_eq!(key.open(&read, b"mine").unwrap().as_slice(), b"secret");
        assert_eq!(key.open(&read, b"yours"), Err(SealedError::Damaged));
        for other in [SealingKey::derive(&[1; 32], "other"), SealingKey::derive(&[2; 32], "second factor")] {
            assert_eq!(other.unwrap().open(&read, b"mine"), Err(SealedError::Damaged));
        }
        let changed = Sealed { ciphertext: sealed.ciphertext.iter().map(|byte| byte ^ 1).collect(), ..sealed.clone() };
        assert_eq!(key.open(&changed, b"mine"), Err(SealedError::Damaged));
        let short = Sealed { nonce: Bytes::new(), ..sealed };
        assert_eq!(key.open(&short, b"mine"), Err(SealedError::Damaged));
        assert_eq!(format!("{key:?}"), "SealingKey");
    }
}
