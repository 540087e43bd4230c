//! What every request passes before its method: each one gets an answer, and one that its transport cannot serve learns why.

use std::time::Duration;

use jsonrpsee::server::middleware::rpc::{Batch, BatchEntry, Notification, Request, RpcServiceT};
use jsonrpsee::server::{BatchResponseBuilder, MethodResponse};
use jsonrpsee::types::error::OVERSIZED_RESPONSE_CODE;
use jsonrpsee::types::{ErrorObjectOwned, Id};
use serde::Deserialize;
use shared::field_error::in_words;

use super::error::{INVALID_PARAMS, invalid_params, limit_over};
use crate::allowance::{Allowance, units_of};
use crate::sockets::{InWork, NoRoom, SOCKETS_MAX_BYTES, Socket};

/// JSON-RPC 2.0: the JSON is not a valid request.
const INVALID_REQUEST: i32 = -32_600;
/// JSON-RPC 2.0: the method is not there. Clients take it for "no subscriptions here" and poll instead.
const METHOD_NOT_FOUND: i32 = -32_601;

/// How long a sender that asked for too much waits for the refusal. At once, refusals would cost the processors more than
/// answers that are not given: a WebSocket sends its next request when it likes.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

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
    max_pushed_bytes: usize,
}

impl<S> EveryRequest<S> {
    pub(crate) const fn new(inner: S, max_response_bytes: usize, max_pushed_bytes: usize) -> Self {
        Self { inner, max_response_bytes, max_pushed_bytes }
    }
}

impl<S> EveryRequest<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Clone + Send + Sync + 'static,
{
    /// Answers one request, alone or of a batch.
    async fn answer(&self, request: Request<'_>) -> MethodResponse {
        if let Some(error) = no_subscriptions(&request) {
            return MethodResponse::error(request.id, error);
        }
        let id = request.id().into_owned();
        let is_posted = is_posted(&request);
        let answer = told_in_words(id.clone(), self.inner.call(request).await);
        if !is_posted && answer.is_method_call() && answer.as_error_code() == Some(OVERSIZED_RESPONSE_CODE) {
            let what = "bytes of an answer over a WebSocket, ask by POST";
            let limit = u32::try_from(self.max_pushed_bytes).unwrap_or(u32::MAX);
            return MethodResponse::error(id, limit_over(what, limit));
        }
        answer
    }
}

/// What a request takes while it is in work, over a WebSocket.
fn work_on(socket: Option<&Socket>, bytes: usize) -> Result<Option<InWork>, NoRoom> {
    socket.map(|socket| socket.work_on(bytes)).transpose()
}

/// An answer that has room among those that wait for their clients, or else the refusal, which always has.
fn within_room(socket: Option<&Socket>, answer: MethodResponse) -> MethodResponse {
    // What a subscription answers is sent by itself, and is small.
    let Some(socket) = socket.filter(|_| answer.is_method_call() || answer.is_batch()) else { return answer };
    match socket.send(answer.as_json().get().len()) {
        Ok(()) => answer,
        Err(NoRoom) => {
            let refusal = MethodResponse::error(Id::Null, no_room());
            let _ = socket.send(refusal.as_json().get().len());
            refusal
        }
    }
}

fn no_room() -> ErrorObjectOwned {
    let limit = u32::try_from(SOCKETS_MAX_BYTES).unwrap_or(u32::MAX);
    limit_over("bytes that WebSockets hold, try again later or ask by POST", limit)
}

fn bytes_of(request: &Request<'_>) -> usize {
    request.params.as_ref().map_or(0, |params| params.get().len())
}

fn entry_bytes(entry: &BatchEntry<'_>) -> usize {
    match entry {
        BatchEntry::Call(request) => bytes_of(request),
        BatchEntry::Notification(notification) => notification.params.as_ref().map_or(0, |params| params.get().len()),
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
        let service = self.clone();
        let socket = request.extensions().get::<Socket>().cloned();
        async move {
            let id = request.id();
            let _in_work = match work_on(socket.as_ref(), bytes_of(&request)) {
                Ok(in_work) => in_work,
                Err(NoRoom) => return within_room(socket.as_ref(), MethodResponse::error(id, no_room())),
            };
            let answer = match over_the_allowance(&request) {
                Some(error) => {
                    tokio::time::sleep(REFUSAL_PAUSE).await;
                    MethodResponse::error(id, error)
                }
                None => service.answer(request).await,
            };
            within_room(socket.as_ref(), answer)
        }
    }

    /// The server below would not pass the requests of a batch through [`Self::call`].
    fn batch<'a>(&self, mut batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let is_posted = batch.extensions().get::<Posted>().is_some();
            let socket = batch.extensions().get::<Socket>().cloned();
            let bytes = batch.iter().flatten().map(entry_bytes).sum();
            let _in_work = match work_on(socket.as_ref(), bytes) {
                Ok(in_work) => in_work,
                Err(NoRoom) => return within_room(socket.as_ref(), MethodResponse::error(Id::Null, no_room())),
            };
            let limit = if is_posted { service.max_response_bytes } else { service.max_pushed_bytes };
            let mut answers = BatchResponseBuilder::new_with_limit(limit);
            let mut is_over = false;
            for entry in batch {
                let answer = match entry {
                    Ok(BatchEntry::Call(request)) => match over_the_allowance(&request) {
                        Some(error) => {
                            if !std::mem::replace(&mut is_over, true) {
                                tokio::time::sleep(REFUSAL_PAUSE).await;
                            }
                            MethodResponse::error(request.id(), error)
                        }
                        None => service.answer(request).await,
                    },
                    Ok(BatchEntry::Notification(_)) => MethodResponse::error(Id::Null, no_id()),
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_large) = answers.append(answer) {
                    return within_room(socket.as_ref(), too_large);
                }
            }
            within_room(socket.as_ref(), MethodResponse::from_batch(answers.finish()))
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

fn is_posted(request: &Request<'_>) -> bool {
    request.extensions().get::<Posted>().is_some()
}

/// Why a request is not served now: its sender asked for too much.
fn over_the_allowance(request: &Request<'_>) -> Option<ErrorObjectOwned> {
    let allowance = request.extensions().get::<Allowance>()?;
    allowance.take(units_of(request.method_name())).err().map(Into::into)
}

/// Why a request cannot be served over its transport.
fn no_subscriptions(request: &Request<'_>) -> Option<ErrorObjectOwned> {
    let subscribes = ["eth_subscribe", "eth_unsubscribe"].contains(&request.method_name());
    (subscribes && is_posted(request)).then(|| {
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
