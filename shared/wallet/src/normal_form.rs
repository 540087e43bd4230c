//! Secret texts in one form, however they were typed: `é` is one character on one keyboard and two on another.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// A password in Unicode's form NFKD, which BIP-39 asks for.
pub(crate) fn password(typed: &str) -> Zeroizing<String> {
    Zeroizing::new(typed.nfkd().collect())
}

/// A password in NFKC, in which other programs encrypt keystore files.
pub(crate) fn keystore_password(typed: &str) -> Zeroizing<String> {
    Zeroizing::new(typed.nfkc().collect())
}

/// How many characters a password has for a person, the same for every way to type it.
pub(crate) fn password_chars(typed: &str) -> usize {
    typed.nfkc().count()
}

/// Recovery words in NFKD and lower case, with one blank between them.
pub(crate) fn phrase(typed: &str) -> Zeroizing<String> {
    let decomposed = Zeroizing::new(typed.nfkd().collect::<String>().to_lowercase());
    let mut phrase = Zeroizing::new(String::with_capacity(decomposed.len()));
    for word in decomposed.split_whitespace() {
        if !phrase.is_empty() {
            phrase.push(' ');
        }
        phrase.push_str(word);
    }
    phrase
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_look_the_same_are_the_same() {
        for (one, other) in [("caf\u{e9} au lait", "cafe\u{301} au lait"), ("\u{fb01}sh", "fish"), ("\u{ff21}", "A")] {
            assert_eq!(password(one), password(other));
            assert_eq!(password_chars(one), password_chars(other));
        }
        assert_ne!(password("Fish"), password("fish"), "the case of a password counts");
        assert_eq!(password_chars("cafe\u{301}"), 4);
    }

    #[test]
    fn words_are_found_in_any_spacing_and_case() {
        for typed in ["  Abandon\tABOUT\n", "abandon\u{3000}about", "\u{ff41}bandon \u{a0} about"] {
            assert_eq!(phrase(typed).as_str(), "abandon about", "{typed:?}");
        }
        assert_eq!(phrase(" ").as_str(), "");
    }
}
