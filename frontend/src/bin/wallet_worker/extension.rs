//! The wallet in a browser extension: the same wallet as in `main.rs`, for every page that its owner connects.
//!
//! It runs in the extension's service worker, which the browser ends whenever it has nothing to do.

mod activity;
mod browser;
mod extension_host;
mod node;
mod requests;
mod signing;
mod vault;

use extension_host as host;

/// JavaScript begins with [`host::start`], which hands over the browser's storage.
fn main() {
    console_error_panic_hook::set_once();
}
