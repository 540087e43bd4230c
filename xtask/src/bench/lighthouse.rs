//! Google's Lighthouse over the pages that visitors see first.

use anyhow::Result;

use super::figure::Figure;
use super::programs;
use crate::build;
use crate::packages;
use crate::tools::{self, CHROMIUM, NODE, onnx_runtime_library};
use crate::workspace::{Profile, Workspace};

const SCRIPT: &str = "e2e/lighthouse/run.mjs";

/// Scores of a release, with a real worker behind it, in the browser of this machine.
pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, tools::FOR_BUILDING)?;
    tools::ensure(workspace, &[NODE, CHROMIUM])?;
    packages::install(workspace, "e2e")?;
    packages::install(workspace, "e2e/lighthouse")?;
    build::binaries(workspace, Profile::Release)?;
    build::site(workspace, Profile::Release)?;
    let mut script = workspace.command("node");
    script.arg(SCRIPT);
    script.env("AITBC_BINARIES", workspace.binaries(Profile::Release)).env("AITBC_SITE", workspace.site());
    if let Some(library) = onnx_runtime_library(workspace) {
        script.env("ORT_DYLIB_PATH", library);
    }
    programs::figures(&mut script)
}
