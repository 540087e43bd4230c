//! Packages of Python that judge the product from outside, each set in a virtual environment of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

/// What is installed, in exactly these versions, each file with its hash.
pub(crate) struct PythonPackages {
    name: &'static str,
    /// Completes the sentence "needed to ...".
    purpose: &'static str,
    requirements: &'static str,
}

/// Judges the API.
pub(crate) const SCHEMATHESIS: PythonPackages = PythonPackages {
    name: "schemathesis",
    purpose: "judge the API",
    requirements: "e2e/schemathesis/requirements.txt",
};

/// A client of the chain.
pub(crate) const WEB3: PythonPackages = PythonPackages {
    name: "web3.py",
    purpose: "judge the chain's JSON-RPC",
    requirements: "e2e/web3py/requirements.txt",
};

impl PythonPackages {
    /// The folder of their programs, `python` among them. They are installed where they are missing or where versions changed.
    ///
    /// # Errors
    /// A machine without Python 3 and its `venv` and `pip`, or without a way to the package registry.
    pub(crate) fn ensure(&self, workspace: &Workspace) -> Result<PathBuf> {
        let source = workspace.root.join(self.requirements);
        let wanted = fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
        let folder = workspace.tools().join(self.name);
        let (programs, installed) = (folder.join("bin"), folder.join("requirements.txt"));
        let is_same = || fs::read_to_string(&installed).is_ok_and(|versions| versions == wanted);
        // A Python that was removed leaves a link behind that leads nowhere.
        if !programs.join("python").is_file() || !is_same() {
            self.install(workspace, &folder, &source)?;
            fs::copy(&source, &installed).with_context(|| format!("cannot write {}", installed.display()))?;
        }
        Ok(programs)
    }

    fn install(&self, workspace: &Workspace, folder: &Path, requirements: &Path) -> Result<()> {
        println!("Installing {}, needed to {} (seconds, from Python packages)", self.name, self.purpose);
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        command::read(workspace.command("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = workspace.command(&folder.join("bin/pip").to_string_lossy());
        pip.args(["install", "--quiet", "--no-deps", "--require-hashes", "--requirement"]);
        command::read(pip.arg(requirements))?;
        Ok(())
    }
}
