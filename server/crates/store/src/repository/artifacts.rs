//! Which files of the artifact folder belong to a job.

use std::collections::BTreeSet;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use shared::digest::Sha256Digest;

use crate::columns::word;
use crate::entity::artifact;
use crate::{Store, StoreError};

/// Hashes that one query names.
const HASHES_MAX: usize = 500;

impl Store {
    /// Those of these files that an artifact has, of whichever hub.
    pub async fn list_kept_files(&self, files: &[Sha256Digest]) -> Result<BTreeSet<Sha256Digest>, StoreError> {
        use artifact::Column::{RemovedAtUnixMs, Sha256};
        let mut kept = BTreeSet::new();
        for some in files.chunks(HASHES_MAX) {
            let found: Vec<String> = artifact::Entity::find()
                .filter(Sha256.is_in(some.iter().map(Sha256Digest::to_string)))
                .filter(RemovedAtUnixMs.is_null())
                .select_only()
                .column(Sha256)
                .into_tuple()
                .all(&self.readers)
                .await?;
            for hash in found {
                kept.insert(word("artifact hash", &hash)?);
            }
        }
        Ok(kept)
    }
}
