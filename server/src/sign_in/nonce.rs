//! Nonces to sign in with. Nothing is kept when one is given out: it carries its time and proves itself, so that asking
//! for nonces costs a server nothing. Used ones are kept with their sessions, which live longer than a nonce.
//!
//! `time (8 bytes) ‖ random (8 bytes) ‖ keccak256(key ‖ account ‖ time ‖ random), the first 16 bytes`, in hex.

use shared::Address;
use shared::time::UnixMillis;

use alloy_primitives::keccak256;

/// How long a nonce counts.
pub const NONCE_MS: u64 = 300_000;

const BODY_BYTES: usize = 16;
const PROOF_BYTES: usize = 16;

/// Characters of a nonce.
pub const NONCE_CHARS: usize = 2 * (BODY_BYTES + PROOF_BYTES);

/// Proves which nonces this process has given out. It is drawn at the start: nonces of an earlier process do not count any more.
#[derive(Clone)]
pub struct NonceKey([u8; 32]);

impl std::fmt::Debug for NonceKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NonceKey(…)")
    }
}

/// Why a nonce does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    #[error("the nonce was not given out here for this account: ask for one with `POST /v1/sessions/nonce`")]
    NotOurs,
    #[error("the nonce is over, it counted for {} s: ask for another one", NONCE_MS / 1_000)]
    Over,
}

impl NonceKey {
    pub const fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn give_out(&self, account: Address, random: [u8; 8], now: UnixMillis) -> String {
        let mut body = [0; BODY_BYTES];
        body[..8].copy_from_slice(&now.0.to_be_bytes());
        body[8..].copy_from_slice(&random);
        format!("{}{}", hex::encode(body), hex::encode(self.proof(account, &body)))
    }

    /// # Errors
    /// A nonce that this key has not given out for this account, or too long ago.
    pub fn check(&self, nonce: &str, account: Address, now: UnixMillis) -> Result<(), NonceError> {
        let mut bytes = [0; BODY_BYTES + PROOF_BYTES];
        hex::decode_to_slice(nonce, &mut bytes).map_err(|_| NonceError::NotOurs)?;
        let (body, proof) = bytes.split_at(BODY_BYTES);
        // One text for one nonce: a used one must not come back in other letters.
        let is_canonical = nonce.bytes().all(|digit| !digit.is_ascii_uppercase());
        let differing =
            self.proof(account, body).iter().zip(proof).fold(0, |differing, (own, given)| differing | (own ^ given));
        if !is_canonical || differing != 0 {
            return Err(NonceError::NotOurs);
        }
        let (time, _) = body.split_at(8);
        let given_at = u64::from_be_bytes(time.try_into().unwrap_or_default());
        if now.0.saturating_sub(given_at) < NONCE_MS { Ok(()) } else { Err(NonceError::Over) }
    }

    fn proof(&self, account: Address, body: &[u8]) -> [u8; PROOF_BYTES] {
        let hash = keccak256([&self.0, account.as_slice(), body].concat());
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&hash[..PROOF_BYTES]);
        proof
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: NonceKey = NonceKey::from_random([7; 32]);
    const ME: Address = Address::repeat_byte(1);
    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    #[test]
    fn a_nonce_counts_for_its_account_in_its_time() {
        let nonce = KEY.give_out(ME, [1; 8], NOW);
        assert_eq!(nonce.len(), NONCE_CHARS);
        assert_eq!(KEY.check(&nonce, ME, NOW), Ok(()));
        assert_eq!(KEY.check(&nonce, ME, NOW.plus_ms(NONCE_MS - 1)), Ok(()));
        assert_eq!(KEY.check(&nonce, ME, NOW.plus_ms(NONCE_MS)), Err(NonceError::Over));
        assert_eq!(KEY.check(&nonce, Address::repeat_byte(2), NOW), Err(NonceError::NotOurs));
        assert_eq!(NonceKey::from_random([8; 32]).check(&nonce, ME, NOW), Err(NonceError::NotOurs));
        assert_eq!(KEY.check(&nonce.to_uppercase(), ME, NOW), Err(NonceError::NotOurs));
        assert_ne!(nonce, KEY.give_out(ME, [2; 8], NOW));
        assert!(!format!("{KEY:?}").contains('7'));
    }

    proptest! {
        #[test]
        fn no_changed_nonce_counts(at in 0..NONCE_CHARS, digit in "[0-9a-f]") {
            let nonce = KEY.give_out(ME, [1; 8], NOW);
            let mut changed = nonce.clone();
            changed.replace_range(at..=at, &digit);
            prop_assume!(changed != nonce);
            prop_assert_eq!(KEY.check(&changed, ME, NOW), Err(NonceError::NotOurs));
        }

        #[test]
        fn no_text_is_a_nonce(text in "\\PC{0,80}") {
            prop_assert_eq!(KEY.check(&text, ME, NOW), Err(NonceError::NotOurs));
        }
    }
}
