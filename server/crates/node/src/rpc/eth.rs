use std::sync::Arc;

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U128, U256};
use alloy_rpc_types_eth::state::StateOverride;
use alloy_rpc_types_eth::{
    EIP1186AccountProofResponse, EIP1186StorageProof, FeeHistory, Filter, TransactionReceipt, TransactionRequest,
};
use alloy_serde::JsonStorageKey;
use chain::{IncludedTransaction, Place, Snapshot, StateReader};
use jsonrpsee::Extensions;
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use serde_json::Value;

use super::convert::{self, RpcBlock, RpcTransaction};
use super::error::{invalid_params, limit_exceeded};
use super::filters::{FilterChanges, Filters};
use super::params::{
    call_of, height_of, height_of_number, log_filter_of, log_range_of, overrides_of, past_log_range_of,
};
use crate::allowance::Allowance;
use crate::clock::now_unix_s;
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// Receipts up to this size are read at once, and longer ones in the lane of long reads.
const SHORT_RECEIPT_BYTES: usize = 64 << 10;

/// Most blocks one `eth_feeHistory` covers.
const MAX_FEE_HISTORY_BLOCKS: u64 = 1_024;

/// Most percentiles one `eth_feeHistory` asks for.
const MAX_REWARD_PERCENTILES: usize = 100;

#[rpc(server, namespace = "eth")]
pub(crate) trait EthApi {
    #[method(name = "chainId")]
    fn chain_id(&self) -> RpcResult<U64>;

    #[method(name = "blockNumber")]
    fn block_number(&self) -> RpcResult<U64>;

    #[method(name = "syncing")]
    fn syncing(&self) -> RpcResult<bool>;

    /// The node holds no keys of accounts.
    #[method(name = "accounts")]
    fn accounts(&self) -> RpcResult<Vec<Address>>;

    #[method(name = "gasPrice")]
    fn gas_price(&self) -> RpcResult<U256>;

    #[method(name = "maxPriorityFeePerGas")]
    fn max_priority_fee_per_gas(&self) -> RpcResult<U256>;

    /// Contracts can read it, too; there are no transactions that pay it.
    #[method(name = "blobBaseFee")]
    fn blob_base_fee(&self) -> RpcResult<U256>;

    #[method(name = "feeHistory")]
    fn fee_history(
        &self,
        block_count: U64,
        newest: BlockNumberOrTag,
        reward_percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory>;

    #[method(name = "getBlockByNumber")]
    async fn block_by_number(&self, number: BlockNumberOrTag, full: Option<bool>) -> RpcResult<Option<RpcBlock>>;

    #[method(name = "getBlockByHash")]
    async fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<RpcBlock>>;

    #[method(name = "getBlockReceipts")]
    async fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<TransactionReceipt>>>;

    #[method(name = "getBlockTransactionCountByNumber")]
    fn transaction_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>>;

    #[method(name = "getBlockTransactionCountByHash")]
    fn transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>>;

    #[method(name = "getUncleCountByBlockNumber")]
    fn uncle_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>>;

    #[method(name = "getUncleCountByBlockHash")]
    fn uncle_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>>;

    /// No block has uncles.
    #[method(name = "getUncleByBlockNumberAndIndex")]
    fn uncle_by_number_and_index(&self, number: BlockNumberOrTag, index: U64) -> RpcResult<Option<RpcBlock>>;

    #[method(name = "getUncleByBlockHashAndIndex")]
    fn uncle_by_hash_and_index(&self, hash: B256, index: U64) -> RpcResult<Option<RpcBlock>>;

    #[method(name = "getTransactionByHash")]
    fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getRawTransactionByHash")]
    fn raw_transaction_by_hash(&self, hash: B256) -> RpcResult<Option<Bytes>>;

    #[method(name = "getTransactionByBlockNumberAndIndex")]
    fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: U64,
    ) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getTransactionByBlockHashAndIndex")]
    fn transaction_by_hash_and_index(&self, hash: B256, index: U64) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getTransactionBySenderAndNonce")]
    async fn transaction_by_sender_and_nonce(&self, sender: Address, nonce: U64) -> RpcResult<Option<RpcTransaction>>;

    #[method(name = "getTransactionReceipt")]
    async fn transaction_receipt(&self, hash: B256) -> RpcResult<Option<TransactionReceipt>>;

