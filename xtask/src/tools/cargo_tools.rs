//! trunk and wasm-bindgen: their authors' own builds where the user has `cargo binstall`, else compiled from source.
//!
//! Compiled without optimisation and without what an offline build never calls (TLS, the search for updates), since compiling
//! them is most of what they cost. docs/adr/0015 has the figures.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::command;
use crate::progress::{self, Total};
use crate::workspace::Workspace;

/// The newest trunk that the workspace's Rust version compiles.
const TRUNK_VERSION: &str = "0.21.14";
/// For downloads of a few megabytes.
const BINSTALL_LIMIT: Duration = Duration::from_secs(120);

/// In place of trunk's own profile, whose link-time optimisation over everything takes longer than all the rest.
const QUICK_PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
];

struct CargoTool {
    package: &'static str,
    program: &'static str,
    version: String,
    /// Whether the package's own Cargo.lock is kept to.
    locked: bool,
    /// On Linux, for the estimate of the time left.
    total: Total,
}

fn trunk() -> CargoTool {
    CargoTool {
        package: "trunk",
        program: "trunk",
        version: TRUNK_VERSION.to_owned(),
        locked: true,
        total: Total { crates: 368, cost: 611.0 },
    }
}

fn wasm_bindgen(workspace: &Workspace) -> Result<CargoTool> {
    let version = workspace.locked_version("wasm-bindgen")?;
    // Its lock file names crate versions that a mirror of the registry may not have yet.
    Ok(CargoTool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version,
        locked: false,
        total: Total { crates: 150, cost: 219.0 },
    })
}

pub(super) fn find_trunk(workspace: &Workspace) -> Option<String> {
    trunk().find(workspace)
}

pub(super) fn install_trunk(workspace: &Workspace) -> Result<()> {
    trunk().install(workspace)
}

pub(super) fn find_wasm_bindgen(workspace: &Workspace) -> Option<String> {
    wasm_bindgen(workspace).ok()?.find(workspace)
}

pub(super) fn install_wasm_bindgen(workspace: &Workspace) -> Result<()> {
    wasm_bindgen(workspace)?.install(workspace)
}

impl CargoTool {
    fn find(&self, workspace: &Workspace) -> Option<String> {
        let answer = super::first_line(workspace, self.program, &["--version"])?;
        (answer.split_whitespace().nth(1)? == self.version).then_some(answer)
    }

    fn install(&self, workspace: &Workspace) -> Result<()> {
        if self.install_prebuilt(workspace) {
            return Ok(());
        }
        let build = workspace.tools().join("build");
        let mut cargo = self.compile_command(workspace);
        let result = progress::run(cargo.arg("--target-dir").arg(&build), self.program, || Some(self.total));
        if build.exists() {
            fs::remove_dir_all(&build)?;
        }
        result
    }

    /// False where there is no `cargo binstall`, where its author's site cannot be reached, and where there is no build for
    /// this machine.
    fn install_prebuilt(&self, workspace: &Workspace) -> bool {
        if super::first_line(workspace, "cargo-binstall", &["-V"]).is_none() {
            return false;
        }
        let mut binstall = workspace.cargo();
        // The authors' own builds only, not those that a third party makes of the same source.
        binstall.args(["binstall", "--no-confirm", "--force", "--disable-strategies", "quick-install,compile"]);
        binstall.arg("--root").arg(workspace.tools()).arg(format!("{}@={}", self.package, self.version));
        let installed =
            command::run_quietly_within(BINSTALL_LIMIT, &mut binstall).is_ok() && self.find(workspace).is_some();
        if !installed {
            println!("  cargo binstall has no build of {} for this machine, so it is compiled", self.program);
        }
        installed
    }

    fn compile_command(&self, workspace: &Workspace) -> Command {
        let mut cargo = workspace.cargo();
        cargo.args(["install", self.package, "--version", &format!("={}", self.version), "--force"]);
        cargo.args(self.locked.then_some("--locked"));
        cargo.args(["--no-default-features", "--bin", self.program]).envs(QUICK_PROFILE);
        cargo.arg("--root").arg(workspace.tools());
        cargo
    }
}
