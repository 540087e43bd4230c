//! Error answers of the wallet daemon, each as RFC 9457 `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use custody::attempts::Blocked;
use custody::audit_log::AuditLogError;
use custody::refusal::Refusal;
use custody::second_factor::Refused;
use shared::api::problem::{MEDIA_TYPE, Problem};

#[derive(Debug, thiserror::Error)]
pub(super) enum DaemonError {
    #[error("send the token of the daemon as `Authorization: Bearer TOKEN`; its file is named where the daemon starts")]
    Token,
    #[error("{0}")]
    Browser(&'static str),
    #[error("{0}")]
    Form(String),
    #[error("the body has up to {0} bytes")]
    TooLarge(usize),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    #[error("the wallet {0} is locked: unlock it first")]
    Locked(String),
    #[error("the password does not open this wallet")]
    Password,
    #[error("{0}")]
    Refused(Refusal),
    #[error("{0}; send it with `code`")]
    CodeNeeded(Refusal),
    #[error("{0}, and this wallet has no second factor")]
    NoSecondFactor(Refusal),
    #[error(transparent)]
    Code(#[from] Refused),
    #[error(transparent)]
    Blocked(#[from] Blocked),
    #[error("{0}")]
    Busy(&'static str),
    #[error("the node: {0}")]
    Node(String),
    #[error("the audit log cannot be written, so nothing is signed any more: {0}")]
    Log(String),
    #[error("{0}")]
    Internal(String),
}

impl DaemonError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Browser(_) | Self::Password | Self::Code(_) => StatusCode::FORBIDDEN,
            Self::Form(_) | Self::Refused(_) | Self::NoSecondFactor(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::CodeNeeded(_) => StatusCode::PRECONDITION_REQUIRED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Locked(_) => StatusCode::LOCKED,
            Self::Blocked(_) | Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Node(_) => StatusCode::BAD_GATEWAY,
            Self::Log(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The last part of the problem's type, and its title.
    const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("unauthorized", "The token is not accepted"),
            Self::Browser(_) => ("forbidden", "Not for browsers and other hosts"),
            Self::Form(_) => ("invalid-request", "The request does not have the expected form"),
            Self::TooLarge(_) => ("body-too-large", "The body is too large"),
            Self::NotFound(_) => ("not-found", "Not found"),
            Self::Conflict(_) => ("conflict", "The state does not allow it"),
            Self::Locked(_) => ("locked", "The wallet is locked"),
            Self::Password => ("wrong-password", "The password is wrong"),
            Self::Refused(_) | Self::NoSecondFactor(_) => ("refused", "It is not signed"),
            Self::CodeNeeded(_) => ("code-needed", "A code of the second factor is needed"),
            Self::Code(_) => ("wrong-code", "The code does not count"),
            Self::Blocked(_) => ("blocked", "Too many were wrong"),
            Self::Busy(_) => ("too-many-requests", "Too much is asked for at once"),
            Self::Node(_) => ("node", "The node does not answer as it should"),
            Self::Log(_) => ("log", "The audit log cannot be written"),
            Self::Internal(_) => ("internal", "The daemon failed"),
        }
    }

    fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Blocked(blocked) => Some(blocked.wait_ms.div_ceil(1_000)),
            Self::Busy(_) => Some(1),
            Self::Node(_) => Some(5),
            _ => None,
        }
    }
}

impl IntoResponse for DaemonError {
    fn into_response(self) -> Response {
        let (kind, title) = self.kind();
        let problem = Problem {
            kind: format!("/problems/{kind}"),
            title: title.to_owned(),
            status: self.status().as_u16(),
            detail: self.to_string(),
            errors: Vec::new(),
            unservable: None,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (self.status(), [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Token = self {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<AuditLogError> for DaemonError {
    fn from(error: AuditLogError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<Refusal> for DaemonError {
    fn from(refusal: Refusal) -> Self {
        if refusal.needs_code() { Self::CodeNeeded(refusal) } else { Self::Refused(refusal) }
    }
}
