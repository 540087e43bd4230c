//! What every request passes before its method: each one gets an answer, and one that its transport cannot serve learns why.

use jsonrpsee::server::MethodResponse;
use jsonrpsee::server::middleware::rpc::{Batch, BatchEntry, BatchEntryErr, Notification, Request, RpcServiceT};
use jsonrpsee::types::{ErrorObjectOwned, Id};

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
pub(crate) struct EveryRequest<S>(pub(crate) S);

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
        let inner = self.0.clone();
        async move {
            match refusal(&request) {
                Some(error) => MethodResponse::error(request.id, error),
                None => inner.call(request).await,
            }
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let inner = self.0.clone();
        let entries = batch.into_iter().map(|entry| match entry {
            Ok(BatchEntry::Notification(_)) => Err(BatchEntryErr::new(Id::Null, no_id())),
            Ok(BatchEntry::Call(request)) => match refusal(&request) {
                Some(error) => Err(BatchEntryErr::new(request.id, error)),
                None => Ok(BatchEntry::Call(request)),
            },
            Err(error) => Err(error),
        });
        let entries = entries.collect();
        async move { inner.batch(Batch::from(entries)).await }
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
