//! Every English text of the pages, by area, so that a translation replaces one folder.

pub mod account;
#[cfg(feature = "ssr")]
pub mod allowances;
pub mod audit;
#[cfg(feature = "ssr")]
pub mod chat;
pub mod common;
pub mod design;
pub mod docs;
#[cfg(feature = "ssr")]
pub mod exchange;
pub mod explorer;
pub mod home;
pub mod job;
pub mod log;
#[cfg(feature = "ssr")]
pub mod marketplace;
pub mod miner;
pub mod pay;
pub mod proof;
pub mod receipt;
#[cfg(feature = "ssr")]
pub mod stuck;
pub mod token;
pub mod wallet;
