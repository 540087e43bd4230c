//! Model folders to work on, and the program under test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use inference::engine::library::{ENVIRONMENT_VARIABLE, Found, Search, find};
use serde_json::json;
use shared::digest::Sha256Digest;
use shared::model::MANIFEST_FILE;
use tempfile::TempDir;
use test_support::{Requirement, require_or_skip};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_gpu-worker");

/// ONNX Runtime's library, for a test or a part of one that needs it: where there is none, that counts as skipped.
#[track_caller]
pub(crate) fn onnxruntime_library() -> Option<PathBuf> {
    let reason = || format!("ONNX Runtime's library was not found; set {ENVIRONMENT_VARIABLE}");
    require_or_skip(Requirement::OnnxRuntime, onnxruntime_library_if_found().ok_or_else(reason))
}

/// For a test that another engine serves as well.
pub(crate) fn onnxruntime_library_if_found() -> Option<PathBuf> {
    match find(None, &Search::of_process(None)) {
        Found::Named(path) | Found::Discovered(path) => Some(path),
        Found::Nothing => None,
    }
}

/// The repository's models, each in a folder of its own.
pub(crate) fn default_models() -> PathBuf {
    test_support::package_folder().join("model")
}

/// A folder with copies of all the repository's models, which a test may break.
pub(crate) fn default_models_copied() -> TempDir {
    let (from, to) = (default_models(), tempfile::tempdir().unwrap());
    for file in files_below(&from, Path::new("")) {
        std::fs::create_dir_all(to.path().join(&file).parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), to.path().join(&file)).unwrap();
    }
    to
}

/// The tiny language models of `e2e/reference`, and what PyTorch makes of them.
pub(crate) fn words() -> PathBuf {
    test_support::package_folder().join("crates/inference/tests/vectors/words")
}

/// The tiny pipelines of `e2e/reference`, and what Python diffusers draws with them.
pub(crate) fn pipelines() -> PathBuf {
    test_support::package_folder().join("crates/inference/tests/pipelines")
}

/// A copy of a model that a test may break.
pub(crate) struct ModelCopy {
    pub(crate) folder: TempDir,
    kind: &'static str,
    native_size_px: u32,
}

impl ModelCopy {
    /// The repository's picture model.
    pub(crate) fn new() -> Self {
        Self::of(&[default_models().join("picture")], "image", 512)
    }

    /// The tiny pipeline `name`.
    pub(crate) fn tiny(name: &str) -> Self {
        let own = pipelines().join(name);
        // These are Stable Diffusion 1.5's with one part of their own.
        let is_variant = ["lcm", "fixed", "checked", "half", "not_finite", "misshapen"].contains(&name);
        let folders = if is_variant { vec![pipelines().join("sd15"), own] } else { vec![own] };
        Self::of(&folders, "image", 64)
    }

    /// The tiny language model `name`, said to be of this kind.
    pub(crate) fn words(name: &str, kind: &'static str) -> Self {
        Self::of(&[words().join(name)], kind, 0)
    }

    /// A folder for what a test writes.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), kind: "text", native_size_px: 0 }
    }

    /// Files of later sources take the place of earlier ones.
    fn of(sources: &[PathBuf], kind: &'static str, native_size_px: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for source in sources {
            for file in files_below(source, Path::new("")) {
                let to = folder.path().join(&file);
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                if file != Path::new(MANIFEST_FILE) {
                    std::fs::copy(source.join(&file), to).unwrap();
                }
            }
        }
        let copy = Self { folder, kind, native_size_px };
        copy.pin();
        copy
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a manifest that pins the files as they are now.
    pub(crate) fn pin(&self) {
        let files = files_below(self.path(), Path::new("")).into_iter().filter(|file| file != Path::new(MANIFEST_FILE));
        let files: Vec<_> = files
            .map(|file| {
                let bytes = std::fs::read(self.path().join(&file)).unwrap();
                json!({"path": file, "sha256": Sha256Digest::of(&bytes), "bytes": bytes.len()})
            })
            .collect();
        let manifest = json!({
            "name": "test-model", "version": "1", "kind": self.kind, "licence": "MIT", "files": files,
            "draws": [], "does_not_draw": [], "suggestions": ["a city skyline at night"],
            "default_steps": 2, "default_guidance": 3.0, "native_size_px": self.native_size_px,
        });
        std::fs::write(self.file(MANIFEST_FILE), manifest.to_string()).unwrap();
    }

    /// Changes the manifest itself.
    pub(crate) fn edit_manifest(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let mut value = serde_json::from_slice(&std::fs::read(self.file(MANIFEST_FILE)).unwrap()).unwrap();
        change(&mut value);
        std::fs::write(self.file(MANIFEST_FILE), value.to_string()).unwrap();
    }

    /// Changes a JSON file and pins the change.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let mut value = serde_json::from_slice(&std::fs::read(self.file(name)).unwrap()).unwrap();
        change(&mut value);
        std::fs::write(self.file(name), value.to_string()).unwrap();
        self.pin();
    }
}

/// The files below `folder` of `root`, sorted, as paths from `root`.
pub(crate) fn files_below(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() { files_below(root, &path) } else { vec![path] }
        })
        .collect();
    files.sort();
    files
}

/// The engines that can be tried here: tract, and ONNX Runtime where its library is found.
pub(crate) fn engine_arguments() -> Vec<Vec<String>> {
    let mut engines = vec![vec!["--engine".to_owned(), "tract".to_owned()]];
    if let Some(path) = onnxruntime_library() {
        let path = path.to_str().unwrap();
        engines.push(["--engine", "onnxruntime", "--onnxruntime-library", path].map(str::to_owned).to_vec());
    }
    engines
}

/// `gpu-worker` with these arguments.
pub(crate) fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// `gpu-worker generate` with few steps (not too few: guided strides that are too long end in black); the picture goes to
/// `out`.
pub(crate) fn generate(model: &Path, out: &Path, more: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(["generate", "a city skyline at night", "--steps", "4"])
        .args(if more.contains(&"--seed") { &[][..] } else { &["--seed", "7"] })
        .arg("--model")
        .arg(model)
        .arg("--out")
        .arg(out)
        .args(more)
        .output()
        .unwrap()
}

/// The file of a picture of 64 pixels a side, drawn by tract, or what the command said instead.
pub(crate) fn draw_small(model: &ModelCopy, more: &[&str]) -> Result<Vec<u8>, String> {
    let out = model.file("out.png");
    let small = ["--engine", "tract", "--width", "64", "--height", "64"];
    let output = generate(model.path(), &out, &[&small, more].concat());
    match output.status.success() {
        true => Ok(std::fs::read(&out).unwrap()),
        false => Err(stderr(&output)),
    }
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// 8-bit RGB of a PNG file.
pub(crate) fn pixels(file: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    (info.width, info.height, bytes)
}
