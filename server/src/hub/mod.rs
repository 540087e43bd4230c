//! The shell around the hub's rules: it performs the board's effects, and carries what happens to the board.
//!
//! ```text
//! http::jobs ──▶ HubHandle ──▶ actor ── Board ──▶ effects ──▶ store (durable), sessions (push), watchers (pages)
//! session (WebSocket of a worker) ──▶ actor           result ──▶ intake ──▶ verify, attest, store ──▶ actor
//! ```
//! The actor alone alters the board, so effects happen in the order of what caused them.

mod actor;
mod audited;
mod handle;
mod intake;
pub(crate) mod reached_at;
mod restore;
mod seal;
pub mod session;
mod watchers;

pub use handle::{HubError, HubHandle};
pub use intake::{Intake, IntakeError};
pub use restore::start;
pub use seal::HubSeal;
pub use watchers::{Signal, Subscription, Wake};
