use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::B256;
use finality::{CommitCertificate, ValidatorSet, validators_hash};
use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use crate::application::{Application, ExecutedBlock, Metering, Proposal, ProposalRequest};
use crate::block::{Block, HeaderSeed, SealedHeader, assemble_header};
use crate::commitment::commit_to;
use crate::contradictions::drop_settled;
use crate::error::ChainError;
use crate::executor::{BlockContext, Execution, execute};
use crate::genesis::Genesis;
use crate::growth::Usage;
use crate::rules::MAX_BLOCK_TIME_AHEAD_S;
use crate::snapshot_file::refuse_while_importing;
use crate::state::StateReader;
use crate::store::pending::{PendingTransaction, read_pending};
use crate::store::prune::{StateHistory, prune};
use crate::store::read::Snapshot;
use crate::store::{StoredNodes, write};
use crate::tables;
use crate::transaction::SignedTransaction;
use crate::undecided::UndecidedBlocks;

/// The chain in its database file. Reading is concurrent; writing is one block at a time.
#[derive(Debug)]
pub struct Chain {
    database: Database,
    chain_id: u64,
    genesis_hash: B256,
    history: StateHistory,
    undecided: Mutex<UndecidedBlocks>,
}

impl Chain {
    /// Opens the database at `path`, or makes it and writes genesis. After a crash it holds the last block whose
    /// commit had finished.
    ///
    /// # Errors
    /// [`ChainError::GenesisMismatch`] if the database belongs to another chain, [`ChainError::Storage`] if it cannot
    /// be opened, for example because another process holds it, [`ChainError::SnapshotImporting`] while an import makes it.
    pub fn open(path: &Path, genesis: &Genesis) -> Result<Self, ChainError> {
        refuse_while_importing(path)?;
        let database = Database::builder().set_cache_size(tables::DATABASE_CACHE_BYTES).create(path)?;
        let built = genesis.build_checked()?;
        let configured = built.block.header.hash();
        match stored_genesis(&database)? {
            Some(stored) if stored != configured => {
                return Err(ChainError::GenesisMismatch { stored, configured });
            }
            Some(_) => {}
            None => {
                let transaction = database.begin_write()?;
                write::create_tables(&transaction)?;
                write::write_block(&transaction, &built, None)?;
                transaction.commit()?;
            }
        }
        let (chain_id, history) = (genesis.chain_id, StateHistory::All);
        Ok(Self { database, chain_id, genesis_hash: configured, history, undecided: Mutex::default() })
    }

    /// Keeps these past states from the next block on. What was removed before does not come back.
    #[must_use]
    pub fn keeping(self, history: StateHistory) -> Self {
        Self { history, ..self }
    }

    /// EIP-155 chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Hash of block 0, which names the chain.
    #[must_use]
    pub fn genesis_hash(&self) -> B256 {
        self.genesis_hash
    }

    /// A consistent view of the present.
    ///
    /// # Errors
    /// A storage error.
    pub fn snapshot(&self) -> Result<Snapshot, ChainError> {
        Snapshot::new(self.database.begin_read()?, self.chain_id)
    }

    /// Transactions that were stored as waiting and are in no block yet.
    ///
    /// # Errors
    /// A storage error.
    pub fn pending_transactions(&self) -> Result<Vec<PendingTransaction>, ChainError> {
        read_pending(&self.database.begin_read()?)
    }

