//! How much one stranger may ask of `/rpc`. The code that serves the router knows whose requests these are, and counts them; this
//! crate says what each of them takes.

use std::sync::Arc;

use crate::error::NodeError;

/// What a long read takes, beside a short one that takes one unit.
pub(crate) const LONG_READ_UNITS: u32 = 10;

/// Methods whose reads run in the lane of strangers and may take long.
const LONG_READS: [&str; 26] = [
    "aitbc_getReceiptProof",
    "debug_getRawReceipts",
    "debug_traceBlockByHash",
    "debug_traceBlockByNumber",
    "debug_traceCall",
    "debug_traceTransaction",
    "eth_call",
    "eth_createAccessList",
    "eth_estimateGas",
    "eth_getBlockReceipts",
    "eth_getFilterChanges",
    "eth_getFilterLogs",
    "eth_getLogs",
    "eth_getProof",
    "eth_getTransactionBySenderAndNonce",
    "eth_simulateV1",
    "ots_getBlockDetails",
    "ots_getBlockDetailsByHash",
    "ots_getBlockTransactions",
    "ots_getContractCreator",
    "ots_getInternalOperations",
    "ots_getTransactionBySenderAndNonce",
    "ots_getTransactionError",
    "ots_traceTransaction",
    "txpool_content",
    "txpool_contentFrom",
];

/// The units of one call of a method.
pub(crate) fn units_of(method: &str) -> u32 {
    if LONG_READS.contains(&method) { LONG_READ_UNITS } else { 1 }
}

/// There are not enough units left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsRefused {
    /// The bound.
    pub per_minute: u32,
    /// When there are enough.
    pub wait_seconds: u64,
}

type Take = dyn Fn(u32) -> Result<(), CallsRefused> + Send + Sync;

/// What is left for the sender of a request: an extension of the request. Requests without one are not counted.
#[derive(Clone)]
pub struct Allowance {
    caller: Arc<str>,
    take: Arc<Take>,
}

impl Allowance {
    /// From the caller's name, and what takes so many units of it, or says when there are enough.
    pub fn new(caller: &str, take: impl Fn(u32) -> Result<(), CallsRefused> + Send + Sync + 'static) -> Self {
        Self { caller: caller.into(), take: Arc::new(take) }
    }

    pub(crate) fn caller(&self) -> Arc<str> {
        Arc::clone(&self.caller)
    }

    pub(crate) fn take(&self, units: u32) -> Result<(), NodeError> {
        (self.take)(units).map_err(|CallsRefused { per_minute, wait_seconds }| NodeError::CallRate {
            per_minute,
            units,
            wait_seconds,
        })
    }
}
