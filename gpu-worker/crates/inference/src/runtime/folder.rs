//! A model's folder, every byte of which is pinned by its manifest.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use shared::digest::Sha256Digest;
use shared::model::{MANIFEST_FILE, MANIFEST_MAX_BYTES, ModelFile, ModelManifest};

use super::external_data;
use crate::engine::GraphFile;
use crate::engine::graph_file::GRAPH_MAX_BYTES;
use crate::error::{InferenceError, Result};

/// Largest file that is read into memory at once.
const FILE_MAX_BYTES: u64 = GRAPH_MAX_BYTES;

/// Bytes that are hashed at once.
const HASHED_BYTES: usize = 1 << 20;

/// A folder whose files are read only through its manifest: what a reader gets has been hashed, byte for byte.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    root: PathBuf,
    manifest: ModelManifest,
    manifest_sha256: Sha256Digest,
}

impl ModelFolder {
    /// Reads the manifest in the folder itself. No other file is touched yet.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_by(root, &root.join(MANIFEST_FILE))
    }

    /// The folder `root` by the manifest at `path`.
    pub(super) fn open_by(root: &Path, path: &Path) -> Result<Self> {
        let bytes = read_bounded(path, MANIFEST_MAX_BYTES)?;
        let manifest: ModelManifest =
            serde_json::from_slice(&bytes).map_err(|error| InferenceError::format(path, error))?;
        if let Some(file) = manifest.files.iter().find(|file| !is_plain(&file.path)) {
            return Err(InferenceError::format(
                path,
                format!("{} leads out of the folder or is not in its shortest form", file.path),
            ));
        }
        Ok(Self { root: root.to_path_buf(), manifest, manifest_sha256: Sha256Digest::of(&bytes) })
    }

    pub fn manifest(&self) -> &ModelManifest {
        &self.manifest
    }

    /// Names the model and all its files.
    pub fn manifest_sha256(&self) -> Sha256Digest {
        self.manifest_sha256
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn has(&self, file: &str) -> bool {
        self.listed(file).is_some()
    }

    /// The bytes of a listed file, after comparing length and hash.
    pub fn read(&self, file: &str) -> Result<Vec<u8>> {
        let listed = self.listed_or_refused(file)?;
        let path = self.root.join(&listed.path);
        let bytes = read_bounded(&path, FILE_MAX_BYTES)?;
        check(&path, listed, bytes.len() as u64, || Ok(Sha256Digest::of(&bytes)))?;
        Ok(bytes)
    }

    /// An ONNX file, looked through, with the weights that it keeps in other files of the folder: those are inside the
    /// folder, listed, and hashed, but not read into memory.
    ///
    /// # Errors
    /// Beside those of [`Self::read`]: what is no sound ONNX file, and external data that lead out of the folder or
    /// beyond the end of their file.
    pub fn graph(&self, file: &str) -> Result<GraphFile> {
        let path = self.root.join(file);
        let folder = path.parent().unwrap_or(&self.root);
        let graph = GraphFile::new(file, self.read(file)?, Some(folder))?;
        for location in external_data::check(&graph, folder)? {
            self.check(&beside(file, &location))?;
        }
        Ok(graph)
    }

    /// A listed JSON file.
    pub fn read_json<T: DeserializeOwned>(&self, file: &str) -> Result<T> {
        let bytes = self.read(file)?;
        serde_json::from_slice(&bytes).map_err(|error| InferenceError::format(self.root.join(file), error))
    }

    /// Checks every listed file.
    pub fn verify(&self) -> Result<()> {
        self.manifest.files.iter().try_for_each(|file| self.check(&file.path))
    }

    /// Compares a listed file of any size with its length and hash.
    fn check(&self, file: &str) -> Result<()> {
        let listed = self.listed_or_refused(file)?;
        let path = self.root.join(&listed.path);
        let length = file_bytes(&path)?;
        check(&path, listed, length, || sha256_of(&path))
    }

    fn listed_or_refused(&self, file: &str) -> Result<&ModelFile> {
        self.listed(file).ok_or_else(|| InferenceError::unlisted(file))
    }

    fn listed(&self, file: &str) -> Option<&ModelFile> {
        self.manifest.files.iter().find(|listed| listed.path == file)
    }
}

