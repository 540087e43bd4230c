//! What happened inside a transaction or a call: every call of a contract, every instruction, every slot. The record is made
//! by running it again on the state that it ran on.

use std::cell::Cell;
use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, TxHash, U256};
use alloy_rpc_types_trace::geth::{CallConfig, GethDebugBuiltInTracerType as BuiltIn, GethDebugTracerType};
pub use alloy_rpc_types_trace::geth::{CallFrame, GethDebugTracingOptions, GethTrace};
use revm::bytecode::Bytecode;
use revm::context::result::ResultAndState;
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::database::CacheDB;
use revm::handler::MainnetContext;
use revm::state::AccountInfo;
use revm::{Context, DatabaseCommit as _, DatabaseRef, InspectEvm as _, Inspector, MainBuilder as _, MainContext as _};
use revm_inspectors::tracing::{DebugInspector, DebugInspectorError, TransactionContext};

use crate::call::{AccountOverride, Call, apply_overrides, call_rules, environment, simulation_error};
use crate::error::ChainError;
use crate::executor::BlockContext;
use crate::state::StateReader;
use crate::store::read::Snapshot;
use crate::watch::{IsOver, Recording, Watch};

/// Most bytes of calls, steps and results that one question records, all transactions of a block together.
pub const MAX_TRACE_BYTES: usize = 8 << 20;

type Database<'s> = CacheDB<BoundedCode<'s>>;

/// The state, of which a trace reads so many bytes of code and no more: some tracers copy the code of every account into
/// their record.
struct BoundedCode<'s> {
    state: &'s StateReader,
    read_bytes: Cell<usize>,
}

impl<'s> BoundedCode<'s> {
    fn new(state: &'s StateReader) -> Self {
        Self { state, read_bytes: Cell::new(0) }
    }

    fn count(&self, code: &Bytecode) -> Result<(), ChainError> {
        self.read_bytes.set(self.read_bytes.get().saturating_add(code.len()));
        if self.read_bytes.get() > MAX_TRACE_BYTES {
            return Err(ChainError::TraceTooLong { max_bytes: MAX_TRACE_BYTES });
        }
        Ok(())
    }
}

