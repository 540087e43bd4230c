//! Limits that several rules count with.

/// Sessions of miners at once.
pub const MINERS_MAX: usize = 10_000;
