//! Chromium for the browser tests: the system's own.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::command;
use crate::workspace::Workspace;

const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const INSTALL_LIMIT: Duration = Duration::from_secs(900);

pub(super) fn find(workspace: &Workspace) -> Option<String> {
    if let Ok(named) = env::var("CHROMIUM") {
        return super::first_line(workspace, &named, &["--version"]);
    }
    PROGRAMS.iter().find_map(|program| super::first_line(workspace, program, &["--version"]))
}

pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let apt = |arguments: &[&str]| {
        let mut command = workspace.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command::run_quietly_within(INSTALL_LIMIT, &mut command)
    };
    apt(&["update"])
        .and_then(|()| apt(&["install", "--yes", "--no-install-recommends", "chromium"]))
        .context("install Chromium and run again, or name one in the variable CHROMIUM")
}
