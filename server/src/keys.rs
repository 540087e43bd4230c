//! Keys of a development installation: made at the first start, mode 0600, with names that say so.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use shared::signing::{PrivateKey, SignatureError};

use crate::clock;

/// Readable and writable by the owner only.
const KEY_MODE: u32 = 0o600;

const FOLDER_MODE: u32 = 0o700;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key {path} cannot be read or written")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the key {path} is not 64 hex digits")]
    NotHex { path: PathBuf },
    #[error("the key {path} does not hold")]
    NotAKey { path: PathBuf, source: SignatureError },
    #[error("the key {path} may be read by others (mode {mode:o}): run `chmod 600` on it")]
    Readable { path: PathBuf, mode: u32 },
}

/// The keys that one development process holds.
#[derive(Debug, Clone)]
pub struct DevKeys {
    /// Attests receipts and sends the mint transactions.
    pub hub: PrivateKey,
    /// Decides blocks.
    pub validator: PrivateKey,
    /// Holds the roles of the minter at genesis.
    pub admin: PrivateKey,
}

impl DevKeys {
    /// Reads the keys of a folder and makes those that are missing.
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let error = |source| KeyError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(error)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER_MODE)).map_err(error)?;
        Ok(Self {
            hub: open(&folder.join("hub-dev.key"))?,
            validator: open(&folder.join("validator-dev.key"))?,
            admin: open(&folder.join("admin-dev.key"))?,
        })
    }
}

fn open(path: &Path) -> Result<PrivateKey, KeyError> {
    match read(path) {
        Err(KeyError::File { source, .. }) if source.kind() == ErrorKind::NotFound => create(path),
        other => other,
    }
}

/// Reads a key that must not be readable by others.
pub fn read(path: &Path) -> Result<PrivateKey, KeyError> {
    let file = |source| KeyError::File { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(file)?;
    let mode = fs::metadata(path).map_err(file)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Readable { path: path.to_owned(), mode });
    }
    let mut bytes = [0; 32];
    let digits = text.trim();
    hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut bytes)
        .map_err(|_| KeyError::NotHex { path: path.to_owned() })?;
    PrivateKey::from_bytes(&bytes).map_err(|source| KeyError::NotAKey { path: path.to_owned(), source })
}

fn create(path: &Path) -> Result<PrivateKey, KeyError> {
    let file = |source| KeyError::File { path: path.to_owned(), source };
    let key = loop {
        // A random number is no key once in 2^128 draws.
        if let Ok(key) = PrivateKey::from_bytes(&clock::random_bytes()) {
            break key;
        }
    };
    let mut options = OpenOptions::new();
    let mut created = options.write(true).create_new(true).mode(KEY_MODE).open(path).map_err(file)?;
    writeln!(created, "{}", hex::encode(key.to_bytes())).map_err(file)?;
    created.sync_all().map_err(file)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let first = DevKeys::open(folder.path()).unwrap();
        let second = DevKeys::open(folder.path()).unwrap();
        assert_eq!(first.hub.address(), second.hub.address());
        assert_ne!(first.hub.address(), first.admin.address());
        let path = folder.path().join("hub-dev.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, KEY_MODE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(DevKeys::open(folder.path()), Err(KeyError::Readable { .. })));
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub-dev.key");
        fs::write(&path, "not a key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(KEY_MODE)).unwrap();
        assert!(matches!(DevKeys::open(folder.path()), Err(KeyError::NotHex { .. })));
        assert_eq!(fs::read_to_string(path).unwrap(), "not a key");
    }
}
