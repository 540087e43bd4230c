//! The one place that reads the clock and the system's randomness.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::B256;
use shared::time::UnixMillis;

use crate::error::{Result, WorkerError};

pub fn now() -> UnixMillis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// 32 random bytes.
pub fn random_bytes() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| WorkerError::Randomness(error.to_string()))?;
    Ok(bytes)
}

pub fn random_nonce() -> Result<B256> {
    random_bytes().map(B256::from)
}
