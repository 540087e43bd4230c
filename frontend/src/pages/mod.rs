//! One file per page. A page asks the backend, then shows; it is complete HTML before any script runs.

pub mod address;
pub mod block;
pub mod blocks;
pub mod design;
pub mod explorer;
pub mod home;
pub mod job;
pub mod jobs;
pub mod load;
pub mod miner;
pub mod miners;
pub mod missing;
pub mod receipt;
pub mod receipts;
pub mod search;
pub mod transaction;
pub mod wallet;