    /// Stores waiting transactions and forgets others, durably, in one write. What was stored survives a crash until
    /// a block holds it or it is forgotten here.
    ///
    /// # Errors
    /// A storage error, after which nothing was stored or forgotten.
    pub fn update_pending(&self, store: &[PendingTransaction], forget: &[B256]) -> Result<(), ChainError> {
        let transaction = self.database.begin_write()?;
        {
            let mut pending = transaction.open_table(tables::PENDING)?;
            for hash in forget {
                pending.remove(&hash.0)?;
            }
        }
        let entries = store.iter().map(|entry| {
            let signed = &entry.transaction;
            (signed.hash(), entry.arrival_unix_ms, signed.sender(), signed.raw().as_ref())
        });
        write::write_pending(&transaction, entries)?;
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn begin_write(&self) -> Result<redb::WriteTransaction, ChainError> {
        Ok(self.database.begin_write()?)
    }

    fn run(
        &self,
        snapshot: &Snapshot,
        seed: HeaderSeed,
        block: Vec<SignedTransaction>,
        metering: &Metering,
    ) -> Result<Proposal, ChainError> {
        let parent_state = StateReader::at_head(&snapshot.transaction)?;
        let context = BlockContext {
            chain_id: self.chain_id,
            number: seed.number,
            timestamp_unix_s: seed.timestamp_unix_s,
            beneficiary: seed.beneficiary,
            gas_limit: seed.gas_limit,
        };
        let Execution { included, receipts, refused, changes, mut metered, validators } =
            execute(&parent_state, context, block, metering)?;
        let nodes = StoredNodes(snapshot.transaction.open_table(tables::TRIE)?);
        let commitment = commit_to(Some(&parent_state), &nodes, &changes)?;
        let deciding = snapshot.validators_at(seed.number)?;
        let next_validators = validators.filter(|next| *next != *deciding);
        if let Some(next) = &next_validators
            && metered != Usage::default()
        {
            metered.growth_bytes += write::encode_validators(next).len() as u64;
        }
        let next_hash = validators_hash(self.chain_id, next_validators.as_ref().unwrap_or(&deciding));
        let header = assemble_header(seed, next_hash, commitment.state_root, &included, &receipts);
        let block = Block { header, transactions: included };
        let executed = Arc::new(ExecutedBlock { block, receipts, changes, commitment, next_validators });
        Ok(Proposal { executed, refused, metered })
    }

    fn undecided(&self) -> MutexGuard<'_, UndecidedBlocks> {
        self.undecided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an executed block until its height is decided.
    fn keep(&self, executed: Arc<ExecutedBlock>) -> Arc<ExecutedBlock> {
        self.undecided().insert(Arc::clone(&executed));
        executed
    }

    /// Executes a block whose place, proposer and time hold, and compares every field of its header with the outcome.
    fn execute_again(&self, snapshot: &Snapshot, block: &Block) -> Result<Arc<ExecutedBlock>, ChainError> {
        let header = &block.header;
        let invalid = |reason: String| ChainError::InvalidBlock { number: header.number, reason };
        let seed = HeaderSeed {
            parent_hash: header.parent_hash,
            number: header.number,
            timestamp_unix_s: header.timestamp,
            beneficiary: header.beneficiary,
            gas_limit: snapshot.head().gas_limit,
        };
        // The sender comes from the signature, never from the peer that sent the block.
        let transactions = block
            .transactions
            .iter()
            .map(|transaction| SignedTransaction::decode(transaction.raw(), self.chain_id))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(error.to_string()))?;
        let given = transactions.len();
        let Proposal { executed, .. } = self.run(snapshot, seed, transactions, &Metering::UNLIMITED)?;
        let run = executed.block.transactions.len();
        if run != given {
            return Err(invalid(format!("{} of its {given} transactions cannot run", given - run)));
        }
        if executed.block.header != block.header {
            return Err(invalid(difference(&executed.block.header, header)));
        }
        Ok(executed)
    }
}

impl Application for Chain {
    fn head(&self) -> Result<SealedHeader, ChainError> {
        Ok(self.snapshot()?.head)
    }

    fn block_hash_at(&self, height: u64) -> Result<Option<B256>, ChainError> {
        Ok(self.snapshot()?.header_at(height)?.map(|header| header.hash()))
    }

    fn certificate_at(&self, height: u64) -> Result<Option<CommitCertificate>, ChainError> {
        self.snapshot()?.certificate_at(height)
    }

    fn validators_at(&self, height: u64) -> Result<Arc<ValidatorSet>, ChainError> {
        self.snapshot()?.validators_at(height)
    }

    fn check_certificate(
        &self,
        certificate: &CommitCertificate,
        height: u64,
        block_hash: B256,
    ) -> Result<(), ChainError> {
        certificate
            .verify(self.chain_id, height, block_hash, &*self.validators_at(height)?)
            .map_err(|reason| ChainError::InvalidCertificate { number: height, reason })
    }

    fn propose(&self, request: ProposalRequest) -> Result<Proposal, ChainError> {
        let snapshot = self.snapshot()?;
        let parent = snapshot.head();
        let seed = HeaderSeed {
            parent_hash: parent.hash(),
            number: parent.number + 1,
            timestamp_unix_s: request.timestamp_unix_s.max(parent.timestamp),
            beneficiary: request.proposer,
            gas_limit: parent.gas_limit,
        };
        let proposal = self.run(&snapshot, seed, request.candidates, &request.metering)?;
        self.keep(Arc::clone(&proposal.executed));
        Ok(proposal)
    }

