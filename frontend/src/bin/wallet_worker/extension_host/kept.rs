//! The unlocked state between two runs of this program, in the browser's memory: `storage.session`, which is never written
//! to a disk and which only the extension's own code may read.

use wallet::protocol::Refusal;
use wallet::session::KeptUnlock;
use wasm_bindgen::JsValue;

use crate::browser::describe;

const AREA: &str = "session";
const KEY: &str = "unlocked";

pub(crate) async fn read() -> Result<Option<KeptUnlock>, Refusal> {
    let text = super::host()?.read(AREA, KEY).await.map_err(failed)?.as_string();
    // What cannot be read unlocks nothing.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps the state, or removes what was kept.
#[expect(clippy::cast_precision_loss, reason = "times of this century are exact")]
pub(crate) async fn write(kept: Option<KeptUnlock>) -> Result<(), Refusal> {
    let host = super::host()?;
    let Some(kept) = kept else {
        return host.remove(AREA, KEY).await.map(drop).map_err(failed);
    };
    let text = serde_json::to_string(&kept).map_err(|error| Refusal::Storage { detail: error.to_string() })?;
    host.wake_at(kept.locks_at.0 as f64);
    host.write(AREA, KEY, &text).await.map(drop).map_err(failed)
}

fn failed(error: JsValue) -> Refusal {
    Refusal::Storage { detail: describe(&error) }
}
