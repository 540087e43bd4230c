//! The parts of pages that run in the browser. Everything else stays the server's HTML.
//!
//! The wallet's page has a bundle of its own, so that no other page carries it. Its parts are in no other bundle.

#[cfg(not(feature = "wallet-page"))]
pub mod composer;
#[cfg(not(feature = "wallet-page"))]
pub mod draft;
#[cfg(not(feature = "wallet-page"))]
pub mod improver;
#[cfg(not(feature = "wallet-page"))]
pub mod job_live;
#[cfg(not(feature = "wallet-page"))]
pub mod job_watch;
#[cfg(not(feature = "wallet-page"))]
pub mod live_parts;
#[cfg(not(feature = "wallet-page"))]
pub mod open_commitment;
#[cfg(not(feature = "wallet-page"))]
pub mod own_jobs;
pub mod page_tools;
#[cfg(feature = "wallet-page")]
pub mod signatures;
#[cfg(not(feature = "wallet-page"))]
pub mod studio;
#[cfg(not(feature = "wallet-page"))]
pub mod verify_receipt;
#[cfg(any(feature = "ssr", feature = "wallet-page"))]
pub mod wallet;
