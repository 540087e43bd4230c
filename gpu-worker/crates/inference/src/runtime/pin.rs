//! Makes a manifest for a folder that somebody exported: every file that a worker may read, with its hash.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared::model::{MANIFEST_FILE, ModelFile};

use super::external_data;
use super::folder::{file_bytes, sha256_of};
use crate::engine::GraphFile;
use crate::engine::graph_file::GRAPH_MAX_BYTES;
use crate::error::{InferenceError, Result};

/// Files of a folder. The largest pipelines have some fifty.
const FILES_MAX: usize = 1_000;

/// Files and folders that are looked at, those that are left out among them.
const ENTRIES_MAX: usize = 10_000;

/// Folders within folders.
const DEPTH_MAX: usize = 8;

/// Weights for other programs, which exporters leave beside the graphs.
const FOREIGN_ENDINGS: [&str; 7] = ["safetensors", "bin", "pt", "pth", "ckpt", "h5", "msgpack"];

/// What the name of a graph ends with.
const GRAPH_ENDING: &str = "onnx";

/// The files below `root`, sorted, with length and hash. Hidden files, the manifest itself and weights for other
/// programs are left out, but not what a graph names as the place of its own weights. Where the model is served by
/// `graph`, the other graphs and their weights are left out as well.
///
/// # Errors
/// Links that lead out of the folder, names that are not UTF-8, pipes, sockets and devices, and more than `FILES_MAX`
/// files or `ENTRIES_MAX` entries.
pub fn pin(root: &Path, graph: Option<&str>) -> Result<Vec<ModelFile>> {
    let real_root = std::fs::canonicalize(root).map_err(InferenceError::io(root))?;
    let mut found = Found::default();
    collect(&real_root, &real_root, 0, &mut found)?;
    let paths = found.paths;
    let graphs = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == GRAPH_ENDING));
    let (served, others): (Vec<&PathBuf>, Vec<&PathBuf>) =
        graphs.partition(|path| graph.is_none_or(|graph| **path == real_root.join(graph)));
    let weights: Vec<PathBuf> = served.into_iter().flat_map(|graph| weights_of(&real_root, graph)).collect();
    let of_others: BTreeSet<PathBuf> =
        others.into_iter().flat_map(|graph| weights_of(&real_root, graph).into_iter().chain([graph.clone()])).collect();
    let paths: BTreeSet<PathBuf> = paths.into_iter().filter(|path| !of_others.contains(path)).chain(weights).collect();
    if paths.len() > FILES_MAX {
        return Err(too_many(root));
    }
    paths.iter().map(|path| pinned(&real_root, path)).collect()
}

/// What a walk through a folder came by.
#[derive(Debug, Default)]
struct Found {
    paths: Vec<PathBuf>,
    entries: usize,
}

fn collect(root: &Path, folder: &Path, depth: usize, found: &mut Found) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(InferenceError::format(folder, format!("it lies more than {DEPTH_MAX} folders deep")));
    }
    for entry in std::fs::read_dir(folder).map_err(InferenceError::io(folder))? {
        let path = entry.map_err(InferenceError::io(folder))?.path();
        found.entries += 1;
        if found.entries > ENTRIES_MAX {
            let reason = format!("it holds more than {ENTRIES_MAX} files and folders; name the folder of one model");
            return Err(InferenceError::format(root, reason));
        }
        if !is_wanted(&path) {
            continue;
        }
        let real = std::fs::canonicalize(&path).map_err(InferenceError::io(&path))?;
        if !real.starts_with(root) {
            return Err(InferenceError::format(path, "a link leads out of the folder; copy the file here"));
        }
        match real.is_dir() {
            true => collect(root, &path, depth + 1, found)?,
            false => {
                file_bytes(&path)?;
                found.paths.push(path);
            }
        }
        if found.paths.len() > FILES_MAX {
            return Err(too_many(root));
        }
    }
    Ok(())
}

fn too_many(root: &Path) -> InferenceError {
    InferenceError::format(root, format!("it holds more than {FILES_MAX} files; name the folder of one model"))
}

