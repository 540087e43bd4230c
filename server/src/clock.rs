//! The system clock and the system's randomness; rules get both as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use shared::time::{MS_PER_DAY, UnixMillis};

/// Milliseconds since 1970, or 0 if the clock is set before 1970.
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Bytes from the operating system.
///
/// # Panics
/// Where the operating system gives no random bytes: no identifier or key could be trusted any more.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// 128 random bits, for identifiers.
pub fn random_u128() -> u128 {
    u128::from_le_bytes(random_bytes())
}

/// 64 random bits, for seeds.
pub fn random_u64() -> u64 {
    u64::from_le_bytes(random_bytes())
}

/// Until the next day begins, in UTC.
pub fn seconds_until_midnight() -> u64 {
    let now = now();
    hub::quota::midnight(now).plus_ms(MS_PER_DAY).since_ms(now).div_ceil(1_000)
}
