//! The web application: pages that the server renders, islands that become live in the browser, and the Web Worker that
//! keeps the wallet's keys.
//!
//! Feature `ssr` renders, `hydrate` builds the page's bundle, `wallet-worker` the worker's, `wallet-extension` that of the
//! browser extension.

// A view is one nested type; the deepest page needs more than the default of 128.
#![recursion_limit = "512"]

#[cfg(feature = "ssr")]
pub mod app;
#[cfg(feature = "ssr")]
pub mod backend;
#[cfg(feature = "hydrate")]
pub mod browser;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod components;
#[cfg(feature = "ssr")]
pub mod documents;
#[cfg(any(feature = "ssr", feature = "hydrate", feature = "wallet-extension"))]
pub mod format;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod gallery;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod islands;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod live_job;
#[cfg(feature = "ssr")]
pub mod marketplace;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod meaning;
#[cfg(feature = "ssr")]
pub mod origin;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(any(feature = "ssr", feature = "hydrate"))]
pub mod proof;
#[cfg(any(feature = "ssr", feature = "hydrate", feature = "wallet-extension"))]
pub mod proof_stop;
#[cfg(any(feature = "ssr", feature = "hydrate", feature = "wallet-extension"))]
pub mod receiver;
#[cfg(any(feature = "ssr", feature = "wallet-extension"))]
pub mod sheet_words;
#[cfg(any(feature = "ssr", feature = "hydrate", feature = "wallet-extension"))]
pub mod text;

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("features `ssr` and `hydrate` exclude each other: one renders, the other hydrates");
