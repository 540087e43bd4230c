//! The models that lie at a path: one, or several in folders beside each other.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use shared::job::JobKind;
use shared::model::MANIFEST_FILE;

use super::folder::ModelFolder;
use super::manifests::Manifests;
use crate::error::{FailureKind, InferenceError, Result};

/// Most model folders in one folder. A miner with more models names them one by one.
const MODELS_MAX: usize = 64;

/// The model whose folder `path` is, or else all those whose folders it holds: pictures first, then texts, then
/// embeddings, and by name within a kind. Their paths are absolute.
///
/// # Errors
/// A path that is not there, one that neither is nor holds a model, and a manifest that cannot be read: otherwise a
/// model would be left out silently.
pub fn models_at(path: &Path, manifests: &Manifests) -> Result<Vec<ModelFolder>> {
    let folders = folders_at(path, manifests)?;
    let mut models = folders.iter().map(|folder| manifests.open(folder)).collect::<Result<Vec<_>>>()?;
    models.sort_by(by_kind);
    Ok(models)
}

/// The folders that [`models_at`] opens.
///
/// # Errors
/// A path that is not there, and one that neither is nor holds a model.
pub fn folders_at(path: &Path, manifests: &Manifests) -> Result<Vec<PathBuf>> {
    let root = std::fs::canonicalize(path).map_err(InferenceError::io(path))?;
    if manifests.is_model(&root) {
        return Ok(vec![root]);
    }
    let folders: Vec<PathBuf> = folders_in(&root)?.into_iter().filter(|folder| manifests.is_model(folder)).collect();
    match folders.len() {
        0 => Err(InferenceError::format(root, format!("neither it nor a folder in it holds {MANIFEST_FILE}"))),
        1..=MODELS_MAX => Ok(folders),
        more => Err(InferenceError::format(root, format!("it holds {more} models, more than {MODELS_MAX}"))),
    }
}

/// Pictures before texts before embeddings, and by name within a kind.
pub fn by_kind(one: &ModelFolder, other: &ModelFolder) -> Ordering {
    place(one).cmp(&place(other))
}

/// Refuses models of one name: the worker tells its models apart by it, and so does who asks for one.
///
/// # Errors
/// Names both folders.
pub fn check_names<'a>(models: impl IntoIterator<Item = (&'a str, &'a Path)>) -> Result<()> {
    let mut known = BTreeMap::new();
    models.into_iter().try_for_each(|(name, folder)| match known.insert(name, folder) {
        Some(first) => {
            let (first, second) = (first.display(), folder.display());
            let reason = format!(
                "the model `{name}` is on offer twice, from {first} and {second}: \
                 a name stands for one model, so rename one or set enabled = false for it"
            );
            Err(InferenceError::new(FailureKind::Config, reason))
        }
        None => Ok(()),
    })
}

fn folders_in(root: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root).map_err(InferenceError::io(root))?;
    let paths = entries.map(|entry| Ok(entry.map_err(InferenceError::io(root))?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
}

/// Where a model stands among others.
fn place(folder: &ModelFolder) -> (u8, &str) {
    let manifest = folder.manifest();
    let kind = match manifest.kind {
        JobKind::Image => 0,
        JobKind::Text => 1,
        JobKind::Embedding => 2,
    };
    (kind, &manifest.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, folder: &str, manifest: &str) {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        std::fs::write(root.join(folder).join(MANIFEST_FILE), manifest).unwrap();
    }

    fn manifest(name: &str, kind: &str) -> String {
        format!(r#"{{"name": "{name}", "version": "1", "kind": "{kind}", "licence": "MIT", "files": []}}"#)
    }

    fn names(root: &Path) -> Vec<String> {
        models_at(root, &Manifests::default()).unwrap().iter().map(|folder| folder.manifest().name.clone()).collect()
    }

    #[test]
    fn one_folder_is_one_model_and_a_folder_of_folders_is_all_of_theirs() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "a", &manifest("vectors", "embedding"));
        put(root.path(), "b", &manifest("letters", "text"));
        put(root.path(), "c", &manifest("scenes", "image"));
        put(root.path(), "d", &manifest("another", "text"));
        std::fs::create_dir(root.path().join("notes")).unwrap();
        std::fs::write(root.path().join("README.md"), "no model").unwrap();
        assert_eq!(names(root.path()), ["scenes", "another", "letters", "vectors"]);
        assert_eq!(names(&root.path().join("b")), ["letters"]);
    }

    #[test]
    fn a_name_stands_for_one_model() {
        let (one, other) = (Path::new("/models/one"), Path::new("/models/other"));
        check_names([("scenes", one), ("letters", other)]).unwrap();
        let error = check_names([("scenes", one), ("letters", one), ("scenes", other)]).unwrap_err().to_string();
        assert!(error.contains("`scenes` is on offer twice, from /models/one and /models/other"), "{error}");
    }

    #[test]
    fn no_model_and_a_broken_one_are_told() {
        let root = tempfile::tempdir().unwrap();
        let told = |path: &Path| models_at(path, &Manifests::default()).unwrap_err().to_string();
        assert!(told(root.path()).contains("holds manifest.json"), "{}", told(root.path()));
        assert!(told(&root.path().join("nowhere")).contains("nowhere"));
        put(root.path(), "a", &manifest("scenes", "image"));
        put(root.path(), "b", "{}");
        assert!(told(root.path()).contains("b/manifest.json"), "{}", told(root.path()));
    }
}
