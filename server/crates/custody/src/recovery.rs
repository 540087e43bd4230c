//! Recovery codes: each stands for the authenticator app once, after the app is lost. Only their hashes are kept.

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use shared::B256;
use shared::digest::Sha256Digest;
use wallet::rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

/// How many are made at once.
pub const CODES: usize = shared::api::second_factor::RECOVERY_CODES;

const CODE_BYTES: usize = 10;

const GROUP_CHARS: usize = 4;

/// Keeps these hashes apart from every other SHA-256 of a text.
const PREFIX: &str = "aitbc recovery code ";

/// A code's hash. A code has 80 random bits, so a plain hash gives nothing away and needs no salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecoveryHash(B256);

impl RecoveryHash {
    /// Of a code as somebody types it: small letters, blanks and hyphens do not count.
    pub fn of(code: &str) -> Self {
        let letters: Zeroizing<String> =
            Zeroizing::new(code.chars().filter(|one| !matches!(one, '-' | ' ')).collect::<String>().to_uppercase());
        let text = Zeroizing::new(format!("{PREFIX}{}", *letters));
        Self(Sha256Digest::of(text.as_bytes()).0)
    }

    /// As it is stored.
    pub const fn digest(self) -> Sha256Digest {
        Sha256Digest(self.0)
    }
}

impl From<Sha256Digest> for RecoveryHash {
    fn from(stored: Sha256Digest) -> Self {
        Self(stored.0)
    }
}

/// New codes, as they are shown this once, such as `ABCD-EFGH-IJKL-MNOP`. `random` must be the system's own generator.
pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Vec<Zeroizing<String>> {
    let one = || {
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        random.fill_bytes(bytes.as_mut_slice());
        let letters = Zeroizing::new(BASE32_NOPAD.encode(bytes.as_slice()));
        let mut code = Zeroizing::new(String::with_capacity(letters.len() + letters.len() / GROUP_CHARS));
        for (at, letter) in letters.chars().enumerate() {
            if at > 0 && at % GROUP_CHARS == 0 {
                code.push('-');
            }
            code.push(letter);
        }
        code
    };
    std::iter::repeat_with(one).take(CODES).collect()
}

#[cfg(test)]
mod tests {
    use wallet::rand_core::OsRng;

    use super::*;

    #[test]
    fn codes_are_found_by_their_hash_however_they_are_typed() {
        let codes = generate(&mut OsRng);
        assert_eq!(codes.len(), CODES);
        let hashes: Vec<RecoveryHash> = codes.iter().map(|code| RecoveryHash::of(code)).collect();
        let mut distinct = hashes.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), CODES, "two codes are the same");
        let typed = codes[3].replace('-', " ").to_lowercase();
        assert_eq!(RecoveryHash::of(&typed), hashes[3]);
        assert_eq!(codes[0].len(), 19);
        assert!(!hashes.contains(&RecoveryHash::of("")));
        assert!(!serde_json::to_string(&hashes).unwrap().contains(&*codes[0]));
    }
}
