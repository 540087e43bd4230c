//! An auditor's result beside the served one: what is kept of it is read, and the rules compare.

use std::sync::Arc;

use hub::audit::Compared as Opinion;
use hub::verification::compare::{Compared, Proof, compare, compare_with_served};
use shared::commitment::{Commitment, Salt};
use shared::job::JobKind;
use shared::job::task::Task;
use shared::protocol::ResultSubmission;
use store::record::ArtifactRecord;
use store::{ArtifactFolder, Store, StoreError};

use super::handle::HubHandle;
use super::intake::IntakeError;

/// A stored result: its files by their hashes.
pub(super) struct Kept {
    artifacts: Vec<ArtifactRecord>,
    determinism_class: String,
    trace: Option<Commitment>,
}

/// What an auditor's result is compared with.
pub(super) struct Earlier {
    served: Kept,
    /// The first auditor's result, for a third opinion.
    audit: Option<Kept>,
}

impl Kept {
    async fn read(store: &Store, task: Task) -> Result<Option<Self>, StoreError> {
        let Some(receipt) = store.find_receipt_of_task(task).await? else { return Ok(None) };
        let receipt = receipt.signed.receipt;
        Ok(Some(Self {
            artifacts: store.list_artifacts_of_task(task).await?,
            determinism_class: receipt.determinism_class,
            trace: receipt.trace_commitment,
        }))
    }

    /// `None` where a file is kept no longer.
    fn files(&self, folder: &ArtifactFolder) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        if self.artifacts.is_empty() {
            return Ok(None);
        }
        self.artifacts.iter().map(|artifact| folder.get(artifact.sha256)).collect()
    }
}

async fn kept_of(hub: &HubHandle, store: &Store, task: Task) -> Result<Option<Kept>, IntakeError> {
    // Asked before the store is: a result that gets there meanwhile is found.
    let is_being_stored = hub.is_result_being_stored(task);
    if is_being_stored {
        // An auditor may answer before what it audits is on the disk. It need not come again where the first try stores that.
        store.flush().await?;
    }
    match Kept::read(store, task).await? {
        // That try failed, and others follow. Without the result there is nothing to compare, and no row of the audit.
        None if is_being_stored => Err(IntakeError::EarlierBeingStored(task)),
        kept => Ok(kept),
    }
}

impl Earlier {
    /// `None` for a task that is no audit.
    ///
    /// # Errors
    /// [`IntakeError::EarlierBeingStored`] while the hub has an earlier result that its store does not have yet.
    pub(super) async fn read(hub: &HubHandle, store: &Store, task: Task) -> Result<Option<Self>, IntakeError> {
        let Some(audited) = task.role.audited() else { return Ok(None) };
        let of = |role| kept_of(hub, store, Task { role, ..task });
        let Some(served) = of(audited).await? else { return Ok(None) };
        let audit = if task.role.is_third_opinion() { of(task.role.audit()).await? } else { None };
        Ok(Some(Self { served, audit }))
    }

    /// Compares a result whose form was checked. `None` where the served files are kept no longer.
    pub(super) fn compare(
        &self,
        kind: JobKind,
        salt: Salt,
        submission: &ResultSubmission,
        files: &[Vec<u8>],
        folder: &Arc<ArtifactFolder>,
    ) -> Result<Option<Opinion>, StoreError> {
        let Some(served) = self.served.files(folder)? else { return Ok(None) };
        let flagged: Vec<bool> = submission.artifacts.iter().map(|artifact| artifact.flagged).collect();
        let mine: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        let class = submission.receipt.determinism_class.as_str();
        let mine = Compared { files: &mine, flagged: &flagged, determinism_class: class };
        let proof = Proof { sealed: self.served.trace, salt, shown: submission.trace_root };
        let with_served = self.served.beside(&served, |served| compare_with_served(kind, served, &mine, &proof));
        let with_audit = match &self.audit {
            Some(audit) => audit.files(folder)?.map(|files| audit.beside(&files, |audit| compare(kind, audit, &mine))),
            None => None,
        };
        Ok(Some(Opinion { with_served, with_audit }))
    }
}

impl Kept {
    fn beside<T>(&self, files: &[Vec<u8>], compare: impl Fn(&Compared<'_>) -> T) -> T {
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        let flagged: Vec<bool> = self.artifacts.iter().map(|artifact| artifact.flagged).collect();
        compare(&Compared { files: &files, flagged: &flagged, determinism_class: &self.determinism_class })
    }
}
