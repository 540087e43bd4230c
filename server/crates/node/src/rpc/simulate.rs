//! What calls would do: which accounts and slots they touch, and what several of them do in blocks that nobody makes.

use alloy_eips::BlockId;
use alloy_eips::eip2930::AccessListResult;
use alloy_primitives::{Address, B256, U64, U256};
use alloy_rpc_types_eth::TransactionRequest;
use alloy_rpc_types_eth::simulate::{SimCallResult, SimulateError, SimulatedBlock};
use alloy_rpc_types_eth::state::StateOverride;
use chain::{
    BlockToSimulate, CallToSimulate, ChainError, HeaderOverride, OfferedPrice, Place, PlacedLog, Simulation, Snapshot,
};
use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;
use serde::Deserialize;
use serde_json::Value;

use super::convert::{self, RpcBlock};
use super::error::{invalid_params, simulation_error};
use super::params::{MAX_CALL_GAS, call_of, height_of, overrides_of};
use crate::handle::NodeHandle;

#[rpc(server, namespace = "eth")]
pub(crate) trait SimulationApi {
    #[method(name = "createAccessList")]
    async fn create_access_list(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        overrides: Option<StateOverride>,
    ) -> RpcResult<AccessListResult>;

    #[method(name = "simulateV1")]
    async fn simulate(
        &self,
        simulation: SimulationRequest,
        block: Option<BlockId>,
    ) -> RpcResult<Vec<SimulatedBlock<RpcBlock>>>;
}

/// The blocks of `eth_simulateV1`. A field that is not here is refused, so that nobody takes it for heeded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SimulationRequest {
    block_state_calls: Vec<BlockRequest>,
    #[serde(default)]
    trace_transfers: bool,
    #[serde(default)]
    validation: bool,
    #[serde(default)]
    return_full_transactions: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlockRequest {
    block_overrides: Option<HeaderRequest>,
    state_overrides: Option<StateOverride>,
    #[serde(default)]
    calls: Vec<TransactionRequest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeaderRequest {
    number: Option<U64>,
    time: Option<U64>,
    gas_limit: Option<U64>,
    fee_recipient: Option<Address>,
    prev_randao: Option<B256>,
    /// Gas is free: 0 alone is taken.
    base_fee_per_gas: Option<U256>,
    /// There are none on this chain: an empty list alone is taken.
    withdrawals: Option<Vec<Value>>,
}

pub(crate) struct SimulationRpc {
    handle: NodeHandle,
}

impl SimulationRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }
}

#[async_trait]
impl SimulationApiServer for SimulationRpc {
    async fn create_access_list(
        &self,
        request: TransactionRequest,
        block: Option<BlockId>,
        overrides: Option<StateOverride>,
    ) -> RpcResult<AccessListResult> {
        let (call, overrides) = (call_of(request)?, overrides_of(overrides)?);
        let time = self.handle.call_time();
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, block)?;
            time.run(|is_over| snapshot.create_access_list(height, &call, &overrides, is_over))
        };
        let outcome = self.handle.query(read).await?;
        Ok(AccessListResult {
            access_list: outcome.access_list,
            gas_used: U256::from(outcome.gas_used),
            error: outcome.failure.map(|failure| failure.to_string()),
        })
    }

    async fn simulate(
        &self,
        simulation: SimulationRequest,
        block: Option<BlockId>,
    ) -> RpcResult<Vec<SimulatedBlock<RpcBlock>>> {
        let full = simulation.return_full_transactions;
        let simulation = simulation_of(simulation, self.handle.chain_id())?;
        let time = self.handle.call_time();
        let read = move |snapshot: &Snapshot| {
            let height = height_of(snapshot, block)?;
            let blocks = time.run(|is_over| snapshot.simulate_blocks(height, &simulation, is_over))?;
            Ok(blocks.into_iter().map(|block| shown(block, full)).collect())
        };
        self.handle.query(read).await.map_err(simulation_error)
    }
}

