//! Between columns and the product's types.

use std::fmt::Display;
use std::str::FromStr;

use sea_orm::{ColumnTrait, Condition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::amount::Amount;
use shared::api::audits::AuditState;
use shared::api::receipts::{HoldState, SettlementState};
use shared::job::task::TaskRole;
use shared::time::UnixMillis;
use shared::{Address, B256, U256};

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
/// Whether a role works for the job's client, and audits nobody.
pub(crate) fn is_serving<C: ColumnTrait>(role: C) -> Condition {
    Condition::any().add(role.eq(TaskRole::Serve.to_string())).add(role.starts_with("shard/"))
}

pub(crate) fn word<T: FromStr<Err: Display>>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt(what, error))
}

/// The word of a settlement state in its column, as in JSON.
pub(crate) fn settlement_text(state: SettlementState) -> Result<String, StoreError> {
    Ok(encode("settlement state", &state)?.trim_matches('"').to_owned())
}

/// The word of a hold's state in its column, as in JSON.
pub(crate) fn hold_text(state: HoldState) -> Result<String, StoreError> {
    Ok(encode("hold state", &state)?.trim_matches('"').to_owned())
}

/// The word of an audit's state in its column, as in JSON.
pub(crate) fn audit_text(state: AuditState) -> Result<String, StoreError> {
    Ok(encode("audit state", &state)?.trim_matches('"').to_owned())
}

/// What a column is called that says why a job's results are not audited.
pub(crate) const WHY_UNAUDITED: &str = "reason why a job is not audited";

/// The word of a state in its column, as in JSON.
pub(crate) fn state_text(state: OutboxState) -> Result<String, StoreError> {
    Ok(encode("outbox state", &state)?.trim_matches('"').to_owned())
}

/// A column of an address' 20 bytes.
pub(crate) fn address(what: &'static str, bytes: &[u8]) -> Result<Address, StoreError> {
    Address::try_from(bytes).map_err(|error| StoreError::corrupt(what, error))
}

/// A column of a hash's 32 bytes.
pub(crate) fn hash(what: &'static str, bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|error| StoreError::corrupt(what, error))
}

/// A column of a number's 32 bytes, the highest first.
pub(crate) fn wide(what: &'static str, bytes: &[u8]) -> Result<U256, StoreError> {
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|error| StoreError::corrupt(what, error))?;
    Ok(U256::from_be_bytes(bytes))
}

pub(crate) fn stored_wide(value: U256) -> Vec<u8> {
    value.to_be_bytes::<32>().to_vec()
}

/// A column of an amount's 16 bytes, the highest first.
pub(crate) fn sum(what: &'static str, bytes: &[u8]) -> Result<Amount, StoreError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|error| StoreError::corrupt(what, error))?;
    Ok(Amount::from_atto(u128::from_be_bytes(bytes)))
}

pub(crate) fn stored_sum(amount: Amount) -> Vec<u8> {
    amount.atto().to_be_bytes().to_vec()
}

/// The word of a state in its column, as in JSON.
pub(crate) fn word_text<T: Serialize>(what: &'static str, state: &T) -> Result<String, StoreError> {
    Ok(encode(what, state)?.trim_matches('"').to_owned())
}

/// The state whose word a column has.
pub(crate) fn from_word<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|error| StoreError::corrupt(what, error))
}
