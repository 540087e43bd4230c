//! What cheating earns at the default parameters, beside honest work of the same machines with the same seed.
#![expect(clippy::unwrap_used, reason = "a failing helper is a failing test")]

mod economics;
mod repeatable;
