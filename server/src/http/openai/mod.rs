//! The calls of OpenAI's API that clients know, on the hub's own jobs: one call is one job with its receipt.
//!
//! Clients send many fields. Fields without effect here are ignored. Unsupported fields that would change the answer
//! are refused. Errors have OpenAI's form.

mod call;
pub mod chat;
pub mod completions;
pub mod embeddings;
mod error;
mod form;
pub mod images;
pub mod models;
mod stream;
mod text;
mod values;

pub(crate) use error::is_theirs;
pub use error::{OpenAiError, in_their_form};

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use self::call::CompletedJob;

/// The answer's receipt, under which anybody can check what was served.
pub const RECEIPT_HEADER: HeaderName = HeaderName::from_static("x-receipt-id");

/// The job behind an answer, known before its receipt.
pub const JOB_HEADER: HeaderName = HeaderName::from_static("x-job-id");

/// Seconds within which a call is served; clients wait ten minutes by default.
const WAIT_SECONDS: u64 = 300;

/// Characters of a name that an error repeats.
const QUOTED_MAX_CHARS: usize = 100;

/// An answer with its job and its receipt.
fn answer(served: &CompletedJob, body: impl Serialize) -> Response {
    let mut response = axum::Json(body).into_response();
    let headers = response.headers_mut();
    for (name, value) in [(RECEIPT_HEADER, served.receipt_hash.to_string()), (JOB_HEADER, served.job_id.to_string())] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// What a call cost.
#[derive(Debug, Clone, Copy, Serialize, utoipa::ToSchema)]
pub struct Usage {
    prompt_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    total_tokens: u64,
}

/// Refuses a field that is not supported.
fn refuse(given: bool, field: &str, why: &str) -> Option<shared::field_error::FieldError> {
    given.then(|| shared::field_error::FieldError::new(field, format!("`{field}` {why}")))
}
