//! The forms in which a text is answered, and the figures that come with it.

use serde_json::{Value, json};
use shared::id::JobId;

use super::Usage;
use super::call::CompletedJob;
use crate::error::ApiError;

/// Which of the two calls is answered: the same text in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Chat,
    Completion,
}

impl Form {
    pub(super) fn id(self, job_id: JobId) -> String {
        match self {
            Self::Chat => format!("chatcmpl-{job_id}"),
            Self::Completion => format!("cmpl-{job_id}"),
        }
    }

    /// The type of an answer that comes whole.
    pub(super) const fn object(self) -> &'static str {
        match self {
            Self::Chat => "chat.completion",
            Self::Completion => "text_completion",
        }
    }

    /// The type of a part of a stream.
    pub(super) const fn chunk_object(self) -> &'static str {
        match self {
            Self::Chat => "chat.completion.chunk",
            Self::Completion => "text_completion",
        }
    }

    /// The one choice of an answer that comes whole.
    pub(super) fn choice(self, text: &str, finish_reason: &str) -> Value {
        match self {
            Self::Chat => {
                let message = json!({"role": "assistant", "content": text, "refusal": null});
                json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason})
            }
            Self::Completion => self.piece(text, finish_reason.into()),
        }
    }

    /// The first part of a stream, where the form has one without text.
    pub(super) fn opening(self) -> Option<Value> {
        let delta = json!({"role": "assistant", "content": ""});
        (self == Self::Chat).then(|| json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": null}))
    }

    /// More of the text; the last part has none, and the reason of its end.
    pub(super) fn piece(self, text: &str, finish_reason: Value) -> Value {
        let delta = if text.is_empty() { json!({}) } else { json!({"content": text}) };
        match self {
            Self::Chat => json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}),
            Self::Completion => json!({"index": 0, "text": text, "logprobs": null, "finish_reason": finish_reason}),
        }
    }
}

pub(super) fn usage(served: &CompletedJob) -> Usage {
    let tokens = served.metering.tokens();
    Usage {
        prompt_tokens: tokens.read,
        completion_tokens: Some(tokens.written),
        total_tokens: tokens.read.saturating_add(tokens.written),
    }
}

/// Why the text ended, as its miner told. The hub takes no text without it.
pub(super) fn finish_reason(served: &CompletedJob) -> Result<&'static str, ApiError> {
    let told = served.metering.finish_reason;
    told.map(|reason| reason.as_str()).ok_or_else(|| ApiError::Internal(format!("{} has no end", served.job_id)))
}
