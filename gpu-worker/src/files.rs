//! Folders that one process has for itself, and files that only their owner may read.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use inference::files::FileError;

use crate::error::ConfigError;

/// Locked by the process that has a folder; holds its number.
const LOCK_FILE: &str = "lock";

/// What others than the owner may not do with a file that this process makes.
#[cfg(unix)]
const OTHERS: rustix::fs::Mode = rustix::fs::Mode::RWXG.union(rustix::fs::Mode::RWXO);

/// Whatever this process makes from now on is for its owner alone.
pub fn make_private() {
    #[cfg(unix)]
    rustix::process::umask(OTHERS);
}

/// An exclusive lock on a folder, until this is dropped or the process ends in any way.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Takes a folder, which must exist, for this process alone.
///
/// # Errors
/// A folder that another process has.
pub fn hold(folder: &Path) -> Result<Held, ConfigError> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(FileError::at(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(ConfigError::Refused(format!(
                "another worker runs from {} (pid {}); one more needs a folder and a key of its own: --data FOLDER",
                folder.display(),
                holder.trim()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(FileError::at(&path)(error).into()),
    }
    let pid = std::process::id();
    file.set_len(0).and_then(|()| writeln!(file, "{pid}")).map_err(FileError::at(&path))?;
    Ok(Held { _file: file })
}

/// Creates a file that only its owner may read; an existing one is an error.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(FileError::at(folder))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(FileError::at(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        // Half a file would be in the way of the next attempt, which refuses to overwrite it.
        let _ = std::fs::remove_file(path);
        FileError::at(path)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_until_it_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let held = hold(folder.path()).unwrap();
        let error = hold(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("pid {}", std::process::id())) && error.contains("--data"), "{error}");
        drop(held);
        hold(folder.path()).unwrap();
    }
}
