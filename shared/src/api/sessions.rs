//! Signing in with a wallet (EIP-4361), and the sessions that come of it.

use alloy_primitives::{Address, Bytes};
use serde::{Deserialize, Serialize};

use crate::id::SessionId;
use crate::time::UnixMillis;

/// Longest signature: a contract that signs for several people takes those of all of them in one.
pub const SIGNATURE_MAX_BYTES: usize = 2_048;

/// Sessions that one wallet has at once; the next one ends the oldest.
pub const SESSIONS_PER_WALLET_MAX: usize = 20;

/// Body of `POST /v1/sessions/nonce`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NonceRequest {
    /// The account that will sign.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
}

/// A nonce, and a message with it that is ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignInNonce {
    /// Counts once, for this account.
    pub nonce: String,
    pub chain_id: u64,
    /// A message of EIP-4361 for this site. A client may write one of its own with the same nonce.
    pub message: String,
    pub expires_at_unix_ms: UnixMillis,
}

/// Body of `POST /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The message as it was signed (EIP-4361, EIP-191).
    pub message: String,
    /// Of the account's key, or what its contract takes for one (ERC-1271).
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// A browser or program that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionView {
    pub id: SessionId,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    /// As the browser names itself: `Firefox on Linux`.
    pub browser: String,
    pub created_at_unix_ms: UnixMillis,
    pub expires_at_unix_ms: UnixMillis,
    /// The one that asks.
    pub is_current: bool,
    /// The account has a second factor, and this session does nothing before one of its codes: `POST /v1/sessions/code`.
    pub awaits_code: bool,
}

/// All sessions of a wallet that are signed in, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    pub sessions: Vec<SessionView>,
}

/// How many sessions were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedSessions {
    pub ended: u64,
}
