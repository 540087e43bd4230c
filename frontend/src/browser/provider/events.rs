//! Events of EIP-1193: who listens, and telling them.

use std::cell::RefCell;

use js_sys::Function;
use wasm_bindgen::prelude::*;

/// Most listeners of a page.
const LISTENERS_MAX: usize = 64;

thread_local! {
    static LISTENERS: RefCell<Vec<(String, Function)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn on(event: String, listener: Function) -> JsValue {
    LISTENERS.with_borrow_mut(|listeners| {
        if listeners.len() < LISTENERS_MAX {
            listeners.push((event, listener));
        }
    });
    JsValue::UNDEFINED
}

pub(super) fn off(event: String, listener: Function) -> JsValue {
    LISTENERS.with_borrow_mut(|listeners| {
        if let Some(at) = listeners.iter().position(|(name, known)| *name == event && *known == listener) {
            listeners.remove(at);
        }
    });
    JsValue::UNDEFINED
}

pub(super) fn emit(event: &str, value: &JsValue) {
    // A listener may add or remove listeners, so nothing is borrowed while it runs.
    let told: Vec<Function> = LISTENERS.with_borrow(|listeners| {
        listeners.iter().filter(|(name, _)| name == event).map(|(_, listener)| listener.clone()).collect()
    });
    for listener in told {
        // What a listener throws is its own affair.
        let _ = listener.call1(&JsValue::NULL, value);
    }
}
