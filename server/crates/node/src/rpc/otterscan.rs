//! What the explorer Otterscan asks a node for, at level 8 of its API, as far as this node can answer it whole: the history of an
//! address, which needs an index of the calls inside transactions, is not among it.

use alloy_eips::eip1898::LenientBlockNumberOrTag;
use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, TxHash, U256};
use alloy_rpc_types_eth::{BlockTransactions, Header, TransactionReceipt};
use alloy_rpc_types_trace::otterscan::{
    BlockDetails, ContractCreator, InternalOperation, OperationType, OtsBlock, OtsBlockTransactions, OtsReceipt,
    OtsTransactionReceipt, TraceEntry,
};
use chain::{CallFrame, IncludedTransaction, Place, Snapshot};
use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;

use super::convert::{self, RpcTransaction};
use super::error::{invalid_params, limit_exceeded};
use super::params::{height_of, height_of_number};
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// The level of Otterscan's API that this node speaks.
const API_LEVEL: u64 = 8;

/// Most transactions of one page.
const MAX_PAGE_SIZE: usize = 100;

/// Block numbers are numbers here, as Otterscan sends them, or as Ethereum's JSON-RPC has them.
#[rpc(server, namespace = "ots")]
pub(crate) trait OtterscanApi {
    #[method(name = "getApiLevel")]
    fn api_level(&self) -> RpcResult<u64>;

    #[method(name = "hasCode")]
    fn has_code(&self, address: Address, block: Option<BlockId>) -> RpcResult<bool>;

    #[method(name = "getBlockDetails")]
    async fn block_details(&self, number: LenientBlockNumberOrTag) -> RpcResult<Option<BlockDetails>>;

    #[method(name = "getBlockDetailsByHash")]
    async fn block_details_by_hash(&self, hash: B256) -> RpcResult<Option<BlockDetails>>;

    /// The last page of a block is page 0.
    #[method(name = "getBlockTransactions")]
    async fn block_transactions(
        &self,
        number: LenientBlockNumberOrTag,
        page: usize,
        page_size: usize,
    ) -> RpcResult<Option<OtsBlockTransactions<RpcTransaction>>>;

    /// What a failed transaction returned; empty for one that took effect.
    #[method(name = "getTransactionError")]
    async fn transaction_error(&self, hash: TxHash) -> RpcResult<Option<Bytes>>;

    #[method(name = "traceTransaction")]
    async fn trace_transaction(&self, hash: TxHash) -> RpcResult<Option<Vec<TraceEntry>>>;

    #[method(name = "getInternalOperations")]
    async fn internal_operations(&self, hash: TxHash) -> RpcResult<Option<Vec<InternalOperation>>>;

    #[method(name = "getContractCreator")]
    async fn contract_creator(&self, address: Address) -> RpcResult<Option<ContractCreator>>;

    #[method(name = "getTransactionBySenderAndNonce")]
    async fn transaction_by_sender_and_nonce(&self, sender: Address, nonce: u64) -> RpcResult<Option<TxHash>>;
}

#[rpc(server, namespace = "erigon")]
pub(crate) trait ErigonApi {
    /// Otterscan probes a node with it.
    #[method(name = "getHeaderByNumber")]
    fn header_by_number(&self, number: LenientBlockNumberOrTag) -> RpcResult<Option<Header>>;
}

#[derive(Clone)]
pub(crate) struct OtterscanRpc {
    handle: NodeHandle,
}

impl OtterscanRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }

    /// Every call inside a transaction.
    async fn calls_of(&self, hash: TxHash) -> RpcResult<Option<CallFrame>> {
        Ok(self.handle.calls_of(hash).await?)
    }
}

#[async_trait]
impl OtterscanApiServer for OtterscanRpc {
    fn api_level(&self) -> RpcResult<u64> {
        Ok(API_LEVEL)
    }

    fn has_code(&self, address: Address, block: Option<BlockId>) -> RpcResult<bool> {
        let snapshot = self.handle.snapshot()?;
        let height = height_of(&snapshot, block)?;
        let account = snapshot.state_at(height).and_then(|state| state.account(address)).map_err(NodeError::from)?;
        Ok(account.is_some_and(|account| account.has_code()))
    }

    async fn block_details(&self, number: LenientBlockNumberOrTag) -> RpcResult<Option<BlockDetails>> {
        let read = move |snapshot: &Snapshot| details_at(snapshot, height_of_number(snapshot, number.into_inner()));
        Ok(self.handle.query(read).await?)
    }

    async fn block_details_by_hash(&self, hash: B256) -> RpcResult<Option<BlockDetails>> {
        let read = move |snapshot: &Snapshot| details_at(snapshot, snapshot.height_of(hash)?);
        Ok(self.handle.query(read).await?)
    }

    async fn block_transactions(
        &self,
        number: LenientBlockNumberOrTag,
        page: usize,
        page_size: usize,
    ) -> RpcResult<Option<OtsBlockTransactions<RpcTransaction>>> {
        if page_size > MAX_PAGE_SIZE {
            return Err(limit_exceeded("transactions of a page", MAX_PAGE_SIZE, page_size));
        }
        if page_size == 0 {
            return Err(invalid_params("a page of 0 transactions"));
        }
        let read = move |snapshot: &Snapshot| page_of(snapshot, number.into_inner(), page, page_size);
        Ok(self.handle.query(read).await?)
    }

    async fn transaction_error(&self, hash: TxHash) -> RpcResult<Option<Bytes>> {
        let call = self.calls_of(hash).await?;
        Ok(call.map(|call| call.error.and(call.output).unwrap_or_default()))
    }

