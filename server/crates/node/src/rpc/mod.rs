//! JSON-RPC as Ethereum's clients speak it: one trait for each namespace, one file for each concern.

mod aitbc;
mod convert;
mod debug;
mod error;
mod eth;
mod every_request;
mod filters;
mod net;
mod openrpc;
mod otterscan;
mod params;
mod simulate;
mod subscriptions;
mod txpool;

use jsonrpsee::RpcModule;
use jsonrpsee::server::{IdProvider, RandomIntegerIdProvider};
use jsonrpsee::types::SubscriptionId;
use serde_json::{Value, json};

use crate::handle::NodeHandle;
use aitbc::{AitbcApiServer as _, AitbcRpc};
use debug::{DebugApiServer as _, DebugRpc};
use eth::{EthApiServer as _, EthRpc};
pub(crate) use every_request::{EveryRequest, Posted};
use net::{NetApiServer as _, NetRpc, Web3ApiServer as _, Web3Rpc};
pub use openrpc::document as openrpc_document;
use openrpc::{DiscoveryApiServer as _, DiscoveryRpc};
use otterscan::{ErigonApiServer, OtterscanApiServer, OtterscanRpc};
use simulate::{SimulationApiServer as _, SimulationRpc};
use subscriptions::{SubscriptionApiServer as _, SubscriptionRpc};
use txpool::{TxpoolApiServer as _, TxpoolRpc};

/// All methods of all namespaces.
pub(crate) fn module(handle: &NodeHandle) -> Result<RpcModule<()>, jsonrpsee::server::RegisterMethodError> {
    let mut module = RpcModule::new(());
    module.merge(EthRpc::new(handle.clone()).into_rpc())?;
    module.merge(SimulationRpc::new(handle.clone()).into_rpc())?;
    module.merge(SubscriptionRpc::new(handle.clone()).into_rpc())?;
    module.merge(NetRpc::new(handle.clone()).into_rpc())?;
    module.merge(Web3Rpc.into_rpc())?;
    module.merge(TxpoolRpc::new(handle.clone()).into_rpc())?;
    module.merge(DebugRpc::new(handle.clone()).into_rpc())?;
    module.merge(OtterscanApiServer::into_rpc(OtterscanRpc::new(handle.clone())))?;
    module.merge(ErigonApiServer::into_rpc(OtterscanRpc::new(handle.clone())))?;
    module.merge(AitbcRpc::new(handle.clone()).into_rpc())?;
    module.merge(DiscoveryRpc.into_rpc())?;
    Ok(module)
}

/// The answer to a request that was not even read, since its body is beyond the bound.
pub(crate) fn body_too_large(limit_bytes: u32) -> Value {
    let error = error::limit_over("request body bytes", limit_bytes);
    json!({ "jsonrpc": "2.0", "id": null, "error": error })
}

/// The answer to a request for which there is no room now.
pub(crate) fn no_room(what: &str, limit_bytes: usize) -> Value {
    let error = error::limit_over(what, u32::try_from(limit_bytes).unwrap_or(u32::MAX));
    json!({ "jsonrpc": "2.0", "id": null, "error": error })
}

/// Names subscriptions as Ethereum's clients expect: a random number in hexadecimal.
#[derive(Debug)]
pub(crate) struct HexIds;

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        match RandomIntegerIdProvider.next_id() {
            SubscriptionId::Num(number) => SubscriptionId::Str(format!("{number:#x}").into()),
            text => text,
        }
    }
}
