use alloy_consensus::constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS};
use alloy_consensus::{Header, proofs};
use alloy_eips::eip2718::Encodable2718;
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{Address, B64, B256, Bloom, U256};

use alloy_rlp::Encodable as _;

use crate::receipt::TransactionReceipt;
use crate::rules::GAS_PRICE_WEI;
use crate::transaction::SignedTransaction;

/// A header together with its hash, which is Ethereum's: Keccak-256 of the RLP encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    header: Header,
    hash: B256,
}

impl SealedHeader {
    /// Hashes the header.
    #[must_use]
    pub fn new(header: Header) -> Self {
        let hash = header.hash_slow();
        Self { header, hash }
    }

    /// The block's hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        self.hash
    }

    /// The fields.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }
}

impl core::ops::Deref for SealedHeader {
    type Target = Header;

    fn deref(&self) -> &Header {
        &self.header
    }
}

/// A block as it is proposed, stored and served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header and the hash that names the block.
    pub header: SealedHeader,
    /// Its transactions, in execution order.
    pub transactions: Vec<SignedTransaction>,
}

impl Block {
    /// Size of the block's RLP encoding as Ethereum defines it, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        const EMPTY_LIST_BYTES: usize = 1;
        let transactions: usize = self.transactions.iter().map(Encodable2718::network_len).sum();
        let list = |payload_length| alloy_rlp::Header { list: true, payload_length }.length_with_payload();
        list(self.header.header().length() + list(transactions) + 2 * EMPTY_LIST_BYTES)
    }
}

/// What a header says beside the results of execution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderSeed {
    pub(crate) parent_hash: B256,
    pub(crate) number: u64,
    pub(crate) timestamp_unix_s: u64,
    pub(crate) beneficiary: Address,
    pub(crate) gas_limit: u64,
}

/// The header over executed transactions. `extraData` commits to those who decide the next block. Fields that belong to proof of work, proof of stake or blobs hold the
/// values that an empty such mechanism has on Ethereum after Osaka; there is no randomness beacon, so `mixHash`
/// (`PREVRANDAO`) is 0 and contracts must not draw lots with it.
pub(crate) fn assemble_header(
    seed: HeaderSeed,
    next_validators: B256,
    state_root: B256,
    transactions: &[SignedTransaction],
    receipts: &[TransactionReceipt],
) -> SealedHeader {
    let consensus_receipts: Vec<_> = receipts.iter().map(TransactionReceipt::to_consensus).collect();
    let logs_bloom = receipts.iter().fold(Bloom::ZERO, |bloom, receipt| bloom | receipt.bloom());
    SealedHeader::new(Header {
        parent_hash: seed.parent_hash,
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: seed.beneficiary,
        state_root,
        transactions_root: proofs::calculate_transaction_root(transactions),
        receipts_root: proofs::calculate_receipt_root(&consensus_receipts),
        logs_bloom,
        difficulty: U256::ZERO,
        number: seed.number,
        gas_limit: seed.gas_limit,
        gas_used: receipts.last().map_or(0, |receipt| receipt.cumulative_gas_used),
        timestamp: seed.timestamp_unix_s,
        extra_data: next_validators.into(),
        mix_hash: B256::ZERO,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(GAS_PRICE_WEI),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}
