//! ONNX Runtime's shared library, taken out of its Python package. No Python is needed to run it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

/// The release that the worker's `ort` binds.
const VERSION: &str = "1.31.1";

/// The library: what `ORT_DYLIB_PATH` names, else the one that xtask installed.
pub(crate) fn library(workspace: &Workspace) -> Option<PathBuf> {
    let named = env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| Some(installed(workspace)).filter(|path| path.is_file()))
}

pub(super) fn find(workspace: &Workspace) -> Option<String> {
    library(workspace).map(|path| path.display().to_string())
}

fn installed(workspace: &Workspace) -> PathBuf {
    let name = if cfg!(target_os = "macos") { "libonnxruntime.dylib" } else { "libonnxruntime.so" };
    workspace.tools().join(format!("onnxruntime-{VERSION}")).join(name)
}

pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let destination = installed(workspace);
    let work = workspace.tools().join("onnxruntime-download");
    let result = unpack_into(workspace, &work, &destination);
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    result
}

fn unpack_into(workspace: &Workspace, work: &Path, destination: &Path) -> Result<()> {
    fs::create_dir_all(work)?;
    let mut pip = workspace.command("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"]).arg(work);
    command::read(pip.arg(format!("onnxruntime=={VERSION}")))?;
    let wheel = file_with(work, |name| name.ends_with(".whl")).context("pip left no package")?;
    command::read(workspace.command("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(work))?;
    let library = file_with(&work.join("onnxruntime/capi"), is_library).context("the package holds no library")?;
    fs::create_dir_all(destination.parent().context("the tools folder has no parent")?)?;
    fs::rename(library, destination)?;
    Ok(())
}

fn is_library(name: &str) -> bool {
    name.starts_with("libonnxruntime.") && !name.contains("providers")
}

fn file_with(folder: &Path, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    entries.map(|entry| entry.path()).find(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(&wanted))
}
