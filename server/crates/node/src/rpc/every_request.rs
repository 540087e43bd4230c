//! What every request passes before its method: each one gets an answer, and one that its transport cannot serve learns why.

use jsonrpsee::server::middleware::rpc::{Batch, BatchEntry, Notification, Request, RpcServiceT};
use jsonrpsee::server::{BatchResponseBuilder, MethodResponse};
use jsonrpsee::types::{ErrorObjectOwned, Id};
use serde::Deserialize;
use shared::field_error::in_words;

use super::error::{INVALID_PARAMS, invalid_params};

/// JSON-RPC 2.0: the JSON is not a valid request.
const INVALID_REQUEST: i32 = -32_600;
/// JSON-RPC 2.0: the method is not there. Clients take it for "no subscriptions here" and poll instead.
const METHOD_NOT_FOUND: i32 = -32_601;

/// Marks a request that came by POST, over which nothing can be pushed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posted;

/// Answers what the server below would drop.
///
/// It reads a request without an id that it knows (`-1`, `1.5`, none at all) as a notification: it neither runs nor
/// answers it, so that a transaction would vanish without a word.
#[derive(Debug, Clone)]
pub(crate) struct EveryRequest<S> {
    inner: S,
    max_response_bytes: usize,
}

impl<S> EveryRequest<S> {
    pub(crate) const fn new(inner: S, max_response_bytes: usize) -> Self {
        Self { inner, max_response_bytes }
    }
}

impl<S> RpcServiceT for EveryRequest<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type BatchResponse = MethodResponse;
    type NotificationResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let inner = self.inner.clone();
        async move {
            if let Some(error) = refusal(&request) {
                return MethodResponse::error(request.id, error);
            }
            let id = request.id();
            told_in_words(id, inner.call(request).await)
        }
    }

    /// The server below would not pass the requests of a batch through [`Self::call`].
    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let mut answers = BatchResponseBuilder::new_with_limit(service.max_response_bytes);
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => service.call(request).await,
                    Ok(BatchEntry::Notification(_)) => MethodResponse::error(Id::Null, no_id()),
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_large) = answers.append(answer) {
                    return too_large;
                }
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(&self, _: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        std::future::ready(MethodResponse::error(Id::Null, no_id()))
    }
}

fn no_id() -> ErrorObjectOwned {
    let detail = "nothing was done: `id` is a string, a whole number from 0 to 2^64 - 1, or null, and is not left out";
    ErrorObjectOwned::owned(INVALID_REQUEST, detail, None::<()>)
}

/// Why a request cannot be served over its transport.
fn refusal(request: &Request<'_>) -> Option<ErrorObjectOwned> {
    let subscribes = ["eth_subscribe", "eth_unsubscribe"].contains(&request.method_name());
    let is_posted = request.extensions().get::<Posted>().is_some();
    (subscribes && is_posted).then(|| {
        let detail = "subscriptions need a WebSocket: connect to this path by ws:// or wss://, or install a filter \
                      (eth_newFilter, eth_newBlockFilter, eth_newPendingTransactionFilter) and poll it";
        ErrorObjectOwned::owned(METHOD_NOT_FOUND, detail, None::<()>)
    })
}

/// The part of an error answer that the parser of parameters fills in.
#[derive(Deserialize)]
struct Answer {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    data: Option<String>,
}

/// The parser of parameters calls types by their names in Rust, and puts its reason where few clients show it.
fn told_in_words(id: Id<'_>, answer: MethodResponse) -> MethodResponse {
    if !answer.is_method_call() || answer.as_error_code() != Some(INVALID_PARAMS) {
        return answer;
    }
    let parsed = serde_json::from_str::<Answer>(answer.as_json().get()).ok();
    match parsed.and_then(|answer| answer.error.data) {
        Some(reason) => MethodResponse::error(id, invalid_params(format!("invalid params: {}", words_of(&reason)))),
        None => answer,
    }
}

/// A parser's reason in the words of JSON, without its place, which counts from the parameter's beginning.
pub(crate) fn words_of(reason: &str) -> String {
    in_words(&reason[..reason.rfind(" at line ").unwrap_or(reason.len())])
}
