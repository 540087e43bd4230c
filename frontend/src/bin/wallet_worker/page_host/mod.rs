//! What surrounds the wallet in a page: a Web Worker of its own, IndexedDB, and the workers of other tabs.

pub(crate) mod channel;
pub(crate) mod kept;
pub(crate) mod storage;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use wallet::protocol::{EnvelopeError, PRF_BYTES, PrfOutput, Refusal, RequestEnvelope, WalletMessage};
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
        let Some((text, answered)) = posted(&event.data()) else { return };
        match RequestEnvelope::parse(&text) {
            Ok(RequestEnvelope { id, mut request, .. }) => {
                // What nobody asked for belongs to no request.
                if answered.is_some_and(|answered| !request.take_in(answered)) {
                    return post(&WalletMessage::Answer { id, answer: Err(Refusal::UnknownRequest) });
                }
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

/// What the page posted: a text, or an array of a text and a buffer with what a passkey answered. The page has that buffer no
/// more, and it is wiped here.
fn posted(data: &JsValue) -> Option<(String, Option<PrfOutput>)> {
    if let Some(text) = data.as_string() {
        return Some((text, None));
    }
    let parts = data.dyn_ref::<Array>()?;
    let (text, buffer) = (parts.get(0).as_string()?, parts.get(1).dyn_into::<ArrayBuffer>().ok()?);
    let bytes = Uint8Array::new(&buffer);
    let fits = usize::try_from(bytes.length()).is_ok_and(|length| length == PRF_BYTES);
    let answered = fits.then(|| PrfOutput::filled_by(|output| bytes.copy_to(output)));
    bytes.fill(0, 0, bytes.length());
    Some((text, answered))
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
