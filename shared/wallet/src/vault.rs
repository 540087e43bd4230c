//! What is stored: Argon2id derives a key from the password, and AES-256-GCM encrypts the secrets of all wallets with it.
//! Names, addresses and passkeys stand beside them in clear, and are authenticated with them. For each passkey the key stands
//! there as well, encrypted with what the passkey leads to.

mod passkey;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use shared::{Address, Bytes};
use zeroize::Zeroizing;

use crate::normal_form;
use crate::protocol::{AUTO_LOCK_DEFAULT_MINUTES, PasskeyView, PrfOutput, Secret, WalletId, WalletView};
use crate::secret::WalletSecret;

pub use passkey::PasskeyKey;
use passkey::WrappedKey;

const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 1;
const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;

/// More than the secrets of every wallet together have, so that their text never moves in memory and leaves no copy.
const SECRETS_MAX_BYTES: usize = 64 << 10;

/// Format of [`StoredVault`]; another version is refused instead of guessed at.
const VERSION: u32 = 4;

/// What stands in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// One more with every change.
    pub revision: u64,
    /// The number of the next wallet.
    pub next_id: u32,
    pub auto_lock_minutes: u32,
    pub wallets: Vec<WalletView>,
    pub passkeys: Vec<PasskeyView>,
}

impl Default for Contents {
    fn default() -> Self {
        Self {
            revision: 0,
            next_id: 1,
            auto_lock_minutes: AUTO_LOCK_DEFAULT_MINUTES,
            wallets: Vec::new(),
            passkeys: Vec::new(),
        }
    }
}

impl Contents {
    pub fn holds(&self, address: Address) -> bool {
        self.wallets.iter().flat_map(|wallet| &wallet.accounts).any(|account| account.address == address)
    }
}

/// What the browser stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVault {
    pub version: u32,
    /// JSON of [`Contents`]. It stays a text, since exactly these bytes are authenticated.
    contents: String,
    salt: Bytes,
    nonce: Bytes,
    ciphertext: Bytes,
    /// The key for each passkey, in the order of [`Contents::passkeys`]. An older version has none, and is refused by its number.
    #[serde(default)]
    passkeys: Vec<WrappedKey>,
}

/// What stands encrypted.
#[derive(Serialize)]
struct Sealed<'a> {
    wallets: &'a [(WalletId, &'a WalletSecret)],
    passkeys: &'a [PasskeyKey],
}

/// What an opened vault holds.
#[derive(Debug)]
pub struct Opened {
    pub contents: Contents,
    /// Each with the number of its wallet.
    pub secrets: Vec<(WalletId, WalletSecret)>,
    /// In the order of [`Contents::passkeys`].
    pub passkeys: Vec<PasskeyKey>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("the password does not open these wallets")]
    WrongPassword,
    #[error("the passkey does not open these wallets")]
    WrongPasskey,
    #[error("what is stored is of version {0}, this code reads version {VERSION}")]
    Version(u32),
    #[error("what is stored is damaged: {0}")]
    Damaged(&'static str),
    #[error("the cipher could not be set up or used")]
    Cipher,
}

/// The key of a vault, which its password leads to. It is wiped when dropped.
#[derive(Clone)]
pub struct VaultKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    salt: [u8; SALT_BYTES],
}

impl VaultKey {
    /// A key of its own for a new password.
    pub fn new(password: &str, random: &mut (impl RngCore + CryptoRng)) -> Result<Self, VaultError> {
        let mut salt = [0; SALT_BYTES];
        random.fill_bytes(&mut salt);
        Self::derive(password, salt)
    }

    fn derive(password: &str, salt: [u8; SALT_BYTES]) -> Result<Self, VaultError> {
        let (mut key, password) = (Zeroizing::new([0_u8; KEY_BYTES]), normal_form::password(password));
        Params::new(MEMORY_KIB, PASSES, LANES, Some(key.len()))
            .and_then(|params| {
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                    password.as_bytes(),
                    &salt,
                    key.as_mut_slice(),
                )
            })
            .map_err(|_| VaultError::Cipher)?;
        Ok(Self { key, salt })
    }

    /// Key and salt for memory outside of this one; see [`crate::session::KeptUnlock`].
    pub(crate) fn to_kept(&self) -> (Secret, Bytes) {
        (Secret(hex::encode(*self.key)), self.salt.to_vec().into())
    }

    pub(crate) fn from_kept(key: &Secret, salt: &Bytes) -> Option<Self> {
        let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
        hex::decode_to_slice(&key.0, bytes.as_mut_slice()).ok()?;
        Some(Self { key: bytes, salt: salt.as_ref().try_into().ok()? })
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.key).into())
    }
}

