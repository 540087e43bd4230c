//! The folder with the journal's files and the snapshots. Each is named by the sequence at which it begins.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::file::{JournalFile, failure, sync_folder};
use super::{Entry, StorageError};
use crate::book::HashKey;
use crate::command::Command;
use crate::event::Event;
use crate::exchange::Exchange;
use crate::quantity::UnixMs;

/// Snapshots that stay, with the entries since the oldest of them.
pub const SNAPSHOTS_KEPT: usize = 2;

const JOURNAL: &str = "journal-";
const SNAPSHOT: &str = "snapshot-";
const UNFINISHED: &str = "snapshot.unfinished";

/// The journal of one exchange, open for more.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    file: JournalFile,
}

impl Journal {
    /// The state that the folder holds, and the journal to go on with. A new folder holds an exchange without markets.
    pub fn open(folder: &Path, hash_key: HashKey) -> Result<(Self, Exchange), StorageError> {
        Self::open_watched(folder, hash_key, |_, _, _, _| {})
    }

    /// The same, and hands every entry behind the snapshot to `each`, with its sequence, its note and what it led to.
    pub fn open_watched(
        folder: &Path,
        hash_key: HashKey,
        mut each: impl FnMut(u64, &Entry, &[u8], &[Event]),
    ) -> Result<(Self, Exchange), StorageError> {
        fs::create_dir_all(folder).map_err(failure("create", folder))?;
        let mut exchange = newest_snapshot(folder, hash_key)?;
        let mut files = numbered(folder, JOURNAL)?;
        // A file that another one follows at or before the snapshot has nothing to add.
        while files.get(1).is_some_and(|(first, _)| *first <= exchange.sequence()) {
            files.remove(0);
        }
        let Some(((first, last), before)) = files.split_last() else {
            let file = JournalFile::create(&file_at(folder, JOURNAL, exchange.sequence()), exchange.sequence())?;
            return Ok((Self { folder: folder.to_owned(), file }, exchange));
        };
        let mut replay = Replay { events: Vec::new(), each: &mut each };
        for (_, path) in before {
            let tail = JournalFile::read(path, &mut |sequence, entry, note| {
                replay.one(&mut exchange, sequence, (&entry, note));
            })?;
            if tail.torn_bytes > 0 {
                return Err(StorageError::Damaged { path: path.clone(), offset: tail.sound_bytes });
            }
            check_no_gap(path, tail.first_sequence, &exchange)?;
        }
        let file = open_last(*first, last, &mut exchange, &mut replay)?;
        Ok((Self { folder: folder.to_owned(), file }, exchange))
    }

    /// See [`JournalFile::push`].
    pub fn push(&mut self, now: UnixMs, command: Command) -> Result<u64, StorageError> {
        self.push_noted(now, command, &[])
    }

    /// The same with a note.
    pub fn push_noted(&mut self, now: UnixMs, command: Command, note: &[u8]) -> Result<u64, StorageError> {
        self.file.push(&Entry { now, command }, note)
    }

    /// See [`JournalFile::commit`].
    pub fn commit(&mut self) -> Result<u64, StorageError> {
        self.file.commit()
    }

    /// Writes the state down, goes on in a new file, and removes what no kept snapshot needs. `exchange` has carried out
    /// everything that was pushed.
    pub fn snapshot(&mut self, exchange: &Exchange) -> Result<(), StorageError> {
        let next = self.commit()?;
        if next != exchange.sequence() {
            let path = self.folder.clone();
            return Err(StorageError::Gap { path, expected: next, found: exchange.sequence() });
        }
        let path = file_at(&self.folder, SNAPSHOT, next);
        write_whole(&self.folder.join(UNFINISHED), &path, &exchange.snapshot()).map_err(failure("write", &path))?;
        self.file = JournalFile::create(&file_at(&self.folder, JOURNAL, next), next)?;
        self.remove_old()
    }

