//! JavaScript packages of a folder.

use std::path::Path;

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// Exactly the packages of the lock file; quick where they are there already.
pub(crate) fn install(workspace: &Workspace, folder: &str) -> Result<()> {
    let modules = workspace.root.join(folder).join("node_modules/.package-lock.json");
    let lock = workspace.root.join(folder).join("package-lock.json");
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    if changed(&modules).is_some() && changed(&modules) >= changed(&lock) {
        return Ok(());
    }
    command::run(workspace.command("npm").args(["ci", "--no-fund", "--no-audit", "--prefix", folder]))
}
