//! A block together with the proof that it was decided, as it is stored outside the chain and sent.

use alloy_consensus::Header;
use alloy_primitives::Bytes;
use alloy_rlp::{Decodable as _, RlpDecodable, RlpEncodable};

use crate::block::{Block, SealedHeader};
use crate::certificate::CommitCertificate;
use crate::error::ChainError;
use crate::rules::MAX_BLOCK_TRANSACTIONS;
use crate::transaction::SignedTransaction;

/// A block and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedBlock {
    /// The block.
    pub block: Block,
    /// The proof that it was decided.
    pub certificate: CommitCertificate,
}

/// RLP of a decided block: header, encoded transactions, certificate.
#[derive(RlpEncodable, RlpDecodable)]
struct EncodedBlock {
    header: Header,
    transactions: Vec<Bytes>,
    certificate: CommitCertificate,
}

impl DecidedBlock {
    /// Encodes a block and its certificate.
    #[must_use]
    pub fn encode(block: &Block, certificate: &CommitCertificate) -> Vec<u8> {
        alloy_rlp::encode(EncodedBlock {
            header: block.header.header().clone(),
            transactions: block.transactions.iter().map(|transaction| transaction.raw().clone()).collect(),
            certificate: certificate.clone(),
        })
    }

    /// Reads a decided block from the start of `bytes` and leaves the rest. Each transaction's signature is checked,
    /// since its sender comes from it; whether block and certificate hold is left to [`crate::import`].
    ///
    /// # Errors
    /// [`ChainError::MalformedBlock`], or [`ChainError::Transaction`] for a transaction of another chain.
    pub fn decode(bytes: &mut &[u8], chain_id: u64) -> Result<Self, ChainError> {
        let EncodedBlock { header, transactions, certificate } =
            EncodedBlock::decode(bytes).map_err(|error| ChainError::MalformedBlock(error.to_string()))?;
        if transactions.len() > MAX_BLOCK_TRANSACTIONS {
            let (given, limit) = (transactions.len(), MAX_BLOCK_TRANSACTIONS);
            return Err(ChainError::MalformedBlock(format!("{given} transactions, the limit is {limit}")));
        }
        let transactions =
            transactions.iter().map(|raw| SignedTransaction::decode(raw, chain_id)).collect::<Result<_, _>>()?;
        Ok(Self { block: Block { header: SealedHeader::new(header), transactions }, certificate })
    }
}
