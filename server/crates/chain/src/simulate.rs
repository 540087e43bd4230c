//! Simulated blocks: calls that run one after the other on a state of the chain, in blocks that nobody makes.

use std::collections::BTreeMap;

use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEip2930, TxLegacy};
use alloy_primitives::{Address, B256, Bytes, Log, Signature, TxKind, U256};
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};
use revm::context::{BlockEnv, CfgEnv};
use revm::database::CacheDB;
use revm::{Context, DatabaseCommit as _, DatabaseRef as _, InspectEvm as _, MainBuilder as _, MainContext as _};

use crate::block::{Block, HeaderSeed, SealedHeader, assemble_header};
use crate::call::{AccountOverride, Call, apply_overrides, call_rules, environment, finish};
use crate::error::ChainError;
use crate::executor::{BlockContext, evm_failure, receipt_of};
use crate::receipt::{BlockProgress, TransactionReceipt};
use crate::rules::{MAX_INIT_CODE_BYTES, TRANSACTION_GAS_CAP};
use crate::state::StateReader;
use crate::store::read::Snapshot;
use crate::transaction::{Envelope, SignedTransaction, TransactionError};
use crate::transfers::TransferLogs;
use crate::watch::{IsOver, Recording, Watch};

/// Most blocks of one simulation, those counted that fill gaps between numbers.
pub const MAX_SIMULATED_BLOCKS: u64 = 256;

/// Most bytes of inputs, outputs and logs of all calls of one simulation, also of the calls inside them.
pub const MAX_SIMULATION_BYTES: usize = 8 << 20;

/// What to simulate.
#[derive(Clone, Debug, Default)]
pub struct Simulation {
    /// The blocks in their order.
    pub blocks: Vec<BlockToSimulate>,
    /// Nonces, senders and gas limits have to be those of a transaction.
    pub validates: bool,
    /// Transfers of the chain's own coin are among the logs.
    pub traces_transfers: bool,
    /// Gas that all calls together may use, in units of gas.
    pub gas_budget: u64,
}

/// One block of a simulation.
#[derive(Clone, Debug, Default)]
pub struct BlockToSimulate {
    /// What it is like.
    pub header: HeaderOverride,
    /// What to pretend of accounts from this block on.
    pub accounts: BTreeMap<Address, AccountOverride>,
    /// Calls in their order.
    pub calls: Vec<CallToSimulate>,
}

/// What a simulated block has in place of what follows from the block before.
#[derive(Clone, Debug, Default)]
pub struct HeaderOverride {
    /// Its height; the next one if absent.
    pub number: Option<u64>,
    /// Its time; a second later if absent.
    pub timestamp_unix_s: Option<u64>,
    /// Gas that its calls may use; as the block before if absent.
    pub gas_limit: Option<u64>,
    /// Its `COINBASE`; as the block before if absent.
    pub beneficiary: Option<Address>,
    /// Its `PREVRANDAO`; 0 if absent, as in each block of the chain.
    pub prev_randao: Option<B256>,
}

/// A call with what a transaction has beside it.
#[derive(Clone, Debug, Default)]
pub struct CallToSimulate {
    /// The call. Without a gas limit it has what is left of its block.
    pub call: Call,
    /// The sender's next one if absent.
    pub nonce: Option<u64>,
    /// What it offers for gas. It pays nothing, as gas is free; the price is part of its hash.
    pub price: OfferedPrice,
}

/// What a transaction offers for each gas, in wei.
#[derive(Clone, Copy, Debug)]
pub enum OfferedPrice {
    /// As before EIP-1559.
    Gas(u128),
    /// EIP-1559.
    Fee {
        /// The most in all.
        max: u128,
        /// The most for the proposer.
        tip: u128,
    },
}

impl Default for OfferedPrice {
    fn default() -> Self {
        Self::Fee { max: 0, tip: 0 }
    }
}

/// A simulated block. It is no block of the chain: its state root is 0, its extra data empty, and its transactions are not signed.
#[derive(Debug)]
pub struct SimulatedBlock {
    /// Header and transactions.
    pub block: Block,
    /// What each transaction did.
    pub results: Vec<SimulatedResult>,
}

/// What a simulated transaction did.
#[derive(Debug)]
pub struct SimulatedResult {
    /// Returned data, the code of a creation, or what a reverted call said.
    pub output: Bytes,
    /// Its logs; none where it failed.
    pub logs: Vec<Log>,
    /// Gas used, in units of gas.
    pub gas_used: u64,
    /// The same before refunds.
    pub max_gas_used: u64,
    /// Why it failed, if it did: [`ChainError::Reverted`] or [`ChainError::Halted`].
    pub failure: Option<ChainError>,
}

