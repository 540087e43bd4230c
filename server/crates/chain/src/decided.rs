//! Blocks as they are stored outside the chain and sent, alone or together with the proof that they were decided.

use alloy_consensus::Header;
use alloy_primitives::Bytes;
use alloy_rlp::{Decodable as _, RlpDecodable, RlpEncodable};
use finality::{CommitCertificate, MAX_VALIDATORS};

use crate::block::{Block, SealedHeader};
use crate::error::ChainError;
use crate::rlp_items::{check_count, payload_of, split_item};
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

/// A decided block as it came from outside. No signature has been looked at, so that reading one costs little:
/// [`crate::place`] tells from header and certificate whether it is worth checking the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedBlock {
    header: SealedHeader,
    transactions: Vec<Bytes>,
    certificate: CommitCertificate,
}

/// RLP of a block: header, encoded transactions.
#[derive(RlpEncodable, RlpDecodable)]
struct EncodedBlock {
    header: Header,
    transactions: Vec<Bytes>,
}

/// RLP of a decided block.
#[derive(RlpEncodable, RlpDecodable)]
struct EncodedDecidedBlock {
    block: EncodedBlock,
    certificate: CommitCertificate,
}

impl EncodedBlock {
    fn of(block: &Block) -> Self {
        Self {
            header: block.header.header().clone(),
            transactions: block.transactions.iter().map(|transaction| transaction.raw().clone()).collect(),
        }
    }
}

fn check_transactions(header: SealedHeader, encoded: &[Bytes], chain_id: u64) -> Result<Block, ChainError> {
    let decoded = encoded.iter().map(|raw| SignedTransaction::decode(raw, chain_id));
    Ok(Block { header, transactions: decoded.collect::<Result<_, _>>()? })
}

/// The place of the transactions among the fields of a block.
const TRANSACTIONS_PLACE: usize = 1;

/// The place of the signatures among the fields of a certificate.
const SIGNATURES_PLACE: usize = 3;

/// Looks, before anything is decoded, whether the block with which `bytes` begin has too many transactions.
fn check_block_count(bytes: &[u8]) -> Result<(), ChainError> {
    check_field(bytes, TRANSACTIONS_PLACE, "transactions", MAX_BLOCK_TRANSACTIONS).map_err(ChainError::MalformedBlock)
}

/// The same for a block with its certificate, and for the signatures of that.
fn check_decided_counts(bytes: &[u8]) -> Result<(), ChainError> {
    let fields = payload_of(bytes).and_then(split_item);
    let (block, certificate) = fields.map_err(ChainError::MalformedBlock)?;
    check_block_count(block)?;
    check_field(certificate, SIGNATURES_PLACE, "signatures", MAX_VALIDATORS).map_err(ChainError::MalformedBlock)
}

/// Counts the items of the list that is the field at `place`.
fn check_field(record: &[u8], place: usize, what: &str, limit: usize) -> Result<(), String> {
    let mut fields = payload_of(record)?;
    for _ in 0..place {
        (_, fields) = split_item(fields)?;
    }
    check_count(fields, what, limit)
}

fn malformed(error: alloy_rlp::Error) -> ChainError {
    ChainError::MalformedBlock(error.to_string())
}

impl Block {
    /// Encodes the block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        alloy_rlp::encode(EncodedBlock::of(self))
    }

    /// Reads a block from the start of `bytes` and leaves the rest. Each transaction's signature is checked, since its
    /// sender comes from it; whether the block holds is left to [`Application::validate`](crate::Application::validate).
    ///
    /// # Errors
    /// [`ChainError::MalformedBlock`], or [`ChainError::Transaction`] for a transaction of another chain.
    pub fn decode(bytes: &mut &[u8], chain_id: u64) -> Result<Self, ChainError> {
        check_block_count(bytes)?;
        let EncodedBlock { header, transactions } = EncodedBlock::decode(bytes).map_err(malformed)?;
        check_transactions(SealedHeader::new(header), &transactions, chain_id)
    }
}

