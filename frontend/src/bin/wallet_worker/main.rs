//! The wallet's Web Worker: the only code that sees a key. The page posts [`Request`]s and receives [`Reply`]s.

mod database;
mod session;

use frontend::wallet::protocol::{Reply, Request};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn main() {
    console_error_panic_hook::set_once();
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let Some(text) = event.data().as_string() else { return };
        let Ok(request) = serde_json::from_str::<Request>(&text) else { return };
        wasm_bindgen_futures::spawn_local(async move { post(&session::answer(request).await) });
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    post(&Reply::Ready);
}

fn post(reply: &Reply) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    if let Ok(text) = serde_json::to_string(reply) {
        // Fails only for values that cannot be cloned; a text can.
        let _ = scope.post_message(&JsValue::from_str(&text));
    }
}
