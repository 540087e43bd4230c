//! Tokens as a unit of work. The miner that runs a language model counts them, so its count is bounded by bytes that
//! the hub can see.

use crate::amount::{MICRO_PER_UNIT, MicroUnits};

/// Tokens that a model read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub read: u64,
    pub written: u64,
}

/// What a refusal of a text says that has more tokens than its model reads. It reads on from the field's name.
pub fn context_bound(most: usize) -> String {
    format!("is 1 to {most}{CONTEXT_WORDS}")
}

/// Whether a refusal is one for that.
pub fn is_of_context(reason: &str) -> bool {
    reason.contains(CONTEXT_WORDS)
}

const CONTEXT_WORDS: &str = " tokens for this model";

/// One token is one unit, whether read or written.
pub fn units(tokens: Tokens) -> MicroUnits {
    MicroUnits(tokens.read.saturating_add(tokens.written).saturating_mul(MICRO_PER_UNIT))
}
