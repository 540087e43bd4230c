//! Errors in OpenAI's form, on all paths that are OpenAI's.

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::job::token::is_of_context;

use crate::error::{ApiError, LoggedError};

/// The first segments below `/v1` of OpenAI's paths, served here or not: its clients read errors in one form alone. The
/// hub's own paths have other names.
const THEIR_SEGMENTS: [&str; 22] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "completions",
    "containers",
    "conversations",
    "edits",
    "embeddings",
    "engines",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "models",
    "moderations",
    "organization",
    "realtime",
    "responses",
    "threads",
    "uploads",
    "vector_stores",
];

/// Their code for a prompt that has more tokens than the model reads; clients shorten it then.
const CONTEXT_EXCEEDED: &str = "context_length_exceeded";

/// The body of an error as their clients read it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OpenAiError {
    error: ErrorBody,
}

#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
struct ErrorBody {
    message: String,
    #[serde(rename = "type")]
    sort: &'static str,
    param: Option<String>,
    code: String,
}

/// Turns the problem documents of OpenAI's paths into their errors; other answers pass.
pub async fn in_their_form(request: Request, next: Next) -> Response {
    let is_theirs = is_theirs(request.uri().path());
    let response = next.run(request).await;
    if is_theirs { reformed(response) } else { response }
}

pub(crate) fn is_theirs(path: &str) -> bool {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let segment = path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next());
    segment.is_some_and(|segment| THEIR_SEGMENTS.contains(&segment))
}

fn reformed(response: Response) -> Response {
    let Some(LoggedError(error)) = response.extensions().get::<LoggedError>().cloned() else { return response };
    let (status, body) = (status(error.as_ref()), body(error.as_ref()));
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_TYPE);
    head.headers.remove(header::CONTENT_LENGTH);
    let mut response = axum::Json(body).into_response();
    *response.status_mut() = status;
    head.headers.extend(response.headers_mut().drain().filter_map(|(name, value)| Some((name?, value))));
    *response.headers_mut() = head.headers;
    response.extensions_mut().insert(LoggedError(error));
    response
}

/// The error as their clients read it.
pub(super) fn body(error: &ApiError) -> OpenAiError {
    let problem = error.problem();
    let parameter = problem.errors.first().map(|first| first.field.trim_start_matches("input.").to_owned());
    let code = match error {
        ApiError::InputRefused(reason) if is_of_context(reason) => CONTEXT_EXCEEDED.to_owned(),
        _ => problem.kind.rsplit('/').next().unwrap_or_default().replace('-', "_"),
    };
    let detail = problem.detail.replace("`input.", "`");
    let detail = detail.strip_prefix("input.").unwrap_or(&detail);
    let message = detail.to_owned();
    OpenAiError { error: ErrorBody { message, sort: sort(status(error)), param: parameter, code } }
}

/// Their clients know 400 for what is wrong with a request.
const fn status(error: &ApiError) -> StatusCode {
    match error.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    }
}

fn sort(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_told_apart_by_their_first_segment() {
        for path in ["/v1/chat/completions", "/v1/completions", "/api/v1/models/a/b", "/v1/responses", "/v1/chat"] {
            assert!(is_theirs(path), "{path}");
        }
        for path in ["/v1/jobs", "/v1/jobs/chat", "/v1/", "/v1", "/chat", "/v1/chatter", "/jobs/v1/chat", "/"] {
            assert!(!is_theirs(path), "{path}");
        }
    }

    #[test]
    fn a_refused_input_is_a_fault_of_the_request_and_names_its_parameter() {
        let error = ApiError::InputRefused("input.messages is 1 to 95 tokens for this model, got 900".to_owned());
        assert_eq!(status(&error), StatusCode::BAD_REQUEST);
        let body = serde_json::to_value(body(&error)).unwrap();
        assert_eq!(body["error"]["message"], "messages is 1 to 95 tokens for this model, got 900");
        assert_eq!((&body["error"]["param"], &body["error"]["code"]), (&json!("messages"), &json!(CONTEXT_EXCEEDED)));
        assert_eq!(body["error"]["type"], "invalid_request_error");
        let other = super::body(&ApiError::InputRefused("input.prompt is odd".to_owned()));
        let other = serde_json::to_value(other).unwrap();
        assert_eq!(other["error"]["code"], "input_refused");
    }
}
