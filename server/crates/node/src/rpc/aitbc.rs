use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U64};
use chain::{CommitCertificate, Validator};
use jsonrpsee::core::RpcResult;
use jsonrpsee::proc_macros::rpc;
use serde::Serialize;

use super::params::height_of;
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// A commit certificate in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcCertificate {
    height: U64,
    round: U64,
    block_hash: B256,
    signatures: Vec<RpcSignature>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct RpcSignature {
    validator: Address,
    signature: Bytes,
}

/// A member of the set that decides blocks.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcValidator {
    address: Address,
    voting_power: U64,
}

impl From<CommitCertificate> for RpcCertificate {
    fn from(certificate: CommitCertificate) -> Self {
        let signatures = certificate
            .signatures
            .into_iter()
            .map(|signed| RpcSignature { validator: signed.validator, signature: signed.signature })
            .collect();
        Self {
            height: U64::from(certificate.height),
            round: U64::from(certificate.round),
            block_hash: certificate.block_hash,
            signatures,
        }
    }
}

#[rpc(server, namespace = "aitbc")]
pub(crate) trait AitbcApi {
    /// The proof that a block was decided; null for genesis.
    #[method(name = "getCertificate")]
    fn certificate(&self, block: Option<BlockId>) -> RpcResult<Option<RpcCertificate>>;

    /// Who decides the next block, with their weights.
    #[method(name = "getValidators")]
    fn validators(&self) -> RpcResult<Vec<RpcValidator>>;
}

pub(crate) struct AitbcRpc {
    handle: NodeHandle,
}

impl AitbcRpc {
    pub(crate) fn new(handle: NodeHandle) -> Self {
        Self { handle }
    }
}

impl AitbcApiServer for AitbcRpc {
    fn certificate(&self, block: Option<BlockId>) -> RpcResult<Option<RpcCertificate>> {
        let snapshot = self.handle.snapshot()?;
        let height = height_of(&snapshot, block)?;
        Ok(snapshot.certificate_at(height).map_err(NodeError::from)?.map(RpcCertificate::from))
    }

    fn validators(&self) -> RpcResult<Vec<RpcValidator>> {
        let validators = self.handle.validators()?;
        let members = validators.iter();
        Ok(members
            .map(|Validator { address, voting_power }| RpcValidator { address, voting_power: U64::from(voting_power) })
            .collect())
    }
}
