//! Rules about the repository as a whole, which no crate can check for itself.
#![expect(clippy::unwrap_used, reason = "a failing helper is a failing test")]

mod circles;
mod direction;
mod paths;
mod sources;
mod tidy;
mod words;
