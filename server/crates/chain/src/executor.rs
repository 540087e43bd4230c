//! Runs transactions on a state through the EVM.

use std::collections::BTreeSet;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use finality::ValidatorSet;
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction, Output};
use revm::context::{BlockEnv, CfgEnv};
use revm::context_interface::block::BlobExcessGasAndPrice;
use revm::database::bal::EvmDatabaseError;
use revm::database::states::bundle_state::BundleRetention;
use revm::database::{State, WrapDatabaseRef};
use revm::{Context, ExecuteCommitEvm as _, ExecuteEvm as _, MainBuilder as _, MainContext as _, SystemCallEvm as _};
use shared::chain::STAKING_ADDRESS;

use crate::application::Metering;
use crate::error::ChainError;
use crate::growth::{BLOCK_GROWTH_BYTES, Usage, growth_bytes};
use crate::receipt::{BlockProgress, Effect, TransactionReceipt};
use crate::rules::{BLOB_GAS_PRICE_WEI, GAS_PRICE_WEI, HARD_FORK, MAX_BLOCK_TRANSACTIONS};
use crate::state::{StateChanges, StateReader};
use crate::transaction::{SignedTransaction, TransactionError};
use crate::validators;

/// What contracts can read of the block they run in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockContext {
    pub(crate) chain_id: u64,
    pub(crate) number: u64,
    pub(crate) timestamp_unix_s: u64,
    pub(crate) beneficiary: Address,
    pub(crate) gas_limit: u64,
}

impl BlockContext {
    pub(crate) fn of(chain_id: u64, header: &Header) -> Self {
        Self {
            chain_id,
            number: header.number,
            timestamp_unix_s: header.timestamp,
            beneficiary: header.beneficiary,
            gas_limit: header.gas_limit,
        }
    }

    pub(crate) fn to_block_env(self) -> BlockEnv {
        BlockEnv {
            number: U256::from(self.number),
            beneficiary: self.beneficiary,
            timestamp: U256::from(self.timestamp_unix_s),
            gas_limit: self.gas_limit,
            basefee: GAS_PRICE_WEI,
            difficulty: U256::ZERO,
            prevrandao: Some(B256::ZERO),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice {
                excess_blob_gas: 0,
                blob_gasprice: BLOB_GAS_PRICE_WEI.into(),
            }),
            ..BlockEnv::default()
        }
    }

    pub(crate) fn to_cfg_env(self) -> CfgEnv {
        let mut cfg = CfgEnv::new_with_spec(HARD_FORK);
        cfg.chain_id = self.chain_id;
        cfg.tx_chain_id_check = true;
        cfg
    }
}

/// The outcome of the transactions given to [`execute`].
pub(crate) struct Execution {
    pub(crate) included: Vec<SignedTransaction>,
    pub(crate) receipts: Vec<TransactionReceipt>,
    pub(crate) refused: Vec<(B256, TransactionError)>,
    pub(crate) changes: StateChanges,
    /// What the metered transactions used.
    pub(crate) metered: Usage,
    /// What the contract of the validators says afterwards, where something was written there.
    pub(crate) validators: Option<ValidatorSet>,
}

