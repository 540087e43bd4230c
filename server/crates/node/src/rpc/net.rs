use alloy_primitives::{B256, Bytes, U64, keccak256};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;

use crate::handle::NodeHandle;

#[rpc(server, namespace = "net")]
pub(crate) trait NetApi {
    /// The chain id in decimal, as a string.
    #[method(name = "version")]
    fn version(&self) -> RpcResult<String>;

    /// Whether the node takes connections: of clients it always does.
    #[method(name = "listening")]
    fn listening(&self) -> RpcResult<bool>;

    /// The other validators to which a connection is open.
    #[method(name = "peerCount")]
    fn peer_count(&self) -> RpcResult<U64>;
}

pub(crate) struct NetRpc {
    handle: NodeHandle,
}

impl NetRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }
}

impl NetApiServer for NetRpc {
    fn version(&self) -> RpcResult<String> {
        Ok(self.handle.chain_id().to_string())
    }

    fn listening(&self) -> RpcResult<bool> {
        Ok(true)
    }

    fn peer_count(&self) -> RpcResult<U64> {
        Ok(U64::from(self.handle.peers().iter().filter(|peer| peer.is_connected).count()))
    }
}

#[rpc(server, namespace = "web3")]
pub(crate) trait Web3Api {
    #[method(name = "clientVersion")]
    fn client_version(&self) -> RpcResult<String>;

    #[method(name = "sha3")]
    fn sha3(&self, data: Bytes) -> RpcResult<B256>;
}

pub(crate) struct Web3Rpc;

impl Web3ApiServer for Web3Rpc {
    fn client_version(&self) -> RpcResult<String> {
        Ok(concat!("aitbc/v", env!("CARGO_PKG_VERSION")).to_owned())
    }

    fn sha3(&self, data: Bytes) -> RpcResult<B256> {
        Ok(keccak256(data))
    }
}
