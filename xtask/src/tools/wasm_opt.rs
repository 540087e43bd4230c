//! wasm-opt, from the npm package of Binaryen.

use std::fs;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

const BINARYEN_VERSION: &str = "132.0.0";

pub(super) fn find(workspace: &Workspace) -> Option<String> {
    super::first_line(workspace, "wasm-opt", &["--version"])
}

pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let folder = workspace.tools().join("npm");
    fs::create_dir_all(&folder)?;
    let mut npm = workspace.command("npm");
    npm.args(["install", "--no-fund", "--no-audit", "--prefix"]).arg(&folder);
    command::run(npm.arg(format!("binaryen@{BINARYEN_VERSION}")))
}
