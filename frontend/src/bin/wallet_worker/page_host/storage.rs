//! Where the sealed wallets are stored: the browser's IndexedDB.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbOpenDbRequest, IdbRequest, IdbTransaction, IdbTransactionMode};

use super::scope;

const DATABASE: &str = "aitbc-wallet";
const STORE: &str = "sealed";
const KEY: &str = "vault";

pub(crate) async fn read() -> Result<Option<String>, JsValue> {
    let database = open().await?;
    let transaction = database.transaction_with_str_and_mode(STORE, IdbTransactionMode::Readonly)?;
    let value = finished(&transaction.object_store(STORE)?.get(&KEY.into())?).await;
    database.close();
    Ok(value?.as_string())
}

/// Stores `new` if what is stored is still `old`, and says whether it is stored. Absent means that nothing is. Another
/// tab's change either comes before both steps or after them.
pub(crate) async fn swap(old: Option<&str>, new: Option<&str>) -> Result<bool, JsValue> {
    let database = open().await?;
    let swapped = swap_in(&database, old, new).await;
    database.close();
    swapped
}

async fn swap_in(database: &IdbDatabase, old: Option<&str>, new: Option<&str>) -> Result<bool, JsValue> {
    let transaction = database.transaction_with_str_and_mode(STORE, IdbTransactionMode::Readwrite)?;
    let store = transaction.object_store(STORE)?;
    let written = completed(&transaction);
    if finished(&store.get(&KEY.into())?).await?.as_string().as_deref() != old {
        return Ok(false);
    }
    let request = match new {
        Some(new) => store.put_with_key(&new.into(), &KEY.into())?,
        None => store.delete(&KEY.into())?,
    };
    finished(&request).await?;
    // A full disk shows only here.
    JsFuture::from(written).await?;
    Ok(true)
}

async fn open() -> Result<IdbDatabase, JsValue> {
    let factory = scope().indexed_db()?.ok_or_else(|| JsValue::from_str("this browser has no IndexedDB"))?;
    let request: IdbOpenDbRequest = factory.open_with_u32(DATABASE, 1)?;
    let opened = request.clone();
    let on_upgrade = Closure::once(move || {
        if let Ok(database) = opened.result().map(JsCast::unchecked_into::<IdbDatabase>) {
            // The store is missing only in a new database; creating it twice cannot happen.
            let _ = database.create_object_store(STORE);
        }
    });
    request.set_onupgradeneeded(Some(on_upgrade.as_ref().unchecked_ref()));
    Ok(finished(&request).await?.unchecked_into())
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

/// Settles when everything of the transaction is on disk, or none of it.
fn completed(transaction: &IdbTransaction) -> Promise {
    Promise::new(&mut |resolve, reject| {
        let on_complete = Closure::once_into_js(move || {
            let _ = resolve.call0(&JsValue::NULL);
        });
        let failed = transaction.clone();
        let on_abort = Closure::once_into_js(move || {
            let error = failed.error().map_or(JsValue::UNDEFINED, JsValue::from);
            let _ = reject.call1(&JsValue::NULL, &error);
        });
        transaction.set_oncomplete(Some(on_complete.unchecked_ref()));
        transaction.set_onabort(Some(on_abort.unchecked_ref()));
    })
}
