use alloy_primitives::Address;
use redb::{ReadTransaction, ReadableTable as _};

use crate::error::ChainError;
use crate::tables;
use crate::transaction::SignedTransaction;

/// A transaction that was acknowledged and waits for its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingTransaction {
    /// The transaction.
    pub transaction: SignedTransaction,
    /// When this node took it, in unix milliseconds.
    pub arrival_unix_ms: u64,
}

/// All waiting transactions, by arrival and then by nonce.
pub(crate) fn read_pending(snapshot: &ReadTransaction) -> Result<Vec<PendingTransaction>, ChainError> {
    const ARRIVAL_BYTES: usize = 8;
    let mut waiting = Vec::new();
    for entry in snapshot.open_table(tables::PENDING)?.iter()? {
        let (hash, stored) = entry?;
        let damaged = || ChainError::corrupt("pending transaction", hash.value());
        let (arrival, rest) = stored.value().split_first_chunk::<ARRIVAL_BYTES>().ok_or_else(damaged)?;
        let (sender, raw) = rest.split_first_chunk::<20>().ok_or_else(damaged)?;
        let transaction = SignedTransaction::from_stored(raw, Address::from(*sender)).ok_or_else(damaged)?;
        waiting.push(PendingTransaction { transaction, arrival_unix_ms: u64::from_be_bytes(*arrival) });
    }
    waiting.sort_by_key(|entry| (entry.arrival_unix_ms, entry.transaction.nonce(), entry.transaction.hash()));
    Ok(waiting)
}
