//! SHA-256 digests of prompts and artifacts, in the two texts that receipts use.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::B256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes; its text is 64 lowercase hex digits without a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest(pub B256);

impl Sha256Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(B256::from_slice(&Sha256::digest(bytes)))
    }

    /// The digest of a job's artifacts: of the bytes where there is one, else of the digests one after another.
    pub fn of_artifacts<'a>(artifacts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let digests: Vec<Self> = artifacts.into_iter().map(Self::of).collect();
        match digests.as_slice() {
            [only] => *only,
            several => Self::of(&several.iter().flat_map(|digest| digest.0.0).collect::<Vec<u8>>()),
        }
    }
}

/// The digest of bytes that come piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Sha256Stream(Sha256);

impl Sha256Stream {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all bytes so far.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest(B256::from_slice(&self.0.clone().finalize()))
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sha256 is 64 lowercase hex digits, got `{0}`")]
pub struct ParseDigestError(String);

impl FromStr for Sha256Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        let is_hex = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let error = || ParseDigestError(text.chars().take(80).collect());
        if is_hex { text.parse().map(Self).map_err(|_| error()) } else { Err(error()) }
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The SHA-256 of a prompt's UTF-8; its text is `sha256:` and the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PromptHash(pub Sha256Digest);

impl PromptHash {
    const PREFIX: &'static str = "sha256:";

    pub fn of(prompt: &str) -> Self {
        Self(Sha256Digest::of(prompt.as_bytes()))
    }
}

impl fmt::Display for PromptHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", Self::PREFIX, self.0)
    }
}

impl Serialize for PromptHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PromptHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digest =
            text.strip_prefix(Self::PREFIX).ok_or_else(|| de::Error::custom("a prompt hash begins `sha256:`"))?;
        digest.parse().map(Self).map_err(de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::{PromptHash, Sha256Digest};
    crate::openapi::string_schema!(
        Sha256Digest,
        "SHA-256 as 64 lowercase hex digits",
        "^[0-9a-f]{64}$",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    crate::openapi::string_schema!(
        PromptHash,
        "SHA-256 of the prompt's UTF-8, prefixed `sha256:`",
        "^sha256:[0-9a-f]{64}$",
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4, the one-block example.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_the_standards_example() {
        assert_eq!(Sha256Digest::of(b"abc").to_string(), ABC);
        assert_eq!(PromptHash::of("abc").to_string(), format!("sha256:{ABC}"));
    }

    #[test]
    fn a_single_artifact_is_its_own_digest_and_order_matters() {
        assert_eq!(Sha256Digest::of_artifacts([b"abc".as_slice()]).to_string(), ABC);
        let one_way = Sha256Digest::of_artifacts([b"a".as_slice(), b"b"]);
        assert_ne!(one_way, Sha256Digest::of_artifacts([b"b".as_slice(), b"a"]));
    }

    #[test]
    fn refuses_other_spellings() {
        let upper = ABC.to_uppercase();
        for text in ["", "0x", &ABC[1..], upper.as_str(), &format!("0x{ABC}")] {
            assert!(text.parse::<Sha256Digest>().is_err(), "{text} was taken");
        }
        assert!(serde_json::from_value::<PromptHash>(serde_json::json!(ABC)).is_err());
    }
}
