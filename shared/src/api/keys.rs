//! API keys: hashed at rest, scoped, shown once.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::id::ApiKeyId;
use crate::time::UnixMillis;

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
