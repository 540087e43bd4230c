//! The chain's types in the JSON forms of Ethereum.

use alloy_consensus::transaction::Recovered;
use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, Sealed};
use alloy_primitives::U256;
use alloy_rpc_types_eth as rpc;
use chain::{Block, Envelope, IncludedTransaction, PlacedLog, SealedHeader, SignedTransaction, TransactionReceipt};

pub(crate) type RpcTransaction = rpc::Transaction<Envelope>;
pub(crate) type RpcBlock = rpc::Block<RpcTransaction>;

/// What every transaction pays for each gas, in wei.
const EFFECTIVE_GAS_PRICE: u128 = chain::rules::GAS_PRICE_WEI as u128;

pub(crate) fn block(block: &Block, full: bool) -> RpcBlock {
    let transactions = if full {
        let all = block.transactions.iter().zip(0u64..);
        rpc::BlockTransactions::Full(all.map(|(tx, index)| mined(tx, &block.header, index)).collect())
    } else {
        rpc::BlockTransactions::Hashes(block.transactions.iter().map(SignedTransaction::hash).collect())
    };
    let sealed = Sealed::new_unchecked(block.header.header().clone(), block.header.hash());
    let size = U256::from(block.size_bytes());
    rpc::Block {
        header: rpc::Header::from_consensus(sealed, None, Some(size)),
        uncles: Vec::new(),
        transactions,
        withdrawals: Some(Default::default()),
    }
}

/// A header as `newHeads` sends it.
pub(crate) fn header(header: &SealedHeader) -> rpc::Header {
    rpc::Header::from_sealed(Sealed::new_unchecked(header.header().clone(), header.hash()))
}

/// A transaction of a block.
pub(crate) fn mined(transaction: &SignedTransaction, header: &SealedHeader, index: u64) -> RpcTransaction {
    rpc::Transaction {
        inner: Recovered::new_unchecked(transaction.envelope().clone(), transaction.sender()),
        block_hash: Some(header.hash()),
        block_number: Some(header.number),
        transaction_index: Some(index),
        effective_gas_price: Some(EFFECTIVE_GAS_PRICE),
        block_timestamp: Some(header.timestamp),
    }
}

/// A transaction found by its hash or place.
pub(crate) fn included(included: &IncludedTransaction) -> RpcTransaction {
    rpc::Transaction {
        inner: Recovered::new_unchecked(included.transaction.envelope().clone(), included.transaction.sender()),
        block_hash: Some(included.block_hash),
        block_number: Some(included.place.height),
        transaction_index: Some(included.place.index.into()),
        effective_gas_price: Some(EFFECTIVE_GAS_PRICE),
        block_timestamp: Some(included.block_timestamp_unix_s),
    }
}

/// A waiting transaction. Its price is the most that it offers.
pub(crate) fn pending(transaction: &SignedTransaction) -> RpcTransaction {
    rpc::Transaction {
        inner: Recovered::new_unchecked(transaction.envelope().clone(), transaction.sender()),
        block_hash: None,
        block_number: None,
        transaction_index: None,
        effective_gas_price: Some(transaction.max_fee_per_gas()),
        block_timestamp: None,
    }
}

pub(crate) fn log(placed: &PlacedLog) -> rpc::Log {
    rpc::Log {
        inner: placed.log.clone(),
        block_hash: Some(placed.block_hash),
        block_number: Some(placed.place.height),
        block_timestamp: Some(placed.block_timestamp_unix_s),
        transaction_hash: Some(placed.transaction_hash),
        transaction_index: Some(placed.place.index.into()),
        log_index: Some(placed.log_index),
        removed: false,
    }
}

pub(crate) fn receipt(included: &IncludedTransaction) -> rpc::TransactionReceipt {
    let IncludedTransaction { place, block_hash, block_timestamp_unix_s, transaction, receipt } = included;
    let logs = (receipt.first_log_index..)
        .zip(&receipt.logs)
        .map(|(log_index, event)| {
            log(&PlacedLog {
                log: event.clone(),
                place: *place,
                transaction_hash: transaction.hash(),
                block_hash: *block_hash,
                block_timestamp_unix_s: *block_timestamp_unix_s,
                log_index,
            })
        })
        .collect();
    rpc::TransactionReceipt {
        inner: envelope(receipt, logs),
        transaction_hash: transaction.hash(),
        transaction_index: Some(place.index.into()),
        block_hash: Some(*block_hash),
        block_number: Some(place.height),
        gas_used: receipt.gas_used,
        effective_gas_price: EFFECTIVE_GAS_PRICE,
        blob_gas_used: None,
        blob_gas_price: None,
        from: transaction.sender(),
        to: transaction.to(),
        contract_address: receipt.contract_address,
    }
}

fn envelope(receipt: &TransactionReceipt, logs: Vec<rpc::Log>) -> ReceiptEnvelope<rpc::Log> {
    let inner = Receipt {
        status: Eip658Value::Eip658(receipt.success),
        cumulative_gas_used: receipt.cumulative_gas_used,
        logs,
    };
    ReceiptEnvelope::from_typed(
        receipt.transaction_type(),
        ReceiptWithBloom { receipt: inner, logs_bloom: receipt.bloom() },
    )
}
