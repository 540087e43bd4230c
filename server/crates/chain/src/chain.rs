use std::path::Path;

use alloy_primitives::{Address, B256, Bytes};
use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use crate::application::{Application, BlockProposal, BuiltBlock, ExecutedBlock};
use crate::block::{Block, EXTRA_DATA, HeaderSeed, SealedHeader, assemble_header};
use crate::certificate::CommitCertificate;
use crate::commitment::commit_to;
use crate::error::ChainError;
use crate::executor::{BlockContext, Execution, execute};
use crate::genesis::Genesis;
use crate::state::StateReader;
use crate::store::pending::{PendingTransaction, read_pending};
use crate::store::read::Snapshot;
use crate::store::{StoredNodes, tables, write};
use crate::transaction::{SignedTransaction, TransactionError};

/// Memory the database may use to cache pages, in bytes.
const DATABASE_CACHE_BYTES: usize = 128 * 1024 * 1024;

/// The chain in its database file. Reading is concurrent; writing is one block at a time.
#[derive(Debug)]
pub struct Chain {
    database: Database,
    chain_id: u64,
    authority: Address,
    genesis_hash: B256,
}

impl Chain {
    /// Opens the database at `path`, or makes it and writes genesis. After a crash it holds the last block whose
    /// commit had finished.
    ///
    /// # Errors
    /// [`ChainError::GenesisMismatch`] if the database belongs to another chain, [`ChainError::Storage`] if it cannot
    /// be opened, for example because another process holds it.
    pub fn open(path: &Path, genesis: &Genesis) -> Result<Self, ChainError> {
        let database = Database::builder().set_cache_size(DATABASE_CACHE_BYTES).create(path)?;
        let built = genesis.build()?;
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
        Ok(Self { database, chain_id: genesis.chain_id, authority: genesis.authority, genesis_hash: configured })
    }

    /// EIP-155 chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Who may produce blocks.
    #[must_use]
    pub fn authority(&self) -> Address {
        self.authority
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

    fn run(
        &self,
        snapshot: &Snapshot,
        seed: HeaderSeed,
        extra_data: Bytes,
        block: Vec<SignedTransaction>,
    ) -> Result<(ExecutedBlock, Vec<(B256, TransactionError)>), ChainError> {
        let parent_state = StateReader::at_head(&snapshot.transaction)?;
        let context = BlockContext {
            chain_id: self.chain_id,
            number: seed.number,
            timestamp_unix_s: seed.timestamp_unix_s,
            beneficiary: seed.beneficiary,
            gas_limit: seed.gas_limit,
        };
        let Execution { included, receipts, refused, changes } = execute(&parent_state, context, block)?;
        let nodes = StoredNodes(snapshot.transaction.open_table(tables::TRIE)?);
        let commitment = commit_to(Some(&parent_state), &nodes, &changes)?;
        let header = assemble_header(seed, extra_data, commitment.state_root, &included, &receipts);
        let block = Block { header, transactions: included };
        Ok((ExecutedBlock { block, receipts, changes, commitment }, refused))
    }
}

impl Application for Chain {
    fn head(&self) -> Result<SealedHeader, ChainError> {
        Ok(self.snapshot()?.head)
    }

    fn build(&self, proposal: BlockProposal) -> Result<BuiltBlock, ChainError> {
        let snapshot = self.snapshot()?;
        let parent = snapshot.head();
        let seed = HeaderSeed {
            parent_hash: parent.hash(),
            number: parent.number + 1,
            timestamp_unix_s: proposal.timestamp_unix_s.max(parent.timestamp),
            beneficiary: proposal.proposer,
            gas_limit: parent.gas_limit,
        };
        let (executed, refused) = self.run(&snapshot, seed, Bytes::from_static(EXTRA_DATA), proposal.candidates)?;
        Ok(BuiltBlock { executed, refused })
    }

    fn validate(&self, block: Block) -> Result<ExecutedBlock, ChainError> {
        let snapshot = self.snapshot()?;
        let parent = snapshot.head();
        let number = block.header.number;
        let invalid = |reason: String| ChainError::InvalidBlock { number, reason };
        if block.header.parent_hash != parent.hash() || number != parent.number + 1 {
            return Err(ChainError::NotOnHead { number, parent: block.header.parent_hash, head: parent.hash() });
        }
        if block.header.timestamp < parent.timestamp {
            return Err(invalid(format!("time {} before its parent's {}", block.header.timestamp, parent.timestamp)));
        }
        if block.header.beneficiary != self.authority {
            return Err(invalid(format!("proposed by {}, not by {}", block.header.beneficiary, self.authority)));
        }
        let seed = HeaderSeed {
            parent_hash: parent.hash(),
            number,
            timestamp_unix_s: block.header.timestamp,
            beneficiary: block.header.beneficiary,
            gas_limit: parent.gas_limit,
        };
        // The sender comes from the signature, never from whoever handed the block over.
        let transactions = block
            .transactions
            .iter()
            .map(|transaction| SignedTransaction::decode(transaction.raw(), self.chain_id))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| invalid(error.to_string()))?;
        let given = transactions.len();
        let (executed, _) = self.run(&snapshot, seed, Bytes::from_static(EXTRA_DATA), transactions)?;
        if executed.block.transactions.len() != given {
            return Err(invalid(format!(
                "{} of its {given} transactions cannot run",
                given - executed.block.transactions.len()
            )));
        }
        if executed.block.header != block.header {
            return Err(invalid(difference(&executed.block.header, &block.header)));
        }
        Ok(executed)
    }

    fn commit(&self, executed: ExecutedBlock, certificate: CommitCertificate) -> Result<SealedHeader, ChainError> {
        let header = executed.block.header.clone();
        certificate.verify(self.chain_id, header.number, header.hash(), self.authority)?;
        let transaction = self.database.begin_write()?;
        let head = match transaction.open_table(tables::HEADERS)?.last()? {
            Some((_, encoded)) => alloy_primitives::keccak256(encoded.value()),
            None => B256::ZERO,
        };
        if head != header.parent_hash {
            return Err(ChainError::NotOnHead { number: header.number, parent: header.parent_hash, head });
        }
        write::write_block(&transaction, &executed, Some(&certificate))?;
        transaction.commit()?;
        Ok(header)
    }
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
    if expected.gas_used != given.gas_used {
        return format!("gasUsed is {}, execution gives {}", given.gas_used, expected.gas_used);
    }
    "another header field does not follow from its parent and its transactions".to_owned()
}