    #[method(name = "sendRawTransaction", with_extensions)]
    async fn send_raw_transaction(&self, raw: Bytes) -> RpcResult<B256>;

    #[method(name = "getBalance")]
    fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256>;

    #[method(name = "getTransactionCount")]
    fn transaction_count(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64>;

    #[method(name = "getCode")]
    fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes>;

    #[method(name = "getStorageAt")]
    fn storage_at(&self, address: Address, slot: JsonStorageKey, block: Option<BlockId>) -> RpcResult<B256>;

    #[method(name = "getProof")]
    async fn proof(
        &self,
        address: Address,
        slots: Vec<JsonStorageKey>,
        block: Option<BlockId>,
    ) -> RpcResult<EIP1186AccountProofResponse>;

    #[method(name = "call")]
    async fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        overrides: Option<StateOverride>,
        block_overrides: Option<Value>,
    ) -> RpcResult<Bytes>;

    #[method(name = "estimateGas")]
    async fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        overrides: Option<StateOverride>,
    ) -> RpcResult<U64>;

    #[method(name = "getLogs")]
    async fn logs(&self, filter: Filter) -> RpcResult<Vec<alloy_rpc_types_eth::Log>>;

    #[method(name = "newFilter")]
    fn new_filter(&self, filter: Filter) -> RpcResult<U128>;

    #[method(name = "newBlockFilter")]
    fn new_block_filter(&self) -> RpcResult<U128>;

    #[method(name = "newPendingTransactionFilter")]
    fn new_pending_transaction_filter(&self) -> RpcResult<U128>;

    #[method(name = "getFilterChanges")]
    async fn filter_changes(&self, id: U128) -> RpcResult<FilterChanges>;

    #[method(name = "getFilterLogs")]
    async fn filter_logs(&self, id: U128) -> RpcResult<Vec<alloy_rpc_types_eth::Log>>;

    #[method(name = "uninstallFilter")]
    fn uninstall_filter(&self, id: U128) -> RpcResult<bool>;
}

pub(crate) struct EthRpc {
    handle: NodeHandle,
    filters: Arc<Filters>,
}

impl EthRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle, filters: Arc::default() }
    }

    /// Reads the accounts after a block.
    fn state<T>(
        &self,
        block: Option<BlockId>,
        read: impl FnOnce(&StateReader) -> Result<T, chain::ChainError>,
    ) -> RpcResult<T> {
        let snapshot = self.handle.snapshot()?;
        let height = height_of(&snapshot, block)?;
        Ok(snapshot.state_at(height).and_then(|state| read(&state)).map_err(NodeError::from)?)
    }

    fn count_at(&self, snapshot: &Snapshot, height: Option<u64>) -> RpcResult<Option<U64>> {
        let Some(height) = height else { return Ok(None) };
        Ok(Some(U64::from(snapshot.transaction_count(height).map_err(NodeError::from)?)))
    }

    fn transaction_at(
        &self,
        snapshot: &Snapshot,
        height: Option<u64>,
        index: U64,
    ) -> RpcResult<Option<RpcTransaction>> {
        let (Some(height), Ok(index)) = (height, u32::try_from(index.to::<u64>())) else { return Ok(None) };
        let found = snapshot.transaction_at(Place { height, index }).map_err(NodeError::from)?;
        Ok(found.as_ref().map(convert::included))
    }
}

fn block_at(snapshot: &Snapshot, height: Option<u64>, full: Option<bool>) -> Result<Option<RpcBlock>, NodeError> {
    let Some(height) = height else { return Ok(None) };
    let block = snapshot.block_at(height)?;
    Ok(block.map(|block| convert::block(&block, full.unwrap_or(false))))
}

fn receipts_of(snapshot: &Snapshot, block: BlockId) -> Result<Option<Vec<TransactionReceipt>>, NodeError> {
    let Ok(height) = height_of(snapshot, Some(block)) else { return Ok(None) };
    let Some(block) = snapshot.block_at(height)? else { return Ok(None) };
    let receipts = snapshot.receipts_at(height)?;
    let all = (0u32..).zip(block.transactions.into_iter().zip(receipts));
    let converted = all.map(|(index, (transaction, receipt))| {
        convert::receipt(&IncludedTransaction {
            place: Place { height, index },
            block_hash: block.header.hash(),
            block_timestamp_unix_s: block.header.timestamp,
            transaction,
            receipt,
        })
    });
    Ok(Some(converted.collect()))
}

