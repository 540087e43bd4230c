//! The page's bundle: the rendered document loads it and calls `hydrate`.

use frontend as _;
use wasm_bindgen::prelude::wasm_bindgen;

fn main() {}

/// Makes every island of the page interactive.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
