//! Benchmarks that live with what they measure and print their figures as a JSON array.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::figure::Figure;
use crate::build;
use crate::command;
use crate::packages;
use crate::tools::{self, C_COMPILER, NODE, ONNX_RUNTIME};
use crate::workspace::{Profile, Workspace};

/// Foundry's anvil, as `npm ci` in `e2e` brings it.
const ANVIL: &str = "e2e/node_modules/.bin/anvil";

/// The job queue of others beside which the hub is measured.
const QUEUE: &str = "e2e/queue";

/// The hub through the whole server and its databases, beside a job queue of the field.
pub(super) fn dispatch(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER, NODE])?;
    packages::install(workspace, QUEUE)?;
    build::release_example(workspace, "bench_dispatch")?;
    let binaries = workspace.binaries(Profile::Release);
    let program = binaries.join("examples/bench_dispatch");
    let mut bench = workspace.command(&program.to_string_lossy());
    bench.arg("--server").arg(binaries.join("aitbc"));
    figures(bench.arg("--queue").arg(workspace.root.join(QUEUE).join("run.mjs")))
}

/// What an attacker on loopback costs others, through the whole server.
pub(super) fn abuse(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER])?;
    build::release_example(workspace, "bench_abuse")?;
    let binaries = workspace.binaries(Profile::Release);
    let program = binaries.join("examples/bench_abuse");
    figures(workspace.command(&program.to_string_lossy()).arg("--server").arg(binaries.join("aitbc")))
}

/// Matching and fairness of the board alone, without a database or a connection.
pub(super) fn hub(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER])?;
    build::release_example(workspace, "bench_match")?;
    let program = workspace.binaries(Profile::Release).join("examples/bench_match");
    figures(workspace.command(&program.to_string_lossy()).arg("--json"))
}

/// Prompt to PNG and tokens per second with the models of the repository, for each engine that is there.
pub(super) fn default_model(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER, ONNX_RUNTIME])?;
    // The selection of `up`: another one has other features, and would compile tract a second time.
    build::binaries(workspace, Profile::Release)?;
    let program = workspace.binaries(Profile::Release).join("gpu-worker");
    let mut bench = workspace.command(&program.to_string_lossy());
    bench.args(["bench", "--json", "--model"]).arg(workspace.default_models());
    if let Some(library) = tools::onnx_runtime_library(workspace) {
        bench.env("ORT_DYLIB_PATH", library);
    }
    figures(&mut bench)
}

/// How soon a transaction is final on four validators, and how many a second; one node beside anvil, where it is at hand.
pub(super) fn chain(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER])?;
    build::release_example(workspace, "bench_chain")?;
    let mut bench =
        workspace.command(&workspace.binaries(Profile::Release).join("examples/bench_chain").to_string_lossy());
    let anvil = workspace.root.join(ANVIL);
    if anvil.exists() {
        bench.arg("--anvil").arg(anvil);
    }
    figures(&mut bench)
}

/// How fast the index takes a chain of a million transactions, and how soon its pages are there then.
pub(super) fn index(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER])?;
    build::release_example(workspace, "bench_index")?;
    let program = workspace.binaries(Profile::Release).join("examples/bench_index");
    figures(&mut workspace.command(&program.to_string_lossy()))
}

/// How soon the inference process is back after each fault, with each engine that is there.
pub(super) fn child(workspace: &Workspace) -> Result<Vec<Figure>> {
    tools::ensure(workspace, &[C_COMPILER, ONNX_RUNTIME])?;
    build::release_example(workspace, "bench_child")?;
    let binaries = workspace.binaries(Profile::Release);
    let bench = |more: &[&OsStr]| {
        let mut bench = workspace.command(&binaries.join("examples/bench_child").to_string_lossy());
        bench.arg("--program").arg(binaries.join("gpu-worker")).arg("--model").arg(workspace.picture_model());
        figures(bench.args(more))
    };
    let mut all = Vec::new();
    if let Some(library) = tools::onnx_runtime_library(workspace) {
        let engine = ["--engine", "onnxruntime", "--onnxruntime-library"].map(OsStr::new);
        all.extend(bench(&[&engine[..], &[library.as_os_str()]].concat())?);
    }
    all.extend(bench(&["--engine", "tract"].map(OsStr::new))?);
    Ok(all)
}

pub(super) fn figures(command: &mut Command) -> Result<Vec<Figure>> {
    let output = command::read(command)?;
    let array = array_of_figures(&output);
    let array = array.with_context(|| format!("`{}` printed not all figures: {output}", command::describe(command)))?;
    array.iter().map(Figure::from_json).collect()
}

/// From the last line that is JSON; programs may print other things before it. It is an array of figures, or an object
/// with the array in `figures` and nothing in `unmeasured`.
fn array_of_figures(output: &str) -> Option<Vec<Value>> {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    let whole = json(output).or_else(|| output.lines().rev().find_map(json))?;
    match whole {
        Value::Array(figures) => Some(figures),
        Value::Object(mut fields) => {
            // Figures of some models would pass for those of all.
            let failed = fields.get("unmeasured").and_then(Value::as_array).is_some_and(|models| !models.is_empty());
            match fields.remove("figures")? {
                Value::Array(figures) if !failed => Some(figures),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::array_of_figures;

    #[test]
    fn finds_the_figures_behind_other_lines_and_inside_an_object() {
        let found = |output| array_of_figures(output).map(|figures| figures.len());
        assert_eq!(found("warming up\n[{}, {}]\n"), Some(2));
        assert_eq!(found("[\n{}\n]"), Some(1));
        assert_eq!(found("{\"devices\": [1], \"figures\": [{}, {}, {}]}"), Some(3));
        assert_eq!(found("{\"figures\": [{}], \"unmeasured\": []}"), Some(1));
        assert_eq!(found("{\"figures\": [{}], \"unmeasured\": [{}]}"), None);
        assert_eq!(found("{\"devices\": []}"), None);
        assert_eq!(found("nothing"), None);
    }
}
