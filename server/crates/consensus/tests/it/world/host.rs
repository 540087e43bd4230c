use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes};
use chain::{
    Application as _, Chain, ChainError, CommitCertificate, Contradiction, DecidedBlock, ExecutedBlock, Keeping,
    Metering, PendingTransaction, Proposal, ProposalRequest, SignedTransaction,
};
use consensus::{Host, MAX_GOSSIP_TRANSACTIONS};

use super::CHAIN_ID;

/// A pool of transactions in the order of their nonces, and a real chain. What clients bring is stored before it is
/// acknowledged.
pub(crate) struct PoolAndChain {
    chain: Chain,
    proposer: Address,
    pool: BTreeMap<(Address, u64), SignedTransaction>,
    nonces: BTreeMap<Address, u64>,
    included: BTreeSet<B256>,
    fresh: Vec<u64>,
    /// Proofs cannot be stored.
    pub(crate) is_disk_full: bool,
    /// How often a proof was to be stored.
    pub(crate) asked_to_keep: usize,
}

/// What a full disk answers.
fn disk_full() -> ChainError {
    ChainError::Storage(Box::new(redb::Error::Io(std::io::Error::from(std::io::ErrorKind::StorageFull))))
}

impl PoolAndChain {
    pub(crate) fn new(chain: Chain, proposer: Address) -> Self {
        let mut host = Self {
            proposer,
            pool: BTreeMap::new(),
            nonces: BTreeMap::new(),
            included: BTreeSet::new(),
            fresh: Vec::new(),
            is_disk_full: false,
            asked_to_keep: 0,
            chain,
        };
        let snapshot = host.chain.snapshot().unwrap();
        for height in 1..=snapshot.head().number {
            host.note(&snapshot.block_at(height).unwrap().unwrap().transactions);
        }
        for pending in host.chain.pending_transactions().unwrap() {
            host.insert(pending.transaction);
        }
        host
    }

    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    pub(crate) fn included(&self) -> &BTreeSet<B256> {
        &self.included
    }

    /// Heights committed since this node was started, in order.
    pub(crate) fn fresh(&self) -> &[u64] {
        &self.fresh
    }

    /// Empties the pool, as a proposal that refuses everything does.
    pub(crate) fn forget_all(&mut self) {
        self.pool.clear();
    }

    pub(crate) fn take_from_client(&mut self, transaction: SignedTransaction, arrival_unix_ms: u64) {
        let pending = PendingTransaction { transaction: transaction.clone(), arrival_unix_ms };
        self.chain.update_pending(&[pending], &[]).unwrap();
        self.insert(transaction);
    }

    fn insert(&mut self, transaction: SignedTransaction) -> bool {
        let (sender, nonce) = (transaction.sender(), transaction.nonce());
        if nonce < self.next_nonce(sender) || self.pool.contains_key(&(sender, nonce)) {
            return false;
        }
        self.pool.insert((sender, nonce), transaction);
        true
    }

    fn next_nonce(&self, sender: Address) -> u64 {
        self.nonces.get(&sender).copied().unwrap_or_default()
    }

    fn note(&mut self, transactions: &[SignedTransaction]) {
        for transaction in transactions {
            self.nonces.insert(transaction.sender(), transaction.nonce() + 1);
            self.included.insert(transaction.hash());
        }
    }
}

impl Host for PoolAndChain {
    type Application = Chain;

    fn application(&self) -> &Chain {
        &self.chain
    }

    fn propose(&mut self, now_unix_s: u64) -> Result<Option<Arc<ExecutedBlock>>, ChainError> {
        let Proposal { executed, refused, .. } = self.chain.propose(ProposalRequest {
            timestamp_unix_s: now_unix_s,
            proposer: self.proposer,
            candidates: self.pool.values().cloned().collect(),
            metering: Metering::UNLIMITED,
        })?;
        for (hash, _) in refused {
            self.pool.retain(|_, transaction| transaction.hash() != hash);
        }
        Ok((!executed.block().transactions.is_empty()).then_some(executed))
    }

    fn propose_empty(&mut self, now_unix_s: u64) -> Result<Arc<ExecutedBlock>, ChainError> {
        let proposal = self.chain.propose(ProposalRequest {
            timestamp_unix_s: now_unix_s,
            proposer: self.proposer,
            candidates: Vec::new(),
            metering: Metering::UNLIMITED,
        })?;
        Ok(proposal.executed)
    }

    fn has_waiting(&self) -> bool {
        self.pool.keys().any(|(sender, nonce)| *nonce == self.next_nonce(*sender))
    }

    fn waiting(&self) -> Vec<Bytes> {
        self.pool.values().take(MAX_GOSSIP_TRANSACTIONS).map(|transaction| transaction.raw().clone()).collect()
    }

    fn take(&mut self, transactions: Vec<Bytes>) -> bool {
        let mut took = false;
        for raw in transactions {
            took |= SignedTransaction::decode(&raw, CHAIN_ID).is_ok_and(|transaction| self.insert(transaction));
        }
        took
    }

    /// The simulation tests what has a log.
    fn record(&mut self, _: &ExecutedBlock, _: &CommitCertificate) {}

    fn keep(&mut self, contradiction: &Contradiction) -> Result<Keeping, ChainError> {
        self.asked_to_keep += 1;
        if self.is_disk_full {
            return Err(disk_full());
        }
        self.chain.keep_contradiction(contradiction)
    }

    fn committed(&mut self, executed: ExecutedBlock) {
        self.fresh.push(executed.block().header.number);
        self.note(&executed.block().transactions);
        let nonces = &self.nonces;
        self.pool.retain(|(sender, nonce), _| *nonce >= nonces.get(sender).copied().unwrap_or_default());
    }

    fn decided_block(&self, height: u64) -> Result<Option<DecidedBlock>, ChainError> {
        self.chain.snapshot()?.decided_block(height)
    }
}
