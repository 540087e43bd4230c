//! Building the product: native binaries by cargo, browser bundles by trunk.

use std::collections::HashSet;

use anyhow::Result;

use crate::command;
use crate::progress::{self, Work};
use crate::workspace::{Profile, Workspace};

/// Always together: cargo would compile half of the dependencies again for each alone, since it joins the features of what it
/// is asked for.
const PRODUCT: [&str; 4] = ["--package", "server", "--package", "gpu-worker"];
/// What `frontend/index.html` asks trunk for.
const BUNDLE_FEATURES: [&str; 2] = ["hydrate", "wallet-worker"];

/// The server `aitbc` and the miner's `gpu-worker`.
pub(crate) fn binaries(workspace: &Workspace, profile: Profile) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--bins"]).args(PRODUCT).args(profile.cargo_arguments());
    let count_crates = || crates_in(workspace, &PRODUCT).map(|crates| crates.len());
    progress::run(&mut cargo, &Work { what: "server and worker", count_crates: &count_crates })
}

/// A benchmark of the worker, an example of its package, in release and with both binaries: see [`PRODUCT`].
pub(crate) fn release_example(workspace: &Workspace, name: &str) -> Result<()> {
    let mut cargo = workspace.cargo();
    command::run(cargo.args(["build", "--locked", "--release", "--bins"]).args(PRODUCT).args(["--example", name]))
}

/// The browser bundles in `target/site`.
pub(crate) fn site(workspace: &Workspace, profile: Profile) -> Result<()> {
    // Trunk is told to stay offline, so that it takes the tools given to it; cargo under it must then have every crate.
    command::run(workspace.cargo().args(["fetch", "--locked", "--quiet"]))?;
    let mut trunk = workspace.cargo_tool("trunk");
    // Trunk reads NO_COLOR as a boolean and refuses the value 1 that other programs expect.
    trunk.env_remove("NO_COLOR").arg("build").args(profile.cargo_arguments());
    let count_crates = || {
        let bundles = BUNDLE_FEATURES.iter().map(|features| {
            let selection = ["--package", "frontend", "--no-default-features", "--features", features];
            crates_in(workspace, &[&selection[..], &["--target", "wasm32-unknown-unknown"]].concat())
        });
        let all = bundles.collect::<Option<Vec<_>>>()?.into_iter().flatten();
        Some(all.collect::<HashSet<_>>().len())
    };
    progress::run(&mut trunk, &Work { what: "browser bundles", count_crates: &count_crates })
}

/// Names and versions of all crates that building `selection` compiles; None where cargo does not say.
fn crates_in(workspace: &Workspace, selection: &[&str]) -> Option<HashSet<String>> {
    let mut cargo = workspace.cargo();
    cargo.args(["tree", "--locked", "--prefix", "none", "--edges", "normal,build"]).args(selection);
    command::read(&mut cargo).ok().map(|tree| crates_in_tree(&tree))
}

fn crates_in_tree(tree: &str) -> HashSet<String> {
    tree.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::crates_in_tree;

    #[test]
    fn a_crate_that_many_need_is_one() {
        let tree = "server v0.1.0 (/src/server)\nserde v1.0.229\nserde_derive v1.0.229 (proc-macro)\nserde v1.0.229 (*)\nserde v0.9.0";
        assert_eq!(crates_in_tree(tree).len(), 4);
    }
}
