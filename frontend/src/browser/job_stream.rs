//! The live events of one job, by SSE. The browser itself reconnects and resumes by `Last-Event-ID`.

use shared::api::jobs::MintView;
use shared::id::JobId;
use wasm_bindgen::prelude::*;
use web_sys::{EventSource, MessageEvent};

use crate::live_job::{LiveEvent, LiveJob};

/// Fields of the events. Their names are read from the stream, so that no tag has to be found first.
#[derive(serde::Deserialize)]
struct State {
    job: Box<LiveJob>,
}

#[derive(serde::Deserialize)]
struct Queue {
    position: u32,
    eta_ms: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Token {
    at: usize,
    text: String,
}

#[derive(serde::Deserialize)]
struct Preview {
    data_url: String,
}

#[derive(serde::Deserialize)]
struct Minted {
    mint: MintView,
}

/// Names of the events, as the tag of [`JobEventView`](shared::api::jobs::JobEventView) spells them.
const EVENTS: [&str; 6] = ["state", "queue", "progress", "token", "preview", "minted"];

/// The event of this name, unless its data does not fit.
fn read(name: &str, data: &str) -> serde_json::Result<Option<LiveEvent>> {
    Ok(Some(match name {
        "state" => LiveEvent::State(serde_json::from_str::<State>(data)?.job),
        "queue" => {
            let Queue { position, eta_ms } = serde_json::from_str(data)?;
            LiveEvent::Queue { position, eta_ms }
        }
        "progress" => LiveEvent::Progress(serde_json::from_str(data)?),
        "token" => {
            let Token { at, text } = serde_json::from_str(data)?;
            LiveEvent::Token { at, text }
        }
        "preview" => LiveEvent::Preview { data_url: serde_json::from_str::<Preview>(data)?.data_url },
        "minted" => LiveEvent::Minted(serde_json::from_str::<Minted>(data)?.mint),
        _ => return Ok(None),
    }))
}

/// An open stream; it closes when dropped.
pub struct JobStream {
    source: EventSource,
    _on_event: Closure<dyn FnMut(MessageEvent)>,
}

impl JobStream {
    /// Calls `take` with every event, until dropped.
    pub fn open(id: JobId, mut take: Box<dyn FnMut(LiveEvent)>) -> Option<Self> {
        let source = EventSource::new(&format!("/v1/jobs/{id}/events")).ok()?;
        let on_event = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data().as_string().unwrap_or_default();
            if let Ok(Some(event)) = read(&event.type_(), &data) {
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
