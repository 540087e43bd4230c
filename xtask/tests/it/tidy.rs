//! Tidiness that no lint of the compiler knows.

use std::fs;

use crate::sources::{Source, below, production_part, root};

const FILE_LINES_LIMIT: usize = 600;
/// What is read as code by people.
const CODE: &[&str] = &[".rs", ".sol", ".mjs", ".js", ".css", ".py", ".sh"];
/// Crates whose results depend on their arguments alone.
const PURE: &[&str] = &[
    "shared",
    "shared/wallet",
    "server/crates/hub",
    "server/crates/chain",
    "server/crates/consensus",
    "server/crates/contract-verifier",
    "server/crates/custody",
    "server/crates/exchange",
    "server/crates/mempool",
    "server/crates/simulator",
    "server/crates/trading",
];
/// What would let a clock, a network, a database or chance into a pure crate.
const IMPURE: &[&str] = &[
    "tokio::",
    "axum::",
    "sea_orm::",
    "reqwest::",
    "SystemTime::now",
    "Instant::now",
    "thread_rng",
    "rand::rng()",
    "OsRng",
];

#[test]
fn no_file_is_longer_than_one_room() {
    let long = offenders(below("", CODE), |source| {
        let lines = source.text.lines().count();
        (lines > FILE_LINES_LIMIT).then(|| format!("{lines} lines"))
    });
    assert!(long.is_empty(), "files above {FILE_LINES_LIMIT} lines; give each thing its own file:\n{long}");
}

#[test]
fn nothing_is_left_for_later() {
    // Written in two parts, so that this file does not find itself.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("todo", "!("),
        concat!("unimpl", "emented!("),
    ];
    let phrases = [
        concat!("not yet ", "implemented"),
        concat!("placeholder ", "implementation"),
        concat!("in a real ", "implementation"),
    ];
    let left = offenders(below("", CODE), |source| {
        let found = words.iter().chain(&phrases).find(|word| source.text.contains(**word));
        found.map(|word| format!("says {word:?}"))
    });
    assert!(left.is_empty(), "unfinished work; make it real, or leave it out:\n{left}");
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let manifests = below("", &["Cargo.toml"]);
    assert!(manifests.len() > 5, "only {} manifests were found", manifests.len());
    let without = offenders(manifests, |manifest| {
        let is_package = manifest.text.contains("[package]");
        (is_package && !manifest.text.contains("[lints]\nworkspace = true"))
            .then(|| "has no [lints] workspace = true".to_owned())
    });
    assert!(without.is_empty(), "{without}");
}

#[test]
fn pure_crates_name_no_clock_no_network_and_no_chance() {
    let sources = PURE.iter().flat_map(|folder| below(&format!("{folder}/src"), &[".rs"])).collect();
    let impure = offenders(sources, |source| {
        let code = production_part(&source.text);
        IMPURE.iter().find(|word| code.contains(**word)).map(|word| format!("names {word}"))
    });
    assert!(impure.is_empty(), "time, randomness and state are arguments of a pure crate:\n{impure}");
}

#[test]
fn decision_records_are_numbered_without_gaps() {
    let folder = root().join("docs/adr");
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}-", index + 1)), "{name} is record number {}", index + 1);
    }
}

#[test]
fn documents_link_to_files_that_exist() {
    let broken = offenders(below("", &[".md"]), |document| {
        let folder = root().join(&document.path);
        let folder = folder.parent().unwrap();
        let missing = local_links(&document.text).find(|link| !folder.join(link).exists());
        missing.map(|link| format!("links to {link}, which does not exist"))
    });
    assert!(broken.is_empty(), "{broken}");
}

fn local_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.starts_with(['#', '/']));
    local.filter_map(|target| target.split('#').next())
}

fn offenders(sources: Vec<Source>, offence: impl Fn(&Source) -> Option<String>) -> String {
    let found = sources.iter().filter_map(|source| Some(format!("{}: {}", source.path, offence(source)?)));
    found.collect::<Vec<_>>().join("\n")
}
