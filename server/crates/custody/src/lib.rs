//! What a program that holds somebody's keys may do with them: the spending policy, the second factor, the audit log and
//! what follows from it.
//!
//! ```text
//! transaction, typed data, message ─▶ Action ─▶ Policy + Spent ─▶ allowed, allowed with a code, or Refusal
//! every step ─▶ Event ─▶ Chain (a line of the log, which names the hash of the line before) ─▶ Ledger
//! ```
//! Nothing here does I/O. Time and randomness are arguments.

pub mod action;
pub mod asset;
pub mod attempts;
pub mod audit_log;
pub mod event;
pub mod idle;
pub mod ledger;
pub mod policy;
pub mod recovery;
pub mod refusal;
pub mod sealed;
pub mod second_factor;
pub mod totp;
