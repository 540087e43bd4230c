//! Handlers, one file for each area: extract, authorise, call, map. The routes are in [`crate::router`].

pub mod extract;
pub mod generate_image;
pub mod health;
pub mod job_events;
pub mod jobs;
pub mod miners;
pub mod openai;
pub mod openapi;
pub mod receipts;
