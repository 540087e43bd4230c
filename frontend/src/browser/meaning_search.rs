//! Orders the gallery by how close its prompts are in meaning to a query. A miner measures that in an ordinary job, and
//! the server orders by its result. The form is the server's, too; this listens to it.

use leptos::prelude::*;
use shared::id::JobId;
use shared::job::JobKind;
use shared::job::lifecycle::JobState;
use shared::job::request::CreateJob;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

use super::job_stream::JobStream;
use super::tools::listen;
use super::{http, own_jobs, texts_of, value_of, window};
use crate::gallery::{SEARCH, SEARCH_FIELD, SEARCH_PHASE, SEARCH_STATUS};
use crate::live_job::{LiveEvent, LiveJob};
use crate::meaning::texts_to_measure;
use crate::text::job as words;

/// The longest wait for an order.
const TTL_SECONDS: u64 = 120;

const COMPARING: &str = "comparing";
const ORDERED: &str = "ordered";
const FAILED: &str = "failed";

/// The events of the job that measures, until it ended.
type Stream = StoredValue<Option<JobStream>, LocalStorage>;

/// Listens for searches as long as the page lives.
pub fn start() {
    let stream = Stream::new_local(None);
    listen("submit", move |event: Event| {
        let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(form) = form.filter(|form| form.id() == SEARCH) else { return };
        event.prevent_default();
        if form.get_attribute(SEARCH_PHASE).as_deref() != Some(COMPARING) {
            leptos::task::spawn_local(search(stream));
        }
    });
}

async fn search(stream: Stream) {
    let query = value_of(SEARCH_FIELD).unwrap_or_default();
    if query.trim().is_empty() {
        return tell(FAILED, words::SEARCH_BLANK);
    }
    tell(COMPARING, words::SEARCH_WAITS);
    let mut input = serde_json::Map::new();
    input.insert("input".into(), texts_to_measure(query.trim(), texts_of(".gallery-prompt")).into());
    let request = CreateJob {
        kind: JobKind::Embedding,
        model: None,
        input: input.into(),
        constraints: Default::default(),
        payment: Default::default(),
        ttl_seconds: TTL_SECONDS,
    };
    match http::post::<LiveJob>("/v1/jobs", &request).await {
        Ok(job) => stream.set_value(JobStream::open(job.id, Box::new(move |event| take(event, job.id, stream)))),
        Err(failure) if failure.errors.iter().any(|error| error.field == "model") => tell(FAILED, words::SEARCH_NOBODY),
        Err(failure) => tell(FAILED, &failure.detail),
    }
}

/// Acts on the end of the job, once.
fn take(event: LiveEvent, id: JobId, stream: Stream) {
    let LiveEvent::State(job) = event else { return };
    if !job.state.is_terminal() {
        return;
    }
    stream.set_value(None);
    if job.state != JobState::Completed {
        return tell(FAILED, words::SEARCH_MISSED);
    }
    leptos::task::spawn_local(async move {
        match own_jobs::show_like(id).await {
            // The page says why it is not.
            Ok(()) if texts_of(".gallery-order a").is_empty() => tell(FAILED, words::SEARCH_UNORDERED),
            Ok(()) => tell(ORDERED, words::SEARCH_DONE),
            Err(_) => tell(FAILED, words::SEARCH_OFFLINE),
        }
    });
}

/// Says how far the search is; the stylesheet shows the form accordingly.
fn tell(phase: &str, words: &str) {
    let Some(document) = window().document() else { return };
    let (form, status) = (document.get_element_by_id(SEARCH), document.get_element_by_id(SEARCH_STATUS));
    if let (Some(form), Some(status)) = (form, status) {
        // An attribute of an existing element can always be set.
        let _ = form.set_attribute(SEARCH_PHASE, phase);
        status.set_text_content(Some(words));
    }
}
