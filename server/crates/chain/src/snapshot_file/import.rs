use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use alloy_consensus::Header;
use alloy_consensus::proofs::calculate_transaction_root;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable as _;
use alloy_trie::EMPTY_ROOT_HASH;
use finality::{ProvedChain, ValidatorSet, validators_hash};
use redb::{Database, ReadableTable as _, Table, WriteTransaction};

use super::{ANCESTORS, AccountRecord, Beginning, ExportedSnapshot, Record, Records, SLOTS_PER_RECORD, SlotRecord};
use crate::block::SealedHeader;
use crate::error::ChainError;
use crate::genesis::Genesis;
use crate::store::write;
use crate::tables::{self, Place};
use crate::transaction::SignedTransaction;
use crate::trie::{ACCOUNT_TRIE, NodeSource, TrieChanges, update_trie};

/// Ending of a database's name while it is made of a snapshot.
const UNFINISHED: &str = "importing";

/// Accounts whose leaves are put into the trie together.
const ACCOUNTS_AT_ONCE: usize = 1_024;

/// Makes the database at `path` of a snapshot of the chain that begins with `genesis`. It is believed nothing: the block is proved
/// from block 0, and the state by its root, which is computed from all accounts and slots. Who has heard of the block from somebody
/// else gives its hash as `expected`. The database has its name only once it is whole, and takes no other's place; what a crash leaves
/// is begun anew by the next call.
///
/// # Errors
/// [`ChainError::SnapshotTarget`] if there is a database, also if it came meanwhile, [`ChainError::SnapshotImporting`] if another process
/// makes one of a snapshot, [`ChainError::SnapshotForm`], [`ChainError::SnapshotProof`] and
/// [`ChainError::SnapshotMismatch`] saying what does not hold, [`ChainError::SnapshotFile`], or a storage error. After each of them
/// there is no database.
pub fn import_snapshot(
    from: impl Read,
    genesis: &Genesis,
    path: &Path,
    expected: Option<B256>,
) -> Result<ExportedSnapshot, ChainError> {
    if path.exists() {
        return Err(ChainError::SnapshotTarget(path.to_owned()));
    }
    let unfinished = path.with_extension(UNFINISHED);
    let file = take_unfinished(&unfinished, path)?;
    // What an import left that was cut off is of no use.
    file.set_len(0)?;
    let kept = file.try_clone()?;
    let filled = fill(file, from, genesis, expected);
    // The database has given the lock back, so that another import may have begun with the file.
    let is_taken = lock(&kept, path).and_then(|()| match is_at(&kept, &unfinished)? {
        true => Ok(()),
        false => Err(ChainError::SnapshotImporting(path.to_owned())),
    });
    if let Err(error) = is_taken {
        return filled.and(Err(error));
    }
    let named = filled.and_then(|imported| give_name(&unfinished, path).map(|()| imported));
    // What happened is worth more than an error that says that nothing could be removed.
    let _ = std::fs::remove_file(&unfinished);
    named
}

