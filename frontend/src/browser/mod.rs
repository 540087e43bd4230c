//! Interfaces of the browser: fetch, event streams, storage, the wallet's worker.

pub mod files;
pub mod fragments;
pub mod heads;
pub mod http;
pub mod job_stream;
pub mod meaning_search;
pub mod own_jobs;
#[cfg(feature = "wallet-page")]
pub mod passkeys;
#[cfg(feature = "wallet-page")]
pub mod provider;
pub mod tools;
pub mod wallet_client;

use wasm_bindgen::prelude::*;

/// The window; the page's bundle runs nowhere else.
pub fn window() -> web_sys::Window {
    js_sys::global().unchecked_into()
}

/// Runs `tick` every `milliseconds` for as long as the page lives.
pub fn every(milliseconds: i32, tick: impl FnMut() + 'static) {
    let tick = Closure::<dyn FnMut()>::new(tick);
    let started =
        window().set_interval_with_callback_and_timeout_and_arguments_0(tick.as_ref().unchecked_ref(), milliseconds);
    if started.is_ok() {
        tick.forget();
    }
}

/// Runs `act` once, after `milliseconds`.
pub fn after(milliseconds: i32, act: impl FnOnce() + 'static) {
    let act = Closure::once_into_js(act);
    // Fails only while the page is closed, when nothing waits for it.
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(act.unchecked_ref(), milliseconds);
}

/// What stands behind the `#` of the page's address, with it.
pub fn hash() -> String {
    window().location().hash().unwrap_or_default()
}

/// Goes to another part of the same page.
pub fn set_hash(hash: &str) {
    // It fails only while the page is closed.
    let _ = window().location().set_hash(hash);
}

/// Calls `act` whenever [`hash`] changes, for as long as the page lives.
pub fn on_hash_change(act: impl FnMut() + 'static) {
    let act = Closure::<dyn FnMut()>::new(act);
    if window().add_event_listener_with_callback("hashchange", act.as_ref().unchecked_ref()).is_ok() {
        act.forget();
    }
}

/// Scrolls as little as shows what `selector` finds first, once the page shows what was just set.
pub fn bring_into_view(selector: &'static str) {
    after(0, move || {
        let found = window().document().and_then(|document| document.query_selector(selector).ok()?);
        if let Some(element) = found {
            let nearest = web_sys::ScrollIntoViewOptions::new();
            nearest.set_block(web_sys::ScrollLogicalPosition::Nearest);
            element.scroll_into_view_with_scroll_into_view_options(&nearest);
        }
    });
}

/// The text of every element that `selector` finds, in the order of the page.
pub fn texts_of(selector: &str) -> Vec<String> {
    let found = window().document().and_then(|document| document.query_selector_all(selector).ok());
    let Some(found) = found else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.get(index)?.text_content()).collect()
}

/// What the field with this id holds. Text areas and selections tell their value by the same name as inputs.
pub fn value_of(id: &str) -> Option<String> {
    let field: web_sys::HtmlInputElement = window().document()?.get_element_by_id(id)?.unchecked_into();
    Some(field.value())
}
