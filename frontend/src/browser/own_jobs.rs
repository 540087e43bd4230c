//! The jobs that this browser asked for, newest first, in its local storage.

use shared::id::JobId;

use super::window;
use crate::islands::own_jobs::REMEMBERED;

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
    jobs.truncate(REMEMBERED);
    let (Ok(Some(storage)), Ok(text)) = (window().local_storage(), serde_json::to_string(&jobs)) else { return };
    // A full or forbidden storage costs only the list, never the job.
    let _ = storage.set_item(KEY, &text);
}

pub fn forget_all() {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(KEY);
    }
}