impl Snapshot {
    /// Simulates blocks on the state after the block at `height`, until `is_over`.
    ///
    /// # Errors
    /// [`ChainError::Transaction`] for a call that would be no valid transaction, [`ChainError::SimulatedNumber`],
    /// [`ChainError::SimulatedTime`], [`ChainError::SimulatedGas`], [`ChainError::SimulationTooLong`],
    /// [`ChainError::LimitExceeded`], [`ChainError::CallStopped`], [`ChainError::InvalidCall`] or a storage error. A call that
    /// fails while it runs is no error.
    pub fn simulate_blocks(
        &self,
        height: u64,
        simulation: &Simulation,
        is_over: IsOver<'_>,
    ) -> Result<Vec<SimulatedBlock>, ChainError> {
        let base = self.header_at(height)?.ok_or_else(|| ChainError::UnknownBlock(height.to_string()))?;
        let state = self.state_at(height)?;
        let mut run = Run {
            database: CacheDB::new(&state),
            chain_id: self.chain_id(),
            validates: simulation.validates,
            traces_transfers: simulation.traces_transfers,
            gas_budget: simulation.gas_budget,
            gas_left: simulation.gas_budget,
            previous: base,
            watch: Watch::recording(is_over, RECORDING),
        };
        let (mut blocks, empty) = (Vec::new(), BlockToSimulate::default());
        for wanted in &simulation.blocks {
            let previous = run.previous.number;
            let number = wanted.header.number.unwrap_or(previous.saturating_add(1));
            if number <= previous {
                return Err(ChainError::SimulatedNumber { given: number, previous });
            }
            // Gaps are filled, so there are as many blocks as numbers.
            let given = number - height;
            if given > MAX_SIMULATED_BLOCKS {
                return Err(ChainError::LimitExceeded { what: "simulated blocks", limit: MAX_SIMULATED_BLOCKS, given });
            }
            for filling in previous + 1..number {
                blocks.push(run.block(filling, &empty)?);
            }
            blocks.push(run.block(number, wanted)?);
        }
        Ok(blocks)
    }
}

/// What calls pass, return and log is counted. Steps are not recorded.
const RECORDING: Recording = Recording {
    max_bytes: MAX_SIMULATION_BYTES,
    steps: false,
    stack: false,
    memory: false,
    storage: false,
    return_data: false,
};

/// A simulation on its way.
struct Run<'a> {
    database: CacheDB<&'a StateReader>,
    chain_id: u64,
    validates: bool,
    traces_transfers: bool,
    gas_budget: u64,
    gas_left: u64,
    previous: SealedHeader,
    watch: Watch<'a>,
}

/// What the calls of one block share.
struct Setting {
    block: BlockEnv,
    cfg: CfgEnv,
    gas_limit: u64,
}

/// A call that ran.
struct Ran {
    transaction: SignedTransaction,
    receipt: TransactionReceipt,
    result: SimulatedResult,
}

impl Run<'_> {
    fn block(&mut self, number: u64, wanted: &BlockToSimulate) -> Result<SimulatedBlock, ChainError> {
        let (header, previous) = (&wanted.header, &self.previous);
        let timestamp_unix_s = header.timestamp_unix_s.unwrap_or(previous.timestamp.saturating_add(1));
        if timestamp_unix_s <= previous.timestamp {
            return Err(ChainError::SimulatedTime { given: timestamp_unix_s, previous: previous.timestamp });
        }
        let seed = HeaderSeed {
            parent_hash: previous.hash(),
            number,
            timestamp_unix_s,
            beneficiary: header.beneficiary.unwrap_or(previous.beneficiary),
            gas_limit: header.gas_limit.unwrap_or(previous.gas_limit),
        };
        let prev_randao = header.prev_randao.unwrap_or_default();
        apply_overrides(&mut self.database, &wanted.accounts)?;
        let setting = self.setting(seed, prev_randao);
        let (mut transactions, mut receipts, mut results) = (Vec::new(), Vec::new(), Vec::new());
        let mut progress = BlockProgress::default();
        for call in &wanted.calls {
            let Ran { transaction, receipt, result } = self.call(&setting, call, progress)?;
            progress = receipt.progress();
            transactions.push(transaction);
            receipts.push(receipt);
            results.push(result);
        }
        let assembled = assemble_header(seed, B256::ZERO, B256::ZERO, &transactions, &receipts);
        let mut header = assembled.header().clone();
        header.mix_hash = prev_randao;
        header.extra_data = Bytes::new();
        let header = SealedHeader::new(header);
        self.database.cache.block_hashes.insert(U256::from(number), header.hash());
        self.previous = header.clone();
        Ok(SimulatedBlock { block: Block { header, transactions }, results })
    }

    fn setting(&self, seed: HeaderSeed, prev_randao: B256) -> Setting {
        let context = BlockContext {
            chain_id: self.chain_id,
            number: seed.number,
            timestamp_unix_s: seed.timestamp_unix_s,
            beneficiary: seed.beneficiary,
            gas_limit: seed.gas_limit,
        };
        let block = BlockEnv { prevrandao: Some(prev_randao), ..context.to_block_env() };
        let cfg = if self.validates { context.to_cfg_env() } else { call_rules(context) };
        Setting { block, cfg, gas_limit: seed.gas_limit }
    }

    fn call(&mut self, setting: &Setting, wanted: &CallToSimulate, progress: BlockProgress) -> Result<Ran, ChainError> {
        let call = &wanted.call;
        call.check_size()?;
        let left = setting.gas_limit.saturating_sub(progress.gas_used);
        let most = if self.validates { left.min(TRANSACTION_GAS_CAP) } else { left };
        let given = call.gas.unwrap_or(most);
        if given > left {
            return Err(ChainError::SimulatedGas { given, left });
        }
        if self.gas_left == 0 {
            let (what, limit) = ("gas of a simulation", self.gas_budget);
            return Err(ChainError::LimitExceeded { what, limit, given: limit.saturating_add(given) });
        }
        let gas_limit = given.min(self.gas_left);
        let nonce = match wanted.nonce {
            Some(nonce) => nonce,
            None => self.database.basic_ref(call.from)?.map_or(0, |account| account.nonce),
        };
        let transaction = transaction_of(wanted, self.chain_id, nonce, gas_limit);
        let mut environment = environment(call, self.chain_id, gas_limit);
        environment.nonce = nonce;

        let mut transfers = TransferLogs::default();
        let mut evm = Context::mainnet()
            .with_db(&mut self.database)
            .with_block(setting.block.clone())
            .with_cfg(setting.cfg.clone())
            .build_mainnet_with_inspector((&mut self.watch, &mut transfers));
        let outcome = evm.inspect_tx(environment);
        drop(evm);
        if let Err(error) = self.watch.check() {
            return Err(match error {
                ChainError::TraceTooLong { max_bytes } => ChainError::SimulationTooLong { max_bytes },
                error => error,
            });
        }
        let outcome = outcome.map_err(|error| refusal(error, call, gas_limit, setting))?;
        self.database.commit(outcome.state);
        let result = outcome.result;
        self.gas_left -= result.tx_gas_used().min(self.gas_left);
        let logs = match &result {
            ExecutionResult::Success { .. } if self.traces_transfers => transfers.into_logs(),
            ExecutionResult::Success { logs, .. } => logs.clone(),
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => Vec::new(),
        };
        let receipt = receipt_of(&transaction, progress, result.clone());
        let simulated = SimulatedResult {
            output: result.output().cloned().unwrap_or_default(),
            logs,
            gas_used: result.tx_gas_used(),
            max_gas_used: result.gas().total_gas_spent().max(result.gas().floor_gas()),
            failure: finish(result).err(),
        };
        Ok(Ran { transaction, receipt, result: simulated })
    }
}

