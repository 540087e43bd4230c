//! What the hub signs of its log: how many entries it has, and their root.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde::{Deserialize, Serialize};

use super::proof::Head;
use crate::time::UnixSeconds;
use crate::typed_data::{SigningDomain, TypedData};

/// A state of one hub's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Which log it is.
    pub hub_id: String,
    pub chain_id: u64,
    /// Entries of the log.
    pub size: u64,
    /// Of their Merkle tree.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub root: B256,
    pub signed_at: UnixSeconds,
}

impl Checkpoint {
    /// Where the signature counts. No contract checks it.
    pub const fn domain(&self) -> SigningDomain {
        SigningDomain::of_chain(self.chain_id)
    }

    pub const fn head(&self) -> Head {
        Head { size: self.size, root: self.root }
    }
}

impl TypedData for Checkpoint {
    const TYPE: &'static str = "LogCheckpoint(string hubId,uint64 size,bytes32 root,uint64 signedAt)";

    fn encode_data(&self) -> Vec<B256> {
        vec![keccak256(&self.hub_id), U256::from(self.size).into(), self.root, U256::from(self.signed_at.0).into()]
    }
}

/// A checkpoint with the signature of the key that attests the hub's receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedCheckpoint {
    pub checkpoint: Checkpoint,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub hub: Address,
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub signature: Bytes,
}

/// What is wrong with the signature of a checkpoint.
#[cfg(feature = "signing")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("signature: {0}")]
    Signature(#[from] crate::signing::SignatureError),
    #[error("the checkpoint is signed by {signer}, but names {hub}")]
    NotTheHub { signer: Address, hub: Address },
}

#[cfg(feature = "signing")]
impl SignedCheckpoint {
    /// Checks who signed. Whose log it should be is for the caller to know.
    pub fn verify(&self) -> Result<(), CheckpointError> {
        let hub = self.hub;
        let signer = crate::signing::recover(&self.checkpoint, &self.checkpoint.domain(), &self.signature)?;
        if signer == hub { Ok(()) } else { Err(CheckpointError::NotTheHub { signer, hub }) }
    }
}
