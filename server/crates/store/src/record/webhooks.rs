//! Webhooks and their messages.

use std::fmt;

use shared::Address;
use shared::api::webhooks::WebhookView;
use shared::id::{ApiKeyId, JobId, WebhookId};
use shared::time::UnixMillis;

/// What signs the messages of a webhook. It is stored as it is, since each message is signed anew: who reads the database
/// can forge messages, and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(pub String);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret(..)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    pub view: WebhookView,
    /// Whose jobs are told.
    pub address: Address,
    /// The key that made it, where no session did. It goes with that key.
    pub made_by: Option<ApiKeyId>,
    pub secret: WebhookSecret,
}

/// Tries of a webhook that failed in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failing {
    pub failures: u32,
    /// When the first of them was.
    pub since: Option<UnixMillis>,
}

/// A message that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueMessage {
    pub webhook_id: WebhookId,
    pub job_id: JobId,
    pub body: String,
    /// Tries before this one.
    pub attempts: u32,
}
