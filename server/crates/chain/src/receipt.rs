use alloy_consensus::{EthereumReceipt, ReceiptWithBloom, TxReceipt as _, TxType};
use alloy_primitives::{Address, Bloom, Bytes, Log};
use alloy_rlp::{RlpDecodable, RlpEncodable};

/// Most bytes of a failed transaction's revert data that are kept with its receipt.
pub const MAX_REVERT_DATA_BYTES: usize = 1_024;

/// What executing a transaction gave. (A *job receipt*, the proof of served work, is another thing.)
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[rlp(trailing)]
pub struct TransactionReceipt {
    tx_type: u8,
    /// Whether the transaction took effect; a failed one only counts up the sender's nonce.
    pub success: bool,
    /// Gas used in the block up to and including this transaction.
    pub cumulative_gas_used: u64,
    /// Gas this transaction used.
    pub gas_used: u64,
    /// Events emitted, in order; none when it failed.
    pub logs: Vec<Log>,
    /// Position of the first of them among all logs of the block, from 0.
    pub first_log_index: u64,
    /// What a failed transaction returned, cut to [`MAX_REVERT_DATA_BYTES`]. Kept for people who ask why; it is not
    /// part of what `receiptsRoot` commits to.
    pub revert_data: Bytes,
    /// The contract that a successful creation made.
    pub contract_address: Option<Address>,
}

impl TransactionReceipt {
    pub(crate) fn new(tx_type: TxType, before: BlockProgress, gas_used: u64, effect: Effect) -> Self {
        let (success, logs, contract_address, revert_data) = match effect {
            Effect::Success { logs, contract_address } => (true, logs, contract_address, Bytes::new()),
            Effect::Failure { revert_data } => {
                (false, Vec::new(), None, revert_data.slice(..revert_data.len().min(MAX_REVERT_DATA_BYTES)))
            }
        };
        Self {
            tx_type: tx_type.into(),
            success,
            cumulative_gas_used: before.gas_used + gas_used,
            gas_used,
            logs,
            first_log_index: before.logs,
            revert_data,
            contract_address,
        }
    }

    /// How far the block is after this transaction.
    pub(crate) fn progress(&self) -> BlockProgress {
        BlockProgress { gas_used: self.cumulative_gas_used, logs: self.first_log_index + self.logs.len() as u64 }
    }

    /// The EIP-2718 type of the transaction.
    #[must_use]
    pub fn transaction_type(&self) -> TxType {
        TxType::try_from(self.tx_type).unwrap_or(TxType::Legacy)
    }

    /// The bloom filter over the logs.
    #[must_use]
    pub fn bloom(&self) -> Bloom {
        alloy_primitives::logs_bloom(self.logs.iter())
    }

    /// The form that `receiptsRoot` commits to.
    #[must_use]
    pub fn to_consensus(&self) -> ReceiptWithBloom<EthereumReceipt> {
        EthereumReceipt {
            tx_type: self.transaction_type(),
            success: self.success,
            cumulative_gas_used: self.cumulative_gas_used,
            logs: self.logs.clone(),
        }
        .into_with_bloom()
    }
}

/// Gas and logs of the transactions before one in its block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockProgress {
    pub(crate) gas_used: u64,
    pub(crate) logs: u64,
}

/// What a transaction did.
#[derive(Debug)]
pub(crate) enum Effect {
    Success { logs: Vec<Log>, contract_address: Option<Address> },
    Failure { revert_data: Bytes },
}