fn height_of_hash(snapshot: &Snapshot, hash: B256) -> Result<Option<u64>, NodeError> {
    Ok(snapshot.height_of(hash)?)
}

#[jsonrpsee::core::async_trait]
impl EthApiServer for EthRpc {
    fn chain_id(&self) -> RpcResult<U64> {
        Ok(U64::from(self.handle.chain_id()))
    }

    fn block_number(&self) -> RpcResult<U64> {
        Ok(U64::from(self.handle.head()?.number))
    }

    fn syncing(&self) -> RpcResult<bool> {
        Ok(false)
    }

    fn accounts(&self) -> RpcResult<Vec<Address>> {
        Ok(Vec::new())
    }

    fn gas_price(&self) -> RpcResult<U256> {
        Ok(U256::from(chain::rules::GAS_PRICE_WEI))
    }

    fn max_priority_fee_per_gas(&self) -> RpcResult<U256> {
        Ok(U256::from(chain::rules::GAS_PRICE_WEI))
    }

    fn blob_base_fee(&self) -> RpcResult<U256> {
        Ok(U256::from(chain::rules::BLOB_GAS_PRICE_WEI))
    }

    fn fee_history(
        &self,
        block_count: U64,
        newest: BlockNumberOrTag,
        reward_percentiles: Option<Vec<f64>>,
    ) -> RpcResult<FeeHistory> {
        let percentiles = reward_percentiles.unwrap_or_default();
        check_percentiles(&percentiles)?;
        let snapshot = self.handle.snapshot()?;
        let newest = height_of(&snapshot, Some(BlockId::Number(newest)))?;
        let count = block_count.to::<u64>().min(MAX_FEE_HISTORY_BLOCKS).min(newest + 1);
        let oldest = newest + 1 - count;
        let mut gas_used_ratio = Vec::new();
        for height in oldest..oldest + count {
            let header = snapshot.header_at(height).map_err(NodeError::from)?;
            gas_used_ratio.push(header.map_or(0.0, |header| header.gas_used as f64 / header.gas_limit as f64));
        }
        let prices = |length: usize| vec![u128::from(chain::rules::GAS_PRICE_WEI); length];
        Ok(FeeHistory {
            base_fee_per_gas: prices(gas_used_ratio.len() + 1),
            // As in geth, who asks for no percentile gets no list.
            reward: (!percentiles.is_empty()).then(|| vec![prices(percentiles.len()); gas_used_ratio.len()]),
            base_fee_per_blob_gas: vec![u128::from(chain::rules::BLOB_GAS_PRICE_WEI); gas_used_ratio.len() + 1],
            blob_gas_used_ratio: vec![0.0; gas_used_ratio.len()],
            gas_used_ratio,
            oldest_block: oldest,
        })
    }

    async fn block_by_number(&self, number: BlockNumberOrTag, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        let read = move |snapshot: &Snapshot| block_at(snapshot, height_of_number(snapshot, number), full);
        Ok(self.handle.query(read).await?)
    }

    async fn block_by_hash(&self, hash: B256, full: Option<bool>) -> RpcResult<Option<RpcBlock>> {
        let read = move |snapshot: &Snapshot| block_at(snapshot, height_of_hash(snapshot, hash)?, full);
        Ok(self.handle.query(read).await?)
    }

    async fn block_receipts(&self, block: BlockId) -> RpcResult<Option<Vec<TransactionReceipt>>> {
        Ok(self.handle.query(move |snapshot| receipts_of(snapshot, block)).await?)
    }

    fn transaction_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>> {
        let snapshot = self.handle.snapshot()?;
        self.count_at(&snapshot, height_of_number(&snapshot, number))
    }

