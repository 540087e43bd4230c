//! Artifacts by content: the file of a SHA-256 `abcdef…` is `ab/cdef…`, and once it is there it never changes.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use shared::digest::Sha256Digest;

use crate::StoreError;

/// A local folder of artifacts.
#[derive(Debug)]
pub struct ArtifactFolder {
    root: PathBuf,
    /// Distinguishes temporary files of one process.
    next_temporary: AtomicU64,
}

impl ArtifactFolder {
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root, next_temporary: AtomicU64::new(0) })
    }

    /// Stores bytes and answers their digest. They are on the disk under their name when this returns.
    pub fn put(&self, bytes: &[u8]) -> Result<Sha256Digest, StoreError> {
        let digest = Sha256Digest::of(bytes);
        let path = self.path(digest);
        if path.exists() {
            return Ok(digest);
        }
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!(".{}-{number}.tmp", std::process::id()));
        let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            let _ = fs::remove_file(&temporary);
            return Err(error.into());
        }
        File::open(folder)?.sync_all()?;
        File::open(&self.root)?.sync_all()?;
        Ok(digest)
    }

    /// The bytes of a digest, `None` where they were never stored. Bytes that no longer match the digest are an error.
    pub fn get(&self, digest: Sha256Digest) -> Result<Option<Vec<u8>>, StoreError> {
        match fs::read(self.path(digest)) {
            Ok(bytes) if Sha256Digest::of(&bytes) == digest => Ok(Some(bytes)),
            Ok(_) => Err(StoreError::corrupt("artifact", format!("its bytes no longer hash to {digest}"))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn path(&self, digest: Sha256Digest) -> PathBuf {
        let text = digest.to_string();
        self.root.join(&text[..2]).join(&text[2..])
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

    #[test]
    fn keeps_bytes_under_their_hash_and_notices_rot() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = ArtifactFolder::open(folder.path()).unwrap();
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
}
