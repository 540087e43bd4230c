//! The wallet's Web Worker: the only code that handles a key in the browser. Messages are those of [`wallet::protocol`].
//!
//! `extension.rs` beside this is the same wallet in a browser extension. What differs between the two is in `page_host` and
//! `extension_host`.

mod activity;
mod browser;
mod node;
mod page_host;
mod requests;
mod signing;
mod vault;

use page_host as host;

fn main() {
    console_error_panic_hook::set_once();
    host::start();
}
