//! The stored wallet: Argon2id derives a key from the password, and AES-256-GCM encrypts the words with it.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use shared::{Address, Bytes};
use zeroize::Zeroizing;

use crate::mnemonic::MnemonicPhrase;
use crate::normal_form;

const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 1;
pub const SALT_BYTES: usize = 16;
pub const NONCE_BYTES: usize = 12;

/// Format of [`SealedWallet`]; another version is refused instead of guessed at.
const VERSION: u32 = 2;

/// What is stored. The address is public; everything secret is in `ciphertext`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedWallet {
    pub version: u32,
    pub address: Address,
    pub salt: Bytes,
    pub nonce: Bytes,
    pub ciphertext: Bytes,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("the password does not open this wallet")]
    WrongPassword,
    #[error("the stored wallet is of version {0}, this code reads version {VERSION}")]
    Version(u32),
    #[error("the stored wallet is damaged: {0}")]
    Damaged(&'static str),
    #[error("the cipher could not be set up or used")]
    Cipher,
}

/// Seals `phrase` under `password`. Salt and nonce are fresh random bytes.
pub fn seal(
    phrase: &MnemonicPhrase,
    address: Address,
    password: &str,
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
) -> Result<SealedWallet, VaultError> {
    let cipher = cipher(password, &salt)?;
    let payload = Payload { msg: phrase.as_bytes(), aad: &additional_data(address) };
    let ciphertext = cipher.encrypt((&nonce).into(), payload).map_err(|_| VaultError::Cipher)?;
    Ok(SealedWallet {
        version: VERSION,
        address,
        salt: salt.to_vec().into(),
        nonce: nonce.to_vec().into(),
        ciphertext: ciphertext.into(),
    })
}

/// Opens a sealed wallet. A wrong password and a changed byte look the same, since both fail authentication.
pub fn open(sealed: &SealedWallet, password: &str) -> Result<MnemonicPhrase, VaultError> {
    if sealed.version != VERSION {
        return Err(VaultError::Version(sealed.version));
    }
    let salt: [u8; SALT_BYTES] = sealed.salt.as_ref().try_into().map_err(|_| VaultError::Damaged("salt"))?;
    let nonce: [u8; NONCE_BYTES] = sealed.nonce.as_ref().try_into().map_err(|_| VaultError::Damaged("nonce"))?;
    let payload = Payload { msg: &sealed.ciphertext, aad: &additional_data(sealed.address) };
    let opened = cipher(password, &salt)?.decrypt((&nonce).into(), payload);
    let opened = Zeroizing::new(opened.map_err(|_| VaultError::WrongPassword)?);
    let damaged = || VaultError::Damaged("words");
    MnemonicPhrase::parse(std::str::from_utf8(&opened).map_err(|_| damaged())?).map_err(|_| damaged())
}

fn cipher(password: &str, salt: &[u8; SALT_BYTES]) -> Result<Aes256Gcm, VaultError> {
    let (mut key, password) = (Zeroizing::new([0; 32]), normal_form::password(password));
    Params::new(MEMORY_KIB, PASSES, LANES, Some(key.len()))
        .and_then(|params| {
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                password.as_bytes(),
                salt,
                key.as_mut_slice(),
            )
        })
        .map_err(|_| VaultError::Cipher)?;
    Ok(Aes256Gcm::new(key.as_slice().into()))
}

/// Is authenticated with the ciphertext, so that nobody can put another address beside the words.
fn additional_data(address: Address) -> Vec<u8> {
    [b"aitbc wallet 2 ".as_slice(), address.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::first_account;

    fn sealed() -> (MnemonicPhrase, SealedWallet) {
        let phrase = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        let address = first_account(&phrase).unwrap().address();
        let sealed = seal(&phrase, address, "correct horse", [2; SALT_BYTES], [3; NONCE_BYTES]).unwrap();
        (phrase, sealed)
    }

    #[test]
    fn only_the_password_opens_it() {
        let (phrase, sealed) = sealed();
        assert_eq!(open(&sealed, "correct horse").unwrap(), phrase);
        assert_eq!(open(&sealed, "correct horsf"), Err(VaultError::WrongPassword));
        let accented = seal(&phrase, sealed.address, "caf\u{e9} au lait", [2; SALT_BYTES], [3; NONCE_BYTES]).unwrap();
        assert_eq!(open(&accented, "cafe\u{301} au lait").unwrap(), phrase, "another keyboard spells it so");
        let in_clear = sealed.ciphertext.windows(7).any(|bytes| bytes == b"abandon");
        assert!(!in_clear, "the words are not encrypted");
    }

    #[test]
    fn a_changed_address_or_byte_is_noticed() {
        let (_, sealed) = sealed();
        let moved = SealedWallet { address: Address::repeat_byte(9), ..sealed.clone() };
        assert_eq!(open(&moved, "correct horse"), Err(VaultError::WrongPassword));
        let mut bytes = sealed.ciphertext.to_vec();
        bytes[0] ^= 1;
        let changed = SealedWallet { ciphertext: bytes.into(), ..sealed.clone() };
        assert_eq!(open(&changed, "correct horse"), Err(VaultError::WrongPassword));
        let short = SealedWallet { salt: Bytes::new(), ..sealed.clone() };
        assert_eq!(open(&short, "correct horse"), Err(VaultError::Damaged("salt")));
        assert_eq!(open(&SealedWallet { version: 1, ..sealed }, "correct horse"), Err(VaultError::Version(1)));
    }
}