    fn remove_old(&self) -> Result<(), StorageError> {
        let snapshots = numbered(&self.folder, SNAPSHOT)?;
        let old = snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        let Some((oldest_kept, _)) = snapshots.get(old) else { return Ok(()) };
        let journals = numbered(&self.folder, JOURNAL)?;
        let needless = journals.windows(2).filter_map(|pair| match pair {
            [(_, path), (next, _)] if next <= oldest_kept => Some(path),
            _ => None,
        });
        for path in snapshots.iter().take(old).map(|(_, path)| path).chain(needless) {
            fs::remove_file(path).map_err(failure("remove", path))?;
        }
        Ok(())
    }
}

fn open_last(
    first: u64,
    path: &Path,
    exchange: &mut Exchange,
    replay: &mut Replay<'_>,
) -> Result<JournalFile, StorageError> {
    let opened = JournalFile::open(path, |sequence, entry, note| replay.one(exchange, sequence, (&entry, note)));
    match opened {
        Ok((file, tail)) => {
            check_no_gap(path, tail.first_sequence, exchange)?;
            check_no_gap(path, file.next_sequence(), exchange)?;
            Ok(file)
        }
        // The crash came before the header was whole, so nothing in this file was acknowledged.
        Err(StorageError::Format { .. }) if first == exchange.sequence() && is_shorter_than_header(path) => {
            JournalFile::create(path, first)
        }
        Err(error) => Err(error),
    }
}

fn is_shorter_than_header(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() < super::group::FILE_HEADER_BYTES as u64)
}

/// Hears of an entry: its number, the entry, its note, and what it led to.
type Listener<'a> = dyn FnMut(u64, &Entry, &[u8], &[Event]) + 'a;

/// Carries out entries once more, and tells somebody what they led to.
struct Replay<'a> {
    events: Vec<Event>,
    each: &'a mut Listener<'a>,
}

impl Replay<'_> {
    /// Entries that the snapshot contains already are passed over.
    fn one(&mut self, exchange: &mut Exchange, sequence: u64, (entry, note): (&Entry, &[u8])) {
        if sequence == exchange.sequence() {
            self.events.clear();
            exchange.apply(&entry.command, entry.now, &mut self.events);
            (self.each)(sequence, entry, note, &self.events);
        }
    }
}

/// The state contains everything before `sequence`.
fn check_no_gap(path: &Path, sequence: u64, exchange: &Exchange) -> Result<(), StorageError> {
    if sequence > exchange.sequence() {
        let (expected, found) = (exchange.sequence(), sequence);
        return Err(StorageError::Gap { path: path.to_owned(), expected, found });
    }
    Ok(())
}

/// A snapshot that does not hold is passed over for the one before, whose entries are still there.
fn newest_snapshot(folder: &Path, hash_key: HashKey) -> Result<Exchange, StorageError> {
    let mut refused = None;
    for (_, path) in numbered(folder, SNAPSHOT)?.iter().rev() {
        let bytes = fs::read(path).map_err(failure("read", path))?;
        match Exchange::restore(&bytes, hash_key) {
            Ok(exchange) => return Ok(exchange),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    match refused {
        // Without a snapshot the state follows from the first file, if it is still there.
        Some(error) if !file_at(folder, JOURNAL, 0).exists() => Err(error),
        _ => Ok(Exchange::new(hash_key)),
    }
}

/// The files whose names begin with `prefix`, by their numbers.
fn numbered(folder: &Path, prefix: &str) -> Result<Vec<(u64, PathBuf)>, StorageError> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).map_err(failure("read", folder))? {
        let file = file.map_err(failure("read", folder))?;
        let name = file.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|number| number.parse().ok());
        found.extend(number.map(|number| (number, file.path())));
    }
    found.sort();
    Ok(found)
}

fn file_at(folder: &Path, prefix: &str, sequence: u64) -> PathBuf {
    folder.join(format!("{prefix}{sequence:020}"))
}

/// Under another name first, so that a file of the right name is whole.
fn write_whole(unfinished: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)?;
    sync_folder(path)
}
