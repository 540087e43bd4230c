//! What attesters sign to take a held receipt back.

use alloy_primitives::{B256, keccak256};

use crate::typed_data::TypedData;

/// Bytes of a reason that the minter takes.
pub const VOID_REASON_MAX_BYTES: usize = 256;

/// A receipt whose held amount is taken back and burnt, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoidReceipt {
    pub receipt_hash: B256,
    /// Up to [`VOID_REASON_MAX_BYTES`].
    pub reason: String,
}

impl TypedData for VoidReceipt {
    const TYPE: &'static str = "VoidReceipt(bytes32 receiptHash,string reason)";

    fn encode_data(&self) -> Vec<B256> {
        vec![self.receipt_hash, keccak256(&self.reason)]
    }
}