    fn validate(&self, block: Block, now_unix_s: u64) -> Result<Arc<ExecutedBlock>, ChainError> {
        let snapshot = self.snapshot()?;
        check_place(snapshot.head(), &block.header)?;
        check_time(snapshot.head(), &block.header, now_unix_s)?;
        let (number, proposer) = (block.header.number, block.header.beneficiary);
        if snapshot.validators_at(number)?.power_of(proposer).is_none() {
            let reason = format!("proposed by {proposer}, which is no validator of this height");
            return Err(ChainError::InvalidBlock { number, reason });
        }
        let kept = self.undecided().get(block.header.hash()).map(Arc::clone);
        match kept {
            Some(kept) if kept.block == block => Ok(kept),
            _ => Ok(self.keep(self.execute_again(&snapshot, &block)?)),
        }
    }

    fn commit(&self, certificate: &CommitCertificate) -> Result<ExecutedBlock, ChainError> {
        let CommitCertificate { height: number, block_hash: hash, .. } = *certificate;
        let executed = self.undecided().get(hash).map(Arc::clone);
        let executed = executed.ok_or(ChainError::NotUndecided { number, hash })?;
        let header = &executed.block.header;
        self.check_certificate(certificate, header.number, header.hash())?;
        let transaction = self.database.begin_write()?;
        let head = match transaction.open_table(tables::HEADERS)?.last()? {
            Some((_, encoded)) => alloy_primitives::keccak256(encoded.value()),
            None => B256::ZERO,
        };
        if head != header.parent_hash {
            return Err(ChainError::NotOnHead { number, parent: header.parent_hash, head });
        }
        write::write_block(&transaction, &executed, Some(certificate))?;
        drop_settled(&transaction, &executed.receipts)?;
        prune(&transaction, self.history, &executed)?;
        transaction.commit()?;
        self.undecided().clear();
        Ok(Arc::unwrap_or_clone(executed))
    }
}

/// A block must build on the head.
fn check_place(head: &SealedHeader, header: &SealedHeader) -> Result<(), ChainError> {
    if header.parent_hash == head.hash() && header.number == head.number + 1 {
        return Ok(());
    }
    Err(ChainError::NotOnHead { number: header.number, parent: header.parent_hash, head: head.hash() })
}

/// A block's time is not before its parent's, and at most a bound ahead of the validator's clock. It may equal the
/// parent's, since it counts whole seconds and there are many blocks in one.
fn check_time(parent: &SealedHeader, header: &SealedHeader, now_unix_s: u64) -> Result<(), ChainError> {
    let (given, earliest) = (header.timestamp, parent.timestamp);
    let invalid = |reason: String| ChainError::InvalidBlock { number: header.number, reason };
    if given < earliest {
        return Err(invalid(format!("time {given} is before its parent's {earliest}")));
    }
    let latest = now_unix_s.saturating_add(MAX_BLOCK_TIME_AHEAD_S);
    if given > latest {
        return Err(invalid(format!(
            "time {given} is after {latest}, which is {MAX_BLOCK_TIME_AHEAD_S} s ahead of this node's clock"
        )));
    }
    Ok(())
}

/// The hash of block 0 in the database, if there is one, after checking that the format is known.
fn stored_genesis(database: &Database) -> Result<Option<B256>, ChainError> {
    let snapshot = database.begin_read()?;
    let meta = match snapshot.open_table(tables::META) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match meta.get("schema")?.map(|version| version.value()) {
        Some(tables::SCHEMA_VERSION) => {}
        other => return Err(ChainError::corrupt("schema version", other)),
    }
    let header = snapshot.open_table(tables::HEADERS)?.get(0)?;
    Ok(header.map(|encoded| alloy_primitives::keccak256(encoded.value())))
}

/// Names the first header field in which a block differs from its own execution.
fn difference(expected: &SealedHeader, given: &SealedHeader) -> String {
    let fields = [
        ("stateRoot", expected.state_root, given.state_root),
        ("transactionsRoot", expected.transactions_root, given.transactions_root),
        ("receiptsRoot", expected.receipts_root, given.receipts_root),
    ];
    for (name, expected, given) in fields {
        if expected != given {
            return format!("{name} is {given}, execution gives {expected}");
        }
    }
    if expected.extra_data != given.extra_data {
        return format!(
            "extraData is {}, those who decide the next block give {}",
            given.extra_data, expected.extra_data
        );
    }
    if expected.gas_used != given.gas_used {
        return format!("gasUsed is {}, execution gives {}", given.gas_used, expected.gas_used);
    }
    "another header field does not follow from its parent and its transactions".to_owned()
}
