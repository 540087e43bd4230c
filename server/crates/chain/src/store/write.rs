use alloy_primitives::{Address, B256};
use finality::{CommitCertificate, ValidatorSet};
use redb::{ReadableTable as _, WriteTransaction};

use crate::application::ExecutedBlock;
use crate::error::ChainError;
use crate::receipt::TransactionReceipt;
use crate::roles::TransactionRoles;
use crate::tables::{self, Place};
use crate::transaction::SignedTransaction;

/// Makes every table exist, so that readers of a fresh database find them.
pub(crate) fn create_tables(transaction: &WriteTransaction) -> Result<(), ChainError> {
    transaction.open_table(tables::META)?.insert("schema", tables::SCHEMA_VERSION)?;
    transaction.open_table(tables::HEADERS)?;
    transaction.open_table(tables::HEIGHTS)?;
    transaction.open_table(tables::CERTIFICATES)?;
    transaction.open_table(tables::VALIDATOR_SETS)?;
    transaction.open_table(tables::TRANSACTION_TOTALS)?;
    transaction.open_table(tables::TRANSACTIONS)?;
    transaction.open_table(tables::RECEIPTS)?;
    transaction.open_table(tables::PLACES)?;
    transaction.open_table(tables::ADDRESS_TRANSACTIONS)?;
    transaction.open_table(tables::LOG_ADDRESSES)?;
    transaction.open_table(tables::LOG_TOPICS)?;
    transaction.open_table(tables::ACCOUNTS)?;
    transaction.open_table(tables::STORAGE)?;
    transaction.open_table(tables::CODES)?;
    transaction.open_table(tables::ACCOUNT_HISTORY)?;
    transaction.open_table(tables::STORAGE_HISTORY)?;
    transaction.open_table(tables::TRIE)?;
    transaction.open_table(tables::PRUNING)?;
    transaction.open_table(tables::PROOF_STEPS)?;
    transaction.open_table(tables::CONTRADICTIONS)?;
    transaction.open_table(tables::PENDING)?;
    Ok(())
}

/// Writes a block with everything it changes. Its transactions leave the pending table in the same write.
pub(crate) fn write_block(
    transaction: &WriteTransaction,
    executed: &ExecutedBlock,
    certificate: Option<&CommitCertificate>,
) -> Result<(), ChainError> {
    let header = &executed.block.header;
    let height = header.number;
    transaction.open_table(tables::HEADERS)?.insert(height, alloy_rlp::encode(header.header()).as_slice())?;
    transaction.open_table(tables::HEIGHTS)?.insert(&header.hash().0, height)?;
    if let Some(certificate) = certificate {
        transaction.open_table(tables::CERTIFICATES)?.insert(height, alloy_rlp::encode(certificate).as_slice())?;
    }
    if let Some(next) = &executed.next_validators {
        transaction.open_table(tables::VALIDATOR_SETS)?.insert(height + 1, encode_validators(next).as_slice())?;
    }
    write_totals(transaction, height, executed.block.transactions.len())?;
    for (index, (signed, receipt)) in (0u32..).zip(executed.block.transactions.iter().zip(&executed.receipts)) {
        write_transaction(transaction, Place { height, index }, signed, receipt)?;
    }
    write_accounts(transaction, height, executed)?;
    write_storage(transaction, height, executed)?;
    write_trie(transaction, executed)
}

/// The stored form of a set.
pub(crate) fn encode_validators(set: &ValidatorSet) -> Vec<u8> {
    alloy_rlp::encode(set.iter().collect::<Vec<_>>())
}

fn write_totals(transaction: &WriteTransaction, height: u64, count: usize) -> Result<(), ChainError> {
    let mut totals = transaction.open_table(tables::TRANSACTION_TOTALS)?;
    let before = match height.checked_sub(1) {
        Some(parent) => totals.get(parent)?.map_or(0, |total| total.value()),
        None => 0,
    };
    totals.insert(height, before + count as u64)?;
    Ok(())
}

