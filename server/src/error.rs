//! Errors of the HTTP face, each as RFC 9457 `application/problem+json`.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use custody::second_factor::Refused;
use custody::totp::CodeError;
use shared::api::problem::{MEDIA_TYPE, Problem};
use shared::api::unservable::Unservable;
use shared::field_error::FieldError;
use shared::job::lifecycle::{Blame, JobState};
use store::record::{JobRecord, Whose};
use store::{Refusal, StoreError};

use crate::config::BodyPace;
use crate::exchange::ExchangeError;
use crate::hub::{HubError, IntakeError};
use crate::session_cookie;

/// Fields that one answer names; a client that errs in more mends these first.
pub const ERRORS_MAX: usize = 100;

/// All error answers of the API.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the body cannot be read as JSON: {0}")]
    MalformedJson(String),
    #[error("the request does not have the expected form")]
    Invalid(Vec<FieldError>),
    #[error("some values are out of their bounds")]
    OutOfBounds(Vec<FieldError>),
    #[error("send `Content-Type: application/json`, got {0}")]
    ContentType(String),
    #[error(
        "the body came too slowly: it has {} ms, and a second more for every {} bytes that came",
        .0.grace.as_millis(), .0.bytes_per_second
    )]
    BodyTooSlow(BodyPace),
    #[error("the body is up to {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("{0}")]
    NotFound(String),
    #[error("this path speaks WebSocket only: {0}")]
    UpgradeRequired(String),
    #[error("{path} does not take {method}")]
    MethodNotAllowed { method: String, path: String },
    #[error("{0}")]
    Unauthorized(&'static str),
    #[error("sign in with a wallet first (`POST /v1/sessions`); an API key does not do here")]
    NotSignedIn,
    #[error("a code of the second factor is missing, so nothing was done: give it first (`POST /v1/sessions/code`)")]
    CodeNeeded,
    #[error("{0}")]
    WrongCode(Refused),
    #[error("the session is over, so nothing was done: sign in again")]
    SessionOver {
        /// How its cookie is named.
        secure: bool,
    },
    #[error("{0}")]
    Forbidden(String),
    /// A rule of the place where somebody is forbids it.
    #[error("{0}")]
    NotServed(String),
    #[error("{0}")]
    Conflict(String),
    #[error("the Idempotency-Key `{0}` was used with another body; use a new key for a new request")]
    IdempotencyConflict(String),
    #[error("the result is not ready: the job is {0}")]
    TooEarly(shared::job::lifecycle::JobState),
    #[error("{detail}; try again in {retry_after_seconds} s")]
    TooManyRequests { detail: String, retry_after_seconds: u64 },
    #[error("{0}")]
    Refuted(String),
    /// The job failed because its miners refuse its input, in their words. The same request would fail again.
    #[error("{0}")]
    InputRefused(String),
    /// No connected miner passes the job's filters.
    #[error("{0}")]
    CannotBeServed(Box<Unservable>),
    #[error("the disk of the server is full, or nearly so; nothing was stored, try again later")]
    DiskFull,
    #[error("this server keeps the file no longer; its SHA-256 stays in the job, and the receipt of the work stays")]
    Gone,
    /// Turned away for want of room, which is the reason of who asks for much and no failure of the server.
    #[error("{0}")]
    Busy(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("the server failed; the request id names the failure in its log")]
    Internal(String),
}

