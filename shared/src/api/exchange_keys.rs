//! Keys that sign orders for a trader, as the exchange's contract knows them.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::time::UnixSeconds;

/// What a key may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TradingKeyState {
    /// Its orders are taken.
    Active,
    /// The trader took it back: no order of it is taken, and what was matched before settles until `expires_at`.
    Revoked,
    /// Nothing that it signed counts.
    Expired,
}

/// A key that signs orders, reductions and cancellations for a trader, and no withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TradingKey {
    /// The key's address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub delegate: Address,
    /// The last second at which an order that it signed settles.
    pub expires_at: UnixSeconds,
    pub state: TradingKeyState,
}

impl TradingKey {
    pub fn new(delegate: Address, expires_at: UnixSeconds, is_revoked: bool, now: UnixSeconds) -> Self {
        let state = match (expires_at < now, is_revoked) {
            (true, _) => TradingKeyState::Expired,
            (false, true) => TradingKeyState::Revoked,
            (false, false) => TradingKeyState::Active,
        };
        Self { delegate, expires_at, state }
    }
}

/// The keys that the contract lists for a trader. Expired ones stay until the trader adds another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TradingKeys {
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub trader: Address,
    pub keys: Vec<TradingKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_until_its_last_second() {
        let state = |expires_at, is_revoked| {
            TradingKey::new(Address::ZERO, UnixSeconds(expires_at), is_revoked, UnixSeconds(10)).state
        };
        assert_eq!(state(10, false), TradingKeyState::Active);
        assert_eq!(state(10, true), TradingKeyState::Revoked);
        assert_eq!([state(9, false), state(9, true)], [TradingKeyState::Expired; 2]);
    }
}
