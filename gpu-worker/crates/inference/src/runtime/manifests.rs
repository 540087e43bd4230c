//! Where the manifests of models are: each in its model's own folder, or, for a folder that nothing can be written to,
//! apart in a folder of the worker's.

use std::path::{Path, PathBuf};

use shared::digest::Sha256Digest;
use shared::model::MANIFEST_FILE;

use super::folder::ModelFolder;
use crate::error::Result;

/// The places where manifests are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests {
    apart: Option<PathBuf>,
}

impl Manifests {
    /// Looks into `folder`, which is this worker's own, before the folders of the models.
    pub fn apart_in(folder: PathBuf) -> Self {
        Self { apart: Some(folder) }
    }

    /// Where the manifest of the model at `root` is kept apart, or would be. The name is that of the folder's real path,
    /// so that no file of a model has a say in it.
    pub fn apart_from(&self, root: &Path) -> Option<PathBuf> {
        let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
        let name = Sha256Digest::of(real.as_os_str().as_encoded_bytes());
        self.apart.as_ref().map(|folder| folder.join(format!("{name}.json")))
    }

    /// The manifest of the model at `root`: the one that is kept apart, which this miner made, or else the model's own.
    pub fn path(&self, root: &Path) -> PathBuf {
        self.apart_from(root).filter(|path| path.is_file()).unwrap_or_else(|| root.join(MANIFEST_FILE))
    }

    /// Reads the manifest of the model at `root`, and no other file.
    ///
    /// # Errors
    /// A manifest that is missing, too long, or none.
    pub fn open(&self, root: &Path) -> Result<ModelFolder> {
        ModelFolder::open_by(root, &self.path(root))
    }

    pub(super) fn is_model(&self, root: &Path) -> bool {
        self.path(root).is_file()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str) -> String {
        format!(r#"{{"name": "{name}", "version": "1", "kind": "text", "licence": "MIT", "files": []}}"#)
    }

    #[test]
    fn a_manifest_that_is_kept_apart_stands_for_its_folder_alone() {
        let (model, other, worker) =
            (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let manifests = Manifests::apart_in(worker.path().to_path_buf());
        assert!(!manifests.is_model(model.path()) && manifests.open(model.path()).is_err());
        std::fs::write(manifests.apart_from(model.path()).unwrap(), manifest("mine")).unwrap();
        let opened = manifests.open(model.path()).unwrap();
        assert_eq!((opened.manifest().name.as_str(), opened.root()), ("mine", model.path()));
        assert!(!manifests.is_model(other.path()) && !Manifests::default().is_model(model.path()));
        // What the miner pinned holds, whatever comes with the model.
        std::fs::write(model.path().join(MANIFEST_FILE), manifest("theirs")).unwrap();
        assert_eq!(manifests.open(model.path()).unwrap().manifest().name, "mine");
        assert_eq!(Manifests::default().open(model.path()).unwrap().manifest().name, "theirs");
    }
}