impl ApiError {
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::MalformedJson(_) => StatusCode::BAD_REQUEST,
            Self::Invalid(_)
            | Self::OutOfBounds(_)
            | Self::Refuted(_)
            | Self::InputRefused(_)
            | Self::CannotBeServed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::UpgradeRequired(_) => StatusCode::UPGRADE_REQUIRED,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized(_) | Self::NotSignedIn | Self::CodeNeeded | Self::SessionOver { .. } => {
                StatusCode::UNAUTHORIZED
            }
            Self::Forbidden(_) | Self::WrongCode(_) => StatusCode::FORBIDDEN,
            Self::NotServed(_) => StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            Self::Conflict(_) | Self::IdempotencyConflict(_) => StatusCode::CONFLICT,
            Self::TooEarly(_) => StatusCode::TOO_EARLY,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Gone => StatusCode::GONE,
            Self::Busy(_) | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The last part of the problem's type, and its title.
    const fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::MalformedJson(_) => ("malformed-json", "The body cannot be read as JSON"),
            Self::Invalid(_) => ("invalid-request", "The request does not have the expected form"),
            Self::OutOfBounds(_) => ("out-of-bounds", "A value is out of its bounds"),
            Self::ContentType(_) => ("unsupported-media-type", "Wrong content type"),
            Self::BodyTooSlow(_) => ("body-too-slow", "The body came too slowly"),
            Self::BodyTooLarge { .. } => ("body-too-large", "The body is too large"),
            Self::NotFound(_) => ("not-found", "Not found"),
            Self::UpgradeRequired(_) => ("upgrade-required", "A WebSocket is required"),
            Self::MethodNotAllowed { .. } => ("method-not-allowed", "Method not allowed"),
            Self::Unauthorized(_) => ("unauthorized", "The API key is not accepted"),
            Self::NotSignedIn => ("not-signed-in", "Nobody is signed in"),
            Self::CodeNeeded => ("code-needed", "A code of the second factor is needed"),
            Self::WrongCode(_) => ("wrong-code", "The code does not count"),
            Self::SessionOver { .. } => ("session-over", "The session is over"),
            Self::Forbidden(_) => ("forbidden", "Not allowed"),
            Self::NotServed(_) => ("not-served", "The operator's policy does not allow it"),
            Self::Conflict(_) => ("conflict", "The state does not allow it"),
            Self::IdempotencyConflict(_) => ("idempotency-conflict", "The idempotency key belongs to another request"),
            Self::TooEarly(_) => ("too-early", "Not ready yet"),
            Self::TooManyRequests { .. } => ("too-many-requests", "Too many requests"),
            Self::Refuted(_) => ("result-refuted", "The result does not hold"),
            Self::InputRefused(_) => ("input-refused", "The model does not take the input"),
            Self::CannotBeServed(_) => ("cannot-be-served", "No connected miner can serve the job"),
            Self::DiskFull => ("disk-full", "The disk is full"),
            Self::Gone => ("gone", "Kept no longer"),
            Self::Busy(_) => ("busy", "Too much is asked for at once"),
            Self::Unavailable(_) => ("unavailable", "Not available now"),
            Self::Internal(_) => ("internal", "The server failed"),
        }
    }

    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Self {
        Self::NotFound(format!("there is no {what} {name}"))
    }

    pub fn problem(&self) -> Problem {
        let (kind, title) = self.kind();
        let mut errors = match self {
            Self::Invalid(errors) | Self::OutOfBounds(errors) => errors.clone(),
            Self::InputRefused(reason) => refused_field(reason).into_iter().collect(),
            _ => vec![],
        };
        let detail = match errors.as_slice() {
            [] => self.to_string(),
            [only] => only.detail.clone(),
            [first, ..] => format!("{}, and {} more", first.detail, errors.len() - 1),
        };
        errors.truncate(ERRORS_MAX);
        Problem {
            kind: format!("/problems/{kind}"),
            title: title.to_owned(),
            status: self.status().as_u16(),
            detail,
            errors,
            unservable: match self {
                Self::CannotBeServed(why) => Some(why.clone()),
                _ => None,
            },
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after_seconds, .. } => Some(*retry_after_seconds),
            Self::Busy(_) | Self::Unavailable(_) | Self::DiskFull => Some(5),
            _ => None,
        }
    }
}

/// When to ask again, where too many tasks are open from one network address.
const OPEN_TASKS_WAIT_SECONDS: u64 = 60;

/// When to ask again, where too many second factors were set up from one network address.
const SECOND_FACTOR_WAIT_SECONDS: u64 = 3_600;

/// The field that a miner's reason names first: `input.prompt is 1 to 255 tokens for this model, got 900`.
fn refused_field(reason: &str) -> Option<FieldError> {
    let field = reason.split(' ').next().filter(|word| word.starts_with("input."))?;
    Some(FieldError::new(field, reason))
}

