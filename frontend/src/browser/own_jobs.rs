//! The jobs of this browser, newest first, in its local storage. The server shows them when it is given their ids.

use shared::id::JobId;
use wasm_bindgen::prelude::*;

use super::{fragments, window};
use crate::gallery::{GALLERY, REMEMBERED_MAX};

const KEY: &str = "aitbc.jobs";

pub fn list() -> Vec<JobId> {
    let Ok(Some(storage)) = window().local_storage() else { return Vec::new() };
    let text = storage.get_item(KEY).ok().flatten().unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

pub fn remember(id: JobId) {
    let mut jobs = list();
    jobs.retain(|known| *known != id);
    jobs.insert(0, id);
    jobs.truncate(REMEMBERED_MAX);
    let (Ok(Some(storage)), Ok(text)) = (window().local_storage(), serde_json::to_string(&jobs)) else { return };
    // If storage is full or forbidden, only the list is lost, not the job.
    let _ = storage.set_item(KEY, &text);
}

pub fn forget_all() {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(KEY);
    }
}

/// Fetches the `part` of the page that shows them, in the order that the address names.
pub async fn show(part: &str) -> Result<(), JsValue> {
    let ids: Vec<String> = list().iter().map(ToString::to_string).collect();
    // A list without jobs is named as well: an empty name would not tell it from no list.
    let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(",") };
    let asked = window().location().search()?;
    // If a name occurs twice, the last value counts.
    let path = format!("/jobs?{}&ids={ids}", asked.trim_start_matches('?'));
    fragments::load(&path, &[part]).await
}

/// As [`show`], in the order that the embedding job `id` gives; the address names it from now on.
pub async fn show_like(id: JobId) -> Result<(), JsValue> {
    let path = format!("/jobs?like={id}");
    window().history()?.replace_state_with_url(&JsValue::NULL, "", Some(&path))?;
    show(GALLERY).await
}
