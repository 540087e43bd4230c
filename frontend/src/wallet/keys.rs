//! From randomness to an account: BIP-39 words, BIP-32 keys, the BIP-44 path of Ethereum.

use coins_bip39::{English, Mnemonic};
use k256::elliptic_curve::rand_core::RngCore;
use shared::signing::PrivateKey;
use zeroize::Zeroizing;

/// Path of the first account, as every Ethereum wallet derives it.
pub const FIRST_ACCOUNT: &str = "m/44'/60'/0'/0/0";

/// Twelve words carry 128 bits.
pub const WORD_COUNT: usize = 12;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the recovery words lead to no key: {0}")]
    Words(#[from] coins_bip39::MnemonicError),
    #[error(transparent)]
    Scalar(#[from] shared::signing::SignatureError),
}

/// The recovery words with single blanks between them, wiped when dropped. They are the wallet.
#[derive(Clone, PartialEq, Eq)]
pub struct Phrase(Zeroizing<String>);

impl Phrase {
    /// Twelve words out of `random`, which must be the system's own generator.
    pub fn draw(random: &mut impl RngCore) -> Result<Self, KeyError> {
        let mnemonic = Mnemonic::<English>::new_with_count(random, WORD_COUNT)?;
        Ok(Self(Zeroizing::new(mnemonic.to_phrase())))
    }

    /// Words that somebody wrote down; their checksum must hold.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self(Zeroizing::new(Mnemonic::<English>::new_from_phrase(text)?.to_phrase())))
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key of the first account.
    pub fn first_account(&self) -> Result<PrivateKey, KeyError> {
        let extended = Mnemonic::<English>::new_from_phrase(&self.0)?.derive_key(FIRST_ACCOUNT, None)?;
        let key: &k256::ecdsa::SigningKey = extended.as_ref();
        let bytes = Zeroizing::new(<[u8; 32]>::from(key.to_bytes()));
        Ok(PrivateKey::from_bytes(&bytes)?)
    }
}

impl std::fmt::Debug for Phrase {
    /// The words are never printed.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Phrase")
    }
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::rand_core::OsRng;

    use super::*;

    /// BIP-39's reference vector for sixteen zero bytes; the address is what other Ethereum wallets derive from it.
    #[test]
    fn derives_what_other_wallets_derive() {
        let phrase = Phrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        let address = phrase.first_account().unwrap().address();
        assert_eq!(address.to_string(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
    }

    #[cfg(any(feature = "ssr", feature = "hydrate"))]
    #[test]
    fn the_page_names_the_path_that_the_words_take() {
        assert!(crate::text::wallet::REMOVE_DETAIL.contains(FIRST_ACCOUNT));
    }

    #[test]
    fn words_that_do_not_belong_together_are_refused() {
        assert!(Phrase::parse(&"abandon ".repeat(12)).is_err(), "the checksum was not looked at");
        assert!(Phrase::parse("twelve words that stand in no list of words at all here").is_err());
    }

    #[test]
    fn draws_twelve_words_that_parse_again() {
        let phrase = Phrase::draw(&mut OsRng).unwrap();
        assert_eq!(phrase.words().count(), WORD_COUNT);
        assert_eq!(Phrase::parse(&phrase.words().collect::<Vec<_>>().join(" ")).unwrap(), phrase);
    }
}
