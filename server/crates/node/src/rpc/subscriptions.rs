//! `eth_subscribe` over a WebSocket. A subscriber sees every block once and in order, also when it was slow: what the
//! event queue dropped is read from the chain.

use std::sync::Arc;

use alloy_rpc_types_eth::Filter;
use chain::LogFilter;
use jsonrpsee::core::{RpcResult, SubscriptionError, SubscriptionResult, to_json_raw_value};
use jsonrpsee::proc_macros::rpc;
use jsonrpsee::{Extensions, PendingSubscriptionSink, SubscriptionSink};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use super::convert;
use super::error::{invalid_params, limit_exceeded, limit_over};
use super::every_request::words_of;
use super::params::log_filter_of;
use crate::error::NodeError;
use crate::events::CommittedBlock;
use crate::handle::NodeHandle;
use crate::lanes::Lane;
use crate::sockets::{MAX_PUSHED_BYTES, SOCKETS_MAX_BYTES, Socket};

/// What the message of an item has beside the item itself, at least.
const ENVELOPE_BYTES: usize = 84;

/// Characters of an unknown kind that the refusal repeats.
const KIND_QUOTED_MAX_CHARS: usize = 100;

#[rpc(server, namespace = "eth")]
pub(crate) trait SubscriptionApi {
    /// `newHeads`, `logs` with a filter, or `newPendingTransactions` with `true` for whole transactions.
    #[subscription(name = "subscribe" => "subscription", unsubscribe = "unsubscribe", item = serde_json::Value, with_extensions)]
    async fn subscribe(&self, kind: String, parameter: Option<Value>) -> SubscriptionResult;
}

pub(crate) struct SubscriptionRpc {
    handle: NodeHandle,
}

impl SubscriptionRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }
}

#[jsonrpsee::core::async_trait]
impl SubscriptionApiServer for SubscriptionRpc {
    async fn subscribe(
        &self,
        pending: PendingSubscriptionSink,
        extensions: &Extensions,
        kind: String,
        parameter: Option<Value>,
    ) -> SubscriptionResult {
        let socket = extensions.get::<Socket>().cloned().unwrap_or_default();
        match wanted_of(&kind, parameter) {
            Ok(Subscribed::Blocks(wanted)) => follow_blocks(&self.handle, pending, &socket, wanted).await,
            Ok(Subscribed::Arrivals { whole }) => follow_arrivals(&self.handle, pending, &socket, whole).await,
            Err(error) => {
                pending.reject(error).await;
                Ok(())
            }
        }
    }
}

enum Subscribed {
    Blocks(Wanted),
    /// Whole transactions, or their hashes.
    Arrivals {
        whole: bool,
    },
}

enum Wanted {
    Heads,
    Logs(LogFilter),
}

/// Each kind of subscription has a parameter of its own.
fn wanted_of(kind: &str, parameter: Option<Value>) -> RpcResult<Subscribed> {
    match (kind, parameter) {
        ("newHeads", None) => Ok(Subscribed::Blocks(Wanted::Heads)),
        ("newHeads", Some(Value::Object(fields))) if fields.is_empty() => Ok(Subscribed::Blocks(Wanted::Heads)),
        ("newHeads", Some(_)) => Err(invalid_params("`newHeads` takes no parameter")),
        ("logs", parameter) => {
            let filter = parameter.map(serde_json::from_value::<Filter>).transpose();
            let filter = filter
                .map_err(|error| invalid_params(format!("`logs` takes a filter: {}", words_of(&error.to_string()))))?;
            Ok(Subscribed::Blocks(Wanted::Logs(log_filter_of(&filter.unwrap_or_default())?)))
        }
        ("newPendingTransactions", None) => Ok(Subscribed::Arrivals { whole: false }),
        ("newPendingTransactions", Some(Value::Bool(whole))) => Ok(Subscribed::Arrivals { whole }),
        ("newPendingTransactions", Some(_)) => {
            Err(invalid_params("`newPendingTransactions` takes `true` for whole transactions, or `false`"))
        }
        (other, _) => {
            let other: String = other.chars().take(KIND_QUOTED_MAX_CHARS).collect();
            let offered = "newHeads, logs, newPendingTransactions";
            Err(invalid_params(format!("subscription `{other}` is not one of {offered}")))
        }
    }
}

