//! Tokens as a unit of work. The miner that runs a language model counts them, so its count is bounded by bytes that
//! the hub can see.

use crate::amount::{MICRO_PER_UNIT, MicroUnits};

/// Tokens that a model read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub read: u64,
    pub written: u64,
}

/// One token is one unit, whether read or written.
pub fn units(tokens: Tokens) -> MicroUnits {
    MicroUnits(tokens.read.saturating_add(tokens.written).saturating_mul(MICRO_PER_UNIT))
}