/// Why a call would be no valid transaction.
fn refusal(
    error: EVMError<ChainError, InvalidTransaction>,
    call: &Call,
    gas_limit: u64,
    setting: &Setting,
) -> ChainError {
    let invalid = match error {
        EVMError::Transaction(invalid) => invalid,
        EVMError::Database(error) => return error,
        error => return evm_failure(&error, setting.block.number.saturating_to()),
    };
    ChainError::Transaction(match invalid {
        InvalidTransaction::NonceTooLow { tx, state } => TransactionError::NonceTooLow { given: tx, expected: state },
        InvalidTransaction::NonceTooHigh { tx, state } => TransactionError::NonceTooHigh { given: tx, expected: state },
        InvalidTransaction::NonceOverflowInTransaction => TransactionError::NonceMax(u64::MAX),
        InvalidTransaction::LackOfFundForMaxFee { balance, .. } => {
            TransactionError::InsufficientFunds { balance: *balance, value: call.value }
        }
        InvalidTransaction::RejectCallerWithCode => TransactionError::SenderHasCode(call.from),
        InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas: needed, .. }
        | InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor: needed, .. } => {
            TransactionError::IntrinsicGas { given: gas_limit, needed }
        }
        InvalidTransaction::TxGasLimitGreaterThanCap { gas_limit, cap } => {
            TransactionError::GasLimitTooHigh { given: gas_limit, cap }
        }
        InvalidTransaction::CreateInitCodeSizeLimit => {
            TransactionError::InitCodeTooLarge { size: call.data.len(), limit: MAX_INIT_CODE_BYTES }
        }
        other => TransactionError::Invalid(other.to_string()),
    })
}

/// A call in the form of a transaction that nobody signed: its signature is 0.
fn transaction_of(wanted: &CallToSimulate, chain_id: u64, nonce: u64, gas_limit: u64) -> SignedTransaction {
    let Call { from, to, value, data: input, access_list, .. } = wanted.call.clone();
    let to = to.map_or(TxKind::Create, TxKind::Call);
    let unsigned = Signature::new(U256::ZERO, U256::ZERO, false);
    let envelope: Envelope = match wanted.price {
        OfferedPrice::Gas(gas_price) if access_list.is_empty() => {
            let chain_id = Some(chain_id);
            TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input }.into_signed(unsigned).into()
        }
        OfferedPrice::Gas(gas_price) => {
            TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input }
                .into_signed(unsigned)
                .into()
        }
        OfferedPrice::Fee { max, tip } => TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: max,
            max_priority_fee_per_gas: tip,
            to,
            value,
            access_list,
            input,
        }
        .into_signed(unsigned)
        .into(),
    };
    SignedTransaction::unsigned(envelope, from)
}
