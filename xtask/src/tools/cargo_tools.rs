//! trunk and wasm-bindgen, compiled from their sources into the tools folder.

use std::fs;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// The newest trunk that the workspace's Rust version compiles.
const TRUNK_VERSION: &str = "0.21.14";

pub(super) fn find_trunk(workspace: &Workspace) -> Option<String> {
    find(workspace, "trunk", TRUNK_VERSION)
}

pub(super) fn install_trunk(workspace: &Workspace) -> Result<()> {
    install(workspace, "trunk", TRUNK_VERSION, &["--locked"])
}

pub(super) fn find_wasm_bindgen(workspace: &Workspace) -> Option<String> {
    find(workspace, "wasm-bindgen", &workspace.locked_version("wasm-bindgen").ok()?)
}

pub(super) fn install_wasm_bindgen(workspace: &Workspace) -> Result<()> {
    // Without --locked: its lock file once named a crate version that was not served.
    install(workspace, "wasm-bindgen-cli", &workspace.locked_version("wasm-bindgen")?, &[])
}

fn find(workspace: &Workspace, program: &str, version: &str) -> Option<String> {
    let answer = super::first_line(workspace, program, &["--version"])?;
    (answer.split_whitespace().nth(1)? == version).then_some(answer)
}

fn install(workspace: &Workspace, package: &str, version: &str, more: &[&str]) -> Result<()> {
    let tools = workspace.tools();
    let build = tools.join("build");
    let mut cargo = workspace.cargo();
    cargo.args(["install", package, "--version", &format!("={version}"), "--force"]).args(more);
    cargo.arg("--root").arg(&tools).arg("--target-dir").arg(&build);
    // The install folder lies outside the workspace, so its flags for WASM do not apply; the current folder must not either.
    cargo.current_dir(&workspace.root);
    let result = command::run(&mut cargo);
    if build.exists() {
        fs::remove_dir_all(&build)?;
    }
    result
}
