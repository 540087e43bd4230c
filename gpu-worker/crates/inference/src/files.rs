//! Files that are complete or absent, even after a power failure.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Ending of a file that is being written.
pub const PARTIAL_ENDING: &str = "partial";

/// What the file system refused, and where.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct FileError {
    pub path: PathBuf,
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: an error of the file system at `path`.
    pub fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { path, source }
    }
}

/// Writes beside the target, flushes to disk and renames.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(FileError::at(folder))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let partial = folder.join(format!("{name}.{PARTIAL_ENDING}"));
    let mut file = File::create(&partial).map_err(FileError::at(&partial))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(FileError::at(&partial))?;
    std::fs::rename(&partial, path).map_err(FileError::at(path))?;
    sync_folder(folder)
}

/// Makes renames and removals in a folder durable.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::at(folder))
}