impl DatabaseRef for BoundedCode<'_> {
    type Error = ChainError;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, ChainError> {
        let account = self.state.basic_ref(address)?;
        account.as_ref().and_then(|account| account.code.as_ref()).map_or(Ok(()), |code| self.count(code))?;
        Ok(account)
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, ChainError> {
        let code = self.state.code_by_hash_ref(code_hash)?;
        self.count(&code)?;
        Ok(code)
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, ChainError> {
        self.state.storage_ref(address, slot)
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, ChainError> {
        self.state.block_hash_ref(number)
    }
}

impl Snapshot {
    /// What happened inside a transaction; `None` while no block has it. The transactions before it in its block run
    /// again as well, until `is_over`.
    ///
    /// # Errors
    /// [`ChainError::Tracer`] for a tracer that is not known, [`ChainError::CallStopped`],
    /// [`ChainError::TraceTooLong`], or a storage error.
    pub fn trace_transaction(
        &self,
        transaction_hash: B256,
        options: &GethDebugTracingOptions,
        is_over: IsOver<'_>,
    ) -> Result<Option<GethTrace>, ChainError> {
        let Some(place) = self.place_of(transaction_hash)? else { return Ok(None) };
        let mut traces = self.trace_places(place.height, place.index..=place.index, options, is_over)?;
        Ok(traces.pop().map(|(_, trace)| trace))
    }

    /// What happened inside each transaction of a block, by their hashes.
    ///
    /// # Errors
    /// As [`Snapshot::trace_transaction`], and [`ChainError::UnknownBlock`].
    pub fn trace_block(
        &self,
        height: u64,
        options: &GethDebugTracingOptions,
        is_over: IsOver<'_>,
    ) -> Result<Vec<(TxHash, GethTrace)>, ChainError> {
        self.trace_places(height, 0..=u32::MAX, options, is_over)
    }

    /// What would happen inside a call on the state after the block at `height`.
    ///
    /// # Errors
    /// As [`Snapshot::trace_transaction`], and those of [`Snapshot::call`] but [`ChainError::Reverted`]: a call that fails
    /// has a trace.
    pub fn trace_call(
        &self,
        height: u64,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        options: &GethDebugTracingOptions,
        is_over: IsOver<'_>,
    ) -> Result<GethTrace, ChainError> {
        let header = self.header_at(height)?.ok_or_else(|| ChainError::UnknownBlock(height.to_string()))?;
        let state = self.state_at(height)?;
        call.check_size()?;
        let context = BlockContext::of(self.chain_id(), &header);
        let mut database = CacheDB::new(BoundedCode::new(&state));
        apply_overrides(&mut database, overrides)?;
        let gas = call.gas.unwrap_or(header.gas_limit).min(header.gas_limit);
        let mut tracer = Tracer::new(options, is_over)?;
        let setting = Setting { block: context.to_block_env(), cfg: call_rules(context) };
        let (trace, _) = tracer.trace(&mut database, &setting, environment(call, self.chain_id(), gas), None)?;
        Ok(trace)
    }

    /// Every call inside a transaction; `None` while no block has it.
    ///
    /// # Errors
    /// As [`Snapshot::trace_transaction`].
    pub fn calls_of(&self, transaction_hash: B256, is_over: IsOver<'_>) -> Result<Option<CallFrame>, ChainError> {
        let options = GethDebugTracingOptions::call_tracer(CallConfig::default());
        match self.trace_transaction(transaction_hash, &options, is_over)? {
            Some(GethTrace::CallTracer(frame)) => Ok(Some(frame)),
            Some(_) => Err(ChainError::Tracer("the record of calls has another form".to_owned())),
            None => Ok(None),
        }
    }

    fn trace_places(
        &self,
        height: u64,
        wanted: core::ops::RangeInclusive<u32>,
        options: &GethDebugTracingOptions,
        is_over: IsOver<'_>,
    ) -> Result<Vec<(TxHash, GethTrace)>, ChainError> {
        let block = self.block_at(height)?.ok_or_else(|| ChainError::UnknownBlock(height.to_string()))?;
        let mut traces = Vec::new();
        if block.transactions.is_empty() {
            return Ok(traces);
        }
        let state = self.state_at(height.saturating_sub(1))?;
        let context = BlockContext::of(self.chain_id(), &block.header);
        let setting = Setting { block: context.to_block_env(), cfg: context.to_cfg_env() };
        let mut database = CacheDB::new(BoundedCode::new(&state));
        let mut tracer = Tracer::new(options, is_over)?;
        for (index, transaction) in (0..).zip(&block.transactions).take_while(|(index, _)| index <= wanted.end()) {
            let environment = transaction.to_environment();
            let outcome = if wanted.contains(&index) {
                let place = TransactionContext {
                    block_hash: Some(block.header.hash()),
                    tx_index: Some(index as usize),
                    tx_hash: Some(transaction.hash()),
                };
                let (trace, outcome) = tracer.trace(&mut database, &setting, environment, Some(place))?;
                traces.push((transaction.hash(), trace));
                outcome
            } else {
                let mut watch = Watch::new(is_over);
                let outcome = run(&mut database, &setting, environment, &mut watch);
                watch.check()?;
                outcome?
            };
            database.commit(outcome.state);
        }
        Ok(traces)
    }
}

/// What a transaction runs in.
struct Setting {
    block: BlockEnv,
    cfg: CfgEnv,
}

fn run<'d, 's, I>(
    database: &'d mut Database<'s>,
    setting: &Setting,
    environment: TxEnv,
    inspector: I,
) -> Result<ResultAndState, ChainError>
where
    I: Inspector<MainnetContext<&'d mut Database<'s>>>,
{
    let (value, number) = (environment.value, setting.block.number.saturating_to());
    let mut evm = Context::mainnet()
        .with_db(database)
        .with_block(setting.block.clone())
        .with_cfg(setting.cfg.clone())
        .build_mainnet_with_inspector(inspector);
    evm.inspect_tx(environment).map_err(|error| simulation_error(error, value, number))
}

/// Records one transaction after the other within one bound.
struct Tracer<'a> {
    inspector: DebugInspector,
    watch: Watch<'a>,
}

impl<'a> Tracer<'a> {
    fn new(options: &GethDebugTracingOptions, is_over: IsOver<'a>) -> Result<Self, ChainError> {
        // These record calls and accounts, and every one of them within what is counted.
        let steps = match &options.tracer {
            Some(GethDebugTracerType::BuiltInTracer(
                BuiltIn::CallTracer
                | BuiltIn::PreStateTracer
                | BuiltIn::FourByteTracer
                | BuiltIn::FlatCallTracer
                | BuiltIn::NoopTracer,
            )) => false,
            Some(tracer) if !tracer.as_str().is_empty() => {
                return Err(ChainError::Tracer(format!("{} is none of this node's", tracer.as_str())));
            }
            _ => true,
        };
        let inspector = DebugInspector::new(options.clone()).map_err(tracer_error)?;
        let config = &options.config;
        let recording = Recording {
            max_bytes: MAX_TRACE_BYTES,
            steps,
            stack: !config.disable_stack.unwrap_or(false),
            memory: config.enable_memory.unwrap_or(false),
            storage: !config.disable_storage.unwrap_or(false),
            return_data: config.enable_return_data.unwrap_or(false),
        };
        Ok(Self { inspector, watch: Watch::recording(is_over, recording) })
    }

    fn trace(
        &mut self,
        database: &mut Database<'_>,
        setting: &Setting,
        environment: TxEnv,
        place: Option<TransactionContext>,
    ) -> Result<(GethTrace, ResultAndState), ChainError> {
        let outcome = run(database, setting, environment.clone(), (&mut self.watch, &mut self.inspector));
        self.watch.check()?;
        let outcome = outcome?;
        let trace = self.inspector.get_result(place, &environment, &setting.block, &outcome, database);
        let trace = trace.map_err(tracer_error)?;
        self.inspector.fuse().map_err(tracer_error)?;
        Ok((trace, outcome))
    }
}

fn tracer_error<E: core::fmt::Display>(error: DebugInspectorError<E>) -> ChainError {
    ChainError::Tracer(error.to_string())
}
