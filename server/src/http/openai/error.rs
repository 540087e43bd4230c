//! Errors in OpenAI's form.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::error::{ApiError, LoggedError};

/// Turns a problem document into OpenAI's error; other answers pass.
pub async fn in_their_form(response: Response) -> Response {
    let Some(LoggedError(error)) = response.extensions().get::<LoggedError>().cloned() else { return response };
    let (status, body) = (status(error.as_ref()), body(error.as_ref()));
    let (mut head, _) = response.into_parts();
    head.headers.remove("content-type");
    head.headers.remove("content-length");
    let mut response = axum::Json(body).into_response();
    *response.status_mut() = status;
    head.headers.extend(response.headers_mut().drain().filter_map(|(name, value)| Some((name?, value))));
    *response.headers_mut() = head.headers;
    response.extensions_mut().insert(LoggedError(error));
    response
}

/// The error as their clients read it.
pub(super) fn body(error: &ApiError) -> Value {
    let problem = error.problem();
    let parameter = problem.errors.first().map(|first| first.field.trim_start_matches("input.").to_owned());
    let code = problem.kind.rsplit('/').next().unwrap_or_default().replace('-', "_");
    let detail = problem.detail.replace("`input.", "`");
    json!({"error": {"message": detail, "type": sort(status(error)), "param": parameter, "code": code}})
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
