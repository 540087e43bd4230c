//! Where the sealed wallets are stored: the extension's own storage on this disk, which no page reads.

use wasm_bindgen::JsValue;

const AREA: &str = "local";
const KEY: &str = "vault";

pub(crate) async fn read() -> Result<Option<String>, JsValue> {
    Ok(host()?.read(AREA, KEY).await?.as_string())
}

/// Stores `new` if what is stored is still `old`, and says whether it is stored. Absent means that nothing is. This program
/// runs once and makes its changes one after the other, so nothing comes between both steps.
pub(crate) async fn swap(old: Option<&str>, new: Option<&str>) -> Result<bool, JsValue> {
    if read().await?.as_deref() != old {
        return Ok(false);
    }
    match new {
        Some(new) => host()?.write(AREA, KEY, new).await?,
        None => host()?.remove(AREA, KEY).await?,
    };
    Ok(true)
}

fn host() -> Result<super::Host, JsValue> {
    super::host().map_err(|_| JsValue::from_str("the extension is starting"))
}