/// Opens and locks the file of which the database is made. A file that has another name as well is somebody's database, and one that has
/// this name no more is another import's: neither is touched.
fn take_unfinished(unfinished: &Path, path: &Path) -> Result<File, ChainError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(unfinished)?;
    lock(&file, path)?;
    if is_at(&file, unfinished)? {
        if file.metadata()?.nlink() == 1 {
            return Ok(file);
        }
        std::fs::remove_file(unfinished)?;
    }
    match OpenOptions::new().read(true).write(true).create_new(true).open(unfinished) {
        Ok(file) => lock(&file, path).map(|()| file),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(ChainError::SnapshotImporting(path.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// Whether this name is one of the open file.
fn is_at(file: &File, name: &Path) -> std::io::Result<bool> {
    let opened = file.metadata()?;
    match std::fs::metadata(name) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A node may have made a database meanwhile, and holds it: a name that is taken is taken from nobody.
fn give_name(unfinished: &Path, path: &Path) -> Result<(), ChainError> {
    match std::fs::hard_link(unfinished, path) {
        Ok(()) => Ok(sync_folder(path)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(ChainError::SnapshotTarget(path.to_owned())),
        Err(error) => Err(error.into()),
    }
}

fn lock(unfinished: &File, path: &Path) -> Result<(), ChainError> {
    unfinished.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => ChainError::SnapshotImporting(path.to_owned()),
        TryLockError::Error(error) => error.into(),
    })
}

/// Refuses to make a database at `path` while an import does.
///
/// # Errors
/// [`ChainError::SnapshotImporting`], or that nothing could be found out.
pub(crate) fn refuse_while_importing(path: &Path) -> Result<(), ChainError> {
    if path.exists() {
        return Ok(());
    }
    match File::open(path.with_extension(UNFINISHED)) {
        Ok(unfinished) => match unfinished.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Err(ChainError::SnapshotImporting(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(error.into()),
            Ok(()) => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The file's new name has to survive, too.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn fill(
    file: File,
    from: impl Read,
    genesis: &Genesis,
    expected: Option<B256>,
) -> Result<ExportedSnapshot, ChainError> {
    let mut records = Records::open(from)?;
    let position = records.position;
    let Record::Beginning(beginning) = records.next()? else {
        return Err(ChainError::SnapshotForm { position, reason: "it does not say of which block it is".to_owned() });
    };
    let proved = Proved::of(*beginning, genesis, expected)?;
    let database = Database::builder().set_cache_size(tables::DATABASE_CACHE_BYTES).create_file(file)?;
    let transaction = database.begin_write()?;
    proved.write(&transaction, genesis)?;
    let imported = State::new(&transaction, &proved.header)?.take(&mut records)?;
    records.finish()?;
    transaction.commit()?;
    Ok(imported)
}

fn mismatch(what: impl Into<String>, given: impl core::fmt::Display, expected: impl core::fmt::Display) -> ChainError {
    ChainError::SnapshotMismatch { what: what.into(), given: given.to_string(), expected: expected.to_string() }
}

/// The beginning of a snapshot, which was found to hold.
struct Proved {
    beginning: Beginning,
    header: SealedHeader,
    transactions: Vec<SignedTransaction>,
    deciding: ValidatorSet,
    next: ValidatorSet,
    /// From the parent down.
    ancestors: Vec<SealedHeader>,
}

impl Proved {
    fn of(beginning: Beginning, genesis: &Genesis, expected: Option<B256>) -> Result<Self, ChainError> {
        let (chain_id, genesis_hash) = (genesis.chain_id, genesis.block_hash()?);
        if beginning.chain_id != chain_id {
            return Err(mismatch("the chain id", beginning.chain_id, chain_id));
        }
        if beginning.genesis_hash != genesis_hash {
            return Err(mismatch("the hash of block 0", beginning.genesis_hash, genesis_hash));
        }
        let chain = ProvedChain { genesis_hash, validators: genesis.validators.clone() };
        let block = chain.follow(chain_id, &beginning.steps)?;
        let header = SealedHeader::new(block.header);
        if let Some(expected) = expected.filter(|expected| *expected != header.hash()) {
            return Err(mismatch(format!("the hash of block {}", header.number), header.hash(), expected));
        }
        let next = ValidatorSet::new(beginning.next_validators.iter().copied())
            .map_err(|error| mismatch("the set of the next validators", error, "a set"))?;
        let next_hash = validators_hash(chain_id, &next);
        if header.extra_data.as_ref() != next_hash.as_slice() {
            return Err(mismatch("the hash of the next validators", next_hash, &header.extra_data));
        }
        let transactions = beginning.transactions.iter().map(|raw| SignedTransaction::decode(raw, chain_id));
        let transactions = transactions.collect::<Result<Vec<_>, _>>();
        let transactions = transactions
            .map_err(|error| mismatch("a transaction of the block", error, "one that is signed for this chain"))?;
        let root = calculate_transaction_root(&transactions);
        if root != header.transactions_root {
            return Err(mismatch("the root of the transactions", root, header.transactions_root));
        }
        let ancestors = ancestors_of(&header, &beginning.ancestors)?;
        Ok(Self { beginning, header, transactions, deciding: block.validators, next, ancestors })
    }

    /// Everything but the state.
    fn write(&self, transaction: &WriteTransaction, genesis: &Genesis) -> Result<(), ChainError> {
        write::create_tables(transaction)?;
        let number = self.header.number;
        let built = genesis.build_checked()?;
        let mut headers = transaction.open_table(tables::HEADERS)?;
        let mut heights = transaction.open_table(tables::HEIGHTS)?;
        for header in [&built.block().header, &self.header].into_iter().chain(&self.ancestors) {
            headers.insert(header.number, alloy_rlp::encode(header.header()).as_slice())?;
            heights.insert(&header.hash().0, header.number)?;
        }
        let mut sets = transaction.open_table(tables::VALIDATOR_SETS)?;
        sets.insert(1, write::encode_validators(&genesis.validators).as_slice())?;
        sets.insert(number, write::encode_validators(&self.deciding).as_slice())?;
        if self.next != self.deciding {
            sets.insert(number + 1, write::encode_validators(&self.next).as_slice())?;
        }
        let mut steps = transaction.open_table(tables::PROOF_STEPS)?;
        for (place, step) in (0..).zip(&self.beginning.steps) {
            steps.insert(place, alloy_rlp::encode(step).as_slice())?;
        }
        if let Some(step) = self.beginning.steps.last() {
            let certificate = alloy_rlp::encode(&step.certificate);
            transaction.open_table(tables::CERTIFICATES)?.insert(number, certificate.as_slice())?;
        }
        // Transactions are counted from here on: no header says how many there were.
        transaction.open_table(tables::TRANSACTION_TOTALS)?.insert(number, 0)?;
        let mut transactions = transaction.open_table(tables::TRANSACTIONS)?;
        for (index, signed) in (0u32..).zip(&self.transactions) {
            let place = Place { height: number, index };
            transactions.insert(&place.to_key(), write::stored_transaction(signed).as_slice())?;
        }
        let mut meta = transaction.open_table(tables::META)?;
        meta.insert(tables::FIRST_STATE, number)?;
        meta.insert(tables::SNAPSHOT_HEIGHT, number)?;
        Ok(())
    }
}

/// The headers before a block: each is named by the one after it, and there are as many as contracts can ask for.
fn ancestors_of(header: &SealedHeader, encoded: &[Bytes]) -> Result<Vec<SealedHeader>, ChainError> {
    let count = header.number.min(ANCESTORS);
    if encoded.len() as u64 != count {
        return Err(mismatch("the number of headers before the block", encoded.len(), count));
    }
    let (mut ancestors, mut wanted) = (Vec::with_capacity(encoded.len()), header.parent_hash);
    for (number, bytes) in (0..header.number).rev().zip(encoded) {
        let given = keccak256(bytes);
        if given != wanted {
            return Err(mismatch(format!("the hash of block {number}"), given, wanted));
        }
        let decoded = Header::decode(&mut bytes.as_ref());
        let ancestor = decoded.map_err(|error| mismatch(format!("the header of block {number}"), error, "a header"))?;
        wanted = ancestor.parent_hash;
        ancestors.push(SealedHeader::new(ancestor));
    }
    Ok(ancestors)
}

/// The trie as far as it is written.
struct WrittenNodes<'a, 'txn>(&'a Table<'txn, &'static [u8], &'static [u8]>);

impl NodeSource for WrittenNodes<'_, '_> {
    fn node(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ChainError> {
        Ok(self.0.get(key)?.map(|value| value.value().to_vec()))
    }
}

/// Puts leaves into a trie and gives its new root.
fn put(
    trie: &mut Table<'_, &'static [u8], &'static [u8]>,
    owner: B256,
    leaves: &BTreeMap<B256, Option<Vec<u8>>>,
) -> Result<B256, ChainError> {
    let mut changes = TrieChanges::new();
    let root = update_trie(&WrittenNodes(trie), owner, leaves, &mut changes)?;
    for (key, node) in changes {
        match node {
            Some(node) => trie.insert(key.as_slice(), node.as_slice())?,
            None => trie.remove(key.as_slice())?,
        };
    }
    Ok(root)
}

/// The account whose slots are being read.
struct OpenAccount {
    address: Address,
    stated_root: B256,
    root: B256,
    last_slot: Option<U256>,
}

impl OpenAccount {
    fn check(&self) -> Result<(), ChainError> {
        match self.root == self.stated_root {
            true => Ok(()),
            false => Err(mismatch(format!("the storage root of {}", self.address), self.root, self.stated_root)),
        }
    }
}

/// The state, while it is written.
struct State<'txn> {
    height: u64,
    accounts: Table<'txn, &'static [u8; 20], &'static [u8]>,
    account_history: Table<'txn, &'static [u8; 28], &'static [u8]>,
    storage: Table<'txn, &'static [u8; 52], &'static [u8; 32]>,
    storage_history: Table<'txn, &'static [u8; 60], &'static [u8; 32]>,
    codes: Table<'txn, &'static [u8; 32], &'static [u8]>,
    trie: Table<'txn, &'static [u8], &'static [u8]>,
    /// Accounts that are not in the trie yet.
    leaves: BTreeMap<B256, Option<Vec<u8>>>,
    root: B256,
    open: Option<OpenAccount>,
    imported: ExportedSnapshot,
}

impl<'txn> State<'txn> {
    fn new(transaction: &'txn WriteTransaction, header: &SealedHeader) -> Result<Self, ChainError> {
        Ok(Self {
            height: header.number,
            accounts: transaction.open_table(tables::ACCOUNTS)?,
            account_history: transaction.open_table(tables::ACCOUNT_HISTORY)?,
            storage: transaction.open_table(tables::STORAGE)?,
            storage_history: transaction.open_table(tables::STORAGE_HISTORY)?,
            codes: transaction.open_table(tables::CODES)?,
            trie: transaction.open_table(tables::TRIE)?,
            leaves: BTreeMap::new(),
            root: EMPTY_ROOT_HASH,
            open: None,
            imported: ExportedSnapshot {
                number: header.number,
                block_hash: header.hash(),
                state_root: header.state_root,
                accounts: 0,
                slots: 0,
            },
        })
    }

    /// Reads all records of accounts and slots, and compares the root that they give with the block's.
    fn take(mut self, records: &mut Records<impl Read>) -> Result<ExportedSnapshot, ChainError> {
        loop {
            let position = records.position;
            let malformed = |reason: String| ChainError::SnapshotForm { position, reason };
            match records.next()? {
                Record::Account(record) => self.take_account(record).map_err(|error| error.at(malformed))?,
                Record::Slots(slots) => self.take_slots(&slots).map_err(|error| error.at(malformed))?,
                Record::End => break,
                Record::Beginning(_) => return Err(malformed("it begins twice".to_owned())),
            }
        }
        self.close_account()?;
        self.put_accounts()?;
        if self.root != self.imported.state_root {
            let what = format!("the state root of block {}", self.imported.number);
            return Err(mismatch(what, self.root, self.imported.state_root));
        }
        Ok(self.imported)
    }

    fn take_account(&mut self, record: AccountRecord) -> Result<(), Refused> {
        let AccountRecord { address, account, code } = record;
        if self.open.as_ref().is_some_and(|open| open.address >= address) {
            return Err(Refused::Order(format!("account {address} is not after the one before")));
        }
        self.close_account()?;
        let code_hash = keccak256(&code);
        if code_hash != account.code_hash {
            return Err(mismatch(format!("the code hash of {address}"), code_hash, account.code_hash).into());
        }
        if !code.is_empty() {
            self.codes.insert(&code_hash.0, code.as_ref()).map_err(ChainError::from)?;
        }
        let encoded = alloy_rlp::encode(account);
        self.accounts.insert(&address.0.0, encoded.as_slice()).map_err(ChainError::from)?;
        let version = tables::account_version(address, self.height);
        self.account_history.insert(&version, encoded.as_slice()).map_err(ChainError::from)?;
        self.leaves.insert(keccak256(address), Some(encoded));
        if self.leaves.len() >= ACCOUNTS_AT_ONCE {
            self.put_accounts()?;
        }
        self.open =
            Some(OpenAccount { address, stated_root: account.storage_root, root: EMPTY_ROOT_HASH, last_slot: None });
        self.imported.accounts += 1;
        Ok(())
    }

    fn take_slots(&mut self, slots: &[SlotRecord]) -> Result<(), Refused> {
        let order = |reason: &str| Refused::Order(reason.to_owned());
        let open = self.open.as_mut().ok_or_else(|| order("slots come before an account"))?;
        if slots.is_empty() || slots.len() > SLOTS_PER_RECORD {
            return Err(Refused::Order(format!("{} slots in a record, 1 to {SLOTS_PER_RECORD} are", slots.len())));
        }
        let mut leaves = BTreeMap::new();
        for SlotRecord { slot, value } in slots {
            if open.last_slot.replace(*slot).is_some_and(|last| last >= *slot) || value.is_zero() {
                return Err(order("a slot is 0 or not after the one before"));
            }
            let value_bytes = value.to_be_bytes::<32>();
            let key = tables::storage_key(open.address, *slot);
            self.storage.insert(&key, &value_bytes).map_err(ChainError::from)?;
            let version = tables::storage_version(open.address, *slot, self.height);
            self.storage_history.insert(&version, &value_bytes).map_err(ChainError::from)?;
            leaves.insert(keccak256(slot.to_be_bytes::<32>()), Some(alloy_rlp::encode(value)));
        }
        open.root = put(&mut self.trie, keccak256(open.address), &leaves)?;
        self.imported.slots += slots.len() as u64;
        Ok(())
    }

    fn close_account(&self) -> Result<(), ChainError> {
        self.open.as_ref().map_or(Ok(()), OpenAccount::check)
    }

    fn put_accounts(&mut self) -> Result<(), ChainError> {
        let leaves = core::mem::take(&mut self.leaves);
        if !leaves.is_empty() {
            self.root = put(&mut self.trie, ACCOUNT_TRIE, &leaves)?;
        }
        Ok(())
    }
}

/// Why a record is not taken.
enum Refused {
    /// It has no place where it stands.
    Order(String),
    Other(ChainError),
}

impl Refused {
    fn at(self, malformed: impl FnOnce(String) -> ChainError) -> ChainError {
        match self {
            Self::Order(reason) => malformed(reason),
            Self::Other(error) => error,
        }
    }
}

impl From<ChainError> for Refused {
    fn from(error: ChainError) -> Self {
        Self::Other(error)
    }
}
