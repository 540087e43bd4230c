use std::str::FromStr;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chain::ChainError;
use shared::api::problem::{MEDIA_TYPE, Problem};
use shared::field_error::{FieldError, in_words};

use crate::error::NodeError;

/// An error answer in the form of RFC 9457.
#[derive(Debug)]
pub(crate) struct RestError(Problem);

impl RestError {
    fn new(status: StatusCode, kind: &str, title: &str, detail: String, errors: Vec<FieldError>) -> Self {
        let kind = format!("/problems/{kind}");
        Self(Problem { kind, title: title.to_owned(), status: status.as_u16(), detail, errors, unservable: None })
    }

    pub(crate) fn not_found(what: &str, given: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", format!("no {what} {given} is known"), Vec::new())
    }

    pub(crate) fn out_of_bounds(field: &str, bound: String, given: impl ToString) -> Self {
        let error = FieldError::bound(field, bound, given.to_string());
        let detail = error.detail.clone();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "out-of-bounds", "Value out of bounds", detail, vec![error])
    }

    /// Why a block that others decided was not taken.
    pub(crate) fn of_import(error: ChainError) -> Self {
        let detail = error.to_string();
        let (status, kind, title) = match &error {
            ChainError::Orphan { .. } => (StatusCode::CONFLICT, "orphan-block", "Blocks before it are missing"),
            ChainError::Conflict { .. } | ChainError::NotOnHead { .. } => {
                (StatusCode::CONFLICT, "conflicting-block", "Another block stands there")
            }
            ChainError::InvalidCertificate { .. } | ChainError::InvalidBlock { .. } => {
                (StatusCode::BAD_REQUEST, "invalid-block", "The block does not hold")
            }
            ChainError::MalformedBlock(_) | ChainError::Transaction(_) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "malformed-block", "Malformed block")
            }
            _ => return NodeError::Chain(error).into(),
        };
        let errors = match error {
            ChainError::Orphan { number, missing } => {
                vec![FieldError::bound(
                    "block.number",
                    format!("at most {missing}, which is missing"),
                    number.to_string(),
                )]
            }
            _ => Vec::new(),
        };
        Self::new(status, kind, title, detail, errors)
    }

    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        Self::malformed(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {limit_bytes} bytes"))
    }

    fn malformed(status: StatusCode, detail: String) -> Self {
        Self::new(status, "malformed-request", "Malformed request", detail, Vec::new())
    }
}

/// Reads a path parameter, or says which form it must have.
pub(crate) fn parse<T: FromStr>(field: &str, text: &str, expected: &str) -> Result<T, RestError> {
    text.parse().map_err(|_| {
        let error = FieldError::bound(field, expected, text);
        let detail = error.detail.clone();
        RestError::new(StatusCode::BAD_REQUEST, "malformed-request", "Malformed request", detail, vec![error])
    })
}

impl From<NodeError> for RestError {
    fn from(error: NodeError) -> Self {
        let detail = error.to_string();
        if let NodeError::TooManyReads { .. } | NodeError::CallRate { .. } = error {
            return Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
                detail,
                Vec::new(),
            );
        }
        if let NodeError::Chain(ChainError::BlockUnavailable { .. } | ChainError::StateUnavailable { .. }) = error {
            return Self::new(StatusCode::GONE, "history-unavailable", "Not kept by this node", detail, Vec::new());
        }
        if error.is_retryable() {
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Try again later", detail, Vec::new());
        }
        if error.is_callers_fault() {
            return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "Refused by the chain", detail, Vec::new());
        }
        tracing::error!(%error, "request failed inside the node");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail, Vec::new())
    }
}

impl From<PathRejection> for RestError {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for RestError {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for RestError {
    fn from(rejection: JsonRejection) -> Self {
        let text = rejection.body_text();
        // Before it stands only that a body was read into a type.
        let reason = text.split_once("target type: ").map_or(text.as_str(), |(_, reason)| reason);
        Self::malformed(rejection.status(), in_words(reason))
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        (status, [content_type], Json(self.0)).into_response()
    }
}
