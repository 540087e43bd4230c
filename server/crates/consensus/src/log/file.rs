use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::LogStorage;

/// A log in a file, which one process at a time holds.
#[derive(Debug)]
pub struct FileStorage(File);

impl FileStorage {
    /// Opens or creates the file, and locks it.
    ///
    /// # Errors
    /// The disk's, and [`io::ErrorKind::WouldBlock`] if another process holds the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock()?;
        // The file's name has to survive too.
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self(file))
    }
}

impl LogStorage for FileStorage {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.0.rewind()?;
        self.0.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::End(0))?;
        self.0.write_all(bytes)
    }

    fn cut(&mut self, length: usize) -> io::Result<()> {
        self.0.set_len(length as u64)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
