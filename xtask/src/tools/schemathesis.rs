//! schemathesis, which judges the API from outside, in a virtual environment of its own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

/// What is installed, in exactly these versions, each file with its hash.
const REQUIREMENTS: &str = "e2e/schemathesis/requirements.txt";

/// The program, installed where it is missing or where its versions changed.
///
/// # Errors
/// A machine without Python 3 and its `venv` and `pip`, or without a way to the package registry.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let source = workspace.root.join(REQUIREMENTS);
    let wanted = fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
    let folder = workspace.tools().join("schemathesis");
    let (program, installed) = (folder.join("bin/schemathesis"), folder.join("requirements.txt"));
    if program.is_file() && fs::read_to_string(&installed).is_ok_and(|versions| versions == wanted) {
        return Ok(program);
    }
    println!("Installing schemathesis, needed to judge the API (seconds, from Python packages)");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    command::read(workspace.command("python3").args(["-m", "venv"]).arg(&folder))?;
    let pip = folder.join("bin/pip");
    let mut install = workspace.command(&pip.to_string_lossy());
    command::read(install.args(["install", "--quiet", "--no-deps", "--require-hashes", "--requirement"]).arg(&source))?;
    fs::copy(&source, &installed).with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(program)
}
