//! Building the product: native binaries by cargo, browser bundles by trunk.

use anyhow::Result;

use crate::command;
use crate::workspace::{Profile, Workspace};

/// The server `aitbc` and the miner's `gpu-worker`, always together: cargo would compile half of their dependencies again for
/// each alone, since it joins the features of what it is asked for.
pub(crate) fn binaries(workspace: &Workspace, profile: Profile) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--package", "server", "--package", "gpu-worker", "--bins"]);
    command::run(cargo.args(profile.cargo_arguments()))
}

/// A benchmark of the worker, an example of its package, in release and with both binaries: see [`binaries`].
pub(crate) fn release_example(workspace: &Workspace, name: &str) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--release", "--package", "server", "--package", "gpu-worker", "--bins"]);
    command::run(cargo.args(["--example", name]))
}

/// The browser bundles in `target/site`.
pub(crate) fn site(workspace: &Workspace, profile: Profile) -> Result<()> {
    // Trunk is told to stay offline, so that it takes the tools given to it; cargo under it must then have every crate.
    command::run(workspace.cargo().args(["fetch", "--locked", "--quiet"]))?;
    let mut trunk = workspace.cargo_tool("trunk");
    // Trunk reads NO_COLOR as a boolean and refuses the value 1 that other programs expect.
    trunk.env_remove("NO_COLOR").arg("build");
    command::run(trunk.args(profile.cargo_arguments()))
}
