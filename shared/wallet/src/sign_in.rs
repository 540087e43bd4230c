//! Signing in with a wallet (EIP-4361): the message that a site asks to sign, made and read.
//!
//! A message is checked before it is signed, so that no site can get a signature that counts at another one, and again
//! by the site that gets the signature.

mod date_time;
mod parse;

use std::fmt;

use shared::Address;
use shared::time::UnixMillis;

use date_time::DateTime;
pub use date_time::DateTimeError;

/// Most bytes of a message.
pub const MESSAGE_MAX_BYTES: usize = 8 << 10;

/// Most resources that a message names.
pub const RESOURCES_MAX: usize = 32;

/// Fewest characters of a nonce, by the standard.
pub const NONCE_MIN_CHARS: usize = 8;

/// The only version of the standard.
const VERSION: &str = "1";

const ASKS: &str = " wants you to sign in with your Ethereum account:";

/// What a site asks to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInMessage {
    /// `https`, where the message names it.
    pub scheme: Option<String>,
    /// Host, and port where it is not the scheme's own.
    pub domain: String,
    pub address: Address,
    pub statement: Option<String>,
    pub uri: String,
    pub chain_id: u64,
    pub nonce: String,
    pub issued_at: UnixMillis,
    pub expires_at: Option<UnixMillis>,
    pub not_before: Option<UnixMillis>,
    pub request_id: Option<String>,
    pub resources: Vec<String>,
}

/// What the checking side knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'a> {
    pub domain: &'a str,
    pub chain_id: u64,
    /// The site's own nonce; a wallet knows none.
    pub nonce: Option<&'a str>,
}

/// Why a text is no message to sign in with, or why it does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    #[error("a message to sign in with has up to {MESSAGE_MAX_BYTES} bytes, got {0}")]
    TooLong(usize),
    #[error("this is no message to sign in with: `{0}` is missing or stands elsewhere")]
    Missing(&'static str),
    #[error("{field} is {rule}, got `{got}`")]
    Field { field: &'static str, rule: &'static str, got: String },
    #[error("{field}: {error}")]
    DateTime { field: &'static str, error: DateTimeError },
    #[error("resources are up to {RESOURCES_MAX}")]
    TooManyResources,
    #[error("the message is for {got}, but {expected} asks")]
    OtherDomain { expected: String, got: String },
    #[error("the message is for the chain {got}, this is the chain {expected}")]
    OtherChain { expected: u64, got: u64 },
    #[error("the nonce is not the one that was given out, or it was used")]
    OtherNonce,
    #[error("the message is expired")]
    Expired,
    #[error("the message does not count yet")]
    NotYet,
}

impl SignInMessage {
    /// Reads a message, and refuses one that another reader could understand in another way.
    pub fn parse(text: &str) -> Result<Self, SignInError> {
        parse::message(text)
    }

    /// The fields' form, for a message that is made here.
    pub fn check_form(&self) -> Result<(), SignInError> {
        parse::check(self)
    }

    /// Whether the message counts here and now.
    pub fn check(&self, expected: Expected<'_>, now: UnixMillis) -> Result<(), SignInError> {
        if self.domain != expected.domain {
            let (expected, got) = (expected.domain.to_owned(), self.domain.clone());
            return Err(SignInError::OtherDomain { expected, got });
        }
        if self.chain_id != expected.chain_id {
            return Err(SignInError::OtherChain { expected: expected.chain_id, got: self.chain_id });
        }
        if expected.nonce.is_some_and(|nonce| nonce != self.nonce) {
            return Err(SignInError::OtherNonce);
        }
        if self.expires_at.is_some_and(|expires_at| now >= expires_at) {
            return Err(SignInError::Expired);
        }
        if self.not_before.is_some_and(|not_before| now < not_before) {
            return Err(SignInError::NotYet);
        }
        Ok(())
    }
}

impl fmt::Display for SignInMessage {
    /// The message's text, which is signed as it stands (EIP-191).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = &self.scheme {
            write!(formatter, "{scheme}://")?;
        }
        write!(formatter, "{}{ASKS}\n{}\n\n", self.domain, self.address)?;
        if let Some(statement) = &self.statement {
            writeln!(formatter, "{statement}")?;
        }
        write!(formatter, "\nURI: {}\nVersion: {VERSION}\nChain ID: {}", self.uri, self.chain_id)?;
        write!(formatter, "\nNonce: {}\nIssued At: {}", self.nonce, DateTime(self.issued_at))?;
        let optional =
            |name: &str, at: Option<UnixMillis>| at.map(|at| format!("\n{name}: {}", DateTime(at))).unwrap_or_default();
        formatter.write_str(&optional("Expiration Time", self.expires_at))?;
        formatter.write_str(&optional("Not Before", self.not_before))?;
        if let Some(request_id) = &self.request_id {
            write!(formatter, "\nRequest ID: {request_id}")?;
        }
        if !self.resources.is_empty() {
            formatter.write_str("\nResources:")?;
        }
        self.resources.iter().try_for_each(|resource| write!(formatter, "\n- {resource}"))
    }
}
