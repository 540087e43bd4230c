//! The keystore file of version 3 (Web3 Secret Storage): one key, encrypted with a password.
//!
//! Files that geth, ethers and other programs wrote are read, with scrypt or PBKDF2. Files are written with scrypt. A file
//! names its own costs, so they have bounds: nobody's file takes this machine's memory or hours of its time.

mod file;
mod kdf;

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use shared::Address;
use shared::signing::{PrivateKey, SignatureError};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::normal_form;
use file::{Cipher, CipherParams, Crypto, File, Hex};
use kdf::{DERIVED_BYTES, Kdf};
pub use kdf::{ITERATIONS_MAX, MEMORY_MAX_BYTES, WORK_MAX};

/// The only version there is.
pub const VERSION: u32 = 3;

/// Most bytes of a keystore file. A usual one has 500.
pub const FILE_MAX_BYTES: usize = 16 << 10;

const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 32;
const IV_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// Why a text is no keystore file that can be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    #[error("a keystore file has up to {FILE_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    #[error("this is no keystore file: {0}")]
    NotAKeystore(String),
    #[error("a keystore file has version {VERSION}, got {0}")]
    Version(u32),
    #[error("crypto.{field} has {bytes} bytes, got {got}")]
    Length { field: &'static str, bytes: usize, got: usize },
    #[error("crypto.kdfparams.{field} is {rule}, got {got}")]
    Parameter { field: &'static str, rule: &'static str, got: u64 },
    #[error("crypto.kdfparams asks for more than this wallet gives: {what} is up to {most}, got {got}")]
    TooCostly { what: &'static str, most: u64, got: u64 },
    #[error("the password does not open this keystore file, or the file is damaged")]
    WrongPassword,
    #[error("the keystore file is of {says}, but its key is of {holds}")]
    OtherAddress { says: Address, holds: Address },
    #[error(transparent)]
    PrivateKey(#[from] SignatureError),
}

/// A keystore file that was read but not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keystore(File);

impl Keystore {
    /// Reads a file and checks everything that needs no password, the bounds of its costs above all.
    pub fn parse(text: &str) -> Result<Self, KeystoreError> {
        if text.len() > FILE_MAX_BYTES {
            return Err(KeystoreError::TooLong(text.len()));
        }
        let file: File = serde_json::from_str(text).map_err(|error| KeystoreError::NotAKeystore(error.to_string()))?;
        if file.version != VERSION {
            return Err(KeystoreError::Version(file.version));
        }
        let crypto = &file.crypto;
        for (field, bytes, hex) in [
            ("ciphertext", KEY_BYTES, &crypto.ciphertext),
            ("cipherparams.iv", IV_BYTES, &crypto.cipherparams.iv),
            ("mac", MAC_BYTES, &crypto.mac),
        ] {
            if hex.0.len() != bytes {
                return Err(KeystoreError::Length { field, bytes, got: hex.0.len() });
            }
        }
        crypto.kdf.check()?;
        Ok(Self(file))
    }

    /// The address that the file says it is of. Nothing proves it before the file is opened; some programs leave it out.
    pub fn address(&self) -> Option<Address> {
        self.0.address.as_ref().map(|address| address.0)
    }

    /// Encrypts `key` with `password`. `random` must be the system's own generator.
    pub fn seal(
        key: &PrivateKey,
        password: &str,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, KeystoreError> {
        let (mut salt, mut iv, mut id) = ([0; SALT_BYTES], [0; IV_BYTES], [0; 16]);
        random.fill_bytes(&mut salt);
        random.fill_bytes(&mut iv);
        random.fill_bytes(&mut id);
        let kdf = Kdf::new(salt);
        let derived = kdf.derive(&normal_form::keystore_password(password))?;
        let secret = Zeroizing::new(key.to_bytes());
        let mut ciphertext = *secret;
        apply_cipher(&derived, &iv, &mut ciphertext);
        Ok(Self(File {
            address: Some(file::PlainAddress(key.address())),
            crypto: Crypto {
                cipher: Cipher::Aes128Ctr,
                cipherparams: CipherParams { iv: Hex(iv.to_vec()) },
                ciphertext: Hex(ciphertext.to_vec()),
                mac: Hex(mac(&derived, &ciphertext).to_vec()),
                kdf,
            },
            id: Some(file::random_uuid(id)),
            version: VERSION,
        }))
    }

    /// The key. A wrong password and a changed byte look the same.
    pub fn open(&self, password: &str) -> Result<PrivateKey, KeystoreError> {
        // ethers encrypts with the password's normal form, geth with its bytes as they were typed.
        let normal = normal_form::keystore_password(password);
        let key = match self.open_exactly(&normal) {
            Err(KeystoreError::WrongPassword) if normal.as_str() != password => self.open_exactly(password),
            other => other,
        }?;
        match self.address() {
            Some(says) if says != key.address() => Err(KeystoreError::OtherAddress { says, holds: key.address() }),
            _ => Ok(key),
        }
    }

    fn open_exactly(&self, password: &str) -> Result<PrivateKey, KeystoreError> {
        let crypto = &self.0.crypto;
        let derived = crypto.kdf.derive(password)?;
        let ciphertext = fixed::<KEY_BYTES>("ciphertext", &crypto.ciphertext)?;
        let iv = fixed::<IV_BYTES>("cipherparams.iv", &crypto.cipherparams.iv)?;
        if !bool::from(mac(&derived, &ciphertext).as_slice().ct_eq(&crypto.mac.0)) {
            return Err(KeystoreError::WrongPassword);
        }
        let mut secret = Zeroizing::new(ciphertext);
        apply_cipher(&derived, &iv, &mut secret);
        Ok(PrivateKey::from_bytes(&secret)?)
    }

    /// The file's text.
    pub fn to_json(&self) -> Result<String, KeystoreError> {
        serde_json::to_string(&self.0).map_err(|error| KeystoreError::NotAKeystore(error.to_string()))
    }
}

/// AES-128-CTR with the first half of the derived key. Encrypts and decrypts.
fn apply_cipher(derived: &[u8; DERIVED_BYTES], iv: &[u8; IV_BYTES], data: &mut [u8; KEY_BYTES]) {
    let mut key = Zeroizing::new([0; 16]);
    key.copy_from_slice(&derived[..16]);
    ctr::Ctr128BE::<aes::Aes128>::new((&*key).into(), iv.into()).apply_keystream(data);
}

/// keccak256 of the derived key's second half and the ciphertext: it tells whether the password is right.
fn mac(derived: &[u8; DERIVED_BYTES], ciphertext: &[u8; KEY_BYTES]) -> shared::B256 {
    let mut text = Zeroizing::new([0; 16 + KEY_BYTES]);
    text[..16].copy_from_slice(&derived[16..]);
    text[16..].copy_from_slice(ciphertext);
    alloy_primitives::keccak256(text.as_slice())
}

fn fixed<const N: usize>(field: &'static str, hex: &Hex) -> Result<[u8; N], KeystoreError> {
    hex.0.as_slice().try_into().map_err(|_| KeystoreError::Length { field, bytes: N, got: hex.0.len() })
}
