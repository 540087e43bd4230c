//! A snapshot: the state after one decided block in a file, from which a node begins without the blocks before.
//!
//! ```text
//!  magic (8) │ version (1) │ records
//!  record    length (4, little-endian) │ kind (1) │ RLP
//! ```
//!
//! The first record is the [`Beginning`]; then come the accounts in the order of their addresses, each followed by its slots in the
//! order of their keys; the last record says that nothing follows. There is no checksum, since all of it is proved: the steps of the
//! beginning lead from block 0 to the block, the block's header commits to the next validators by `extraData`, to its transactions by `transactionsRoot` and to the accounts by
//! `stateRoot`, an account to its code and its slots, and each header to the one before it, as far back as contracts can ask for
//! block hashes.
//!
//! Both directions hold one record at a time.

mod bounds;
mod export;
mod import;

use std::io::{self, Read, Write};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};
use alloy_trie::TrieAccount;
use finality::{ProofStep, Validator};

use crate::error::ChainError;

pub use export::ExportedSnapshot;
pub use import::import_snapshot;
pub(crate) use import::refuse_while_importing;

const MAGIC: [u8; 8] = *b"AITBCSNP";
const VERSION: u8 = 1;

/// Longest record: the first, with the transactions of a full block and the steps of a proof, each with a certificate of the
/// largest set.
const MAX_RECORD_BYTES: u32 = 32 << 20;

/// Slots of one record.
const SLOTS_PER_RECORD: usize = 1_024;

/// Headers before the block: those whose hashes contracts can ask for.
const ANCESTORS: u64 = 256;

const BEGINNING: u8 = 1;
const ACCOUNT: u8 = 2;
const SLOTS: u8 = 3;
const END: u8 = 4;

/// Which block this is the state of, and what proves it to somebody who knows block 0.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct Beginning {
    chain_id: u64,
    genesis_hash: B256,
    /// From block 0 to the block, which is the last.
    steps: Vec<ProofStep>,
    /// The block's transactions (EIP-2718).
    transactions: Vec<Bytes>,
    /// Those who decide the block after it.
    next_validators: Vec<Validator>,
    /// RLP of the headers before it, from its parent down: [`ANCESTORS`], or all.
    ancestors: Vec<Bytes>,
}

/// An account; its slots follow.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct AccountRecord {
    address: Address,
    account: TrieAccount,
    code: Bytes,
}

/// A slot that is not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
struct SlotRecord {
    slot: U256,
    value: U256,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Record {
    Beginning(Box<Beginning>),
    Account(AccountRecord),
    Slots(Vec<SlotRecord>),
    End,
}

impl Record {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut bytes = vec![0; 4];
        match self {
            Self::Beginning(beginning) => {
                bytes.push(BEGINNING);
                beginning.encode(&mut bytes);
            }
            Self::Account(account) => {
                bytes.push(ACCOUNT);
                account.encode(&mut bytes);
            }
            Self::Slots(slots) => {
                bytes.push(SLOTS);
                slots.encode(&mut bytes);
            }
            Self::End => bytes.push(END),
        }
        let length = u32::try_from(bytes.len() - 4).ok().filter(|length| *length <= MAX_RECORD_BYTES);
        let length = length.ok_or_else(|| io::Error::other("a record longer than its bound"))?;
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        out.write_all(&bytes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (&kind, mut rest) = bytes.split_first().ok_or("an empty record")?;
        let rest = &mut rest;
        let decoded = match kind {
            BEGINNING => {
                bounds::check_beginning(rest)?;
                Beginning::decode(rest).map(Box::new).map(Self::Beginning)
            }
            ACCOUNT => AccountRecord::decode(rest).map(Self::Account),
            SLOTS => {
                bounds::check_slots(rest)?;
                Vec::decode(rest).map(Self::Slots)
            }
            END => Ok(Self::End),
            unknown => return Err(format!("{unknown} is no kind of record")),
        };
        match decoded {
            Ok(record) if rest.is_empty() => Ok(record),
            Ok(_) => Err(format!("{} bytes are left over in a record", rest.len())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The records of a snapshot, one after another.
struct Records<R> {
    from: R,
    /// Where the next record begins.
    position: u64,
}

impl<R: Read> Records<R> {
    fn open(mut from: R) -> Result<Self, ChainError> {
        let mut head = [0; MAGIC.len() + 1];
        let malformed = |reason: String| ChainError::SnapshotForm { position: 0, reason };
        from.read_exact(&mut head).map_err(|error| cut_off(error, 0))?;
        if head[..MAGIC.len()] != MAGIC {
            return Err(malformed("this is no file of a snapshot".to_owned()));
        }
        if head[MAGIC.len()] != VERSION {
            return Err(malformed(format!("its version is {}, this program knows {VERSION}", head[MAGIC.len()])));
        }
        Ok(Self { from, position: head.len() as u64 })
    }

    fn next(&mut self) -> Result<Record, ChainError> {
        let position = self.position;
        let malformed = |reason: String| ChainError::SnapshotForm { position, reason };
        let mut length = [0; 4];
        self.from.read_exact(&mut length).map_err(|error| cut_off(error, position))?;
        let length = u32::from_le_bytes(length);
        if length > MAX_RECORD_BYTES {
            return Err(malformed(format!("a record of {length} bytes, the limit is {MAX_RECORD_BYTES}")));
        }
        // Room is made for what is there, not for what is claimed.
        let mut bytes = Vec::new();
        let read = self.from.by_ref().take(length.into()).read_to_end(&mut bytes)?;
        if read as u64 != u64::from(length) {
            return Err(cut_off(io::ErrorKind::UnexpectedEof.into(), position));
        }
        self.position += 4 + u64::from(length);
        Record::decode(&bytes).map_err(malformed)
    }

    /// Nothing may follow the last record.
    fn finish(mut self) -> Result<(), ChainError> {
        let position = self.position;
        match self.from.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(ChainError::SnapshotForm { position, reason: "bytes follow its end".to_owned() }),
        }
    }
}

fn cut_off(error: io::Error, position: u64) -> ChainError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ChainError::SnapshotForm { position, reason: "it ends too early".to_owned() },
        _ => error.into(),
    }
}
