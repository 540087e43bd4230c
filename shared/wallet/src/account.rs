//! From recovery words to keys: BIP-39's seed, BIP-32's derivation, and BIP-44's path of Ethereum.

use std::fmt;

use bip32::{ChildNumber, XPrv};
use shared::signing::{PrivateKey, SignatureError};
use zeroize::Zeroizing;

use crate::mnemonic::{MnemonicPhrase, PhraseError};
use crate::normal_form;

const SEED_BYTES: usize = 64;

/// BIP-44: purpose, the number of Ethereum in SLIP-44, account, and external chain. True where a step is hardened.
const BRANCH: [(u32, bool); 4] = [(44, true), (60, true), (0, true), (0, false)];

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    Phrase(#[from] PhraseError),
    #[error("accounts are counted from 0 to {most}, got {0}", most = AccountIndex::MOST)]
    Index(u32),
    #[error("the recovery words lead to no key on the path {0}")]
    Derivation(AccountIndex),
    #[error(transparent)]
    PrivateKey(#[from] SignatureError),
}

/// Which account of the recovery words, counted from 0. It is shown as its path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIndex(u32);

impl AccountIndex {
    pub const FIRST: Self = Self(0);
    /// BIP-32 has 2^31 children that are not hardened.
    pub const MOST: u32 = (1 << 31) - 1;

    pub const fn new(index: u32) -> Result<Self, AccountError> {
        if index > Self::MOST { Err(AccountError::Index(index)) } else { Ok(Self(index)) }
    }

    pub const fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Display for AccountIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("m/")?;
        for (number, is_hardened) in BRANCH {
            write!(formatter, "{number}{}/", if is_hardened { "'" } else { "" })?;
        }
        write!(formatter, "{}", self.0)
    }
}

/// BIP-39's seed. Every key follows from it, so it is wiped when dropped.
pub struct Seed(Zeroizing<[u8; SEED_BYTES]>);

impl Seed {
    /// `passphrase` is BIP-39's own, which most people have not; it is empty then. Another one leads to other keys.
    pub fn of(phrase: &MnemonicPhrase, passphrase: &str) -> Result<Self, PhraseError> {
        let passphrase = normal_form::password(passphrase);
        Ok(Self(Zeroizing::new(phrase.mnemonic()?.to_seed_normalized(&passphrase))))
    }

    /// The key of one account.
    pub fn account(&self, index: AccountIndex) -> Result<PrivateKey, AccountError> {
        let derivation = |_| AccountError::Derivation(index);
        let mut key = XPrv::new(self.0.as_slice()).map_err(derivation)?;
        for (number, is_hardened) in BRANCH.into_iter().chain([(index.0, false)]) {
            let child = ChildNumber::new(number, is_hardened).map_err(derivation)?;
            key = key.derive_child(child).map_err(derivation)?;
        }
        Ok(PrivateKey::from_bytes(&Zeroizing::new(key.to_bytes()))?)
    }
}

impl fmt::Debug for Seed {
    /// The seed is never printed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed")
    }
}

/// The key of the first account, without a passphrase of BIP-39.
pub fn first_account(phrase: &MnemonicPhrase) -> Result<PrivateKey, AccountError> {
    Seed::of(phrase, "")?.account(AccountIndex::FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::FIRST_ACCOUNT_PATH;

    #[test]
    fn an_account_is_shown_as_its_path() {
        assert_eq!(AccountIndex::FIRST.to_string(), FIRST_ACCOUNT_PATH);
        assert_eq!(AccountIndex::new(7).unwrap().to_string(), "m/44'/60'/0'/0/7");
        assert!(matches!(AccountIndex::new(1 << 31), Err(AccountError::Index(_))));
    }

    #[test]
    fn the_seed_is_never_printed() {
        let phrase = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        assert_eq!(format!("{:?}", Seed::of(&phrase, "").unwrap()), "Seed");
    }
}
