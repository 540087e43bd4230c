//! Files that the visitor chooses or saves.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlInputElement, Url};

use super::{after, window};

/// Largest file that is read.
const READ_MAX_BYTES: f64 = 65_536.0;

/// How long a saved file stays at the browser's disposal.
const SAVED_MS: i32 = 10_000;

/// Reads the file that the input with this id holds. `None` where there is none, or it is too large or no text.
pub fn read(id: &str, on_text: impl FnOnce(Option<String>) + 'static) {
    let input: Option<HtmlInputElement> =
        window().document().and_then(|document| document.get_element_by_id(id)?.dyn_into().ok());
    let file = input.and_then(|input| input.files()?.get(0)).filter(|file| file.size() <= READ_MAX_BYTES);
    let Some(file) = file else { return on_text(None) };
    leptos::task::spawn_local(async move {
        on_text(JsFuture::from(file.text()).await.ok().and_then(|text| text.as_string()));
    });
}

/// Saves a text as a file among the visitor's downloads.
pub fn save(name: &str, text: &str) {
    // Each step fails only while the page is closed.
    let _ = try_save(name, text);
}

fn try_save(name: &str, text: &str) -> Result<(), JsValue> {
    let kind = BlobPropertyBag::new();
    kind.set_type("application/json");
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let blob = Blob::new_with_str_sequence_and_options(&parts, &kind)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let document = window().document().ok_or(JsValue::UNDEFINED)?;
    let link: HtmlAnchorElement = document.create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    after(SAVED_MS, move || drop(Url::revoke_object_url(&url)));
    Ok(())
}
