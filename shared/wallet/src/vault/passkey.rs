//! A passkey beside the password: HKDF-SHA-256 makes a key of what the passkey's PRF extension answers, and AES-256-GCM
//! encrypts the vault's key with it.
//!
//! That key stands among the vault's secrets too. So a new password, which leads to a new key of the vault, needs no passkey
//! at hand: the new key is encrypted for each of them.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use hkdf::Hkdf;
use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use pbkdf2::sha2::Sha256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::Bytes;
use zeroize::Zeroizing;

use super::{KEY_BYTES, NONCE_BYTES, SALT_BYTES, VaultError, VaultKey};
use crate::protocol::{PasskeyView, PrfOutput};

/// What the derived key is for, before the credential's id.
const PURPOSE: &[u8] = b"aitbc wallet passkey ";

/// A key that a passkey led to. It is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PasskeyKey(Zeroizing<[u8; KEY_BYTES]>);

/// The vault's key, encrypted for one passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WrappedKey {
    nonce: Bytes,
    ciphertext: Bytes,
}

impl PasskeyKey {
    /// RFC 5869 with the passkey's salt, and its id in `info`.
    ///
    /// # Errors
    /// The hash could not be used.
    pub fn derive(passkey: &PasskeyView, output: &PrfOutput) -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        let info = [PURPOSE, &passkey.credential_id].concat();
        Hkdf::<Sha256>::new(Some(&passkey.salt), output.as_bytes())
            .expand(&info, key.as_mut_slice())
            .map_err(|_| VaultError::Cipher)?;
        Ok(Self(key))
    }

    pub(super) fn wrap(
        &self,
        passkey: &PasskeyView,
        vault: &VaultKey,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<WrappedKey, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill_bytes(&mut nonce);
        let payload = Payload { msg: vault.key.as_slice(), aad: &additional_data(passkey, &vault.salt) };
        let ciphertext = self.cipher().encrypt((&nonce).into(), payload).map_err(|_| VaultError::Cipher)?;
        Ok(WrappedKey { nonce: nonce.to_vec().into(), ciphertext: ciphertext.into() })
    }

    pub(super) fn unwrap(
        &self,
        passkey: &PasskeyView,
        wrapped: &WrappedKey,
        salt: [u8; SALT_BYTES],
    ) -> Result<VaultKey, VaultError> {
        let nonce: [u8; NONCE_BYTES] = wrapped.nonce.as_ref().try_into().map_err(|_| VaultError::WrongPasskey)?;
        let payload = Payload { msg: &wrapped.ciphertext, aad: &additional_data(passkey, &salt) };
        let opened = self.cipher().decrypt((&nonce).into(), payload).map_err(|_| VaultError::WrongPasskey)?;
        let opened = Zeroizing::new(opened);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if opened.len() != key.len() {
            return Err(VaultError::WrongPasskey);
        }
        key.copy_from_slice(&opened);
        Ok(VaultKey { key, salt })
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

impl std::fmt::Debug for PasskeyKey {
    /// The key is never printed.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasskeyKey")
    }
}

impl Serialize for PasskeyKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(hex::encode(self.0.as_slice())))
    }
}

impl<'de> Deserialize<'de> for PasskeyKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.as_str(), key.as_mut_slice()).map_err(|_| de::Error::custom("no passkey's key"))?;
        Ok(Self(key))
    }
}

/// Both salts have one length each, so two passkeys never have the same.
fn additional_data(passkey: &PasskeyView, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
    [b"aitbc wallet 4 passkey ".as_slice(), salt, &passkey.salt, &passkey.credential_id].concat()
}
