//! Simulated calls: they run on a state of the chain and leave no trace.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_eips::eip2930::AccessList;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use revm::bytecode::Bytecode;
use revm::context::result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction};
use revm::context::{CfgEnv, TxEnv};
use revm::database::CacheDB;
use revm::{Context, DatabaseRef, InspectEvm as _, MainBuilder as _, MainContext as _};

use crate::block::SealedHeader;
use crate::error::ChainError;
use crate::executor::{BlockContext, evm_failure};
use crate::rules::{MAX_TRANSACTION_BYTES, TRANSACTION_GAS_CAP};
use crate::state::StateReader;
use crate::store::read::Snapshot;
use crate::watch::{IsOver, Watch};

/// Most data a simulated call takes, in bytes.
pub const MAX_CALL_DATA_BYTES: usize = 4 * MAX_TRANSACTION_BYTES;

/// A gas estimate is at most this share above what is needed, in thousandths.
const ESTIMATE_TOLERANCE_PER_MILLE: u64 = 15;

/// Gas that a value-carrying call hands its callee for free; an estimate allows for it.
const CALL_STIPEND_GAS: u64 = 2_300;

/// A call to simulate.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// `msg.sender`; anybody, as nothing is signed.
    pub from: Address,
    /// The called account, `None` to run `data` as init code.
    pub to: Option<Address>,
    /// Gas limit; the block's if absent.
    pub gas: Option<u64>,
    /// Wei sent along.
    pub value: U256,
    /// Call data.
    pub data: Bytes,
    /// Accounts and slots that count as warm.
    pub access_list: AccessList,
}

impl Call {
    pub(crate) fn check_size(&self) -> Result<(), ChainError> {
        let (limit, given) = (MAX_CALL_DATA_BYTES as u64, self.data.len() as u64);
        if given > limit {
            return Err(ChainError::LimitExceeded { what: "call data bytes", limit, given });
        }
        Ok(())
    }
}

/// What to pretend of an account during a simulated call.
#[derive(Clone, Debug, Default)]
pub struct AccountOverride {
    /// Wei held.
    pub balance: Option<U256>,
    /// Transactions sent.
    pub nonce: Option<u64>,
    /// Code.
    pub code: Option<Bytes>,
    /// All of the storage.
    pub storage: Option<BTreeMap<U256, U256>>,
    /// Single slots.
    pub slots: BTreeMap<U256, U256>,
}

/// What a simulated call gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallOutcome {
    /// Returned data, or the code of a simulated creation.
    pub output: Bytes,
    /// Gas used, in units of gas.
    pub gas_used: u64,
}

impl Snapshot {
    /// Simulates a call on the state after the block at `height`, until `is_over`.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the contract's reason, [`ChainError::Halted`], [`ChainError::InvalidCall`],
    /// [`ChainError::CallStopped`], or a storage error.
    pub fn call(
        &self,
        height: u64,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        is_over: IsOver<'_>,
    ) -> Result<CallOutcome, ChainError> {
        let header = self.header_at(height)?.ok_or_else(|| ChainError::UnknownBlock(height.to_string()))?;
        let state = self.state_at(height)?;
        let gas = call.gas.unwrap_or(header.gas_limit).min(header.gas_limit);
        finish(self.simulate(&header, &state, call, overrides, gas, is_over)?)
    }

    /// The least gas limit, within 1.5 %, with which a call succeeds on the state after the block at `height`. All its
    /// tries together end when `is_over`.
    ///
    /// # Errors
    /// As [`Snapshot::call`].
    pub fn estimate_gas(
        &self,
        height: u64,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        is_over: IsOver<'_>,
    ) -> Result<u64, ChainError> {
        let header = self.header_at(height)?.ok_or_else(|| ChainError::UnknownBlock(height.to_string()))?;
        self.estimate_gas_in(&header, call, overrides, is_over)
    }

    /// The same for the next block, which comes at `now_unix_s` or later. Blocks come on demand, so the head may be much
    /// older, and a contract may refuse until a time that has passed since.
    ///
    /// # Errors
    /// As [`Snapshot::call`].
    pub fn estimate_gas_of_next(
        &self,
        now_unix_s: u64,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        is_over: IsOver<'_>,
    ) -> Result<u64, ChainError> {
        let head = self.head();
        let header = Header { timestamp: head.timestamp.max(now_unix_s), ..head.header().clone() };
        self.estimate_gas_in(&SealedHeader::new(header), call, overrides, is_over)
    }

