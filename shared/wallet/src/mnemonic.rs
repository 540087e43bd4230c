//! Recovery words after BIP-39. New words are English; words in each of the standard's ten languages are read.

use bip39::{Error, Language, Mnemonic};
use k256::elliptic_curve::rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::normal_form;

/// Most bytes of a text that is read as recovery words. 24 words of any language are shorter.
pub const PHRASE_MAX_BYTES: usize = 1 << 10;

/// How many words are made. Twelve carry 128 random bits, 24 carry 256.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WordCount {
    #[default]
    Twelve,
    TwentyFour,
}

impl WordCount {
    pub const fn words(self) -> usize {
        match self {
            Self::Twelve => 12,
            Self::TwentyFour => 24,
        }
    }

    const fn random_bytes(self) -> usize {
        self.words() / 3 * 4
    }
}

/// Why words are not recovery words. No variant holds the words, since errors are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    #[error("recovery words are 12, 15, 18, 21 or 24 words, got {0}")]
    WordCount(usize),
    #[error("word {position} is in no word list of BIP-39 that has the words before it")]
    UnknownWord {
        /// Counted from 1.
        position: usize,
    },
    #[error("the words do not belong together: a word is wrong, or two are in another order")]
    Checksum,
    #[error("recovery words have up to {PHRASE_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
}

/// The recovery words with single blanks between them. Every key of the wallet follows from them, so they are wiped from
/// memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MnemonicPhrase(Zeroizing<String>);

impl MnemonicPhrase {
    /// New words. `random` must be the system's own generator.
    pub fn generate(count: WordCount, random: &mut (impl RngCore + CryptoRng)) -> Result<Self, PhraseError> {
        let mut entropy = Zeroizing::new([0; 32]);
        let entropy = &mut entropy[..count.random_bytes()];
        random.fill_bytes(entropy);
        let mnemonic = Mnemonic::from_entropy_in(Language::English, entropy);
        let mnemonic = mnemonic.map_err(|_| PhraseError::WordCount(count.words()))?;
        let mut phrase = Zeroizing::new(String::with_capacity(PHRASE_MAX_BYTES));
        for (index, word) in mnemonic.words().enumerate() {
            if index > 0 {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        Ok(Self(phrase))
    }

    /// Words that somebody wrote down, in any case and spacing. Their checksum must hold.
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        if text.len() > PHRASE_MAX_BYTES {
            return Err(PhraseError::TooLong(text.len()));
        }
        let phrase = normal_form::phrase(text);
        read(&phrase)?;
        Ok(Self(phrase))
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn mnemonic(&self) -> Result<Mnemonic, PhraseError> {
        read(&self.0)
    }
}

/// Reads normalised words. Lists share words, so several languages are tried; which of them fits does not matter, since
/// keys follow from the text alone.
fn read(phrase: &str) -> Result<Mnemonic, PhraseError> {
    let mut error = PhraseError::UnknownWord { position: 1 };
    for language in Language::ALL {
        match Mnemonic::parse_in_normalized(*language, phrase) {
            Ok(mnemonic) => return Ok(mnemonic),
            Err(Error::BadWordCount(count)) => return Err(PhraseError::WordCount(count)),
            Err(Error::UnknownWord(index)) => error = nearer(error, PhraseError::UnknownWord { position: index + 1 }),
            Err(_) => error = PhraseError::Checksum,
        }
    }
    Err(error)
}

/// The error of the language that knows more of the words.
const fn nearer(one: PhraseError, other: PhraseError) -> PhraseError {
    match (one, other) {
        (PhraseError::UnknownWord { position }, PhraseError::UnknownWord { position: further })
            if further > position =>
        {
            other
        }
        _ => one,
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
        assert_eq!(refused(&["abandon"; 3].join(" ")), PhraseError::WordCount(3));
        assert_eq!(refused(&["abandonment"; 12].join(" ")), PhraseError::UnknownWord { position: 1 });
        let misspelled = format!("{}abuot", "abandon ".repeat(11));
        assert_eq!(refused(&misspelled), PhraseError::UnknownWord { position: 12 });
        assert_eq!(refused(""), PhraseError::WordCount(0));
        let long = "abandon ".repeat(PHRASE_MAX_BYTES);
        assert_eq!(refused(&long), PhraseError::TooLong(long.len()));
    }

    #[test]
    fn words_are_read_however_they_are_typed() {
        let plain = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        let typed = format!(" {}\n\u{3000}ABOUT ", "Abandon\t ".repeat(11));
        assert_eq!(MnemonicPhrase::parse(&typed).unwrap(), plain);
    }

    #[test]
    fn generates_words_that_parse_again() {
        for count in [WordCount::Twelve, WordCount::TwentyFour] {
            let phrase = MnemonicPhrase::generate(count, &mut OsRng).unwrap();
            assert_eq!(phrase.words().count(), count.words());
            assert_eq!(MnemonicPhrase::parse(&phrase.words().collect::<Vec<_>>().join(" ")).unwrap(), phrase);
        }
    }

    #[test]
    fn the_words_are_never_printed() {
        let phrase = MnemonicPhrase::generate(WordCount::Twelve, &mut OsRng).unwrap();
        assert_eq!(format!("{phrase:?}"), "MnemonicPhrase");
    }
}
