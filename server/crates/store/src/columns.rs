//! Between columns and the product's types.

use std::fmt::Display;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::api::receipts::SettlementState;
use shared::time::UnixMillis;

use crate::StoreError;
use crate::record::OutboxState;

/// Both databases' integers are signed; nothing stored here comes near 2^63.
pub(crate) fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn from_i64(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(crate) fn millis(value: i64) -> UnixMillis {
    UnixMillis(from_i64(value))
}

pub(crate) fn stored_millis(value: UnixMillis) -> i64 {
    to_i64(value.0)
}

/// A column of JSON.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::corrupt(what, error))
}

pub(crate) fn encode<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::corrupt(what, error))
}

/// A column of one word: an identifier, an address, a hash.
pub(crate) fn word<T: FromStr<Err: Display>>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt(what, error))
}

/// The word of a settlement state in its column, as in JSON.
pub(crate) fn settlement_text(state: SettlementState) -> Result<String, StoreError> {
    Ok(encode("settlement state", &state)?.trim_matches('"').to_owned())
}

/// The word of a state in its column, as in JSON.
pub(crate) fn state_text(state: OutboxState) -> Result<String, StoreError> {
    Ok(encode("outbox state", &state)?.trim_matches('"').to_owned())
}
