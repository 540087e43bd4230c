//! Whether a code of a second factor counts: one that the authenticator app shows now, or a recovery code. The wallet daemon
//! and the site's sign-in decide by this alone.

use shared::time::UnixSeconds;

use crate::event::CodeUse;
use crate::recovery::RecoveryHash;
use crate::totp::{CodeError, DIGITS, Step, TotpSecret};

/// Why a code does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error("the recovery code is unknown or was used")]
    Recovery,
}

/// A code as somebody types it, by its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given<'a> {
    /// Digits of the app, few enough to be guessed.
    Totp(&'a str),
    /// Far too long to be guessed.
    Recovery(RecoveryHash),
}

impl<'a> Given<'a> {
    /// Whatever is longer than a code of the app is taken for a recovery code.
    pub fn read(code: &'a str) -> Self {
        let code = code.trim();
        if code.len() > DIGITS { Self::Recovery(RecoveryHash::of(code)) } else { Self::Totp(code) }
    }
}

/// What a code of the app uses up. `last_used` is the step of the last code that counted.
///
/// # Errors
/// A code that is not the app's now, or was used.
pub fn check_totp(
    secret: &TotpSecret,
    code: &str,
    now: UnixSeconds,
    last_used: Option<Step>,
) -> Result<CodeUse, Refused> {
    Ok(CodeUse::Totp { step: secret.check(code, now, last_used)? })
}

/// What a recovery code uses up. `unused` are the hashes of those that were not used.
///
/// The hashes are compared and never the codes, so how long it takes says nothing of a code.
///
/// # Errors
/// A code that is none of them.
pub fn check_recovery(hash: RecoveryHash, unused: &[RecoveryHash]) -> Result<CodeUse, Refused> {
    if unused.contains(&hash) { Ok(CodeUse::Recovery { hash }) } else { Err(Refused::Recovery) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_800_000_015);
    const STEP: Step = 60_000_000;

    #[test]
    fn a_code_is_told_from_a_recovery_code_by_its_length_and_blanks_around_it_do_not_count() {
        assert_eq!(Given::read(" 123456\n"), Given::Totp("123456"));
        assert_eq!(Given::read(""), Given::Totp(""));
        let typed = "abcd efgh-ijkl mnop";
        assert_eq!(Given::read(typed), Given::Recovery(RecoveryHash::of("ABCD-EFGH-IJKL-MNOP")));
    }

    #[test]
    fn each_kind_is_refused_in_its_own_words() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        let code = secret.code(STEP);
        assert_eq!(check_totp(&secret, &code, NOW, None), Ok(CodeUse::Totp { step: STEP }));
        assert_eq!(check_totp(&secret, &code, NOW, Some(STEP)), Err(Refused::Code(CodeError::Used)));
        let (known, unknown) = (RecoveryHash::of("known"), RecoveryHash::of("unknown"));
        assert_eq!(check_recovery(known, &[known]), Ok(CodeUse::Recovery { hash: known }));
        assert_eq!(check_recovery(unknown, &[known]), Err(Refused::Recovery));
        assert_eq!(check_recovery(known, &[]), Err(Refused::Recovery));
    }
}