async fn follow_blocks(
    handle: &NodeHandle,
    pending: PendingSubscriptionSink,
    socket: &Socket,
    wanted: Wanted,
) -> SubscriptionResult {
    let mut blocks = handle.subscribe_blocks();
    let mut next_height = handle.head()?.number + 1;
    let sink = Pushes { sink: pending.accept().await?, socket };
    loop {
        let event = tokio::select! {
            () = sink.sink.closed() => return Ok(()),
            event = blocks.recv() => event,
        };
        let last = match event {
            Ok(block) => block,
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        };
        while next_height < last.block.header.number {
            let missed = read_block(handle, next_height).await?;
            if !send_block(&sink, &missed, &wanted).await? {
                return Ok(());
            }
            next_height += 1;
        }
        if next_height == last.block.header.number {
            if !send_block(&sink, &last, &wanted).await? {
                return Ok(());
            }
            next_height += 1;
        }
    }
}

/// One block is a short read: a subscription does not end because strangers' calls fill their lane.
async fn read_block(handle: &NodeHandle, height: u64) -> Result<Arc<CommittedBlock>, NodeError> {
    handle
        .clone()
        .in_lane(Lane::Page)
        .query(move |snapshot| {
            let block = snapshot
                .block_at(height)?
                .ok_or_else(|| NodeError::Chain(chain::ChainError::UnknownBlock(height.to_string())))?;
            Ok(Arc::new(CommittedBlock { block, receipts: snapshot.receipts_at(height)? }))
        })
        .await
}

/// Sends what a block has for a subscriber; false when the subscriber is gone.
async fn send_block(sink: &Pushes<'_>, committed: &CommittedBlock, wanted: &Wanted) -> Result<bool, SubscriptionError> {
    match wanted {
        Wanted::Heads => sink.send(&convert::header(&committed.block.header)).await,
        Wanted::Logs(filter) => {
            for log in committed.logs(filter) {
                if !sink.send(&convert::log(&log)).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}

async fn follow_arrivals(
    handle: &NodeHandle,
    pending: PendingSubscriptionSink,
    socket: &Socket,
    whole: bool,
) -> SubscriptionResult {
    let mut arrivals = handle.subscribe_transactions();
    let sink = Pushes { sink: pending.accept().await?, socket };
    loop {
        let event = tokio::select! {
            () = sink.sink.closed() => return Ok(()),
            event = arrivals.recv() => event,
        };
        match event {
            Ok(transaction) => {
                let is_sent = match whole {
                    true => sink.send(&convert::pending(&transaction)).await?,
                    false => sink.send(&transaction.hash()).await?,
                };
                if !is_sent {
                    return Ok(());
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return Ok(()),
        }
    }
}

/// Where the items of one subscription go.
struct Pushes<'a> {
    sink: SubscriptionSink,
    socket: &'a Socket,
}

impl Pushes<'_> {
    /// Sends an item; false when the subscriber is gone. A subscription whose item has no room ends, and says so.
    async fn send(&self, item: &impl Serialize) -> Result<bool, SubscriptionError> {
        let item = to_json_raw_value(item)?;
        let bytes = item.get().len() + ENVELOPE_BYTES;
        if bytes > MAX_PUSHED_BYTES as usize {
            let what = "bytes of one item of a subscription, ask by POST";
            return Err(limit_exceeded(what, MAX_PUSHED_BYTES as usize, bytes).message().into());
        }
        if self.socket.send(bytes).is_err() {
            let what = "bytes that WebSockets hold, subscribe again later";
            return Err(limit_over(what, u32::try_from(SOCKETS_MAX_BYTES).unwrap_or(u32::MAX)).message().into());
        }
        Ok(self.sink.send(item).await.is_ok())
    }
}
