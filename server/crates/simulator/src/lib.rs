//! What cheating earns: the hub's own board under a seeded clock, with fleets of honest miners and one that cheats.
//!
//! ```text
//! demand ── Submit ──▶ hub::board::Board ── Grant ──▶ machines: work or lie, as their strategy says
//!                              ▲                              │
//!                              └─ result, compared by ◀───────┘
//!                                 hub::verification, judged by hub::audit
//! each result ──▶ ledger: held, released, or voided with its miner ──▶ figures, a table
//! ```
//! Matching, audits, verdicts, reputation and quotas are the server's code. What lies outside of it is an assumption:
//! [`assumptions`] states each with its source or its reason. The same seed gives the same figures.

pub mod assumptions;
mod demand;
pub mod figures;
mod ledger;
mod machine;
mod pictures;
pub mod random;
pub mod strategy;
pub mod table;
mod world;

pub use assumptions::{ParameterError, Parameters};
pub use figures::Outcome;
pub use strategy::Strategy;
pub use world::{simulate, simulate_honest_instead};