fn write_transaction(
    transaction: &WriteTransaction,
    place: Place,
    signed: &SignedTransaction,
    receipt: &TransactionReceipt,
) -> Result<(), ChainError> {
    let hash = signed.hash().0;
    let key = place.to_key();
    transaction.open_table(tables::TRANSACTIONS)?.insert(&key, stored_transaction(signed).as_slice())?;
    transaction.open_table(tables::RECEIPTS)?.insert(&key, alloy_rlp::encode(receipt).as_slice())?;
    transaction.open_table(tables::PLACES)?.insert(&hash, &key)?;
    transaction.open_table(tables::PENDING)?.remove(&hash)?;
    let mut touched = transaction.open_table(tables::ADDRESS_TRANSACTIONS)?;
    for (address, roles) in TransactionRoles::of(signed, receipt) {
        touched.insert(&tables::address_place(address, place), roles.bits())?;
    }
    let mut emitters = transaction.open_table(tables::LOG_ADDRESSES)?;
    let mut topics = transaction.open_table(tables::LOG_TOPICS)?;
    for log in &receipt.logs {
        emitters.insert(&tables::log_address(log.address, place.height), ())?;
        for topic in log.topics() {
            topics.insert(&tables::log_topic(*topic, place.height), ())?;
        }
    }
    Ok(())
}

/// The stored form of a transaction.
pub(crate) fn stored_transaction(signed: &SignedTransaction) -> Vec<u8> {
    [signed.sender().as_slice(), signed.raw()].concat()
}

fn write_accounts(transaction: &WriteTransaction, height: u64, executed: &ExecutedBlock) -> Result<(), ChainError> {
    let mut accounts = transaction.open_table(tables::ACCOUNTS)?;
    let mut history = transaction.open_table(tables::ACCOUNT_HISTORY)?;
    for (address, account) in &executed.commitment.accounts {
        let encoded = account.as_ref().map(alloy_rlp::encode).unwrap_or_default();
        if account.is_some() {
            accounts.insert(&address.0.0, encoded.as_slice())?;
        } else {
            accounts.remove(&address.0.0)?;
        }
        history.insert(&tables::account_version(*address, height), encoded.as_slice())?;
    }
    let mut codes = transaction.open_table(tables::CODES)?;
    for (hash, code) in &executed.changes.codes {
        codes.insert(&hash.0, code.as_ref())?;
    }
    Ok(())
}

fn write_storage(transaction: &WriteTransaction, height: u64, executed: &ExecutedBlock) -> Result<(), ChainError> {
    let mut storage = transaction.open_table(tables::STORAGE)?;
    let mut history = transaction.open_table(tables::STORAGE_HISTORY)?;
    let slots = executed
        .changes
        .storage
        .iter()
        .flat_map(|(address, slots)| slots.iter().map(move |(slot, value)| (*address, *slot, *value)));
    for (address, slot, value) in slots {
        let (key, value_bytes) = (tables::storage_key(address, slot), value.to_be_bytes::<32>());
        if value.is_zero() {
            storage.remove(&key)?;
        } else {
            storage.insert(&key, &value_bytes)?;
        }
        history.insert(&tables::storage_version(address, slot, height), &value_bytes)?;
    }
    Ok(())
}

fn write_trie(transaction: &WriteTransaction, executed: &ExecutedBlock) -> Result<(), ChainError> {
    let mut trie = transaction.open_table(tables::TRIE)?;
    for (key, node) in &executed.commitment.trie {
        match node {
            Some(node) => trie.insert(key.as_slice(), node.as_slice())?,
            None => trie.remove(key.as_slice())?,
        };
    }
    Ok(())
}

/// Adds waiting transactions: `(hash, arrival in unix ms, sender, encoding)`.
pub(crate) fn write_pending<'a>(
    transaction: &WriteTransaction,
    waiting: impl Iterator<Item = (B256, u64, Address, &'a [u8])>,
) -> Result<(), ChainError> {
    let mut pending = transaction.open_table(tables::PENDING)?;
    for (hash, arrival_unix_ms, sender, raw) in waiting {
        let mut stored = arrival_unix_ms.to_be_bytes().to_vec();
        stored.extend_from_slice(sender.as_slice());
        stored.extend_from_slice(raw);
        pending.insert(&hash.0, stored.as_slice())?;
    }
    Ok(())
}
