//! One set of listeners for the whole document: copying, ages, the search key, the theme.

use shared::time::UnixMillis;
use wasm_bindgen::prelude::*;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent};

use super::{after, every, window};
use crate::format;

/// How often ages are written anew.
const AGE_TICK_MS: i32 = 1_000;

/// How long a copy button says that it copied.
const COPIED_MS: i32 = 1_500;

const THEME_COOKIE_SECONDS: u32 = 31_536_000;

/// Starts everything; called once per page.
pub fn start(on_copied: impl Fn() + 'static) {
    every(AGE_TICK_MS, refresh_ages);
    listen("click", move |event: Event| copy(&event, &on_copied));
    listen("keydown", focus_search);
    // Islands become live one after the other without a pause: all of them are by then.
    after(0, tell_live);
}

/// Tells `early_press.js` that the islands listen.
fn tell_live() {
    if let (Some(document), Ok(live)) = (window().document(), Event::new("aitbc:live")) {
        // Nothing cancels it.
        let _ = document.dispatch_event(&live);
    }
}

/// Calls `act` for every event of this name that reaches the document, as long as the page lives.
pub(super) fn listen<E: wasm_bindgen::convert::FromWasmAbi + 'static>(name: &str, act: impl FnMut(E) + 'static) {
    let Some(document) = window().document() else { return };
    let act = Closure::<dyn FnMut(E)>::new(act);
    if document.add_event_listener_with_callback(name, act.as_ref().unchecked_ref()).is_ok() {
        act.forget();
    }
}

fn refresh_ages() {
    let Some(times) = window().document().and_then(|document| document.query_selector_all("time[data-age]").ok())
    else {
        return;
    };
    let now = format::now();
    for element in (0..times.length()).filter_map(|index| times.get(index)) {
        let element: Element = element.unchecked_into();
        let Some(at) = element.get_attribute("data-age").and_then(|text| text.parse().ok()) else { continue };
        let text = format::age(UnixMillis(at), now);
        if element.text_content().as_deref() != Some(text.as_str()) {
            element.set_text_content(Some(&text));
        }
    }
}

fn copy(event: &Event, on_copied: &impl Fn()) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(button) = target.and_then(|target| target.closest("[data-copy]").ok().flatten()) else { return };
    let Some(value) = button.get_attribute("data-copy") else { return };
    let value = if value == "location" { window().location().href().unwrap_or(value) } else { value };
    // If the browser forbids it, the button stays as it is.
    drop(window().navigator().clipboard().write_text(&value));
    // An attribute of an existing element can always be set.
    let _ = button.set_attribute("data-copied", "");
    on_copied();
    after(COPIED_MS, move || {
        let _ = button.remove_attribute("data-copied");
    });
}

/// `/` and Ctrl-K focus the search, except while the visitor types.
fn focus_search(event: KeyboardEvent) {
    let typing = window()
        .document()
        .and_then(|document| document.active_element())
        .is_some_and(|element| matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT"));
    let wanted = (event.key() == "/" && !typing) || (event.key() == "k" && (event.ctrl_key() || event.meta_key()));
    if !wanted {
        return;
    }
    let inputs = window().document().and_then(|document| document.query_selector_all("input[type=search]").ok());
    let Some(inputs) = inputs else { return };
    let shown = (0..inputs.length())
        .rev()
        .filter_map(|index| inputs.get(index)?.dyn_into::<HtmlElement>().ok())
        .find(|input| input.offset_width() > 0);
    if let Some(input) = shown {
        event.prevent_default();
        let _ = input.focus();
    }
}

/// Switches between the light and the dark theme, and keeps the choice in a cookie, which the server reads on the next page.
pub fn switch_theme() {
    let Some(root) = window().document().and_then(|document| document.document_element()) else { return };
    let system_is_dark =
        window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|query| query.matches());
    let is_dark = root.get_attribute("data-theme").map_or(system_is_dark, |theme| theme == "dark");
    let theme = if is_dark { "light" } else { "dark" };
    let _ = root.set_attribute("data-theme", theme);
    if let Some(document) = window().document().and_then(|document| document.dyn_into::<web_sys::HtmlDocument>().ok()) {
        let _ = document.set_cookie(&format!("theme={theme}; path=/; max-age={THEME_COOKIE_SECONDS}; samesite=lax"));
    }
}
