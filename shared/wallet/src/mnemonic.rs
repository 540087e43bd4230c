//! Recovery words after BIP-39.

use coins_bip39::{English, Mnemonic, MnemonicError};
use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::normal_form;

/// Twelve words carry 128 random bits.
pub const WORD_COUNT: usize = 12;

/// Why words are not recovery words. No variant holds the words, since errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    #[error("recovery words are 12, 15, 18, 21 or 24 words")]
    WordCount,
    #[error("a word is not in the English word list of BIP-39")]
    UnknownWord,
    #[error("the checksum in the last word does not hold")]
    Checksum,
}

impl From<MnemonicError> for PhraseError {
    fn from(error: MnemonicError) -> Self {
        match error {
            MnemonicError::InvalidEntropyLength(_) | MnemonicError::InvalidWordCount(_) => Self::WordCount,
            MnemonicError::WordlistError(_) => Self::UnknownWord,
            MnemonicError::InvalidPhrase(_) | MnemonicError::Bip32Error(_) => Self::Checksum,
        }
    }
}

/// The recovery words with single blanks between them. Every key of the wallet follows from them, so they are wiped from
/// memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MnemonicPhrase(Zeroizing<String>);

impl MnemonicPhrase {
    /// Twelve new words. `random` must be the system's own generator.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Result<Self, PhraseError> {
        let mnemonic = Mnemonic::<English>::new_with_count(random, WORD_COUNT)?;
        Ok(Self(Zeroizing::new(mnemonic.to_phrase())))
    }

    /// Words that somebody wrote down, in any case and spacing. Their checksum must hold.
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        let phrase = normal_form::phrase(text);
        Ok(Self(Zeroizing::new(Mnemonic::<English>::new_from_phrase(&phrase)?.to_phrase())))
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn mnemonic(&self) -> Result<Mnemonic<English>, PhraseError> {
        Ok(Mnemonic::new_from_phrase(&self.0)?)
    }
}

impl std::fmt::Debug for MnemonicPhrase {
    /// The words are never printed.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MnemonicPhrase")
    }
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::rand_core::OsRng;

    use super::*;

    #[test]
    fn words_that_lead_to_no_key_are_refused_with_the_reason() {
        let refused = |text: &str| MnemonicPhrase::parse(text).unwrap_err();
        assert_eq!(refused(&["abandon"; 12].join(" ")), PhraseError::Checksum);
        assert_eq!(refused(&["abandon"; 3].join(" ")), PhraseError::WordCount);
        assert_eq!(refused(&["abandonment"; 12].join(" ")), PhraseError::UnknownWord);
        assert_eq!(refused(""), PhraseError::UnknownWord);
    }

    #[test]
    fn words_are_read_however_they_are_typed() {
        let plain = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        let typed = format!(" {}\n\u{3000}ABOUT ", "Abandon\t ".repeat(11));
        assert_eq!(MnemonicPhrase::parse(&typed).unwrap(), plain);
    }

    #[test]
    fn generates_twelve_words_that_parse_again() {
        let phrase = MnemonicPhrase::generate(&mut OsRng).unwrap();
        assert_eq!(phrase.words().count(), WORD_COUNT);
        assert_eq!(MnemonicPhrase::parse(&phrase.words().collect::<Vec<_>>().join(" ")).unwrap(), phrase);
    }

    #[test]
    fn the_words_are_never_printed() {
        let phrase = MnemonicPhrase::generate(&mut OsRng).unwrap();
        assert_eq!(format!("{phrase:?}"), "MnemonicPhrase");
    }
}
