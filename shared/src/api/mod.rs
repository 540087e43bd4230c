//! Types of the REST API, by area. Pages and clients read exactly these.

pub mod explorer;
pub mod jobs;
pub mod keys;
pub mod miners;
pub mod page;
pub mod problem;
pub mod receipts;
pub mod status;
