//! `Idempotency-Key`: the same key and body get the first answer, another body is refused.

use shared::digest::Sha256Digest;

/// Longest key that is taken.
pub const KEY_MAX_CHARS: usize = 255;

/// How long a first answer is kept.
pub const KEPT_MS: u64 = 24 * 3_600_000;

/// What to do with a request that names a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not seen before: do it, and keep the answer.
    First,
    /// Answer as the first time.
    Repeat,
    /// The key was used for another request.
    Conflict,
}

/// Judges a request by the hash of the body that came with the key first.
pub fn judge(first: Option<Sha256Digest>, body: Sha256Digest) -> Verdict {
    match first {
        None => Verdict::First,
        Some(first) if first == body => Verdict::Repeat,
        Some(_) => Verdict::Conflict,
    }
}

/// A key is 1 to 255 visible ASCII characters.
pub fn is_key(text: &str) -> bool {
    (1..=KEY_MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_body_under_the_same_key_is_a_conflict() {
        let (one, other) = (Sha256Digest::of(b"one"), Sha256Digest::of(b"other"));
        assert_eq!(judge(None, one), Verdict::First);
        assert_eq!(judge(Some(one), one), Verdict::Repeat);
        assert_eq!(judge(Some(one), other), Verdict::Conflict);
    }

    #[test]
    fn keys_are_short_and_visible() {
        assert!(is_key("4f1c-9"));
        assert!(!is_key("") && !is_key("a b") && !is_key("ä") && !is_key(&"k".repeat(256)));
    }
}
