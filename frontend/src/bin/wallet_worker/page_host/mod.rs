//! What surrounds the wallet in a page: a Web Worker of its own, IndexedDB, and the workers of other tabs.

pub(crate) mod channel;
pub(crate) mod kept;
pub(crate) mod storage;

use wallet::protocol::{EnvelopeError, Refusal, RequestEnvelope, WalletMessage};
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use crate::{requests, vault};

/// How often it is looked whether the time until the lock is over. Every request looks as well.
const EXPIRY_CHECK_MS: i32 = 5_000;

const RPC_PATH: &str = "/rpc";

/// Tickets of a worker are asked for by its own page only, and both end together.
pub(crate) fn first_ticket() -> u32 {
    1
}

pub(crate) fn start() {
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let Some(text) = event.data().as_string() else { return };
        match RequestEnvelope::parse(&text) {
            Ok(RequestEnvelope { id, request, .. }) => {
                requests::receive(request, move |answer| post(&WalletMessage::Answer { id, answer }));
            }
            Err(EnvelopeError::UnknownRequest(id)) => {
                post(&WalletMessage::Answer { id, answer: Err(Refusal::UnknownRequest) });
            }
            // Without an id nobody waits for an answer.
            Err(EnvelopeError::NotAnEnvelope) => {}
        }
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    let check = Closure::<dyn FnMut()>::new(vault::expire);
    // Without a timer the requests still look at the time.
    let _ =
        scope().set_interval_with_callback_and_timeout_and_arguments_0(check.as_ref().unchecked_ref(), EXPIRY_CHECK_MS);
    check.forget();
    channel::listen();
    post(&WalletMessage::Ready);
}

/// The node that serves the page.
#[expect(clippy::unused_async, reason = "an extension reads it from its storage")]
pub(crate) async fn rpc_url() -> Result<String, Refusal> {
    Ok(RPC_PATH.to_owned())
}

/// The host of who asks. A page has one origin, whatever it is called on the sheet.
pub(crate) fn site_host(_origin: &str) -> String {
    scope().location().host()
}

/// The wallets changed without being asked to.
pub(crate) fn tell_changed() {
    post(&WalletMessage::Changed);
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