/// Why a job that is over gave no result. What its miners put on its input is a fault of the request; anything else may
/// go better another time.
pub fn no_result(record: &JobRecord) -> ApiError {
    let refusal = record.faults().filter(|fault| fault.blame == Blame::Input).last();
    let reason = record.faults().last().map_or(String::new(), |fault| format!(": {}", fault.reason));
    match (record.state, refusal) {
        (JobState::Failed, Some(refusal)) => ApiError::InputRefused(refusal.reason.clone()),
        (JobState::Expired, _) => ApiError::Unavailable("no miner served the job in time".to_owned()),
        (state, _) => ApiError::Unavailable(format!("the job is {state}{reason}")),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = (self.status(), [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Unauthorized(_) = self {
            let challenge = HeaderValue::from_static("ApiKey header=\"X-Api-Key\"");
            response.headers_mut().insert(HeaderName::from_static("www-authenticate"), challenge);
        }
        if let Self::SessionOver { secure } = self {
            session_cookie::clear(response.headers_mut(), secure);
        }
        // The middleware that logs answers reads the reason here; clients never see it.
        response.extensions_mut().insert(LoggedError(std::sync::Arc::new(self)));
        response
    }
}

/// The error behind an answer, for the log.
#[derive(Debug, Clone)]
pub struct LoggedError(pub std::sync::Arc<ApiError>);

impl LoggedError {
    /// The part of the error that only the log may show.
    pub fn reason(&self) -> String {
        match self.0.as_ref() {
            ApiError::Internal(reason) => reason.clone(),
            error => error.to_string(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::DiskFull,
            StoreError::Refused(refusal @ (Refusal::DailyJobs { whose, .. } | Refusal::DailyMint { whose, .. })) => {
                let advice = match whose {
                    Whose::Key => "a smaller job, or a lower constraints.max_price, may fit",
                    Whose::Visitor | Whose::Visitors => {
                        "an API key of the operator has its own limits, and a paid job none"
                    }
                    Whose::Wallet => "a paid job has no such limit",
                };
                let retry_after_seconds = crate::clock::seconds_until_midnight();
                Self::TooManyRequests { detail: format!("{refusal}; {advice}"), retry_after_seconds }
            }
            StoreError::Refused(
                refusal @ (Refusal::TooManySecondFactorsOfNetwork { .. }
                | Refusal::TooManySecondFactorsOfSite { .. }
                | Refusal::TooManySecondFactorsLately { .. }),
            ) => Self::TooManyRequests { detail: refusal.to_string(), retry_after_seconds: SECOND_FACTOR_WAIT_SECONDS },
            StoreError::Refused(refusal @ (Refusal::Review(_) | Refusal::ReviewOfVisitorsJob)) => {
                Self::Forbidden(refusal.to_string())
            }
            StoreError::Refused(
                refusal @ (Refusal::TooManyTasksOfNetwork { .. } | Refusal::TooManyTasksOfSite { .. }),
            ) => Self::TooManyRequests { detail: refusal.to_string(), retry_after_seconds: OPEN_TASKS_WAIT_SECONDS },
            StoreError::Refused(Refusal::CodeUsed) => Self::WrongCode(CodeError::Used.into()),
            StoreError::Refused(
                Refusal::TooManyKeysInTotal { .. }
                | Refusal::TooManyBidsInTotal { .. }
                | Refusal::TooManyFreeBids { .. }
                | Refusal::TooManySecondFactors { .. }
                | Refusal::TooManyWebhooksInTotal { .. },
            ) => Self::Unavailable(error.to_string()),
            StoreError::Refused(
                Refusal::TaskEnded
                | Refusal::KeyOfWallet
                | Refusal::MinerPaused
                | Refusal::MinerNotPaused
                | Refusal::TooManyPaused { .. }
                | Refusal::ReceiptsTaken { .. }
                | Refusal::NonceUsed
                | Refusal::TooManyKeys { .. }
                | Refusal::TooManyWebhooks { .. }
                | Refusal::TooManyWebhooksOfNetwork { .. }
                | Refusal::TooManyWebhooksOfSite { .. }
                | Refusal::TooManyBids { .. }
                | Refusal::TooManyBidsOfNetwork { .. }
                | Refusal::TooManyBidsOfSite { .. }
                | Refusal::BidOver { .. }
                | Refusal::ReceiptOfAnotherHub
                | Refusal::ReviewFinal
                | Refusal::ReviewChangedOften { .. }
                | Refusal::ReviewHidden
                | Refusal::ReviewShown
                | Refusal::ReviewWithoutText
                | Refusal::SecondFactorOn
                | Refusal::NoSecondFactorBegun
                | Refusal::NoCodeAwaited,
            ) => Self::Conflict(error.to_string()),
            StoreError::Duplicate(what) => Self::Conflict(format!("{what} exists already")),
            error if error.is_retryable() => Self::Unavailable("the database does not answer".to_owned()),
            error => Self::Internal(error.to_string()),
        }
    }
}

impl From<node::NodeError> for ApiError {
    fn from(error: node::NodeError) -> Self {
        if error.is_retryable() { Self::Unavailable(error.to_string()) } else { Self::Internal(error.to_string()) }
    }
}

impl From<ExchangeError> for ApiError {
    fn from(error: ExchangeError) -> Self {
        let text = error.to_string();
        match &error {
            ExchangeError::Absent
            | ExchangeError::UnknownMarket(_)
            | ExchangeError::UnknownOrder(_)
            | ExchangeError::UnknownNonce(_) => Self::NotFound(text),
            ExchangeError::Busy => Self::Busy(text),
            ExchangeError::Fault(_)
            | ExchangeError::Stopping
            | ExchangeError::Paused
            | ExchangeError::ChainNotAsked(_)
            | ExchangeError::Behind { .. } => Self::Unavailable(text),
            ExchangeError::Signature(_) | ExchangeError::OrderOfAnother(_) => Self::Forbidden(text),
            ExchangeError::NotServed { .. } => Self::NotServed(text),
            ExchangeError::MarketClosed(_)
            | ExchangeError::NoAccount(_)
            | ExchangeError::Leaving
            | ExchangeError::Nonce { .. }
            | ExchangeError::TooManyOrders
            | ExchangeError::TooManyWithdrawals => Self::Conflict(text),
            _ => Self::OutOfBounds(vec![FieldError::new(error.field().unwrap_or("signed"), text)]),
        }
    }
}

impl From<HubError> for ApiError {
    fn from(error: HubError) -> Self {
        use hub::board::BoardError;
        match error {
            HubError::Stopping | HubError::Board(BoardError::QueueFull | BoardError::TooManyMiners) => {
                Self::Unavailable(error.to_string())
            }
            HubError::Board(error) => Self::Conflict(error.to_string()),
        }
    }
}

impl From<IntakeError> for ApiError {
    fn from(error: IntakeError) -> Self {
        let text = error.to_string();
        match error {
            IntakeError::UnknownLease(_) => Self::NotFound(text),
            IntakeError::LeaseEnded(_) | IntakeError::OtherReceipt { .. } => Self::Conflict(text),
            // The check ends soon: the same result, sent again, gets the first answer.
            IntakeError::Board(hub::board::BoardError::BeingVerified(_)) => Self::Unavailable(text),
            IntakeError::Board(_) => Self::Conflict(text),
            IntakeError::Forged(_) => Self::Forbidden(text),
            IntakeError::Base64 { .. } | IntakeError::Terms(_) | IntakeError::Refuted(_) | IntakeError::Price(_) => {
                Self::Refuted(text)
            }
            IntakeError::Store(error) => error.into(),
            IntakeError::BeingStored(_)
            | IntakeError::EarlierBeingStored(_)
            | IntakeError::NotConnected(_)
            | IntakeError::Stopping => Self::Unavailable(text),
            IntakeError::Attest(_) | IntakeError::Panicked => Self::Internal(text),
        }
    }
}
