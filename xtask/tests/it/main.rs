//! Rules about the repository as a whole, which no crate can check for itself.

mod direction;
mod sources;
mod tidy;
