//! Files that are whole or absent, whenever the power goes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use crate::error::{Result, WorkerError};

/// Ending of a file that is being written.
pub const PARTIAL_ENDING: &str = "partial";

/// Writes beside the target, flushes to disk and renames.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(WorkerError::io(folder))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let partial = folder.join(format!("{name}.{PARTIAL_ENDING}"));
    let mut file = File::create(&partial).map_err(WorkerError::io(&partial))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(WorkerError::io(&partial))?;
    std::fs::rename(&partial, path).map_err(WorkerError::io(path))?;
    sync_folder(folder)
}

/// Makes renames and removals in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(WorkerError::io(folder))
}

/// Creates a file that only its owner may read; an existing one is an error.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(WorkerError::io(folder))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(WorkerError::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(WorkerError::io(path))
}
