//! Recovery words and accounts: BIP-39's own vectors, and those of other wallets in every language.

use std::collections::BTreeSet;

use wallet::account::{AccountIndex, Seed};
use wallet::mnemonic::MnemonicPhrase;

use crate::clients::Clients;

#[test]
fn words_of_every_language_lead_to_the_accounts_of_other_wallets() {
    let words = Clients::read().words;
    let languages: BTreeSet<_> = words.iter().map(|one| one.language.as_str()).collect();
    assert_eq!(languages.len(), 10, "{languages:?}");
    for one in &words {
        let phrase = MnemonicPhrase::parse(&one.phrase).unwrap_or_else(|error| panic!("{}: {error}", one.language));
        let seed = Seed::of(&phrase, &one.passphrase).unwrap();
        for account in &one.accounts {
            let key = seed.account(AccountIndex::new(account.index).unwrap()).unwrap();
            assert_eq!(key.address(), account.address, "{} {}", one.language, account.index);
        }
        let other = Seed::of(&phrase, "another passphrase").unwrap().account(AccountIndex::FIRST).unwrap();
        assert_ne!(other.address(), one.accounts[0].address, "{}", one.language);
    }
}

#[test]
fn a_changed_word_of_any_language_is_noticed() {
    for one in Clients::read().words {
        let mut words: Vec<&str> = one.phrase.split_whitespace().collect();
        // Twelve words have four bits of checksum, so the repetition of one word holds by chance once in sixteen times.
        words.swap(0, 1);
        words[2] = "\u{17f}\u{17f}\u{17f}";
        assert!(MnemonicPhrase::parse(&words.join(" ")).is_err(), "{}", one.language);
    }
}

/// The vector of BIP-39 for sixteen zero bytes, and what other Ethereum wallets derive from it.
#[test]
fn the_first_account_is_that_of_other_wallets() {
    let phrase = MnemonicPhrase::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
    let address = wallet::account::first_account(&phrase).unwrap().address();
    assert_eq!(address.to_string(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
}
