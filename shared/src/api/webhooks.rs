//! Webhooks: this server tells a web address of a client's when one of the client's jobs ends. Headers, signature and the
//! outer form of the message are those of Standard Webhooks 1.0 (<https://www.standardwebhooks.com>).

use serde::{Deserialize, Serialize};

use crate::id::{JobId, WebhookId};
use crate::job::JobKind;
use crate::job::lifecycle::JobState;
use crate::time::UnixMillis;

/// Webhooks of one client.
pub const WEBHOOKS_MAX: usize = 5;

/// Longest address that is told.
pub const WEBHOOK_URL_MAX_CHARS: usize = 2_000;

/// Messages of one webhook that are kept, the newest.
pub const DELIVERIES_KEPT_MAX: u64 = 1_000;

/// Messages that one answer lists.
pub const DELIVERIES_LISTED_MAX: usize = 100;

/// Longest account of what went wrong with a message.
pub const DELIVERY_PROBLEM_MAX_CHARS: usize = 200;

/// Body of `POST /v1/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// `https://`, a host with a public address, and a path. A server that listens on loopback alone takes `http://` and
    /// this machine, too.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookView {
    pub id: WebhookId,
    pub url: String,
    pub created_at_unix_ms: UnixMillis,
    /// Set where nothing is sent any more: the receiver answered 410, or took nothing for 32 hours. Sending a message again
    /// starts the webhook again; what ended in between is not told.
    pub stopped_at_unix_ms: Option<UnixMillis>,
}

/// A new webhook with the secret that signs its messages, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedWebhook {
    pub webhook: WebhookView,
    /// `whsec_` and 32 bytes in base64.
    pub secret: String,
}

/// The webhooks of a client, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Webhooks {
    pub webhooks: Vec<WebhookView>,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WebhookEvent {
    #[serde(rename = "job.completed")]
    JobCompleted,
    #[serde(rename = "job.failed")]
    JobFailed,
    #[serde(rename = "job.canceled")]
    JobCanceled,
    #[serde(rename = "job.expired")]
    JobExpired,
}

impl WebhookEvent {
    /// `None` for a job that goes on.
    pub const fn of_end(state: JobState) -> Option<Self> {
        match state {
            JobState::Completed => Some(Self::JobCompleted),
            JobState::Failed => Some(Self::JobFailed),
            JobState::Canceled => Some(Self::JobCanceled),
            JobState::Expired => Some(Self::JobExpired),
            JobState::Queued | JobState::Running | JobState::Verifying => None,
        }
    }
}

/// The body of a message. It names the job; what came of it is read from the API, with the client's own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookMessage {
    #[serde(rename = "type")]
    pub event: WebhookEvent,
    /// When the job ended, in ISO 8601.
    pub timestamp: String,
    pub data: EndedJob,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndedJob {
    /// Also the `webhook-id` of the message, the same at each try: a job ends once.
    pub job_id: JobId,
    pub kind: JobKind,
    pub model: String,
    pub state: JobState,
    pub created_at_unix_ms: UnixMillis,
    pub finished_at_unix_ms: UnixMillis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Waiting,
    /// The receiver answered with a status of 200 to 299.
    Delivered,
    /// Every try failed, or the receiver wants no more.
    GivenUp,
}

/// How one message fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    pub job_id: JobId,
    pub state: DeliveryState,
    pub created_at_unix_ms: UnixMillis,
    pub attempts: u32,
    /// Where the message waits: not tried before this.
    pub next_attempt_at_unix_ms: Option<UnixMillis>,
    /// Of the last answer, where there was one.
    pub status: Option<u16>,
    /// What was wrong at the last try.
    pub problem: Option<String>,
}

/// The newest messages of a webhook, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deliveries {
    pub deliveries: Vec<DeliveryView>,
}
