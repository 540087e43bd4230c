//! The wallet's Web Worker: the only code that handles a key in the browser. Messages are those of [`wallet::protocol`].

mod node;
mod requests;
mod storage;

use wallet::protocol::{EnvelopeError, Refusal, RequestEnvelope, WalletMessage};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn main() {
    console_error_panic_hook::set_once();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let Some(text) = event.data().as_string() else { return };
        match RequestEnvelope::parse(&text) {
            Ok(RequestEnvelope { id, request }) => wasm_bindgen_futures::spawn_local(async move {
                post(&WalletMessage::Answer { id, answer: requests::answer(request).await });
            }),
            Err(EnvelopeError::UnknownRequest(id)) => {
                post(&WalletMessage::Answer { id, answer: Err(Refusal::UnknownRequest) });
            }
            // Without an id nobody waits for an answer.
            Err(EnvelopeError::NotAnEnvelope) => {}
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&WalletMessage::Ready);
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

fn post(message: &WalletMessage) {
    if let Ok(text) = serde_json::to_string(message) {
        // Fails only for values that cannot be cloned; a text can.
        let _ = scope().post_message(&JsValue::from_str(&text));
    }
}

/// A failure of the browser in its own words.
fn describe(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(
        || error.as_string().unwrap_or_else(|| "the browser gave no reason".to_owned()),
        |error| String::from(error.message()),
    )
}
