//! Finished results that a hub has not acknowledged yet, one file each; each hub has an outbox of its own. A result is stored here before it is sent,
//! and removed when the hub has accepted it or refused it permanently.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use inference::files::{PARTIAL_ENDING, sync_folder, write_atomically};
use serde::{Deserialize, Serialize};
use shared::B256;
use shared::id::{JobId, LeaseId};
use shared::protocol::ResultSubmission;
use tokio::sync::Notify;

use crate::error::{Result, WorkerError};

/// Refused results kept for the miner to look at; older ones go.
pub const REFUSED_MAX: usize = 100;

const REFUSED_FOLDER: &str = "refused";

/// One finished result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub lease_id: LeaseId,
    pub job_id: JobId,
    pub receipt_hash: B256,
    pub submission: ResultSubmission,
    /// Why the hub refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
    /// Rings when there is a new result.
    added: Arc<Notify>,
}

impl Outbox {
    /// Opens or makes the folder and clears away what was only half written.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder.join(REFUSED_FOLDER)).map_err(WorkerError::io(folder))?;
        for entry in std::fs::read_dir(folder).map_err(WorkerError::io(folder))? {
            let path = entry.map_err(WorkerError::io(folder))?.path();
            if path.extension().is_some_and(|ending| ending == PARTIAL_ENDING) {
                std::fs::remove_file(&path).map_err(WorkerError::io(&path))?;
            }
        }
        Ok(Self { folder: folder.to_path_buf(), added: Arc::default() })
    }

    /// Keeps a result; when this returns, it survives a crash.
    pub fn put(&self, entry: &Entry) -> Result<()> {
        let path = self.path(entry.lease_id);
        let bytes = serde_json::to_vec(entry).map_err(|error| WorkerError::format(&path, error))?;
        write_atomically(&path, &bytes)?;
        self.added.notify_one();
        Ok(())
    }

    /// Waits for a result that was put in after the last wait was over.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// Leases with a result that waits, in the order of their names.
    pub fn waiting(&self) -> Result<Vec<LeaseId>> {
        let entries = std::fs::read_dir(&self.folder).map_err(WorkerError::io(&self.folder))?;
        let mut leases = Vec::new();
        for entry in entries {
            let name = entry.map_err(WorkerError::io(&self.folder))?.file_name();
            leases.extend(name.to_str().and_then(|name| name.strip_suffix(".json")?.parse::<LeaseId>().ok()));
        }
        leases.sort_unstable();
        Ok(leases)
    }

    /// # Errors
    /// [`WorkerError::Format`] for a file that is none of this worker's; any other error may pass.
    pub fn read(&self, lease_id: LeaseId) -> Result<Entry> {
        let path = self.path(lease_id);
        let bytes = std::fs::read(&path).map_err(WorkerError::io(&path))?;
        serde_json::from_slice(&bytes).map_err(|error| WorkerError::format(&path, error))
    }

    /// The hub took it.
    pub fn remove(&self, lease_id: LeaseId) -> Result<()> {
        let path = self.path(lease_id);
        std::fs::remove_file(&path).map_err(WorkerError::io(&path))?;
        Ok(sync_folder(&self.folder)?)
    }

    /// The hub will never take it: it is kept apart, with the reason. A malformed file is put aside as it is.
    ///
    /// # Errors
    /// A file that cannot be read now stays where it is.
    pub fn refuse(&self, lease_id: LeaseId, reason: &str) -> Result<()> {
        let kept = self.folder.join(REFUSED_FOLDER).join(format!("{lease_id}.json"));
        match self.read(lease_id) {
            Ok(entry) => {
                let entry = Entry { refusal: Some(reason.into()), ..entry };
                let bytes = serde_json::to_vec(&entry).map_err(|error| WorkerError::format(&kept, error))?;
                write_atomically(&kept, &bytes)?;
                self.remove(lease_id)?;
            }
            Err(WorkerError::Format(_)) => {
                std::fs::rename(self.path(lease_id), &kept).map_err(WorkerError::io(&kept))?;
            }
            Err(error) => return Err(error),
        }
        self.prune_refused()
    }

    fn prune_refused(&self) -> Result<()> {
        let folder = self.folder.join(REFUSED_FOLDER);
        let entries = std::fs::read_dir(&folder).map_err(WorkerError::io(&folder))?;
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
            })
            .collect();
        files.sort_unstable();
        let surplus = files.len().saturating_sub(REFUSED_MAX);
        files
            .into_iter()
            .take(surplus)
            .try_for_each(|(_, path)| std::fs::remove_file(&path).map_err(WorkerError::io(path)))
    }

    fn path(&self, lease_id: LeaseId) -> PathBuf {
        self.folder.join(format!("{lease_id}.json"))
    }
}