fn simulation_of(request: SimulationRequest, chain_id: u64) -> RpcResult<Simulation> {
    if request.block_state_calls.is_empty() {
        return Err(invalid_params("`blockStateCalls` is empty"));
    }
    let block = |block: BlockRequest| {
        let header = header_of(block.block_overrides.unwrap_or_default())?;
        let accounts = overrides_of(block.state_overrides)?;
        let calls = block.calls.into_iter().map(|call| call_to_simulate(call, chain_id)).collect::<RpcResult<_>>()?;
        Ok(BlockToSimulate { header, accounts, calls })
    };
    Ok(Simulation {
        blocks: request.block_state_calls.into_iter().map(block).collect::<RpcResult<_>>()?,
        validates: request.validation,
        traces_transfers: request.trace_transfers,
        gas_budget: MAX_CALL_GAS,
    })
}

fn header_of(request: HeaderRequest) -> RpcResult<HeaderOverride> {
    if request.base_fee_per_gas.is_some_and(|base_fee| !base_fee.is_zero()) {
        return Err(invalid_params("`baseFeePerGas` other than 0 is not supported: gas is free on this chain"));
    }
    if request.withdrawals.is_some_and(|withdrawals| !withdrawals.is_empty()) {
        return Err(invalid_params("`withdrawals` are not supported: this chain has none"));
    }
    Ok(HeaderOverride {
        number: request.number.map(|number| number.to()),
        timestamp_unix_s: request.time.map(|time| time.to()),
        gas_limit: request.gas_limit.map(|gas| gas.to()),
        beneficiary: request.fee_recipient,
        prev_randao: request.prev_randao,
    })
}

fn call_to_simulate(request: TransactionRequest, chain_id: u64) -> RpcResult<CallToSimulate> {
    let has_blobs =
        request.max_fee_per_blob_gas.is_some() || request.blob_versioned_hashes.is_some() || request.sidecar.is_some();
    if has_blobs || request.authorization_list.is_some() || request.transaction_type.is_some_and(|kind| kind > 2) {
        return Err(invalid_params("blob and set-code transactions are not supported, call as type 0, 1 or 2"));
    }
    if let Some(given) = request.chain_id.filter(|given| *given != chain_id) {
        return Err(invalid_params(format!("`chainId` is {given}, this chain is {chain_id}")));
    }
    let price = match (request.gas_price, request.max_fee_per_gas, request.max_priority_fee_per_gas) {
        (Some(price), None, None) => OfferedPrice::Gas(price),
        (None, Some(max), Some(tip)) if tip > max => {
            return Err(invalid_params(format!("`maxPriorityFeePerGas` {tip} is above `maxFeePerGas` {max}")));
        }
        (None, max, tip) => OfferedPrice::Fee { max: max.unwrap_or_default(), tip: tip.unwrap_or_default() },
        (Some(_), ..) => return Err(invalid_params("`gasPrice` and `maxFeePerGas` are both given")),
    };
    let (nonce, gas) = (request.nonce, request.gas);
    let mut call = call_of(request)?;
    // Without a limit of its own it has what is left of its block.
    call.gas = gas;
    Ok(CallToSimulate { call, nonce, price })
}

fn shown(simulated: chain::SimulatedBlock, full: bool) -> SimulatedBlock<RpcBlock> {
    let chain::SimulatedBlock { block, results } = simulated;
    let header = &block.header;
    let mut next_log_index = 0;
    let mut calls = Vec::new();
    for (index, (transaction, result)) in (0u32..).zip(block.transactions.iter().zip(results)) {
        let logs = result.logs.into_iter().map(|log| {
            let log_index = next_log_index;
            next_log_index += 1;
            convert::log(&PlacedLog {
                log,
                place: Place { height: header.number, index },
                transaction_hash: transaction.hash(),
                block_hash: header.hash(),
                block_timestamp_unix_s: header.timestamp,
                log_index,
            })
        });
        calls.push(SimCallResult {
            return_data: result.output,
            logs: logs.collect(),
            gas_used: result.gas_used,
            max_used_gas: Some(result.max_gas_used),
            status: result.failure.is_none(),
            error: result.failure.map(failure),
        });
    }
    SimulatedBlock { inner: convert::block(&block, full), calls }
}

fn failure(error: ChainError) -> SimulateError {
    let message = error.to_string();
    match error {
        ChainError::Reverted { output } => {
            SimulateError { code: SimulateError::EXECUTION_REVERTED_CODE, message, data: Some(output) }
        }
        _ => SimulateError { code: SimulateError::VM_EXECUTION_ERROR_CODE, message, data: None },
    }
}
