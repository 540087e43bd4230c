//! The second factor of an account: an authenticator app (RFC 6238), asked for after the wallet has signed in.

use serde::{Deserialize, Serialize};

use crate::time::UnixMillis;

/// Longest code that is read: a recovery code with blanks or hyphens wherever somebody put them.
pub const CODE_MAX_CHARS: usize = 40;

/// Recovery codes that are made at once.
pub const RECOVERY_CODES: usize = 10;

/// Whether an account has a second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecondFactorView {
    /// Since when; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at_unix_ms: Option<UnixMillis>,
    /// Those that were not used.
    pub recovery_codes_left: u32,
}

impl SecondFactorView {
    pub const fn is_on(&self) -> bool {
        self.confirmed_at_unix_ms.is_some()
    }
}

/// A new secret, shown this once. It counts from the first code on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewSecondFactor {
    /// In Base32, as it is typed into an app.
    pub secret: String,
    /// The same for an app to read: `otpauth://totp/…`.
    pub uri: String,
    /// The address as a QR code, a whole SVG.
    pub qr_svg: String,
    /// Until when the first code must come.
    pub expires_at_unix_ms: UnixMillis,
}

/// A code of the app, or where it says so a recovery code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GivenCode {
    pub code: String,
}

/// Codes that each stand for the app once, shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecoveryCodes {
    pub recovery_codes: Vec<String>,
}
