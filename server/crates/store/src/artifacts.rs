//! Artifacts by content: the file of a SHA-256 `abcdef…` is `ab/cdef…`, and while it is there it never changes.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use shared::digest::{Sha256Digest, Sha256Stream};

use crate::StoreError;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A file is written before the row that names it. Younger ones are not removed, whatever the rows say.
pub const YOUNG: Duration = Duration::from_secs(3_600);

/// Folders of artifacts, by the first byte of the hash.
pub const SHARDS: usize = 256;

/// A local folder of artifacts.
#[derive(Debug)]
pub struct ArtifactFolder {
    root: PathBuf,
    /// Distinguishes temporary files of one process.
    next_temporary: AtomicU64,
    /// Held while a file appears, is found to be there, or goes.
    names: Mutex<()>,
}

impl ArtifactFolder {
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root, next_temporary: AtomicU64::new(0), names: Mutex::default() })
    }

    /// Stores bytes and answers their digest. They are on the disk under their name when this returns.
    pub fn put(&self, bytes: &[u8]) -> Result<Sha256Digest, StoreError> {
        let digest = Sha256Digest::of(bytes);
        let path = self.path(digest);
        if self.is_young_again(&path)? {
            return Ok(digest);
        }
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{}-{number}.tmp", std::process::id()));
        let written = write_synced(&temporary, bytes).and_then(|()| {
            let _names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            fs::rename(&temporary, &path)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error.into());
        }
        File::open(folder)?.sync_all()?;
        File::open(&self.root)?.sync_all()?;
        Ok(digest)
    }

    /// Whether the file is there. It then counts as written now, so that nothing removes it before its new row is there.
    fn is_young_again(&self, path: &Path) -> Result<bool, StoreError> {
        let _names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        match File::options().write(true).open(path) {
            Ok(file) => Ok(file.set_modified(SystemTime::now()).map(|()| true)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of a digest, `None` where there are none. Bytes that no longer match the digest are an error.
    pub fn get(&self, digest: Sha256Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut reader) = self.read(digest)? else { return Ok(None) };
        let mut bytes = Vec::new();
        while let Some(chunk) = reader.next_chunk()? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    /// Reads the bytes of a digest piece by piece, `None` where there are none.
    pub fn read(&self, digest: Sha256Digest) -> Result<Option<ArtifactReader>, StoreError> {
        match File::open(self.path(digest)) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Ok(Some(ArtifactReader { file, length, digest, hash: Sha256Stream::default(), held: Vec::new() }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file that was written or stored again before `before`; answers whether it is gone.
    pub fn remove(&self, digest: Sha256Digest, before: SystemTime) -> Result<bool, StoreError> {
        let path = self.path(digest);
        let _names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) if modified >= before => Ok(false),
            Ok(_) => Ok(fs::remove_file(&path).map(|()| true)?),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// The files of one of the [`SHARDS`]. What a crash left half written there before `before` is removed.
    pub fn list(&self, shard: usize, before: SystemTime) -> Result<Vec<Sha256Digest>, StoreError> {
        let first = format!("{:02x}", shard % SHARDS);
        let entries = match fs::read_dir(self.root.join(&first)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
            Err(error) => return Err(error.into()),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if let Ok(digest) = format!("{first}{name}").parse() {
                files.push(digest);
            } else if name.ends_with(".tmp") && entry.metadata()?.modified()? < before {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(files)
    }

    fn path(&self, digest: Sha256Digest) -> PathBuf {
        let text = digest.to_string();
        self.root.join(&text[..2]).join(&text[2..])
    }
}

/// An artifact that is read piece by piece. The last piece comes only where all of them match the digest.
#[derive(Debug)]
pub struct ArtifactReader {
    file: File,
    length: u64,
    digest: Sha256Digest,
    hash: Sha256Stream,
    /// Read, but not given out.
    held: Vec<u8>,
}

impl ArtifactReader {
    /// Bytes of the whole.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The next piece, `None` after the last.
    ///
    /// # Errors
    /// A file that cannot be read, or whose bytes no longer match the digest.
    pub fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            let mut chunk = Vec::with_capacity(CHUNK_BYTES);
            (&mut self.file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
            self.hash.update(&chunk);
            let is_end = chunk.is_empty();
            if is_end && self.hash.digest() != self.digest {
                return Err(StoreError::corrupt("artifact", format!("its bytes no longer hash to {}", self.digest)));
            }
            let before = std::mem::replace(&mut self.held, chunk);
            if is_end || !before.is_empty() {
                return Ok(Some(before).filter(|bytes| !bytes.is_empty()));
            }
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, ArtifactFolder) {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = ArtifactFolder::open(folder.path()).unwrap();
        (folder, artifacts)
    }

    #[test]
    fn keeps_bytes_under_their_hash_and_notices_rot() {
        let (folder, artifacts) = folder();
        let digest = artifacts.put(b"abc").unwrap();
        assert_eq!(artifacts.put(b"abc").unwrap(), digest);
        assert_eq!(artifacts.get(digest).unwrap().unwrap(), b"abc");
        assert!(artifacts.get(Sha256Digest::of(b"other")).unwrap().is_none());

        let text = digest.to_string();
        let path = folder.path().join(&text[..2]).join(&text[2..]);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a temporary file was left");
        fs::write(path, b"abd").unwrap();
        assert!(matches!(artifacts.get(digest), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn a_large_file_comes_in_pieces_and_its_end_only_where_it_is_whole() {
        let (_folder, artifacts) = folder();
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 7).map(|at| u8::try_from(at % 251).unwrap()).collect();
        for length in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, bytes.len()] {
            let digest = artifacts.put(&bytes[..length]).unwrap();
            let mut reader = artifacts.read(digest).unwrap().unwrap();
            assert_eq!(reader.length(), length as u64);
            let mut read = Vec::new();
            while let Some(chunk) = reader.next_chunk().unwrap() {
                assert!((1..=CHUNK_BYTES).contains(&chunk.len()));
                read.extend(chunk);
            }
            assert_eq!(read, &bytes[..length]);
        }
        let digest = artifacts.put(&bytes).unwrap();
        let mut rotten = bytes.clone();
        *rotten.last_mut().unwrap() ^= 1;
        fs::write(artifacts.path(digest), rotten).unwrap();
        let mut reader = artifacts.read(digest).unwrap().unwrap();
        let pieces = std::iter::from_fn(|| reader.next_chunk().transpose()).take_while(Result::is_ok).count();
        assert_eq!(pieces, 3, "a client would take the rotten file for whole");
    }

    #[test]
    fn what_was_stored_again_stays() {
        let (_folder, artifacts) = folder();
        let digest = artifacts.put(b"abc").unwrap();
        let later = SystemTime::now() + YOUNG;
        File::options().write(true).open(artifacts.path(digest)).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        artifacts.put(b"abc").unwrap();
        assert!(!artifacts.remove(digest, SystemTime::now() - YOUNG).unwrap(), "a new row may name it any moment");
        assert!(artifacts.get(digest).unwrap().is_some());
        assert!(artifacts.remove(digest, later).unwrap());
        assert!(artifacts.get(digest).unwrap().is_none());
        assert!(artifacts.remove(digest, later).unwrap(), "gone is gone");
    }

    #[test]
    fn lists_a_shard_and_clears_what_a_crash_left() {
        let (folder, artifacts) = folder();
        let digest = artifacts.put(b"abc").unwrap();
        let shard = usize::from_str_radix(&digest.to_string()[..2], 16).unwrap();
        let half = folder.path().join(format!("{shard:02x}")).join(".1-0.tmp");
        fs::write(&half, b"ab").unwrap();
        assert_eq!(artifacts.list(shard, SystemTime::now() - YOUNG).unwrap(), [digest]);
        assert!(half.exists(), "somebody may write it now");
        assert_eq!(artifacts.list(shard, SystemTime::now() + YOUNG).unwrap(), [digest]);
        assert!(!half.exists());
        assert!(artifacts.list(shard + 1, SystemTime::now()).unwrap().is_empty());
    }
}
