//! Keeps parts of a page current: the page is fetched from the server again, and its named parts are replaced.
//!
//! So parts that only show something stay the server's HTML and need no code in the bundle.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, DomParser, Element, Headers, HtmlElement, RequestInit, Response, SupportedType, VisibilityState,
};

use super::window;

/// How long an answer may take before parts that only get out of date count as out of date.
const REFRESH_MAX_MS: u32 = 15_000;

/// As [`load`], for parts that only get out of date. Says whether they are current now; `None` while the page is hidden, when
/// the server is not asked. Without an answer they stay as they are.
pub async fn refresh(path: &str, parts: &[&str]) -> Option<bool> {
    let visible = window().document().is_some_and(|document| document.visibility_state() == VisibilityState::Visible);
    if !visible {
        return None;
    }
    let answer = fetch(path, Some(REFRESH_MAX_MS)).await;
    Some(answer.and_then(|html| replace(&html, parts)).is_ok())
}

/// Asks the server for `path` and replaces the parts of this page that have these ids. A part that the answer lacks
/// stays as it is, and so does everything when there is no answer.
pub async fn load(path: &str, parts: &[&str]) -> Result<(), JsValue> {
    let html = fetch(path, None).await?;
    replace(&html, parts)
}

/// Sets the text of the element with this id. What it says already is not said again.
pub fn say(id: &str, words: &str) {
    let element = window().document().and_then(|document| document.get_element_by_id(id));
    if let Some(element) = element.filter(|element| element.text_content().as_deref() != Some(words)) {
        element.set_text_content(Some(words));
    }
}

async fn fetch(path: &str, max_ms: Option<u32>) -> Result<String, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "text/html")?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    if let Some(max_ms) = max_ms {
        init.set_signal(Some(&AbortSignal::timeout_with_u32(max_ms)));
    }
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?.unchecked_into();
    if !response.ok() {
        return Err(JsValue::UNDEFINED);
    }
    JsFuture::from(response.text()?).await?.as_string().ok_or(JsValue::UNDEFINED)
}

fn replace(html: &str, parts: &[&str]) -> Result<(), JsValue> {
    let answer = DomParser::new()?.parse_from_string(html, SupportedType::TextHtml)?;
    let document = window().document().ok_or(JsValue::UNDEFINED)?;
    for part in parts {
        let (Some(old), Some(new)) = (document.get_element_by_id(part), answer.get_element_by_id(part)) else {
            continue;
        };
        if old.outer_html() == new.outer_html() {
            continue;
        }
        let focused = document.active_element().filter(|element| old.contains(Some(element)));
        old.replace_with_with_node_1(&document.adopt_node(&new)?)?;
        if let Some(address) = focused.and_then(|link| link.get_attribute("href")) {
            focus_link(&new, &address);
        }
    }
    Ok(())
}

/// So that who reads by keyboard stays where it was. A link that is no longer there lets the focus go.
fn focus_link(part: &Element, address: &str) {
    let link = part.query_selector(&format!("a[href=\"{address}\"]"));
    if let Some(link) = link.ok().flatten().and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
        let _ = link.focus();
    }
}