    async fn trace_transaction(&self, hash: TxHash) -> RpcResult<Option<Vec<TraceEntry>>> {
        let call = self.calls_of(hash).await?;
        Ok(call.map(|call| in_order(&call).into_iter().map(|(depth, frame)| entry(depth, frame)).collect()))
    }

    async fn internal_operations(&self, hash: TxHash) -> RpcResult<Option<Vec<InternalOperation>>> {
        let call = self.calls_of(hash).await?;
        Ok(call.map(|call| in_order(&call).into_iter().skip(1).filter_map(|(_, frame)| operation(frame)).collect()))
    }

    async fn contract_creator(&self, address: Address) -> RpcResult<Option<ContractCreator>> {
        let time = self.handle.call_time();
        let read = move |snapshot: &Snapshot| time.run(|is_over| snapshot.creation_of(address, is_over));
        let found = self.handle.query(read).await?;
        Ok(found.map(|creation| ContractCreator { hash: creation.transaction_hash, creator: creation.creator }))
    }

    async fn transaction_by_sender_and_nonce(&self, sender: Address, nonce: u64) -> RpcResult<Option<TxHash>> {
        Ok(self.handle.query(move |snapshot| Ok(snapshot.transaction_by_nonce(sender, nonce)?)).await?)
    }
}

impl ErigonApiServer for OtterscanRpc {
    fn header_by_number(&self, number: LenientBlockNumberOrTag) -> RpcResult<Option<Header>> {
        let snapshot = self.handle.snapshot()?;
        let Some(height) = height_of_number(&snapshot, number.into_inner()) else { return Ok(None) };
        let header = snapshot.header_at(height).map_err(NodeError::from)?;
        Ok(header.as_ref().map(convert::header))
    }
}

/// Nothing is issued for a block, and gas is free.
fn details_at(snapshot: &Snapshot, height: Option<u64>) -> Result<Option<BlockDetails>, NodeError> {
    let Some(height) = height else { return Ok(None) };
    let block = snapshot.block_at(height)?;
    Ok(block.map(|block| BlockDetails::from(convert::block(&block, false))))
}

/// Pages are counted from the end of the block, and each has its transactions in the block's order.
fn page_of(
    snapshot: &Snapshot,
    number: BlockNumberOrTag,
    page: usize,
    page_size: usize,
) -> Result<Option<OtsBlockTransactions<RpcTransaction>>, NodeError> {
    let Some(height) = height_of_number(snapshot, number) else { return Ok(None) };
    let Some(block) = snapshot.block_at(height)? else { return Ok(None) };
    let transaction_count = block.transactions.len();
    let end = transaction_count.saturating_sub(page.saturating_mul(page_size));
    let places = end.saturating_sub(page_size)..end;
    let (mut transactions, mut receipts) = (Vec::new(), Vec::new());
    for index in places {
        let place = Place { height, index: u32::try_from(index).unwrap_or(u32::MAX) };
        let Some(included) = snapshot.transaction_at(place)? else { continue };
        transactions.push(convert::included(&included));
        receipts.push(receipt_without_logs(&included));
    }
    let mut shown = convert::block(&block, false);
    shown.transactions = BlockTransactions::Full(transactions);
    Ok(Some(OtsBlockTransactions { fullblock: OtsBlock { block: shown, transaction_count }, receipts }))
}

fn receipt_without_logs(included: &IncludedTransaction) -> OtsTransactionReceipt {
    let receipt = convert::receipt(included);
    let inner = OtsReceipt {
        status: included.receipt.success,
        cumulative_gas_used: included.receipt.cumulative_gas_used,
        logs: None,
        logs_bloom: None,
        r#type: included.receipt.transaction_type().into(),
    };
    let receipt: TransactionReceipt<OtsReceipt> = receipt.map_inner(|_| inner);
    OtsTransactionReceipt { receipt, timestamp: Some(included.block_timestamp_unix_s) }
}

/// All calls in the order in which they began, each with its depth.
fn in_order(call: &CallFrame) -> Vec<(u32, &CallFrame)> {
    let (mut waiting, mut ordered) = (vec![(0, call)], Vec::new());
    while let Some((depth, frame)) = waiting.pop() {
        ordered.push((depth, frame));
        waiting.extend(frame.calls.iter().rev().map(|inner| (depth + 1, inner)));
    }
    ordered
}

fn entry(depth: u32, frame: &CallFrame) -> TraceEntry {
    // A call that cannot send anything has no value, also where it keeps that of its caller.
    let sends = !matches!(frame.typ.as_str(), "STATICCALL" | "DELEGATECALL");
    TraceEntry {
        r#type: frame.typ.clone(),
        depth,
        from: frame.from,
        to: frame.to.unwrap_or_default(),
        value: frame.value.filter(|_| sends),
        input: frame.input.clone(),
        output: frame.output.clone().unwrap_or_default(),
    }
}

/// What moves the chain's own coin or makes a contract inside a transaction.
fn operation(frame: &CallFrame) -> Option<InternalOperation> {
    let value = frame.value.unwrap_or_default();
    let kind = match frame.typ.as_str() {
        "CALL" if value > U256::ZERO => OperationType::OpTransfer,
        "SELFDESTRUCT" => OperationType::OpSelfDestruct,
        "CREATE" => OperationType::OpCreate,
        "CREATE2" => OperationType::OpCreate2,
        _ => return None,
    };
    Some(InternalOperation { r#type: kind, from: frame.from, to: frame.to.unwrap_or_default(), value })
}