impl std::fmt::Debug for VaultKey {
    /// The key is never printed.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("VaultKey")
    }
}

impl StoredVault {
    /// Encrypts the secrets, each with the number of its wallet, and the key for each passkey of `contents`, whose own keys are
    /// `passkeys`. Every call takes fresh nonces.
    ///
    /// # Errors
    /// The cipher could not be used, or there is not one key for each passkey.
    pub fn seal(
        contents: &Contents,
        secrets: &[(WalletId, &WalletSecret)],
        passkeys: &[PasskeyKey],
        key: &VaultKey,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, VaultError> {
        if contents.passkeys.len() != passkeys.len() {
            return Err(VaultError::Damaged("a passkey has no key"));
        }
        let for_passkeys = contents.passkeys.iter().zip(passkeys);
        let for_passkeys: Vec<WrappedKey> =
            for_passkeys.map(|(view, passkey)| passkey.wrap(view, key, random)).collect::<Result<_, _>>()?;
        let contents = serde_json::to_string(contents).map_err(|_| VaultError::Cipher)?;
        let mut text = Zeroizing::new(Vec::with_capacity(SECRETS_MAX_BYTES));
        serde_json::to_writer(&mut *text, &Sealed { wallets: secrets, passkeys }).map_err(|_| VaultError::Cipher)?;
        let mut nonce = [0; NONCE_BYTES];
        random.fill_bytes(&mut nonce);
        let payload = Payload { msg: &text, aad: &additional_data(key.salt, &contents) };
        let ciphertext = key.cipher().encrypt((&nonce).into(), payload).map_err(|_| VaultError::Cipher)?;
        let (salt, nonce) = (key.salt.to_vec().into(), nonce.to_vec().into());
        Ok(Self { version: VERSION, contents, salt, nonce, ciphertext: ciphertext.into(), passkeys: for_passkeys })
    }

    /// What stands in clear. Nothing proves it before the vault is opened.
    pub fn contents(&self) -> Result<Contents, VaultError> {
        self.check_version()?;
        serde_json::from_str(&self.contents).map_err(|_| VaultError::Damaged("contents"))
    }

    /// The key that `password` leads to. [`Self::open`] tells whether it is the right one.
    pub fn key(&self, password: &str) -> Result<VaultKey, VaultError> {
        self.check_version()?;
        VaultKey::derive(password, self.salt()?)
    }

    /// The key, decrypted with what the passkey `credential_id` answered. A passkey of others, another answer and a changed byte
    /// look the same.
    ///
    /// # Errors
    /// Those, and another version.
    pub fn key_by_passkey(&self, credential_id: &[u8], output: &PrfOutput) -> Result<VaultKey, VaultError> {
        let known = self.contents()?.passkeys;
        let at = known.iter().position(|passkey| *passkey.credential_id == *credential_id);
        let found = at.and_then(|at| Some((known.get(at)?, self.passkeys.get(at)?)));
        let (passkey, wrapped) = found.ok_or(VaultError::WrongPasskey)?;
        PasskeyKey::derive(passkey, output)?.unwrap(passkey, wrapped, self.salt()?)
    }

    /// Decrypts the secrets. A wrong password and a changed byte look the same, since both fail authentication.
    pub fn open(&self, key: &VaultKey) -> Result<Opened, VaultError> {
        #[derive(Deserialize)]
        struct Read {
            wallets: Vec<(WalletId, WalletSecret)>,
            passkeys: Vec<PasskeyKey>,
        }

        self.check_version()?;
        let nonce: [u8; NONCE_BYTES] = self.nonce.as_ref().try_into().map_err(|_| VaultError::Damaged("nonce"))?;
        let payload = Payload { msg: &self.ciphertext, aad: &additional_data(self.salt()?, &self.contents) };
        let opened = key.cipher().decrypt((&nonce).into(), payload).map_err(|_| VaultError::WrongPassword)?;
        let opened = Zeroizing::new(opened);
        let Read { wallets, passkeys } = serde_json::from_slice(&opened).map_err(|_| VaultError::Damaged("secrets"))?;
        let contents = self.contents()?;
        if contents.passkeys.len() != passkeys.len() {
            return Err(VaultError::Damaged("a passkey has no key"));
        }
        Ok(Opened { contents, secrets: wallets, passkeys })
    }

    fn salt(&self) -> Result<[u8; SALT_BYTES], VaultError> {
        self.salt.as_ref().try_into().map_err(|_| VaultError::Damaged("salt"))
    }

    fn check_version(&self) -> Result<(), VaultError> {
        if self.version == VERSION { Ok(()) } else { Err(VaultError::Version(self.version)) }
    }
}

/// Is authenticated with the ciphertext, so that nobody can put another name, address, passkey or salt beside the secrets. With
/// another salt the password would lead nowhere once a passkey had opened the vault and its next change was stored.
fn additional_data(salt: [u8; SALT_BYTES], contents: &str) -> Vec<u8> {
    [b"aitbc wallet 4 ".as_slice(), &salt, contents.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::rand_core::OsRng;

    use super::*;
    use crate::mnemonic::MnemonicPhrase;

    fn sealed(password: &str) -> (WalletSecret, StoredVault) {
        let phrase = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        let secret = WalletSecret::Phrase(phrase);
        let key = VaultKey::new(password, &mut OsRng).unwrap();
        let stored = StoredVault::seal(&Contents::default(), &[(WalletId(1), &secret)], &[], &key, &mut OsRng).unwrap();
        (secret, stored)
    }

    fn opens(stored: &StoredVault, password: &str) -> Result<WalletSecret, VaultError> {
        Ok(stored.open(&stored.key(password)?)?.secrets.remove(0).1)
    }

    #[test]
    fn only_the_password_opens_it() {
        let (secret, stored) = sealed("caf\u{e9} au lait");
        assert_eq!(opens(&stored, "cafe\u{301} au lait").unwrap(), secret, "another keyboard spells it so");
        assert_eq!(opens(&stored, "cafe au lait"), Err(VaultError::WrongPassword));
        let text = serde_json::to_vec(&stored).unwrap();
        assert!(!text.windows(7).any(|bytes| bytes == b"abandon"), "the words are not encrypted");
        assert!(!stored.ciphertext.windows(7).any(|bytes| bytes == b"abandon"), "the words are not encrypted");
    }

    #[test]
    fn a_changed_name_or_byte_is_noticed() {
        let (_, stored) = sealed("correct horse");
        let key = stored.key("correct horse").unwrap();
        assert!(stored.open(&key).is_ok());
        let renamed = StoredVault { contents: stored.contents.replace("15", "99"), ..stored.clone() };
        assert_ne!(renamed.contents, stored.contents);
        assert_eq!(renamed.open(&key).unwrap_err(), VaultError::WrongPassword);
        let mut bytes = stored.ciphertext.to_vec();
        bytes[0] ^= 1;
        let changed = StoredVault { ciphertext: bytes.into(), ..stored.clone() };
        assert_eq!(changed.open(&key).unwrap_err(), VaultError::WrongPassword);
        let short = StoredVault { salt: Bytes::new(), ..stored.clone() };
        assert_eq!(short.key("correct horse").unwrap_err(), VaultError::Damaged("salt"));
        let older = StoredVault { version: 3, ..stored.clone() };
        assert_eq!(older.contents(), Err(VaultError::Version(3)));
        assert_eq!(older.open(&key).unwrap_err(), VaultError::Version(3));
        let salted = StoredVault { salt: vec![7; SALT_BYTES].into(), ..stored };
        assert_eq!(salted.open(&key).unwrap_err(), VaultError::WrongPassword, "the salt is authenticated");
    }
}
