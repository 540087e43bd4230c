//! The last decided block, in a file beside the database: what a start needs to finish a commit that a crash cut off.
//!
//! The file is not synced to the disk, which would double the time of a small block. It therefore survives the end of
//! the process, and not surely a loss of power. The latter loses a block that nobody outside has seen, since a
//! certificate leaves the node only after the commit; its transactions are still stored as waiting.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use chain::{Block, Chain, ChainError, CommitCertificate, DecidedBlock, Import, import};

/// Most bytes that are read back: several times what the gas of a block can pay for.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// A file that holds one decided block, overwritten by each later one.
pub(crate) struct DecidedFile(File);

impl DecidedFile {
    /// Opens or creates the file of a database.
    pub(crate) fn open(database: &Path) -> io::Result<Self> {
        let path = database.with_extension("decided");
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map(Self)
    }

    /// Writes a block that is about to be committed. A failure is logged and stops no block: it takes the file's help
    /// away from the next start, and nothing else.
    pub(crate) fn record(&mut self, block: &Block, certificate: &CommitCertificate) {
        let encoded = DecidedBlock::encode(block, certificate);
        // The bytes of a longer block before stay behind these; reading ends where the encoding does.
        let written = self.0.seek(SeekFrom::Start(0)).and_then(|_| self.0.write_all(&encoded));
        if let Err(error) = written {
            tracing::error!(%error, height = block.header.number, "decided block could not be recorded");
        }
    }

    /// Commits the recorded block if the chain lacks it. A record that a crash cut off, or that fits no more, is left:
    /// its transactions are still waiting.
    ///
    /// # Errors
    /// A storage error of the chain.
    pub(crate) fn finish_commit(&mut self, chain: &Chain) -> Result<(), ChainError> {
        let decided = match self.read(chain.chain_id()) {
            Ok(Some(decided)) => decided,
            Ok(None) => return Ok(()),
            Err(reason) => {
                tracing::warn!(%reason, "recorded block is not readable");
                return Ok(());
            }
        };
        let height = decided.block.header.number;
        match import(chain, decided) {
            Ok(Import::Known) => Ok(()),
            Ok(Import::Committed(_)) => {
                tracing::info!(height, "block committed that was decided before the last stop");
                Ok(())
            }
            Err(error) if error.is_retryable() => Err(error),
            Err(error) => {
                tracing::warn!(%error, height, "recorded block is not committed");
                Ok(())
            }
        }
    }

    fn read(&mut self, chain_id: u64) -> Result<Option<DecidedBlock>, String> {
        let mut bytes = Vec::new();
        self.0
            .rewind()
            .and_then(|()| (&self.0).take(MAX_FILE_BYTES).read_to_end(&mut bytes))
            .map_err(|e| e.to_string())?;
        if bytes.is_empty() {
            return Ok(None);
        }
        DecidedBlock::decode(&mut bytes.as_slice(), chain_id).map(Some).map_err(|error| error.to_string())
    }
}
