//! Types of the REST API, by area. Pages and clients read exactly these.

pub mod admin;
pub mod audits;
pub mod bids;
pub mod bounties;
pub mod exchange;
pub mod exchange_feeds;
pub mod exchange_keys;
pub mod explorer;
pub mod jobs;
pub mod keys;
pub mod log;
pub mod marketplace;
pub mod miners;
pub mod page;
pub mod payments;
pub mod problem;
pub mod receipts;
pub mod search;
pub mod second_factor;
pub mod sessions;
pub mod status;
pub mod stuck;
pub mod tokens;
pub mod unservable;
pub mod webhooks;
pub mod why_idle;
