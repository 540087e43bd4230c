use std::collections::BTreeMap;

use alloy_primitives::{Address, U64};
use chain::SignedTransaction;
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;

use super::convert::{self, RpcTransaction};
use crate::handle::NodeHandle;

/// Waiting transactions of one sender by nonce, in decimal as geth writes it.
type ByNonce = BTreeMap<String, RpcTransaction>;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct PoolStatus {
    pending: U64,
    queued: U64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct PoolBySender {
    pending: BTreeMap<Address, ByNonce>,
    queued: BTreeMap<Address, ByNonce>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct PoolOfSender {
    pending: ByNonce,
    queued: ByNonce,
}

#[rpc(server, namespace = "txpool")]
pub(crate) trait TxpoolApi {
    #[method(name = "status")]
    fn status(&self) -> RpcResult<PoolStatus>;

    #[method(name = "content")]
    fn content(&self) -> RpcResult<PoolBySender>;

    #[method(name = "contentFrom")]
    fn content_from(&self, sender: Address) -> RpcResult<PoolOfSender>;
}

pub(crate) struct TxpoolRpc {
    handle: NodeHandle,
}

impl TxpoolRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }
}

impl TxpoolApiServer for TxpoolRpc {
    fn status(&self) -> RpcResult<PoolStatus> {
        let pool = self.handle.shared.pool();
        let (ready, queued) = pool.content();
        Ok(PoolStatus { pending: U64::from(ready.len()), queued: U64::from(queued.len()) })
    }

    fn content(&self) -> RpcResult<PoolBySender> {
        let content = self.handle.listed_pool(None)?;
        Ok(PoolBySender { pending: by_sender(&content.ready), queued: by_sender(&content.queued) })
    }

    fn content_from(&self, sender: Address) -> RpcResult<PoolOfSender> {
        let content = self.handle.listed_pool(Some(sender))?;
        let of_sender = |list| by_sender(list).remove(&sender).unwrap_or_default();
        Ok(PoolOfSender { pending: of_sender(&content.ready), queued: of_sender(&content.queued) })
    }
}

fn by_sender(transactions: &[SignedTransaction]) -> BTreeMap<Address, ByNonce> {
    let mut senders: BTreeMap<Address, ByNonce> = BTreeMap::new();
    for transaction in transactions {
        let of_sender = senders.entry(transaction.sender()).or_default();
        of_sender.insert(transaction.nonce().to_string(), convert::pending(transaction));
    }
    senders
}
