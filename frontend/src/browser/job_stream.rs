//! The live events of one job, by SSE. The browser itself reconnects and resumes by `Last-Event-ID`.

use shared::api::jobs::JobEventView;
use shared::id::JobId;
use wasm_bindgen::prelude::*;
use web_sys::{EventSource, MessageEvent};

/// Names of the events, as the tag of [`JobEventView`] spells them.
const EVENTS: [&str; 5] = ["state", "queue", "progress", "preview", "minted"];

/// An open stream; it closes when dropped.
pub struct JobStream {
    source: EventSource,
    _on_event: Closure<dyn FnMut(MessageEvent)>,
}

impl JobStream {
    /// Calls `take` with every event, until dropped.
    pub fn open(id: JobId, mut take: impl FnMut(JobEventView) + 'static) -> Option<Self> {
        let source = EventSource::new(&format!("/v1/jobs/{id}/events")).ok()?;
        let on_event = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let Some(text) = event.data().as_string() else { return };
            if let Ok(event) = serde_json::from_str(&text) {
                take(event);
            }
        });
        for name in EVENTS {
            source.add_event_listener_with_callback(name, on_event.as_ref().unchecked_ref()).ok()?;
        }
        Some(Self { source, _on_event: on_event })
    }
}

impl Drop for JobStream {
    fn drop(&mut self) {
        self.source.close();
    }
}