    fn transaction_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        let snapshot = self.handle.snapshot()?;
        self.count_at(&snapshot, height_of_hash(&snapshot, hash)?)
    }

    fn uncle_count_by_number(&self, number: BlockNumberOrTag) -> RpcResult<Option<U64>> {
        let snapshot = self.handle.snapshot()?;
        Ok(height_of_number(&snapshot, number).map(|_| U64::ZERO))
    }

    fn uncle_count_by_hash(&self, hash: B256) -> RpcResult<Option<U64>> {
        let snapshot = self.handle.snapshot()?;
        Ok(height_of_hash(&snapshot, hash)?.map(|_| U64::ZERO))
    }

    fn uncle_by_number_and_index(&self, _: BlockNumberOrTag, _: U64) -> RpcResult<Option<RpcBlock>> {
        Ok(None)
    }

    fn uncle_by_hash_and_index(&self, _: B256, _: U64) -> RpcResult<Option<RpcBlock>> {
        Ok(None)
    }

    fn transaction_by_hash(&self, hash: B256) -> RpcResult<Option<RpcTransaction>> {
        // The pool first: a block between the two reads moves the transaction to the chain, never back.
        let waiting = self.handle.pending_transaction(hash);
        match self.handle.transaction(hash)? {
            Some(found) => Ok(Some(convert::included(&found))),
            None => Ok(waiting.as_ref().map(convert::pending)),
        }
    }

    fn raw_transaction_by_hash(&self, hash: B256) -> RpcResult<Option<Bytes>> {
        let waiting = self.handle.pending_transaction(hash);
        let found = self.handle.transaction(hash)?.map(|included| included.transaction);
        Ok(found.or(waiting).map(|transaction| transaction.raw().clone()))
    }

    fn transaction_by_number_and_index(
        &self,
        number: BlockNumberOrTag,
        index: U64,
    ) -> RpcResult<Option<RpcTransaction>> {
        let snapshot = self.handle.snapshot()?;
        self.transaction_at(&snapshot, height_of_number(&snapshot, number), index)
    }

    fn transaction_by_hash_and_index(&self, hash: B256, index: U64) -> RpcResult<Option<RpcTransaction>> {
        let snapshot = self.handle.snapshot()?;
        self.transaction_at(&snapshot, height_of_hash(&snapshot, hash)?, index)
    }

    async fn transaction_by_sender_and_nonce(&self, sender: Address, nonce: U64) -> RpcResult<Option<RpcTransaction>> {
        let nonce = nonce.to();
        let read = move |snapshot: &Snapshot| match snapshot.transaction_by_nonce(sender, nonce)? {
            Some(hash) => Ok(snapshot.transaction(hash)?.as_ref().map(convert::included)),
            None => Ok(None),
        };
        Ok(self.handle.query(read).await?)
    }

    async fn transaction_receipt(&self, hash: B256) -> RpcResult<Option<TransactionReceipt>> {
        let snapshot = self.handle.snapshot()?;
        let Some(place) = snapshot.place_of(hash).map_err(NodeError::from)? else { return Ok(None) };
        let read = move |snapshot: &Snapshot| Ok(snapshot.transaction_at(place)?.as_ref().map(convert::receipt));
        // A wallet asks again and again, and a short receipt does not wait for what others ask.
        match snapshot.receipt_bytes(place).map_err(NodeError::from)? {
            0..=SHORT_RECEIPT_BYTES => Ok(read(&snapshot)?),
            _ => Ok(self.handle.query(read).await?),
        }
    }

    async fn send_raw_transaction(&self, request: &Extensions, raw: Bytes) -> RpcResult<B256> {
        let caller = request.get::<Allowance>().map(Allowance::caller);
        Ok(self.handle.submit_of(caller, &raw).await?)
    }

    fn balance(&self, address: Address, block: Option<BlockId>) -> RpcResult<U256> {
        self.state(block, |state| Ok(state.account(address)?.map_or(U256::ZERO, |account| account.balance)))
    }

    fn transaction_count(&self, address: Address, block: Option<BlockId>) -> RpcResult<U64> {
        if block == Some(BlockId::Number(BlockNumberOrTag::Pending)) {
            return Ok(U64::from(self.handle.next_nonce(address)?));
        }
        self.state(block, |state| Ok(U64::from(state.account(address)?.map_or(0, |account| account.nonce))))
    }

    fn code(&self, address: Address, block: Option<BlockId>) -> RpcResult<Bytes> {
        self.state(block, |state| state.code_at(address))
    }

    fn storage_at(&self, address: Address, slot: JsonStorageKey, block: Option<BlockId>) -> RpcResult<B256> {
        self.state(block, |state| Ok(state.slot(address, slot.as_b256().into())?.into()))
    }

    async fn proof(
        &self,
        address: Address,
        slots: Vec<JsonStorageKey>,
        block: Option<BlockId>,
    ) -> RpcResult<EIP1186AccountProofResponse> {
        let numbers: Vec<U256> = slots.iter().map(|slot| slot.as_b256().into()).collect();
        let proof = self
            .handle
            .query(move |snapshot| {
                let height = height_of(snapshot, block)?;
                Ok(snapshot.prove_account(height, address, &numbers)?)
            })
            .await?;
        let storage_proof = slots
            .into_iter()
            .zip(proof.slots)
            .map(|(key, (_, value, proof))| EIP1186StorageProof { key, value, proof })
            .collect();
        Ok(EIP1186AccountProofResponse {
            address,
            balance: proof.account.balance,
            code_hash: proof.account.code_hash,
            nonce: proof.account.nonce,
            storage_hash: proof.account.storage_root,
            account_proof: proof.account_proof,
            storage_proof,
        })
    }

    async fn call(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        overrides: Option<StateOverride>,
        block_overrides: Option<Value>,
    ) -> RpcResult<Bytes> {
        if block_overrides.is_some_and(|value| value.as_object().is_none_or(|fields| !fields.is_empty())) {
            return Err(invalid_params("block overrides are not supported"));
        }
        let (call, overrides) = (call_of(request)?, overrides_of(overrides)?);
        let time = self.handle.call_time();
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, block)?;
            time.run(|is_over| snapshot.call(height, &call, &overrides, is_over))
        };
        Ok(self.handle.query(read).await?.output)
    }

    async fn estimate_gas(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        overrides: Option<StateOverride>,
    ) -> RpcResult<U64> {
        let (call, overrides) = (call_of(request)?, overrides_of(overrides)?);
        let time = self.handle.call_time();
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, block)?;
            // The head names the state; the transaction will be in the block that comes next, which may be much later.
            time.run(|is_over| match height == snapshot.head().number {
                true => snapshot.estimate_gas_of_next(now_unix_s(), &call, &overrides, is_over),
                false => snapshot.estimate_gas(height, &call, &overrides, is_over),
            })
        };
        Ok(U64::from(self.handle.query(read).await?))
    }

    async fn logs(&self, filter: Filter) -> RpcResult<Vec<alloy_rpc_types_eth::Log>> {
        let wanted = log_filter_of(&filter)?;
        let (first, last) = past_log_range_of(&self.handle.snapshot()?, &filter.block_option)?;
        let found = self.handle.logs(wanted, first, last).await?;
        Ok(found.iter().map(convert::log).collect())
    }

    fn new_filter(&self, filter: Filter) -> RpcResult<U128> {
        let wanted = log_filter_of(&filter)?;
        let snapshot = self.handle.snapshot()?;
        let range = log_range_of(&snapshot, &filter.block_option)?;
        self.filters.install_logs(wanted, range, snapshot.head().number)
    }

    fn new_block_filter(&self) -> RpcResult<U128> {
        self.filters.install_blocks(self.handle.head()?.number)
    }

    fn new_pending_transaction_filter(&self) -> RpcResult<U128> {
        self.filters.install_arrivals(self.handle.shared.arrivals.total(), self.handle.head()?.number)
    }

    async fn filter_changes(&self, id: U128) -> RpcResult<FilterChanges> {
        let filters = Arc::clone(&self.filters);
        filters.changes(id, &self.handle).await
    }

    async fn filter_logs(&self, id: U128) -> RpcResult<Vec<alloy_rpc_types_eth::Log>> {
        let filters = Arc::clone(&self.filters);
        filters.all_logs(id, &self.handle).await
    }

    fn uninstall_filter(&self, id: U128) -> RpcResult<bool> {
        Ok(self.filters.uninstall(id))
    }
}

fn check_percentiles(percentiles: &[f64]) -> RpcResult<()> {
    if percentiles.len() > MAX_REWARD_PERCENTILES {
        return Err(limit_exceeded("reward percentiles", MAX_REWARD_PERCENTILES, percentiles.len()));
    }
    let in_range = percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile));
    if !in_range || !percentiles.is_sorted() {
        return Err(invalid_params("reward percentiles must rise from 0 to 100"));
    }
    Ok(())
}
