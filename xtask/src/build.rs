//! Building the product: native binaries by cargo, browser bundles by trunk.

use std::path::PathBuf;

use anyhow::Result;

use crate::command;
use crate::progress::{self, Total};
use crate::workspace::{Profile, Workspace};

/// The server `aitbc` and the miner's `gpu-worker`, always together: cargo would compile half of their dependencies again for
/// each alone, since it joins the features of what it is asked for.
const PRODUCT: [&str; 4] = ["--package", "server", "--package", "gpu-worker"];
/// The packages beside the product that have benchmarks among their examples.
const MEASURED: [&str; 8] = ["--package", "exchange", "--package", "hub", "--package", "indexer", "--package", "node"];
const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// As `frontend/index.html` tells trunk to build it.
struct Bundle {
    what: &'static str,
    program: &'static str,
    features: &'static str,
}

const BUNDLES: [Bundle; 3] = [
    Bundle { what: "the pages' bundle", program: "frontend", features: "hydrate" },
    Bundle { what: "the wallet page's bundle", program: "wallet_page", features: "wallet-page" },
    Bundle { what: "the wallet's bundle", program: "wallet_worker", features: "wallet-worker" },
];

/// The program of the browser extension.
pub(crate) const EXTENSION_PROGRAM: &str = "wallet_extension";

const EXTENSION: Bundle =
    Bundle { what: "the extension's bundle", program: EXTENSION_PROGRAM, features: "wallet-extension" };

pub(crate) fn binaries(workspace: &Workspace, profile: Profile) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--bins"]).args(PRODUCT).args(profile.cargo_arguments());
    progress::run(&mut cargo, "server and worker", || total(workspace, &PRODUCT))
}

/// A benchmark, an example of one of these packages, in release and with both binaries. All packages that have one are
/// always selected together: see [`PRODUCT`].
pub(crate) fn release_example(workspace: &Workspace, name: &str) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--locked", "--release", "--bins"]).args(PRODUCT).args(MEASURED);
    command::run(cargo.args(["--example", name]))
}

/// The browser bundles in `target/site`.
pub(crate) fn site(workspace: &Workspace, profile: Profile) -> Result<()> {
    // Trunk is told to stay offline, so that it takes the tools given to it; cargo under it must then have every crate.
    command::run(workspace.cargo().args(["fetch", "--locked", "--quiet"]))?;
    // Trunk would compile the same, but does not say how far it is.
    BUNDLES.iter().try_for_each(|bundle| bundle.compile(workspace, profile))?;
    let mut trunk = workspace.cargo_tool("trunk");
    // Trunk reads NO_COLOR as a boolean and refuses the value 1 that other programs expect.
    trunk.env_remove("NO_COLOR").arg("build");
    command::run(trunk.args(profile.cargo_arguments()))
}

/// The wallet's WASM for a browser extension, as the compiler leaves it. Always in release: people install what is tested.
pub(crate) fn extension_wasm(workspace: &Workspace) -> Result<PathBuf> {
    EXTENSION.compile(workspace, Profile::Release)?;
    Ok(workspace.wasm(Profile::Release, EXTENSION.program))
}

impl Bundle {
    fn compile(&self, workspace: &Workspace, profile: Profile) -> Result<()> {
        let selection = ["--package", "frontend", "--no-default-features", "--features", self.features];
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--locked", "--profile", profile.of_bundles(), "--bin", self.program]);
        progress::run(cargo.args(selection).args(WASM), self.what, || {
            total(workspace, &[&selection[..], &WASM].concat())
        })
    }
}

/// What building `selection` consists of; None where cargo does not say.
fn total(workspace: &Workspace, selection: &[&str]) -> Option<Total> {
    let mut tree = workspace.cargo();
    tree.args(["tree", "--locked", "--prefix", "none", "--edges", "normal,build"]).args(selection);
    command::read(&mut tree).ok().map(|tree| Total::in_tree(&tree))
}
