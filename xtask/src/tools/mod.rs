//! The tools for building and testing: what each is for, how it is found, and how it is installed.

mod browser;
mod cargo_deny;
mod cargo_tools;
pub(crate) mod onnx_runtime;
mod python;
pub(crate) mod python_packages;
mod wasm_opt;
mod wasm_target;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::workspace::Workspace;

pub(crate) use cargo_deny::program as cargo_deny_program;
pub(crate) use onnx_runtime::library as onnx_runtime_library;
pub(crate) use python::find as training_python;

pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// Completes the sentence "needed to ...".
    pub(crate) purpose: &'static str,
    pub(crate) requirement: Requirement,
    /// What is there: a version or a place.
    pub(crate) find: fn(&Workspace) -> Option<String>,
    pub(crate) install: Install,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    Needed,
    /// The text says what happens without it.
    Optional(&'static str),
}

pub(crate) enum Install {
    /// `cost` tells how long it takes on two cores, once.
    ByXtask { cost: &'static str, run: fn(&Workspace) -> Result<()> },
    /// The text tells what the user does.
    ByUser(&'static str),
}

pub(crate) const C_COMPILER: Tool = Tool {
    name: "C compiler",
    purpose: "build SQLite into the server and to link",
    requirement: Requirement::Needed,
    find: |workspace| first_line(workspace, "cc", &["--version"]),
    install: Install::ByUser("install a C compiler, for example with: apt-get install build-essential"),
};

pub(crate) const NODE: Tool = Tool {
    name: "Node",
    purpose: "fetch wasm-opt and to run the browser tests",
    requirement: Requirement::Needed,
    find: |workspace| first_line(workspace, "node", &["--version"]),
    install: Install::ByUser("install Node 20 or newer, with npm"),
};

pub(crate) const WASM_TARGET: Tool = Tool {
    name: "wasm32-unknown-unknown",
    purpose: "compile what runs in the browser",
    requirement: Requirement::Needed,
    find: wasm_target::find,
    install: Install::ByXtask { cost: "seconds; a minute where it is built from source", run: wasm_target::install },
};

pub(crate) const TRUNK: Tool = Tool {
    name: "trunk",
    purpose: "build the browser bundles",
    requirement: Requirement::Needed,
    find: cargo_tools::find_trunk,
    install: Install::ByXtask { cost: "about 3 minutes, compiled from source", run: cargo_tools::install_trunk },
};

pub(crate) const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen",
    purpose: "join WASM and JavaScript, in exactly the version of Cargo.lock",
    requirement: Requirement::Needed,
    find: cargo_tools::find_wasm_bindgen,
    install: Install::ByXtask { cost: "about a minute, compiled from source", run: cargo_tools::install_wasm_bindgen },
};

pub(crate) const WASM_OPT: Tool = Tool {
    name: "wasm-opt",
    purpose: "make the browser bundles small",
    requirement: Requirement::Needed,
    find: wasm_opt::find,
    install: Install::ByXtask { cost: "seconds, from npm", run: wasm_opt::install },
};

pub(crate) const ONNX_RUNTIME: Tool = Tool {
    name: "ONNX Runtime",
    purpose: "draw faster",
    requirement: Requirement::Optional("the worker uses its built-in engine, tract"),
    find: onnx_runtime::find,
    install: Install::ByXtask { cost: "seconds, from a Python package", run: onnx_runtime::install },
};

pub(crate) const CHROMIUM: Tool = Tool {
    name: "Chromium",
    purpose: "run the browser tests",
    requirement: Requirement::Needed,
    find: browser::find,
    install: Install::ByXtask { cost: "a minute, from the system's packages", run: browser::install },
};

pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    purpose: "check licences, duplicates and sources of all crates",
    requirement: Requirement::Optional("that check is skipped"),
    find: cargo_deny::find,
    install: Install::ByXtask { cost: "seconds, from a Python package", run: cargo_deny::install },
};

/// What `up` and `bench` need.
pub(crate) const FOR_BUILDING: &[Tool] = &[C_COMPILER, NODE, WASM_TARGET, TRUNK, WASM_BINDGEN, WASM_OPT, ONNX_RUNTIME];

/// Makes sure that every tool is there; installs what is missing and says so.
///
/// # Errors
/// Names the tool and what to do where a needed one is missing and cannot be installed.
pub(crate) fn ensure(workspace: &Workspace, tools: &[Tool]) -> Result<()> {
    tools.iter().try_for_each(|tool| ensure_one(workspace, tool))
}

fn ensure_one(workspace: &Workspace, tool: &Tool) -> Result<()> {
    if (tool.find)(workspace).is_some() {
        return Ok(());
    }
    let Install::ByXtask { cost, run } = tool.install else {
        let Install::ByUser(advice) = tool.install else { unreachable!() };
        bail!("{} is missing, which is needed to {}: {advice}", tool.name, tool.purpose);
    };
    println!("Installing {}, needed to {} ({cost})", tool.name, tool.purpose);
    let installed = run(workspace).and_then(|()| {
        (tool.find)(workspace)
            .map(drop)
            .with_context(|| format!("{} is still not found after installing it", tool.name))
    });
    match (installed, tool.requirement) {
        (Err(error), Requirement::Optional(without)) => {
            println!("  {} is not available, so {without} ({error:#})", tool.name);
            Ok(())
        }
        (installed, _) => installed.with_context(|| format!("cannot install {}", tool.name)),
    }
}

fn first_line(workspace: &Workspace, program: &str, arguments: &[&str]) -> Option<String> {
    let text = command::read(workspace.command(program).args(arguments)).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}
