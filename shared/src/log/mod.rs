//! The hub's transparency log: what it has attested, failed, audited and taken back, in an order that cannot be altered.
//!
//! [`entry`] is what stands in it, [`tree`] how it grows, [`proof`] what shows that an entry is in it and that a later
//! log begins with an earlier one, [`checkpoint`] what the hub signs, and [`ledger`] what follows from its entries.

pub mod checkpoint;
pub mod entry;
pub mod faults;
pub mod ledger;
pub mod proof;
pub mod tree;

pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use entry::LogEntry;
