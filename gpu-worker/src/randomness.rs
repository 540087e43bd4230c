//! The one place that asks the operating system for randomness.

use shared::B256;

use crate::error::{Result, WorkerError};

/// 32 random bytes.
pub fn random_bytes() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| WorkerError::Randomness(error.to_string()))?;
    Ok(bytes)
}

pub fn random_nonce() -> Result<B256> {
    random_bytes().map(B256::from)
}
