//! One-time codes of an authenticator app: TOTP of RFC 6238 with HMAC-SHA-1, six digits and steps of 30 seconds, as every
//! such app reads them.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use shared::time::UnixSeconds;
use subtle::ConstantTimeEq as _;
use wallet::rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

pub const STEP_SECONDS: u64 = 30;

pub const DIGITS: usize = 6;

/// RFC 4226 wants 128 bits or more, and recommends these 160.
pub const SECRET_BYTES: usize = 20;

/// So many steps before and after the present one count too, since clocks differ and people type.
pub const WINDOW_STEPS: u64 = 1;

const CODES: u32 = 10_u32.pow(DIGITS as u32);

/// What the app and the program that checks its codes share. It is wiped when dropped, and never printed.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

/// Which half minute since 1970.
pub type Step = u64;

/// Why a code does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("a code of the authenticator app is {DIGITS} digits")]
    Form,
    #[error("the code is not the one that the app shows now")]
    Wrong,
    #[error("the code was used: wait for the app's next one")]
    Used,
}

impl TotpSecret {
    /// `random` must be the system's own generator.
    pub fn generate(random: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        random.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// As people type it into an app.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.0.as_slice()))
    }

    /// What a QR code for the app says. `issuer` and `account` are what the app shows.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
            *self.base32()
        ))
    }

    /// The code of one step, as the app shows it.
    pub fn code(&self, step: Step) -> String {
        format!("{:0width$}", self.truncated(step) % CODES, width = DIGITS)
    }

    /// The step of a code that counts now. `last_used` is the step of the last code that counted: it and all before it
    /// count no more, so that nobody who watched uses a code again.
    pub fn check(&self, code: &str, now: UnixSeconds, last_used: Option<Step>) -> Result<Step, CodeError> {
        if code.len() != DIGITS || !code.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(CodeError::Form);
        }
        let present = now.0 / STEP_SECONDS;
        let (mut fresh, mut used) = (None, false);
        // All are compared in any case: how long it takes says nothing of which one it was.
        for step in present.saturating_sub(WINDOW_STEPS)..=present.saturating_add(WINDOW_STEPS) {
            let is_it = bool::from(self.code(step).as_bytes().ct_eq(code.as_bytes()));
            let is_used = last_used.is_some_and(|last| step <= last);
            used |= is_it && is_used;
            if is_it && !is_used && fresh.is_none() {
                fresh = Some(step);
            }
        }
        fresh.ok_or(if used { CodeError::Used } else { CodeError::Wrong })
    }

    /// RFC 4226 §5.3: 31 bits of the HMAC, taken where its last half byte says.
    fn truncated(&self, step: Step) -> u32 {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(self.0.as_slice()) else { return 0 };
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[19] & 0xf);
        u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]) & 0x7fff_ffff
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TotpSecret")
    }
}

fn percent_encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    /// RFC 6238, appendix B, the rows of SHA-1 with their eight digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (seconds, expected) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(secret().truncated(seconds / STEP_SECONDS) % 100_000_000, expected, "{seconds}");
        }
        // RFC 4226, appendix D: the first counters with six digits.
        let codes: Vec<String> = (0..4).map(|step| secret().code(step)).collect();
        assert_eq!(codes, ["755224", "287082", "359152", "969429"]);
        assert_eq!(secret().code(1_111_111_109 / STEP_SECONDS), "081804", "the zero in front counts");
    }

    #[test]
    fn a_code_counts_once_and_within_its_window() {
        let (now, step) = (UnixSeconds(1_800_000_015), 60_000_000);
        let check = |of_step, last| secret().check(&secret().code(of_step), now, last);
        assert_eq!(check(step, None), Ok(step));
        assert_eq!((check(step - 1, None), check(step + 1, None)), (Ok(step - 1), Ok(step + 1)));
        assert_eq!((check(step - 2, None), check(step + 2, None)), (Err(CodeError::Wrong), Err(CodeError::Wrong)));
        assert_eq!(check(step, Some(step)), Err(CodeError::Used));
        assert_eq!(check(step - 1, Some(step)), Err(CodeError::Used), "an earlier one was seen too");
        assert_eq!(check(step + 1, Some(step)), Ok(step + 1));
        for form in ["", "12345", "1234567", "12345a", "１２３４５６", " 12345"] {
            assert_eq!(secret().check(form, now, None), Err(CodeError::Form), "{form}");
        }
    }

    #[test]
    fn an_app_reads_the_uri_and_nothing_prints_the_secret() {
        let uri = secret().uri("AITBC wallet", "main:1");
        assert_eq!(
            *uri,
            "otpauth://totp/AITBC%20wallet:main%3A1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=AITBC%20wallet\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(format!("{:?}", secret()), "TotpSecret");
        assert!(TotpSecret::from_bytes(&[1; 19]).is_none());
    }

    proptest! {
        /// Whatever the order of codes, no step counts twice and none after a later one.
        #[test]
        fn used_steps_only_grow(moments in proptest::collection::vec((0_u64..400, 0_u64..5), 1..40)) {
            let mut last = None;
            for (now, offset) in moments {
                let step = (now / STEP_SECONDS + offset).saturating_sub(2);
                if let Ok(used) = secret().check(&secret().code(step), UnixSeconds(now), last) {
                    prop_assert!(last.is_none_or(|last| used > last));
                    prop_assert!(used.abs_diff(now / STEP_SECONDS) <= WINDOW_STEPS);
                    last = Some(used);
                }
            }
        }
    }
}
