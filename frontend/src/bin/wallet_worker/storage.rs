//! Where the sealed wallet is stored: the browser's IndexedDB.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbRequest, IdbTransactionMode};

use super::scope;

const DATABASE: &str = "aitbc-wallet";
const STORE: &str = "sealed";
const KEY: &str = "first";

pub(crate) async fn read() -> Result<Option<String>, JsValue> {
    let store = store(IdbTransactionMode::Readonly).await?;
    let value = finished(&store.get(&KEY.into())?).await?;
    Ok(value.as_string())
}

/// Fails where something is stored, also where another tab stored it a moment ago.
pub(crate) async fn add(text: &str) -> Result<(), JsValue> {
    let store = store(IdbTransactionMode::Readwrite).await?;
    finished(&store.add_with_key(&text.into(), &KEY.into())?).await.map(|_| ())
}

/// Removes exactly `text`. What another tab stored in its place meanwhile stays.
pub(crate) async fn remove(text: &str) -> Result<(), JsValue> {
    let store = store(IdbTransactionMode::Readwrite).await?;
    if finished(&store.get(&KEY.into())?).await?.as_string().as_deref() == Some(text) {
        finished(&store.delete(&KEY.into())?).await?;
    }
    Ok(())
}

async fn store(mode: IdbTransactionMode) -> Result<IdbObjectStore, JsValue> {
    let factory = scope().indexed_db()?.ok_or_else(|| JsValue::from_str("this browser has no IndexedDB"))?;
    let request = factory.open_with_u32(DATABASE, 1)?;
    let opened = request.clone();
    let on_upgrade = Closure::once(move || {
        if let Ok(database) = opened.result().map(JsCast::unchecked_into::<IdbDatabase>) {
            // The store is missing only in a new database; creating it twice cannot happen.
            let _ = database.create_object_store(STORE);
        }
    });
    request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
    let database: IdbDatabase = finished(&request).await?.unchecked_into();
    database.transaction_with_str_and_mode(STORE, mode)?.object_store(STORE)
}

/// Waits for a request's result.
async fn finished(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let promise = Promise::new(&mut |resolve, reject| {
        let done = request.clone();
        let on_success = Closure::once_into_js(move || {
            let _ = resolve.call1(&JsValue::NULL, &done.result().unwrap_or(JsValue::UNDEFINED));
        });
        let failed = request.clone();
        let on_error = Closure::once_into_js(move || {
            let error = failed.error().ok().flatten().map_or(JsValue::UNDEFINED, JsValue::from);
            let _ = reject.call1(&JsValue::NULL, &error);
        });
        request.set_onsuccess(Some(on_success.unchecked_ref()));
        request.set_onerror(Some(on_error.unchecked_ref()));
    });
    JsFuture::from(promise).await
}
