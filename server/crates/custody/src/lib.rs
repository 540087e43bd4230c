//! What a program that holds somebody's keys may do with them: the spending policy, the second factor, the audit log and
//! what follows from it.
//!
//! ```text
//! transaction, typed data, message ─▶ Action ─▶ Policy + Spent ─▶ allowed, allowed with a code, or Refusal
//! every step ─▶ Event ─▶ Head (a line of the log, which names the hash of the line before) ─▶ Ledger
//! a long log ─▶ segments, each of which begins with what the ones before amount to
//! ```
//! Nothing here does I/O. Time and randomness are arguments.

pub mod action;
pub mod asset;
pub mod attempts;
pub mod audit_log;
pub mod cancellation;
pub mod event;
pub mod idle;
pub mod ledger;
pub mod policy;
pub mod recovery;
pub mod refusal;
pub mod sealed;
pub mod second_factor;
pub mod segment;
pub mod totp;
