//! What happened inside transactions, and what is stored, as bytes.

use alloy_eips::eip2718::Encodable2718 as _;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_rpc_types_trace::common::TraceResult;
use alloy_rpc_types_trace::geth::{GethDebugTracingCallOptions, GethDebugTracingOptions, GethTrace};
use chain::Snapshot;
use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;

use super::error::invalid_params;
use super::params::{call_of, height_of, overrides_of};
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// The trace of each transaction of a block.
type BlockTraces = Vec<TraceResult<GethTrace, String>>;

#[rpc(server, namespace = "debug")]
pub(crate) trait DebugApi {
    /// Null while no block has the transaction.
    #[method(name = "traceTransaction")]
    async fn trace_transaction(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<Option<GethTrace>>;

    #[method(name = "traceBlockByNumber")]
    async fn trace_block_by_number(
        &self,
        number: BlockNumberOrTag,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<BlockTraces>;

    #[method(name = "traceBlockByHash")]
    async fn trace_block_by_hash(&self, hash: B256, options: Option<GethDebugTracingOptions>)
    -> RpcResult<BlockTraces>;

    #[method(name = "traceCall")]
    async fn trace_call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        options: Option<GethDebugTracingCallOptions>,
    ) -> RpcResult<GethTrace>;

    #[method(name = "getRawHeader")]
    async fn raw_header(&self, block: BlockId) -> RpcResult<Bytes>;

    #[method(name = "getRawReceipts")]
    async fn raw_receipts(&self, block: BlockId) -> RpcResult<Vec<Bytes>>;

    #[method(name = "getRawTransaction")]
    async fn raw_transaction(&self, hash: B256) -> RpcResult<Option<Bytes>>;
}

pub(crate) struct DebugRpc {
    handle: NodeHandle,
}

impl DebugRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }

    async fn trace_block(&self, block: BlockId, options: Option<GethDebugTracingOptions>) -> RpcResult<BlockTraces> {
        let (options, time) = (options.unwrap_or_default(), self.handle.call_time());
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, Some(block))?;
            time.run(|is_over| snapshot.trace_block(height, &options, is_over))
        };
        let traces = self.handle.query(read).await?;
        Ok(traces.into_iter().map(|(hash, result)| TraceResult::Success { result, tx_hash: Some(hash) }).collect())
    }
}

#[async_trait]
impl DebugApiServer for DebugRpc {
    async fn trace_transaction(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<Option<GethTrace>> {
        let (options, time) = (options.unwrap_or_default(), self.handle.call_time());
        let read = move |snapshot: &Snapshot| time.run(|is_over| snapshot.trace_transaction(hash, &options, is_over));
        Ok(self.handle.query(read).await?)
    }

    async fn trace_block_by_number(
        &self,
        number: BlockNumberOrTag,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<BlockTraces> {
        self.trace_block(number.into(), options).await
    }

    async fn trace_block_by_hash(
        &self,
        hash: B256,
        options: Option<GethDebugTracingOptions>,
    ) -> RpcResult<BlockTraces> {
        self.trace_block(hash.into(), options).await
    }

    async fn trace_call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        options: Option<GethDebugTracingCallOptions>,
    ) -> RpcResult<GethTrace> {
        let options = options.unwrap_or_default();
        if options.block_overrides.is_some() || options.tx_index.is_some() {
            return Err(invalid_params("blockOverrides and txIndex are not supported"));
        }
        let (call, overrides) = (call_of(request)?, overrides_of(options.state_overrides)?);
        let (options, time) = (options.tracing_options, self.handle.call_time());
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, block)?;
            time.run(|is_over| snapshot.trace_call(height, &call, &overrides, &options, is_over))
        };
        Ok(self.handle.query(read).await?)
    }

    async fn raw_header(&self, block: BlockId) -> RpcResult<Bytes> {
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, Some(block))?;
            let header = snapshot.header_at(height)?.ok_or_else(|| unknown(height))?;
            Ok(alloy_rlp::encode(header.header()).into())
        };
        Ok(self.handle.query(read).await?)
    }

    async fn raw_receipts(&self, block: BlockId) -> RpcResult<Vec<Bytes>> {
        let read = move |snapshot: &Snapshot| {
            let receipts = snapshot.receipts_at(height_of(snapshot, Some(block))?)?;
            Ok(receipts.iter().map(|receipt| receipt.to_consensus().encoded_2718().into()).collect())
        };
        Ok(self.handle.query(read).await?)
    }

    async fn raw_transaction(&self, hash: B256) -> RpcResult<Option<Bytes>> {
        let read = move |snapshot: &Snapshot| {
            let included = snapshot.transaction(hash)?;
            Ok(included.map(|included| included.transaction.envelope().encoded_2718().into()))
        };
        Ok(self.handle.query(read).await?)
    }
}

fn unknown(height: u64) -> NodeError {
    chain::ChainError::UnknownBlock(height.to_string()).into()
}
