//! The index of the chain. Addresses, hashes and sums are bytes here: half as long as text, and ordered as numbers.

pub(crate) mod block;
pub(crate) mod contract;
pub(crate) mod day;
pub(crate) mod holder;
pub(crate) mod party;
pub(crate) mod position;
pub(crate) mod token;
pub(crate) mod transaction;
pub(crate) mod transfer;
pub(crate) mod transfer_party;
