//! One file per page. A page asks the backend, then shows; it is complete HTML before any script runs.

pub(crate) mod address;
pub(crate) mod block;
pub(crate) mod blocks;
pub(crate) mod design;
pub(crate) mod explorer;
pub(crate) mod home;
pub(crate) mod job;
pub(crate) mod jobs;
pub(crate) mod load;
pub(crate) mod miner;
pub(crate) mod miners;
pub(crate) mod missing;
pub(crate) mod receipt;
pub(crate) mod receipts;
pub(crate) mod search;
pub(crate) mod transaction;
pub(crate) mod wallet;