    /// On the state after the block with this number, at the time that the header says.
    fn estimate_gas_in(
        &self,
        header: &SealedHeader,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        is_over: IsOver<'_>,
    ) -> Result<u64, ChainError> {
        let state = self.state_at(header.number)?;
        let ceiling = call.gas.unwrap_or(TRANSACTION_GAS_CAP).min(TRANSACTION_GAS_CAP).min(header.gas_limit);
        let first = self.simulate(header, &state, call, overrides, ceiling, is_over)?;
        let (used, refunded) = (first.tx_gas_used(), first.gas().inner_refunded());
        finish(first)?;

        let succeeds = |gas| -> Result<bool, ChainError> {
            match self.simulate(header, &state, call, overrides, gas, is_over) {
                Ok(result) => Ok(result.is_success()),
                Err(ChainError::InvalidCall(_)) => Ok(false),
                Err(error) => Err(error),
            }
        };
        if succeeds(used)? {
            return Ok(used);
        }
        let (mut too_little, mut enough) = (used, ceiling);
        let optimistic = (used + refunded + CALL_STIPEND_GAS) * 64 / 63;
        if optimistic < enough {
            if succeeds(optimistic)? {
                enough = optimistic;
            } else {
                too_little = optimistic;
            }
        }
        while (enough - too_little) * 1_000 > enough * ESTIMATE_TOLERANCE_PER_MILLE {
            let middle = too_little + (enough - too_little) / 2;
            if succeeds(middle)? {
                enough = middle;
            } else {
                too_little = middle;
            }
        }
        Ok(enough)
    }

    fn simulate(
        &self,
        header: &SealedHeader,
        state: &StateReader,
        call: &Call,
        overrides: &BTreeMap<Address, AccountOverride>,
        gas_limit: u64,
        is_over: IsOver<'_>,
    ) -> Result<ExecutionResult, ChainError> {
        call.check_size()?;
        let context = BlockContext::of(self.chain_id(), header);
        let mut database = CacheDB::new(state);
        apply_overrides(&mut database, overrides)?;
        let mut watch = Watch::new(is_over);
        let mut evm = Context::mainnet()
            .with_db(&mut database)
            .with_block(context.to_block_env())
            .with_cfg(call_rules(context))
            .build_mainnet_with_inspector(&mut watch);
        let outcome = evm.inspect_tx(environment(call, self.chain_id(), gas_limit));
        drop(evm);
        watch.check()?;
        outcome.map(|outcome| outcome.result).map_err(|error| simulation_error(error, call.value, header.number))
    }
}

/// Anybody is the sender of a simulated call: it has no nonce, and its gas has no cap.
pub(crate) fn call_rules(context: BlockContext) -> CfgEnv {
    let mut cfg = context.to_cfg_env();
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    cfg
}

/// Why a call that sends `value` did not even begin.
pub(crate) fn simulation_error(
    error: EVMError<ChainError, InvalidTransaction>,
    value: U256,
    number: u64,
) -> ChainError {
    match error {
        EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee { balance, .. }) => {
            ChainError::InsufficientFunds { balance: *balance, value }
        }
        EVMError::Transaction(error) => ChainError::InvalidCall(error.to_string()),
        EVMError::Database(error) => error,
        error => evm_failure(&error, number),
    }
}

pub(crate) fn environment(call: &Call, chain_id: u64, gas_limit: u64) -> TxEnv {
    const EIP_2930: u8 = 1;
    TxEnv {
        tx_type: if call.access_list.is_empty() { 0 } else { EIP_2930 },
        caller: call.from,
        gas_limit,
        gas_price: 0,
        kind: call.to.map_or(TxKind::Create, TxKind::Call),
        value: call.value,
        data: call.data.clone(),
        nonce: 0,
        chain_id: Some(chain_id),
        access_list: call.access_list.clone(),
        gas_priority_fee: None,
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: Vec::new(),
    }
}

pub(crate) fn apply_overrides<D: DatabaseRef<Error = ChainError>>(
    database: &mut CacheDB<D>,
    overrides: &BTreeMap<Address, AccountOverride>,
) -> Result<(), ChainError> {
    for (address, wanted) in overrides {
        let mut info = database.basic_ref(*address)?.unwrap_or_default();
        if let Some(balance) = wanted.balance {
            info.balance = balance;
        }
        if let Some(nonce) = wanted.nonce {
            info.nonce = nonce;
        }
        if let Some(code) = &wanted.code {
            let code = Bytecode::new_raw_checked(code.clone())
                .map_err(|error| ChainError::InvalidCall(format!("code override of {address}: {error}")))?;
            info.code_hash = code.hash_slow();
            info.code = Some(code);
        }
        database.insert_account_info(*address, info);
        if let Some(storage) = &wanted.storage {
            database
                .replace_account_storage(*address, storage.iter().map(|(slot, value)| (*slot, *value)).collect())?;
        }
        for (slot, value) in &wanted.slots {
            database.insert_account_storage(*address, *slot, *value)?;
        }
    }
    Ok(())
}

pub(crate) fn finish(result: ExecutionResult) -> Result<CallOutcome, ChainError> {
    let gas_used = result.tx_gas_used();
    match result {
        ExecutionResult::Success { output, .. } => Ok(CallOutcome { output: output.into_data(), gas_used }),
        ExecutionResult::Revert { output, .. } => Err(ChainError::Reverted { output }),
        ExecutionResult::Halt { reason, .. } => Err(ChainError::Halted(halt_text(&reason, gas_used))),
    }
}

/// Halts in the words of Ethereum's clients, as far as wallets look for them.
fn halt_text(reason: &HaltReason, gas_used: u64) -> String {
    match reason {
        HaltReason::OutOfGas(_) => format!("out of gas: gas required exceeds allowance ({gas_used})"),
        HaltReason::OpcodeNotFound => "invalid opcode".to_owned(),
        HaltReason::InvalidJump => "invalid jump destination".to_owned(),
        other => format!("{other:?}"),
    }
}