fn check(path: &Path, listed: &ModelFile, bytes: u64, digest: impl FnOnce() -> Result<Sha256Digest>) -> Result<()> {
    let path = path.to_path_buf();
    if bytes != listed.bytes {
        return Err(InferenceError::length_mismatch(path, listed.bytes, bytes));
    }
    let digest = digest()?;
    if digest != listed.sha256 {
        return Err(InferenceError::hash_mismatch(path, listed.sha256, digest));
    }
    Ok(())
}

/// The hash of a file of any size.
pub fn sha256_of(path: &Path) -> Result<Sha256Digest> {
    let mut file = File::open(path).map_err(InferenceError::io(path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; HASHED_BYTES];
    loop {
        match file.read(&mut buffer).map_err(InferenceError::io(path))? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let digest: [u8; 32] = hasher.finalize().into();
    Ok(Sha256Digest(digest.into()))
}

/// `unet/model.onnx` and `weights.pb` give `unet/weights.pb`.
fn beside(file: &str, location: &str) -> String {
    match file.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{location}"),
        None => location.to_owned(),
    }
}

/// A path that stays in its folder, with forward slashes, in the one form that names its file.
pub(super) fn is_plain(path: &str) -> bool {
    !path.contains('\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Length of the file at `path`.
///
/// # Errors
/// What is no file: who opens a pipe or a device may wait for ever, and reads what nobody can pin.
pub(super) fn file_bytes(path: &Path) -> Result<u64> {
    let found = std::fs::metadata(path).map_err(InferenceError::io(path))?;
    match found.is_file() {
        true => Ok(found.len()),
        false => Err(InferenceError::format(path, "it is no file, but a folder, a pipe, a socket or a device")),
    }
}

fn read_bounded(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    let length = file_bytes(path)?;
    if length > max_bytes {
        return Err(InferenceError::format(path, format!("it has {length} bytes, more than {max_bytes}")));
    }
    std::fs::read(path).map_err(InferenceError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::kind::told_by;

    #[test]
    fn a_graph_beyond_the_bound_is_refused_by_its_length_and_not_read() {
        let root = tempfile::tempdir().unwrap();
        let bytes = GRAPH_MAX_BYTES + 1;
        let path = root.path().join("model.onnx");
        // It has a length and no contents, so that only who reads it takes memory for it.
        File::create(&path).unwrap().set_len(bytes).unwrap();
        let sha256 = Sha256Digest::of(b"nobody hashes it");
        let listed = ModelFile { path: "model.onnx".into(), sha256, bytes };
        let told = told_by(root.path(), std::slice::from_ref(&listed), None).unwrap_err();
        let file = serde_json::to_value(&listed).unwrap();
        let manifest = serde_json::json!({
            "name": "huge", "version": "1", "kind": "text", "licence": "MIT", "files": [file],
        });
        std::fs::write(root.path().join(MANIFEST_FILE), manifest.to_string()).unwrap();
        let folder = ModelFolder::open(root.path()).unwrap();
        for error in [told, folder.read("model.onnx").unwrap_err(), folder.graph("model.onnx").unwrap_err()] {
            assert_eq!(error.kind.name(), "format");
            assert!(error.to_string().ends_with("it has 2147483648 bytes, more than 2147483647"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_refused_and_never_opened() {
        let root = tempfile::tempdir().unwrap();
        let socket = root.path().join("tokenizer.json");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [&socket, Path::new("/dev/null"), root.path()] {
            for error in [file_bytes(path).unwrap_err(), read_bounded(path, 9).unwrap_err()] {
                assert_eq!(error.kind.name(), "format");
                assert!(error.to_string().contains("it is no file"), "{error}");
            }
        }
        let listed = r#"{"path": "tokenizer.json", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "bytes": 0}"#;
        let manifest =
            format!(r#"{{"name": "n", "version": "1", "kind": "text", "licence": "MIT", "files": [{listed}]}}"#);
        std::fs::write(root.path().join(MANIFEST_FILE), manifest).unwrap();
        let error = ModelFolder::open(root.path()).unwrap().verify().unwrap_err();
        assert!(error.to_string().contains("tokenizer.json is not valid: it is no file"), "{error}");
    }

    #[test]
    fn only_paths_inside_the_folder_are_plain() {
        assert!(is_plain("unet/model.onnx"));
        for path in
            ["", "/etc/passwd", "../key", "unet/../../key", "./x", "a\\b", "a//w", "a/./w", "a/", "a/.", "/", "."]
        {
            assert!(!is_plain(path), "{path} was taken");
        }
    }
}
