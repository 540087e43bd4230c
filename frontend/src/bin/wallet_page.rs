//! The bundle of the wallet's page: its islands, and the sheets of the provider. Another page loads it once it asks for a
//! wallet, and has the sheets from then on.

use frontend as _;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Makes the islands of the page interactive, and announces the provider.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
    leptos::mount::mount_to_body(frontend::islands::signatures::Signatures);
}