/// Executes `candidates` in order. One that cannot run on the state is refused, one that does not fit into what is
/// left of the block, or of the allowance of those that are metered, is passed over; neither leaves a trace.
pub(crate) fn execute(
    state: &StateReader,
    context: BlockContext,
    candidates: Vec<SignedTransaction>,
    metering: &Metering,
) -> Result<Execution, ChainError> {
    let mut state = State::builder().with_database(WrapDatabaseRef(state)).with_bundle_update().build();
    let mut evm = Context::mainnet()
        .with_db(&mut state)
        .with_block(context.to_block_env())
        .with_cfg(context.to_cfg_env())
        .build_mainnet();
    let (mut included, mut receipts, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let mut asks_for_validators = false;
    let (mut progress, mut metered) = (BlockProgress::default(), Usage::default());
    // Later transactions of a sender wait with the one before them, rather than fail for its nonce.
    let mut waiting: BTreeSet<Address> = BTreeSet::new();
    for transaction in candidates {
        if included.len() == MAX_BLOCK_TRANSACTIONS {
            break;
        }
        if waiting.contains(&transaction.sender()) {
            continue;
        }
        if transaction.gas_limit() > context.gas_limit {
            let error = TransactionError::GasLimitTooHigh { given: transaction.gas_limit(), cap: context.gas_limit };
            refused.push((transaction.hash(), error));
            waiting.insert(transaction.sender());
            continue;
        }
        if transaction.gas_limit() > context.gas_limit - progress.gas_used {
            waiting.insert(transaction.sender());
            continue;
        }
        let is_metered = !metering.exempt.covers(&transaction);
        if is_metered && !metered.leaves_room_in(metering.allowance, transaction.gas_limit()) {
            waiting.insert(transaction.sender());
            continue;
        }
        match evm.transact(transaction.to_environment()) {
            Ok(outcome) => {
                let receipt = receipt_of(&transaction, progress, outcome.result);
                progress = receipt.progress();
                if is_metered {
                    let of_block = if metered == Usage::default() { BLOCK_GROWTH_BYTES } else { 0 };
                    metered.gas += receipt.gas_used;
                    metered.growth_bytes += of_block + growth_bytes(&transaction, &receipt, &outcome.state);
                }
                asks_for_validators |= validators::may_have_changed(&outcome.state);
                evm.commit(outcome.state);
                receipts.push(receipt);
                included.push(transaction);
            }
            Err(EVMError::Transaction(error)) => {
                let error = explain(&transaction, &error);
                if !matches!(error, TransactionError::NonceTooLow { .. }) {
                    waiting.insert(transaction.sender());
                }
                refused.push((transaction.hash(), error));
            }
            Err(error) => return Err(failure(error, context.number)),
        }
    }
    let validators = match asks_for_validators {
        true => {
            let asked = evm.system_call(STAKING_ADDRESS, validators::question());
            validators::answer(&asked.map_err(|error| failure(error, context.number))?.result)
        }
        false => None,
    };
    drop(evm);
    state.merge_transitions(BundleRetention::PlainState);
    let changes = StateChanges::from_bundle(state.take_bundle());
    Ok(Execution { included, receipts, refused, changes, metered, validators })
}

type StateError = EVMError<EvmDatabaseError<ChainError>>;

fn failure(error: StateError, number: u64) -> ChainError {
    match error {
        EVMError::Database(EvmDatabaseError::Database(error)) => error,
        error => evm_failure(&error, number),
    }
}

/// A failure that is no property of a transaction and not the database's either.
pub(crate) fn evm_failure(error: &impl core::fmt::Display, number: u64) -> ChainError {
    ChainError::InvalidBlock { number, reason: error.to_string() }
}

/// The receipt of a transaction, `before` which the block had come so far.
pub(crate) fn receipt_of(
    transaction: &SignedTransaction,
    before: BlockProgress,
    result: ExecutionResult,
) -> TransactionReceipt {
    let gas_used = result.tx_gas_used();
    let effect = match result {
        ExecutionResult::Success { logs, output: Output::Create(_, contract_address), .. } => {
            Effect::Success { logs, contract_address }
        }
        ExecutionResult::Success { logs, output: Output::Call(_), .. } => {
            Effect::Success { logs, contract_address: None }
        }
        ExecutionResult::Revert { output, .. } => Effect::Failure { revert_data: output },
        ExecutionResult::Halt { .. } => Effect::Failure { revert_data: Bytes::new() },
    };
    TransactionReceipt::new(transaction.envelope().tx_type(), before, gas_used, effect)
}

/// The EVM's refusal in this chain's words.
fn explain(transaction: &SignedTransaction, error: &InvalidTransaction) -> TransactionError {
    match error {
        InvalidTransaction::NonceTooLow { tx, state } => TransactionError::NonceTooLow { given: *tx, expected: *state },
        InvalidTransaction::NonceTooHigh { tx, state } => {
            TransactionError::NonceTooHigh { given: *tx, expected: *state }
        }
        InvalidTransaction::LackOfFundForMaxFee { balance, .. } => {
            TransactionError::InsufficientFunds { balance: **balance, value: transaction.value() }
        }
        InvalidTransaction::RejectCallerWithCode => TransactionError::SenderHasCode(transaction.sender()),
        other => TransactionError::Invalid(other.to_string()),
    }
}
