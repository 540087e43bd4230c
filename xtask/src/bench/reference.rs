//! The Python that the worker is measured against, in an environment of its own.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

/// Names a Python that has what the requirements list, instead of the environment that is made here.
const PYTHON_VARIABLE: &str = "AITBC_REFERENCE_PYTHON";

/// The requirements that an environment was made from, in its folder.
const STAMP: &str = "requirements.txt";

/// A Python with the pinned packages of `e2e/reference/requirements.txt`. Making the environment takes about
/// 6 GB of disk, most of it PyTorch's, which diffusers needs to load.
///
/// # Errors
/// A machine without Python and its `venv`, and a package registry that cannot be reached.
pub(super) fn python(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(python) = env::var_os(PYTHON_VARIABLE) {
        return Ok(python.into());
    }
    let requirements = workspace.root.join("e2e/reference/requirements.txt");
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = workspace.tools().join("reference-python");
    let (python, stamp) = (folder.join("bin/python"), folder.join(STAMP));
    if fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(python);
    }
    println!("Making a Python environment of {} (about 6 GB, once)", requirements.display());
    command::run(workspace.command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = workspace.command(&python.to_string_lossy());
    command::run(pip.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
