//! API keys: hashed at rest, scoped, shown once.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::id::ApiKeyId;
use crate::time::UnixMillis;

/// Keys that one wallet has made and not revoked.
pub const KEYS_PER_WALLET_MAX: usize = 20;

/// Longest label of a key.
pub const LABEL_MAX_CHARS: usize = 100;

/// Body of `POST /v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// What the key is for, up to 100 characters.
    pub label: String,
}

/// The keys that a wallet made, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeys {
    pub keys: Vec<ApiKeyView>,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApiScope {
    Client,
    Miner,
    Admin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyView {
    pub id: ApiKeyId,
    pub label: String,
    pub scope: ApiScope,
    /// Whose quota and whose jobs.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub address: Address,
    pub created_at_unix_ms: UnixMillis,
    pub revoked_at_unix_ms: Option<UnixMillis>,
}

/// A new key with its secret, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedApiKey {
    pub key: ApiKeyView,
    pub secret: String,
}
