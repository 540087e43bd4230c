//! Which crate of the workspace may depend on which. An arrow that is not here needs a decision, not only a line.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::sources::root;

/// A crate, and the workspace crates that its product code may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("shared", &[]),
    ("wallet", &["shared", "finality"]),
    ("finality", &[]),
    ("test-support", &[]),
    ("contracts", &[]),
    ("chain", &["shared", "finality"]),
    ("mempool", &["chain"]),
    ("consensus", &["chain"]),
    ("node", &["shared", "contracts", "chain", "consensus", "mempool"]),
    ("hub", &["shared"]),
    ("simulator", &["shared", "hub"]),
    ("custody", &["shared", "wallet"]),
    ("contract-verifier", &["shared"]),
    ("exchange", &[]),
    ("trading", &["shared", "contracts", "exchange"]),
    ("store", &["shared"]),
    ("indexer", &["shared", "contracts", "node", "store"]),
    ("frontend", &["shared", "wallet"]),
    (
        "server",
        &[
            "shared",
            "contracts",
            "contract-verifier",
            "exchange",
            "trading",
            "node",
            "hub",
            "store",
            "indexer",
            "frontend",
            "wallet",
            "custody",
        ],
    ),
    ("inference", &["shared"]),
    ("gpu-probe", &["shared"]),
    ("gpu-worker", &["shared", "inference", "gpu-probe"]),
    ("xtask", &[]),
];

/// Arrows that exist for tests only. Nothing depends on `server` and `gpu-worker`, not even here.
const ALLOWED_IN_TESTS: &[(&str, &[&str])] = &[
    ("contracts", &["test-support"]),
    ("shared", &["test-support"]),
    ("wallet", &["test-support"]),
    ("finality", &["test-support"]),
    ("chain", &["contracts", "test-support"]),
    ("consensus", &["shared", "contracts", "test-support"]),
    ("contract-verifier", &["test-support"]),
    ("exchange", &["test-support"]),
    ("node", &["test-support"]),
    ("store", &["test-support"]),
    ("inference", &["test-support"]),
    ("gpu-worker", &["test-support"]),
    ("server", &["test-support"]),
];

#[test]
fn every_arrow_of_the_workspace_is_on_the_list() {
    let found = arrows();
    assert!(!found.is_empty(), "cargo metadata gave no packages");
    let mut refused = Vec::new();
    for (package, dependencies) in &found {
        let Some(allowed) = list(ALLOWED, package) else {
            refused.push(format!("{package} is a crate without a place in the list"));
            continue;
        };
        for Arrow { to, only_tests } in dependencies {
            let in_tests =
                *only_tests && list(ALLOWED_IN_TESTS, package).is_some_and(|more| more.contains(&to.as_str()));
            if !allowed.contains(&to.as_str()) && !in_tests {
                refused.push(format!("{package} depends on {to}{}", if *only_tests { " in its tests" } else { "" }));
            }
        }
    }
    assert!(refused.is_empty(), "against the direction of ARCHITECTURE.md:\n{}", refused.join("\n"));
}

struct Arrow {
    to: String,
    only_tests: bool,
}

fn list<'a>(table: &'a [(&str, &'a [&'a str])], package: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(name, _)| *name == package).map(|(_, allowed)| *allowed)
}

fn arrows() -> BTreeMap<String, Vec<Arrow>> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(package, "name"), workspace_dependencies(package))).collect()
}

fn workspace_dependencies(package: &Value) -> Vec<Arrow> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    // Only crates of this repository are given by path.
    let ours = dependencies.filter(|dependency| dependency["path"].is_string());
    ours.map(|dependency| Arrow { to: text(dependency, "name"), only_tests: dependency["kind"] == "dev" }).collect()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}
