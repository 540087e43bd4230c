//! Reads that combine the chain with the pool, or that take long.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use chain::{
    Block, Call, CallFrame, CallOutcome, ChainError, CommitCertificate, IncludedTransaction, LogFilter, PlacedLog,
    SealedHeader, SignedTransaction, TransactionReceipt,
};

use crate::clock::now_unix_s;
use crate::error::NodeError;
use crate::handle::NodeHandle;

/// Most bytes of waiting transactions that are listed at once, each with [`LISTED_OVERHEAD_BYTES`].
const MAX_LISTED_BYTES: u64 = 4 << 20;

/// What the fields of a listed transaction take beside its bytes.
const LISTED_OVERHEAD_BYTES: u64 = 512;

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

    /// The waiting transactions of one sender or of all, within a bound of bytes.
    ///
    /// # Errors
    /// [`ChainError::LimitExceeded`] if more of them wait.
    pub(crate) fn listed_pool(&self, sender: Option<Address>) -> Result<PoolContent, NodeError> {
        let pool = self.shared.pool();
        let (ready, queued) = pool.content();
        let wanted = |list: Vec<&SignedTransaction>| -> Vec<SignedTransaction> {
            let of_sender =
                |transaction: &&SignedTransaction| sender.is_none_or(|wanted| transaction.sender() == wanted);
            list.into_iter().filter(of_sender).cloned().collect()
        };
        // A clone shares the encoded bytes.
        let content = PoolContent { ready: wanted(ready), queued: wanted(queued) };
        let sizes = content.ready.iter().chain(&content.queued).map(|transaction| transaction.raw().len() as u64);
        let given: u64 = sizes.map(|bytes| bytes + LISTED_OVERHEAD_BYTES).sum();
        if given > MAX_LISTED_BYTES {
            let what = "bytes of waiting transactions";
            return Err(NodeError::Chain(ChainError::LimitExceeded { what, limit: MAX_LISTED_BYTES, given }));
        }
        Ok(content)
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
        let time = self.call_time();
        self.query(move |snapshot| {
            time.run(|is_over| snapshot.call(snapshot.head().number, &call, &BTreeMap::new(), is_over))
        })
        .await
    }

    /// Every call inside a transaction; `None` while no block has it.
    ///
    /// # Errors
    /// As [`chain::Snapshot::calls_of`].
    pub async fn calls_of(&self, transaction_hash: B256) -> Result<Option<CallFrame>, NodeError> {
        let time = self.call_time();
        self.query(move |snapshot| time.run(|is_over| snapshot.calls_of(transaction_hash, is_over))).await
    }

    /// The gas limit a call needs in the next block.
    ///
    /// # Errors
    /// As [`chain::Snapshot::estimate_gas_of_next`].
    pub async fn estimate_gas(&self, call: Call) -> Result<u64, NodeError> {
        let time = self.call_time();
        self.query(move |snapshot| {
            time.run(|is_over| snapshot.estimate_gas_of_next(now_unix_s(), &call, &BTreeMap::new(), is_over))
        })
        .await
    }

    /// The wanted logs of the blocks `first` to `last`.
    ///
    /// # Errors
    /// As [`chain::Snapshot::logs`].
    pub async fn logs(&self, filter: LogFilter, first: u64, last: u64) -> Result<Vec<PlacedLog>, NodeError> {
        self.query(move |snapshot| Ok(snapshot.logs(&filter, first, last)?)).await
    }

    /// The first wanted log on the chain, found by an index.
    ///
    /// # Errors
    /// As [`chain::Snapshot::find_log`].
    pub async fn find_log(&self, filter: LogFilter) -> Result<Option<PlacedLog>, NodeError> {
        self.query(move |snapshot| Ok(snapshot.find_log(&filter)?)).await
    }

    /// Headers from the newest down, below `before`.
    ///
    /// # Errors
    /// A storage error.
    pub fn latest_headers(&self, before: Option<u64>, limit: usize) -> Result<Vec<SealedHeader>, NodeError> {
        Ok(self.snapshot()?.latest_headers(before, limit)?)
    }
}
