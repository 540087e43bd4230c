//! One file of the journal.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::group::{FILE_HEADER_BYTES, Group, Groups, NOTE_BYTES_MAX, file_header, read_file_header};
use super::{Entry, StorageError};

/// Read at once when a journal is opened.
const READ_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub struct JournalFile {
    file: File,
    path: PathBuf,
    group: Group,
    /// What follows what is on the disk.
    next_sequence: u64,
    failed: bool,
}

/// Where a journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    pub first_sequence: u64,
    pub next_sequence: u64,
    /// Bytes of the file up to the end of the last sound group.
    pub sound_bytes: u64,
    /// Bytes of a group that a crash left unfinished.
    pub torn_bytes: u64,
}

impl JournalFile {
    /// A new file, durable with its name. An old one of this name, which a crash has left without a header, is replaced.
    pub fn create(path: &Path, first_sequence: u64) -> Result<Self, StorageError> {
        let file = (|| {
            let mut file = File::create(path)?;
            file.write_all(&file_header(first_sequence))?;
            file.sync_all()?;
            sync_folder(path)?;
            Ok(file)
        })();
        let file = file.map_err(failure("create", path))?;
        Ok(Self { file, path: path.to_owned(), group: Group::new(), next_sequence: first_sequence, failed: false })
    }

    /// Reads the file, hands its entries to `each` with their sequences and notes, and cuts off an unfinished group.
    pub fn open(path: &Path, mut each: impl FnMut(u64, Entry, &[u8])) -> Result<(Self, Tail), StorageError> {
        let tail = Self::read(path, &mut each)?;
        let file = (|| {
            let file = OpenOptions::new().append(true).open(path)?;
            if tail.torn_bytes > 0 {
                file.set_len(tail.sound_bytes)?;
                file.sync_all()?;
            }
            Ok(file)
        })();
        let file = file.map_err(failure("open", path))?;
        let journal =
            Self { file, path: path.to_owned(), group: Group::new(), next_sequence: tail.next_sequence, failed: false };
        Ok((journal, tail))
    }

    /// Reads the file and leaves it as it is.
    pub fn read(path: &Path, each: &mut impl FnMut(u64, Entry, &[u8])) -> Result<Tail, StorageError> {
        let file = File::open(path).map_err(failure("open", path))?;
        read_journal(BufReader::with_capacity(READ_BYTES, file), path, each)
    }

    /// Adds an entry with its note to the group that the next [`Self::commit`] writes. The entry is not durable before. Returns its
    /// sequence. Commits on its own where the group is full.
    pub fn push(&mut self, entry: &Entry, note: &[u8]) -> Result<u64, StorageError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(StorageError::NoteTooLong(note.len()));
        }
        if self.failed {
            return Err(StorageError::Failed);
        }
        if self.group.is_full() {
            self.commit()?;
        }
        let sequence = self.next_sequence + u64::from(self.group.entries());
        self.group.push(entry, note);
        Ok(sequence)
    }

    /// Writes what was pushed and waits until it is on the disk. Everything below the sequence that it returns may be
    /// acknowledged. After a failure nothing is known about the file's end, so nothing more is taken.
    pub fn commit(&mut self) -> Result<u64, StorageError> {
        if self.failed {
            return Err(StorageError::Failed);
        }
        if self.group.entries() == 0 {
            return Ok(self.next_sequence);
        }
        let bytes = self.group.seal(self.next_sequence);
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.failed = true;
            return Err(failure("write", &self.path)(error));
        }
        self.next_sequence += u64::from(self.group.entries());
        self.group.clear();
        Ok(self.next_sequence)
    }

    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }
}

pub(super) fn read_journal(
    mut reader: impl Read,
    path: &Path,
    each: &mut impl FnMut(u64, Entry, &[u8]),
) -> Result<Tail, StorageError> {
    let mut start = Vec::with_capacity(FILE_HEADER_BYTES);
    let read = reader.by_ref().take(FILE_HEADER_BYTES as u64).read_to_end(&mut start);
    read.map_err(failure("read", path))?;
    let format = || StorageError::Format { path: path.to_owned() };
    let first_sequence = start.first_chunk().and_then(read_file_header).ok_or_else(format)?;
    let mut groups = Groups::new(reader, first_sequence);
    while groups.next(each).map_err(failure("read", path))? {}
    let (next_sequence, sound_bytes) = (groups.next_sequence(), FILE_HEADER_BYTES as u64 + groups.sound);
    let (torn_bytes, sound_follows) = groups.rest().map_err(failure("read", path))?;
    if sound_follows {
        return Err(StorageError::Damaged { path: path.to_owned(), offset: sound_bytes });
    }
    Ok(Tail { first_sequence, next_sequence, sound_bytes, torn_bytes })
}

/// Makes the names in the file's folder durable.
pub(super) fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

pub(super) fn failure(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageError {
    let path = path.to_owned();
    move |error| StorageError::Io { what, path, error }
}
