//! Passkeys, as the page and the wallet speak of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use shared::Bytes;
use shared::time::UnixMillis;
use zeroize::Zeroizing;

use super::Request;

/// Most passkeys of one browser's wallets.
pub const PASSKEYS_MAX: usize = 4;

/// Most bytes of a credential's id, as WebAuthn bounds it.
pub const CREDENTIAL_ID_MAX_BYTES: usize = 1_023;

/// Bytes that the extension `prf` of WebAuthn answers.
pub const PRF_BYTES: usize = 32;

/// A passkey that opens the wallets beside the password. Nothing of it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyView {
    /// Names it to the browser.
    pub credential_id: Bytes,
    /// What its PRF extension is asked with: random, and of this passkey alone.
    pub salt: Bytes,
    pub added_at_unix_ms: UnixMillis,
}

/// What a passkey answered for its salt. It travels beside the text of a request, in a buffer that the page hands over and has
/// no more, never in the text. It is wiped when dropped, and never printed. It stays in one place, since a value that moves leaves
/// a copy behind.
#[derive(Clone, PartialEq, Eq)]
pub struct PrfOutput(Box<Zeroizing<[u8; PRF_BYTES]>>);

impl PrfOutput {
    pub fn filled_by(fill: impl FnOnce(&mut [u8; PRF_BYTES])) -> Self {
        let mut output = Box::new(Zeroizing::new([0; PRF_BYTES]));
        fill(&mut output);
        Self(output)
    }

    pub fn as_bytes(&self) -> &[u8; PRF_BYTES] {
        &self.0
    }
}

impl fmt::Debug for PrfOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrfOutput")
    }
}

impl Request {
    /// Takes in what a passkey answered, and says whether this request is about that.
    pub fn take_in(&mut self, given: PrfOutput) -> bool {
        let (Self::UnlockByPasskey { output, .. } | Self::AddPasskey { output, .. }) = self else { return false };
        *output = Some(given);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{RequestEnvelope, RequestId, Secret};

    #[test]
    fn what_a_passkey_answered_is_in_no_text() {
        let output = || PrfOutput::filled_by(|bytes| bytes.fill(0xab));
        let mut unlock = Request::UnlockByPasskey { credential_id: Bytes::from_static(&[1]), output: None };
        let empty = RequestEnvelope::new(RequestId(1), unlock.clone());
        assert!(unlock.take_in(output()));
        let text = serde_json::to_string(&RequestEnvelope::new(RequestId(1), unlock.clone())).unwrap();
        assert_eq!(RequestEnvelope::parse(&text), Ok(empty), "the text alone unlocks nothing");
        assert!(!text.contains("abab") && !format!("{unlock:?}").contains("171"), "{text}");
        let smuggled = text.replace("\"credential_id\"", "\"output\":\"0xab\",\"credential_id\"");
        let Ok(RequestEnvelope { request: Request::UnlockByPasskey { output: read, .. }, .. }) =
            RequestEnvelope::parse(&smuggled)
        else {
            panic!("a field that nobody reads changes nothing: {smuggled}")
        };
        assert_eq!(read, None);
        assert!(!Request::Lock.take_in(output()));
        assert!(!Request::Unlock { password: Secret(String::new()) }.take_in(output()));
    }
}
