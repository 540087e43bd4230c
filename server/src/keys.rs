//! The keys that a server holds. A development installation makes its own, mode 0600, with names that say so; any other
//! one is given its keys and makes none.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use shared::Address;
use shared::signing::{PrivateKey, SignatureError};

use crate::clock;

/// Readable and writable by the owner only.
const KEY_MODE: u32 = 0o600;

const FOLDER_MODE: u32 = 0o700;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key {path} cannot be read or written")]
    File { path: PathBuf, source: std::io::Error },
    #[error("the key {place} is not 64 hex digits")]
    NotHex { place: String },
    #[error("the key {place} does not hold")]
    NotAKey { place: String, source: SignatureError },
    #[error("the key {path} may be read by others (mode {mode:o}): run `chmod 600` on it")]
    Readable { path: PathBuf, mode: u32 },
}

/// The keys that a server holds.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Attests receipts and sends the mint transactions.
    pub hub: PrivateKey,
    /// Absent where others keep the chain.
    pub chain: Option<ChainKeys>,
}

/// The keys of a server that keeps a chain.
#[derive(Debug, Clone)]
pub struct ChainKeys {
    /// Decides blocks.
    pub validator: PrivateKey,
    /// Has the roles of the minter at genesis. Its key signs nothing here, so the server does not hold it.
    pub admin: Address,
}

/// Where a server's keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// From the data folder, made there at the first start.
    Development,
    Given(Box<Keys>),
}

impl KeySource {
    pub const fn is_development(&self) -> bool {
        matches!(self, Self::Development)
    }

    /// `folder` has a development installation's keys, those of a chain among them where it `keeps_chain`.
    pub fn open(&self, folder: &Path, keeps_chain: bool) -> Result<Keys, KeyError> {
        match self {
            Self::Development => Keys::development(folder, keeps_chain),
            Self::Given(keys) => Ok(Keys::clone(keys)),
        }
    }
}

/// What the names of a development installation's key files end in.
pub const DEVELOPMENT_SUFFIX: &str = "-dev.key";

impl Keys {
    /// Reads the keys of a folder and makes those that are missing.
    pub fn development(folder: &Path, keeps_chain: bool) -> Result<Self, KeyError> {
        let error = |source| KeyError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(error)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER_MODE)).map_err(error)?;
        let key = |name: &str| open(&folder.join(format!("{name}{DEVELOPMENT_SUFFIX}")));
        let chain = match keeps_chain {
            true => Some(ChainKeys { validator: key(VALIDATOR)?, admin: key("admin")?.address() }),
            false => None,
        };
        Ok(Self { hub: key("hub")?, chain })
    }
}

/// Reads the key of the market maker that a development installation runs, and makes it where it is missing.
pub fn development_market_maker(folder: &Path) -> Result<PrivateKey, KeyError> {
    let path = folder.join(format!("market-maker{DEVELOPMENT_SUFFIX}"));
    match read(&path) {
        Err(KeyError::File { source, .. }) if source.kind() == ErrorKind::NotFound => make(&path),
        other => other,
    }
}

/// What a validator's key files begin with.
const VALIDATOR: &str = "validator";

/// The file of a validator's key in its folder: one of its own where it has one, else a development key.
pub(crate) fn validator_file(folder: &Path) -> PathBuf {
    let own = own_validator_file(folder);
    if own.exists() { own } else { development_validator_file(folder) }
}

pub(crate) fn own_validator_file(folder: &Path) -> PathBuf {
    folder.join(format!("{VALIDATOR}.key"))
}

pub(crate) fn development_validator_file(folder: &Path) -> PathBuf {
    folder.join(format!("{VALIDATOR}{DEVELOPMENT_SUFFIX}"))
}

/// Makes a new key and the folder around it. A file that is there already is left as it is.
pub(crate) fn make(path: &Path) -> Result<PrivateKey, KeyError> {
    if let Some(folder) = path.parent() {
        let error = |source| KeyError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(error)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER_MODE)).map_err(error)?;
    }
    create(path)
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
    parse(&text, &path.display().to_string())
}

/// Reads a key's 64 hex digits, with or without 0x. `place` says in an error which key it is; the digits never show.
pub fn parse(text: &str, place: &str) -> Result<PrivateKey, KeyError> {
    let mut bytes = [0; 32];
    let digits = text.trim();
    hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), &mut bytes)
        .map_err(|_| KeyError::NotHex { place: place.to_owned() })?;
    PrivateKey::from_bytes(&bytes).map_err(|source| KeyError::NotAKey { place: place.to_owned(), source })
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
        let first = Keys::development(folder.path(), true).unwrap();
        let second = Keys::development(folder.path(), true).unwrap();
        assert_eq!(first.hub.address(), second.hub.address());
        assert_ne!(first.hub.address(), first.chain.unwrap().admin);
        let without = tempfile::tempdir().unwrap();
        assert!(Keys::development(without.path(), false).unwrap().chain.is_none());
        assert_eq!(fs::read_dir(without.path()).unwrap().count(), 1, "a hub's key alone");
        let path = folder.path().join("hub-dev.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, KEY_MODE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Keys::development(folder.path(), true), Err(KeyError::Readable { .. })));
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hub-dev.key");
        fs::write(&path, "not a key").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(KEY_MODE)).unwrap();
        assert!(matches!(Keys::development(folder.path(), true), Err(KeyError::NotHex { .. })));
        assert_eq!(fs::read_to_string(path).unwrap(), "not a key");
    }
}
