//! Identifiers: a prefix for the kind of thing, and 128 random bits in hex.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is no identifier of the wanted sort.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is `{prefix}` and 32 lowercase hex digits, got `{got}`")]
pub struct ParseIdError {
    prefix: &'static str,
    got: String,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            /// The identifier of 128 bits that the caller drew at random.
            pub const fn from_random(bits: u128) -> Self {
                Self(bits)
            }

            /// The bits, as contracts and signed structs carry them.
            pub const fn to_be_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}{:032x}", Self::PREFIX, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(text, Self::PREFIX).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        crate::openapi::string_schema!(
            $name,
            concat!("`", $prefix, "` and 32 hex digits"),
            concat!("^", $prefix, "[0-9a-f]{32}$"),
            concat!($prefix, "0123456789abcdef0123456789abcdef")
        );
    };
}

identifier!(
    /// A client's job.
    JobId,
    "job_"
);
identifier!(
    /// One assignment of a task to a miner; a task that is requeued gets another.
    LeaseId,
    "lease_"
);
identifier!(
    /// An API key's public name; the secret is separate.
    ApiKeyId,
    "key_"
);
identifier!(
    /// A session of a signed-in wallet; what proves it is separate.
    SessionId,
    "ses_"
);
identifier!(
    /// A client's standing request for a job.
    BidId,
    "bid_"
);
identifier!(
    /// Where a client has the ends of its jobs told.
    WebhookId,
    "hook_"
);

fn parse(text: &str, prefix: &'static str) -> Result<u128, ParseIdError> {
    let error = || ParseIdError { prefix, got: text.chars().take(64).collect() };
    let digits = text.strip_prefix(prefix).ok_or_else(error)?;
    let is_canonical = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_canonical { u128::from_str_radix(digits, 16).map_err(|_| error()) } else { Err(error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_one_spelling() {
        let id = JobId::from_random(0xabc);
        assert_eq!(id.to_string(), "job_00000000000000000000000000000abc");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in
            ["", "job_", "job_abc", "lease_00000000000000000000000000000abc", "job_00000000000000000000000000000ABC"]
        {
            assert!(text.parse::<JobId>().is_err(), "{text} was taken");
        }
    }
}
