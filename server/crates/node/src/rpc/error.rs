use chain::{ChainError, TransactionError};
use jsonrpsee::types::ErrorObjectOwned;
use mempool::PoolError;

use crate::error::NodeError;

/// Codes of the Ethereum JSON-RPC specification (EIP-1474) and of JSON-RPC 2.0.
const REVERTED: i32 = 3;
const INVALID_INPUT: i32 = -32_000;
const RESOURCE_NOT_FOUND: i32 = -32_001;
const RESOURCE_UNAVAILABLE: i32 = -32_002;
const TRANSACTION_REJECTED: i32 = -32_003;
const LIMIT_EXCEEDED: i32 = -32_005;
/// Of EIP-4444 in execution-apis. For a state that is gone clients use `INVALID_INPUT`, as geth does.
const PRUNED_HISTORY: i32 = 4_444;
pub(crate) const INVALID_PARAMS: i32 = -32_602;
const INTERNAL: i32 = -32_603;

impl From<NodeError> for ErrorObjectOwned {
    fn from(error: NodeError) -> Self {
        if let NodeError::Chain(ChainError::Reverted { output }) = &error {
            return Self::owned(REVERTED, error.to_string(), Some(output.clone()));
        }
        let code = code_of(&error);
        if code == INTERNAL {
            tracing::error!(%error, "request failed inside the node");
        }
        Self::owned(code, error.to_string(), None::<()>)
    }
}

fn code_of(error: &NodeError) -> i32 {
    match error {
        NodeError::Chain(error) => code_of_chain(error),
        NodeError::AlreadyKnown | NodeError::Pool(PoolError::AlreadyKnown) => INVALID_INPUT,
        NodeError::Busy { .. }
        | NodeError::TooManyReads { .. }
        | NodeError::CallTime { .. }
        | NodeError::CallRate { .. }
        | NodeError::Pool(
            PoolError::SenderFull { .. }
            | PoolError::Full { .. }
            | PoolError::GasAllowance { .. }
            | PoolError::ArrivalRate { .. },
        ) => LIMIT_EXCEEDED,
        NodeError::Pool(_) | NodeError::UpstreamRefused(_) => TRANSACTION_REJECTED,
        NodeError::Stopped | NodeError::Follows | NodeError::UpstreamAway(_) | NodeError::DiskLow { .. } => {
            RESOURCE_UNAVAILABLE
        }
        NodeError::NotStored(_)
        | NodeError::NoQuorum { .. }
        | NodeError::TooFewConnected { .. }
        | NodeError::Standstill { .. }
        | NodeError::NotAPeer(_)
        | NodeError::DecidedFile(_)
        | NodeError::Consensus(_)
        | NodeError::ConsensusLog { .. }
        | NodeError::Listen { .. }
        | NodeError::TooManyPeers(_)
        | NodeError::Thread(_) => INTERNAL,
    }
}

fn code_of_chain(error: &ChainError) -> i32 {
    match error {
        ChainError::Transaction(
            TransactionError::Malformed(_) | TransactionError::Oversized { .. } | TransactionError::UnsupportedType(_),
        )
        | ChainError::Halted(_)
        | ChainError::InsufficientFunds { .. }
        | ChainError::InvalidCall(_)
        | ChainError::SimulatedNumber { .. }
        | ChainError::SimulatedTime { .. }
        | ChainError::SimulatedGas { .. } => INVALID_INPUT,
        ChainError::Transaction(_) => TRANSACTION_REJECTED,
        ChainError::UnknownBlock(_) => RESOURCE_NOT_FOUND,
        ChainError::BlockUnavailable { .. } => PRUNED_HISTORY,
        ChainError::StateUnavailable { .. } => INVALID_INPUT,
        ChainError::ProofUnavailable { .. } => RESOURCE_UNAVAILABLE,
        ChainError::LimitExceeded { .. }
        | ChainError::CallStopped
        | ChainError::SimulationTooLong { .. }
        | ChainError::TraceTooLong { .. } => LIMIT_EXCEEDED,
        ChainError::Tracer(_) => INVALID_PARAMS,
        ChainError::Reverted { .. } => REVERTED,
        _ => INTERNAL,
    }
}

/// Codes of `eth_simulateV1` in execution-apis, for what keeps a whole simulation from running.
mod simulation {
    pub(super) const NONCE_TOO_LOW: i32 = -38_010;
    pub(super) const NONCE_TOO_HIGH: i32 = -38_011;
    pub(super) const INTRINSIC_GAS: i32 = -38_013;
    pub(super) const INSUFFICIENT_FUNDS: i32 = -38_014;
    pub(super) const BLOCK_GAS_LIMIT: i32 = -38_015;
    pub(super) const BLOCK_NUMBER: i32 = -38_020;
    pub(super) const BLOCK_TIME: i32 = -38_021;
    pub(super) const SENDER_HAS_CODE: i32 = -38_024;
    pub(super) const INIT_CODE_TOO_LARGE: i32 = -38_025;
    pub(super) const CLIENT_LIMIT: i32 = -38_026;
}

/// Why a simulation did not run.
pub(crate) fn simulation_error(error: NodeError) -> ErrorObjectOwned {
    let code = match &error {
        NodeError::Chain(ChainError::Transaction(refusal)) => match refusal {
            TransactionError::NonceTooLow { .. } => simulation::NONCE_TOO_LOW,
            TransactionError::NonceTooHigh { .. } => simulation::NONCE_TOO_HIGH,
            TransactionError::IntrinsicGas { .. } => simulation::INTRINSIC_GAS,
            TransactionError::InsufficientFunds { .. } => simulation::INSUFFICIENT_FUNDS,
            TransactionError::SenderHasCode(_) => simulation::SENDER_HAS_CODE,
            TransactionError::InitCodeTooLarge { .. } => simulation::INIT_CODE_TOO_LARGE,
            _ => INVALID_INPUT,
        },
        NodeError::Chain(ChainError::SimulatedGas { .. }) => simulation::BLOCK_GAS_LIMIT,
        NodeError::Chain(ChainError::SimulatedNumber { .. }) => simulation::BLOCK_NUMBER,
        NodeError::Chain(ChainError::SimulatedTime { .. }) => simulation::BLOCK_TIME,
        NodeError::Chain(ChainError::LimitExceeded { .. } | ChainError::SimulationTooLong { .. }) => {
            simulation::CLIENT_LIMIT
        }
        _ => return error.into(),
    };
    ErrorObjectOwned::owned(code, error.to_string(), None::<()>)
}

/// A parameter that breaks a rule its type does not express.
pub(crate) fn invalid_params(detail: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INVALID_PARAMS, detail.into(), None::<()>)
}

/// A fault of this node.
pub(crate) fn internal(detail: String) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INTERNAL, detail, None::<()>)
}

/// More was asked for than is served at once.
pub(crate) fn limit_exceeded(what: &str, limit: usize, given: usize) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(LIMIT_EXCEEDED, format!("{what}: the limit is {limit}, asked for {given}"), None::<()>)
}

/// The request exceeds a bound; its exact size is not known.
pub(crate) fn limit_over(what: &str, limit: u32) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(LIMIT_EXCEEDED, format!("{what}: the limit is {limit}"), None::<()>)
}

/// Something named by the caller does not exist.
pub(crate) fn not_found(what: &str) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(RESOURCE_NOT_FOUND, format!("{what} not found"), None::<()>)
}