/// The files beside `graph` that it keeps weights in, whatever they are called. Nothing of what is no sound graph: a
/// folder may hold some that nobody loads, and who loads one is told what is wrong with it.
fn weights_of(root: &Path, graph: &Path) -> Vec<PathBuf> {
    let is_short = std::fs::metadata(graph).is_ok_and(|file| file.len() <= GRAPH_MAX_BYTES);
    let (Some(folder), true) = (graph.parent(), is_short) else { return Vec::new() };
    let bytes = std::fs::read(graph).ok();
    let name = graph.to_string_lossy();
    let found = bytes.and_then(|bytes| GraphFile::new(&name, bytes, Some(folder)).ok());
    let locations = found.and_then(|file| external_data::check(&file, folder).ok()).unwrap_or_default();
    // The manifest cannot hold its own hash.
    locations.iter().map(|location| folder.join(location)).filter(|path| *path != root.join(MANIFEST_FILE)).collect()
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
    let bytes = file_bytes(path)?;
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
        let pinned = pin(folder.path(), None).unwrap();
        let names: Vec<&str> = pinned.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["README.md", "model_index.json", "unet/model.onnx", "unet/model.onnx_data"]);
        assert_eq!(pinned[0].sha256, Sha256Digest::of(b"README.md"));
        assert_eq!(pinned[0].bytes, 9);
    }

    /// A folder with a graph that keeps its weights in `location`, which has as many letters as the name it had.
    fn graph_with_weights_in(location: &str, files: &[&str]) -> tempfile::TempDir {
        let before = b"external.onnx_data";
        assert_eq!(location.len(), before.len());
        let vectors = test_support::package_folder().join("tests/vectors/graphs");
        let mut graph = std::fs::read(vectors.join("external.onnx")).unwrap();
        for at in 0..graph.len() - before.len() {
            if graph[at..].starts_with(before) {
                graph[at..][..before.len()].copy_from_slice(location.as_bytes());
            }
        }
        let folder = folder(files);
        std::fs::write(folder.path().join("onnx/model.onnx"), graph).unwrap();
        for file in files {
            std::fs::copy(vectors.join("external.onnx_data"), folder.path().join(file)).unwrap();
        }
        folder
    }

    fn names(pinned: &[ModelFile]) -> Vec<&str> {
        pinned.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn weights_are_pinned_by_the_name_that_their_graph_gives_them() {
        for location in ["graph.weights1.bin", "w/graph.weights.pt", ".weights.of.graph1"] {
            let file = format!("onnx/{location}");
            let folder = graph_with_weights_in(location, &[&file, "onnx/pytorch_model.bin"]);
            assert_eq!(names(&pin(folder.path(), None).unwrap()).len(), 2, "{location}");
            assert!(names(&pin(folder.path(), None).unwrap()).contains(&file.as_str()), "{location}");
        }
    }

    #[test]
    fn weights_outside_of_the_graph_s_folder_are_not_pinned() {
        for location in ["../weights.of.g.pt", "a//weights.of.g.pt", "absent.weights.pt1"] {
            let folder = graph_with_weights_in(location, &["weights.of.g.pt", "onnx/a/weights.of.g.pt"]);
            assert_eq!(names(&pin(folder.path(), None).unwrap()), ["onnx/model.onnx"], "{location}");
        }
    }

    #[test]
    fn of_several_graphs_the_one_that_is_served_is_pinned_with_its_weights() {
        let folder = graph_with_weights_in("quantized.weights1", &["onnx/quantized.weights1", "onnx/notes.txt"]);
        std::fs::rename(folder.path().join("onnx/model.onnx"), folder.path().join("onnx/model_q4.onnx")).unwrap();
        std::fs::write(folder.path().join("onnx/model.onnx"), "another").unwrap();
        let of = |graph| pin(folder.path(), Some(graph)).unwrap();
        assert_eq!(
            names(&of("onnx/model_q4.onnx")),
            ["onnx/model_q4.onnx", "onnx/notes.txt", "onnx/quantized.weights1"]
        );
        assert_eq!(names(&of("onnx/model.onnx")), ["onnx/model.onnx", "onnx/notes.txt"]);
        assert_eq!(pin(folder.path(), None).unwrap().len(), 4);
    }

    #[test]
    fn a_folder_of_many_files_is_refused_before_any_is_read() {
        let folder = folder(&["model.onnx"]);
        for number in 0..FILES_MAX {
            std::fs::File::create(folder.path().join(format!("{number}.txt"))).unwrap();
        }
        let error = pin(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("more than 1000 files; name the folder of one model"), "{error}");
        std::fs::remove_file(folder.path().join("0.txt")).unwrap();
        assert_eq!(pin(folder.path(), None).unwrap().len(), FILES_MAX);
        // What is left out is counted as well.
        for number in 0..ENTRIES_MAX - FILES_MAX + 1 {
            std::fs::File::create(folder.path().join(format!(".{number}"))).unwrap();
        }
        let error = pin(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("more than 10000 files and folders"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_socket_among_the_files_is_refused_by_name() {
        let folder = folder(&["model.onnx", "config.json"]);
        let socket = folder.path().join("notes.txt");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = pin(folder.path(), None).unwrap_err();
        assert_eq!(error.kind.name(), "format");
        assert!(error.to_string().contains("notes.txt is not valid: it is no file"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_lies_elsewhere_is_not_pinned() {
        let folder = folder(&["model/unet/model.onnx", "key"]);
        std::os::unix::fs::symlink("../../key", folder.path().join("model/unet/weights.pb")).unwrap();
        let error = pin(&folder.path().join("model"), None).unwrap_err();
        assert!(error.to_string().contains("leads out of the folder"), "{error}");
        // A folder that contains itself must end.
        std::fs::remove_file(folder.path().join("model/unet/weights.pb")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("model/unet/again")).unwrap();
        assert!(pin(&folder.path().join("model"), None).unwrap_err().to_string().contains("folders deep"));
    }
}
