//! Makes a manifest for a folder that somebody exported: every file that a worker may read, with its hash.

use std::path::{Path, PathBuf};

use shared::model::{MANIFEST_FILE, ModelFile};

use super::folder::sha256_of;
use crate::error::{InferenceError, Result};

/// Files of a folder. The largest pipelines have some fifty.
const FILES_MAX: usize = 10_000;

/// Folders within folders.
const DEPTH_MAX: usize = 8;

/// Weights for other programs, which exporters leave beside the graphs.
const FOREIGN_ENDINGS: [&str; 7] = ["safetensors", "bin", "pt", "pth", "ckpt", "h5", "msgpack"];

/// The files below `root`, sorted, with length and hash. Hidden files, the manifest itself and weights for other
/// programs are left out.
///
/// # Errors
/// Links that lead out of the folder, names that are not UTF-8, and more than `FILES_MAX` files.
pub fn pin(root: &Path) -> Result<Vec<ModelFile>> {
    let real_root = std::fs::canonicalize(root).map_err(InferenceError::io(root))?;
    let mut paths = Vec::new();
    collect(&real_root, &real_root, 0, &mut paths)?;
    paths.sort();
    paths.iter().map(|path| pinned(&real_root, path)).collect()
}

fn collect(root: &Path, folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(InferenceError::format(folder, format!("it lies more than {DEPTH_MAX} folders deep")));
    }
    for entry in std::fs::read_dir(folder).map_err(InferenceError::io(folder))? {
        let path = entry.map_err(InferenceError::io(folder))?.path();
        if !is_wanted(&path) {
            continue;
        }
        let real = std::fs::canonicalize(&path).map_err(InferenceError::io(&path))?;
        if !real.starts_with(root) {
            return Err(InferenceError::format(path, "a link leads out of the folder; copy the file here"));
        }
        match real.is_dir() {
            true => collect(root, &path, depth + 1, paths)?,
            false => paths.push(path),
        }
        if paths.len() > FILES_MAX {
            return Err(InferenceError::format(root, format!("it holds more than {FILES_MAX} files")));
        }
    }
    Ok(())
}

fn is_wanted(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let ending = path.extension().map(|ending| ending.to_string_lossy()).unwrap_or_default();
    !name.starts_with('.') && name != MANIFEST_FILE && !FOREIGN_ENDINGS.contains(&ending.as_ref())
}

fn pinned(root: &Path, path: &Path) -> Result<ModelFile> {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let parts: Option<Vec<&str>> = inside.iter().map(|part| part.to_str()).collect();
    let parts = parts.ok_or_else(|| InferenceError::format(path, "its name is not UTF-8"))?;
    let bytes = std::fs::metadata(path).map_err(InferenceError::io(path))?.len();
    Ok(ModelFile { path: parts.join("/"), sha256: sha256_of(path)?, bytes })
}

#[cfg(test)]
mod tests {
    use shared::digest::Sha256Digest;

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn every_file_that_a_worker_reads_is_pinned() {
        let files = ["unet/model.onnx", "unet/model.onnx_data", "model_index.json", "README.md"];
        let folder = folder(&[&files[..], &["manifest.json", ".git/config", "unet/model.safetensors"]].concat());
        let pinned = pin(folder.path()).unwrap();
        let names: Vec<&str> = pinned.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["README.md", "model_index.json", "unet/model.onnx", "unet/model.onnx_data"]);
        assert_eq!(pinned[0].sha256, Sha256Digest::of(b"README.md"));
        assert_eq!(pinned[0].bytes, 9);
    }

    #[cfg(unix)]
    #[test]
    fn what_lies_elsewhere_is_not_pinned() {
        let folder = folder(&["model/unet/model.onnx", "key"]);
        std::os::unix::fs::symlink("../../key", folder.path().join("model/unet/weights.pb")).unwrap();
        let error = pin(&folder.path().join("model")).unwrap_err();
        assert!(error.to_string().contains("leads out of the folder"), "{error}");
        // A folder that contains itself must end.
        std::fs::remove_file(folder.path().join("model/unet/weights.pb")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("model/unet/again")).unwrap();
        assert!(pin(&folder.path().join("model")).unwrap_err().to_string().contains("folders deep"));
    }
}
