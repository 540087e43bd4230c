//! What was acknowledged is on the disk: commands in the order in which they were carried out.
//!
//! ```text
//! file   ─ magic, version, first sequence, CRC-32
//! group  ─ magic, bytes, entries, first sequence, CRC-32 of these and of the entries
//! entry  ─ time, command, bytes of the note, note
//! ```
//!
//! Commands that wait are written as one group with one call of `fsync`, and then all of them are acknowledged. The next
//! group is written only after that, so a crash can leave at most one broken group, at the end: it was acknowledged to
//! nobody and is cut off. A broken group with a sound one behind it is damage, and is an error.
//!
//! A note is what the owner of the journal keeps with a command, as durable as the command: what was signed for it. The book
//! does not read it, and no snapshot has it.

mod file;
mod folder;
mod group;

use std::io;
use std::path::PathBuf;

pub use file::{JournalFile, Tail};
pub use folder::{Journal, SNAPSHOTS_KEPT};
pub use group::{ENTRY_BYTES_MAX, GROUP_BYTES_MAX, NOTE_BYTES_MAX};

use crate::codec::Codec;
use crate::command::Command;
use crate::quantity::UnixMs;

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("cannot {what} {}: {error}", path.display())]
    Io { what: &'static str, path: PathBuf, error: io::Error },
    #[error("journal {} is damaged at byte {offset}, and sound entries follow", path.display())]
    Damaged { path: PathBuf, offset: u64 },
    #[error("journal {} is of another format or version", path.display())]
    Format { path: PathBuf },
    #[error("journal {} begins at {found}; the state before it ends at {expected}", path.display())]
    Gap { path: PathBuf, expected: u64, found: u64 },
    #[error("a note has at most {NOTE_BYTES_MAX} bytes, got {0}")]
    NoteTooLong(usize),
    #[error("a snapshot is refused: {0}")]
    Snapshot(&'static str),
    #[error("the journal failed before and takes nothing more; what it acknowledged is on the disk")]
    Failed,
}

impl StorageError {
    /// Whether opening again may succeed. A damaged file stays damaged.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Io { .. } | Self::Failed)
    }
}

/// A command with the time at which it is carried out, at every replay again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub now: UnixMs,
    pub command: Command,
}

impl Entry {
    pub fn write(&self, out: &mut Vec<u8>) {
        self.now.write(out);
        self.command.write(out);
    }

    /// Takes an entry off the front of `input`; nothing where it is none. An entry that is read is written as the same bytes.
    pub fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self { now: Codec::read(input)?, command: Codec::read(input)? })
    }
}
