//! The exchange: its order book beside those of others, the whole server under load, and a market's page while the market moves.

use anyhow::Result;

use super::figure::Figure;
use super::programs::figures;
use crate::build;
use crate::packages;
use crate::tools::{self, CHROMIUM, NODE};
use crate::workspace::{Profile, Workspace};

const FRAMES_SCRIPT: &str = "e2e/reference/exchange_frames.mjs";

pub(super) fn measure(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, tools::FOR_BUILDING)?;
    tools::ensure(workspace, &[NODE, CHROMIUM])?;
    packages::install(workspace, "e2e")?;
    let mut all = order_books(workspace)?;
    all.extend(server(workspace)?);
    all.extend(page(workspace)?);
    Ok(all)
}

/// One stream of orders through our order book and others.
fn order_books(workspace: &Workspace) -> Result<Vec<Figure>> {
    build::release_example(workspace, "bench_exchange")?;
    let program = workspace.binaries(Profile::Release).join("examples/bench_exchange");
    figures(&mut workspace.command(&program.to_string_lossy()))
}

/// Orders, a feed and trades through the real server.
fn server(workspace: &Workspace) -> Result<Vec<Figure>> {
    build::release_example(workspace, "bench_trading")?;
    let binaries = workspace.binaries(Profile::Release);
    let program = binaries.join("examples/bench_trading");
    figures(workspace.command(&program.to_string_lossy()).arg("--server").arg(binaries.join("aitbc")))
}

/// Frames of the page in the browser of this machine.
fn page(workspace: &Workspace) -> Result<Vec<Figure>> {
    build::site(workspace, Profile::Release)?;
    let mut script = workspace.command("node");
    script.arg(FRAMES_SCRIPT);
    script.env("AITBC_BINARIES", workspace.binaries(Profile::Release)).env("AITBC_SITE", workspace.site());
    figures(&mut script)
}
