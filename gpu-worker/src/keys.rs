//! The miner's account: a private key in a file that only its owner may read.

use std::path::{Path, PathBuf};

use inference::files::FileError;
use shared::signing::PrivateKey;

use crate::error::{ConfigError, FormatError, Result};
use crate::files::create_private;
use crate::randomness::random_bytes;

/// Where the key of a worker lies that serves a hub on this machine; its name says that it is for development.
const DEV_KEY_FILE: &str = "keys/dev-miner.key";
const KEY_FILE: &str = "keys/miner.key";

/// The key's file, relative to the data folder.
pub fn file_for(hub_is_local: bool) -> PathBuf {
    PathBuf::from(if hub_is_local { DEV_KEY_FILE } else { KEY_FILE })
}

/// Draws a key and writes it with mode 0600; an existing one is read instead.
pub fn create_or_load(path: &Path) -> Result<PrivateKey> {
    if path.exists() {
        return Ok(load(path)?);
    }
    let key = draw()?;
    create_private(path, format!("0x{}\n", hex::encode(key.to_bytes())).as_bytes())?;
    Ok(key)
}

/// Reads a key; a file that others may read is refused.
pub fn load(path: &Path) -> Result<PrivateKey, ConfigError> {
    check_mode(path)?;
    let text = std::fs::read_to_string(path).map_err(FileError::at(path))?;
    let digits = text.trim().trim_start_matches("0x");
    let bytes: [u8; 32] = hex::decode(digits)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| FormatError::new(path, "a key is 64 hex digits"))?;
    PrivateKey::from_bytes(&bytes).map_err(|error| FormatError::new(path, error).into())
}

/// Random bytes that are a key; all but about one in 2^128 are.
fn draw() -> Result<PrivateKey> {
    loop {
        if let Ok(key) = PrivateKey::from_bytes(&random_bytes()?) {
            return Ok(key);
        }
    }
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(FileError::at(path))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(FormatError::new(path, format!("its mode is {mode:o}, so others can read the key; run chmod 600")).into())
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), ConfigError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file_for(true));
        let key = create_or_load(&path).unwrap();
        assert_eq!(create_or_load(&path).unwrap().address(), key.address());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(load(&path).unwrap_err().to_string().contains("chmod 600"));
        }
    }

    #[test]
    fn rubbish_is_no_key_and_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        create_private(&path, b"not-a-secret-but-nearly").unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(!error.contains("nearly"), "{error}");
    }
}
