//! Passkeys of this page, through WebAuthn: `public/passkeys.js` asks the browser. What a passkey answers is never read here.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use shared::Bytes;
use wallet::protocol::PasskeyView;
use wasm_bindgen::prelude::*;

use crate::text::wallet as words;

#[wasm_bindgen]
extern "C" {
    /// A passkey that was asked, and its answer.
    type Asked;

    #[wasm_bindgen(method, getter)]
    fn id(this: &Asked) -> Uint8Array;

    #[wasm_bindgen(method, getter)]
    fn output(this: &Asked) -> ArrayBuffer;
}

#[wasm_bindgen(raw_module = "/passkeys.js")]
extern "C" {
    #[wasm_bindgen(js_name = isOffered)]
    async fn is_offered() -> JsValue;

    #[wasm_bindgen(catch)]
    async fn make(salt: Uint8Array, known: Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn ask(ids: Array, salts: Array) -> Result<JsValue, JsValue>;
}

/// What a passkey answered, on its way to the wallet.
pub struct Answered {
    pub credential_id: Bytes,
    pub output: ArrayBuffer,
}

/// Tells whether this browser can ask passkeys on this page.
pub fn offered(on_known: impl FnOnce(bool) + 'static) {
    leptos::task::spawn_local(async move { on_known(is_offered().await.is_truthy()) });
}

/// Makes a passkey and asks it with `salt`. The error is for the reader.
pub fn add(salt: &Bytes, known: &[PasskeyView], on_done: impl FnOnce(Result<Answered, String>) + 'static) {
    let (salt, known) = (bytes(salt), known.iter().map(|passkey| bytes(&passkey.credential_id)).collect());
    leptos::task::spawn_local(async move { on_done(taken(make(salt, known).await)) });
}

/// Asks one of the passkeys. The error is for the reader.
pub fn open(known: &[PasskeyView], on_done: impl FnOnce(Result<Answered, String>) + 'static) {
    let ids = known.iter().map(|passkey| bytes(&passkey.credential_id)).collect();
    let salts = known.iter().map(|passkey| bytes(&passkey.salt)).collect();
    leptos::task::spawn_local(async move { on_done(taken(ask(ids, salts).await)) });
}

fn bytes(bytes: &Bytes) -> Uint8Array {
    Uint8Array::from(&bytes[..])
}

fn taken(asked: Result<JsValue, JsValue>) -> Result<Answered, String> {
    let asked: Asked = asked.map_err(|error| why(&error))?.unchecked_into();
    Ok(Answered { credential_id: asked.id().to_vec().into(), output: asked.output() })
}

/// The browser's reasons by the names that WebAuthn gives them.
fn why(error: &JsValue) -> String {
    let error: &js_sys::Error = error.unchecked_ref();
    match String::from(error.name()).as_str() {
        "NotAllowedError" | "AbortError" => words::PASSKEY_NONE.to_owned(),
        "InvalidStateError" => words::PASSKEY_KNOWN.to_owned(),
        "WithoutPrf" | "NotSupportedError" | "ConstraintError" => words::PASSKEY_WITHOUT_PRF.to_owned(),
        name => words::passkey_failed(name),
    }
}
