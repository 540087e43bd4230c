//! Handlers, one file for each area: extract, authorise, call, map. The routes are in [`crate::router`].

pub mod admin;
pub mod bids;
pub mod bounties;
pub mod etherscan;
pub mod exchange;
pub mod extract;
pub mod generate_image;
pub mod health;
pub mod job_events;
pub mod jobs;
pub mod keys;
pub mod log;
pub mod miners;
pub mod openai;
pub mod openapi;
pub mod quotes;
pub mod receipts;
pub mod reviews;
pub mod search;
pub mod second_factor;
pub mod sessions;
pub mod webhooks;
