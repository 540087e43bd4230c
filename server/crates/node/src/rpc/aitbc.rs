use alloy_eips::BlockId;
use alloy_primitives::B256;
use chain::{CommitCertificate, Contradiction, ReceiptProof, Validator};
use jsonrpsee::core::{RpcResult, async_trait};
use jsonrpsee::proc_macros::rpc;

use super::params::height_of;
use crate::error::NodeError;
use crate::handle::NodeHandle;

#[rpc(server, namespace = "aitbc")]
pub(crate) trait AitbcApi {
    /// The proof that a block was decided; null for genesis.
    #[method(name = "getCertificate")]
    fn certificate(&self, block: Option<BlockId>) -> RpcResult<Option<CommitCertificate>>;

    /// The proof that a transaction had its receipt in a block that was decided; null while no block has it.
    #[method(name = "getReceiptProof")]
    async fn receipt_proof(&self, transaction_hash: B256) -> RpcResult<Option<ReceiptProof>>;

    /// Contradictions of validators that this node saw, each of which the contract of the validators takes as a proof.
    #[method(name = "getContradictions")]
    fn contradictions(&self) -> RpcResult<Vec<Contradiction>>;

    /// Who decides the next block, with their weights.
    #[method(name = "getValidators")]
    fn validators(&self) -> RpcResult<Vec<Validator>>;
}

pub(crate) struct AitbcRpc {
    handle: NodeHandle,
}

impl AitbcRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }
}

#[async_trait]
impl AitbcApiServer for AitbcRpc {
    fn certificate(&self, block: Option<BlockId>) -> RpcResult<Option<CommitCertificate>> {
        let snapshot = self.handle.snapshot()?;
        let height = height_of(&snapshot, block)?;
        Ok(snapshot.certificate_at(height).map_err(NodeError::from)?)
    }

    async fn receipt_proof(&self, transaction_hash: B256) -> RpcResult<Option<ReceiptProof>> {
        Ok(self.handle.query(move |snapshot| Ok(snapshot.prove_receipt(transaction_hash)?)).await?)
    }

    fn contradictions(&self) -> RpcResult<Vec<Contradiction>> {
        Ok(self.handle.snapshot()?.contradictions().map_err(NodeError::from)?)
    }

    fn validators(&self) -> RpcResult<Vec<Validator>> {
        let validators = self.handle.validators()?;
        Ok(validators.iter().collect())
    }
}
