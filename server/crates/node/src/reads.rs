//! Reads that combine the chain with the pool, or that take long.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use chain::{
    Block, Call, CallOutcome, CommitCertificate, IncludedTransaction, LogFilter, PlacedLog, SealedHeader,
    SignedTransaction, TransactionReceipt,
};

use crate::error::NodeError;
use crate::handle::NodeHandle;

/// The waiting transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolContent {
    /// Those the next blocks take, by sender and nonce.
    pub ready: Vec<SignedTransaction>,
    /// Those that wait for an earlier nonce.
    pub queued: Vec<SignedTransaction>,
}

impl NodeHandle {
    /// The block at a height.
    ///
    /// # Errors
    /// A storage error.
    pub fn block_by_number(&self, number: u64) -> Result<Option<Block>, NodeError> {
        Ok(self.snapshot()?.block_at(number)?)
    }

    /// The block with a hash.
    ///
    /// # Errors
    /// A storage error.
    pub fn block_by_hash(&self, hash: B256) -> Result<Option<Block>, NodeError> {
        let snapshot = self.snapshot()?;
        match snapshot.height_of(hash)? {
            Some(height) => Ok(snapshot.block_at(height)?),
            None => Ok(None),
        }
    }

    /// The receipts of a block's transactions, in order.
    ///
    /// # Errors
    /// A storage error.
    pub fn block_receipts(&self, number: u64) -> Result<Vec<TransactionReceipt>, NodeError> {
        Ok(self.snapshot()?.receipts_at(number)?)
    }

    /// The certificate of a block; genesis has none.
    ///
    /// # Errors
    /// A storage error.
    pub fn certificate(&self, number: u64) -> Result<Option<CommitCertificate>, NodeError> {
        Ok(self.snapshot()?.certificate_at(number)?)
    }

    /// A transaction that is on the chain, with its receipt.
    ///
    /// # Errors
    /// A storage error.
    pub fn transaction(&self, hash: B256) -> Result<Option<IncludedTransaction>, NodeError> {
        Ok(self.snapshot()?.transaction(hash)?)
    }

    /// A transaction that still waits.
    #[must_use]
    pub fn pending_transaction(&self, hash: B256) -> Option<SignedTransaction> {
        self.shared.pool().get(hash).cloned()
    }

    /// All waiting transactions.
    #[must_use]
    pub fn pool_content(&self) -> PoolContent {
        let pool = self.shared.pool();
        let (ready, queued) = pool.content();
        PoolContent { ready: ready.into_iter().cloned().collect(), queued: queued.into_iter().cloned().collect() }
    }

    /// Transactions an account has on the chain.
    ///
    /// # Errors
    /// A storage error.
    pub fn nonce(&self, address: Address) -> Result<u64, NodeError> {
        let snapshot = self.snapshot()?;
        let account = snapshot.state_at(snapshot.head().number)?.account(address)?;
        Ok(account.map_or(0, |account| account.nonce))
    }

    /// The nonce an account's next transaction should have, with those that wait counted in.
    ///
    /// # Errors
    /// A storage error.
    pub fn next_nonce(&self, address: Address) -> Result<u64, NodeError> {
        // The pool first: a block between the two reads may only raise the chain's nonce.
        let waiting = self.shared.pool().next_nonce(address).unwrap_or(0);
        Ok(self.nonce(address)?.max(waiting))
    }

    /// The code at an address.
    ///
    /// # Errors
    /// A storage error.
    pub fn code(&self, address: Address) -> Result<Bytes, NodeError> {
        let snapshot = self.snapshot()?;
        Ok(snapshot.state_at(snapshot.head().number)?.code_at(address)?)
    }

    /// Simulates a call at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::call`].
    pub async fn call(&self, call: Call) -> Result<CallOutcome, NodeError> {
        self.query(move |snapshot| Ok(snapshot.call(snapshot.head().number, &call, &BTreeMap::new())?)).await
    }

    /// The gas limit a call needs at the head.
    ///
    /// # Errors
    /// As [`chain::Snapshot::estimate_gas`].
    pub async fn estimate_gas(&self, call: Call) -> Result<u64, NodeError> {
        self.query(move |snapshot| Ok(snapshot.estimate_gas(snapshot.head().number, &call, &BTreeMap::new())?)).await
    }

    /// The wanted logs of the blocks `first` to `last`.
    ///
    /// # Errors
    /// As [`chain::Snapshot::logs`].
    pub async fn logs(&self, filter: LogFilter, first: u64, last: u64) -> Result<Vec<PlacedLog>, NodeError> {
        self.query(move |snapshot| Ok(snapshot.logs(&filter, first, last)?)).await
    }

    /// Headers from the newest down, below `before`.
    ///
    /// # Errors
    /// A storage error.
    pub fn latest_headers(&self, before: Option<u64>, limit: usize) -> Result<Vec<SealedHeader>, NodeError> {
        Ok(self.snapshot()?.latest_headers(before, limit)?)
    }
}
