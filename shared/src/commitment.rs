//! What a receipt says of a job's input and result without telling them: salted commitments.
//!
//! Receipts are public. A plain hash of a short prompt, of a yes or no, or of a picture that anybody can draw again is
//! found by trying. So each is hashed with 256 random bits of the job, which its client, its miner and its hub have.
//! Anybody who is shown salt and prompt can check that they are those of the receipt.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::{PromptHash, Sha256Digest};

/// The random bits of one job; their text is `0x` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Salt(pub B256);

/// `SHA-256(salt ‖ kind ‖ digest)`; its text is `0x` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub B256);

/// What is committed to. The byte keeps a commitment to one from passing for another.
#[derive(Clone, Copy)]
enum Kind {
    Prompt = 1,
    Result = 2,
    Trace = 3,
    Reason = 4,
    Review = 5,
    Audit = 6,
}

impl Salt {
    /// The salt of a task with this role that computes a result of the job again. `bits` are the hub's alone until the audit has ended, so nobody
    /// sees by the commitments of two receipts of the job whether their results are the same.
    #[must_use]
    pub fn of_audit(self, bits: B256, role: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update([Kind::Audit as u8]);
        hasher.update(bits);
        hasher.update(role);
        Self(B256::from_slice(&hasher.finalize()))
    }

    pub fn commit_prompt(self, prompt: PromptHash) -> Commitment {
        self.commit(Kind::Prompt, prompt.0.0)
    }

    /// `result` is [`Sha256Digest::of_artifacts`].
    pub fn commit_result(self, result: Sha256Digest) -> Commitment {
        self.commit(Kind::Result, result.0)
    }

    /// `root` is [`crate::trace::root`].
    pub fn commit_trace(self, root: B256) -> Commitment {
        self.commit(Kind::Trace, root)
    }

    /// Of the words with which a try failed, in UTF-8.
    pub fn commit_reason(self, words: Sha256Digest) -> Commitment {
        self.commit(Kind::Reason, words.0)
    }

    /// Of the text of a review, in UTF-8.
    pub fn commit_review(self, text: &str) -> Commitment {
        self.commit(Kind::Review, Sha256Digest::of(text.as_bytes()).0)
    }

    fn commit(self, kind: Kind, digest: B256) -> Commitment {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update([kind as u8]);
        hasher.update(digest);
        Commitment(B256::from_slice(&hasher.finalize()))
    }
}

/// A text that is no salt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a salt is 0x and 64 hex digits, got {chars} characters")]
pub struct ParseSaltError {
    chars: usize,
}

impl FromStr for Salt {
    type Err = ParseSaltError;

    fn from_str(text: &str) -> Result<Self, ParseSaltError> {
        let error = || ParseSaltError { chars: text.chars().count() };
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 64).ok_or_else(error)?;
        digits.parse().map(Self).map_err(|_| error())
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use super::{Commitment, Salt};
    crate::openapi::string_schema!(
        Salt,
        "32 random bytes of the job, as 0x and 64 hex digits",
        "^0x[0-9a-f]{64}$",
        "0x7373737373737373737373737373737373737373737373737373737373737373"
    );
    crate::openapi::string_schema!(
        Commitment,
        "SHA-256 of salt, kind and digest, as 0x and 64 hex digits",
        "^0x[0-9a-f]{64}$",
        "0x7373737373737373737373737373737373737373737373737373737373737373"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = Salt(B256::repeat_byte(0x73));

    #[test]
    fn a_guess_without_the_salt_leads_nowhere_and_kinds_do_not_meet() {
        let digest = Sha256Digest::of(b"yes");
        let committed = SALT.commit_result(digest);
        assert_ne!(committed, Salt(B256::repeat_byte(0x74)).commit_result(digest));
        assert_ne!(committed, SALT.commit_prompt(PromptHash(digest)));
        assert_ne!(committed, SALT.commit_trace(digest.0));
        assert_ne!(committed, SALT.commit_reason(digest));
        assert_ne!(SALT.commit_review("yes"), SALT.commit_reason(digest));
        assert_ne!(committed, SALT.commit_result(Sha256Digest::of(b"no")));
    }

    #[test]
    fn the_same_result_of_job_audit_and_third_opinion_has_three_commitments() {
        let bits = B256::repeat_byte(9);
        let salts = [SALT, SALT.of_audit(bits, "audit"), SALT.of_audit(bits, "third-opinion")];
        let digest = Sha256Digest::of(b"yes");
        let [served, audit, third] = salts.map(|salt| salt.commit_result(digest));
        assert!(served != audit && audit != third && third != served);
        assert_ne!(SALT.of_audit(B256::repeat_byte(8), "audit"), salts[1]);
    }

    #[test]
    fn a_salt_is_read_as_it_is_written() {
        assert_eq!(SALT.to_string().parse(), Ok(SALT));
        let whole = SALT.to_string();
        for text in ["", "0x", &whole[2..], &whole[..65], &format!("{whole}0"), &whole.replace("73", "zz")] {
            assert!(text.parse::<Salt>().is_err(), "{text}");
        }
    }
}
