//! The secret of one wallet, and the keys that follow from it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::signing::PrivateKey;
use zeroize::Zeroizing;

use crate::account::{AccountError, AccountIndex, Seed};
use crate::mnemonic::MnemonicPhrase;
use crate::protocol::{AccountView, WalletKind};

/// Recovery words or one private key. It is wiped when dropped, and never printed.
#[derive(Clone)]
pub enum WalletSecret {
    Phrase(MnemonicPhrase),
    Key(PrivateKey),
}

impl PartialEq for WalletSecret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Phrase(one), Self::Phrase(other)) => one == other,
            (Self::Key(one), Self::Key(other)) => *Zeroizing::new(one.to_bytes()) == *Zeroizing::new(other.to_bytes()),
            _ => false,
        }
    }
}

impl fmt::Debug for WalletSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WalletSecret")
    }
}

/// As it stands in the encrypted part.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Phrase(String),
    Key(String),
}

impl Written {
    fn text(self) -> Zeroizing<String> {
        let (Self::Phrase(text) | Self::Key(text)) = self;
        Zeroizing::new(text)
    }
}

impl Serialize for WalletSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Phrase(phrase) => Written::Phrase(String::from_utf8_lossy(phrase.as_bytes()).into_owned()),
            Self::Key(key) => Written::Key(hex::encode(*Zeroizing::new(key.to_bytes()))),
        };
        let outcome = written.serialize(serializer);
        drop(written.text());
        outcome
    }
}

impl<'de> Deserialize<'de> for WalletSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let is_phrase = matches!(written, Written::Phrase(_));
        let text = written.text();
        if is_phrase {
            return MnemonicPhrase::parse(&text).map(Self::Phrase).map_err(de::Error::custom);
        }
        parse_key(&text).map(Self::Key).ok_or_else(|| de::Error::custom("no private key"))
    }
}

/// A private key as 64 hex digits, with or without 0x.
pub fn parse_key(text: &str) -> Option<PrivateKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), bytes.as_mut_slice()).ok()?;
    PrivateKey::from_bytes(&bytes).ok()
}

/// A wallet whose keys are derived.
#[derive(Debug, Clone)]
pub(crate) struct OpenSecret {
    pub(crate) secret: WalletSecret,
    /// In the order of the wallet's accounts.
    pub(crate) keys: Vec<PrivateKey>,
}

impl OpenSecret {
    /// Derives the first account.
    pub(crate) fn new(secret: WalletSecret) -> Result<(Self, AccountView), AccountError> {
        let (key, index) = match &secret {
            WalletSecret::Phrase(phrase) => (Seed::of(phrase, "")?.account(AccountIndex::FIRST)?, Some(0)),
            WalletSecret::Key(key) => (key.clone(), None),
        };
        let account = AccountView { address: key.address(), index };
        Ok((Self { secret, keys: vec![key] }, account))
    }

    /// Derives the keys of `accounts`. `None` where one of them is not this secret's.
    pub(crate) fn of(secret: WalletSecret, accounts: &[AccountView]) -> Result<Option<Self>, AccountError> {
        let seed = match &secret {
            WalletSecret::Phrase(phrase) => Some(Seed::of(phrase, "")?),
            WalletSecret::Key(_) => None,
        };
        let mut keys = Vec::with_capacity(accounts.len());
        for account in accounts {
            let key = match (&seed, &secret, account.index) {
                (Some(seed), _, Some(index)) => seed.account(AccountIndex::new(index)?)?,
                (None, WalletSecret::Key(key), None) => key.clone(),
                _ => return Ok(None),
            };
            if key.address() != account.address {
                return Ok(None);
            }
            keys.push(key);
        }
        Ok(Some(Self { secret, keys }))
    }

    pub(crate) fn kind(&self) -> WalletKind {
        match self.secret {
            WalletSecret::Phrase(_) => WalletKind::Phrase,
            WalletSecret::Key(_) => WalletKind::Key,
        }
    }

    /// Derives one more account. `None` for a single key.
    pub(crate) fn add(&mut self, index: u32) -> Result<Option<AccountView>, AccountError> {
        let WalletSecret::Phrase(phrase) = &self.secret else { return Ok(None) };
        let key = Seed::of(phrase, "")?.account(AccountIndex::new(index)?)?;
        let account = AccountView { address: key.address(), index: Some(index) };
        self.keys.push(key);
        Ok(Some(account))
    }
}