impl DecidedBlock {
    /// Encodes a block and its certificate.
    #[must_use]
    pub fn encode(block: &Block, certificate: &CommitCertificate) -> Vec<u8> {
        alloy_rlp::encode(EncodedDecidedBlock { block: EncodedBlock::of(block), certificate: certificate.clone() })
    }

    /// Reads a decided block from the start of `bytes` and leaves the rest, as [`Block::decode`] does. Whether block and
    /// certificate hold is left to [`crate::import`].
    ///
    /// # Errors
    /// As [`Block::decode`].
    pub fn decode(bytes: &mut &[u8], chain_id: u64) -> Result<Self, ChainError> {
        ReceivedBlock::decode(bytes)?.check(chain_id)
    }
}

impl From<DecidedBlock> for ReceivedBlock {
    fn from(DecidedBlock { block, certificate }: DecidedBlock) -> Self {
        let EncodedBlock { transactions, .. } = EncodedBlock::of(&block);
        Self { header: block.header, transactions, certificate }
    }
}

impl ReceivedBlock {
    /// Reads a decided block from the start of `bytes` and leaves the rest.
    ///
    /// # Errors
    /// [`ChainError::MalformedBlock`].
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, ChainError> {
        check_decided_counts(bytes)?;
        let EncodedDecidedBlock { block, certificate } = EncodedDecidedBlock::decode(bytes).map_err(malformed)?;
        let EncodedBlock { header, transactions } = block;
        Ok(Self { header: SealedHeader::new(header), transactions, certificate })
    }

    /// Encodes it as [`DecidedBlock::encode`] does.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let block = EncodedBlock { header: self.header.header().clone(), transactions: self.transactions.clone() };
        alloy_rlp::encode(EncodedDecidedBlock { block, certificate: self.certificate.clone() })
    }

    /// Its header.
    #[must_use]
    pub fn header(&self) -> &SealedHeader {
        &self.header
    }

    /// What is said to prove that it was decided.
    #[must_use]
    pub fn certificate(&self) -> &CommitCertificate {
        &self.certificate
    }

    /// Checks the signature of each transaction.
    ///
    /// # Errors
    /// As [`Block::decode`].
    pub fn check(self, chain_id: u64) -> Result<DecidedBlock, ChainError> {
        let Self { header, transactions, certificate } = self;
        Ok(DecidedBlock { block: check_transactions(header, &transactions, chain_id)?, certificate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(transactions: usize) -> Vec<u8> {
        let header = SealedHeader::new(Header::default());
        let certificate =
            CommitCertificate { height: 1, round: 0, block_hash: Default::default(), signatures: Vec::new() };
        let transactions = vec![Bytes::from_static(b"x"); transactions];
        ReceivedBlock { header, transactions, certificate }.encode()
    }

    #[test]
    fn a_block_with_too_many_transactions_is_refused_before_they_are_decoded() {
        let most = received(MAX_BLOCK_TRANSACTIONS);
        assert!(ReceivedBlock::decode(&mut most.as_slice()).is_ok());
        let more = received(MAX_BLOCK_TRANSACTIONS + 1);
        let refused = ReceivedBlock::decode(&mut more.as_slice()).unwrap_err().to_string();
        assert!(refused.contains("more than 4761 transactions"), "{refused}");
        let (block, _) = split_item(payload_of(&more).unwrap()).unwrap();
        let refused = Block::decode(&mut &*block, 1).unwrap_err().to_string();
        assert!(refused.contains("more than 4761 transactions"), "{refused}");
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for bytes in [&b""[..], b"\x80", b"\xc0", b"\xc2\xc0\xc0", b"\xc3\xb8\xff\x01", b"\xf8"] {
            let (mut decided, mut block) = (bytes, bytes);
            assert!(ReceivedBlock::decode(&mut decided).is_err() && Block::decode(&mut block, 1).is_err(), "{bytes:?}");
        }
    }
}
