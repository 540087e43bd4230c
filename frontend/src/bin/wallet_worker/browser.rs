//! Clock, errors and requests of the browser, alike in a worker and in an extension.

use js_sys::Promise;
use shared::time::UnixMillis;
use wasm_bindgen::prelude::*;
use web_sys::RequestInit;

#[wasm_bindgen]
extern "C" {
    /// Every place that runs scripts has it: a worker, an extension's service worker, an extension's background page.
    #[wasm_bindgen(js_name = fetch)]
    pub(crate) fn fetch(url: &str, init: &RequestInit) -> Promise;
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the clock is whole milliseconds")]
pub(crate) fn now() -> UnixMillis {
    UnixMillis(js_sys::Date::now() as u64)
}

/// A failure of the browser in its own words. A DOM exception is an error as well, and its name says more.
pub(crate) fn describe(error: &JsValue) -> String {
    if let Some(exception) = error.dyn_ref::<web_sys::DomException>() {
        return format!("{}: {}", exception.name(), exception.message());
    }
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| "the browser gave no reason".to_owned()),
    }
}
